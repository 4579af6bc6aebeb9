-- A LIMIT, a rank or DISTINCT ON gives what it gives of each bucket, however many of them a run, or a backfill, computes
-- at once: what a late event changes, computed alone, and what was computed together are the same.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-02-01', '2026-03-01') >= 0;
\c - regress_author
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
SELECT bizmetrics.create_report(name, query => query, schedule => :never, key => '{day,event}', bucket => '1 day', timezone => 'UTC') FROM (VALUES
  ('limited', $$SELECT date_trunc('day', occurred_at) AS day, event_name AS event, count(*) AS n, NULL::bigint AS place FROM public.business_events WHERE event_name ~ '^best' GROUP BY 1, 2 ORDER BY n DESC, event LIMIT 2$$),
  ('skipped', $$SELECT date_trunc('day', occurred_at) AS day, event_name AS event, count(*) AS n, NULL::bigint AS place FROM public.business_events WHERE event_name ~ '^best' GROUP BY 1, 2 ORDER BY n DESC, event OFFSET 1$$),
  ('ranked', $$SELECT date_trunc('day', occurred_at) AS day, event_name AS event, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS place FROM public.business_events WHERE event_name ~ '^best' GROUP BY 1, 2$$),
  ('distinct_on', $$SELECT DISTINCT ON (count(*)) date_trunc('day', occurred_at) AS day, event_name AS event, count(*) AS n, NULL::bigint AS place FROM public.business_events WHERE event_name ~ '^best' GROUP BY 1, 2 ORDER BY count(*), event_name$$),
  ('of_with', $$WITH best AS (SELECT date_trunc('day', occurred_at) AS day, event_name AS event, count(*) AS n FROM public.business_events WHERE event_name ~ '^best' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 1, 2 ORDER BY n DESC, event LIMIT 2) SELECT day, event, n, NULL::bigint AS place FROM best$$),
  ('of_subquery', $$SELECT day, event, n, place FROM (SELECT date_trunc('day', occurred_at) AS day, event_name AS event, count(*) AS n, row_number() OVER (ORDER BY count(*) DESC, event_name) AS place FROM public.business_events WHERE event_name ~ '^best' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 1, 2) x WHERE place < 3$$),
  ('of_union', $$SELECT * FROM ((SELECT date_trunc('day', occurred_at) AS day, event_name AS event, count(*) AS n, 1::bigint AS place FROM public.business_events WHERE event_name ~ '^best' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 1, 2 ORDER BY n DESC, event LIMIT 1) UNION ALL (SELECT date_trunc('day', occurred_at), event_name || '!', count(*), 2 FROM public.business_events WHERE event_name ~ '^best' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 1, 2 ORDER BY 3, 2 LIMIT 1)) u$$),
  -- By the day it is of the day anyway, and for each row LIMIT is of that row.
  ('by_day', $$SELECT date_trunc('day', occurred_at) AS day, event_name AS event, count(*) AS n, rank() OVER (PARTITION BY date_trunc('day', occurred_at) ORDER BY count(*) DESC) AS place FROM public.business_events WHERE event_name ~ '^best' GROUP BY 1, 2$$),
  ('of_a_row', $$SELECT date_trunc('day', occurred_at) AS day, event_name AS event, count(*) AS n, (SELECT g FROM generate_series(7, 9) g LIMIT 1)::bigint AS place FROM public.business_events WHERE event_name ~ '^best' GROUP BY 1, 2$$)) r (name, query);
-- Five days next to each other, of three events each.
CREATE FUNCTION pg_temp.log(days int[], seed int) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(bizmetrics.log_event('best' || e, occurred_at => timestamptz '2026-02-01 10:00Z' + d * interval '1 day'))
  FROM unnest(days) d, generate_series(1, 3) e, generate_series(0, (e * 7 + d * 5 + seed) % 4) n $$;
CREATE TEMP VIEW truth AS SELECT day, event, n, row_number() OVER (PARTITION BY day ORDER BY n DESC, event) AS place, rank() OVER (PARTITION BY day ORDER BY n DESC) AS rank,
    row_number() OVER (PARTITION BY day ORDER BY n, event) AS from_below, row_number() OVER (PARTITION BY day, n ORDER BY event) AS of_n
  FROM (SELECT date_trunc('day', occurred_at) AS day, event_name AS event, count(*) AS n FROM public.business_events WHERE event_name ~ '^best' GROUP BY 1, 2) x;
CREATE FUNCTION pg_temp.wrong() RETURNS TABLE (report text, rows bigint) LANGUAGE sql AS $$
  WITH given AS (SELECT 'limited' AS report, * FROM analytics.limited UNION ALL SELECT 'skipped', * FROM analytics.skipped UNION ALL SELECT 'ranked', * FROM analytics.ranked UNION ALL SELECT 'distinct_on', * FROM analytics.distinct_on
      UNION ALL SELECT 'of_with', * FROM analytics.of_with UNION ALL SELECT 'of_subquery', * FROM analytics.of_subquery UNION ALL SELECT 'of_union', day, rtrim(event, '!'), n, place FROM analytics.of_union
      UNION ALL SELECT 'by_day', * FROM analytics.by_day UNION ALL SELECT 'of_a_row', * FROM analytics.of_a_row),
    true_ones AS (SELECT 'limited', day, event, n, NULL::bigint FROM truth WHERE place <= 2 UNION ALL SELECT 'skipped', day, event, n, NULL FROM truth WHERE place > 1 UNION ALL SELECT 'ranked', day, event, n, rank FROM truth
      UNION ALL SELECT 'distinct_on', day, event, n, NULL FROM truth WHERE of_n = 1 UNION ALL SELECT 'of_with', day, event, n, NULL FROM truth WHERE place <= 2 UNION ALL SELECT 'of_subquery', day, event, n, place FROM truth WHERE place <= 2
      UNION ALL SELECT 'of_union', day, event, n, 1 FROM truth WHERE place = 1 UNION ALL SELECT 'of_union', day, event, n, 2 FROM truth WHERE from_below = 1
      UNION ALL SELECT 'by_day', day, event, n, rank FROM truth UNION ALL SELECT 'of_a_row', day, event, n, 7 FROM truth)
  SELECT report, count(*) FROM ((TABLE given EXCEPT ALL TABLE true_ones) UNION ALL (TABLE true_ones EXCEPT ALL TABLE given)) d GROUP BY 1 ORDER BY 1 $$;
\set run 'SELECT format(''SELECT %1$L AS report, state, sqlstate FROM bizmetrics.run_report(%1$L) WHERE state <> ''''succeeded'''''', report_name) FROM bizmetrics.report_status ORDER BY report_name'
\pset tuples_only on
SELECT pg_temp.log('{0,1,2,3,4}', 0) > 10;
:run \gexec
SELECT count(*), count(DISTINCT day) FROM analytics.limited;
SELECT * FROM pg_temp.wrong();
-- Late events of one day, and of three.
SELECT pg_temp.log('{2}', 1) > 0;
:run \gexec
SELECT * FROM pg_temp.wrong();
SELECT pg_temp.log('{0,1,4}', 3) > 0;
:run \gexec
SELECT * FROM pg_temp.wrong();
-- A backfill of all days at once finds nothing to change.
SELECT bizmetrics.reset_report(report_name) FROM bizmetrics.report_status WHERE report_name <> 'ranked';
:run \gexec
SET client_min_messages = info;
CALL bizmetrics.backfill_report('ranked', '2026-02-01', '2026-02-06');
RESET client_min_messages;
SET client_min_messages = warning;
SELECT * FROM pg_temp.wrong();
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
