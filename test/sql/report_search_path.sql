-- A report runs with the search_path that its creator had, and the caller's is back afterwards.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
CREATE SCHEMA regress_a AUTHORIZATION regress_author;
CREATE SCHEMA regress_b AUTHORIZATION regress_author;
\c - regress_author
CREATE TABLE regress_a.source AS SELECT 'a' AS name;
CREATE TABLE regress_b.source AS SELECT 'b' AS name;
CREATE TABLE analytics.sp (name text, path text);
SET search_path = regress_a, pg_catalog;
SELECT bizmetrics.create_report('path', 'sp', 'INSERT INTO analytics.sp SELECT name, current_setting(''search_path'') FROM source', '0 0 29 2 *');
SELECT bizmetrics.create_report('path fails', 'sp', 'INSERT INTO analytics.sp SELECT 1/0 FROM source', '0 0 29 2 *');
SET search_path = regress_b, pg_catalog;
SELECT state FROM bizmetrics.run_report('path');
SHOW search_path;
SELECT state, sqlstate FROM bizmetrics.run_report('path fails');
SHOW search_path;
BEGIN;
SET LOCAL search_path = pg_catalog;
SELECT state FROM bizmetrics.run_report('path');
SHOW search_path;
COMMIT;
SHOW search_path;
SELECT * FROM analytics.sp;
SELECT bizmetrics.drop_report('path'), bizmetrics.drop_report('path fails');
DROP TABLE analytics.sp;
\c - postgres
SELECT bizmetrics.revoke_author('regress_author');
DROP SCHEMA regress_a CASCADE;
DROP SCHEMA regress_b CASCADE;
DROP ROLE regress_author;
