-- sequence_next_node(): what comes next to a chain of rows side by side.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
-- Each letter is a row, a second apart; a row such as B@3 is at second 3. The chain is letters too, and so is what the base must be (empty: anything).
CREATE FUNCTION pg_temp.next_of(direction text, base text, pages text, base_is text, chain text) RETURNS text LANGUAGE sql AS $$
  SELECT bizmetrics.sequence_next_node(direction, base, to_timestamp(coalesce(nullif(split_part(p, '@', 2), '')::float8, n)), nullif(left(p, 1), '-'),
                                       VARIADIC ARRAY[base_is = '' OR left(p, 1) = base_is] || ARRAY(SELECT left(p, 1) = c FROM regexp_split_to_table(chain, '') WITH ORDINALITY AS s (c, o) WHERE c <> '' ORDER BY o))
  FROM regexp_split_to_table(pages, ' ') WITH ORDINALITY AS t (p, n)
$$;
SELECT direction, base, pages, base_is, chain, pg_temp.next_of(direction, base, pages, base_is, chain)
FROM (VALUES
  -- Home, gift, exit, and what ClickHouse's manual finds in them
  ('forward', 'head', 'H G E', 'H', 'HG'), ('forward', 'head', 'H H G B', 'H', 'HG'), ('forward', 'head', 'G H G B', 'H', 'HG'),
  ('backward', 'tail', 'H G E', 'B', 'BG'), ('backward', 'tail', 'H H G B', 'B', 'BG'), ('backward', 'tail', 'G H G B', 'B', 'BG'),
  ('forward', 'first_match', 'H G E', 'G', 'G'), ('forward', 'first_match', 'H H G B', 'G', 'G'), ('forward', 'first_match', 'G H G B', 'G', 'G'),
  ('forward', 'first_match', 'H G E', 'G', 'GH'), ('forward', 'first_match', 'G H G B', 'G', 'GH'),
  ('backward', 'last_match', 'H G E', 'G', 'G'), ('backward', 'last_match', 'H H G B', 'G', 'G'), ('backward', 'last_match', 'G H G B', 'G', 'G'),
  ('backward', 'last_match', 'H H G B', 'G', 'GH'), ('backward', 'last_match', 'G H G B', 'G', 'GH'),
  -- The base is one row: a chain elsewhere is none.
  ('forward', 'first_match', 'A X A B C', '', 'AB'), ('forward', 'last_match', 'A X A B C', '', 'AB'), ('backward', 'first_match', 'C B A X A', '', 'AB'), ('backward', 'last_match', 'C B A X A', '', 'AB'),
  -- What is between rows is in the way, also a row for which nothing holds.
  ('forward', 'head', 'A X B C', '', 'AB'),
  -- Nothing behind it, or before it; a value that is NULL; no chain at all
  ('forward', 'head', 'A B', '', 'AB'), ('backward', 'tail', 'B A', '', 'AB'), ('forward', 'head', 'A', '', 'AB'), ('forward', 'head', 'A B -', '', 'AB'), ('forward', 'head', 'A B', '', ''), ('backward', 'tail', 'A B', 'B', ''), ('forward', 'head', 'A B', 'B', ''),
  -- In the order of time, and at one time of the values
  ('forward', 'head', 'C@3 A@1 B@2', '', 'A'), ('forward', 'head', 'C@1 B@1 A@1 D@1', '', 'ABC'), ('backward', 'tail', 'C@1 B@1 A@1 -@1', '', 'CBA')
) AS t (direction, base, pages, base_is, chain);
SELECT bizmetrics.sequence_next_node('forward', 'head', now(), 'x', true) AS next WHERE false;
SELECT bizmetrics.sequence_next_node('forward', 'head', ts, v, true, v = 'a') AS next FROM (VALUES (NULL, 'c'), (timestamptz '-infinity', 'b'), ('2026-01-01', 'a'), ('infinity', 'b'), ('2026-01-02', 'd')) AS r (ts, v);
-- The same value with other conditions is another row.
SELECT bizmetrics.sequence_next_node('forward', 'head', to_timestamp(n), 'same', true, n = 1, n = 2) AS next, bizmetrics.sequence_next_node('forward', 'head', to_timestamp(n), 'same', true, n = 1, n = 3) AS none FROM generate_series(1, 3) AS n;
-- Long values, in states that grow.
SELECT length(bizmetrics.sequence_next_node('forward', 'first_match', to_timestamp(n), repeat(chr(65 + n % 26), n), true, n = 4000)) AS length FROM generate_series(1, 5000) AS n;
-- What is refused.
SELECT pg_temp.error_of(format('SELECT bizmetrics.sequence_next_node(%s)', a)) FROM unnest(ARRAY[
  $$'sideways', 'head', now(), 'x', true$$, $$'forward', 'middle', now(), 'x', true$$, $$NULL, 'head', now(), 'x', true$$, $$'forward', NULL, now(), 'x', true$$, $$'forward', 'tail', now(), 'x', true$$, $$'backward', 'head', now(), 'x', true$$,
  $$'forward', 'first_match', now(), 'x', true$$, $$'forward', 'head', now(), 'x', 1$$, $$'forward', 'head', now(), 'x', VARIADIC NULL::boolean[]$$, $$'forward', 'head', now(), 'x', VARIADIC '{}'::boolean[]$$, $$'forward', 'head', now(), 'x', VARIADIC array_fill(true, '{33}')$$]) AS a;
SELECT pg_temp.error_of($$SELECT bizmetrics.sequence_next_node(d, CASE d WHEN 'forward' THEN 'head' ELSE 'tail' END, now(), 'x', true) FROM unnest('{forward,backward}'::text[]) AS d$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.sequence_next_node('forward', 'head', now(), 'x', VARIADIC array_fill(true, ARRAY[n])) FROM generate_series(1, 2) AS n$$);
-- Random groups, against the definition.
SELECT setseed(0.25);
CREATE TEMP TABLE pages AS SELECT g, to_timestamp(floor(random() * 20)) AS at, substr('ABC', 1 + floor(random() * 3)::integer, 1) AS page, random() < 0.7 AS good FROM generate_series(1, 20000) AS g, LATERAL generate_series(1, g % 10) AS n;
CREATE TEMP TABLE in_order AS SELECT g, array_agg(page ORDER BY at, page, good) AS pages, array_agg(good ORDER BY at, page, good) AS good FROM pages GROUP BY g;
CREATE FUNCTION pg_temp.by_definition(pages text[], good boolean[], step integer, base text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  WITH b AS (SELECT CASE base WHEN 'head' THEN 1 WHEN 'tail' THEN cardinality(pages)
                    ELSE (SELECT i FROM generate_subscripts(pages, 1) AS i WHERE good[i] AND pages[i] = 'A' ORDER BY CASE base WHEN 'first_match' THEN i ELSE -i END LIMIT 1) END AS i)
  SELECT CASE WHEN good[i] AND pages[i] = 'A' AND pages[i + step] = 'B' THEN pages[i + 2 * step] END FROM b
$$;
SELECT direction, base, count(*) AS groups, count(*) FILTER (WHERE a.next IS DISTINCT FROM pg_temp.by_definition(pages, good, CASE direction WHEN 'forward' THEN 1 ELSE -1 END, base)) AS wrong, count(next) > 200 AS many
FROM (SELECT g, direction, base, bizmetrics.sequence_next_node(direction, base, at, page, good, page = 'A', page = 'B') AS next
      FROM pages, (VALUES ('forward', 'head'), ('forward', 'first_match'), ('forward', 'last_match'), ('backward', 'tail'), ('backward', 'first_match'), ('backward', 'last_match')) AS w (direction, base) GROUP BY g, direction, base) AS a
JOIN in_order USING (g) GROUP BY 1, 2 ORDER BY 1, 2;
