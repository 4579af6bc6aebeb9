-- A report with a bucket gets $1 and $2, the bounds of whole buckets that events changed, and of those
-- that its lookback touches; its run shows them as window_start and window_end.
SET client_min_messages = warning;
CREATE EXTENSION bizmetrics_test;
GRANT USAGE ON SCHEMA bizmetrics_test TO PUBLIC;
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
SET datestyle = 'ISO';
SELECT bizmetrics_test.set_clock('2026-10-28 12:00 Europe/Berlin');
SELECT bizmetrics.ensure_partitions('2026-09-28', '2026-11-01') >= 0;
INSERT INTO public.business_events (event_name, occurred_at) VALUES
  ('win', '2026-10-18 23:59:59 Europe/Berlin'), ('win', '2026-10-19 00:00 Europe/Berlin'), ('win', '2026-10-25 02:30 Europe/Berlin'), ('win', '2026-10-26 00:00 Europe/Berlin'), ('win', '2026-10-31 00:00 Europe/Berlin');
\c - regress_author
SET timezone = 'Europe/Berlin';
SET datestyle = 'ISO';
CREATE TABLE analytics.w (label text, from_time timestamptz, to_time timestamptz, events bigint);
SELECT bizmetrics.create_report('weekly', 'analytics.w', $$INSERT INTO analytics.w SELECT 'weekly', $1, $2, count(*) FROM public.business_events WHERE event_name = 'win' AND occurred_at >= $1 AND occurred_at < $2$$, '0 0 29 2 *', timezone => 'Europe/Berlin', bucket => '1 week', events => '{win}');
SELECT bizmetrics.create_report('daily', 'analytics.w', $$INSERT INTO analytics.w SELECT 'daily', $1, $2, count(*) FROM public.business_events WHERE event_name = 'win' AND occurred_at >= $1 AND occurred_at < $2$$, '0 0 29 2 *', timezone => 'Europe/Berlin', bucket => '1 day', events => '{win}', lookback => '3 days');
SELECT bizmetrics.create_report('first', 'analytics.w', $$INSERT INTO analytics.w (label, from_time) SELECT 'first', $1$$, '0 0 29 2 *', bucket => '1 month', events => '{win}');
SELECT bizmetrics.create_report('unused', 'analytics.w', $$INSERT INTO analytics.w (label) VALUES ('unused')$$, '0 0 29 2 *', bucket => '1 month', events => '{win}');
SELECT bizmetrics.create_report('none', 'analytics.w', $$INSERT INTO analytics.w (label) VALUES ('none')$$, '0 0 29 2 *');
SELECT bizmetrics.create_report('twice', 'analytics.w', $$INSERT INTO analytics.w SELECT 'twice a', $1, $2; INSERT INTO analytics.w SELECT 'twice b', $1, $2$$, '0 0 29 2 *', bucket => '1 year', events => '{win}');
SELECT format('SELECT %1$L AS r, state FROM bizmetrics.run_report(%1$L)', r) FROM unnest('{weekly,daily,first,unused,none,twice}'::text[]) r \gexec
SELECT * FROM analytics.w ORDER BY label;
SELECT report_name, trigger, slot, window_start, window_end, started_at FROM bizmetrics.report_runs ORDER BY run_id;
SELECT report_name, next_slot FROM bizmetrics.report_status ORDER BY 1;
-- Once more: only the lookback's, and the query that has no window.
TRUNCATE analytics.w;
SELECT format('SELECT %1$L AS r, state FROM bizmetrics.run_report(%1$L)', r) FROM unnest('{weekly,daily,first,unused,none,twice}'::text[]) r \gexec
SELECT * FROM analytics.w ORDER BY label;
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP TABLE analytics.w;
\c - postgres
SELECT bizmetrics_test.set_clock(NULL);
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author;
SET client_min_messages = warning;
DROP EXTENSION bizmetrics_test;
DROP SCHEMA bizmetrics_test;
