-- backfill_report() computes past buckets anew, the newest first, a transaction a batch; what was done before an
-- error is not done again.
CREATE EXTENSION bizmetrics_test;
GRANT USAGE ON SCHEMA bizmetrics_test TO PUBLIC;
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-03-01', '2026-04-01') >= 0;
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
\set SHOW_CONTEXT never
SELECT bizmetrics_test.set_clock('2026-03-20 12:00Z');
INSERT INTO public.business_events (event_name, occurred_at, properties) SELECT 'filled', t, '{"n": 1}' FROM generate_series('2026-03-01 12:00Z'::timestamptz, '2026-03-19 12:00Z', interval '1 day') t;
SELECT bizmetrics.create_report('f_window', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n, sum(1 / (properties ->> 'n')::int) AS m FROM public.business_events WHERE event_name = 'filled' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', max_attempts => 2, backoff => '{0s}');
SELECT bizmetrics.create_report('f_delta', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n FROM public.business_events WHERE event_name = 'filled' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT bizmetrics.create_report('f_merge', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'filled' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', strategy => 'merge');
SELECT bizmetrics.create_report('f_custom', 'analytics.f_custom', $$DELETE FROM analytics.f_custom WHERE day >= $1 AND day < $2; INSERT INTO analytics.f_custom SELECT date_trunc('day', occurred_at), count(*) FROM public.business_events WHERE event_name = 'filled' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 1$$, :never, ddl => 'CREATE TABLE analytics.f_custom (day timestamptz, n bigint)', bucket => '1 day', events => '{filled}');
-- Before its first run a delta has no watermark to count up to.
CALL bizmetrics.backfill_report('f_delta', '2026-03-01Z', '2026-03-05Z');
SELECT format('SELECT state, row_count FROM bizmetrics.run_report(%L)', r) FROM unnest('{f_window,f_delta,f_merge,f_custom}'::text[]) r \gexec
-- Somebody spoiled the tables.
UPDATE analytics.f_window SET n = 100; UPDATE analytics.f_delta SET n = 100; UPDATE analytics.f_merge SET n = 100; UPDATE analytics.f_custom SET n = 100;
INSERT INTO analytics.f_window VALUES ('2026-03-10 06:00Z', 1, 1); INSERT INTO analytics.f_delta VALUES ('2026-03-10 06:00Z', 1); INSERT INTO analytics.f_merge VALUES ('2026-03-10 06:00Z', 1);
-- Whole buckets of what is asked for, batch by batch.
CALL bizmetrics.backfill_report('f_window', '2026-03-05 15:00Z', '2026-03-12 00:00:00.000001Z', '3 days');
SELECT report_name, state, window_start, window_end, done_from, done_buckets, total_buckets, row_count, buckets_per_second > 0 AS rate, time_left, started_at, finished_at, message FROM bizmetrics.backfill_progress;
SELECT day, n FROM analytics.f_window WHERE day BETWEEN '2026-03-03Z' AND '2026-03-14Z' ORDER BY 1;
-- Twice is the same, and writes nothing.
CALL bizmetrics.backfill_report('f_window', '2026-03-05 15:00Z', '2026-03-12 00:00:00.000001Z');
CALL bizmetrics.backfill_report('f_window', '2026-03-01Z', '2026-03-21Z');
CALL bizmetrics.backfill_report('f_merge', '2026-03-01Z', '2026-03-21Z');
CALL bizmetrics.backfill_report('f_custom', '2026-03-01Z', '2026-03-21Z', '10 days');
SELECT count(*), sum(n) FROM analytics.f_window;
SELECT count(*), sum(n) FROM analytics.f_merge;
SELECT count(*), sum(n) FROM analytics.f_custom;
-- A delta counts what it has read, and adds the rest later: an event that it has not read is in neither twice.
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('filled', '2026-03-05 13:00Z'), ('filled', '2026-03-25 13:00Z');
CALL bizmetrics.backfill_report('f_delta', '2026-03-01Z', '2026-04-01Z');
SELECT count(*), sum(n) FROM analytics.f_delta;
SELECT state, row_count FROM bizmetrics.run_report('f_delta');
SELECT count(*), sum(n) FROM analytics.f_delta;
CALL bizmetrics.backfill_report('f_delta', '2026-03-01Z', '2026-04-01Z');
-- An error: what was done stays; the next call goes on there.
UPDATE analytics.f_window SET n = 100;
INSERT INTO public.business_events (event_name, occurred_at, properties) VALUES ('filled', '2026-03-08 13:00Z', '{"n": 0}');
CALL bizmetrics.backfill_report('f_window', '2026-03-01Z', '2026-03-13Z', '2 days');
SELECT state, done_from, done_buckets, total_buckets, finished_at, message FROM bizmetrics.backfill_progress WHERE report_name = 'f_window';
SELECT day, n FROM analytics.f_window WHERE day < '2026-03-13Z' ORDER BY 1;
SELECT bizmetrics.alter_report('f_window', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n, sum(1 / nullif((properties ->> 'n')::int, 0)) AS m FROM public.business_events WHERE event_name = 'filled' GROUP BY 1$$);
CALL bizmetrics.backfill_report('f_window', '2026-03-01Z', '2026-03-13Z', '2 days');
SELECT state, done_from, done_buckets, total_buckets, message FROM bizmetrics.backfill_progress WHERE report_name = 'f_window';
SELECT day, n FROM analytics.f_window WHERE day < '2026-03-13Z' ORDER BY 1;
-- An error that may pass is tried again, as often as the report's runs are.
CREATE SEQUENCE analytics.f_tries;
CREATE FUNCTION analytics.f_may_pass(n integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('analytics.f_tries') = 1 THEN
    RAISE EXCEPTION 'not yet' USING ERRCODE = '40001';
  END IF;
  RETURN n;
END
$$;
SELECT bizmetrics.create_report('f_again', 'analytics.f_custom', $$UPDATE analytics.f_custom SET n = analytics.f_may_pass(7) WHERE day >= $1 AND day < $2$$, :never, bucket => '1 day', events => '{filled}', backoff => '{0s}', max_attempts => 2);
CALL bizmetrics.backfill_report('f_again', '2026-03-10Z', '2026-03-11Z');
SELECT state, row_count FROM bizmetrics.backfill_progress WHERE report_name = 'f_again';
-- A report that is altered under way, here by its own query, is not backfilled as it was.
CREATE FUNCTION analytics.f_alter() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM bizmetrics.alter_report('f_altered', query => 'SELECT $1, $2');
  RETURN true;
END
$$;
SELECT bizmetrics.create_report('f_altered', 'analytics.f_custom', $$UPDATE analytics.f_custom SET n = -1 WHERE day >= $1 AND day < $2 AND analytics.f_alter()$$, :never, bucket => '1 day', events => '{filled}');
CALL bizmetrics.backfill_report('f_altered', '2026-03-10Z', '2026-03-12Z', '1 day');
SELECT * FROM analytics.f_custom WHERE n = -1;
-- What cannot be backfilled, and who may not.
SELECT bizmetrics.create_report('f_append', query => $$SELECT id FROM public.business_events WHERE event_name = 'filled'$$, schedule => :never, strategy => 'append', bucket => '1 day');
SELECT bizmetrics.create_report('f_full', query => $$SELECT event_name, count(*) AS n FROM public.business_events WHERE event_name = 'filled' GROUP BY 1$$, schedule => :never, key => '{event_name}', strategy => 'full');
SELECT bizmetrics.create_report('f_new', 'analytics.f_custom', 'SELECT count(*) FROM bizmetrics.new_events()', :never, bucket => '1 day');
CALL bizmetrics.backfill_report('f_append', '2026-03-01Z', '2026-03-13Z');
CALL bizmetrics.backfill_report('f_full', '2026-03-01Z', '2026-03-13Z');
CALL bizmetrics.backfill_report('f_new', '2026-03-01Z', '2026-03-13Z');
CALL bizmetrics.backfill_report('f_none', '2026-03-01Z', '2026-03-13Z');
CALL bizmetrics.backfill_report(NULL, '2026-03-01Z', '2026-03-13Z');
CALL bizmetrics.backfill_report('f_merge', NULL, '2026-03-13Z');
CALL bizmetrics.backfill_report('f_merge', '2026-03-13Z', NULL);
CALL bizmetrics.backfill_report('f_merge', '2026-03-13Z', '2026-03-13Z');
CALL bizmetrics.backfill_report('f_merge', '2026-03-13Z', '2026-03-12Z');
CALL bizmetrics.backfill_report('f_merge', '-infinity', '2026-03-12Z');
CALL bizmetrics.backfill_report('f_merge', '2026-03-12Z', 'infinity');
CALL bizmetrics.backfill_report('f_merge', '2026-03-12Z', '2026-03-13Z', '0');
CALL bizmetrics.backfill_report('f_merge', '2026-03-12Z', '2026-03-13Z', '-1 day');
BEGIN;
CALL bizmetrics.backfill_report('f_merge', '2026-03-12Z', '2026-03-13Z');
ROLLBACK;
BEGIN READ ONLY;
CALL bizmetrics.backfill_report('f_merge', '2026-03-12Z', '2026-03-13Z');
ROLLBACK;
DO $$ BEGIN CALL bizmetrics.backfill_report('f_merge', '2026-03-12Z', '2026-03-13Z'); END $$;
\c - postgres
CALL bizmetrics.backfill_report('f_merge', '2026-03-12Z', '2026-03-13Z');
SET ROLE regress_author;
CALL bizmetrics.backfill_report('f_merge', '2026-03-12Z', '2026-03-13Z');
RESET ROLE;
SELECT bizmetrics_test.set_clock(NULL);
SELECT bizmetrics.drop_report('f_window');
SELECT count(*) FROM bizmetrics.backfill_progress WHERE report_name = 'f_window';
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
DROP EXTENSION bizmetrics_test;
DROP SCHEMA IF EXISTS bizmetrics_test;
