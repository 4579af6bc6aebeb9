-- On the days on which clocks change, a day is a day of the report's time zone, as long as it is, whatever the
-- column of the bucket is.
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
SELECT bizmetrics.create_report('dst_' || name, query => format($$SELECT %s AS bucket, count(DISTINCT id) AS n, min(occurred_at) AS first_at FROM public.business_events WHERE event_name = 'dst' GROUP BY 1$$, expression), schedule => :never, key => '{bucket}', bucket => bucket::interval, timezone => 'Europe/Berlin')
FROM (VALUES ('day', $$date_trunc('day', occurred_at)$$, '1 day'), ('date', $$occurred_at::date$$, '1 day'), ('local', $$date_trunc('day', occurred_at::timestamp)$$, '1 day'), ('hour', $$date_trunc('hour', occurred_at)$$, '1 hour'), ('local_hour', $$date_trunc('hour', occurred_at::timestamp)$$, '1 hour'), ('week', $$date_trunc('week', occurred_at)$$, '1 week'), ('month', $$date_trunc('month', occurred_at)::date$$, '1 month'), ('half_hour', $$date_bin('30 minutes', occurred_at::timestamp, timestamp '2000-01-01')$$, '30 minutes')) r (name, expression, bucket);
\c - postgres
SELECT bizmetrics.ensure_partitions('2026-10-01', '2026-11-01') >= 0;
\c - regress_author
SET timezone = 'Europe/Berlin';
SET datestyle = 'ISO';
\set run 'SELECT format(''SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L) WHERE state <> ''''succeeded'''''', report_name) FROM bizmetrics.report_status ORDER BY report_name'
-- In March 2:00 to 3:00 is not there; in October it comes twice: an event every half hour.
INSERT INTO public.business_events (event_name, occurred_at) SELECT 'dst', at FROM generate_series('2026-03-28 22:00Z'::timestamptz, '2026-03-30 00:00Z', '30 minutes') at WHERE extract(minute FROM at) = 0;
INSERT INTO public.business_events (event_name, occurred_at) SELECT 'dst', at FROM generate_series('2026-10-24 21:00Z'::timestamptz, '2026-10-26 00:00Z', '30 minutes') at WHERE extract(minute FROM at) = 0;
\set ECHO none
:run \gexec
INSERT INTO public.business_events (event_name, occurred_at) SELECT 'dst', at FROM generate_series('2026-03-28 22:30Z'::timestamptz, '2026-03-30 00:00Z', '60 minutes') at;
:run \gexec
INSERT INTO public.business_events (event_name, occurred_at) SELECT 'dst', at FROM generate_series('2026-10-24 21:30Z'::timestamptz, '2026-10-25 00:00Z', '60 minutes') at;
:run \gexec
INSERT INTO public.business_events (event_name, occurred_at) SELECT 'dst', at FROM generate_series('2026-10-25 00:30Z'::timestamptz, '2026-10-26 00:00Z', '60 minutes') at;
:run \gexec
\set ECHO all
SELECT * FROM analytics.dst_day ORDER BY 1;
SELECT * FROM analytics.dst_date ORDER BY 1;
SELECT * FROM analytics.dst_local ORDER BY 1;
SELECT * FROM analytics.dst_week ORDER BY 1;
SELECT * FROM analytics.dst_month ORDER BY 1;
SELECT n, count(*), min(bucket) FROM analytics.dst_hour GROUP BY 1 ORDER BY 1;
SELECT n, count(*), min(bucket) FROM analytics.dst_local_hour GROUP BY 1 ORDER BY 1;
SELECT n, count(*), min(bucket) FROM analytics.dst_half_hour GROUP BY 1 ORDER BY 1;
-- One late event in the hour that comes twice, and in the one that is not there.
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('dst', '2026-10-25 00:15Z'), ('dst', '2026-10-25 01:45Z'), ('dst', '2026-03-29 01:00Z');
SELECT line FROM unnest('{dst_hour,dst_local_hour,dst_half_hour,dst_date,dst_month}'::text[]) r, bizmetrics.explain_report(r) line WHERE line ~ '^Window';
:run \gexec
CREATE TEMP TABLE truth AS SELECT count(DISTINCT date_trunc('hour', occurred_at)) AS hours, count(DISTINCT date_trunc('hour', occurred_at::timestamp)) AS local_hours, count(*) AS events FROM public.business_events WHERE event_name = 'dst';
SELECT t.*, (SELECT (count(*), sum(n)) FROM analytics.dst_hour) AS hour, (SELECT (count(*), sum(n)) FROM analytics.dst_local_hour) AS local_hour, (SELECT sum(n) FROM analytics.dst_day) AS day, (SELECT sum(n) FROM analytics.dst_date) AS date, (SELECT sum(n) FROM analytics.dst_local) AS local, (SELECT sum(n) FROM analytics.dst_half_hour) AS half_hour, (SELECT sum(n) FROM analytics.dst_month) AS month FROM truth t;
SELECT n, bucket FROM analytics.dst_half_hour WHERE n > 1 ORDER BY 2;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
