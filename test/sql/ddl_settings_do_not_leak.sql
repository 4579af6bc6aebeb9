-- A superuser who registers a report for a plain role lends nothing: what that role's functions set
-- while ddl runs is gone afterwards.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
CREATE SCHEMA regress_author AUTHORIZATION regress_author;
SET SESSION AUTHORIZATION regress_author;
CREATE FUNCTION regress_author.trap() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('search_path', 'regress_author, pg_catalog', false), set_config('work_mem', '65kB', false);
  RETURN 1;
END
$$;
CREATE VIEW regress_author.source AS SELECT regress_author.trap() AS n;
RESET SESSION AUTHORIZATION;
SHOW search_path;
SELECT bizmetrics.create_report('trap', 'analytics.trap', 'INSERT INTO analytics.trap SELECT n FROM regress_author.source', '0 0 29 2 *', owner => 'regress_author', ddl => 'CREATE TABLE analytics.trap AS SELECT n FROM regress_author.source');
SHOW search_path;
SHOW work_mem;
RESET ALL;
SELECT bizmetrics.drop_report('trap');
DROP TABLE analytics.trap;
DROP SCHEMA regress_author CASCADE;
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author;
