-- Rows of a report's table that have had their time go, in whole buckets, and none of them is computed again.
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
SELECT bizmetrics.create_report('t_window', query => $$SELECT occurred_at::date AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'timed' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', retention => '5 days');
SELECT bizmetrics.create_report('t_delta', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n FROM public.business_events WHERE event_name = 'timed' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', retention => '5 days');
SELECT bizmetrics.create_report('t_lookback', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'timed' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', retention => '5 days', lookback => '10 days', timezone => 'Asia/Tokyo');
SELECT bizmetrics.create_report('t_custom', 'analytics.t_custom', $$INSERT INTO analytics.t_custom SELECT occurred_at, 1 FROM bizmetrics.new_events() WHERE event_name = 'timed'$$, :never, ddl => 'CREATE TABLE analytics.t_custom (at timestamp, n int)', retention => '5 days', retention_column => 'at');
SELECT bizmetrics.create_report('t_of_delta', query => $$SELECT date_trunc('week', day) AS week, sum(n) AS n FROM analytics.t_delta WHERE day >= $1 AND day < $2 GROUP BY 1$$, schedule => :never, key => '{week}', bucket => '1 week', source => 'analytics.t_delta');
SELECT report_name, line FROM bizmetrics.report_status, bizmetrics.explain_report(report_name) line WHERE line ~ '^Retention' ORDER BY 1;
\set run 'SELECT format(''SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)'', r) FROM unnest(''{t_window,t_delta,t_lookback,t_custom,t_of_delta}''::text[]) r'
CREATE TEMP VIEW rows AS SELECT 't_window' AS report, day::timestamptz, n FROM analytics.t_window UNION ALL SELECT 't_delta', day, n FROM analytics.t_delta UNION ALL SELECT 't_lookback', day, n FROM analytics.t_lookback UNION ALL SELECT 't_custom', at, n FROM analytics.t_custom UNION ALL SELECT 't_of_delta', week, n FROM analytics.t_of_delta;
-- What is too old already is not computed, but by what only adds.
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('timed', '2026-03-14 23:00Z'), ('timed', '2026-03-15 01:00Z'), ('timed', '2026-03-15 13:00Z'), ('timed', '2026-03-18 10:00Z'), ('timed', '2026-03-20 10:00Z');
:run \gexec
SELECT * FROM rows ORDER BY 1, 2;
:run \gexec
-- Three days later, with a late event of a time that is gone, and one of a bucket in whose middle the limit is.
SELECT bizmetrics_test.set_clock('2026-03-23 12:00Z');
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('timed', '2026-03-15 02:00Z'), ('timed', '2026-03-18 02:00Z');
:run \gexec
SELECT * FROM rows ORDER BY 1, 2;
-- Computed anew: what is gone stays gone. What follows does not shrink with what it was made of.
SELECT bizmetrics.reset_report('t_window'), bizmetrics.reset_report('t_delta'), bizmetrics.reset_report('t_lookback'), bizmetrics.reset_report('t_of_delta');
:run \gexec
SELECT * FROM rows ORDER BY 1, 2;
-- A week whose first days are gone is not computed from the others.
SELECT bizmetrics_test.set_clock('2026-03-30 12:00Z');
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('timed', '2026-03-26 02:00Z'), ('timed', '2026-03-30 02:00Z');
:run \gexec
SELECT * FROM rows WHERE report IN ('t_delta', 't_of_delta') ORDER BY 1, 2;
-- A backfill says what it leaves alone.
SET client_min_messages = notice;
CALL bizmetrics.backfill_report('t_window', '2026-03-01Z', '2026-03-20Z');
CALL bizmetrics.backfill_report('t_window', '2026-03-20Z', '2026-03-31Z');
RESET client_min_messages;
SET client_min_messages = warning;
-- Changed, and taken away.
SELECT bizmetrics.alter_report('t_window', retention => '1 day');
SELECT state, row_count FROM bizmetrics.run_report('t_window');
SELECT * FROM analytics.t_window ORDER BY 1;
SELECT bizmetrics.alter_report('t_window', unset => '{retention}');
SELECT bizmetrics.reset_report('t_window');
SELECT state FROM bizmetrics.run_report('t_window');
SELECT * FROM analytics.t_window ORDER BY 1;
-- Rows are looked for once a bucket, and where rows of before it may have been written: a trigger tells.
CREATE FUNCTION analytics.t_tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'rows of % are looked for', TG_RELID::regclass; RETURN NULL; END $$;
SELECT bizmetrics.create_report('t_once', query => $$SELECT date_trunc('day', occurred_at) AS day, max(occurred_at) AS at, count(DISTINCT id) AS n FROM public.business_events WHERE event_name IN ('timed', 'timed_too') GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', retention => '5 days');
CREATE TRIGGER t_tell AFTER DELETE ON analytics.t_once FOR EACH STATEMENT EXECUTE FUNCTION analytics.t_tell();
CREATE TRIGGER t_tell AFTER DELETE ON analytics.t_delta FOR EACH STATEMENT EXECUTE FUNCTION analytics.t_tell();
\set once 'SELECT format(''SELECT %1$L AS report, state, row_count FROM bizmetrics.run_report(%1$L)'', r) FROM unnest(''{t_once,t_delta}''::text[]) r'
:once \gexec
:once \gexec
-- New events: in windows the delete of those that vanished is the only one.
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('timed', '2026-03-30 03:00Z');
:once \gexec
-- The next bucket; by another column; for another time; and after a reset.
SELECT bizmetrics_test.set_clock('2026-03-31 00:00Z');
:once \gexec
:once \gexec
SELECT bizmetrics.alter_report('t_once', retention_column => 'at');
SELECT state, row_count FROM bizmetrics.run_report('t_once');
SELECT state, row_count FROM bizmetrics.run_report('t_once');
SELECT bizmetrics.alter_report('t_once', retention => '3 days');
SELECT state, row_count FROM bizmetrics.run_report('t_once');
SELECT state, row_count FROM bizmetrics.run_report('t_once');
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('timed', '2026-03-30 03:00Z');
SELECT state, row_count FROM bizmetrics.run_report('t_once');
SELECT day, n FROM analytics.t_once ORDER BY 1;
-- A run that fails has deleted nothing, and the next one does.
SELECT bizmetrics_test.set_clock('2026-04-01 00:00Z');
ALTER TABLE analytics.t_delta ADD CHECK (n < 3);
INSERT INTO public.business_events (event_name, occurred_at) SELECT 'timed', '2026-03-31 03:00Z' FROM generate_series(1, 3);
SELECT state FROM bizmetrics.run_report('t_delta');
ALTER TABLE analytics.t_delta DROP CONSTRAINT t_delta_n_check;
SELECT state FROM bizmetrics.run_report('t_delta');
-- Without a bucket, once an hour; besides, where a column that is none of key tells, after each run that wrote: a row that
-- a late event is added to is as new as it was.
SELECT bizmetrics.create_report('t_ever', query => $$SELECT occurred_at::date AS day, count(*) AS n FROM public.business_events WHERE event_name = 'timed' GROUP BY 1$$, schedule => :never, key => '{day}', retention => '5 days', retention_column => 'day', strategy => 'delta');
SELECT bizmetrics.create_report('t_last', query => $$SELECT coalesce(company_id, '') AS company, max(occurred_at) AS at, count(*) AS n FROM public.business_events WHERE event_name = 'timed' GROUP BY 1$$, schedule => :never, key => '{company}', retention => '5 days', retention_column => 'at');
CREATE TRIGGER t_tell AFTER DELETE ON analytics.t_ever FOR EACH STATEMENT EXECUTE FUNCTION analytics.t_tell();
CREATE TRIGGER t_tell AFTER DELETE ON analytics.t_last FOR EACH STATEMENT EXECUTE FUNCTION analytics.t_tell();
\set ever 'SELECT format(''SELECT %1$L AS report, state, row_count FROM bizmetrics.run_report(%1$L)'', r) FROM unnest(''{t_ever,t_last}''::text[]) r'
SELECT bizmetrics_test.set_clock('2026-04-01 10:10Z');
:ever \gexec
:ever \gexec
INSERT INTO public.business_events (event_name, occurred_at) SELECT 'timed', unnest('{2026-03-01 03:00Z,2026-03-31 12:00Z}'::timestamptz[]);
SELECT bizmetrics_test.set_clock('2026-04-01 10:50Z');
:ever \gexec
SELECT bizmetrics_test.set_clock('2026-04-01 11:10Z');
:ever \gexec
:ever \gexec
SELECT min(day) FROM analytics.t_ever;
SELECT at, n = (SELECT count(*) FROM public.business_events WHERE event_name = 'timed' AND company_id IS NULL) AS all_of_them FROM analytics.t_last;
SELECT bizmetrics_test.set_clock('2026-04-01 00:00Z');
-- What computes everything does not compute what would go at once, and writes nothing where nothing changed; whether
-- it has a bucket or not.
SELECT bizmetrics.create_report('t_full', query => $$SELECT occurred_at::date AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'timed' GROUP BY 1 ORDER BY 1 -- by day$$, schedule => :never, key => '{day}', strategy => 'full', retention => '5 days', retention_column => 'day');
SELECT bizmetrics.create_report('t_full_buckets', query => $$SELECT occurred_at::date AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'timed' GROUP BY 1 ORDER BY 1$$, schedule => :never, key => '{day}', strategy => 'full', bucket => '1 day', retention => '5 days');
\set full 'SELECT format(''SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)'', r) FROM unnest(''{t_full,t_full_buckets}''::text[]) r'
:full \gexec
:full \gexec
SELECT 't_full' AS report, * FROM analytics.t_full UNION ALL SELECT 't_full_buckets', * FROM analytics.t_full_buckets ORDER BY 1, 2;
SELECT bizmetrics_test.set_clock('2026-04-05 12:00Z');
:full \gexec
:full \gexec
SELECT 't_full' AS report, * FROM analytics.t_full UNION ALL SELECT 't_full_buckets', * FROM analytics.t_full_buckets ORDER BY 1, 2;
SELECT r, count(*) FILTER (WHERE line ~ '< |>= ') > 0 AS restricted FROM unnest('{t_full,t_full_buckets}'::text[]) r, bizmetrics.explain_report(r) line GROUP BY 1 ORDER BY 1;
-- What cannot be.
SELECT pg_temp.error_of(format('SELECT bizmetrics.alter_report(''t_window'', %s)', a)) FROM unnest(ARRAY['retention => ''-1 day''', 'retention => ''1 day'', retention_column => ''n''', 'retention => ''1 day'', retention_column => ''none''', 'retention_column => ''day''', 'retention => ''0''']) a;
SELECT pg_temp.error_of($$SELECT bizmetrics.create_report('t_none', 'analytics.t_custom', 'SELECT 1', '0 0 29 2 *', retention => '1 day')$$);
SELECT bizmetrics_test.set_clock(NULL);
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
DROP EXTENSION bizmetrics_test;
DROP SCHEMA IF EXISTS bizmetrics_test;
