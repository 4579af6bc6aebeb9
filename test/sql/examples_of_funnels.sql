-- The examples of docs/funnels.md: what they print stands there.
SET datestyle = 'ISO';
BEGIN;
-- For a report cannot be a superuser's.
CREATE ROLE regress_funnel_example LOGIN;
SELECT bizmetrics.grant_author('regress_funnel_example'), bizmetrics.grant_writer('regress_funnel_example');
SET LOCAL ROLE regress_funnel_example;
SET timezone = 'UTC';
SET search_path = public, bizmetrics;
SELECT count(log_event(event, properties::jsonb, actor_user_id => actor, occurred_at => at::timestamptz))
FROM (VALUES
  ('ann', 'viewed', '2026-03-02 10:00', '{"plan": "pro"}'),  ('ann', 'put_in_cart', '2026-03-02 10:05', '{}'),
  ('ann', 'paid',   '2026-03-03 09:00', '{"amount": 50}'),
  ('bob', 'viewed', '2026-03-02 11:00', '{"plan": "free"}'), ('bob', 'viewed', '2026-03-02 11:20', '{"plan": "free"}'),
  ('bob', 'put_in_cart', '2026-03-02 12:30', '{}'),          ('bob', 'asked_for_help', '2026-03-02 13:00', '{}'),
  ('cid', 'viewed', '2026-03-04 08:30', '{"plan": "pro"}'),  ('cid', 'paid', '2026-03-05 08:30', '{"amount": 7}')
) AS e (actor, event, at, properties);
SELECT step, name, actors, round(conversion, 2) AS conversion, round(step_conversion, 2) AS step_conversion,
       drop_off, median_seconds, total_median_seconds
FROM funnel(ARRAY['viewed', 'put_in_cart', 'paid'], '7 days', '2026-03-01', '2026-04-01');
SELECT step, name, actors
FROM funnel('["viewed", {"event": "put_in_cart", "optional": true},
              {"event": "paid", "name": "paid 10 or more", "filter": {"properties.amount": {">=": 10}}}]'::jsonb,
            '7 days', '2026-03-01', '2026-04-01');
SELECT within, array_agg(actors ORDER BY step) AS actors
FROM unnest('{1 hour,1 day}'::text[]) AS within,
     funnel(jsonb_build_array('viewed', 'put_in_cart', jsonb_build_object('event', 'paid', 'within', within)), '7 days', '2026-03-01', '2026-04-01')
GROUP BY within ORDER BY within;
SELECT bucket::date AS day, array_agg(actors ORDER BY step) AS actors
FROM funnel_trend(ARRAY['viewed', 'put_in_cart', 'paid'], '7 days', '2026-03-02', '2026-03-05')
GROUP BY bucket ORDER BY bucket;
SELECT actor, step, entered_at, reached_at
FROM funnel_actors(ARRAY['viewed', 'put_in_cart', 'paid'], '7 days', '2026-03-01', '2026-04-01', 3, 'dropped');
SELECT create_funnel('sales', ARRAY['viewed', 'put_in_cart', 'paid'], '7 days', '0 0 29 2 *', breakdown => 'properties.plan');
SELECT steps, win, unit, step_order, breakdown FROM funnels WHERE funnel_name = 'sales';
SELECT a.actor
FROM funnels AS f, funnel_actors(f.steps, f.win, '2026-03-01', '2026-04-01', step_order => f.step_order,
       breakdown => f.breakdown, attribution => f.attribution, subject => f.subject, filter => f.filter) AS a
WHERE f.funnel_name = 'sales';
SELECT bizmetrics.drop_funnel('sales');
ROLLBACK;
