-- An event that cannot be added up keeps no other one from it where there are buckets: its own is computed anew, from all
-- that was read, until it can be. Where there are none the run says which event it is, and another query for what is
-- new lets it through without what is there being computed anew.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-01-01', '2026-04-01') >= 0;
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
\set details 'SELECT s.report_name, r.state, r.sqlstate, regexp_replace(r.detail, ''[0-9a-f-]{36}'', ''(id)'') AS detail, s.pending_windows, s.new_events FROM bizmetrics.report_status s CROSS JOIN LATERAL (SELECT * FROM bizmetrics.report_runs u WHERE u.report_name = s.report_name ORDER BY run_id DESC LIMIT 1) r ORDER BY 1'
CREATE FUNCTION pg_temp.say(at timestamptz, v text, company text DEFAULT NULL) RETURNS boolean LANGUAGE sql AS $$ SELECT bizmetrics.log_event('odd_value', jsonb_build_object('v', v), occurred_at => at, company_id => company) IS NOT NULL $$;
-- ---- with buckets ----
SELECT bizmetrics.create_report('days', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, sum((properties ->> 'v')::numeric) AS v FROM public.business_events WHERE event_name = 'odd_value' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', timezone => 'UTC', strategy => 'delta');
SELECT bizmetrics.create_report('months', query => $$SELECT date_trunc('month', day) AS month, sum(n) AS n FROM analytics.days WHERE day >= $1 AND day < $2 GROUP BY 1$$, schedule => :never, key => '{month}', bucket => '1 month', timezone => 'UTC', source => 'analytics.days');
\set run 'SELECT r, x.state, x.row_count, x.sqlstate FROM unnest(''{days,months}''::text[]) WITH ORDINALITY o (r, i), LATERAL (SELECT * FROM bizmetrics.run_report(o.r)) x ORDER BY i'
-- Also with the first run, which reads everything.
SELECT pg_temp.say('2026-02-01 10:00Z', '1'), pg_temp.say('2026-02-02 10:00Z', 'x'), pg_temp.say('2026-02-05 10:00Z', '1');
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('days');
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('months');
:details;
TABLE analytics.days ORDER BY 1;
TABLE analytics.months;
-- What comes later is added, to its day too; its day is looked at with each run.
SELECT pg_temp.say('2026-02-01 11:00Z', '10'), pg_temp.say('2026-02-02 11:00Z', '10'), pg_temp.say('2026-01-02 10:00Z', '10');
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('days');
:details;
TABLE analytics.days ORDER BY 1;
SELECT line FROM bizmetrics.explain_report('days') line WHERE line ~ '^(Window|New)';
-- Nothing new; and in a transaction that is undone.
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('days');
:details;
SELECT pg_temp.say('2026-02-08 11:00Z', '10');
BEGIN;
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('days');
SELECT count(*) FROM analytics.days WHERE day = '2026-02-08';
ROLLBACK;
SELECT count(*) FROM analytics.days WHERE day = '2026-02-08';
-- Another bad one, and a good one.
SELECT pg_temp.say('2026-02-09 11:00Z', 'y'), pg_temp.say('2026-02-10 11:00Z', '10');
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('days');
:details;
TABLE analytics.days ORDER BY 1;
-- A query that lets them through computes everything anew.
SELECT bizmetrics.alter_report('days', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, sum(CASE WHEN properties ->> 'v' ~ '^[0-9]+$' THEN (properties ->> 'v')::numeric END) AS v FROM public.business_events WHERE event_name = 'odd_value' GROUP BY 1$$);
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('days');
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('months');
:details;
TABLE analytics.days ORDER BY 1;
TABLE analytics.months ORDER BY 1;
-- What was pending goes with what it was pending for.
SELECT bizmetrics.alter_report('days', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, sum((properties ->> 'v')::numeric) AS v FROM public.business_events WHERE event_name = 'odd_value' GROUP BY 1$$);
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('days');
SELECT pending_windows FROM bizmetrics.report_status WHERE report_name = 'days';
SELECT bizmetrics.alter_report('days', strategy => 'full', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, NULL::numeric AS v FROM public.business_events WHERE event_name = 'odd_value' GROUP BY 1$$);
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('days');
SELECT pending_windows FROM bizmetrics.report_status WHERE report_name = 'days';
SELECT bizmetrics.drop_report('months'), bizmetrics.drop_report('days');
-- What lets several through at once leaves none pending.
CREATE FUNCTION analytics.value_of(v text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT v::numeric $$;
SELECT bizmetrics.create_report('mended', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, sum(analytics.value_of(properties ->> 'v')) AS v FROM public.business_events WHERE event_name = 'odd_value' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', timezone => 'UTC', strategy => 'delta');
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('mended');
SELECT pending_windows, new_events FROM bizmetrics.report_status WHERE report_name = 'mended';
CREATE OR REPLACE FUNCTION analytics.value_of(v text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN v ~ '^[0-9]+$' THEN v::numeric END $$;
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('mended');
SELECT pending_windows, new_events FROM bizmetrics.report_status WHERE report_name = 'mended';
SELECT count(*) FROM (SELECT date_trunc('day', occurred_at) AS day, count(*), sum(analytics.value_of(properties ->> 'v')) FROM public.business_events WHERE event_name = 'odd_value' GROUP BY 1 EXCEPT TABLE analytics.mended) x;
SELECT bizmetrics.drop_report('mended');
-- ---- without ----
SELECT bizmetrics.create_report('ever', query => $$SELECT coalesce(company_id, '') AS company, count(*) AS n, sum((properties ->> 'v')::numeric) AS v FROM public.business_events WHERE event_name = 'odd_value' AND occurred_at >= '2026-03-01Z' GROUP BY 1$$, schedule => :never, key => '{company}', timezone => 'UTC');
SELECT bizmetrics.create_report('listed', query => $$SELECT id, (properties ->> 'v')::numeric AS v FROM public.business_events WHERE event_name = 'odd_value' AND occurred_at >= '2026-03-01Z'$$, schedule => :never, key => '{id}', strategy => 'append', timezone => 'UTC');
\set run 'SELECT format(''SELECT %1$L AS report, state, row_count, sqlstate FROM bizmetrics.run_report(%1$L)'', r) FROM unnest(''{ever,listed}''::text[]) r'
SELECT count(pg_temp.say(timestamptz '2026-03-01 10:00Z' + n * interval '1 minute', n::text, 'c' || n % 2)) FROM generate_series(1, 10) n;
:run \gexec
SELECT count(pg_temp.say(timestamptz '2026-03-02 10:00Z' + n * interval '1 minute', CASE WHEN n IN (4, 7) THEN 'x' ELSE n::text END, 'c' || n % 2)) FROM generate_series(1, 10) n;
:run \gexec
:details;
SELECT DISTINCT r.detail ~ (SELECT id::text FROM public.business_events WHERE occurred_at = '2026-03-02 10:04Z') AS names_it FROM bizmetrics.report_runs r WHERE sqlstate IS NOT NULL AND report_name IN ('ever', 'listed');
TABLE analytics.ever ORDER BY 1;
-- What fails in the table, and for no event alone, names none.
ALTER TABLE analytics.ever ADD CONSTRAINT few CHECK (n < 6);
SELECT bizmetrics.alter_report('ever', recompute => false, query => $$SELECT coalesce(company_id, '') AS company, count(*) AS n, sum(CASE WHEN properties ->> 'v' ~ '^[0-9]+$' THEN (properties ->> 'v')::numeric END) AS v FROM public.business_events WHERE event_name = 'odd_value' AND occurred_at >= '2026-03-01Z' GROUP BY 1$$);
SELECT state, sqlstate FROM bizmetrics.run_report('ever');
SELECT detail ~ 'event' AS names_one FROM bizmetrics.report_runs WHERE report_name = 'ever' ORDER BY run_id DESC LIMIT 1;
ALTER TABLE analytics.ever DROP CONSTRAINT few;
-- Only what is new goes by the other query.
UPDATE analytics.ever SET v = v + 1000;
SELECT bizmetrics.alter_report('listed', recompute => false, query => $$SELECT id, CASE WHEN properties ->> 'v' ~ '^[0-9]+$' THEN (properties ->> 'v')::numeric END AS v FROM public.business_events WHERE event_name = 'odd_value' AND occurred_at >= '2026-03-01Z'$$);
:run \gexec
:details;
TABLE analytics.ever ORDER BY 1;
SELECT count(*), count(v) FROM analytics.listed;
-- A column that is new is added, and NULL in what is there.
SELECT bizmetrics.alter_report('ever', recompute => false, query => $$SELECT coalesce(company_id, '') AS company, count(*) AS n, sum(CASE WHEN properties ->> 'v' ~ '^[0-9]+$' THEN (properties ->> 'v')::numeric END) AS v, max(occurred_at) AS last FROM public.business_events WHERE event_name = 'odd_value' AND occurred_at >= '2026-03-01Z' GROUP BY 1$$);
SELECT pg_temp.say('2026-03-03 10:00Z', '1', 'c1');
SELECT state, row_count FROM bizmetrics.run_report('ever');
TABLE analytics.ever ORDER BY 1;
-- Refused: what would make rows mean something else, reports that compute buckets anew, NULL.
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('ever', recompute => false, bucket => '1 day')$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('ever', recompute => false, timezone => 'Europe/Berlin')$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('ever', recompute => false, events => '{odd_value}')$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('ever', recompute => false, strategy => 'full')$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('ever', recompute => NULL)$$);
SELECT bizmetrics.create_report('computed', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n FROM public.business_events GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('computed', recompute => false, query => 'SELECT date_trunc(''day'', occurred_at) AS day, count(DISTINCT id) AS n FROM public.business_events GROUP BY 1')$$);
-- Beside it, what has nothing to do with rows is altered.
SELECT bizmetrics.alter_report('computed', recompute => false, max_attempts => 5);
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
