-- Counters and histograms of events count each event once, whatever is under way, rolled back or pruned.
-- The worker is kept away, which would look at what this test looks at.
ALTER SYSTEM SET bizmetrics.databases = 'postgres';
\getenv srcdir PG_ABS_SRCDIR
\set wait :srcdir '/helpers/wait_for_setting.sql'
\set setting bizmetrics.databases
\set value postgres
\i :wait
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT count(bizmetrics.log_event('counted_order', jsonb_build_object('plan', 'p' || n % 2, 'seconds', n), occurred_at => '2001-01-01 12:00:00+00')) FROM generate_series(1, 10) n;
SELECT bizmetrics.create_metric('shop_orders_total', 'counter', 'Paid orders.', '{plan}', $$SELECT properties ->> 'plan' AS plan, count(*) AS value FROM bizmetrics.events_since($1, $2) WHERE event_name = 'counted_order' GROUP BY 1$$);
SELECT bizmetrics.create_metric('shop_wait_seconds', 'histogram', 'Waits.', '{}', $$SELECT (properties ->> 'seconds')::numeric AS value FROM bizmetrics.events_since($1, $2) WHERE event_name = 'counted_order'$$, buckets => '{4}');
CREATE VIEW pg_temp.figures AS SELECT sample_name, labels, value FROM bizmetrics.metric_values ORDER BY 1, 2;
SELECT bizmetrics.refresh_metrics(true);
TABLE pg_temp.figures;
SELECT bizmetrics.refresh_metrics(true);
TABLE pg_temp.figures;
-- What the transaction itself logs counts when it has committed: before it looked and after.
BEGIN;
SELECT bizmetrics.log_event('counted_order', '{"plan": "p0", "seconds": -5}') IS NOT NULL AS logged;
SELECT bizmetrics.refresh_metrics(true);
SAVEPOINT s;
SELECT bizmetrics.log_event('counted_order', '{"plan": "p0", "seconds": 1}') IS NOT NULL AS logged;
ROLLBACK TO s;
SELECT bizmetrics.log_event('counted_order', '{"plan": "p0", "seconds": 1}') IS NOT NULL AS logged;
COMMIT;
SELECT value FROM pg_temp.figures WHERE labels = '{"plan": "p0"}';
SELECT bizmetrics.refresh_metrics(true);
TABLE pg_temp.figures;
-- A refresh that is rolled back has not counted.
SELECT bizmetrics.log_event('counted_order', '{"plan": "p1", "seconds": 1}') IS NOT NULL AS logged;
BEGIN;
SELECT bizmetrics.refresh_metrics(true);
ROLLBACK;
SELECT bizmetrics.refresh_metrics(true), bizmetrics.refresh_metrics(true);
SELECT value FROM pg_temp.figures WHERE labels = '{"plan": "p1"}';
-- A query that failed counts all of it later.
CREATE VIEW analytics.prices AS SELECT 1 AS price;
SELECT bizmetrics.create_metric('shop_revenue_total', 'counter', 'Revenue.', '{}', $$SELECT count(*) * (SELECT 10 / price FROM analytics.prices) AS value FROM bizmetrics.events_since($1, $2) WHERE event_name = 'counted_order'$$);
SELECT bizmetrics.refresh_metrics(true);
CREATE OR REPLACE VIEW analytics.prices AS SELECT 0 AS price;
SELECT bizmetrics.log_event('counted_order', '{"plan": "p1", "seconds": 1}') IS NOT NULL AS logged;
SELECT bizmetrics.refresh_metrics(true);
CREATE OR REPLACE VIEW analytics.prices AS SELECT 1 AS price;
SELECT bizmetrics.refresh_metrics(true);
SELECT value FROM pg_temp.figures WHERE sample_name = 'shop_revenue_total';
-- The new events are found by the block ranges of their transactions.
SELECT count(*) FROM bizmetrics.events_since(pg_current_snapshot(), '-infinity');
-- It cannot change between both ways to count.
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_metric('shop_orders_total', query => 'SELECT 1 AS plan, 1 AS value')$$);
-- Events that are gone were counted.
\c - postgres
ALTER TABLE public.business_events DETACH PARTITION bizmetrics.business_events_2001_01;
SELECT count(*) FROM bizmetrics.business_events_2001_01;
DROP TABLE bizmetrics.business_events_2001_01;
\c - regress_author
SELECT bizmetrics.log_event('counted_order', '{"plan": "p1", "seconds": 1}') IS NOT NULL AS logged;
SELECT bizmetrics.refresh_metrics(true);
SELECT sample_name, labels, value FROM bizmetrics.metric_values ORDER BY 1, 2;
\c - postgres
-- In a database that was restored what is there counts no more; what comes does.
DELETE FROM bizmetrics.metric_state;
\c - regress_author
SELECT bizmetrics.refresh_metrics(true);
SELECT bizmetrics.log_event('counted_order', '{"plan": "p1", "seconds": 1}') IS NOT NULL AS logged;
SELECT bizmetrics.refresh_metrics(true);
SELECT sample_name, labels, value FROM bizmetrics.metric_values ORDER BY 1, 2;
SELECT count(bizmetrics.drop_metric(metric_name)) FROM bizmetrics.metric_status;
\c - postgres
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP OWNED BY regress_author;
DROP ROLE regress_author;
ALTER SYSTEM RESET bizmetrics.databases;
SELECT pg_reload_conf();
