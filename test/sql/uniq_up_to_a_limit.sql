-- uniq_up_to(): how many different values, exactly, up to a limit.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT n, bizmetrics.uniq_up_to(3, v) FROM generate_series(0, 5) AS n LEFT JOIN LATERAL generate_series(1, n) AS v ON true GROUP BY n ORDER BY n;
SELECT bizmetrics.uniq_up_to(100, v) AS all_of_100, bizmetrics.uniq_up_to(99, v) AS more, bizmetrics.uniq_up_to(1, v) AS more_than_one FROM generate_series(1, 100) AS v, generate_series(1, 3);
SELECT bizmetrics.uniq_up_to(3, 1) WHERE false;
-- Equal is what the type says, and the collation.
CREATE COLLATION pg_temp.no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT bizmetrics.uniq_up_to(5, v) AS numerics FROM unnest('{1,1.0,1.00,2}'::numeric[]) AS v;
SELECT bizmetrics.uniq_up_to(5, v) AS by_bytes, bizmetrics.uniq_up_to(5, v COLLATE pg_temp.no_case) AS without_case FROM unnest('{a,A,b}'::text[]) AS v;
-- Any type with an equality: fixed and variable length, by value and by reference, not hashable, long.
SELECT bizmetrics.uniq_up_to(9, v::int2) AS int2, bizmetrics.uniq_up_to(9, v::float8) AS float8, bizmetrics.uniq_up_to(9, v::text::name) AS name, bizmetrics.uniq_up_to(9, md5(v::text)::uuid) AS uuid, bizmetrics.uniq_up_to(9, ARRAY[v]) AS array,
       bizmetrics.uniq_up_to(9, ROW(v, v::text)) AS row, bizmetrics.uniq_up_to(9, v::bit(4)) AS bit, bizmetrics.uniq_up_to(9, v::text::money) AS money, bizmetrics.uniq_up_to(9, to_jsonb(v)) AS jsonb, bizmetrics.uniq_up_to(9, repeat(v::text, 100000)) AS long
FROM unnest('{1,2,2,3,1,NULL}'::integer[]) AS v WHERE v IS NOT NULL;
SELECT bizmetrics.uniq_up_to(9, v) AS null_is_no_value FROM unnest('{1,NULL,NULL}'::integer[]) AS v;
-- Refused
SELECT pg_temp.error_of(format('SELECT bizmetrics.uniq_up_to(%s) FROM generate_series(1, 2) AS n', arguments)) FROM unnest('{"0, n","101, n","-1, n","NULL, n","n, n","3, point(n, n)"}'::text[]) AS arguments;
-- Against count(DISTINCT) over random groups.
SELECT count(*) AS groups, count(*) FILTER (WHERE ours <> least(plain, 6) OR ours_of_text <> least(plain, 6)) AS wrong
FROM (SELECT g, bizmetrics.uniq_up_to(5, v) AS ours, bizmetrics.uniq_up_to(5, v::text) AS ours_of_text, count(DISTINCT v) AS plain FROM (SELECT g, abs(hashint4(g * 100 + n)) % (1 + g % 12) AS v FROM generate_series(1, 2000) AS g, LATERAL generate_series(1, 1 + g % 17) AS n) AS r GROUP BY g) AS t;
