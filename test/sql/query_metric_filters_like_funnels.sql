-- A filter of query_metric() lets the same events pass as one of funnel(), which C evaluates.
SET timezone = 'UTC';
SELECT count(bizmetrics.log_event('qf', coalesce(jsonb_build_object('v', v), '{}') || CASE WHEN v IS NULL THEN '{"w": 1}' ELSE '{}' END::jsonb, 'u' || n, CASE WHEN n % 3 = 0 THEN NULL ELSE 'c' || n END, occurred_at => '2001-05-01 10:00'))
FROM unnest(ARRAY[NULL, '1', '1.0', '2', '-5', '1e3', '"1"', '"a"', '"B"', '"ä"', '""', 'true', 'false', 'null', '{}', '{"k": 1}', '{"k": {"l": [1, 2]}}', '[]', '[1, "a"]', '[{"k": 1}]', '{"0": "zero", "-1": "minus"}', '[null]', '{"k": null}']::jsonb[]) WITH ORDINALITY AS t (v, n);
WITH filters (filter) AS (
  SELECT jsonb_build_object(field, condition)
  FROM unnest(ARRAY['properties.v', 'properties.v.k', 'properties.v.0', 'properties.v.-1', 'properties.v."0"', 'properties.v.0.k', 'properties.v.k.l.1', 'properties.w', 'properties']) AS field,
       unnest(ARRAY['null', '1', '"1"', '"a"', 'true', '[1, "a", false]', '[]', '{"=": 1}', '{"<>": 1}', '{"<>": "a"}', '{"<": 2}', '{"<=": 1.0}', '{">": "B"}', '{">=": ""}', '{">": false}', '{"<": true}', '{"in": ["B", 2]}', '{"not in": [1, "a"]}', '{"not in": []}',
                    '{"@>": {}}', '{"@>": []}', '{"@>": [1]}', '{"@>": {"k": 1}}', '{"@>": {"v": {"k": {"l": [2]}}}}', '{"exists": true}', '{"exists": false}', '{">": 0, "<": 2}']::jsonb[]) AS condition
  UNION ALL
  SELECT jsonb_build_object(field, condition)
  FROM unnest(ARRAY['company_id', 'actor_user_id', 'entity_id', 'event_name']) AS field,
       unnest(ARRAY['null', '"c1"', '7', '["c1", "u2", "qf"]', '[]', '{"<>": "c1"}', '{"<": "c2"}', '{">=": "c2"}', '{"not in": ["c1"]}', '{"not in": []}', '{"exists": true}', '{"exists": false}', '{">": "c1", "<=": "c4"}']::jsonb[]) AS condition
), both_ways AS (
  SELECT f.filter,
         (SELECT c.actors FROM bizmetrics.funnel('[{"event": "qf"}]'::jsonb, '1 day', '2001-05-01', '2001-05-02', filter => f.filter) AS c) AS by_funnel,
         (bizmetrics.query_metric(jsonb_build_object('measures', '["count"]'::jsonb, 'from', '2001-05-01', 'to', '2001-05-02',
            'filter', f.filter || CASE WHEN f.filter ? 'event_name' THEN '{}' ELSE '{"event_name": "qf"}' END::jsonb)) -> 'count')::bigint AS by_query
  FROM filters AS f
)
SELECT count(*) AS filters, count(*) FILTER (WHERE by_query BETWEEN 1 AND 22) AS that_take_some, count(*) FILTER (WHERE by_query <> coalesce(by_funnel, 0)) AS different, min(filter::text) FILTER (WHERE by_query <> coalesce(by_funnel, 0)) AS one FROM both_ways;
DROP TABLE bizmetrics.business_events_2001_05;
