-- explain_report() says what the next run does and changes nothing; report_status says how far a report is behind, and
-- what holds it back.
CREATE EXTENSION bizmetrics_test;
GRANT USAGE ON SCHEMA bizmetrics_test TO PUBLIC;
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
SELECT bizmetrics_test.set_clock('2026-03-20 12:00Z');
SELECT bizmetrics.create_report('e_all', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(actor_user_id, '') AS actor, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'explained' GROUP BY 1, 2$$, schedule => :never, key => '{day,actor}', bucket => '1 day', timezone => 'Europe/Berlin', events => '{explained}', companies => '{a,b}', grain => 'actor_user_id', reach => '2 hours', lookback => '3 days', retention => '1 year');
SELECT bizmetrics.create_report('e_delta', query => $$SELECT event_name, count(*) AS n FROM public.business_events WHERE event_name = 'explained' GROUP BY 1$$, schedule => :never, key => '{event_name}', events => '{explained}');
SELECT bizmetrics.create_report('e_full', query => $$SELECT event_name, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'explained' GROUP BY 1$$, schedule => :never, key => '{event_name}');
CREATE TABLE analytics.e_custom (n bigint);
SELECT bizmetrics.create_report('e_custom', 'analytics.e_custom', $$DELETE FROM analytics.e_custom; INSERT INTO analytics.e_custom SELECT 1 WHERE $1 < $2;$$, :never, bucket => '1 month', events => '{explained}');
CREATE FUNCTION pg_temp.explain(name text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT regexp_replace(line, '\d+:\d+:[0-9,]*$', '(a snapshot)') FROM bizmetrics.explain_report(name) WITH ORDINALITY x (line, n) WHERE line !~ '^  ' ORDER BY n
$$;
-- The table was empty: nothing has been read.
SELECT pg_temp.explain('e_all');
SELECT pg_temp.explain('e_delta');
SELECT pg_temp.explain('e_full');
SELECT pg_temp.explain('e_custom');
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('explained', '2026-03-10 10:00Z', 'a', 'x'), ('explained', '2026-03-11 10:00Z', 'c', 'x');
SELECT report_name, new_events, watermark_lag >= '0', pending_windows FROM bizmetrics.report_status ORDER BY 1;
SELECT format('SELECT state FROM bizmetrics.run_report(%L)', r) FROM unnest('{e_all,e_delta,e_full,e_custom}'::text[]) r \gexec
SELECT report_name, new_events, watermark_lag, pending_windows FROM bizmetrics.report_status ORDER BY 1;
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('explained', '2026-03-10 10:00Z', 'a', 'y'), ('explained', '2026-03-11 10:00Z', 'c', 'x');
SELECT pg_temp.explain('e_all');
SELECT pg_temp.explain('e_delta');
SELECT report_name, new_events, watermark_lag > '0' FROM bizmetrics.report_status ORDER BY 1;
-- Names that the WHERE gives count, as for the run.
SELECT bizmetrics.create_report('e_named', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name IN ('explained', 'named') AND company_id = 'a' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT new_events FROM bizmetrics.report_status WHERE report_name = 'e_named';
SELECT state FROM bizmetrics.run_report('e_named');
INSERT INTO public.business_events (event_name, occurred_at, company_id) VALUES ('named', '2026-03-10 10:00Z', 'a'), ('other', '2026-03-11 10:00Z', 'a');
SELECT new_events FROM bizmetrics.report_status WHERE report_name = 'e_named';
SELECT line FROM bizmetrics.explain_report('e_named') line WHERE line ~ '^(Events|Window)';
-- What is not selected is not looked for.
CREATE FUNCTION pg_temp.looks_for(columns text) RETURNS TABLE (looks boolean, at_locks boolean) LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  looks := false;
  at_locks := false;
  FOR line IN EXECUTE format('EXPLAIN (COSTS OFF) SELECT %s FROM bizmetrics.report_status', columns) LOOP
    looks := looks OR line ~ 'watermark_lag';
    at_locks := at_locks OR line ~ 'oldest_writer';
  END LOOP;
  RETURN NEXT;
END $$;
SELECT columns, (pg_temp.looks_for(columns)).* FROM unnest(ARRAY['report_name, state, lag, expected_slot, pending_windows', 'new_events', 'watermark_lag', 'oldest_writer', 'oldest_writer_since', '*']) columns;
-- It changes nothing, also where it may not.
BEGIN READ ONLY;
SELECT count(*) > 0 FROM bizmetrics.explain_report('e_all');
ROLLBACK;
SELECT line FROM bizmetrics.explain_report('e_delta') line WHERE line ~ '^New events';
-- The plan is of what would run: for a window its bounds, for a delta what is new.
SELECT bool_or(line ~ 'occurred_at >= ') AS has_window, bool_or(line ~ 'actor_user_id = ANY') AS has_grain, bool_or(line ~ 'is_new') AS has_new FROM bizmetrics.explain_report('e_all') line;
SELECT bool_or(line ~ 'is_new') AS has_new FROM bizmetrics.explain_report('e_delta') line;
SELECT line FROM bizmetrics.explain_report('e_custom') line WHERE line ~ '(Insert|Delete) on';
-- The settings of the caller are his again, and those of the report its own.
SHOW timezone;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.explain_report(NULL)');
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.explain_report(''none'')');
ALTER TABLE analytics.e_custom RENAME TO e_renamed;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.explain_report(''e_custom'')');
SHOW timezone;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.new_events()');
ALTER TABLE analytics.e_renamed RENAME TO e_custom;
-- The oldest that logs: another session, which has not committed.
BEGIN;
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('explained', '2026-03-10 10:00Z');
SELECT DISTINCT oldest_writer = pg_backend_pid() AS is_me, oldest_writer_since = now() AS since_now FROM bizmetrics.report_status;
ROLLBACK;
SELECT DISTINCT oldest_writer, oldest_writer_since FROM bizmetrics.report_status;
SELECT count(*) FROM bizmetrics.oldest_writer();
-- Others see their own, the extension's owner all; only the owner may explain.
\c - postgres
\i :helper
CREATE ROLE regress_other LOGIN;
SELECT bizmetrics.grant_author('regress_other');
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.explain_report(''e_all'')');
SELECT report_name, new_events FROM bizmetrics.report_status ORDER BY 1;
\c - regress_other
\i :helper
SELECT count(*) FROM bizmetrics.report_status;
SELECT count(*) FROM bizmetrics.backfill_progress;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.explain_report(''e_all'')');
SELECT DISTINCT new_events, since FROM generate_series(1, 100) id, bizmetrics.watermark_lag(id);
-- Who monitors need not read events.
\c - postgres
CREATE ROLE regress_monitor LOGIN IN ROLE pg_monitor;
\c - regress_monitor
SELECT report_name, new_events, watermark_lag, pending_windows FROM bizmetrics.report_status ORDER BY 1;
\c - postgres
DROP ROLE regress_monitor;
SELECT bizmetrics_test.set_clock(NULL);
SELECT bizmetrics.revoke_author('regress_other');
DROP ROLE regress_other;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
DROP EXTENSION bizmetrics_test;
DROP SCHEMA IF EXISTS bizmetrics_test;
