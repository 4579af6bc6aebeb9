-- Late and out-of-order events change the buckets that they are of, and no others; grain, reach, events and
-- companies say what changes with them, lookback what is computed whatever changed.
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
-- The clock stands: 2026-03-20 12:00 UTC.
SELECT bizmetrics_test.set_clock('2026-03-20 12:00Z');
\set by 'FROM public.business_events WHERE event_name IN (''late'', ''late_too'')'
SELECT bizmetrics.create_report('l_plain', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT actor_user_id) AS n $$ || :'by' || ' GROUP BY 1', schedule => :never, key => '{day}', bucket => '1 day');
SELECT bizmetrics.create_report('l_grain', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(actor_user_id, '') AS actor, count(DISTINCT company_id) AS n $$ || :'by' || ' GROUP BY 1, 2', schedule => :never, key => '{day,actor}', bucket => '1 day', grain => 'actor_user_id');
SELECT bizmetrics.create_report('l_events', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT actor_user_id) AS n $$ || :'by' || ' GROUP BY 1', schedule => :never, key => '{day}', bucket => '1 day', events => '{late_too}');
SELECT bizmetrics.create_report('l_companies', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT actor_user_id) AS n $$ || :'by' || ' GROUP BY 1', schedule => :never, key => '{day}', bucket => '1 day', companies => '{a}');
SELECT bizmetrics.create_report('l_reach', query => $$SELECT date_trunc('day', d) AS day, count(DISTINCT e.actor_user_id) AS n FROM generate_series($1, $2 - interval '1 day', interval '1 day') d JOIN public.business_events e ON e.occurred_at >= d AND e.occurred_at < d + interval '3 days' WHERE e.event_name IN ('late', 'late_too') GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', events => '{late,late_too}', reach => '2 days');
SELECT bizmetrics.create_report('l_lookback', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT actor_user_id) AS n $$ || :'by' || ' GROUP BY 1', schedule => :never, key => '{day}', bucket => '1 day', lookback => '1 day');
CREATE FUNCTION pg_temp.show() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT r || ': ' || replace(replace(line, 'Window: ', ''), ' 00:00:00+00', '') FROM unnest('{l_plain,l_grain,l_events,l_companies,l_reach,l_lookback}'::text[]) r, bizmetrics.explain_report(r) line WHERE line ~ '^Window'
$$;
CREATE FUNCTION pg_temp.wrong() RETURNS TABLE (report text, day timestamptz) LANGUAGE sql AS $$
  WITH e AS (SELECT *, date_trunc('day', occurred_at) AS d FROM public.business_events WHERE event_name IN ('late', 'late_too')),
    plain AS (SELECT d AS day, count(DISTINCT actor_user_id) AS n FROM e GROUP BY 1),
    grain AS (SELECT d AS day, coalesce(actor_user_id, '') AS actor, count(DISTINCT company_id) AS n FROM e GROUP BY 1, 2),
    reach AS (SELECT g AS day, count(DISTINCT e.actor_user_id) AS n FROM generate_series('2026-03-01Z'::timestamptz, '2026-03-31Z', '1 day') g JOIN e ON e.occurred_at >= g AND e.occurred_at < g + interval '3 days' GROUP BY 1)
  SELECT 'l_plain', day FROM ((TABLE plain EXCEPT TABLE analytics.l_plain) UNION ALL (TABLE analytics.l_plain EXCEPT TABLE plain)) x
  UNION SELECT 'l_grain', day FROM ((TABLE grain EXCEPT TABLE analytics.l_grain) UNION ALL (TABLE analytics.l_grain EXCEPT TABLE grain)) x
  UNION SELECT 'l_events', day FROM ((TABLE plain EXCEPT TABLE analytics.l_events) UNION ALL (TABLE analytics.l_events EXCEPT TABLE plain)) x
  UNION SELECT 'l_companies', day FROM ((TABLE plain EXCEPT TABLE analytics.l_companies) UNION ALL (TABLE analytics.l_companies EXCEPT TABLE plain)) x
  UNION SELECT 'l_reach', day FROM ((TABLE reach EXCEPT TABLE analytics.l_reach) UNION ALL (TABLE analytics.l_reach EXCEPT TABLE reach)) x
  UNION SELECT 'l_lookback', day FROM ((TABLE plain EXCEPT TABLE analytics.l_lookback) UNION ALL (TABLE analytics.l_lookback EXCEPT TABLE plain)) x
  ORDER BY 1, 2
$$;
\set run 'SELECT format(''SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)'', r) FROM unnest(''{l_plain,l_grain,l_events,l_companies,l_reach,l_lookback}''::text[]) r'
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES
  ('late', '2026-03-10 10:00Z', 'a', 'x'), ('late_too', '2026-03-10 11:00Z', 'b', 'y'), ('late', '2026-03-12 10:00Z', 'a', 'x'), ('late', '2026-03-13 10:00Z', 'b', NULL), ('late_too', '2026-03-19 23:59:59.999999Z', 'a', 'z');
SELECT * FROM pg_temp.show();
:run \gexec
SELECT * FROM pg_temp.wrong();
-- Nothing new: nothing to do, but for a lookback, which writes nothing either.
SELECT * FROM pg_temp.show();
:run \gexec
-- Late, out of order, before the first one and at the edges of days. What does not count changes nothing: days
-- of l_events and l_companies stay behind until something that counts comes.
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES
  ('late', '2026-03-12 00:00Z', 'b', 'w'), ('late', '2026-03-10 23:59:59.999999Z', 'a', 'w'), ('late_too', '2026-03-03 10:00Z', 'b', 'v'), ('late', '2026-03-12 01:00Z', 'c', NULL), ('late_other', '2026-03-15 01:00Z', 'a', 'x');
SELECT * FROM pg_temp.show();
:run \gexec
SELECT * FROM pg_temp.wrong();
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('late_too', '2026-03-12 00:00Z', 'a', 'u'), ('late', '2026-03-03 00:00Z', 'a', 'u');
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('late_too', '2026-03-10 00:00Z', NULL, 'u');
SELECT * FROM pg_temp.show();
:run \gexec
SELECT * FROM pg_temp.wrong();
-- In the future, too.
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('late_too', '2026-03-25 00:00Z', 'a', 'u');
:run \gexec
SELECT * FROM pg_temp.wrong();
-- A run that comes late computes what its lookback touched since the last one.
SELECT bizmetrics_test.set_clock('2026-03-23 12:00Z');
SELECT * FROM pg_temp.show() s WHERE s ~ 'lookback';
-- Rolled back, in savepoints, in a transaction that is prepared: events of what is committed, once it is.
BEGIN;
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('late_too', '2026-03-05 10:00Z', 'a', 'never');
ROLLBACK;
BEGIN;
SAVEPOINT s;
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('late_too', '2026-03-06 10:00Z', 'a', 'never');
ROLLBACK TO s;
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('late_too', '2026-03-07 10:00Z', 'a', 'once');
RELEASE s;
COMMIT;
BEGIN;
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('late_too', '2026-03-08 10:00Z', 'a', 'prepared');
PREPARE TRANSACTION 'regress_late';
:run \gexec
SELECT * FROM pg_temp.wrong();
-- It holds watermarks back, and has no process.
SELECT o.pid, o.gid, o.since = p.prepared AS since_prepared, s.oldest_writer, s.oldest_writer_since = p.prepared AS shown_since
FROM bizmetrics.oldest_writer() o, pg_prepared_xacts p, bizmetrics.report_status s WHERE p.gid = 'regress_late' AND s.report_name = 'l_plain';
COMMIT PREPARED 'regress_late';
SELECT * FROM pg_temp.show() s WHERE s !~ 'lookback';
:run \gexec
SELECT * FROM pg_temp.wrong();
SELECT bizmetrics_test.set_clock(NULL);
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
DROP EXTENSION bizmetrics_test;
DROP SCHEMA IF EXISTS bizmetrics_test;
