-- Reports: the registry, their state, their runs.

-- The registry. A row says as which role its SQL runs; who may own it is in 90_ownership.sql.
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
  created_at timestamptz NOT NULL,
  misfire text NOT NULL DEFAULT 'once',
  misfire_grace interval,
  max_catchup integer NOT NULL DEFAULT 100,
  overlap text NOT NULL DEFAULT 'skip',
  retry_on text NOT NULL DEFAULT 'all',
  after text[],
  paused boolean NOT NULL DEFAULT false,
  revision integer NOT NULL DEFAULT 0,
  strategy text NOT NULL DEFAULT 'custom',
  key text[],
  events text[],
  companies text[],
  grain text,
  reach interval,
  source text,
  source_time text,
  retention interval,
  retention_column text,
  definition integer NOT NULL DEFAULT 0,
  match_days text NOT NULL DEFAULT 'any'
);
COMMENT ON TABLE bizmetrics.reports IS
'The registered reports, written by create_report(), alter_report(), pause_report(), resume_report() and drop_report(), and dumped by pg_dump.';
COMMENT ON COLUMN bizmetrics.reports.owner_name IS 'The role the report runs as.';
COMMENT ON COLUMN bizmetrics.reports.target IS 'The report''s table in schema analytics.';
COMMENT ON COLUMN bizmetrics.reports.search_path IS 'search_path at creation, in force when the report runs.';
COMMENT ON COLUMN bizmetrics.reports.misfire IS 'What becomes of slots that nobody could run in time: once, skip or each.';
COMMENT ON COLUMN bizmetrics.reports.misfire_grace IS 'How late a slot may run with misfire skip.';
COMMENT ON COLUMN bizmetrics.reports.max_catchup IS 'How many late slots run at most with misfire each.';
COMMENT ON COLUMN bizmetrics.reports.overlap IS 'What becomes of slots that fire during a run: skip or queue_one.';
COMMENT ON COLUMN bizmetrics.reports.retry_on IS 'Errors that are tried again: all (but permanent ones) or transient.';
COMMENT ON COLUMN bizmetrics.reports.match_days IS 'What a day must match where the schedule restricts both day of month and day of week: any or all of them.';
COMMENT ON COLUMN bizmetrics.reports.after IS 'Reports that must have succeeded for a slot before it runs.';
COMMENT ON COLUMN bizmetrics.reports.paused IS 'Its schedule does not fire: pause_report().';
COMMENT ON COLUMN bizmetrics.reports.revision IS 'Counts the changes of schedule and timezone, so that the state knows of them.';
COMMENT ON COLUMN bizmetrics.reports.strategy IS 'How the query''s result becomes the table: custom (it writes itself), merge, replace_window, delta, append or full.';
COMMENT ON COLUMN bizmetrics.reports.key IS 'The columns that tell the table''s rows apart.';
COMMENT ON COLUMN bizmetrics.reports.events IS 'Names of the events that change something; NULL: all.';
COMMENT ON COLUMN bizmetrics.reports.companies IS 'Companies whose events change something; NULL: all.';
COMMENT ON COLUMN bizmetrics.reports.grain IS 'The column of events whose changed values the query gets as $3.';
COMMENT ON COLUMN bizmetrics.reports.reach IS 'How far back an event changes buckets.';
COMMENT ON COLUMN bizmetrics.reports.source IS 'The table that it reads in place of the events, or the table of another report.';
COMMENT ON COLUMN bizmetrics.reports.source_time IS 'The column of source that tells a row''s time.';
COMMENT ON COLUMN bizmetrics.reports.retention IS 'How long rows of the table are kept.';
COMMENT ON COLUMN bizmetrics.reports.retention_column IS 'The column of the table that tells how old a row is.';
COMMENT ON COLUMN bizmetrics.reports.definition IS 'Counts the changes of what the table''s rows mean: with another one than its watermark''s, everything is computed anew.';
COMMENT ON COLUMN bizmetrics.reports.target_has_key IS 'The target had a primary key at creation: after a restore the report waits for it.';

-- Not dumped: a report without a row here, or with one of another database, was restored and
-- waits to be adopted. Changes only under the report's lock. What a run changes stands together, at the
-- end: an update writes into the WAL what is between the first and the last byte that changed.
CREATE TABLE bizmetrics.report_state (
  report_id bigint PRIMARY KEY,
  system_identifier bigint NOT NULL,
  database_oid bigint NOT NULL,
  adopted boolean NOT NULL,
  adopt_after bigint,
  revision integer NOT NULL,
  ran_until timestamptz,
  broken_reason text,
  expired_column name,
  expired_to timestamptz,
  consecutive_failures integer NOT NULL,
  consecutive_crashes integer NOT NULL,
  next_attempt_at timestamptz,
  next_slot timestamptz,
  last_slot timestamptz,
  window_start timestamptz,
  window_end timestamptz,
  started_at timestamptz,
  run_id bigint,
  chain_slot timestamptz,
  chain_trigger text,
  pid integer,
  attempt integer NOT NULL,
  last_success_at timestamptz,
  done_until timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE bizmetrics.report_state IS
'Where each report stands: its next and last slot, the chain of attempts that is open, and the attempt under way. See docs/architecture.md.';
COMMENT ON COLUMN bizmetrics.report_state.expired_to IS 'Rows of the table of which expired_column is older have been deleted: see retention of create_report().';
COMMENT ON COLUMN bizmetrics.report_state.ran_until IS 'The last slot that ran before the clock was set back: the history says which slots up to it have run. NULL once it is passed.';
COMMENT ON COLUMN bizmetrics.report_state.run_id IS 'The last attempt of the chain that is open.';
COMMENT ON COLUMN bizmetrics.report_state.pid IS 'The process that is at it: NULL where it has ended, for which bizmetrics.runs has its row. With it stand started_at, window_start and window_end.';

CREATE SEQUENCE bizmetrics.run_id_seq;
COMMENT ON SEQUENCE bizmetrics.run_id_seq IS 'Ids of runs.';

CREATE TABLE bizmetrics.runs (
  run_id bigint NOT NULL,
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
  reason text,
  missed_count bigint,
  UNIQUE (report_id, slot, attempt)
);
COMMENT ON TABLE bizmetrics.runs IS
'One row an attempt that has ended, written by the worker and run_report(), and one for slots in a row that did not run (attempt 0). The unique key is what keeps a slot from running twice.';

CREATE TABLE bizmetrics.pruned_runs (
  report_id bigint PRIMARY KEY,
  succeeded bigint NOT NULL,
  failed bigint NOT NULL,
  timed_out bigint NOT NULL,
  cancelled bigint NOT NULL,
  crashed bigint NOT NULL,
  skipped bigint NOT NULL,
  row_count bigint NOT NULL,
  duration_total bigint NOT NULL,
  duration_min bigint NOT NULL,
  duration_max bigint NOT NULL,
  durations bigint[] NOT NULL,
  slots tstzmultirange NOT NULL
);
COMMENT ON TABLE bizmetrics.pruned_runs IS
'What the attempts add up to whose rows of bizmetrics.runs were deleted, one row a report. Written by what prunes the history; read through report_stats.';
COMMENT ON COLUMN bizmetrics.pruned_runs.duration_total IS 'Microseconds, of successes, like duration_min and duration_max.';
COMMENT ON COLUMN bizmetrics.pruned_runs.durations IS 'How many successes took [2^((n-1)/4), 2^(n/4)) microseconds, from n = 1.';
COMMENT ON COLUMN bizmetrics.pruned_runs.slots IS 'The slots that they were of, in at most 32 spans: none of them runs again when a clock that was set back passes it.';

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
  target text DEFAULT NULL,
  query text DEFAULT NULL,
  schedule text DEFAULT NULL,
  ddl text DEFAULT NULL,
  timezone text DEFAULT NULL,
  bucket interval DEFAULT NULL,
  lookback interval DEFAULT NULL,
  max_attempts integer DEFAULT 3,
  backoff interval[] DEFAULT '{60s}',
  timeout interval DEFAULT '1 hour',
  owner name DEFAULT NULL,
  misfire text DEFAULT 'once',
  misfire_grace interval DEFAULT NULL,
  max_catchup integer DEFAULT 100,
  overlap text DEFAULT 'skip',
  retry_on text DEFAULT 'all',
  after text[] DEFAULT NULL,
  run_immediately boolean DEFAULT false,
  strategy text DEFAULT NULL,
  key text[] DEFAULT NULL,
  events text[] DEFAULT NULL,
  companies text[] DEFAULT NULL,
  grain text DEFAULT NULL,
  reach interval DEFAULT NULL,
  source text DEFAULT NULL,
  source_time text DEFAULT NULL,
  retention interval DEFAULT NULL,
  retention_column text DEFAULT NULL,
  description text DEFAULT NULL,
  columns jsonb DEFAULT NULL,
  match_days text DEFAULT 'any'
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_create_report';
COMMENT ON FUNCTION bizmetrics.create_report(text, text, text, text, text, text, interval, interval, integer, interval[], interval, name, text, interval, integer, text, text, text[], boolean, text, text[], text[], text[], text, interval, text, text, interval, text, text, jsonb, text) IS
'Registers a report: from now on query runs as its owner whenever schedule fires (cron, in timezone, which is bizmetrics.timezone where it is not given), with TimeZone set to timezone. target is a table in schema analytics, by default of the report''s name; ddl makes it. A SELECT with a key needs neither: its table is made from its columns, with key as primary key, description as comment and columns (an object) as comments of columns. strategy says how its rows become the table: merge puts them in place of those of the same key; replace_window does so and deletes what the window gives no more; delta adds what new events add up to; append adds rows, once for each new event; full brings the whole table up to date; custom, without a key, is a query that writes itself. By default what is cheapest and right; a NOTICE says which. With bucket (one unit: hours, days, weeks, months, years) query gets $1 and $2, the bounds of whole buckets of which events changed; where a SELECT does not use them, its events are restricted to them. events and companies say which events count, grain a column of events whose changed values query gets as $3, reach how far back an event changes buckets, lookback what is computed anew whatever changed. source and source_time are a table that is read in place of events and its time: then lookback (one bucket by default) is computed, or of another report''s table what that report changed. Rows of which retention_column (by default that of the bucket) is older than retention are deleted. max_attempts counts all tries of a run, backoff is the wait before each retry and its last item repeats, timeout ends an attempt. Slots that could not run in time: misfire once runs the latest of them, skip does so within misfire_grace only, each runs max_catchup of them one after the other. Slots that fire during a run: overlap skip passes over them, queue_one runs the latest afterwards. retry_on says which errors are tried again: all but permanent ones, or transient ones alone. Where schedule restricts both day of month and day of week, match_days any runs on days that match one of them, as cron does, and all on those that match both. after names reports that must have succeeded for a slot before it runs; an event that they have not read is still new to it. run_immediately asks for a run at once. Errors, each naming the argument: 22004 NULL; 22023 a bad value, a strategy that the query does not allow, or a report that would run after itself; 42704 a report in after that does not exist; 42710 the name is taken; 42501 a superuser''s report (say owner) or a role one may not act for; 42804 and 42703 a table that does not fit the query; and what ddl or query raise.';

CREATE FUNCTION bizmetrics.alter_report(
  name text,
  query text DEFAULT NULL,
  schedule text DEFAULT NULL,
  timezone text DEFAULT NULL,
  bucket interval DEFAULT NULL,
  lookback interval DEFAULT NULL,
  max_attempts integer DEFAULT NULL,
  backoff interval[] DEFAULT NULL,
  timeout interval DEFAULT NULL,
  owner name DEFAULT NULL,
  misfire text DEFAULT NULL,
  misfire_grace interval DEFAULT NULL,
  max_catchup integer DEFAULT NULL,
  overlap text DEFAULT NULL,
  retry_on text DEFAULT NULL,
  after text[] DEFAULT NULL,
  unset text[] DEFAULT NULL,
  strategy text DEFAULT NULL,
  events text[] DEFAULT NULL,
  companies text[] DEFAULT NULL,
  grain text DEFAULT NULL,
  reach interval DEFAULT NULL,
  retention interval DEFAULT NULL,
  retention_column text DEFAULT NULL,
  description text DEFAULT NULL,
  columns jsonb DEFAULT NULL,
  match_days text DEFAULT NULL,
  recompute boolean DEFAULT true
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_alter_report';
COMMENT ON FUNCTION bizmetrics.alter_report(text, text, text, text, interval, interval, integer, interval[], interval, name, text, interval, integer, text, text, text[], text[], text, text[], text[], text, interval, interval, text, text, jsonb, text, boolean) IS
'Changes what create_report() was told; NULL leaves it as it is, and unset names what is to be none: bucket (with lookback and reach), lookback, timeout, misfire_grace, after, events, companies, grain, reach, retention. A run that is under way goes on as it began. Another schedule or timezone counts from now; slots of the old one that did not run are given up. Another query, bucket, timezone, strategy, grain, reach or other events or companies mean that everything is computed anew by the next run; columns that a SELECT gives now are added to its table, and those that it gives no more must have been dropped before. recompute => false leaves what is there, and only what is new goes by another query: of a delta, append, or a query over new_events(). Lifts a quarantine. Errors: as create_report(); 22023 recompute => false with a change of more than the query, or of a report that does not add what is new; 42704 no such report; 42501 not its owner.';

CREATE FUNCTION bizmetrics.reset_report(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_reset_report';
COMMENT ON FUNCTION bizmetrics.reset_report(text) IS
'Forgets where a report stands: a run that waits for its next attempt, failures and crashes that were counted, a quarantine, and its watermark, so that its next run computes everything anew; its next slot is the next one from now. Its history and its table stay. Errors: 42704 no such report; 42501 not its owner; 55006 it is running.';

CREATE FUNCTION bizmetrics.pause_report(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_pause_report';
COMMENT ON FUNCTION bizmetrics.pause_report(text) IS
'Keeps a report''s slots and further attempts from running until resume_report(); an attempt under way goes on, and request_run() and run_report() still run it. Dumped by pg_dump. Errors: 42704 no such report; 42501 not its owner.';

CREATE FUNCTION bizmetrics.resume_report(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_resume_report';
COMMENT ON FUNCTION bizmetrics.resume_report(text) IS
'Ends what pause_report() began, and a quarantine. Slots that fired meanwhile were missed: see misfire of create_report(). Errors: 42704 no such report; 42501 not its owner; 55006 a report in quarantine is running by hand.';

CREATE FUNCTION bizmetrics.pause_reports() RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_pause_reports';
COMMENT ON FUNCTION bizmetrics.pause_reports() IS
'Pauses every report of the current role (the extension''s owner: every report) and returns how many were not paused before. Errors: 25006 in a read-only transaction.';

CREATE FUNCTION bizmetrics.resume_reports() RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_resume_reports';
COMMENT ON FUNCTION bizmetrics.resume_reports() IS
'Resumes every paused report of the current role (the extension''s owner: every one), and returns how many there were. Quarantines stay. Errors: 25006 in a read-only transaction.';

CREATE FUNCTION bizmetrics.preview_schedule(
  schedule text,
  timezone text DEFAULT NULL,
  n integer DEFAULT 5,
  after timestamptz DEFAULT NULL,
  match_days text DEFAULT 'any'
) RETURNS TABLE (fires_at timestamptz, local_time timestamp)
LANGUAGE c STABLE PARALLEL SAFE ROWS 5 AS 'MODULE_PATHNAME', 'bizmetrics_preview_schedule';
COMMENT ON FUNCTION bizmetrics.preview_schedule(text, text, integer, timestamptz, text) IS
'The next n (1 to 1000) times that a schedule fires strictly later than after (now by default), with the local time in timezone (bizmetrics.timezone where it is not given). Fewer where it fires no more. Errors: 22004 NULL; 22023 a schedule that does not parse or never fires, with its field and column, or a timezone, n, after or match_days that cannot be.';

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
'Runs a report here and now, in the current transaction, for its owner; works without the worker. A failure of its SQL is recorded and returned, not raised; windows that could be computed stay so. Errors: 25001 the report follows new events, and the transaction has written something, or is not READ COMMITTED; 42704 no such report; 42501 not its owner (use request_run); 55006 it is running.';

CREATE FUNCTION bizmetrics.request_run(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_request_run';
COMMENT ON FUNCTION bizmetrics.request_run(text) IS
'Asks the worker to run a report soon, as its owner: once this transaction has committed, also where it is paused or waits for its next attempt. Errors: 42704 no such report; 42501 neither its owner nor the extension''s nor a superuser; 55000 the worker is not running, or serves other databases only, or the report is in quarantine.';

CREATE FUNCTION bizmetrics.request_runs() RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_request_runs';
COMMENT ON FUNCTION bizmetrics.request_runs() IS
'As request_run(), for every report of the current role (the extension''s owner: every report) that is neither paused nor in quarantine; returns how many. Errors: 55000 as there.';

CREATE FUNCTION bizmetrics.cancel_run(run_id bigint) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_cancel_run';
COMMENT ON FUNCTION bizmetrics.cancel_run(bigint) IS
'Cancels a run: its attempt that is under way, by the worker or by run_report() in another session, or, where this was its last attempt, the wait for the next one. No other attempt follows. True where there was something to cancel; an attempt that catches the cancel goes on. For the report''s owner, the extension''s owner, members of pg_signal_backend (but for a superuser''s report) and superusers. Errors: 42704 no such run; 42501 none of these; 22004 NULL.';

-- Views: everybody who may use them sees his own reports, the extension's owner all of them; report_status
-- is in 21_incremental.sql. -------------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.may_see_report(owner_name text) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_may_see_report';
COMMENT ON FUNCTION bizmetrics.may_see_report(text) IS
'Does the current role have the rights of this owner, of the extension''s owner, or of pg_monitor?';

CREATE FUNCTION bizmetrics.time_since(at timestamptz) RETURNS interval
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_time_since';
COMMENT ON FUNCTION bizmetrics.time_since(timestamptz) IS
'How long ago that was, by the clock that schedules go by; NULL where it is still to come.';

CREATE FUNCTION bizmetrics.missed_slot(schedule text, timezone text, after timestamptz, match_days text) RETURNS timestamptz
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_missed_slot';
COMMENT ON FUNCTION bizmetrics.missed_slot(text, text, timestamptz, text) IS
'The first time that a schedule fired after a time; NULL where that is still to come, or there is none.';

-- One expression for whoever shows it: the planner puts it in place of the call.
CREATE FUNCTION bizmetrics.expected_slot(report bizmetrics.reports, state bizmetrics.report_state) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT least(
    state.chain_slot,
    CASE WHEN bizmetrics.time_since(state.next_slot) IS NOT NULL THEN state.next_slot END,
    CASE WHEN state.consecutive_failures OPERATOR(pg_catalog.>) 0
         THEN coalesce(bizmetrics.missed_slot(report.schedule, report.timezone, state.last_success_at, report.match_days), state.last_slot) END)
$$;
COMMENT ON FUNCTION bizmetrics.expected_slot(bizmetrics.reports, bizmetrics.report_state) IS
'The oldest slot of a report whose result is missing: of the open run, of one that came and was not claimed, and of those since the last success where runs failed; NULL where nothing is missing.';

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
       u.detail,
       u.reason,
       u.missed_count
FROM bizmetrics.runs u
JOIN bizmetrics.reports r ON r.report_id OPERATOR(pg_catalog.=) u.report_id
WHERE bizmetrics.may_see_report(r.owner_name)
UNION ALL
SELECT s.run_id,
       r.report_name,
       s.chain_slot,
       s.attempt,
       s.chain_trigger,
       'running',
       s.window_start,
       s.window_end,
       s.started_at,
       NULL,
       NULL,
       NULL,
       NULL,
       NULL,
       NULL,
       NULL
FROM bizmetrics.report_state s
JOIN bizmetrics.reports r ON r.report_id OPERATOR(pg_catalog.=) s.report_id
WHERE s.pid IS NOT NULL AND bizmetrics.may_see_report(r.owner_name);
COMMENT ON VIEW bizmetrics.report_runs IS 'Every attempt to run a report that the current role may see, and the slots that did not run.';
COMMENT ON COLUMN bizmetrics.report_runs.run_id IS 'The attempt''s number.';
COMMENT ON COLUMN bizmetrics.report_runs.report_name IS 'The report''s name.';
COMMENT ON COLUMN bizmetrics.report_runs.window_start IS '$1 of the query; NULL without a bucket.';
COMMENT ON COLUMN bizmetrics.report_runs.window_end IS '$2 of the query; NULL without a bucket.';
COMMENT ON COLUMN bizmetrics.report_runs.started_at IS 'When it was claimed.';
COMMENT ON COLUMN bizmetrics.report_runs.finished_at IS 'When it ended; NULL while it runs.';
COMMENT ON COLUMN bizmetrics.report_runs.message IS 'The error''s message.';
COMMENT ON COLUMN bizmetrics.report_runs.detail IS 'The error''s detail, and which bucket could not be computed where others were.';
COMMENT ON COLUMN bizmetrics.report_runs.reason IS 'Of a failed attempt, why no other one followed: permanent, max_attempts, superseded (a slot came first), cancelled, quarantined. Of skipped slots: missed (a later one ran for them), late (beyond misfire_grace), max_catchup, overlap (the report was running).';
COMMENT ON COLUMN bizmetrics.report_runs.missed_count IS 'How many slots in a row were skipped; slot is the last of them.';
COMMENT ON COLUMN bizmetrics.report_runs.slot IS 'The instant at which the schedule fired; NULL where somebody asked for the run.';
COMMENT ON COLUMN bizmetrics.report_runs.attempt IS 'Which try of this slot or request it was, from 1; 0 for skipped slots.';
COMMENT ON COLUMN bizmetrics.report_runs.trigger IS 'schedule, request (request_run) or manual (run_report).';
COMMENT ON COLUMN bizmetrics.report_runs.state IS 'running, succeeded, failed, timed_out, cancelled, crashed, or skipped.';
COMMENT ON COLUMN bizmetrics.report_runs.row_count IS 'Rows that the report''s INSERT, UPDATE, DELETE and MERGE commands wrote.';
COMMENT ON COLUMN bizmetrics.report_runs.sqlstate IS 'Why it did not succeed.';
