-- A report that computes everything, and of which no bucket is said, keeps what stands for pruned events where its own column
-- of time tells which it is; else it says that it follows what there is. Of a delta by windows, late events of pruned
-- buckets are added.
CREATE ROLE regress_keeper LOGIN;
CREATE DATABASE regression_bizmetrics_days OWNER regress_keeper;
\c regression_bizmetrics_days regress_keeper
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE EXTENSION bizmetrics;
\set never '''0 0 29 2 *'''
SELECT count(bizmetrics.log_event('kept', properties => '{"v": 1}', actor_user_id => n % 3, occurred_at => timestamptz '2020-01-30 11:30Z' + n * interval '12 hours')) FROM generate_series(0, 7) n;
CREATE TABLE forms (report text, day text, strategy text DEFAULT 'full');
INSERT INTO forms VALUES ('f_day', $$date_trunc('day', occurred_at)$$), ('f_date', 'occurred_at::date'), ('f_local', $$date_trunc('day', occurred_at AT TIME ZONE 'Europe/Berlin')$$), ('f_local_date', $$(occurred_at AT TIME ZONE 'Europe/Berlin')::date$$),
  ('f_zone', $$date_trunc('day', occurred_at, 'Europe/Berlin')$$), ('f_week', $$date_trunc('week', occurred_at)::date$$), ('f_hour', $$date_trunc('hour', occurred_at)::timestamp$$), ('f_of_hour', $$date_trunc('hour', occurred_at)::date$$), ('f_month', $$date_trunc('MONTH', occurred_at)$$);
INSERT INTO forms VALUES ('f_merged', 'occurred_at::date', 'merge');
-- These are no buckets of the report's.
INSERT INTO forms VALUES ('f_other_zone', $$date_trunc('day', occurred_at, 'Asia/Tokyo')$$), ('f_shifted', $$date_trunc('day', occurred_at + interval '1 day')$$), ('f_instant', 'occurred_at'), ('f_century', $$date_trunc('century', occurred_at)$$);
SET client_min_messages = notice;
DO $$ DECLARE f forms; BEGIN FOR f IN TABLE forms LOOP RAISE NOTICE '%', f.report;
  PERFORM bizmetrics.create_report(f.report, query => format('SELECT %s AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = ''kept'' GROUP BY 1', f.day), schedule => '0 0 29 2 *', key => '{day}', strategy => f.strategy, timezone => 'Europe/Berlin');
END LOOP; END $$;
RESET client_min_messages;
SET client_min_messages = warning;
SELECT bizmetrics.create_report('f_delta', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, sum((properties ->> 'v')::int) AS v FROM public.business_events GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', timezone => 'Europe/Berlin');
CREATE FUNCTION pg_temp.sums() RETURNS TABLE (report text, rows bigint, first text, sum numeric) LANGUAGE plpgsql AS $$ DECLARE r text; BEGIN
  FOR r IN SELECT f.report FROM forms f ORDER BY 1 LOOP RETURN QUERY EXECUTE format('SELECT %L, count(*), min(day)::text, sum(n) FROM analytics.%1$I', r); END LOOP; END $$;
SELECT format('SELECT %L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', report) FROM (SELECT report FROM forms UNION ALL SELECT 'f_delta' ORDER BY 1) r \gexec
SELECT * FROM pg_temp.sums();
SELECT dropped, reason FROM bizmetrics.prune_events(timestamptz '2020-02-01Z');
-- A late event of what is gone, and one of what is kept.
SELECT bizmetrics.log_event('kept', properties => '{"v": 1}', occurred_at => '2020-01-30 13:00Z') IS NOT NULL, bizmetrics.log_event('kept', properties => '{"v": 1}', occurred_at => '2020-02-02 13:00Z') IS NOT NULL;
SELECT format('SELECT %L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', report) FROM (SELECT report FROM forms UNION ALL SELECT 'f_delta' ORDER BY 1) r \gexec
SELECT * FROM pg_temp.sums();
-- Another definition: what it left of before stays, the rest is what it is now.
SELECT bizmetrics.alter_report('f_date', query => $$SELECT occurred_at::date AS day, 10 * count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'kept' GROUP BY 1$$);
SELECT state, row_count FROM bizmetrics.run_report('f_date');
SELECT * FROM analytics.f_date ORDER BY 1;
-- Late events of what is gone are added though another one keeps the delta from adding all at once.
SELECT bizmetrics.log_event('kept', properties => '{"v": 5}', occurred_at => '2020-01-30 14:00Z') IS NOT NULL, bizmetrics.log_event('kept', properties => '{"v": "x"}', occurred_at => '2020-02-02 14:00Z') IS NOT NULL, bizmetrics.log_event('kept', properties => '{"v": 1}', occurred_at => '2020-02-03 14:00Z') IS NOT NULL;
SELECT state, sqlstate FROM bizmetrics.run_report('f_delta');
SELECT pending_windows, new_events FROM bizmetrics.report_status WHERE report_name = 'f_delta';
SELECT * FROM analytics.f_delta ORDER BY 1;
SELECT state, sqlstate FROM bizmetrics.run_report('f_delta');
SELECT * FROM analytics.f_delta ORDER BY 1;
-- One that is itself of what is gone holds up all that is new.
SELECT bizmetrics.log_event('kept', properties => '{"v": "y"}', occurred_at => '2020-01-30 15:00Z') IS NOT NULL, bizmetrics.log_event('kept', properties => '{"v": 1}', occurred_at => '2020-02-04 14:00Z') IS NOT NULL;
SELECT state, sqlstate FROM bizmetrics.run_report('f_delta');
SELECT pending_windows, new_events FROM bizmetrics.report_status WHERE report_name = 'f_delta';
SELECT regexp_replace(detail, '[0-9a-f-]{36}', '(id)') AS detail FROM bizmetrics.report_runs WHERE report_name = 'f_delta' ORDER BY run_id DESC LIMIT 1;
-- Another query for what is new lets it through; the buckets of before have what they had.
SELECT bizmetrics.alter_report('f_delta', recompute => false, query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, sum(CASE WHEN properties ->> 'v' ~ '^[0-9]+$' THEN (properties ->> 'v')::int END) AS v FROM public.business_events GROUP BY 1$$);
SELECT state, sqlstate FROM bizmetrics.run_report('f_delta');
SELECT pending_windows, new_events FROM bizmetrics.report_status WHERE report_name = 'f_delta';
SELECT * FROM analytics.f_delta ORDER BY 1;
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_days WITH (FORCE);
DROP ROLE regress_keeper;
