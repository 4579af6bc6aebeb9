-- What funnel() and its like refuse, each with its SQLSTATE, the value and a hint.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT pg_temp.error_of(format('SELECT bizmetrics.funnel(%s)', arguments))
FROM unnest(ARRAY[
  $$NULL::jsonb, '1 day'$$, $$NULL::text[], '1 day'$$, $$'{}'::text[], '1 day'$$, $$'[]'::jsonb, '1 day'$$, $$'"a"'::jsonb, '1 day'$$, $$'{"a": 1}'::jsonb, '1 day'$$,
  $$ARRAY['a', NULL], '1 day'$$, $$ARRAY['a', ''], '1 day'$$, $$'[1]'::jsonb, '1 day'$$, $$'[["a"]]'::jsonb, '1 day'$$, $$'[{}]'::jsonb, '1 day'$$, $$'[{"event": 1}]'::jsonb, '1 day'$$,
  $$'["a", {"event": "b", "optinal": true}]'::jsonb, '1 day'$$, $$'["a", {"event": "b", "optional": "yes"}]'::jsonb, '1 day'$$, $$'[{"event": "b", "optional": true}]'::jsonb, '1 day'$$,
  $$'[{"event": "b", "exclude": "c"}]'::jsonb, '1 day'$$, $$'["a", {"event": "b", "exclude": 1}]'::jsonb, '1 day'$$, $$'["a", {"event": "b", "exclude": {}}]'::jsonb, '1 day'$$, $$'["a", {"event": "b", "exclude": {"even": "c"}}]'::jsonb, '1 day'$$,
  $$'["a", {"event": "b", "exclude": "c"}]'::jsonb, '1 day', step_order => 'strict'$$, $$'["a", {"event": "b", "optional": true}]'::jsonb, '1 day', step_order => 'any'$$,
  $$'["a", {"event": "b", "within": "0"}]'::jsonb, '1 day'$$, $$'["a", {"event": "b", "within": "-1 h"}]'::jsonb, '1 day'$$, $$'["a", {"event": "b", "within": "soon"}]'::jsonb, '1 day'$$, $$'["a", {"event": "b", "within": ""}]'::jsonb, '1 day'$$, $$'["a", {"event": "b", "within": "300000000 years"}]'::jsonb, '1 day'$$,
  $$'["a", {"event": "b", "within": 60}]'::jsonb, '1 day'$$, $$'["a", {"event": "b", "within": null}]'::jsonb, '1 day'$$, $$'["a", {"event": "b", "within": ["1 h"]}]'::jsonb, '1 day'$$, $$'[{"event": "a", "within": "1 h"}, "b"]'::jsonb, '1 day'$$, $$'["a", {"event": "b", "within": "1 h"}]'::jsonb, '1 day', step_order => 'any'$$,
  $$'[{"event": "a", "filter": 1}]'::jsonb, '1 day'$$, $$'[{"event": "a", "filter": {"plan": 1}}]'::jsonb, '1 day'$$, $$'[{"event": "a", "filter": {"properties.": 1}}]'::jsonb, '1 day'$$, $$'[{"event": "a", "filter": {"properties.\"a": 1}}]'::jsonb, '1 day'$$, $$'[{"event": "a", "filter": {"properties.\"a\"b": 1}}]'::jsonb, '1 day'$$, $$'[{"event": "a", "filter": {"properties.a": {"~": 1}}}]'::jsonb, '1 day'$$,
  $$'[{"event": "a", "filter": {"properties.a": {"<": null}}}]'::jsonb, '1 day'$$, $$'[{"event": "a", "filter": {"properties.a": {"in": 1}}}]'::jsonb, '1 day'$$, $$'[{"event": "a", "filter": {"properties.a": [null]}}]'::jsonb, '1 day'$$,
  $$'[{"event": "a", "filter": {"properties.a": {"@>": 1}}}]'::jsonb, '1 day'$$, $$'[{"event": "a", "filter": {"properties.a": {"exists": 1}}}]'::jsonb, '1 day'$$, $$'[{"event": "a", "filter": {"company_id": true}}]'::jsonb, '1 day'$$,
  $$ARRAY['a'], NULL$$, $$ARRAY['a'], '-1 s'$$, $$ARRAY['a'], '1 day', '2026-01-02', '2026-01-01'$$, $$ARRAY['a'], '1 day', step_order => 'random'$$, $$ARRAY['a'], '1 day', step_order => NULL$$,
  $$ARRAY['a'], '1 day', breakdown => 'plan'$$, $$ARRAY['a'], '1 day', breakdown => 'occurred_at'$$, $$ARRAY['a'], '1 day', attribution => 'middle'$$, $$ARRAY['a'], '1 day', attribution => '0'$$, $$ARRAY['a'], '1 day', attribution => '2'$$, $$ARRAY['a'], '1 day', attribution => NULL$$,
  $$ARRAY['a'], '1 day', subject => 'dog'$$, $$ARRAY['a'], '1 day', filter => '[]'$$, $$array_fill('a'::text, '{33}'), '1 day'$$]) AS arguments;
-- 32 steps and excluding events together, an event that excludes in several places counting once.
SELECT pg_temp.error_of($$SELECT bizmetrics.funnel((SELECT jsonb_agg(CASE WHEN n = 1 THEN '"a"'::jsonb ELSE '{"event": "a", "exclude": ["x", {"event": "x"}]}' END) FROM generate_series(1, 31) AS n), '1 day')$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.funnel((SELECT jsonb_agg(CASE WHEN n = 1 THEN '"a"'::jsonb ELSE '{"event": "a", "exclude": ["x"]}' END) FROM generate_series(1, 32) AS n), '1 day')$$);
SELECT pg_temp.error_of(format('SELECT bizmetrics.funnel_trend(%s)', arguments))
FROM unnest(ARRAY[$$ARRAY['a'], '1 day', NULL, now()$$, $$ARRAY['a'], '1 day', '-infinity', '2026-01-01'$$, $$ARRAY['a'], '1 day', '2026-01-01', '2026-01-01'$$, $$ARRAY['a'], '1 day', '2026-01-01', '2026-02-01', 'fortnight'$$, $$ARRAY['a'], '1 day', '2026-01-01', '2026-02-01', timezone => 'Mars/Phobos'$$, $$ARRAY['a'], '1 day', '2000-01-01', '2026-01-01', 'hour'$$]) AS arguments;
SELECT pg_temp.error_of(format('SELECT bizmetrics.funnel_actors(%s)', arguments))
FROM unnest(ARRAY[$$ARRAY['a'], '1 day', wanted_step => 0$$, $$ARRAY['a'], '1 day', wanted_step => 2$$, $$ARRAY['a'], '1 day', outcome => 'lost'$$, $$ARRAY['a'], '1 day', outcome => NULL$$]) AS arguments;
SELECT pg_temp.error_of(format('SELECT bizmetrics.funnel_counts(%s)', arguments))
FROM unnest(ARRAY[$$'["a"]', '1 day', NULL, 'any', NULL, 'first', 'actor', NULL$$, $$'["a"]', '1 day', ARRAY[now()], 'any', NULL, 'first', 'actor', NULL$$, $$'["a"]', '1 day', ARRAY[now(), NULL], 'any', NULL, 'first', 'actor', NULL$$]) AS arguments;
