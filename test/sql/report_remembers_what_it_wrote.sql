-- A custom query over new_events() has read what it read, whether or not what it wrote is counted.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
\c - regress_author
CREATE TABLE analytics.wrote (how text, n bigint);
CREATE TABLE analytics.wrote_elsewhere (how text, n bigint);
CREATE FUNCTION analytics.wrote_by_function() RETURNS void LANGUAGE sql AS $$
  INSERT INTO analytics.wrote SELECT 'function', count(*) FROM bizmetrics.new_events() WHERE event_name = 'wrote'
$$;
CREATE TABLE analytics.wrote_by_trigger (how text, n bigint);
CREATE FUNCTION analytics.divert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO analytics.wrote VALUES (NEW.*);
  RETURN NULL;
END
$$;
CREATE TRIGGER divert BEFORE INSERT ON analytics.wrote_by_trigger FOR EACH ROW EXECUTE FUNCTION analytics.divert();
\set never '''0 0 29 2 *'''
SELECT bizmetrics.create_report('wrote_by_with', 'analytics.wrote', $$WITH i AS (INSERT INTO analytics.wrote SELECT 'with', count(*) FROM bizmetrics.new_events() WHERE event_name = 'wrote' RETURNING 1) SELECT count(*) FROM i$$, :never);
SELECT bizmetrics.create_report('wrote_by_function', 'analytics.wrote', $$SELECT analytics.wrote_by_function() FROM (SELECT count(*) FROM bizmetrics.new_events()) n$$, :never);
SELECT bizmetrics.create_report('wrote_by_trigger', 'analytics.wrote_by_trigger', $$INSERT INTO analytics.wrote_by_trigger SELECT 'trigger', count(*) FROM bizmetrics.new_events() WHERE event_name = 'wrote'$$, :never);
SELECT bizmetrics.create_report('wrote_notice', 'analytics.wrote', $$SELECT pg_notify('wrote', count(*)::text) FROM bizmetrics.new_events() WHERE event_name = 'wrote' HAVING count(*) > 0$$, :never);
-- With a bucket it has $1 and $2, between which all times are.
SELECT bizmetrics.create_report('wrote_bounded', 'analytics.wrote_elsewhere', $$INSERT INTO analytics.wrote_elsewhere SELECT 'bounded', count(*) FROM bizmetrics.new_events() WHERE event_name = 'wrote' AND occurred_at >= $1 AND occurred_at < $2$$, :never, bucket => '1 day');
SELECT bizmetrics.log_event('wrote') IS NOT NULL FROM generate_series(1, 3);
SELECT format('SELECT state, row_count FROM bizmetrics.run_report(%L)', r) FROM unnest('{wrote_by_with,wrote_by_function,wrote_by_trigger,wrote_bounded}'::text[]) r, generate_series(1, 2) \gexec
LISTEN wrote;
\o /dev/null
SELECT state FROM bizmetrics.run_report('wrote_notice');
\o
UNLISTEN wrote;
SELECT line FROM bizmetrics.explain_report('wrote_notice') line WHERE line ~ '^New events';
SELECT how, sum(n) FROM analytics.wrote GROUP BY 1 ORDER BY 1;
SELECT how, sum(n) FROM analytics.wrote_elsewhere GROUP BY 1 ORDER BY 1;
SELECT bizmetrics.log_event('wrote') IS NOT NULL;
SELECT format('SELECT state, row_count FROM bizmetrics.run_report(%L)', r) FROM unnest('{wrote_by_with,wrote_by_function,wrote_by_trigger,wrote_bounded}'::text[]) r, generate_series(1, 2) \gexec
SELECT how, sum(n) FROM analytics.wrote GROUP BY 1 ORDER BY 1;
SELECT how, sum(n) FROM analytics.wrote_elsewhere GROUP BY 1 ORDER BY 1;
-- How many events are new the planner cannot know: nothing is compiled for a few, whatever the session has set.
SET jit = on;
SELECT bizmetrics.create_report('wrote_jit', 'analytics.wrote', $$INSERT INTO analytics.wrote SELECT 'jit is ' || current_setting('jit'), count(*) FROM bizmetrics.new_events() WHERE event_name = 'wrote'$$, :never);
SELECT state FROM bizmetrics.run_report('wrote_jit');
SELECT how FROM analytics.wrote WHERE how ~ 'jit';
SHOW jit;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
