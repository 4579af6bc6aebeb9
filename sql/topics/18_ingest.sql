-- Events from other services' messages: their mappings, and what could not be mapped.

CREATE TABLE bizmetrics.event_mappings (
  source text COLLATE "C" NOT NULL,
  source_event text COLLATE "C" NOT NULL,
  event_name text,
  mapping jsonb NOT NULL,
  PRIMARY KEY (source, source_event)
);
COMMENT ON TABLE bizmetrics.event_mappings IS
'What the messages of other services become, written by map_event() and unmap_event() and dumped by pg_dump.';
COMMENT ON COLUMN bizmetrics.event_mappings.source IS 'The service, as ingest() is told.';
COMMENT ON COLUMN bizmetrics.event_mappings.source_event IS 'What it calls what happened; * for all that have no row of their own.';
COMMENT ON COLUMN bizmetrics.event_mappings.event_name IS 'The event''s name, a template; NULL: such messages are not wanted.';
COMMENT ON COLUMN bizmetrics.event_mappings.mapping IS 'Where in the message the event''s other columns are.';

CREATE SEQUENCE bizmetrics.reject_id_seq;
COMMENT ON SEQUENCE bizmetrics.reject_id_seq IS 'Ids of rejects.';

-- Dumped: a reject is an event that is still to be stored.
CREATE TABLE bizmetrics.event_rejects (
  reject_id bigint PRIMARY KEY,
  via text NOT NULL,
  source text,
  item bigint,
  payload jsonb NOT NULL,
  sqlstate text NOT NULL,
  message text NOT NULL,
  detail text,
  hint text,
  rejected_at timestamptz NOT NULL,
  context jsonb,
  imported_by text
);
COMMENT ON TABLE bizmetrics.event_rejects IS
'What could not be stored as an event, and why: messages of ingest(), events of log_events() with on_error => reject, and rows of import_events(). replay_rejects() tries them again, but for the rows, which the next call of import_events() does; the extension''s owner may delete them.';
COMMENT ON COLUMN bizmetrics.event_rejects.reject_id IS 'Its number, in the order in which they came.';
COMMENT ON COLUMN bizmetrics.event_rejects.via IS 'The function through which it came.';
COMMENT ON COLUMN bizmetrics.event_rejects.source IS 'The service that the message is of, or the name of what import_events() read; NULL: payload is an event as log_events() takes it.';
COMMENT ON COLUMN bizmetrics.event_rejects.item IS 'Its place in the list or the source that it came in, from 0; NULL: it came alone.';
COMMENT ON COLUMN bizmetrics.event_rejects.payload IS 'The message, event or row, as it came.';
COMMENT ON COLUMN bizmetrics.event_rejects.sqlstate IS 'The error that it met when it was last tried.';
COMMENT ON COLUMN bizmetrics.event_rejects.message IS 'What was wrong then.';
COMMENT ON COLUMN bizmetrics.event_rejects.detail IS 'More of it, where there is more.';
COMMENT ON COLUMN bizmetrics.event_rejects.hint IS 'What to do about it.';
COMMENT ON COLUMN bizmetrics.event_rejects.rejected_at IS 'When it came.';
COMMENT ON COLUMN bizmetrics.event_rejects.context IS 'Whom its session said to act, for which company and in which request: what is filled in where the event states none.';
COMMENT ON COLUMN bizmetrics.event_rejects.imported_by IS 'The role that called import_events(), whose next call of it, or that of one who has its rights, replaces the reject; NULL: it came otherwise.';

CREATE FUNCTION bizmetrics.map_event(
  source text,
  source_event text,
  event_name text,
  mapping jsonb DEFAULT '{}'
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_map_event';
COMMENT ON FUNCTION bizmetrics.map_event(text, text, text, jsonb) IS
'Says what a service''s messages become, in place of what was said before. source_event is the message''s "event", or the "type" of a CloudEvent; * stands for all that have no mapping of their own. event_name is a template, in which {path} is the message''s value there; NULL: such messages are not wanted, ingest() passes over them. The keys of mapping: actor_user_id, company_id, entity_id and request_id, each a path such as data.customer.id or a template; entity_type, a template; occurred_at, a path to a time in ISO 8601 or in seconds or milliseconds since 1970, by default "occurred_at" or "time" or else now; id, the path of the message''s id, by default "id"; properties, a path, a list of paths, or an object of paths, by default "data". Errors: 42501 not the extension''s owner; 22001 event_name is too long; 22004 NULL; 22023 a bad mapping, or a source with a colon.';

CREATE FUNCTION bizmetrics.unmap_event(source text, source_event text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_unmap_event';
COMMENT ON FUNCTION bizmetrics.unmap_event(text, text) IS
'Forgets what map_event() said. Errors: 42501 not the extension''s owner; 42704 no such mapping; 22004 NULL.';

CREATE FUNCTION bizmetrics.ingest(source text, payload jsonb) RETURNS uuid
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_ingest';
COMMENT ON FUNCTION bizmetrics.ingest(text, jsonb) IS
'Stores the event that a service''s message is, by its mapping, and returns its id: once per source and message id (the dedupe_key is source:id), so that a message may come again. payload is {"event": …, "id": …, "data": {…}} or a CloudEvent 1.0. A message that cannot become an event goes to event_rejects with the reason, and NULL is returned; so it is for one that is not wanted. Errors, none of which is about the message: 42501 no right to log; 22004 NULL; 25006 read-only transaction; 55006 a partition is missing inside a command that uses business_events; and what any command may meet, as 40P01.';

CREATE FUNCTION bizmetrics.try_reject(
  source text,
  payload jsonb,
  rejected_at timestamptz,
  context jsonb,
  OUT event_id uuid,
  OUT sqlstate text,
  OUT message text,
  OUT detail text,
  OUT hint text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_try_reject';
COMMENT ON FUNCTION bizmetrics.try_reject(text, jsonb, timestamptz, jsonb) IS
'Stores what ingest() or, where source is NULL, log_events() rejected, or returns the reason why that fails again; what says no time happened at rejected_at, and what it leaves out is filled in from context, not from the session. Behind replay_rejects(). Errors: as ingest().';

CREATE FUNCTION bizmetrics.replay_rejects(source text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  reject record;
  attempt record;
  passed integer := 0;
BEGIN
  -- Those that somebody else is just trying are left to him.
  FOR reject IN
    SELECT r.reject_id, r.source, r.payload, r.rejected_at, r.context
    FROM bizmetrics.event_rejects r
    WHERE (replay_rejects.source IS NULL OR r.source = replay_rejects.source)
      AND r.via <> 'import_events'
    ORDER BY r.reject_id
    FOR UPDATE SKIP LOCKED
  LOOP
    SELECT t.* INTO attempt FROM bizmetrics.try_reject(reject.source, reject.payload, reject.rejected_at, reject.context) t;
    IF attempt.sqlstate IS NULL THEN
      DELETE FROM bizmetrics.event_rejects r WHERE r.reject_id = reject.reject_id;
      passed := passed + 1;
    ELSE
      UPDATE bizmetrics.event_rejects r
      SET sqlstate = attempt.sqlstate, message = attempt.message, detail = attempt.detail, hint = attempt.hint
      WHERE r.reject_id = reject.reject_id
        AND (r.sqlstate, r.message, r.detail, r.hint)
          IS DISTINCT FROM (attempt.sqlstate, attempt.message, attempt.detail, attempt.hint);
    END IF;
  END LOOP;
  RETURN passed;
END
$$;
COMMENT ON FUNCTION bizmetrics.replay_rejects(text) IS
'Tries what is in event_rejects again, the messages of one source or everything: after map_event() or create_event_type() has said what it is. What passes is deleted, and where it says no time has occurred when it was rejected, by the actor, company and request that its session had then; returns how many. Rows that import_events() rejected are left alone: it tries them itself when it is called again. Errors: 42501 not the extension''s owner; and those of ingest().';
