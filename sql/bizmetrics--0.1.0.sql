-- The install script is built from sql/topics in order: edit there.
\echo Use "CREATE EXTENSION bizmetrics" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;
SET LOCAL check_function_bodies TO off;

-- Users of the Laravel package have a table of this name. Say what to do before anything is made.
DO $$
BEGIN
  IF to_regclass('public.business_events') IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table',
      MESSAGE = 'table "public.business_events" exists already',
      DETAIL = 'The extension makes its own table of that name.',
      HINT = 'Run ALTER TABLE public.business_events RENAME TO business_events_before; '
             'and CREATE EXTENSION again.';
  END IF;
END
$$;

CREATE SCHEMA bizmetrics;
COMMENT ON SCHEMA bizmetrics IS
'bizmetrics: functions to log events and to register reports, their state, and the partitions of public.business_events.';

-- analytics is no member of the extension: pg_dump dumps it before CREATE EXTENSION, and DROP
-- EXTENSION leaves it and the report tables in it alone.
DO $$
BEGIN
  IF to_regnamespace('analytics') IS NULL THEN
    CREATE SCHEMA analytics;
    COMMENT ON SCHEMA analytics IS 'Results of bizmetrics reports: ordinary tables, made to be read.';
    ALTER EXTENSION bizmetrics DROP SCHEMA analytics;
    ALTER SCHEMA analytics OWNER TO @extowner@;
  END IF;
END
$$;
-- Events: the table, what fills its generated columns, what guards it, and log_event().

-- An id of any type -------------------------------------------------------------------------

CREATE TYPE bizmetrics.identifier;

CREATE FUNCTION bizmetrics.identifier_in(cstring) RETURNS bizmetrics.identifier
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textin';
CREATE FUNCTION bizmetrics.identifier_out(bizmetrics.identifier) RETURNS cstring
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textout';
CREATE FUNCTION bizmetrics.identifier_recv(internal) RETURNS bizmetrics.identifier
LANGUAGE internal STABLE STRICT PARALLEL SAFE AS 'textrecv';
CREATE FUNCTION bizmetrics.identifier_send(bizmetrics.identifier) RETURNS bytea
LANGUAGE internal STABLE STRICT PARALLEL SAFE AS 'textsend';

CREATE TYPE bizmetrics.identifier (
  INPUT = bizmetrics.identifier_in,
  OUTPUT = bizmetrics.identifier_out,
  RECEIVE = bizmetrics.identifier_recv,
  SEND = bizmetrics.identifier_send,
  LIKE = pg_catalog.text,
  COLLATABLE = true
);
COMMENT ON TYPE bizmetrics.identifier IS
'An id of any type as text: integers, numeric, uuid and strings cast to it implicitly. Parameters of log_event() have this type.';
COMMENT ON FUNCTION bizmetrics.identifier_in(cstring) IS 'Input of type identifier.';
COMMENT ON FUNCTION bizmetrics.identifier_out(bizmetrics.identifier) IS 'Output of type identifier.';
COMMENT ON FUNCTION bizmetrics.identifier_recv(internal) IS 'Binary input of type identifier.';
COMMENT ON FUNCTION bizmetrics.identifier_send(bizmetrics.identifier) IS 'Binary output of type identifier.';

CREATE FUNCTION bizmetrics.identifier(bigint) RETURNS bizmetrics.identifier
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_identifier_from_int8';
CREATE FUNCTION bizmetrics.identifier(integer) RETURNS bizmetrics.identifier
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_identifier_from_int4';
CREATE FUNCTION bizmetrics.identifier(smallint) RETURNS bizmetrics.identifier
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_identifier_from_int2';
CREATE FUNCTION bizmetrics.identifier(numeric) RETURNS bizmetrics.identifier
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_identifier_from_numeric';
CREATE FUNCTION bizmetrics.identifier(character) RETURNS bizmetrics.identifier
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'rtrim1';
CREATE FUNCTION bizmetrics.identifier(name) RETURNS bizmetrics.identifier
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'name_text';
CREATE FUNCTION bizmetrics.identifier(uuid) RETURNS bizmetrics.identifier
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_identifier_from_uuid';
COMMENT ON FUNCTION bizmetrics.identifier(bigint) IS 'Casts an integer id to identifier.';
COMMENT ON FUNCTION bizmetrics.identifier(integer) IS 'Casts an integer id to identifier.';
COMMENT ON FUNCTION bizmetrics.identifier(smallint) IS 'Casts an integer id to identifier.';
COMMENT ON FUNCTION bizmetrics.identifier(numeric) IS 'Casts a numeric id to identifier.';
COMMENT ON FUNCTION bizmetrics.identifier(character) IS 'Casts an id of fixed length to identifier, without the blanks that fill it.';
COMMENT ON FUNCTION bizmetrics.identifier(name) IS 'Casts a name to identifier.';
COMMENT ON FUNCTION bizmetrics.identifier(uuid) IS 'Casts a uuid to identifier.';

CREATE CAST (text AS bizmetrics.identifier) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (varchar AS bizmetrics.identifier) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (bizmetrics.identifier AS text) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (bigint AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(bigint) AS IMPLICIT;
CREATE CAST (integer AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(integer) AS IMPLICIT;
CREATE CAST (smallint AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(smallint) AS IMPLICIT;
CREATE CAST (numeric AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(numeric) AS IMPLICIT;
CREATE CAST (character AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(character) AS IMPLICIT;
CREATE CAST (name AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(name) AS IMPLICIT;
CREATE CAST (uuid AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(uuid) AS IMPLICIT;

-- Names and ids are compared byte by byte, which costs a fraction of what a language's rules do in each
-- of the indexes.
-- The table ------------------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.uuid_v7() RETURNS uuid
LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_uuid_v7';
COMMENT ON FUNCTION bizmetrics.uuid_v7() IS
'A new UUID of version 7 (RFC 9562): increasing with time, so that indexes on it stay compact.';

CREATE FUNCTION bizmetrics.current_xact() RETURNS bigint
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_current_xact';
COMMENT ON FUNCTION bizmetrics.current_xact() IS
'The current top-level transaction, 64 bits wide, as pg_current_xact_id() has it but as bigint. Assigns one where there is none.';

CREATE TABLE public.business_events (
  id uuid NOT NULL DEFAULT bizmetrics.uuid_v7(),
  event_name text COLLATE "C" NOT NULL
    CONSTRAINT business_events_event_name_check CHECK (pg_catalog.char_length(event_name) BETWEEN 1 AND 100),
  occurred_at timestamptz NOT NULL DEFAULT pg_catalog.now()
    CONSTRAINT business_events_occurred_at_check CHECK (pg_catalog.isfinite(occurred_at)),
  actor_user_id text COLLATE "C",
  company_id text COLLATE "C",
  entity_type text COLLATE "C",
  entity_id text COLLATE "C",
  properties jsonb NOT NULL DEFAULT '{}'
    CONSTRAINT business_events_properties_check CHECK (pg_catalog.jsonb_typeof(properties) = 'object'),
  request_id text COLLATE "C",
  dedupe_key text COLLATE "C"
    CONSTRAINT business_events_dedupe_key_check CHECK (pg_catalog.char_length(dedupe_key) <= 500),
  recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  xact_id bigint NOT NULL DEFAULT bizmetrics.current_xact()
) PARTITION BY RANGE (occurred_at);

COMMENT ON TABLE public.business_events IS
'Append-only log of business events, partitioned by occurred_at; partitions are in schema bizmetrics and carry the indexes. Written by bizmetrics.log_event(), INSERT or COPY.';
COMMENT ON COLUMN public.business_events.id IS 'Unique, time-ordered id of the event.';
COMMENT ON COLUMN public.business_events.event_name IS 'What happened, 1 to 100 characters, for example order_paid.';
COMMENT ON COLUMN public.business_events.occurred_at IS 'When it happened, as the application says; now by default.';
COMMENT ON COLUMN public.business_events.actor_user_id IS 'Who did it: any id as text.';
COMMENT ON COLUMN public.business_events.company_id IS 'The tenant it happened in: any id as text.';
COMMENT ON COLUMN public.business_events.entity_type IS 'The kind of thing it happened to, for example order.';
COMMENT ON COLUMN public.business_events.entity_id IS 'The thing it happened to: any id as text.';
COMMENT ON COLUMN public.business_events.properties IS 'Everything else, a JSON object.';
COMMENT ON COLUMN public.business_events.request_id IS 'The request that caused it.';
COMMENT ON COLUMN public.business_events.dedupe_key IS 'At most one event of this database has a given key, whatever its month; at most 500 characters.';
COMMENT ON COLUMN public.business_events.recorded_at IS 'When the transaction that stored it began.';
COMMENT ON COLUMN public.business_events.xact_id IS 'The top-level transaction that stored it, 64 bits wide: how reports find new events.';

-- Keys that were seen. Not dumped: the trigger below fills it as a restore loads the events.
CREATE TABLE bizmetrics.dedupe_keys (
  dedupe_key text COLLATE "C" PRIMARY KEY,
  event_id uuid NOT NULL,
  recorded_at timestamptz NOT NULL
);
COMMENT ON TABLE bizmetrics.dedupe_keys IS 'Every dedupe_key that was seen, with the first event that had it.';

-- What guards the table -----------------------------------------------------------------------

CREATE FUNCTION bizmetrics.reject_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_reject_change';
COMMENT ON FUNCTION bizmetrics.reject_change() IS
'Trigger: business_events is append-only. Raises 55000.';

CREATE FUNCTION bizmetrics.claim_dedupe_key() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_claim_dedupe_key';
COMMENT ON FUNCTION bizmetrics.claim_dedupe_key() IS
'Trigger: records the dedupe_key of a row that INSERT or COPY stores. Raises 23505 where it was seen before.';

CREATE FUNCTION bizmetrics.stamp_event() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_stamp_event';
COMMENT ON FUNCTION bizmetrics.stamp_event() IS
'Trigger: sets xact_id of events that logical replication applies, for another server''s transaction ids mean nothing here.';

-- Row triggers are cloned to every partition, statement triggers are not: each partition gets
-- its own when it is made. ALWAYS: also where session_replication_role is replica.
CREATE TRIGGER business_events_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON public.business_events
  FOR EACH STATEMENT EXECUTE FUNCTION bizmetrics.reject_change();
CREATE TRIGGER business_events_append_only_row
  BEFORE UPDATE OR DELETE ON public.business_events
  FOR EACH ROW EXECUTE FUNCTION bizmetrics.reject_change();
-- AFTER: a row that ON CONFLICT DO NOTHING or somebody's trigger leaves out takes no key.
CREATE TRIGGER business_events_dedupe
  AFTER INSERT ON public.business_events
  FOR EACH ROW WHEN (NEW.dedupe_key IS NOT NULL)
  EXECUTE FUNCTION bizmetrics.claim_dedupe_key();
CREATE TRIGGER business_events_stamp
  BEFORE INSERT ON public.business_events
  FOR EACH ROW EXECUTE FUNCTION bizmetrics.stamp_event();
ALTER TABLE public.business_events
  ENABLE ALWAYS TRIGGER business_events_append_only,
  ENABLE ALWAYS TRIGGER business_events_append_only_row,
  ENABLE ALWAYS TRIGGER business_events_dedupe,
  ENABLE REPLICA TRIGGER business_events_stamp;

-- Logging ------------------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.log_event(
  event_name text,
  properties jsonb DEFAULT '{}',
  actor_user_id bizmetrics.identifier DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL,
  entity_type text DEFAULT NULL,
  entity_id bizmetrics.identifier DEFAULT NULL,
  occurred_at timestamptz DEFAULT NULL,
  dedupe_key text DEFAULT NULL,
  request_id text DEFAULT NULL
) RETURNS uuid
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_log_event';
COMMENT ON FUNCTION bizmetrics.log_event(text, jsonb, bizmetrics.identifier, bizmetrics.identifier, text, bizmetrics.identifier, timestamptz, text, text) IS
'Stores a business event in the current transaction and returns its id. Ids may be of any type; occurred_at is now by default; an event whose dedupe_key was seen before is not stored again, and the first one''s id is returned. Errors: 22004 event_name is NULL; 22023 it is empty, or properties is no object; 22001 a name of over 100 or a key of over 500 characters; 22008 occurred_at is infinite or out of range; 25006 read-only transaction; 42501 no right to log; 53400 bizmetrics.max_partitions is reached; 55006 a partition is missing inside a command that uses business_events.';

CREATE FUNCTION bizmetrics.ensure_partitions(from_time timestamptz, to_time timestamptz) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_ensure_partitions';
COMMENT ON FUNCTION bizmetrics.ensure_partitions(timestamptz, timestamptz) IS
'Makes the partitions of business_events that are missing for [from_time, to_time) and returns how many it made: for INSERT and COPY, which make none. Errors: 22023 no range of time; 42501 no right to log; 53400 bizmetrics.max_partitions is reached.';
-- Finding events, and seeing where they are kept.

-- One SELECT without SET or STRICT, so that the planner puts it in place of the call: partitions are
-- pruned and indexes used as if the conditions were written out.
CREATE FUNCTION bizmetrics.events(
  event_name text DEFAULT NULL,
  actor_user_id bizmetrics.identifier DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL,
  entity_type text DEFAULT NULL,
  entity_id bizmetrics.identifier DEFAULT NULL,
  from_time timestamptz DEFAULT NULL,
  to_time timestamptz DEFAULT NULL
) RETURNS SETOF public.business_events
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT e.*
  FROM public.business_events AS e
  WHERE ($1 IS NULL OR e.event_name OPERATOR(pg_catalog.=) $1)
    AND ($2 IS NULL OR e.actor_user_id OPERATOR(pg_catalog.=) $2::pg_catalog.text)
    AND ($3 IS NULL OR e.company_id OPERATOR(pg_catalog.=) $3::pg_catalog.text)
    AND ($4 IS NULL OR e.entity_type OPERATOR(pg_catalog.=) $4)
    AND ($5 IS NULL OR e.entity_id OPERATOR(pg_catalog.=) $5::pg_catalog.text)
    AND ($6 IS NULL OR e.occurred_at OPERATOR(pg_catalog.>=) $6)
    AND ($7 IS NULL OR e.occurred_at OPERATOR(pg_catalog.<) $7)
$$;
COMMENT ON FUNCTION bizmetrics.events(text, bizmetrics.identifier, bizmetrics.identifier, text, bizmetrics.identifier, timestamptz, timestamptz) IS
'Events that meet every condition that is not NULL, those of [from_time, to_time): a filter that the planner sees through. Errors: 42501 no right to read events.';

CREATE VIEW bizmetrics.partitions AS
SELECT p.partition,
       p.bound[1]::pg_catalog.timestamptz AS from_time,
       p.bound[2]::pg_catalog.timestamptz AS to_time,
       p.estimated_events,
       p.bytes
FROM (
  SELECT c.oid::pg_catalog.regclass AS partition,
         pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid),
                                 'FROM \(''(.*)''\) TO \(''(.*)''\)') AS bound,
         nullif(c.reltuples, -1)::pg_catalog.int8 AS estimated_events,
         pg_catalog.pg_total_relation_size(c.oid) AS bytes
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid
  WHERE i.inhparent OPERATOR(pg_catalog.=) 'public.business_events'::pg_catalog.regclass
) AS p;
COMMENT ON VIEW bizmetrics.partitions IS
'The partitions of business_events: their half-open range of time, size with indexes in bytes, and events as of the last ANALYZE or VACUUM.';
COMMENT ON COLUMN bizmetrics.partitions.from_time IS 'The first instant it holds; NULL where it has no lower bound or is the default partition.';
COMMENT ON COLUMN bizmetrics.partitions.to_time IS 'The first instant it does not hold any more; NULL as for from_time.';
COMMENT ON COLUMN bizmetrics.partitions.estimated_events IS 'NULL before the first ANALYZE or VACUUM.';
-- Reports: the registry, their state, their runs.

-- The registry. A row says as which role its SQL runs, so the table belongs to the superuser whose
-- rights CREATE EXTENSION has, and not to the extension's owner: an owner of the table could
-- disable the guard and run SQL as anybody. The extension's owner may read it and, for a restore,
-- add rows that the guard accepts.
CREATE SEQUENCE bizmetrics.report_id_seq;
COMMENT ON SEQUENCE bizmetrics.report_id_seq IS 'Ids of reports.';

CREATE TABLE bizmetrics.reports (
  report_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('bizmetrics.report_id_seq'),
  report_name text NOT NULL UNIQUE,
  owner_name text NOT NULL,
  target text NOT NULL,
  ddl text,
  query text NOT NULL,
  schedule text NOT NULL,
  timezone text NOT NULL,
  bucket interval,
  lookback interval,
  max_attempts integer NOT NULL,
  backoff interval[] NOT NULL,
  timeout interval,
  search_path text NOT NULL,
  target_has_key boolean NOT NULL,
  created_at timestamptz NOT NULL
);
COMMENT ON TABLE bizmetrics.reports IS
'The registered reports, written by create_report() and drop_report() and dumped by pg_dump.';
COMMENT ON COLUMN bizmetrics.reports.owner_name IS 'The role the report runs as.';
COMMENT ON COLUMN bizmetrics.reports.target IS 'The report''s table in schema analytics.';
COMMENT ON COLUMN bizmetrics.reports.search_path IS 'search_path at creation, in force when the report runs.';
COMMENT ON COLUMN bizmetrics.reports.target_has_key IS 'The target had a primary key at creation: after a restore the report waits for it.';

-- Not dumped: a report without a row here, or with one of another database, was restored and
-- waits to be adopted. Changes only under the report's lock.
CREATE TABLE bizmetrics.report_state (
  report_id bigint PRIMARY KEY,
  system_identifier bigint NOT NULL,
  database_oid bigint NOT NULL,
  adopted boolean NOT NULL,
  adopt_after bigint,
  next_slot timestamptz,
  last_slot timestamptz,
  chain_trigger text,
  chain_slot timestamptz,
  attempt integer NOT NULL,
  next_attempt_at timestamptz,
  run_id bigint,
  consecutive_failures integer NOT NULL,
  last_success_at timestamptz,
  broken_reason text
);
COMMENT ON TABLE bizmetrics.report_state IS
'Where each report stands: its next and last slot, and the chain of attempts that is open. See docs/architecture.md.';

CREATE SEQUENCE bizmetrics.run_id_seq;
COMMENT ON SEQUENCE bizmetrics.run_id_seq IS 'Ids of runs.';

CREATE TABLE bizmetrics.runs (
  run_id bigint PRIMARY KEY,
  report_id bigint NOT NULL,
  slot timestamptz,
  attempt integer NOT NULL,
  trigger text NOT NULL,
  state text NOT NULL,
  pid integer NOT NULL,
  window_start timestamptz,
  window_end timestamptz,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  row_count bigint,
  sqlstate text,
  message text,
  detail text,
  UNIQUE (report_id, slot, attempt)
) WITH (fillfactor = 70);
COMMENT ON TABLE bizmetrics.runs IS
'One row an attempt, written by the worker and run_report(). The unique key is what keeps a slot from running twice.';

CREATE SEQUENCE bizmetrics.request_id_seq;
COMMENT ON SEQUENCE bizmetrics.request_id_seq IS 'Ids of requests to run.';

CREATE TABLE bizmetrics.run_requests (
  request_id bigint PRIMARY KEY,
  report_id bigint NOT NULL,
  requested_at timestamptz NOT NULL,
  requested_by text NOT NULL
);
CREATE INDEX run_requests_report_id_idx ON bizmetrics.run_requests (report_id);
COMMENT ON TABLE bizmetrics.run_requests IS
'Runs that request_run() asked for and no runner has claimed yet.';

CREATE FUNCTION bizmetrics.guard_report() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_guard_report';
COMMENT ON FUNCTION bizmetrics.guard_report() IS
'Trigger on bizmetrics.reports: nobody stores a report that runs as a role he could not become. Raises 42501.';

CREATE TRIGGER reports_guard BEFORE INSERT OR UPDATE ON bizmetrics.reports
  FOR EACH ROW EXECUTE FUNCTION bizmetrics.guard_report();
ALTER TABLE bizmetrics.reports ENABLE ALWAYS TRIGGER reports_guard;

-- Functions -----------------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.create_report(
  name text,
  target text,
  query text,
  schedule text,
  ddl text DEFAULT NULL,
  timezone text DEFAULT 'UTC',
  bucket interval DEFAULT NULL,
  lookback interval DEFAULT NULL,
  max_attempts integer DEFAULT 3,
  backoff interval[] DEFAULT '{60s}',
  timeout interval DEFAULT '1 hour',
  owner name DEFAULT NULL
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_create_report';
COMMENT ON FUNCTION bizmetrics.create_report(text, text, text, text, text, text, interval, interval, integer, interval[], interval, name) IS
'Registers a report: runs ddl, which makes the table target in schema analytics, and from then on runs query as the report''s owner whenever schedule (cron, in timezone) fires. With bucket (one unit: hours, days, weeks, months, years), query gets $1 and $2, the bounds of whole buckets from the oldest that lookback (one bucket by default) touches to the end of the current one. max_attempts counts all tries of a run, backoff is the wait before each retry and its last item repeats, timeout ends an attempt. Errors, each naming the argument: 22004 NULL; 22023 a bad value; 42710 the name is taken; 42501 a superuser''s report (say owner) or a role one may not act for; and what ddl or query raise.';

CREATE FUNCTION bizmetrics.drop_report(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_drop_report';
COMMENT ON FUNCTION bizmetrics.drop_report(text) IS
'Forgets a report and its runs; its table stays. Errors: 42704 no such report; 42501 not its owner; 55006 it is running.';

CREATE FUNCTION bizmetrics.run_report(
  name text,
  OUT run_id bigint,
  OUT state text,
  OUT row_count bigint,
  OUT sqlstate text,
  OUT message text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_run_report';
COMMENT ON FUNCTION bizmetrics.run_report(text) IS
'Runs a report here and now, in the current transaction, for its owner; works without the worker. A failure of its SQL is recorded and returned, not raised. Errors: 42704 no such report; 42501 not its owner (use request_run); 55006 it is running.';

CREATE FUNCTION bizmetrics.request_run(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_request_run';
COMMENT ON FUNCTION bizmetrics.request_run(text) IS
'Asks the worker to run a report soon, as its owner: once this transaction has committed. Errors: 42704 no such report; 42501 neither its owner nor the extension''s nor a superuser; 55000 the worker is not running, or serves other databases only.';

-- Views: everybody who may use them sees his own reports, the extension's owner all of them. ------

CREATE FUNCTION bizmetrics.may_see_report(owner_name text) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_may_see_report';
COMMENT ON FUNCTION bizmetrics.may_see_report(text) IS
'Does the current role have the rights of this owner, of the extension''s owner, or of pg_monitor?';

CREATE VIEW bizmetrics.report_status WITH (security_barrier) AS
SELECT r.report_name,
       r.owner_name,
       r.target,
       r.schedule,
       r.timezone,
       CASE
         WHEN s.report_id IS NULL OR NOT s.adopted THEN 'restored'
         WHEN s.broken_reason IS NOT NULL THEN 'broken'
         WHEN s.run_id IS NOT NULL THEN 'running'
         WHEN s.next_attempt_at IS NOT NULL THEN 'retrying'
         ELSE 'waiting'
       END AS state,
       s.next_slot,
       s.last_slot,
       s.attempt,
       s.next_attempt_at,
       u.started_at AS running_since,
       s.last_success_at,
       s.consecutive_failures,
       s.broken_reason
FROM bizmetrics.reports r
LEFT JOIN bizmetrics.report_state s ON s.report_id OPERATOR(pg_catalog.=) r.report_id
LEFT JOIN bizmetrics.runs u ON u.run_id OPERATOR(pg_catalog.=) s.run_id
WHERE bizmetrics.may_see_report(r.owner_name);
COMMENT ON VIEW bizmetrics.report_status IS 'Where each report stands that the current role may see.';
COMMENT ON COLUMN bizmetrics.report_status.state IS
'waiting for its slot; running; retrying after a failed attempt; broken: cannot run, see broken_reason; restored from a dump and not adopted yet.';
COMMENT ON COLUMN bizmetrics.report_status.next_slot IS 'When the schedule fires next.';
COMMENT ON COLUMN bizmetrics.report_status.last_slot IS 'The last slot that was claimed.';
COMMENT ON COLUMN bizmetrics.report_status.attempt IS 'Attempts made in the open run; 0 where there is none.';
COMMENT ON COLUMN bizmetrics.report_status.consecutive_failures IS 'Runs that failed, all their attempts counted as one, since the last success.';

CREATE VIEW bizmetrics.report_runs WITH (security_barrier) AS
SELECT u.run_id,
       r.report_name,
       u.slot,
       u.attempt,
       u.trigger,
       u.state,
       u.window_start,
       u.window_end,
       u.started_at,
       u.finished_at,
       u.row_count,
       u.sqlstate,
       u.message,
       u.detail
FROM bizmetrics.runs u
JOIN bizmetrics.reports r ON r.report_id OPERATOR(pg_catalog.=) u.report_id
WHERE bizmetrics.may_see_report(r.owner_name);
COMMENT ON VIEW bizmetrics.report_runs IS 'Every attempt to run a report that the current role may see.';
COMMENT ON COLUMN bizmetrics.report_runs.slot IS 'The instant at which the schedule fired; NULL where somebody asked for the run.';
COMMENT ON COLUMN bizmetrics.report_runs.attempt IS 'Which try of this slot or request it was, from 1.';
COMMENT ON COLUMN bizmetrics.report_runs.trigger IS 'schedule, request (request_run) or manual (run_report).';
COMMENT ON COLUMN bizmetrics.report_runs.state IS 'running, succeeded, failed, timed_out, cancelled or crashed.';
COMMENT ON COLUMN bizmetrics.report_runs.row_count IS 'Rows that the report''s SQL wrote.';
COMMENT ON COLUMN bizmetrics.report_runs.sqlstate IS 'Why it did not succeed.';
-- Who may do what: readers, writers and authors.

CREATE TABLE bizmetrics.grants (
  role_name text NOT NULL,
  privilege text NOT NULL CHECK (privilege IN ('reader', 'writer', 'author')),
  PRIMARY KEY (role_name, privilege)
);
COMMENT ON TABLE bizmetrics.grants IS
'Who is reader, writer or author, by name, dumped by pg_dump: so that tables of reports to come are granted to readers.';

CREATE FUNCTION bizmetrics.share_report_tables(reader name, share boolean) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_share_report_tables';
COMMENT ON FUNCTION bizmetrics.share_report_tables(name, boolean) IS
'Grants or revokes SELECT and REFERENCES on every report''s table, as its owner. For grant_reader() and revoke_reader(). Errors: 42501 not the extension''s owner.';

-- The privileges behind each word: one statement's text each, %s being the role. GRANT and REVOKE
-- read the same list.
CREATE FUNCTION bizmetrics.privileges_of(privilege text) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.what
  FROM (VALUES
    ('reader', 'USAGE ON SCHEMA analytics'),
    ('writer', 'USAGE ON SCHEMA bizmetrics'),
    ('writer', 'INSERT (id, event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties, request_id, dedupe_key) ON public.business_events'),
    ('author', 'USAGE ON SCHEMA bizmetrics'),
    ('author', 'USAGE, CREATE ON SCHEMA analytics'),
    ('author', 'SELECT ON public.business_events'),
    ('author', 'SELECT ON bizmetrics.report_status, bizmetrics.report_runs, bizmetrics.partitions')
  ) AS p (privilege, what)
  WHERE p.privilege = $1
  UNION ALL
  SELECT format('EXECUTE ON FUNCTION %s', f.oid::regprocedure)
  FROM pg_proc f
  WHERE f.pronamespace = 'bizmetrics'::regnamespace
    AND (($1 = 'writer' AND f.proname IN ('log_event', 'ensure_partitions', 'uuid_v7', 'current_xact', 'identifier'))
      OR ($1 = 'author' AND f.proname IN ('create_report', 'drop_report', 'run_report', 'request_run', 'may_see_report', 'events', 'identifier')))
$$;
COMMENT ON FUNCTION bizmetrics.privileges_of(text) IS
'The privileges that reader, writer or author means, as GRANT spells them.';

CREATE FUNCTION bizmetrics.change_grant(role_name name, privilege text, give boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  what text;
BEGIN
  IF role_name IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'role must not be NULL';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = change_grant.role_name) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('role "%s" does not exist', role_name),
      HINT = 'Make it first with CREATE ROLE.';
  END IF;
  IF give THEN
    FOR what IN SELECT bizmetrics.privileges_of(privilege) LOOP
      EXECUTE format('GRANT %s TO %I', what, role_name);
    END LOOP;
    INSERT INTO bizmetrics.grants VALUES (role_name, privilege) ON CONFLICT DO NOTHING;
  ELSE
    FOR what IN
      SELECT bizmetrics.privileges_of(privilege)
      EXCEPT
      -- What another word still gives the role stays.
      SELECT bizmetrics.privileges_of(g.privilege) FROM bizmetrics.grants g
      WHERE g.role_name = change_grant.role_name AND g.privilege <> change_grant.privilege
    LOOP
      EXECUTE format('REVOKE %s FROM %I', what, role_name);
    END LOOP;
    DELETE FROM bizmetrics.grants g
    WHERE g.role_name = change_grant.role_name AND g.privilege = change_grant.privilege;
  END IF;
  IF privilege = 'reader' THEN
    PERFORM bizmetrics.share_report_tables(role_name, give);
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.change_grant(name, text, boolean) IS
'Grants or revokes what reader, writer or author means, and remembers it. Behind grant_reader() and its like.';

CREATE FUNCTION bizmetrics.grant_reader(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'reader', true) $$;
COMMENT ON FUNCTION bizmetrics.grant_reader(name) IS
'Lets a role read every report''s table in schema analytics, those of reports to come included, and nothing else. Errors: 42704 no such role; 42501 not the extension''s owner.';

CREATE FUNCTION bizmetrics.revoke_reader(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'reader', false) $$;
COMMENT ON FUNCTION bizmetrics.revoke_reader(name) IS 'Takes back what grant_reader() gave. Errors: as there.';

CREATE FUNCTION bizmetrics.grant_writer(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'writer', true) $$;
COMMENT ON FUNCTION bizmetrics.grant_writer(name) IS
'Lets a role log events, by log_event() and by INSERT or COPY of the first ten columns. Errors: 42704 no such role; 42501 not the extension''s owner.';

CREATE FUNCTION bizmetrics.revoke_writer(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'writer', false) $$;
COMMENT ON FUNCTION bizmetrics.revoke_writer(name) IS 'Takes back what grant_writer() gave. Errors: as there.';

CREATE FUNCTION bizmetrics.grant_author(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'author', true) $$;
COMMENT ON FUNCTION bizmetrics.grant_author(name) IS
'Lets a role read events, create reports of its own and make tables in schema analytics. Errors: 42704 no such role; 42501 not the extension''s owner.';

CREATE FUNCTION bizmetrics.revoke_author(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'author', false) $$;
COMMENT ON FUNCTION bizmetrics.revoke_author(name) IS
'Takes back what grant_author() gave; the role''s reports stay and run on while it may. Errors: as there.';
-- Dumped as configuration. Not dumped: state, runs, requests and dedupe keys.
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.reports', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.report_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.grants', '');

-- Nothing is granted to PUBLIC.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bizmetrics FROM PUBLIC;
REVOKE ALL ON TYPE bizmetrics.identifier FROM PUBLIC;

-- Every object belongs to the extension's owner, who may be no superuser, but the registry and
-- what guards it: see 20_reports.sql.
DO $$
DECLARE
  member record;
BEGIN
  FOR member IN
    SELECT i.type, i.identity
    FROM pg_depend d,
         LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS i
    WHERE d.refclassid = 'pg_extension'::regclass
      AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'bizmetrics')
      AND d.deptype = 'e'
      AND i.type IN ('schema', 'table', 'view', 'sequence', 'function', 'type')
      AND i.identity NOT IN ('bizmetrics.reports', 'bizmetrics.guard_report()')
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO @extowner@', member.type, member.identity);
  END LOOP;
END
$$;
GRANT SELECT, INSERT ON bizmetrics.reports TO @extowner@;
