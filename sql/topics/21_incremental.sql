-- Incremental reports: how far each has read, and what it has still to compute.

-- Not dumped: a snapshot means nothing in another cluster or database. A report without a row here,
-- or with one of another database or definition, computes everything anew.
CREATE TABLE bizmetrics.report_watermarks (
  report_id bigint PRIMARY KEY,
  system_identifier bigint NOT NULL,
  database_oid bigint NOT NULL,
  definition integer NOT NULL,
  snapshot pg_snapshot,
  read_to timestamptz,
  source_change bigint,
  events text[]
) WITH (fillfactor = 50);
COMMENT ON TABLE bizmetrics.report_watermarks IS
'How far each incremental report has read. Written in the transactions that write the reports'' rows.';
COMMENT ON COLUMN bizmetrics.report_watermarks.snapshot IS 'Events visible in it are in the report''s table, but for those of its pending windows; NULL: none has been read.';
COMMENT ON COLUMN bizmetrics.report_watermarks.read_to IS 'Where it reads another table: the time of its last success.';
COMMENT ON COLUMN bizmetrics.report_watermarks.source_change IS 'Where it reads another report''s table: the last of bizmetrics.report_changes that it has followed.';
COMMENT ON COLUMN bizmetrics.report_watermarks.events IS 'Names of the events that change something, as its runs understand the report; NULL: all.';
COMMENT ON COLUMN bizmetrics.report_watermarks.definition IS 'That of bizmetrics.reports for which this holds.';

CREATE SEQUENCE bizmetrics.pending_window_id_seq;
COMMENT ON SEQUENCE bizmetrics.pending_window_id_seq IS 'Ids of pending windows.';

CREATE TABLE bizmetrics.pending_windows (
  window_id bigint PRIMARY KEY,
  report_id bigint NOT NULL,
  window_start timestamptz NOT NULL,
  window_end timestamptz NOT NULL,
  grain_values text[]
);
CREATE INDEX pending_windows_report_id_idx ON bizmetrics.pending_windows (report_id);
COMMENT ON TABLE bizmetrics.pending_windows IS
'Windows that a report found to have changed and has still to compute: each leaves in the transaction that writes its rows.';
COMMENT ON COLUMN bizmetrics.pending_windows.grain_values IS 'Which values of the report''s grain changed there; NULL: it has no grain, or all.';

CREATE SEQUENCE bizmetrics.report_change_id_seq;
COMMENT ON SEQUENCE bizmetrics.report_change_id_seq IS 'Ids of changes.';

CREATE TABLE bizmetrics.report_changes (
  change_id bigint PRIMARY KEY,
  report_id bigint NOT NULL,
  window_start timestamptz NOT NULL,
  window_end timestamptz NOT NULL
);
CREATE INDEX report_changes_report_id_idx ON bizmetrics.report_changes (report_id);
COMMENT ON TABLE bizmetrics.report_changes IS
'Windows of a report''s table that changed, for the reports that read it: each goes when all of them have.';

-- Both are told which report runs by the session that runs it.
CREATE FUNCTION bizmetrics.watermark_xmin() RETURNS bigint
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'bizmetrics_watermark_xmin';
COMMENT ON FUNCTION bizmetrics.watermark_xmin() IS
'The oldest transaction whose events the running report may not have read: for new_events(). Errors: 55000 outside of a report.';

CREATE FUNCTION bizmetrics.is_new(xact_id bigint) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 10 AS 'MODULE_PATHNAME', 'bizmetrics_is_new';
COMMENT ON FUNCTION bizmetrics.is_new(bigint) IS
'Are events of this transaction new to the running report? For new_events(). Errors: 55000 outside of a report.';

-- One SELECT without SET or STRICT, so that the planner puts it in place of the call. The first
-- condition is for the index on xact_id, the second is exact.
CREATE FUNCTION bizmetrics.new_events() RETURNS SETOF public.business_events
LANGUAGE sql STABLE PARALLEL RESTRICTED AS $$
  SELECT e.*
  FROM public.business_events AS e
  WHERE e.xact_id OPERATOR(pg_catalog.>=) bizmetrics.watermark_xmin()
    AND bizmetrics.is_new(e.xact_id)
$$;
COMMENT ON FUNCTION bizmetrics.new_events() IS
'In a report''s query: the events that are new to the report. Each committed event is new in exactly one successful run, whatever the order of commits and however late it is. Errors: 55000 outside of a report.';

CREATE FUNCTION bizmetrics.report_bucket(at timestamptz) RETURNS timestamptz
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'bizmetrics_report_bucket';
COMMENT ON FUNCTION bizmetrics.report_bucket(timestamptz) IS
'In the query of a report with a bucket: the beginning of the bucket that holds this time, in the report''s time zone. Errors: 55000 outside of such a report.';

-- In the place of date_trunc() in the SELECT of a report.
CREATE FUNCTION bizmetrics.date_trunc(unit text, at timestamptz) RETURNS timestamptz
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_date_trunc';
COMMENT ON FUNCTION bizmetrics.date_trunc(text, timestamptz) IS
'The same as pg_catalog.date_trunc(unit, at), faster where times that follow one another are close together, as those of events are: a report''s SELECT is executed with it. Errors: 22023 for a unit that is not known.';

-- In the place of (properties ->> name)::numeric in the SELECT of a report.
CREATE FUNCTION bizmetrics.numeric_property(properties jsonb, name text) RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_numeric_property';
COMMENT ON FUNCTION bizmetrics.numeric_property(jsonb, text) IS
'The same as (properties ->> name)::numeric, but a number is taken as it is, and not spelt and read again: a report''s SELECT is executed with it. Errors: 22P02 for a value that is no number.';

-- Backfill ------------------------------------------------------------------------------------

CREATE TABLE bizmetrics.report_backfills (
  report_id bigint PRIMARY KEY,
  window_start timestamptz NOT NULL,
  window_end timestamptz NOT NULL,
  done_from timestamptz NOT NULL,
  done_buckets bigint NOT NULL,
  total_buckets bigint NOT NULL,
  row_count bigint NOT NULL,
  started_at timestamptz NOT NULL,
  seconds double precision NOT NULL,
  updated_at timestamptz NOT NULL,
  finished_at timestamptz,
  message text
) WITH (fillfactor = 50);
COMMENT ON TABLE bizmetrics.report_backfills IS
'The latest backfill of each report, written when it begins and with each of its batches: read it through backfill_progress.';
COMMENT ON COLUMN bizmetrics.report_backfills.done_from IS 'Windows from here to window_end are done.';
COMMENT ON COLUMN bizmetrics.report_backfills.seconds IS 'Time that its batches took.';

CREATE PROCEDURE bizmetrics.backfill_report(
  name text,
  from_time timestamptz,
  to_time timestamptz,
  batch interval DEFAULT NULL
)
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_backfill_report';
COMMENT ON PROCEDURE bizmetrics.backfill_report(text, timestamptz, timestamptz, interval) IS
'Computes a report''s buckets of a past time anew, the newest first, whatever changed there: batch by batch (of so long a time; by default of 32 buckets), each in a transaction of its own, between which the report''s scheduled runs take their turn. A batch that fails is tried again as the report''s runs are. Called again with the same times after an interruption it goes on where it stopped; called again after its end it computes the same once more. Tells each batch to the client; see also backfill_progress. Buckets of which events were pruned stay as they are. Errors: 22004 NULL; 22023 times that are not finite or in the wrong order; 25001 called in a transaction block; 42501 not its owner; 42704 no such report; 55000 a report without a bucket, or one that only adds what is new; 55006 another session is backfilling it; and what the query raises.';

CREATE VIEW bizmetrics.backfill_progress WITH (security_barrier) AS
SELECT r.report_name,
       CASE WHEN b.finished_at IS NOT NULL THEN 'finished' WHEN l.pid IS NOT NULL THEN 'running' WHEN b.message IS NOT NULL THEN 'failed' ELSE 'interrupted' END AS state,
       CASE WHEN b.finished_at IS NULL THEN l.pid END AS pid,
       b.window_start,
       b.window_end,
       b.done_from,
       b.done_buckets,
       b.total_buckets,
       b.row_count,
       CASE WHEN b.seconds OPERATOR(pg_catalog.>) 0 THEN b.done_buckets OPERATOR(pg_catalog./) b.seconds END AS buckets_per_second,
       CASE WHEN b.finished_at IS NULL AND b.done_buckets OPERATOR(pg_catalog.>) 0
            THEN pg_catalog.make_interval(secs => b.seconds OPERATOR(pg_catalog./) b.done_buckets OPERATOR(pg_catalog.*) (b.total_buckets OPERATOR(pg_catalog.-) b.done_buckets)) END AS time_left,
       b.started_at,
       b.updated_at,
       b.finished_at,
       b.message
FROM bizmetrics.report_backfills b
JOIN bizmetrics.reports r ON r.report_id OPERATOR(pg_catalog.=) b.report_id
-- Who makes it has the lock of src/report/lock.c.
LEFT JOIN pg_catalog.pg_locks l ON l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.objsubid OPERATOR(pg_catalog.=) 2836
  AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
  AND l.classid OPERATOR(pg_catalog.=) (b.report_id OPERATOR(pg_catalog.>>) 32)::oid
  AND l.objid OPERATOR(pg_catalog.=) (b.report_id OPERATOR(pg_catalog.&) 4294967295)::oid
WHERE bizmetrics.may_see_report(r.owner_name);
COMMENT ON VIEW bizmetrics.backfill_progress IS 'The latest backfill of each report that the current role may see.';
COMMENT ON COLUMN bizmetrics.backfill_progress.report_name IS 'The report''s name.';
COMMENT ON COLUMN bizmetrics.backfill_progress.state IS 'running; interrupted: nobody is at it, and called again it goes on; failed: message says why; finished.';
COMMENT ON COLUMN bizmetrics.backfill_progress.pid IS 'The process that is at it.';
COMMENT ON COLUMN bizmetrics.backfill_progress.window_start IS 'The first bucket of it begins here.';
COMMENT ON COLUMN bizmetrics.backfill_progress.window_end IS 'The last one ends here.';
COMMENT ON COLUMN bizmetrics.backfill_progress.done_from IS 'Buckets from here to window_end are done.';
COMMENT ON COLUMN bizmetrics.backfill_progress.done_buckets IS 'How many that are.';
COMMENT ON COLUMN bizmetrics.backfill_progress.total_buckets IS 'How many there are.';
COMMENT ON COLUMN bizmetrics.backfill_progress.row_count IS 'Rows that were written.';
COMMENT ON COLUMN bizmetrics.backfill_progress.buckets_per_second IS 'Of the time that batches took.';
COMMENT ON COLUMN bizmetrics.backfill_progress.time_left IS 'What the others will take at this rate.';
COMMENT ON COLUMN bizmetrics.backfill_progress.started_at IS 'When it was first called.';
COMMENT ON COLUMN bizmetrics.backfill_progress.updated_at IS 'When its latest batch ended, or it was called.';
COMMENT ON COLUMN bizmetrics.backfill_progress.finished_at IS 'When its last batch ended.';
COMMENT ON COLUMN bizmetrics.backfill_progress.message IS 'The error that stopped it.';

-- Seeing --------------------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.explain_report(name text) RETURNS SETOF text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_explain_report';
COMMENT ON FUNCTION bizmetrics.explain_report(text) IS
'What the next run of a report would do, a line each: its strategy and what narrows it, how far it has read, the windows that changed or how many events are new, and the plan of its SQL (of the first window). Runs nothing and changes nothing. Errors: 22004 NULL; 42501 the current role is not its owner; 42704 no such report; and what planning the query raises.';

CREATE FUNCTION bizmetrics.also_wrote(from_time timestamptz, to_time timestamptz) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'bizmetrics_also_wrote';
COMMENT ON FUNCTION bizmetrics.also_wrote(timestamptz, timestamptz) IS
'For the query of a custom report with a bucket: says that it writes rows of this time too, which is not in its window, so that reports of which its table is the source compute them. NULL says nothing. Errors: 22023 no finite range; 55000 outside of such a report.';

CREATE FUNCTION bizmetrics.watermark_lag(report_id bigint, OUT new_events bigint, OUT since timestamptz)
LANGUAGE c STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_watermark_lag';
COMMENT ON FUNCTION bizmetrics.watermark_lag(bigint) IS
'How many committed events an incremental report has not read, and since when the oldest of them has been stored; NULL for others, or where the current role may not see the report or the events. Reads these events, and no more than a million of them.';

-- By its lock on the table it wrote into, which is held to the end: of business_events, or of a partition itself.
CREATE FUNCTION bizmetrics.oldest_writer(OUT pid integer, OUT since timestamptz, OUT gid text)
RETURNS SETOF record ROWS 1
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT l.pid, coalesce(a.xact_start, p.prepared), p.gid
  FROM pg_locks AS l
  JOIN pg_locks AS x ON x.virtualtransaction = l.virtualtransaction AND x.pid IS NOT DISTINCT FROM l.pid
    AND x.locktype = 'transactionid' AND x.mode = 'ExclusiveLock'
  LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
  LEFT JOIN pg_prepared_xacts AS p ON l.pid IS NULL AND p.transaction = x.transactionid
  WHERE l.locktype = 'relation'
    AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    AND l.relation IN (SELECT 'public.business_events'::regclass UNION ALL SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = 'public.business_events'::regclass)
    AND l.mode = 'RowExclusiveLock'
    AND l.granted
  ORDER BY age(x.transactionid) DESC, p.gid
  LIMIT 1
$$;
COMMENT ON FUNCTION bizmetrics.oldest_writer() IS
'The oldest transaction that has logged events and not ended: they become new to reports when it commits. No row where there is none. Of a prepared one pid is NULL, gid its name, and since when it was prepared; of others since is when it began, NULL where the current role may not see another one''s activity.';

CREATE VIEW bizmetrics.report_status WITH (security_barrier) AS
SELECT r.report_name,
       r.owner_name,
       r.target,
       r.schedule,
       r.timezone,
       CASE
         WHEN s.broken_reason IS NOT NULL THEN 'broken'
         WHEN s.report_id IS NULL OR NOT s.adopted THEN 'restored'
         WHEN s.pid IS NOT NULL THEN 'running'
         WHEN s.consecutive_crashes OPERATOR(pg_catalog.>=) 3 THEN 'quarantined'
         WHEN r.paused THEN 'paused'
         WHEN s.chain_trigger IS NOT NULL THEN 'retrying'
         ELSE 'waiting'
       END AS state,
       s.next_slot,
       s.last_slot,
       s.attempt,
       s.next_attempt_at,
       s.started_at AS running_since,
       s.last_success_at,
       s.consecutive_failures,
       s.broken_reason,
       bizmetrics.expected_slot(r, s) AS expected_slot,
       bizmetrics.time_since(bizmetrics.expected_slot(r, s)) AS lag,
       l.new_events,
       CASE WHEN l.new_events OPERATOR(pg_catalog.=) 0 THEN interval '0' ELSE pg_catalog.now() OPERATOR(pg_catalog.-) l.since END AS watermark_lag,
       (SELECT pg_catalog.count(*) FROM bizmetrics.pending_windows p WHERE p.report_id OPERATOR(pg_catalog.=) r.report_id) AS pending_windows,
       w.pid AS oldest_writer,
       w.since AS oldest_writer_since
FROM bizmetrics.reports r
LEFT JOIN bizmetrics.report_state s ON s.report_id OPERATOR(pg_catalog.=) r.report_id
LEFT JOIN LATERAL (
  SELECT pg_catalog.max(m.new_events) AS new_events, pg_catalog.max(m.since) AS since
  FROM bizmetrics.watermark_lag(r.report_id) m
) l ON true
LEFT JOIN (
  SELECT pg_catalog.max(o.pid) AS pid, pg_catalog.max(o.since) AS since
  FROM bizmetrics.oldest_writer() o
) w ON true
WHERE bizmetrics.may_see_report(r.owner_name);
COMMENT ON VIEW bizmetrics.report_status IS
'Where each report stands that the current role may see. new_events and watermark_lag read what is new to each report, at most a million events of it, and oldest_writer the locks: for all of them in one query once. What is not selected costs nothing.';
COMMENT ON COLUMN bizmetrics.report_status.new_events IS 'Committed events that an incremental report has not read, of the names and companies that change something; 1000000: so many or more. All events, where everything is computed anew. NULL: it does not go by new events, or the current role may not read events.';
COMMENT ON COLUMN bizmetrics.report_status.watermark_lag IS 'How long ago the oldest of these was stored: how far its watermark is behind the events.';
COMMENT ON COLUMN bizmetrics.report_status.pending_windows IS 'Windows that it found to have changed and has still to compute: of a long catch-up, or such as failed.';
COMMENT ON COLUMN bizmetrics.report_status.oldest_writer IS 'What holds watermarks back: the process of the oldest transaction that has logged events and not ended. What it logged is in no report yet. NULL: none, or a prepared one; oldest_writer() tells them apart.';
COMMENT ON COLUMN bizmetrics.report_status.oldest_writer_since IS 'When that transaction began; of a prepared one, when it was prepared.';
COMMENT ON COLUMN bizmetrics.report_status.state IS
'waiting for its slot; running; retrying after a failed attempt; paused; quarantined after three crashes in a row; broken: cannot run, see broken_reason; restored from a dump and not adopted yet.';
COMMENT ON COLUMN bizmetrics.report_status.report_name IS 'The report''s name.';
COMMENT ON COLUMN bizmetrics.report_status.owner_name IS 'The role it runs as.';
COMMENT ON COLUMN bizmetrics.report_status.target IS 'Its table.';
COMMENT ON COLUMN bizmetrics.report_status.schedule IS 'When it runs, as cron has it.';
COMMENT ON COLUMN bizmetrics.report_status.timezone IS 'The time zone of its schedule and buckets.';
COMMENT ON COLUMN bizmetrics.report_status.expected_slot IS 'The oldest slot whose result is missing: of the open run, of one that came and was not claimed, and of those since the last success where runs failed; NULL where nothing is missing.';
COMMENT ON COLUMN bizmetrics.report_status.lag IS 'How long ago expected_slot was: how far the report''s table is behind. NULL where nothing is missing.';
COMMENT ON COLUMN bizmetrics.report_status.next_attempt_at IS 'When a failed attempt is tried again; after a crash, nothing begins before; while it is restored, when it is looked at again.';
COMMENT ON COLUMN bizmetrics.report_status.running_since IS 'When the attempt under way began.';
COMMENT ON COLUMN bizmetrics.report_status.last_success_at IS 'When an attempt last succeeded.';
COMMENT ON COLUMN bizmetrics.report_status.broken_reason IS 'What keeps it from running.';
COMMENT ON COLUMN bizmetrics.report_status.next_slot IS 'When the schedule fires next.';
COMMENT ON COLUMN bizmetrics.report_status.last_slot IS 'The last slot that was claimed.';
COMMENT ON COLUMN bizmetrics.report_status.attempt IS 'Attempts made in the open run; 0 where there is none.';
COMMENT ON COLUMN bizmetrics.report_status.consecutive_failures IS 'Runs that failed, all their attempts counted as one, since the last success.';
