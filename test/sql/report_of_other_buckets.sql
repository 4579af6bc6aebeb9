-- A SELECT that groups by other buckets than the report has would put a part of a bucket in place of the
-- whole: it fails, and says where. Finer groups are of whole buckets.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-03-01', '2026-04-01') >= 0;
\c - regress_author
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('bucketed', '2026-03-02 10:00Z'), ('bucketed', '2026-03-03 10:00Z');
SELECT bizmetrics.create_report('weeks_by_day', query => $$SELECT date_trunc('week', occurred_at) AS week, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'bucketed' GROUP BY 1$$, schedule => :never, key => '{week}', bucket => '1 day');
SELECT bizmetrics.create_report('hours_by_day', query => $$SELECT date_trunc('hour', occurred_at) AS hour, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'bucketed' GROUP BY 1$$, schedule => :never, key => '{hour}', bucket => '1 day');
SELECT bizmetrics.create_report('days_elsewhere', query => $$SELECT date_trunc('day', occurred_at, 'Asia/Tokyo') AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'bucketed' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT bizmetrics.create_report('cohorts', query => $$SELECT date '2020-01-01' AS cohort, date_trunc('day', occurred_at)::date AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'bucketed' GROUP BY 1, 2$$, schedule => :never, key => '{cohort,day}', bucket => '1 day');
SELECT bizmetrics.create_report('cohorts_second', query => $$SELECT date '2020-01-01' AS cohort, date_trunc('day', occurred_at)::date AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'bucketed' GROUP BY 1, 2$$, schedule => :never, key => '{day,cohort}', bucket => '1 day');
-- The first run computes the whole span, in which weeks are whole by chance.
SELECT format('SELECT %1$L AS report, state, row_count, sqlstate, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest('{weeks_by_day,hours_by_day,days_elsewhere,cohorts,cohorts_second}'::text[]) r \gexec
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('bucketed', '2026-03-03 12:00Z');
SELECT format('SELECT %1$L AS report, state, row_count, sqlstate, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest('{weeks_by_day,hours_by_day,days_elsewhere,cohorts,cohorts_second}'::text[]) r \gexec
SELECT * FROM analytics.weeks_by_day;
SELECT * FROM analytics.hours_by_day ORDER BY 1;
SELECT * FROM analytics.cohorts_second ORDER BY 1;
SELECT report_name, detail FROM bizmetrics.report_runs WHERE detail IS NOT NULL AND report_name = 'cohorts' ORDER BY run_id LIMIT 1;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
