-- The packs saas and growth on their samples: what runs after late events make of the tables is what
-- computing them from nothing makes.
SET client_min_messages = warning;
CREATE DATABASE regression_bizmetrics_incremental;
\c regression_bizmetrics_incremental
SET client_min_messages = warning;
CREATE EXTENSION bizmetrics;
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
CREATE ROLE regress_packs_analyst LOGIN;
SELECT bizmetrics.grant_author('regress_packs_analyst');
-- A sample is stored once, and a part of it again is no more.
SELECT bizmetrics.generate_sample_saas(100, 3) AS events \gset
SELECT count(*) = :events AND count(*) > 1000 AS stored FROM public.business_events WHERE dedupe_key LIKE 'sample:%';
SET DateStyle = 'German';
SET TimeZone = 'Asia/Tokyo';
SELECT bizmetrics.generate_sample_saas(100, 3) = :events AS the_same;
SELECT bizmetrics.generate_sample_saas(40, 3) < :events AS a_part_of_it;
RESET DateStyle;
SET TimeZone = 'UTC';
SELECT count(*) = :events AS nothing_new FROM public.business_events WHERE dedupe_key LIKE 'sample:%';
SELECT bizmetrics.generate_sample_growth(40, 3) AS more_events \gset
SELECT count(*) = :events + :more_events AND :more_events > 1000 AS stored FROM public.business_events WHERE dedupe_key LIKE 'sample:%';
SELECT bizmetrics.generate_sample_saas(10, 4) AS other_events \gset
SELECT count(*) = :other_events AND count(*) > 0 AS another_seed FROM public.business_events WHERE dedupe_key LIKE 'sample:saas:4:%';
SELECT bizmetrics.generate_sample_saas(0, 1);
SELECT bizmetrics.generate_sample_growth(3661, 1);
SELECT bizmetrics.generate_sample_saas(NULL, 1);
SELECT bizmetrics.generate_sample_growth(1, NULL);

CREATE TABLE seen AS
SELECT event_name, occurred_at, date_trunc('day', occurred_at, 'Europe/Berlin') AS day, company_id, actor_user_id, entity_id, row_number() OVER (PARTITION BY event_name ORDER BY occurred_at, id) AS n
FROM public.business_events WHERE event_name IN ('subscription_started', 'user_signed_up', 'email_sent');
SELECT count(bizmetrics.log_event('user_logged_in', actor_user_id => actor_user_id, company_id => company_id, occurred_at => day + interval '23 hours 50 minutes')) FROM seen WHERE event_name = 'user_signed_up' AND n = 15;

-- What is run is run by hand: the worker hears of nothing.
BEGIN;
SELECT bizmetrics.install_pack('saas', 'regress_packs_analyst', 'Europe/Berlin') = (SELECT count(*) FROM bizmetrics.pack_reports WHERE pack = 'saas') AS installed;
SELECT bizmetrics.install_pack('growth', 'regress_packs_analyst', 'Europe/Berlin') = (SELECT count(*) FROM bizmetrics.pack_reports WHERE pack = 'growth') AS installed;
DELETE FROM bizmetrics.run_requests;
SELECT bizmetrics.pause_reports() > 0 AS paused;
COMMIT;

-- Reports in the order in which they depend on each other, each in a transaction of its own, as their owner.
CREATE TABLE runs_of_packs AS
WITH RECURSIVE ordered AS (
  SELECT r.report_name, 0 AS depth FROM bizmetrics.pack_reports AS r WHERE r.pack IN ('saas', 'growth') AND r.after IS NULL
  UNION ALL
  SELECT r.report_name, o.depth + 1 FROM bizmetrics.pack_reports AS r JOIN ordered AS o ON o.report_name = ANY (r.after)
)
SELECT o.report_name, max(o.depth) AS depth FROM ordered AS o GROUP BY 1;
GRANT SELECT ON runs_of_packs TO regress_packs_analyst;
-- What did not succeed; nothing.
\pset tuples_only on
\pset format unaligned
SET SESSION AUTHORIZATION regress_packs_analyst;
\set ECHO none
SELECT format('SELECT %L, r.state, r.sqlstate, r.message FROM bizmetrics.run_report(%1$L) AS r WHERE r.state <> ''succeeded''', report_name) FROM runs_of_packs ORDER BY depth, report_name \gexec
\set ECHO all
RESET SESSION AUTHORIZATION;

-- Late events, few and far between, so that each is the only one in its window: of customers and users who
-- are there already, in months and days that were computed. The session of 23:50 goes on after midnight.
SELECT count(bizmetrics.log_event('subscription_changed', '{"amount": 700, "plan": "large", "currency": "USD"}', actor_user_id => actor_user_id, company_id => company_id, entity_type => 'subscription', entity_id => entity_id, occurred_at => occurred_at + interval '2 days'))
FROM seen WHERE event_name = 'subscription_started' AND n = 2;
SELECT count(bizmetrics.log_event('subscription_cancelled', '{}', company_id => company_id, entity_type => 'subscription', entity_id => entity_id, occurred_at => occurred_at + interval '5 days'))
FROM seen WHERE event_name = 'subscription_started' AND n = 5;
SELECT count(bizmetrics.log_event(e.event, '{"amount": 12, "currency": "CHF", "feature": "late", "campaign": "late", "page": "/late", "score": 5, "channel": "fair"}', actor_user_id => actor_user_id, company_id => company_id, occurred_at => day + e.after))
FROM seen JOIN (VALUES (3, 'user_activated', interval '2 days'), (9, 'value_reached', '3 days'), (15, 'feature_used', '1 day 10 minutes'), (21, 'payment_received', '3 days'), (27, 'trial_started', '4 days'), (33, 'nps_answered', '1 day'),
                       (39, 'csat_answered', '1 day'), (45, 'marketing_spent', '1 day'), (51, 'referral_sent', '1 day'), (57, 'user_logged_in', '-40 days'), (63, 'user_signed_up', '-9 days'), (69, 'user_logged_in', '35 days'), (75, 'referral_completed', '3 days'), (81, 'landing_page_visited', '-50 days')) AS e (n, event, after) USING (n)
WHERE event_name = 'user_signed_up';
SELECT count(bizmetrics.log_event('email_opened', '{"campaign": "newsletter late"}', actor_user_id => actor_user_id, occurred_at => occurred_at + interval '8 days')) FROM seen WHERE event_name = 'email_sent' AND n = 2;
SELECT count(bizmetrics.log_event('email_sent', '{"campaign": "newsletter late"}', actor_user_id => actor_user_id, occurred_at => occurred_at)) FROM seen WHERE event_name = 'email_sent' AND n = 2;

SET SESSION AUTHORIZATION regress_packs_analyst;
\set ECHO none
SELECT format('SELECT %L, r.state, r.sqlstate, r.message FROM bizmetrics.run_report(%1$L) AS r WHERE r.state <> ''succeeded''', report_name) FROM runs_of_packs ORDER BY depth, report_name \gexec
\set ECHO all
RESET SESSION AUTHORIZATION;
CREATE SCHEMA kept;
\set ECHO none
SELECT format('CREATE TABLE kept.%I AS SELECT * FROM analytics.%1$I', report_name) FROM runs_of_packs ORDER BY report_name \gexec
\set ECHO all
SET SESSION AUTHORIZATION regress_packs_analyst;
\set ECHO none
SELECT format('TRUNCATE analytics.%I', report_name) FROM runs_of_packs ORDER BY report_name \gexec
\set ECHO all
SELECT count(bizmetrics.reset_report(report_name)) = count(*) FROM runs_of_packs;
\set ECHO none
SELECT format('SELECT %L, r.state, r.sqlstate, r.message FROM bizmetrics.run_report(%1$L) AS r WHERE r.state <> ''succeeded''', report_name) FROM runs_of_packs ORDER BY depth, report_name \gexec
\set ECHO all
RESET SESSION AUTHORIZATION;
-- Rows that differ; none. Health is of the last days as they are seen at the time of the run.
\set ECHO none
SELECT format('SELECT %L, d.* FROM ((TABLE kept.%1$I EXCEPT TABLE analytics.%1$I) UNION ALL (TABLE analytics.%1$I EXCEPT TABLE kept.%1$I)) AS d LIMIT 5', report_name) FROM runs_of_packs WHERE report_name NOT IN ('customer_health', 'health_daily', 'feature_adoption') ORDER BY 1 \gexec
\set ECHO all
-- Tables without rows; none.
\set ECHO none
SELECT format('SELECT %L WHERE NOT EXISTS (SELECT FROM analytics.%1$I)', report_name) FROM runs_of_packs ORDER BY 1 \gexec
\set ECHO all
-- The identity of every month
SELECT * FROM analytics.mrr WHERE start_mrr + new_mrr + expansion_mrr + reactivation_mrr - contraction_mrr - churned_mrr <> end_mrr;

-- A parameter that is set brings the reports up to date, and only those that go by it.
SELECT bizmetrics.set_pack_parameter('saas', 'gross_margin', '0.5');
SELECT count(*) FROM bizmetrics.pack_reports AS p JOIN bizmetrics.reports AS r USING (report_name) WHERE r.query LIKE '%''0.5''%';
SELECT bizmetrics.set_pack_parameter('saas', 'gross_margin', NULL);
SELECT count(*) FROM bizmetrics.pack_reports AS p JOIN bizmetrics.reports AS r USING (report_name) WHERE r.query LIKE '%''0.5''%';

-- Every metric has the columns of its labels and a value.
\set ECHO none
SELECT format('SELECT %s FROM (%s) AS m LIMIT 0', concat_ws(', ', 'value::numeric', nullif(array_to_string(m.labels, ', '), '')), bizmetrics.render_pack_query(m.query)) FROM bizmetrics.pack_metrics AS m WHERE m.pack IN ('saas', 'growth') ORDER BY 1 \gexec
\set ECHO all
SELECT m.metric_name FROM bizmetrics.pack_metrics AS m WHERE m.pack IN ('saas', 'growth') AND (m.type = 'counter') <> (m.metric_name LIKE '%\_total');

SELECT bizmetrics.uninstall_pack('growth', true) > 0, bizmetrics.uninstall_pack('saas', true) > 0;
\pset tuples_only off
\pset format aligned
\c contrib_regression
DROP DATABASE regression_bizmetrics_incremental WITH (FORCE);
DROP ROLE regress_packs_analyst;
