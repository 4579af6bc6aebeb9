-- What funnel() and its like say of a few people: filters, optional and excluding steps, breakdowns, times.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET extra_float_digits = 0;
SELECT count(bizmetrics.log_event('fe_' || event, properties::jsonb, actor_user_id => actor, occurred_at => at::timestamptz))
FROM (VALUES
  ('ann', 'view', '2162-03-02 10:00', '{"plan": "pro", "amount": 5}'),
  ('ann', 'cart', '2162-03-02 10:05', '{}'),
  ('ann', 'help', '2162-03-02 11:00', '{}'),
  ('ann', 'pay',  '2162-03-03 09:00', '{"plan": "team", "amount": 50, "items": [{"sku": "a"}], "on": true}'),
  ('bob', 'view', '2162-03-02 11:00', '{"plan": "free"}'),
  ('bob', 'view', '2162-03-02 11:20', '{"plan": "pro"}'),
  ('bob', 'cart', '2162-03-02 12:30', '{"plan": null}'),
  ('cid', 'cart', '2162-03-02 08:00', '{}'),
  ('cid', 'view', '2162-03-02 08:30', '{}'),
  ('cid', 'pay',  '2162-03-09 08:30', '{"amount": 7.5}'),
  ('dan', 'view', '2162-03-04 23:30', '{"plan": "free"}'),
  ('dan', 'help', '2162-03-04 23:40', '{}'),
  ('dan', 'cart', '2162-03-05 00:30', '{}'),
  ('dan', 'pay',  '2162-03-05 01:00', '{"plan": "free", "amount": "50"}'),
  (NULL,  'view', '2162-03-02 10:00', '{}')
) AS e (actor, event, at, properties);
\set steps 'ARRAY[''fe_view'', ''fe_cart'', ''fe_pay'']'
\set time '''7 days'', ''2162-03-01'', ''2162-04-01'''
SELECT step, name, actors, round(conversion, 3) AS conversion, round(step_conversion, 3) AS step_conversion, drop_off,
       median_seconds, p90_seconds, total_median_seconds, total_p90_seconds
FROM bizmetrics.funnel(:steps, :time);
-- Nobody: zero has no ratio.
SELECT step, name, actors, conversion, step_conversion, drop_off, median_seconds FROM bizmetrics.funnel(ARRAY['fe_none', 'fe_cart'], :time);
-- Entries are counted from from_time to before to_time, what follows within the window of each.
SELECT array_agg(actors ORDER BY step) FROM bizmetrics.funnel(:steps, '7 days', '2162-03-02', '2162-03-02 10:00:00.000001');
SELECT array_agg(actors ORDER BY step) FROM bizmetrics.funnel(:steps, '7 days', '2162-03-02', '2162-03-02 10:00');
SELECT array_agg(actors ORDER BY step) FROM bizmetrics.funnel(:steps, '7 days', '2162-03-02 10:00', '2162-03-02 10:00');
SELECT array_agg(actors ORDER BY step) FROM bizmetrics.funnel(ARRAY['fe_view', 'fe_pay'], '7 days', to_time => '2162-04-01');
SELECT array_agg(actors ORDER BY step) FROM bizmetrics.funnel(ARRAY['fe_view', 'fe_pay'], '100 years');
-- Optional steps stand in nobody's way.
SELECT step, name, actors, step_conversion, drop_off, median_seconds, total_median_seconds
FROM bizmetrics.funnel('["fe_view", {"event": "fe_cart", "optional": true, "name": "a cart"}, "fe_pay"]'::jsonb, :time);
-- Who does what is excluded between two steps is left out, unless he gets as far in another way.
SELECT step, name, actors FROM bizmetrics.funnel('["fe_view", "fe_cart", {"event": "fe_pay", "exclude": "fe_help"}]'::jsonb, :time);
SELECT step, name, actors FROM bizmetrics.funnel('["fe_view", {"event": "fe_cart", "exclude": ["fe_none", {"event": "fe_help"}]}, "fe_pay"]'::jsonb, :time);
-- What comes first in somebody's life.
SELECT step, name, actors FROM bizmetrics.funnel('[{"event": "fe_view", "first_time": true}, "fe_cart"]'::jsonb, '7 days', '2162-03-02 11:10', '2162-04-01');
SELECT step, name, actors FROM bizmetrics.funnel('["fe_view", "fe_cart"]'::jsonb, '7 days', '2162-03-02 11:10', '2162-04-01');
-- Of several that come first at one time, the least value counts, in whichever order they were stored.
SELECT count(bizmetrics.log_event('fe_tie', jsonb_build_object('plan', plan), actor_user_id => actor, occurred_at => '2162-03-07'))
FROM (VALUES ('tim', NULL), ('tim', 'b'), ('tim', 'a'), ('tom', 'a'), ('tom', 'b'), ('tom', NULL)) AS e (actor, plan);
SELECT actor, breakdown_value FROM bizmetrics.funnel_actors('[{"event": "fe_tie", "first_time": true}]'::jsonb, :time, breakdown => 'properties.plan') ORDER BY actor;
-- Filters of a step, and of everything.
SELECT filter, (SELECT array_agg(actors ORDER BY step) FROM bizmetrics.funnel(jsonb_build_array('fe_view', jsonb_build_object('event', 'fe_pay', 'filter', filter)), '8 days', '2162-03-01', '2162-04-01')) AS actors
FROM unnest(ARRAY[
  '{}', '{"properties.amount": 50}', '{"properties.amount": "50"}', '{"properties.amount": {">": 7}}', '{"properties.amount": {">=": 7.50, "<": 8}}',
  '{"properties.amount": {"<>": 50}}', '{"properties.amount": {"<": 50.0}}', '{"properties.amount": {"<=": 50}}', '{"properties.plan": ["team", "free"]}',
  '{"properties.plan": {"not in": ["team"]}}', '{"properties.plan": null}', '{"properties.plan": {"exists": true}}', '{"properties.items.0.sku": "a"}', '{"properties.items.1.sku": "a"}', '{"properties.items.x": "a"}', '{"properties.\"items\".0.\"sku\"": "a"}', '{"properties.\"items.0.sku\"": "a"}',
  '{"properties": {"@>": {"plan": "team"}}}', '{"properties.items": {"@>": [{"sku": "a"}]}}', '{"properties.items": {"@>": {"sku": "a"}}}', '{"properties.on": true}', '{"properties.plan.x": 1}',
  '{"actor_user_id": "ann"}', '{"actor_user_id": {">": "ann"}}', '{"actor_user_id": 7}', '{"company_id": null, "properties.plan": "free"}'
]::jsonb[]) WITH ORDINALITY AS f (filter, n) ORDER BY n;
SELECT array_agg(actors ORDER BY step) FROM bizmetrics.funnel(:steps, :time, filter => '{"actor_user_id": ["ann", "bob"]}');
-- A step of any event that passes a filter.
SELECT step, name, actors FROM bizmetrics.funnel('["fe_view", {"filter": {"properties.amount": {"exists": true}}}]'::jsonb, '8 days', '2162-03-01', '2162-04-01');
-- Breakdowns: of the first step that has a value, the last one, a certain one.
SELECT attribution, breakdown_value, array_agg(actors ORDER BY step) AS actors
FROM unnest('{first,last,1,2,3,all}'::text[]) AS attribution, bizmetrics.funnel(:steps, :time, breakdown => 'properties.plan', attribution => attribution)
GROUP BY attribution, breakdown_value ORDER BY attribution COLLATE "C", breakdown_value COLLATE "C";
SELECT breakdown_value, array_agg(actors ORDER BY step) FROM bizmetrics.funnel(:steps, :time, breakdown => 'actor_user_id') GROUP BY breakdown_value ORDER BY 1;
SELECT breakdown_value, array_agg(actors ORDER BY step) FROM bizmetrics.funnel(ARRAY['fe_pay'], :time, breakdown => 'properties.items') GROUP BY breakdown_value ORDER BY 1;
-- By day of entry, in a time zone; days without anybody are there too.
SELECT bucket, array_agg(actors ORDER BY step) AS actors FROM bizmetrics.funnel_trend(:steps, '7 days', '2162-03-02', '2162-03-05') GROUP BY bucket ORDER BY bucket;
SELECT bucket AT TIME ZONE 'Asia/Tokyo' AS local_day, array_agg(actors ORDER BY step) AS actors FROM bizmetrics.funnel_trend(:steps, '7 days', '2162-03-02', '2162-03-05', timezone => 'Asia/Tokyo') GROUP BY bucket ORDER BY bucket;
SELECT bucket, breakdown_value, array_agg(actors ORDER BY step) AS actors FROM bizmetrics.funnel_trend('["fe_view", "fe_cart"]'::jsonb, '7 days', '2162-03-02', '2162-03-05', 'month', breakdown => 'properties.plan') GROUP BY bucket, breakdown_value ORDER BY bucket, breakdown_value COLLATE "C";
SELECT unit, count(DISTINCT bucket), min(bucket), max(bucket) FROM unnest('{hour,day,week,month,quarter,year}'::text[]) AS unit, bizmetrics.funnel_trend(ARRAY['fe_view'], '0', '2162-02-28 23:59', '2162-03-06 00:00:00.000001', unit, 'America/New_York') GROUP BY unit ORDER BY count(DISTINCT bucket) DESC, unit;
-- Local days are as long as they are; who enters twice counts in each bucket.
SELECT b - lag(b) OVER (ORDER BY b) AS length FROM unnest(bizmetrics.funnel_buckets('2162-03-13 12:00+00', '2162-03-15 12:00+00', 'day', 'America/New_York')) AS b;
SELECT bucket, array_agg(actors ORDER BY step) AS actors FROM bizmetrics.funnel_trend(ARRAY['fe_view', 'fe_cart'], '7 days', '2162-03-02 11:00', '2162-03-02 12:59', 'hour', filter => '{"actor_user_id": "bob"}') GROUP BY bucket ORDER BY bucket;
-- Who they are.
SELECT actor, step, entered_at, reached_at, times FROM bizmetrics.funnel_actors(:steps, :time) ORDER BY actor;
SELECT actor, step, entered_at, reached_at, times FROM bizmetrics.funnel_actors(:steps, :time, 2) ORDER BY actor;
SELECT actor, step, entered_at, reached_at, times FROM bizmetrics.funnel_actors(:steps, :time, 2, 'dropped') ORDER BY actor;
SELECT actor, step, times FROM bizmetrics.funnel_actors(:steps, :time, 1, 'dropped') ORDER BY actor;
SELECT actor, step, times FROM bizmetrics.funnel_actors('["fe_view", {"event": "fe_cart", "optional": true}, "fe_pay"]'::jsonb, :time, 3) ORDER BY actor;
SELECT actor, breakdown_value FROM bizmetrics.funnel_actors(:steps, :time, 2, breakdown => 'properties.plan', attribution => 'last') ORDER BY actor;
DROP TABLE bizmetrics.business_events_2162_03;
