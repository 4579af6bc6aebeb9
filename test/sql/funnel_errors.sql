-- What window_funnel() refuses, each with its SQLSTATE, the value and a hint.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET intervalstyle = 'postgres';
SELECT pg_temp.error_of(format('SELECT bizmetrics.window_funnel(%s) FROM generate_series(1, 2) AS n', arguments))
FROM (VALUES
  ($$'1 day', 'foo', now(), true$$),
  ($$'1 day', 'strict_once,,strict_order', now(), true$$),
  ($$'1 day', 'STRICT_ONCE', now(), true$$),
  ($$'1 day', 'allow_reentry', now(), true$$),
  ($$'1 day', 'strict_once, allow_reentry', now(), true$$),
  ($$'1 day', NULL, now(), true$$),
  ($$'-1 s', now(), true$$),
  ($$'1 day -25 hours', now(), true$$),
  ($$'-1 month', now(), true$$),
  ($$NULL, now(), true$$),
  ($$n * interval '1 day', now(), true$$),
  ($$'1 day', repeat('strict_once', n - 1), now(), true$$),
  ($$'1 day', now(), VARIADIC array_fill(true, ARRAY[n])$$),
  ($$'1 day', now(), VARIADIC array_fill(true, ARRAY[33])$$),
  ($$'1 day', now(), VARIADIC '{}'::boolean[]$$),
  ($$'1 day', now(), VARIADIC NULL::boolean[]$$),
  ($$'1 day', now(), n$$),
  ($$'1 day', now(), true, 'true'$$),
  ($$'1 day', now(), VARIADIC ARRAY[1, 2]$$),
  ('interval ''1 day'', now(), ' || repeat('true, ', 32) || 'true')
) AS t (arguments);
SELECT pg_temp.error_of('SELECT bizmetrics.window_funnel(''1 day'', now())');
-- An error does not depend on whether a row counts.
SELECT pg_temp.error_of('SELECT bizmetrics.window_funnel(w::interval, NULL, false) FROM unnest(''{1 day,2 days}''::text[]) AS w');
-- One length in two spellings is one window.
SELECT bizmetrics.window_funnel(w::interval, now(), true) FROM unnest('{1 day,24:00,1440 min}'::text[]) AS w;
-- A name that is not there says so; states are not for SQL.
SELECT pg_temp.error_of('SELECT bizmetrics.window_funnel_level(NULL)');
