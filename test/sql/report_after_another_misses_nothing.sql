-- A report that reads events and another report's table: an event that comes after the other one ran and before this
-- one did is in its buckets once the other one has it too.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-03-01', '2026-04-01') >= 0;
\c - regress_author
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
SELECT bizmetrics.create_report('sales', query => $$SELECT occurred_at::date AS day, count(DISTINCT entity_id) AS orders FROM public.business_events WHERE event_name = 'paid' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
\set share 'SELECT e.occurred_at::date AS day, count(*) AS visits, coalesce(max(s.orders), 0) AS orders FROM public.business_events AS e LEFT JOIN analytics.sales AS s ON s.day = e.occurred_at::date WHERE e.event_name IN (''paid'', ''visited'') AND e.occurred_at >= $1 AND e.occurred_at < $2 GROUP BY 1'
SELECT bizmetrics.create_report('shares', query => :'share', schedule => :never, key => '{day}', bucket => '1 day', after => '{sales}');
SELECT bizmetrics.create_report('shares_alone', query => :'share', schedule => :never, key => '{day}', bucket => '1 day');
SELECT count(bizmetrics.log_event('visited', occurred_at => '2026-03-10Z')), count(bizmetrics.log_event('paid', entity_id => 1, occurred_at => '2026-03-11Z'));
SELECT 'sales' AS report, state, row_count FROM bizmetrics.run_report('sales');
SELECT 'shares' AS report, state, row_count FROM bizmetrics.run_report('shares');
SELECT 'shares_alone' AS report, state, row_count FROM bizmetrics.run_report('shares_alone');
SELECT 'sales' AS report, state, row_count FROM bizmetrics.run_report('sales');
SELECT 'shares' AS report, state, row_count FROM bizmetrics.run_report('shares');
SELECT 'shares_alone' AS report, state, row_count FROM bizmetrics.run_report('shares_alone');
-- Between the two of them, and late.
SELECT 'sales' AS report, state, row_count FROM bizmetrics.run_report('sales');
SELECT count(bizmetrics.log_event('paid', entity_id => 2, occurred_at => '2026-03-10Z'));
SELECT 'shares' AS report, state, row_count FROM bizmetrics.run_report('shares');
SELECT 'shares_alone' AS report, state, row_count FROM bizmetrics.run_report('shares_alone');
TABLE analytics.shares ORDER BY day;
SELECT 'sales' AS report, state, row_count FROM bizmetrics.run_report('sales');
SELECT 'shares' AS report, state, row_count FROM bizmetrics.run_report('shares');
SELECT 'shares_alone' AS report, state, row_count FROM bizmetrics.run_report('shares_alone');
TABLE analytics.shares ORDER BY day;
-- Who says nothing of the other one has read that event.
TABLE analytics.shares_alone ORDER BY day;
-- And then nothing is new to it any more.
SELECT line FROM bizmetrics.explain_report('shares') AS line WHERE line ~ '^Window';
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
\c - postgres
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
