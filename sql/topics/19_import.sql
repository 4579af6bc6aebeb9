-- History: events that a table, a view or a query has already.

CREATE FUNCTION bizmetrics.import_id(source text, event_name text, key text) RETURNS uuid
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_import_id';
COMMENT ON FUNCTION bizmetrics.import_id(text, text, text) IS
'The id of the event that import_events() makes of the row with this key, where the row has no uuid of its own to keep: a UUID of version 5, the same each time.';

CREATE FUNCTION bizmetrics.dedupe_key_seen(dedupe_key text) RETURNS boolean
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_dedupe_key_seen';
COMMENT ON FUNCTION bizmetrics.dedupe_key_seen(text) IS
'Was an event with this key stored? log_event() needs nobody to ask; for import_events().';

CREATE PROCEDURE bizmetrics.import_events(
  source text,
  mapping jsonb DEFAULT '{}',
  name text DEFAULT NULL,
  on_error text DEFAULT 'reject',
  batch_size integer DEFAULT 50000,
  INOUT stored bigint DEFAULT NULL,
  INOUT already_there bigint DEFAULT NULL,
  INOUT rejected bigint DEFAULT NULL
)
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_import_events';
COMMENT ON PROCEDURE bizmetrics.import_events(text, jsonb, text, text, integer, bigint, bigint, bigint) IS
'Stores the rows of a table, a view or a query (SELECT, WITH, VALUES or TABLE) as events, each once however often it is called, and makes the partitions they need. Reads and stores as the caller. Outside a transaction block it commits after each batch of about batch_size rows, so that what a cancelled call stored stays and the next one goes on; inside one it is part of the transaction. Columns with the names of the first ten of business_events are taken as they are; mapping says otherwise: event_name and entity_type are templates (order_{status}); id, actor_user_id, company_id, entity_id, request_id and dedupe_key columns or templates; occurred_at a column; properties a column with JSON, a list of columns, or an object of them; "" is none. id tells rows apart: by default the column id, the primary key, or dedupe_key; {*} for all columns. Where event_name is a column too, an id of type uuid is kept; else import_id() makes one. name is what ids and rejects know the source by, by default the table''s name; a query needs one. A row that cannot be an event goes to event_rejects, in place of those of the same call before by the same role or one whose rights it inherits, under the source''s name, and where event_name is no column that template; or with on_error => error ends the call. Types and their schemas are not asked. Returns how many rows were stored, were there already, and were rejected; a notice for each batch says so too. Errors: 42501 no right to log, or to read the source; 42P01 no such table; 42703 no such column; 42804 a column of the wrong type; 42809 no table or view; 22001 event_name is too long; 22004 NULL; 22023 a bad mapping, nothing that tells rows apart, a query without a name, or another argument; 25006 read-only transaction; with on_error => error those of log_event().';
