-- Events from tables: triggers that say in their argument what a row becomes.

CREATE FUNCTION bizmetrics.emit_event() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_emit_event';
COMMENT ON FUNCTION bizmetrics.emit_event() IS
'Trigger AFTER INSERT, UPDATE or DELETE FOR EACH ROW: logs an event as the table''s owner. track_table() makes such triggers; one may be written by hand, for a WHEN of one''s own. Its argument is a JSON object: insert, update and delete are the events'' names, the other keys the arguments of track_table() of these names. Errors, which stop the write: 42703 a column is gone or renamed; 42804 occurred_at is no time; 22023 or 22P02 a bad argument; 39P01 another kind of trigger; and those of log_event(), 42501 being that the table''s owner may not log.';

CREATE FUNCTION bizmetrics.track_table(
  source regclass,
  on_insert text DEFAULT NULL,
  on_update text DEFAULT NULL,
  on_delete text DEFAULT NULL,
  columns text[] DEFAULT NULL,
  entity_type text DEFAULT NULL,
  entity_id text DEFAULT NULL,
  actor_user_id text DEFAULT NULL,
  company_id text DEFAULT NULL,
  occurred_at text DEFAULT NULL,
  properties text[] DEFAULT NULL,
  dedupe_key text DEFAULT NULL
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'bizmetrics_track_table';
COMMENT ON FUNCTION bizmetrics.track_table(regclass, text, text, text, text[], text, text, text, text, text, text[], text) IS
'Logs an event for each row that is inserted, updated or deleted from now on, in the same transaction: makes an ordinary trigger on the table, which logs as its owner, whoever writes it. on_insert, on_update, on_delete: the event''s name, a template such as order_{status}, in which {column} is the new row''s value, or the deleted one''s; a name with a NULL value is no event. An update is an event where one of columns changed: by default those in the template on_update, and where it has none, any; {*} for any. entity_type is a template, the table''s name by default; entity_id, actor_user_id, company_id and dedupe_key name a column or are templates; entity_id is the primary key''s column by default; '''' for none. occurred_at names a column, else it is now. properties are columns, with their JSON types; an update has in "old" what those that changed were before. A table may be tracked several times, for different events. Errors: 42501 not the table''s owner, or he may not log; 42703 no such column; 42710 this event is tracked already; 42804 occurred_at is no time; 42809 no table, or one of bizmetrics; 22023 a bad template, no event, or no single primary key column; 22001 an event''s name is too long; 22004 source is NULL.';

CREATE FUNCTION bizmetrics.untrack_table(source regclass) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'bizmetrics_untrack_table';
COMMENT ON FUNCTION bizmetrics.untrack_table(regclass) IS
'Drops the triggers that log a table''s events; the events stay. Errors: 42501 not the table''s owner; 42704 it is not tracked; 22004 source is NULL.';
