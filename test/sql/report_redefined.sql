-- A report whose definition was changed is computed anew: nothing of the old definition stays.
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
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties) VALUES
  ('redefined', '2026-03-18 20:00Z', 'a', '{"value": 1}'), ('redefined', '2026-03-19 20:00Z', 'b', '{"value": 2}'), ('redefined_too', '2026-03-19 21:00Z', 'b', '{"value": 4}');
SELECT bizmetrics.create_report('re', query => $$SELECT date_trunc('month', occurred_at) AS bucket, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'redefined' GROUP BY 1$$, schedule => :never, key => '{bucket}', bucket => '1 month');
SELECT state, row_count FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
-- Another bucket: the month began before the first event did.
SELECT bizmetrics.alter_report('re', bucket => '1 day', query => $$SELECT date_trunc('day', occurred_at) AS bucket, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'redefined' GROUP BY 1$$);
SELECT line FROM bizmetrics.explain_report('re') line WHERE line ~ '^Watermark';
SELECT state FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
SELECT state, row_count FROM bizmetrics.run_report('re');
-- A row of before the first event, as of a bucket that began there, goes with the definition that it was of.
INSERT INTO analytics.re VALUES ('1990-01-01Z', 7);
SELECT state, row_count FROM bizmetrics.run_report('re');
-- Another time zone: days are others, the first of them too.
SELECT bizmetrics.alter_report('re', timezone => 'Asia/Tokyo');
SELECT state FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
SELECT bizmetrics.alter_report('re', timezone => 'UTC');
SELECT state FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
-- Another event, which is of one of the days alone; then one that nobody logged.
SELECT bizmetrics.alter_report('re', query => $$SELECT date_trunc('day', occurred_at) AS bucket, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'redefined_too' GROUP BY 1$$);
SELECT state FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
SELECT bizmetrics.alter_report('re', query => $$SELECT date_trunc('day', occurred_at) AS bucket, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'redefined_never' GROUP BY 1$$);
SELECT state FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
-- A column more is added, with its comment.
SELECT bizmetrics.alter_report('re', query => $$SELECT date_trunc('day', occurred_at) AS bucket, count(DISTINCT id) AS n, sum((properties ->> 'value')::numeric(10, 2)) AS value FROM public.business_events WHERE event_name = 'redefined' GROUP BY 1$$, columns => '{"value": "What it was worth."}', description => 'Redefined.');
SELECT state FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
SELECT obj_description('analytics.re'::regclass), col_description('analytics.re'::regclass, 3), format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'analytics.re'::regclass AND attname = 'value';
-- A column less, or of another type: first the table, then the query.
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('re', query => $q$SELECT date_trunc('day', occurred_at) AS bucket, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'redefined' GROUP BY 1$q$)$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('re', query => $q$SELECT date_trunc('day', occurred_at) AS bucket, count(DISTINCT id) AS n, sum((properties ->> 'value')::float) AS value FROM public.business_events WHERE event_name = 'redefined' GROUP BY 1$q$)$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('re', query => $q$SELECT date_trunc('day', occurred_at)::date AS bucket, count(DISTINCT id) AS n, 1.0 AS value FROM public.business_events WHERE event_name = 'redefined' GROUP BY 1$q$)$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('re', query => $q$SELECT count(DISTINCT id) AS n, 1.0 AS value FROM public.business_events WHERE event_name = 'redefined'$q$)$$);
SELECT state, row_count FROM bizmetrics.run_report('re');
ALTER TABLE analytics.re DROP COLUMN value;
SELECT state, sqlstate, message FROM bizmetrics.run_report('re');
SELECT bizmetrics.alter_report('re', query => $$SELECT date_trunc('day', occurred_at) AS bucket, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'redefined' GROUP BY 1$$);
SELECT state, row_count FROM bizmetrics.run_report('re');
-- Another strategy: a delta needs what can be added, and begins with all events.
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('re', strategy => 'delta')$$);
SELECT bizmetrics.alter_report('re', strategy => 'delta', query => $$SELECT date_trunc('day', occurred_at) AS bucket, count(*) AS n FROM public.business_events WHERE event_name = 'redefined' GROUP BY 1$$);
SELECT line FROM bizmetrics.explain_report('re') line WHERE line ~ '^(Strategy|Watermark|New)';
SELECT state, row_count FROM bizmetrics.run_report('re');
INSERT INTO public.business_events (event_name, occurred_at, company_id) VALUES ('redefined', '2026-03-18 21:00Z', 'c');
SELECT state, row_count FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
-- A delta of other buckets.
SELECT bizmetrics.alter_report('re', bucket => '1 week', query => $$SELECT date_trunc('week', occurred_at) AS bucket, count(*) AS n FROM public.business_events WHERE event_name = 'redefined' GROUP BY 1$$);
SELECT state FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
-- reset_report: the same once more, and what somebody wrote into the table is gone.
INSERT INTO analytics.re VALUES ('2020-01-01Z', 7);
UPDATE analytics.re SET n = 77;
SELECT state, row_count FROM bizmetrics.run_report('re');
SELECT bizmetrics.reset_report('re');
SELECT state FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
-- Without a bucket: everything, each time.
SELECT bizmetrics.alter_report('re', unset => '{bucket}', strategy => 'full');
SELECT state, row_count FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
-- Dropped and created again on the table that is there: rows that are right are not written.
SELECT bizmetrics.drop_report('re');
SELECT bizmetrics.create_report('re', query => $$SELECT date_trunc('week', occurred_at) AS bucket, count(*) AS n FROM public.business_events WHERE event_name = 'redefined' GROUP BY 1$$, schedule => :never, key => '{bucket}', bucket => '1 week');
SELECT line FROM bizmetrics.explain_report('re') line WHERE line ~ '^(Strategy|Watermark)';
SELECT state, row_count FROM bizmetrics.run_report('re');
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('redefined', '2026-03-18 21:00Z');
SELECT state, row_count FROM bizmetrics.run_report('re');
SELECT * FROM analytics.re ORDER BY 1;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
