-- Which strategy a SELECT gets by itself, and what of it is exact: the table is compared with the SELECT after
-- events of every age came in several runs.
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
CREATE TABLE analytics.plans (company text PRIMARY KEY, plan text NOT NULL);
INSERT INTO analytics.plans VALUES ('a', 'free'), ('b', 'paid');
CREATE VIEW analytics.decided_view AS SELECT * FROM public.business_events WHERE event_name = 'decided';
CREATE TABLE pg_temp.selects (n serial, query text, key text, bucket text);
INSERT INTO pg_temp.selects (query, key, bucket) VALUES
  ('SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n FROM public.business_events WHERE event_name = ''decided'' GROUP BY 1', 'day', '1 day'),
  ('SELECT date_trunc(''day'', e.occurred_at)::date AS day, count(*) AS n FROM public.business_events e WHERE event_name IN (''decided'', ''decided_too'') GROUP BY 1 ORDER BY 1', 'day', '1 day'),
  ('SELECT event_name, coalesce(company_id, '''') AS company, count(*) AS n FROM public.business_events WHERE event_name LIKE ''decided%'' GROUP BY 1, 2', 'event_name,company', NULL),
  ('SELECT event_name, count(DISTINCT actor_user_id) AS n FROM public.business_events WHERE event_name LIKE ''decided%'' GROUP BY 1', 'event_name', NULL),
  ('SELECT date_trunc(''day'', occurred_at) AS day, event_name, count(DISTINCT actor_user_id) AS n FROM public.business_events WHERE event_name LIKE ''decided%'' GROUP BY 1, 2', 'day,event_name', '1 day'),
  ('SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n FROM public.business_events WHERE event_name = ''decided'' GROUP BY 1 HAVING count(*) > 1', 'day', '1 day'),
  ('SELECT date_trunc(''day'', occurred_at) AS day, avg((properties ->> ''n'')::int) AS n FROM public.business_events WHERE event_name = ''decided'' GROUP BY 1', 'day', '1 day'),
  ('SELECT date_trunc(''day'', occurred_at) AS day, sum((properties ->> ''n'')::float) AS n FROM public.business_events WHERE event_name = ''decided'' GROUP BY 1', 'day', '1 day'),
  ('SELECT date_trunc(''day'', occurred_at) AS day, count(*) + 1 AS n FROM public.business_events WHERE event_name = ''decided'' GROUP BY 1', 'day', '1 day'),
  ('SELECT date_trunc(''day'', occurred_at) AS day, string_agg(company_id, '','' ORDER BY company_id) AS n FROM public.business_events WHERE event_name = ''decided'' GROUP BY 1', 'day', '1 day'),
  ('SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n FROM public.business_events WHERE event_name = ''decided'' GROUP BY 1, company_id HAVING company_id = ''a''', 'day', '1 day'),
  ('SELECT DISTINCT date_trunc(''day'', occurred_at) AS day FROM public.business_events WHERE event_name = ''decided''', 'day', '1 day'),
  ('SELECT id, occurred_at, company_id FROM public.business_events WHERE event_name = ''decided''', 'id,occurred_at', '1 day'),
  ('SELECT date_trunc(''day'', occurred_at) AS day, coalesce(p.plan, '''') AS plan, count(*) AS n FROM public.business_events e LEFT JOIN analytics.plans p ON p.company = e.company_id WHERE e.event_name = ''decided'' GROUP BY 1, 2', 'day,plan', '1 day'),
  ('SELECT date_trunc(''day'', occurred_at) AS day, p.plan, count(*) AS n FROM analytics.plans p RIGHT JOIN public.business_events e ON p.company = e.company_id JOIN analytics.plans q USING (company) WHERE e.event_name = ''decided'' GROUP BY 1, 2', 'day,plan', '1 day'),
  ('SELECT date_trunc(''day'', e.occurred_at) AS day, count(*) AS n FROM analytics.plans p, public.business_events e WHERE p.company = e.company_id AND e.event_name = ''decided'' GROUP BY 1', 'day', '1 day'),
  ('SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n FROM public.business_events WHERE event_name = ''decided'' AND company_id IN (SELECT company FROM analytics.plans) GROUP BY 1', 'day', '1 day'),
  ('WITH paid AS (SELECT company FROM analytics.plans WHERE plan = ''paid'') SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n FROM public.business_events JOIN paid ON company = company_id WHERE event_name = ''decided'' GROUP BY 1', 'day', '1 day'),
  ('SELECT date_trunc(''day'', s.occurred_at) AS day, count(*) AS n FROM (SELECT occurred_at FROM public.business_events WHERE event_name = ''decided'' AND occurred_at >= $1 AND occurred_at < $2) s GROUP BY 1', 'day', '1 day'),
  ('WITH e AS (SELECT occurred_at FROM public.business_events WHERE event_name = ''decided'' AND occurred_at >= $1 AND occurred_at < $2) SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n FROM e GROUP BY 1', 'day', '1 day'),
  ('SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n FROM analytics.decided_view WHERE occurred_at >= $1 AND occurred_at < $2 GROUP BY 1', 'day', '1 day'),
  ('SELECT date_trunc(''day'', occurred_at) AS day, ''one'' AS what, count(*) AS n FROM public.business_events WHERE event_name = ''decided'' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 1 UNION ALL SELECT date_trunc(''day'', occurred_at), ''two'', count(*) FROM public.business_events WHERE event_name = ''decided_too'' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 1', 'day,what', '1 day'),
  ('SELECT d AS day, (SELECT count(*) FROM public.business_events e WHERE e.event_name = ''decided'' AND e.occurred_at >= d AND e.occurred_at < d + interval ''1 day'') AS n FROM generate_series($1::timestamptz, $2 - interval ''1 day'', interval ''1 day'') d WHERE d < ''2026-03-08Z'' AND d >= ''2026-03-02Z''', 'day', '1 day'),
  ('SELECT date_trunc(''day'', a.occurred_at) AS day, count(*) AS n FROM public.business_events a JOIN public.business_events b ON b.company_id = a.company_id AND b.occurred_at > a.occurred_at WHERE a.event_name = ''decided'' AND b.event_name = ''decided'' AND a.occurred_at >= $1 AND a.occurred_at < $2 AND b.occurred_at < $2 AND date_trunc(''day'', a.occurred_at) = date_trunc(''day'', b.occurred_at) GROUP BY 1', 'day', '1 day'),
  ('SELECT event_name, count(*) AS n, random() >= 0 AS yes FROM public.business_events WHERE event_name LIKE ''decided%'' GROUP BY 1', 'event_name', NULL),
  ('SELECT event_name, count(*) FILTER (WHERE occurred_at > now()) AS n FROM public.business_events WHERE event_name LIKE ''decided%'' GROUP BY 1', 'event_name', NULL),
  ('SELECT event_name, count(*) FILTER (WHERE age(occurred_at) < interval ''0'') AS n FROM public.business_events WHERE event_name LIKE ''decided%'' GROUP BY 1', 'event_name', NULL),
  ('SELECT event_name, count(*) AS n FROM public.business_events WHERE event_name LIKE ''decided%'' GROUP BY 1 LIMIT 100', 'event_name', NULL),
  ('SELECT event_name, row_number() OVER (ORDER BY event_name) AS n FROM public.business_events WHERE event_name LIKE ''decided%'' GROUP BY 1', 'event_name', NULL);
CREATE FUNCTION pg_temp.make(report text, query text, key text, bucket text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  delta text;
BEGIN
  BEGIN
    PERFORM bizmetrics.create_report(report, query => query, schedule => '0 0 29 2 *', key => string_to_array(key, ','), bucket => bucket::interval, strategy => 'delta');
    delta := 'can be';
    PERFORM bizmetrics.drop_report(report);
    EXECUTE format('DROP TABLE analytics.%I', report);
  EXCEPTION WHEN OTHERS THEN
    delta := replace(SQLERRM, 'strategy "delta" cannot be: ', '');
  END;
  PERFORM bizmetrics.create_report(report, query => query, schedule => '0 0 29 2 *', key => string_to_array(key, ','), bucket => bucket::interval);
  RETURN (SELECT string_agg(substr(line, strpos(line, ' ') + 1), '; ') FROM bizmetrics.explain_report(report) line WHERE line ~ '^(Strategy|Events|Grain)') || '. Delta: ' || delta;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
CREATE FUNCTION pg_temp.differences(report text, query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM ((TABLE analytics.%1$I EXCEPT ALL (%2$s)) UNION ALL ((%2$s) EXCEPT ALL TABLE analytics.%1$I)) d', report, replace(replace(query, '$1', '''2026-03-01Z''::timestamptz'), '$2', '''2026-04-01Z''::timestamptz')) INTO n;
  RETURN n;
END
$$;
SELECT n, substr(query, 1, 60), pg_temp.make('decided_' || n, query, key, bucket) FROM pg_temp.selects ORDER BY n;
CREATE TEMP VIEW runs AS SELECT format('SELECT %L WHERE NOT EXISTS (SELECT FROM bizmetrics.run_report(%L) WHERE state = ''succeeded'')', n, 'decided_' || n) FROM pg_temp.selects WHERE to_regclass('analytics.decided_' || n) IS NOT NULL ORDER BY n;
CREATE TEMP VIEW wrong AS SELECT n, pg_temp.differences('decided_' || n, query) FROM pg_temp.selects WHERE to_regclass('analytics.decided_' || n) IS NOT NULL AND pg_temp.differences('decided_' || n, query) <> 0;
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id, properties) VALUES
  ('decided', '2026-03-03 10:00Z', 'a', 'u1', '{"n": 1}'), ('decided', '2026-03-03 11:00Z', 'b', 'u2', '{"n": 2}'), ('decided_too', '2026-03-03 11:00Z', 'b', 'u2', '{"n": 2}'), ('decided', '2026-03-05 11:00Z', NULL, 'u2', '{"n": 2}'), ('decided', '2026-03-02 11:00Z', 'a', NULL, '{"n": 4}'), ('decided', '2026-03-07 11:00Z', 'a', NULL, '{"n": 4}');
\set ECHO none
SELECT * FROM runs \gexec
\set ECHO all
TABLE wrong;
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id, properties) VALUES
  ('decided', '2026-03-03 09:00Z', 'a', 'u1', '{"n": 1}'), ('decided_too', '2026-03-04 11:00Z', 'b', 'u3', '{"n": 5}'), ('decided_undecided', '2026-03-04 12:00Z', 'b', 'u3', '{"n": 5}'), ('decided', '2026-03-07 11:00Z', 'x', 'u4', '{"n": 1}');
\set ECHO none
SELECT * FROM runs \gexec
\set ECHO all
TABLE wrong;
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id, properties) VALUES
  ('decided', '2026-03-05 09:00Z', 'a', 'u9', '{"n": 1}'), ('decided_too', '2026-03-02 11:00Z', 'b', 'u3', '{"n": 5}');
\set ECHO none
SELECT * FROM runs \gexec
\set ECHO all
TABLE wrong;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
