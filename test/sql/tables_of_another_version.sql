-- A table that has other columns than the library knows, after an update that is half done or by hand, is refused by
-- whatever needs it, with what to do; the rest goes on.
SET timezone = 'UTC';
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT bizmetrics.library_version() = extversion AS of_one_version FROM pg_extension WHERE extname = 'bizmetrics';
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
CREATE TABLE analytics.kept (n integer);
ALTER TABLE analytics.kept OWNER TO regress_author;
SELECT bizmetrics.create_report('kept', 'analytics.kept', 'INSERT INTO analytics.kept VALUES (1)', '@yearly', owner => 'regress_author');
-- Each table that C reads, and what reads it.
CREATE FUNCTION pg_temp.after_alter(name text, call text) RETURNS TABLE (table_name text, error text) LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    EXECUTE format('ALTER TABLE bizmetrics.%I ADD COLUMN mine text DEFAULT ''x''', name);
    table_name := name;
    error := pg_temp.error_of(call);
    RAISE EXCEPTION 'undo';
  EXCEPTION WHEN raise_exception THEN
    RETURN NEXT;
  END;
END $$;
SELECT a.* FROM (VALUES
  ('event_types', $$SELECT bizmetrics.log_event('x')$$),
  ('event_types', $$SELECT bizmetrics.create_event_type('x')$$),
  ('dedupe_keys', $$SELECT bizmetrics.log_event('x', dedupe_key => 'y')$$),
  ('event_retentions', $$SELECT * FROM bizmetrics.prune_event_types(dry_run => true)$$),
  ('grants', $$SELECT bizmetrics.create_report('other', 'analytics.kept', 'SELECT 1', '@yearly', owner => 'regress_author')$$),
  ('reports', $$SELECT bizmetrics.pause_report('kept')$$),
  ('report_state', $$SELECT bizmetrics.reset_report('kept')$$),
  ('report_watermarks', $$SELECT bizmetrics.reset_report('kept')$$),
  ('runs', $$SELECT bizmetrics.drop_report('kept')$$),
  ('pruned_runs', $$SELECT bizmetrics.drop_report('kept')$$),
  ('run_requests', $$SELECT bizmetrics.drop_report('kept')$$),
  ('metrics', $$SELECT bizmetrics.drop_metric('kept')$$),
  ('alerts', $$SELECT bizmetrics.drop_alert('kept')$$)) AS call(name, statement)
CROSS JOIN LATERAL pg_temp.after_alter(name, statement) a;
-- What needs none of a changed table.
BEGIN;
ALTER TABLE bizmetrics.runs ADD COLUMN mine text;
SELECT bizmetrics.pause_report('kept');
SELECT bizmetrics.log_event('x') IS NOT NULL AS logged;
ROLLBACK;
SELECT bizmetrics.drop_report('kept');
DROP TABLE analytics.kept;
SELECT bizmetrics.revoke_author('regress_author');
DROP OWNED BY regress_author;
DROP ROLE regress_author;
