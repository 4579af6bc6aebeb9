-- Pruned events never make a report shrink: what stands for buckets of theirs stays as it is, however the report
-- is computed; what only adds is exact.
CREATE ROLE regress_keeper LOGIN;
CREATE DATABASE regression_bizmetrics_leave OWNER regress_keeper;
\c regression_bizmetrics_leave regress_keeper
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE EXTENSION bizmetrics;
\set never '''0 0 29 2 *'''
SELECT count(bizmetrics.log_event(name, actor_user_id => n % 3, occurred_at => timestamptz '2020-01-30 12:00Z' + n * interval '12 hours')) FROM generate_series(0, 5) n, unnest('{kept,other}'::text[]) name;
SELECT bizmetrics.create_report('p_window', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT actor_user_id) AS n FROM public.business_events WHERE event_name = 'kept' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT bizmetrics.create_report('p_month', query => $$SELECT date_trunc('week', occurred_at) AS week, count(DISTINCT actor_user_id) AS n FROM public.business_events WHERE event_name = 'kept' GROUP BY 1$$, schedule => :never, key => '{week}', bucket => '1 week');
SELECT bizmetrics.create_report('p_delta', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n FROM public.business_events WHERE event_name = 'kept' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT bizmetrics.create_report('p_ever', query => $$SELECT event_name, count(*) AS n FROM public.business_events WHERE event_name = 'kept' GROUP BY 1$$, schedule => :never, key => '{event_name}');
SELECT bizmetrics.create_report('p_full', query => $$SELECT event_name, count(DISTINCT actor_user_id) AS n FROM public.business_events WHERE event_name = 'kept' GROUP BY 1$$, schedule => :never, key => '{event_name}');
-- What computes everything keeps what stands for pruned events where a bucket tells which it is; else it says that it follows what there is.
SET client_min_messages = notice;
SELECT bizmetrics.create_report('p_full_days', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT actor_user_id) AS n FROM public.business_events WHERE event_name = 'kept' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', strategy => 'full');
SELECT bizmetrics.create_report('p_full_ranks', query => $$SELECT day, n, rank() OVER (ORDER BY n) AS place FROM (SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT actor_user_id) AS n FROM public.business_events WHERE event_name = 'kept' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 1) d$$, schedule => :never, key => '{day}', bucket => '1 day', strategy => 'full');
SELECT bizmetrics.create_report('p_full_weekdays', query => $$SELECT day, n FROM (SELECT extract(isodow FROM occurred_at) AS day, count(DISTINCT actor_user_id) AS n FROM public.business_events WHERE event_name = 'kept' GROUP BY 1) d$$, schedule => :never, key => '{day}', strategy => 'full');
SELECT bizmetrics.create_report('p_full_series', query => $$SELECT g AS n FROM generate_series(1, 3) g$$, schedule => :never, key => '{n}', strategy => 'full');
SELECT bizmetrics.create_report('p_merge_ever', query => $$SELECT event_name, count(DISTINCT actor_user_id) AS n FROM public.business_events WHERE event_name = 'kept' GROUP BY 1$$, schedule => :never, key => '{event_name}', strategy => 'merge');
SELECT bizmetrics.drop_report('p_full_series'), bizmetrics.drop_report('p_full_weekdays'), bizmetrics.drop_report('p_merge_ever');
RESET client_min_messages;
SET client_min_messages = warning;
CREATE TEMP VIEW rows AS SELECT 'p_full_days' AS report, day::text AS key, n FROM analytics.p_full_days UNION ALL SELECT 'p_full_ranks', day::text, n FROM analytics.p_full_ranks UNION ALL SELECT 'p_window', day::text, n FROM analytics.p_window UNION ALL SELECT 'p_month', week::text, n FROM analytics.p_month UNION ALL SELECT 'p_delta', day::text, n FROM analytics.p_delta UNION ALL SELECT 'p_ever', event_name, n FROM analytics.p_ever UNION ALL SELECT 'p_full', event_name, n FROM analytics.p_full;
\set run 'SELECT format(''SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)'', r) FROM unnest(''{p_window,p_month,p_delta,p_ever,p_full,p_full_days,p_full_ranks}''::text[]) r'
-- A report that has not read them keeps them.
SELECT dropped, reason ~ '^report ".*" has not read it' AS unread FROM bizmetrics.prune_events(timestamptz '2020-02-01Z');
:run \gexec
SELECT * FROM rows ORDER BY 1, 2;
SELECT dropped, reason ~ '^report ".*" has not read it' AS unread FROM bizmetrics.prune_events(timestamptz '2020-02-01Z');
SELECT min(occurred_at) FROM public.business_events;
-- A late event of a pruned day: what adds, adds it; what computes anew leaves the day alone.
SELECT bizmetrics.log_event('kept', actor_user_id => 9, occurred_at => '2020-01-30 13:00Z') IS NOT NULL;
SELECT bizmetrics.log_event('kept', actor_user_id => 9, occurred_at => '2020-02-01 13:00Z') IS NOT NULL;
SELECT r, line FROM unnest('{p_window,p_month,p_delta,p_ever}'::text[]) r, bizmetrics.explain_report(r) line WHERE line ~ '^(Window|New)';
:run \gexec
SELECT * FROM rows ORDER BY 1, 2;
-- Computed anew, as after a restore.
SELECT bizmetrics.reset_report(r) FROM unnest('{p_window,p_month,p_delta,p_ever}'::text[]) r;
:run \gexec
SELECT * FROM rows ORDER BY 1, 2;
-- A report of other buckets, whose old rows are of what is gone.
SELECT bizmetrics.alter_report('p_window', timezone => 'Asia/Tokyo');
SELECT state, message FROM bizmetrics.run_report('p_window');
SELECT * FROM analytics.p_window ORDER BY 1;
CALL bizmetrics.backfill_report('p_delta', '2020-01-01Z', '2020-03-01Z');
SELECT * FROM analytics.p_delta ORDER BY 1;
-- A type that is kept for less: reports of others do not care.
SELECT bizmetrics.drop_report('p_ever');
SELECT bizmetrics.set_event_retention('other', '1 day');
SELECT event_name, events, pruned, reason FROM bizmetrics.prune_event_types();
SELECT event_name, count(*) FROM public.business_events GROUP BY 1 ORDER BY 1;
SELECT r, count(*) FROM unnest('{p_window,p_delta}'::text[]) r, bizmetrics.explain_report(r) line WHERE line ~ '^Window: 2020|^New events: [1-9]' GROUP BY 1;
SELECT bizmetrics.log_event('kept', actor_user_id => 10, occurred_at => '2020-02-01 14:00Z') IS NOT NULL;
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest('{p_window,p_delta,p_full,p_full_days,p_full_ranks}'::text[]) r \gexec
SELECT * FROM rows WHERE report IN ('p_window', 'p_delta', 'p_full_days') ORDER BY 1, 2;
-- So does a backfill: buckets of theirs whose events are all there are computed, though others of that time were pruned.
UPDATE analytics.p_window SET n = 100;
SET client_min_messages = notice;
CALL bizmetrics.backfill_report('p_window', '2020-01-30Z', '2020-02-03Z');
RESET client_min_messages;
SET client_min_messages = warning;
SELECT * FROM analytics.p_window ORDER BY 1;
UPDATE analytics.p_delta SET n = 100;
SELECT bizmetrics.reset_report('p_delta');
SELECT state, row_count FROM bizmetrics.run_report('p_delta');
SELECT * FROM analytics.p_delta ORDER BY 1;
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_leave WITH (FORCE);
DROP ROLE regress_keeper;
