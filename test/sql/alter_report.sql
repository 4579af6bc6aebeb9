-- alter_report() changes what create_report() was told, checks it as that does, leaves alone what is NULL, and
-- is for who may act as the report's owner.
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_heir LOGIN;
GRANT regress_heir TO regress_author;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_author('regress_other'), bizmetrics.grant_author('regress_heir');
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE TABLE analytics.a (n integer);
SELECT bizmetrics.create_report('a', 'analytics.a', 'INSERT INTO analytics.a VALUES (1)', '0 0 29 2 *');
SELECT bizmetrics.create_report('b', 'analytics.a', 'INSERT INTO analytics.a VALUES (1)', '0 0 29 2 *', after => '{a}');
CREATE FUNCTION pg_temp.alter(arguments text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.error_of('SELECT bizmetrics.alter_report(''a'', ' || arguments || ')') $$;
-- Each argument.
SELECT pg_temp.alter($$query => 'INSERT INTO analytics.a SELECT 2 WHERE $1 < $2', schedule => '30 4 1 1 *', timezone => 'europe/berlin', bucket => '1 day', lookback => '3 days', max_attempts => 5, backoff => '{1s,2s}', timeout => '2 hours', misfire => 'skip', misfire_grace => '5 min', max_catchup => 7, overlap => 'queue_one', retry_on => 'transient'$$);
\c - postgres
SELECT query, schedule, timezone, bucket, lookback, max_attempts, backoff, timeout, misfire, misfire_grace, max_catchup, overlap, retry_on, after, owner_name, paused FROM bizmetrics.reports WHERE report_name = 'a';
SELECT next_slot AT TIME ZONE 'Europe/Berlin' >= now() AT TIME ZONE 'UTC', to_char(next_slot AT TIME ZONE 'Europe/Berlin', 'MM-DD HH24:MI') FROM bizmetrics.report_status WHERE report_name = 'a';
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE FUNCTION pg_temp.alter(arguments text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.error_of('SELECT bizmetrics.alter_report(''a'', ' || arguments || ')') $$;
SELECT state, row_count FROM bizmetrics.run_report('a');
-- NULL leaves it; what is to be none is named.
SELECT pg_temp.alter('timeout => NULL');
SELECT pg_temp.alter('unset => ''{timeout,lookback,misfire_grace}'', misfire => ''once''');
SELECT pg_temp.alter('unset => ''{bucket}''');
SELECT pg_temp.alter('unset => ''{bucket}'', query => ''INSERT INTO analytics.a VALUES (3)''');
\c - postgres
SELECT query, bucket, lookback, timeout, misfire, misfire_grace, max_attempts, after FROM bizmetrics.reports WHERE report_name = 'a';
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE FUNCTION pg_temp.alter(arguments text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.error_of('SELECT bizmetrics.alter_report(''a'', ' || arguments || ')') $$;
-- Refused, and nothing changes.
SELECT pg_temp.alter(arguments) FROM unnest(ARRAY['schedule => ''x''', 'timezone => ''Mars''', 'query => ''SELECT $1''', 'query => ''INSERT INTO analytics.none VALUES (1)''', 'lookback => ''1 day''', 'bucket => ''7 hours''', 'max_attempts => 0', 'backoff => ''{}''',
  'timeout => ''0''', 'misfire => ''never''', 'misfire => ''skip''', 'misfire_grace => ''-1 s''', 'max_catchup => 0', 'overlap => ''both''', 'retry_on => ''none''', 'unset => ''{query}''', 'unset => ''{NULL}''', 'after => ''{none}''', 'after => ''{NULL}''']) arguments;
-- Not after itself, also not through others.
SELECT pg_temp.alter('after => ''{a}'''), pg_temp.alter('after => ''{b}''');
SELECT pg_temp.error_of('SELECT bizmetrics.create_report(''c'', ''analytics.a'', ''SELECT 1'', ''@yearly'', after => ''{c}'')');
SELECT bizmetrics.create_report('c', 'analytics.a', 'SELECT 1', '@yearly', after => '{b,a}');
SELECT pg_temp.alter('after => ''{c}''');
SELECT pg_temp.error_of('SELECT bizmetrics.alter_report(''b'', unset => ''{after}'')'), pg_temp.error_of('SELECT bizmetrics.alter_report(''c'', after => ''{}'')'), pg_temp.alter('after => ''{c}''');
SELECT pg_temp.error_of('SELECT bizmetrics.alter_report(''none'', timeout => ''1 s'')'), pg_temp.error_of('SELECT bizmetrics.alter_report(NULL)');
SELECT schedule, timezone FROM bizmetrics.report_status WHERE report_name = 'a';
BEGIN READ ONLY;
SELECT pg_temp.alter('timeout => ''1 s'''), pg_temp.error_of('SELECT bizmetrics.pause_report(''a'')'), pg_temp.error_of('SELECT bizmetrics.resume_reports()'), pg_temp.error_of('SELECT bizmetrics.reset_report(''a'')'), pg_temp.error_of('SELECT bizmetrics.cancel_run(1)');
ROLLBACK;
-- The query runs with the search_path with which it was altered; what is not the query leaves that alone.
SET search_path = analytics;
SELECT bizmetrics.alter_report('a', query => 'INSERT INTO a VALUES (4)');
SET search_path = pg_catalog;
SELECT bizmetrics.alter_report('a', max_attempts => 2);
SELECT state, row_count FROM bizmetrics.run_report('a');
RESET search_path;
-- To another owner, who owns the table.
SELECT pg_temp.alter('owner => ''regress_heir'''), pg_temp.alter('owner => ''regress_other'''), pg_temp.alter('owner => ''postgres''');
ALTER TABLE analytics.a OWNER TO regress_heir;
SELECT pg_temp.alter('owner => ''regress_heir''');
SELECT report_name, owner_name FROM bizmetrics.report_status ORDER BY 1;
ALTER TABLE analytics.a OWNER TO regress_author;
SELECT pg_temp.alter('owner => ''regress_author''');
-- Paused, resumed, reset.
SELECT bizmetrics.pause_report('a'), bizmetrics.pause_report('a');
SELECT report_name, state FROM bizmetrics.report_status ORDER BY 1;
SELECT bizmetrics.pause_reports(), bizmetrics.resume_reports();
SELECT bizmetrics.resume_report('a'), bizmetrics.reset_report('a');
SELECT state, last_success_at IS NULL AS forgotten, (SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'a') FROM bizmetrics.report_status WHERE report_name = 'a';
-- Whose it is not. Who may see nothing of it runs nothing after it.
\c - regress_other
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT pg_temp.error_of('SELECT bizmetrics.' || call) FROM unnest(ARRAY['alter_report(''a'', timeout => ''1 s'')', 'pause_report(''a'')', 'resume_report(''a'')', 'reset_report(''a'')', 'pause_report(''none'')', 'reset_report(NULL)']) call;
SELECT bizmetrics.pause_reports(), bizmetrics.resume_reports();
CREATE TABLE analytics.of_other (n integer);
SELECT pg_temp.error_of('SELECT bizmetrics.create_report(''d'', ''analytics.of_other'', ''SELECT 1'', ''@yearly'', after => ''{a}'')');
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
SELECT bizmetrics.revoke_author(r) FROM unnest('{regress_author,regress_other,regress_heir}'::name[]) r;
DROP OWNED BY regress_author, regress_other, regress_heir;
DROP ROLE regress_author, regress_other, regress_heir;
