-- sequence_match() and sequence_count(): what patterns mean, and what is refused.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
-- A row such as 2@90 satisfies condition 2 at second 90; without a time, the rows are a second apart.
CREATE FUNCTION pg_temp.count_of(pattern text, events text, conditions integer DEFAULT 3) RETURNS text LANGUAGE sql AS $$
  SELECT concat(bizmetrics.sequence_match(pattern, ts, VARIADIC held), ' ', bizmetrics.sequence_count(pattern, ts, VARIADIC held))
  FROM (SELECT to_timestamp(coalesce(nullif(split_part(e, '@', 2), '')::float8, n)) AS ts, (SELECT array_agg(split_part(e, '@', 1) ~ c::text ORDER BY c) FROM generate_series(1, conditions) AS c) AS held
        FROM regexp_split_to_table(events, ' ') WITH ORDINALITY AS t (e, n)) AS r
$$;
SELECT pattern, events, conditions, pg_temp.count_of(pattern, events, conditions)
FROM (VALUES
  ('(?1)(?2)', '1 3 2', 2),                 -- rows that satisfy nothing are not there
  ('(?1)(?2)', '1 3 2', 3),                 -- and those that do are, also where the pattern does not ask for them
  ('(?1).*(?2)', '1 3 2 1 3 2', 3),
  ('(?1).(?2)', '1 3 2', 3),
  ('(?1).(?2)', '1 2', 3),
  ('(?1)(?1)', '1 1 1 1 1', 3),             -- matches do not overlap
  ('(?1)(?2)', '12', 3),                    -- a row is one event of a match at most
  ('(?1)(?2)', '12 12', 3),
  ('.', '1 2 3', 3),
  ('.*(?2).*', '1 2 3', 3),
  ('(?1)(?t<=60)(?2)', '1@0 2@60', 3),
  ('(?1)(?t<60)(?2)', '1@0 2@60', 3),
  ('(?1)(?t<60)(?2)', '1@0 2@59.999999', 3),
  ('(?1)(?t>60)(?2)', '1@0 2@60', 3),
  ('(?1)(?t>=60)(?2)', '1@0 3@1 2@2 2@60', 3),    -- others may lie between
  ('(?1)(?t==60)(?2)', '1@0 1@1 2@60 2@61.000001', 3),
  ('(?1)(?t>1800)(?2)', '1@0 2@10 2@1900', 3),
  ('(?1).*(?t<=10)(?2)', '1@0 1@50 2@55', 3),     -- from the event before, not from what ".*" passes over
  ('(?1)(?t>=10)(?t<=20)(?2)', '1@0 1@12 2@15 2@25', 3),
  ('(?1)(?t>20)(?t<10)(?2)', '1@0 2@5 2@15 2@25', 3),
  (' (?1)	.* (?t <= 60 ) (?2) ', '1@0 2@60', 3),
  ('(?1)(?2)(?3)', '3@5 1@5 2@5', 3)              -- at one time in the order of conditions
) AS t (pattern, events, conditions);
SELECT bizmetrics.sequence_match('(?1)', now(), true) AS match, bizmetrics.sequence_count('(?1)', now(), true) AS count WHERE false;
SELECT bizmetrics.sequence_match('(?1)', ts, c) FROM (VALUES (NULL, true), (timestamptz 'infinity', true), ('-infinity', true), (now(), NULL), (now(), false)) AS r (ts, c);
-- What is refused, with its place.
SELECT pg_temp.error_of(format('SELECT bizmetrics.sequence_match(%L, now(), true, true)', pattern))
FROM unnest('{"",".*","(?1","(?3)","(?0)","(1)","(?1)+","(?t<=5)(?1)","(?1)(?t<=5)","(?1)(?t!=5)(?2)","(?1)(?t<=x)(?2)","(?1)(?t<=9999999999999)(?2)","é"}'::text[]) AS pattern;
SELECT pg_temp.error_of('SELECT bizmetrics.sequence_match(repeat(''(?1)'', 65), now(), true)') ~ '54000: .* at character 257' AS too_many_events;
SELECT pg_temp.error_of('SELECT bizmetrics.sequence_match(NULL, now(), true)');
SELECT pg_temp.error_of('SELECT bizmetrics.sequence_match(p, now(), true) FROM unnest(''{(?1),.}''::text[]) AS p');
SELECT pg_temp.error_of('SELECT bizmetrics.sequence_count(''(?1)'', now(), 1)');
-- No pattern takes long: this one has more ways to fail than there are seconds since the beginning of time.
SELECT bizmetrics.sequence_match(repeat('(?1).*(?t>=1)(?t<=100000)', 30) || '(?2)', to_timestamp(n), true, false) FROM generate_series(1, 20000) AS n;
-- Random groups, against regular expressions on the groups written as text. Patterns without ".*" in the
-- middle have one meaning there; others are compared by whether they match.
SELECT pattern, count(*) FILTER (WHERE matched <> (written ~ regex)) AS wrong_matches, count(*) FILTER (WHERE pattern !~ '\*' AND counted <> regexp_count) AS wrong_counts, count(*) FILTER (WHERE matched) > 20 AS many_match
FROM (SELECT pattern, regex, bizmetrics.sequence_match(pattern, to_timestamp(n), e = 1, e = 2, e = 3) AS matched, bizmetrics.sequence_count(pattern, to_timestamp(n), e = 1, e = 2, e = 3) AS counted,
             string_agg(e::text, '' ORDER BY n) AS written, (SELECT count(*) FROM regexp_matches(string_agg(e::text, '' ORDER BY n), regex, 'g')) AS regexp_count
      FROM (SELECT g, n, 1 + abs(hashint4(g * 100 + n)) % 3 AS e FROM generate_series(1, 500) AS g, LATERAL generate_series(1, g % 15) AS n) AS r,
           (VALUES ('(?1)(?2)', '12'), ('(?1).(?1)', '1.1'), ('(?1)(?1)(?2)', '112'), ('(?1).*(?2)', '1.*2'), ('(?3).*(?2).*(?1)', '3.*2.*1'), ('(?2)(?3).*(?3)(?1)', '23.*31'), ('.(?3).', '.3.')) AS p (pattern, regex)
      GROUP BY g, pattern, regex) AS t
GROUP BY pattern ORDER BY pattern;
