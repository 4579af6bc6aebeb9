-- A report's SQL can read which run it is, nobody else can say so, and it is gone afterwards.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE TABLE analytics.s (scheduled_for text, attempt text, run_id text, trigger text, lock_timeout text);
SELECT bizmetrics.create_report('s', 'analytics.s', $$INSERT INTO analytics.s SELECT current_setting('bizmetrics.scheduled_for'), current_setting('bizmetrics.attempt'), current_setting('bizmetrics.run_id'), current_setting('bizmetrics.trigger'), current_setting('lock_timeout')$$, '0 0 29 2 *');
SELECT bizmetrics.create_report('fails', 'analytics.s', $$INSERT INTO analytics.s SELECT (1 / 0)::text$$, '0 0 29 2 *');
SELECT bizmetrics.create_report('calls', 'analytics.s', $$INSERT INTO analytics.s SELECT state FROM bizmetrics.run_report('s'); INSERT INTO analytics.s SELECT 'outer', '', current_setting('bizmetrics.run_id')$$, '0 0 29 2 *');
SELECT bizmetrics.create_report('forges', 'analytics.s', $$SET LOCAL bizmetrics.run_id = '1'$$, '0 0 29 2 *');
SELECT run_id FROM bizmetrics.run_report('s') \gset
SELECT scheduled_for, attempt, run_id = :'run_id' AS same, trigger, lock_timeout FROM analytics.s;
SELECT name, setting FROM pg_settings WHERE name IN ('bizmetrics.scheduled_for', 'bizmetrics.attempt', 'bizmetrics.run_id', 'bizmetrics.trigger', 'lock_timeout') ORDER BY 1;
BEGIN;
SELECT state FROM bizmetrics.run_report('fails');
SELECT current_setting('bizmetrics.run_id') = '' AS gone;
COMMIT;
SELECT current_setting('bizmetrics.run_id') = '' AS gone;
-- One in another: each its own.
TRUNCATE analytics.s;
SELECT run_id FROM bizmetrics.run_report('calls') \gset
SELECT scheduled_for, run_id = :'run_id' AS of_the_caller FROM analytics.s ORDER BY 1;
-- The session's own lock_timeout stands.
TRUNCATE analytics.s;
SET lock_timeout = '7s';
SELECT state FROM bizmetrics.run_report('s');
SELECT lock_timeout FROM analytics.s;
SHOW lock_timeout;
SELECT sqlstate FROM bizmetrics.run_report('forges');
SELECT pg_temp.error_of('SET bizmetrics.trigger = ''schedule''');
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
SELECT bizmetrics.revoke_author('regress_author');
DROP OWNED BY regress_author;
DROP ROLE regress_author;
