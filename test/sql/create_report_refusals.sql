-- create_report() refuses what could not run and names the argument; nothing is left behind.
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_group;
GRANT regress_group TO regress_author;
SELECT bizmetrics.grant_author('regress_author');
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE TABLE analytics.t (n integer);
CREATE VIEW analytics.v AS SELECT 1 AS n;
CREATE FUNCTION pg_temp.refusal(VARIADIC argument text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  arguments jsonb := '{"name": "''refused''", "target": "''analytics.t''", "query": "''INSERT INTO analytics.t VALUES (1)''", "schedule": "''0 0 29 2 *''"}';
  result text;
BEGIN
  FOR n IN 1 .. array_upper(argument, 1) BY 2 LOOP
    arguments := arguments || jsonb_build_object(argument[n], argument[n + 1]);
  END LOOP;
  result := pg_temp.error_of('SELECT bizmetrics.create_report(' || (SELECT string_agg(format('%I => %s', key, value), ', ') FROM jsonb_each_text(arguments)) || ')');
  IF result = 'no error' AND arguments ->> 'name' = '''refused''' THEN
    PERFORM bizmetrics.drop_report('refused');
  END IF;
  RETURN result;
END
$$;
-- NULLs
SELECT pg_temp.refusal(name, 'NULL') FROM unnest('{name,query,schedule,max_attempts,backoff,misfire,max_catchup,overlap,retry_on,run_immediately}'::text[]) name;
-- name
SELECT pg_temp.refusal('name', '''''');
SELECT pg_temp.refusal('name', 'repeat(''n'', 101)') ~ '^22023: name ';
-- target
SELECT pg_temp.refusal('target', quote_literal(target)) FROM unnest('{"",public.t,t.analytics.t,"\"Analytics\".t",pg_catalog.pg_class,analytics.,.t,analytics.none,analytics.v,"analytics.t; DROP TABLE analytics.t"}'::text[]) target;
-- query
SELECT pg_temp.refusal('query', quote_literal(query)) FROM unnest(ARRAY['', ' -- nothing', 'INSER INTO analytics.t VALUES (1)', 'INSERT INTO analytics.none VALUES (1)', 'INSERT INTO analytics.t (m) VALUES (1)', 'INSERT INTO analytics.t VALUES (''x''::date)', 'INSERT INTO analytics.t SELECT 1 WHERE $1 < $2', 'SELECT 1; SELEC']) query;
SELECT pg_temp.refusal('query', '''INSERT INTO analytics.t SELECT 1 WHERE now() < $3''', 'bucket', '''1 day''');
SELECT pg_temp.refusal('query', '''INSERT INTO analytics.t SELECT $1''', 'bucket', '''1 day''');
-- ddl
SELECT pg_temp.refusal('ddl', '''CREATE TABEL analytics.u ()''');
SELECT pg_temp.refusal('ddl', '''CREATE TABLE pg_catalog.u ()''');
SELECT pg_temp.refusal('ddl', '''COMMIT''');
SELECT pg_temp.refusal('ddl', '''CREATE TABLE analytics.made ()''', 'query', '''nonsense''');
SELECT to_regclass('analytics.made') IS NULL;
-- schedule
SELECT pg_temp.refusal('schedule', quote_literal(schedule)) FROM unnest(ARRAY['', '* * * *', '* * * * * *', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * * 13 *', '* * * * 8', '* * * foo *', '*/0 * * * *', '5-a * * * *', '0 0 30 2 *', '@reboot', '@sometimes', '0 0 ? * *', '3 days', '1 second', E'0 0\n29 2 *']) schedule;
-- timezone: names of the time zone database alone
SELECT pg_temp.refusal('timezone', quote_literal(zone)) FROM unnest(ARRAY['', 'Mars/Phobos', 'CST6', 'FOO+3', '<+03>-3', '+03', '-3', '3', 'Europe', 'Europe/Berlin ', '../Europe/Berlin', 'right/Europe/Berlin', repeat('x', 300)]) zone;
-- bucket, lookback
SELECT pg_temp.refusal('bucket', quote_literal(bucket)) FROM unnest('{0,-1 day,1 day 1 hour,1 month 1 day,7 hours,25 hours,30 seconds,400 days,101 years}'::text[]) bucket;
SELECT pg_temp.refusal('bucket', '''1 day''', 'lookback', '''-1 day''');
SELECT pg_temp.refusal('lookback', '''1 day''');
-- strategy, key: what a SELECT needs to become a table, and each strategy to work
\set day 'SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n FROM public.business_events GROUP BY 1'
\set distinct 'SELECT date_trunc(''day'', occurred_at) AS day, count(DISTINCT id) AS n FROM public.business_events GROUP BY 1'
CREATE FUNCTION pg_temp.declared(query text, VARIADIC argument text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN pg_temp.refusal(VARIADIC ARRAY['target', '''analytics.declared''', 'query', quote_literal(query)] || argument);
END
$$;
SELECT pg_temp.declared(:'day', 'strategy', quote_literal(strategy)) FROM unnest('{"",Delta,upsert,merge,delta,replace_window}'::text[]) strategy;
SELECT pg_temp.declared(:'day', 'key', quote_literal(key)) FROM unnest(ARRAY['{}', '{NULL}', '{""}', '{none}', '{day,day}']) key;
SELECT pg_temp.declared(:'day', 'key', '''{day}''', 'strategy', '''custom''');
SELECT pg_temp.declared(:'day', 'key', '''{day}''', 'strategy', '''replace_window''');
SELECT pg_temp.declared(:'day', 'key', '''{n}''', 'strategy', '''replace_window''', 'bucket', '''1 day''');
SELECT pg_temp.declared(:'day', 'key', '''{n}''', 'strategy', '''delta''', 'bucket', '''1 day''');
SELECT pg_temp.declared(:'distinct', 'key', '''{day}''', 'strategy', '''delta''', 'bucket', '''1 day''');
SELECT pg_temp.declared(query, 'key', '''{day}''', 'bucket', '''1 day''') FROM unnest(ARRAY['', 'SELECT 1 AS day; SELECT 2', 'INSERT INTO analytics.t VALUES (1)', 'TABLE analytics.none', 'SELECT 1 AS day INTO analytics.u', 'VALUES (now())', 'WITH i AS (INSERT INTO analytics.t VALUES (1) RETURNING now() AS day) SELECT day FROM i', 'SELECT now() AS day', 'SELECT $3 AS day', 'EXPLAIN SELECT 1']) query;
-- events, companies, grain, reach: of events, and of a bucket
SELECT pg_temp.declared(:'distinct', 'key', '''{day}''', 'bucket', '''1 day''', argument, value) FROM unnest('{events,companies}'::text[]) argument, unnest(ARRAY['''{}''', '''{NULL}''']) value;
SELECT pg_temp.declared(:'distinct', 'key', '''{day}''', argument, value) FROM (VALUES ('grain', '''company_id'''), ('reach', '''1 day'''), ('lookback', '''1 day'''), ('source', '''analytics.t''')) a (argument, value);
SELECT pg_temp.declared(:'distinct', 'key', '''{day}''', 'bucket', '''1 day''', 'grain', quote_literal(grain)) FROM unnest('{"",day,properties,Company_id,company_id}'::text[]) grain;
SELECT pg_temp.declared(:'distinct', 'key', '''{day}''', 'bucket', '''1 day''', 'reach', '''-1 day''');
SELECT pg_temp.declared(:'day', 'key', '''{day}''', 'bucket', '''1 day''', 'grain', '''company_id''', 'strategy', '''delta''');
SELECT pg_temp.refusal('query', '''INSERT INTO analytics.t SELECT count(*) FROM bizmetrics.new_events()''', 'bucket', '''1 day''', 'grain', '''company_id''');
SELECT pg_temp.declared(:'day', 'key', '''{day}''', 'bucket', '''1 day''', argument, '''1 day''', 'strategy', quote_literal(strategy)) FROM unnest('{lookback,reach}'::text[]) argument, unnest('{delta,full,append}'::text[]) strategy;
-- new_events() is for what adds
SELECT pg_temp.declared('SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n FROM bizmetrics.new_events() GROUP BY 1', 'key', '''{day}''', 'strategy', quote_literal(strategy), 'bucket', '''1 day''') FROM unnest('{merge,replace_window,full}'::text[]) strategy;
SELECT pg_temp.declared('SELECT date_trunc(''day'', occurred_at) AS day, count(DISTINCT id) AS n FROM bizmetrics.new_events() GROUP BY 1', 'key', '''{day}''');
-- source, source_time
\set of_t 'SELECT at AS day, sum(n) AS n FROM analytics.of_time WHERE at >= $1 AND at < $2 GROUP BY 1'
CREATE TABLE analytics.of_time (at timestamptz, n integer);
SELECT pg_temp.declared(:'of_t', 'key', '''{day}''', 'bucket', '''1 day''', 'source', quote_literal(source)) FROM unnest('{"",none,analytics.none,a.b.c.d,analytics.of_time}'::text[]) source;
SELECT pg_temp.declared(:'of_t', 'key', '''{day}''', 'bucket', '''1 day''', 'source', '''analytics.of_time''', 'source_time', quote_literal(source_time)) FROM unnest('{"",none,n}'::text[]) source_time;
SELECT pg_temp.declared(:'of_t', 'key', '''{day}''', 'bucket', '''1 day''', 'source_time', '''at''');
SELECT pg_temp.declared(:'of_t', 'key', '''{day}''', 'bucket', '''1 day''', 'source', '''analytics.of_time''', 'source_time', '''at''', argument, value) FROM (VALUES ('events', '''{a}'''), ('companies', '''{a}'''), ('grain', '''company_id'''), ('strategy', '''full'''), ('strategy', '''append'''), ('strategy', '''delta''')) a (argument, value);
DROP TABLE analytics.of_time;
-- retention, retention_column
SELECT pg_temp.declared(:'day', 'key', '''{day}''', 'bucket', '''1 day''', 'retention', retention) FROM unnest(ARRAY['''-1 day''', '''0''']) retention;
SELECT pg_temp.declared(:'day', 'key', '''{day}''', 'bucket', '''1 day''', 'retention', '''1 year''', 'retention_column', quote_literal(retention_column)) FROM unnest('{"",n,none}'::text[]) retention_column;
SELECT to_regclass('analytics.declared');
-- max_attempts, backoff, timeout
SELECT pg_temp.refusal('max_attempts', n) FROM unnest('{0,-1,101}'::text[]) n;
SELECT pg_temp.refusal('backoff', backoff) FROM unnest(ARRAY['''{}''', '''{NULL}''', '''{1s,-1s}''', '''{x}''']) backoff;
SELECT pg_temp.refusal('timeout', timeout) FROM unnest(ARRAY['''0''', '''-1s''', '''1 microsecond''']) timeout;
-- misfire, misfire_grace, max_catchup, overlap, retry_on, after
SELECT pg_temp.refusal('misfire', misfire) FROM unnest(ARRAY['''''', '''twice''', '''skip''', '''Once''']) misfire;
SELECT pg_temp.refusal('misfire', '''skip''', 'misfire_grace', '''-1 s''');
SELECT pg_temp.refusal('max_catchup', n) FROM unnest('{0,-1,1000001}'::text[]) n;
SELECT pg_temp.refusal('overlap', '''queue'''), pg_temp.refusal('retry_on', '''some''');
SELECT pg_temp.refusal('after', after) FROM unnest(ARRAY['''{none}''', '''{NULL}''', '''{refused}''']) after;
-- owner
SELECT pg_temp.refusal('owner', owner) FROM unnest('{''regress_missing'',''regress_other'',''postgres'',''regress_group''}'::text[]) owner;
SELECT count(*) FROM bizmetrics.report_status;
-- taken
SELECT pg_temp.refusal('name', '''taken''');
SELECT pg_temp.refusal('name', '''taken''');
SELECT bizmetrics.drop_report('taken');
-- read-only, and in a table that is somebody else's
BEGIN READ ONLY;
SELECT pg_temp.refusal('name', '''refused''');
ROLLBACK;
\c - postgres
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE TABLE analytics.of_postgres (n integer);
SELECT pg_temp.error_of('SELECT bizmetrics.create_report(''su'', ''analytics.of_postgres'', ''SELECT 1'', ''0 0 29 2 *'')');
SELECT pg_temp.error_of('SELECT bizmetrics.create_report(''su'', ''analytics.of_postgres'', ''SELECT 1'', ''0 0 29 2 *'', owner => ''regress_author'')');
SELECT pg_temp.error_of('SELECT bizmetrics.create_report(''su'', ''analytics.su'', ''SELECT 1'', ''0 0 29 2 *'', owner => ''regress_author'', ddl => ''CREATE TABLE analytics.su (n integer); SELECT set_config(''''role'''', ''''postgres'''', false)'')');
SELECT pg_temp.error_of('SELECT bizmetrics.create_report(''su'', ''analytics.t'', ''SELECT 1'', ''0 0 29 2 *'', owner => ''regress_other'')');
-- A superuser registers for a plain role; its table is that role's.
SELECT pg_temp.error_of('SELECT bizmetrics.create_report(''for'', ''analytics.made_for'', ''INSERT INTO analytics.made_for VALUES (1)'', ''0 0 29 2 *'', owner => ''regress_author'', ddl => ''CREATE TABLE analytics.made_for (n integer)'')');
SELECT owner_name, (SELECT relowner::regrole FROM pg_class WHERE oid = 'analytics.made_for'::regclass) FROM bizmetrics.report_status WHERE report_name = 'for';
-- Or says that he means it.
SET bizmetrics.allow_superuser_reports = on;
SELECT pg_temp.error_of('SELECT bizmetrics.create_report(''su'', ''analytics.of_postgres'', ''SELECT 1'', ''0 0 29 2 *'')');
SELECT bizmetrics.drop_report('su'), bizmetrics.drop_report('for');
DROP TABLE analytics.of_postgres, analytics.made_for, analytics.t;
DROP VIEW analytics.v;
SELECT count(*) FROM bizmetrics.reports;
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author, regress_other, regress_group;
