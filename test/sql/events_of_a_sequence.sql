-- sequence_match_events(): when the events of a pattern were.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
-- A row such as 2@90 satisfies condition 2 at second 90; without a time, the rows are a second apart.
CREATE FUNCTION pg_temp.seconds_of(pattern text, events text) RETURNS integer[] LANGUAGE sql AS $$
  SELECT (SELECT coalesce(array_agg(extract(epoch FROM t)::integer ORDER BY n), '{}') FROM unnest(bizmetrics.sequence_match_events(pattern, ts, VARIADIC held)) WITH ORDINALITY AS u (t, n))
  FROM (SELECT to_timestamp(coalesce(nullif(split_part(e, '@', 2), '')::float8, n)) AS ts, (SELECT array_agg(split_part(e, '@', 1) ~ c::text ORDER BY c) FROM generate_series(1, 3) AS c) AS held
        FROM regexp_split_to_table(events, ' ') WITH ORDINALITY AS t (e, n)) AS r
$$;
SELECT pattern, events, pg_temp.seconds_of(pattern, events)
FROM (VALUES
  ('(?1).*(?2)', '1 3 2 1 2'),                    -- the occurrence that ends first
  ('(?1).*(?2)', '1 1 2'),                        -- and of the ways to it the latest
  ('(?1).*(?2).*(?3)', '1 2 1 2 3'),
  ('(?1)(?2).*(?3)', '1 2 1 3'),
  ('(?1).(?2)', '1 3 2'),                         -- "." is an event without a condition
  ('.*(?2).*', '1 2 3'),
  ('.', '1'),
  ('(?1)(?2)', '1 3 2'),                          -- none
  ('(?1)(?t<=10)(?2)', '1@0 1@5 2@12'),
  ('(?1)(?t>=10)(?2)', '1@0 1@5 2@12'),
  ('(?1)(?t>=5)(?t<=8)(?2)', '1@0 1@3 1@5 1@9 2@12'),
  ('(?1)(?t<=4)(?2)(?t>=3)(?3)', '1@0 2@4 1@5 2@6 3@7'),
  ('(?1)(?1)', '1@3 1@1 1@2'),                    -- in whatever order the rows come
  ('(?1)(?2)(?3)', '3@5 1@5 2@5')
) AS t (pattern, events);
SELECT bizmetrics.sequence_match_events('(?1)', now(), true) AS events WHERE false;
SELECT pg_temp.error_of('SELECT bizmetrics.sequence_match_events(''(?2)'', now(), true)');
SELECT pg_temp.error_of('SELECT bizmetrics.sequence_match_events(NULL, now(), true)');
-- Without an occurrence there are no times, and with one they are as many as the pattern has conditions, rise as the pattern says, and are those of
-- rows for which the conditions held: of random groups.
WITH r AS (SELECT g, n, 1 + abs(hashint4(g * 100 + n)) % 3 AS e FROM generate_series(1, 2000) AS g, LATERAL generate_series(1, g % 15) AS n),
s AS (SELECT g, array_agg(e ORDER BY n) AS events, bizmetrics.sequence_match('(?1)(?t>=2)(?t<=5)(?2).(?3).*(?1)', to_timestamp(n), e = 1, e = 2, e = 3) AS matched,
        (SELECT array_agg(extract(epoch FROM t)::integer ORDER BY o) FROM unnest(bizmetrics.sequence_match_events('(?1)(?t>=2)(?t<=5)(?2).(?3).*(?1)', to_timestamp(n), e = 1, e = 2, e = 3)) WITH ORDINALITY AS u (t, o)) AS at
      FROM r GROUP BY g)
SELECT count(*) AS groups, count(*) FILTER (WHERE matched) > 100 AS many_match, count(*) FILTER (WHERE matched <> (at IS NOT NULL)) AS wrong,
       count(*) FILTER (WHERE matched AND NOT (cardinality(at) = 4 AND events[at[1]] = 1 AND events[at[2]] = 2 AND events[at[3]] = 3 AND events[at[4]] = 1 AND at[2] - at[1] BETWEEN 2 AND 5 AND at[3] - at[2] = 2 AND at[4] > at[3])) AS not_a_chain,
       -- The last event is the first that ends a chain, and the one before it the last that could be.
       count(*) FILTER (WHERE matched AND EXISTS (SELECT FROM generate_series(1, at[4]) AS d, generate_series(1, d - 1) AS c, generate_series(1, c - 2) AS a WHERE events[d] = 1 AND events[c] = 3 AND events[c - 2] = 2 AND events[a] = 1 AND c - 2 - a BETWEEN 2 AND 5
                        AND (d, -c, -a) < (at[4], -at[3], -at[1]))) AS not_the_first
FROM s;
