-- The examples of docs/aggregates.md, with their results.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SET search_path = public, bizmetrics;
CREATE TEMP TABLE happened (actor text, event text, at timestamptz);
INSERT INTO happened VALUES
  ('ann', 'view',  '2026-03-02 10:00'), ('ann', 'cart', '2026-03-02 10:05'), ('ann', 'pay',  '2026-03-03 09:00'),
  ('bob', 'view',  '2026-03-02 11:00'), ('bob', 'view', '2026-03-02 11:20'), ('bob', 'cart', '2026-03-02 12:30'),
  ('cid', 'cart',  '2026-03-02 08:00'), ('cid', 'view', '2026-03-02 08:30'), ('cid', 'pay',  '2026-03-09 12:00');
-- window_funnel
SELECT actor,
       window_funnel('7 days', at, event = 'view', event = 'cart', event = 'pay') AS level
FROM happened GROUP BY actor ORDER BY actor;
SELECT step, count(*) FILTER (WHERE level >= step) AS actors
FROM (SELECT window_funnel('7 days', at, event = 'view', event = 'cart', event = 'pay') AS level
      FROM happened GROUP BY actor) AS a, generate_series(1, 3) AS step
GROUP BY step ORDER BY step;
SELECT actor, times[2] - times[1] AS to_cart, times[3] - times[2] AS to_pay
FROM (SELECT actor, window_funnel_times('7 days', 'strict_once', at,
                                        event = 'view', event = 'cart', event = 'pay') AS times
      FROM happened GROUP BY actor) AS a ORDER BY actor;
-- funnel_complete_count
SELECT actor, funnel_complete_count('2 hours', at, event = 'view', event = 'cart') AS times
FROM happened GROUP BY actor ORDER BY actor;
-- sequence_match
SELECT actor,
       sequence_match('(?1).*(?2)', at, event = 'view', event = 'pay') AS pays_after_a_view,
       sequence_match('(?1)(?t<=3600)(?2)', at, event = 'view', event = 'cart') AS cart_within_an_hour,
       sequence_count('(?1)', at, event = 'view') AS views
FROM happened GROUP BY actor ORDER BY actor;
SELECT actor, times[2] - times[1] AS from_view_to_cart
FROM (SELECT actor, sequence_match_events('(?1).*(?2)', at, event = 'view', event = 'cart') AS times
      FROM happened GROUP BY actor) AS a ORDER BY actor;
-- sequence_next_node
SELECT actor,
       sequence_next_node('forward', 'first_match', at, event, true, event = 'view') AS after_the_first_view,
       sequence_next_node('backward', 'tail', at, event, true, event = 'pay') AS before_paying
FROM happened GROUP BY actor ORDER BY actor;
-- retention
SELECT actor, retention(event = 'view', event = 'cart', event = 'pay') FROM happened GROUP BY actor ORDER BY actor;
SELECT retention_count(r) FROM (
  SELECT retention(at < '2026-03-03', at >= '2026-03-03' AND at < '2026-03-04', at >= '2026-03-09') AS r
  FROM happened GROUP BY actor) AS a;
-- sessionize
SELECT actor, event, at, sessionize(at, '30 min') OVER (PARTITION BY actor ORDER BY at) AS session
FROM happened WHERE actor IN ('ann', 'bob') ORDER BY actor, at;
-- state_durations
CREATE TEMP TABLE order_states (order_id integer, status text, at timestamptz);
INSERT INTO order_states VALUES
  (1, 'placed', '2026-03-01 00:00'), (1, 'paid', '2026-03-01 06:00'), (1, 'shipped', '2026-03-02 06:00'),
  (2, 'placed', '2026-03-01 12:00'), (2, 'paid', '2026-03-01 12:30');
SELECT order_id, state_durations(status, at) FROM order_states GROUP BY order_id ORDER BY order_id;
SELECT d.key AS status, round(avg(d.value::numeric) / 3600, 2) AS hours
FROM (SELECT state_durations(status, at, '2026-03-03') AS durations FROM order_states GROUP BY order_id) AS o,
     jsonb_each_text(durations) AS d
GROUP BY d.key ORDER BY d.key;
-- time_weighted_avg
SELECT round(time_weighted_avg(on_hand, at, '2026-03-31'), 2) AS average_stock, round(avg(on_hand), 2) AS average_of_rows
FROM (VALUES (100, timestamptz '2026-03-01'), (80, '2026-03-02'), (20, '2026-03-30')) AS stock (on_hand, at);
-- uniq_up_to
SELECT actor, uniq_up_to(2, event) FROM happened GROUP BY actor ORDER BY actor;
-- count_distinct
SELECT count_distinct(actor), count_distinct(event) FROM happened;
-- rolling_active_users
SELECT d.*
FROM (SELECT rolling_active_users(actor, at::date, '2026-03-02', '2026-03-10') AS active FROM happened) AS h, unnest(h.active) AS d
WHERE d.dau > 0 OR d.day = '2026-03-10';
-- nps, csat
SELECT round(nps(score), 1) AS nps FROM unnest('{10,9,9,8,7,3}'::integer[]) AS score;
SELECT round(csat(score), 2) AS csat, round(avg(score), 2) AS mean FROM unnest('{5,5,4,3,1}'::integer[]) AS score;
