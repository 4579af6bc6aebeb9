-- The examples of docs/activity.md and docs/retention.md, with their results.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SET search_path = public, bizmetrics;
BEGIN;
SELECT count(log_event(event, properties::jsonb, actor, company, occurred_at => at)) AS events
FROM (VALUES
  ('ann', 'acme', 'signed_up',  '{"plan": "pro"}'::text,              timestamptz '1999-03-01 09:00'),
  ('ann', 'acme', 'opened',     '{}',                                 '1999-03-01 09:05'),
  ('ann', 'acme', 'order_paid', '{"value": 120, "country": "DE"}',    '1999-03-01 09:15'),
  ('ann', 'acme', 'opened',     '{}',                                 '1999-03-09 10:00'),
  ('ann', 'acme', 'opened',     '{}',                                 '1999-03-17 10:00'),
  ('bob', 'acme', 'signed_up',  '{"plan": "free"}',                   '1999-03-03 18:00'),
  ('bob', 'acme', 'opened',     '{}',                                 '1999-03-03 18:02'),
  ('bob', 'acme', 'opened',     '{}',                                 '1999-03-16 08:00'),
  ('bob', 'acme', 'order_paid', '{"value": 80, "country": "FR"}',     '1999-03-16 08:10'),
  ('cid', 'beta', 'signed_up',  '{"plan": "pro"}',                    '1999-03-09 12:00'),
  ('cid', 'beta', 'opened',     '{}',                                 '1999-03-10 12:00'),
  ('cid', 'beta', 'order_paid', '{"value": 80, "country": "DE"}',     '1999-03-10 12:30')) AS t (actor, company, event, properties, at);
-- active_users
SELECT day, daily, weekly, monthly, round(stickiness, 2) AS stickiness FROM active_users('opened', '1999-03-09', '1999-03-12');
-- lifecycle
SELECT period, status, subjects FROM lifecycle('opened', 'week', '1999-03-01', '1999-03-22') WHERE subjects > 0;
-- stickiness
SELECT periods, subjects, round(share, 2) AS share, or_more FROM stickiness('opened', 'week', '1999-03-01', '1999-03-22');
-- trend
SELECT period::date, value, previous_period::date, previous_value, round(change, 2) AS change
FROM trend('order_paid', 'week', '1999-03-08', '1999-03-22', 'sum', 'value');
SELECT period::date, segment, value FROM trend('order_paid', 'week', '1999-03-08', '1999-03-22', breakdown => 'country', compare => 'none');
-- paths
SELECT * FROM paths('1999-03-01', '1999-03-22', max_steps => 2, start_event => 'opened');
-- leaderboard
SELECT * FROM leaderboard('order_paid', '1999-03-01', '1999-04-01', measure => 'sum', property => 'value');
SELECT * FROM actor_rank('cid', 'order_paid', '1999-03-01', '1999-04-01', 'sum', 'value');
SELECT * FROM actor_rank('dan', 'order_paid', '1999-03-01', '1999-04-01', 'sum', 'value');
SELECT * FROM leaderboard('order_paid', '1999-03-01', '1999-04-01', subject => 'company');
-- A board that is kept: ranks of any day without reading its events
CREATE TABLE analytics.customer_totals (day date, customer text, total numeric, PRIMARY KEY (day, customer));
INSERT INTO analytics.customer_totals
SELECT date_trunc('day', occurred_at), actor_user_id, sum((properties->>'value')::numeric)
FROM business_events WHERE event_name = 'order_paid' AND actor_user_id IS NOT NULL AND occurred_at >= '1999-03-01' AND occurred_at < '1999-04-01'
GROUP BY 1, 2;
SELECT rank() OVER (ORDER BY sum(total) DESC), customer, sum(total) FROM analytics.customer_totals WHERE day >= '1999-03-01' AND day < '1999-03-15'
GROUP BY customer ORDER BY 1, 2;
-- cohort_retention
SELECT cohort, period, cohort_size AS size, retained, round(rate, 2) AS rate, round(prev_rate, 2) AS prev_rate, state
FROM cohort_retention('signed_up', 'opened', 'week', 3, '1999-03-01', '1999-03-15', as_of => '1999-03-18');
SELECT cohort, period, retained FROM cohort_retention('signed_up', 'opened', 'week', 3, '1999-03-01', '1999-03-15', criteria => 'on_or_after', as_of => '1999-03-18');
SELECT cohort, period, retained FROM cohort_retention('signed_up', 'opened', 'week', 3, '1999-03-01', '1999-03-15', mode => 'rolling', as_of => '1999-03-18');
SELECT cohort, segment, period, cohort_size AS size, retained FROM cohort_retention('signed_up', 'opened', 'week', 2, '1999-03-01', '1999-03-15', start_filters => '{"plan": "pro"}', as_of => '1999-03-18');
SELECT period, round(sum(retained) / sum(cohort_size), 2) AS weighted_mean, round(avg(rate), 2) AS mean_of_cohorts, count(*) AS cohorts
FROM cohort_retention('signed_up', 'opened', 'week', 3, '1999-03-01', '1999-03-15', as_of => '1999-03-18')
WHERE state = 'complete' GROUP BY period ORDER BY period;
SELECT cohort, cohort_size AS size, max(retained) FILTER (WHERE period = 0) AS w0, max(retained) FILTER (WHERE period = 1) AS w1, max(retained) FILTER (WHERE period = 2) AS w2
FROM cohort_retention('signed_up', 'opened', 'week', 3, '1999-03-01', '1999-03-15', as_of => '1999-03-18') GROUP BY 1, 2 ORDER BY 1;
SELECT actor, began_at, came_back_at FROM cohort_actors('signed_up', 'opened', 'week', '1999-03-01', 1, 'lost', as_of => '1999-03-18');
ROLLBACK;
