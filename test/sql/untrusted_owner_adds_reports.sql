-- A row of the registry that create_report() would not have stored is refused, or its report is
-- broken or fails: it never ends the server.
CREATE ROLE regress_rows_owner LOGIN;
CREATE DATABASE regression_bizmetrics_rows OWNER regress_rows_owner;
\c regression_bizmetrics_rows regress_rows_owner
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE EXTENSION bizmetrics;
CREATE TABLE analytics.t (n integer);
CREATE FUNCTION pg_temp.attempt(argument text, given text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  arguments jsonb := jsonb_build_object('report_id', '99', 'report_name', '''row''', 'owner_name', '''regress_rows_owner''', 'target', '''analytics.t''', 'query', '''INSERT INTO analytics.t VALUES (1)''',
    'schedule', '''0 0 29 2 *''', 'timezone', '''UTC''', 'bucket', '''1 day''', 'max_attempts', '1', 'backoff', '''{60s}''', 'search_path', '''public''', 'target_has_key', 'false', 'created_at', 'now()') || jsonb_build_object(argument, given);
  result text;
BEGIN
  result := pg_temp.error_of('INSERT INTO bizmetrics.reports (' || (SELECT string_agg(quote_ident(key), ', ' ORDER BY key) FROM jsonb_each_text(arguments)) || ') SELECT ' || (SELECT string_agg(value, ', ' ORDER BY key) FROM jsonb_each_text(arguments) j (key, value)));
  IF result = 'no error' THEN
    result := pg_temp.error_of('SELECT * FROM bizmetrics.run_report(''row'')');
    PERFORM pg_temp.error_of('SELECT bizmetrics.drop_report(''row'')');
  END IF;
  RETURN CASE WHEN result IS NULL THEN 'lost' ELSE 'survived' END;
END
$$;
SELECT pg_temp.attempt('target', '''a.b.c.d'''), pg_temp.attempt('target', ''''''), pg_temp.attempt('search_path', '''!!''');
SELECT pg_temp.attempt('backoff', '''{}'''), pg_temp.attempt('backoff', '''{{1s,2s},{3s,4s}}'''), pg_temp.attempt('max_attempts', '-1');
SELECT pg_temp.attempt('schedule', '''x'''), pg_temp.attempt('created_at', '''infinity''');
SELECT pg_temp.attempt('bucket', '''1 microsecond'''), pg_temp.attempt('bucket', '''-3 years'''), pg_temp.attempt('bucket', '''1 day -1 second''');
SELECT pg_temp.attempt('timezone', '''Mars/Phobos''');
SELECT pg_temp.attempt('bucket', '''0''');
SELECT pg_temp.attempt('misfire', '''never'''), pg_temp.attempt('max_catchup', '0'), pg_temp.attempt('after', '''{row,NULL,none}'''), pg_temp.attempt('after', '''{{row},{row}}'''), pg_temp.attempt('revision', '-1');
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_rows WITH (FORCE);
DROP ROLE regress_rows_owner;
