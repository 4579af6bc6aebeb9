-- A bucket that cannot be computed keeps no other one from it: the run fails, and says which; the bucket stays as
-- it was, and pending, until it can be. Nothing is lost or counted twice.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-01-01', '2026-06-01') >= 0;
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
CREATE FUNCTION analytics.bad_value(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 100 / v; END $$;
SELECT bizmetrics.create_report('bad_days', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n, sum(analytics.bad_value((properties ->> 'v')::int)) AS v FROM public.business_events WHERE event_name = 'bad' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', timezone => 'UTC');
SELECT bizmetrics.create_report('bad_groups', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, '') AS company, count(DISTINCT id) AS n, sum(analytics.bad_value((properties ->> 'v')::int)) AS v FROM public.business_events WHERE event_name = 'bad' GROUP BY 1, 2$$, schedule => :never, key => '{day,company}', bucket => '1 day', timezone => 'UTC');
CREATE TABLE analytics.bad_custom (day date PRIMARY KEY, v bigint);
SELECT bizmetrics.create_report('bad_custom', query => $$DELETE FROM analytics.bad_custom WHERE day >= $1 AND day < $2; INSERT INTO analytics.bad_custom SELECT occurred_at::date, sum(analytics.bad_value((properties ->> 'v')::int)) FROM public.business_events WHERE event_name = 'bad' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 1$$, schedule => :never, bucket => '1 day', timezone => 'UTC', events => '{bad}');
SELECT bizmetrics.create_report('bad_follower', query => $$SELECT date_trunc('month', day) AS month, sum(n) AS n FROM analytics.bad_days WHERE day >= $1 AND day < $2 GROUP BY 1$$, schedule => :never, key => '{month}', bucket => '1 month', timezone => 'UTC', source => 'analytics.bad_days');
SELECT bizmetrics.create_report('bad_delta', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, sum(analytics.bad_value((properties ->> 'v')::int)) AS v FROM public.business_events WHERE event_name = 'bad' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', timezone => 'UTC');
\set reports '{bad_days,bad_groups,bad_custom,bad_follower,bad_delta}'
\set run 'SELECT format(''SELECT %1$L AS report, state, row_count, sqlstate FROM bizmetrics.run_report(%1$L)'', r) FROM unnest(:''reports''::text[]) r'
\set details 'SELECT s.report_name, r.state, r.detail, s.pending_windows, s.new_events FROM bizmetrics.report_status s CROSS JOIN LATERAL (SELECT * FROM bizmetrics.report_runs u WHERE u.report_name = s.report_name ORDER BY run_id DESC LIMIT 1) r WHERE s.report_name ~ ''^bad'' ORDER BY 1'
-- The third of five days is bad.
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties)
SELECT 'bad', timestamptz '2026-02-01 10:00Z' + d * interval '2 days', c, jsonb_build_object('v', CASE WHEN d = 2 AND c = 'a' THEN 0 ELSE 10 END) FROM generate_series(0, 4) d, unnest('{a,b}'::text[]) c;
:run \gexec
:details;
SELECT * FROM analytics.bad_days ORDER BY 1;
SELECT * FROM analytics.bad_groups ORDER BY 1, 2;
SELECT * FROM analytics.bad_custom ORDER BY 1;
SELECT * FROM analytics.bad_delta ORDER BY 1;
SELECT line FROM bizmetrics.explain_report('bad_days') line WHERE line ~ '^Window';
-- Beside it, and elsewhere, there are new events.
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties) VALUES
  ('bad', '2026-02-04 10:00Z', 'a', '{"v": 5}'), ('bad', '2026-02-06 10:00Z', 'a', '{"v": 5}'), ('bad', '2026-02-09 10:00Z', 'b', '{"v": 5}');
:run \gexec
:details;
SELECT * FROM analytics.bad_days ORDER BY 1;
SELECT * FROM analytics.bad_groups ORDER BY 1, 2;
-- Nothing new: the same days fail, and nothing else is done.
:run \gexec
:details;
-- In the transaction of the caller, whose undoing undoes it all.
BEGIN;
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties) VALUES ('bad', '2026-02-11 10:00Z', 'b', '{"v": 5}');
COMMIT;
BEGIN;
SELECT state, sqlstate FROM bizmetrics.run_report('bad_days');
SELECT count(*) FROM analytics.bad_days WHERE day = '2026-02-11';
ROLLBACK;
SELECT count(*) FROM analytics.bad_days WHERE day = '2026-02-11';
SELECT new_events, pending_windows FROM bizmetrics.report_status WHERE report_name = 'bad_days';
-- Mended: all is as it should be.
CREATE OR REPLACE FUNCTION analytics.bad_value(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 100 / nullif(v, 0); END $$;
:run \gexec
:details;
CREATE FUNCTION pg_temp.wrong() RETURNS TABLE (report text, day text) LANGUAGE sql AS $$
  WITH e AS (SELECT *, date_trunc('day', occurred_at) AS d, analytics.bad_value((properties ->> 'v')::int) AS v FROM public.business_events WHERE event_name = 'bad'),
    days AS (SELECT d AS day, count(*) AS n, sum(v) AS v FROM e GROUP BY 1),
    groups AS (SELECT d AS day, coalesce(company_id, '') AS company, count(*) AS n, sum(v) AS v FROM e GROUP BY 1, 2),
    custom AS (SELECT d::date AS day, sum(v)::bigint AS v FROM e GROUP BY 1),
    months AS (SELECT date_trunc('month', d) AS month, count(*)::numeric AS n FROM e GROUP BY 1)
  SELECT 'days', day::text FROM ((TABLE days EXCEPT TABLE analytics.bad_days) UNION ALL (TABLE analytics.bad_days EXCEPT TABLE days)) x
  UNION SELECT 'delta', day::text FROM ((TABLE days EXCEPT TABLE analytics.bad_delta) UNION ALL (TABLE analytics.bad_delta EXCEPT TABLE days)) x
  UNION SELECT 'groups', day::text FROM ((TABLE groups EXCEPT TABLE analytics.bad_groups) UNION ALL (TABLE analytics.bad_groups EXCEPT TABLE groups)) x
  UNION SELECT 'custom', day::text FROM ((TABLE custom EXCEPT TABLE analytics.bad_custom) UNION ALL (TABLE analytics.bad_custom EXCEPT TABLE custom)) x
  UNION SELECT 'follower', month::text FROM ((TABLE months EXCEPT TABLE analytics.bad_follower) UNION ALL (TABLE analytics.bad_follower EXCEPT TABLE months)) x
  ORDER BY 1, 2
$$;
SELECT * FROM pg_temp.wrong();
-- Where all of them are bad it ends soon; and those after them wait.
CREATE OR REPLACE FUNCTION analytics.bad_value(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 100 / v; END $$;
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties)
SELECT 'bad', timestamptz '2026-03-01 10:00Z' + d * interval '1 days', 'a', jsonb_build_object('v', CASE WHEN d < 40 THEN 0 ELSE 10 END) FROM generate_series(0, 44) d;
SELECT state, sqlstate FROM bizmetrics.run_report('bad_days');
:details;
SELECT count(*), max(day) FROM analytics.bad_days;
CREATE OR REPLACE FUNCTION analytics.bad_value(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 100 / nullif(v, 0); END $$;
:run \gexec
SELECT * FROM pg_temp.wrong();
-- An error that is none of the data ends it at once: nothing was computed, and nothing is pending.
ALTER TABLE analytics.bad_days RENAME COLUMN v TO w;
INSERT INTO public.business_events (event_name, occurred_at, properties) VALUES ('bad', '2026-02-04 10:00Z', '{"v": 5}'), ('bad', '2026-02-20 10:00Z', '{"v": 5}');
SELECT state, sqlstate FROM bizmetrics.run_report('bad_days');
SELECT new_events, pending_windows FROM bizmetrics.report_status WHERE report_name = 'bad_days';
ALTER TABLE analytics.bad_days RENAME COLUMN w TO v;
:run \gexec
SELECT * FROM pg_temp.wrong();
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
