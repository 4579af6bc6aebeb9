-- count_distinct() gives what count(DISTINCT ...) does, of any type, with any memory; a report's SELECT is executed with it.
SET work_mem = '4MB';
SELECT setseed(0.5);
CREATE COLLATION pg_temp.blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE pg_temp.colour AS ENUM ('red', 'green');
CREATE DOMAIN pg_temp.code AS text;
CREATE TYPE pg_temp.pair AS (a integer, b text);
CREATE TEMP TABLE rows AS
	SELECT n % 7 AS g, CASE WHEN n % 11 > 0 THEN (random() * 500)::integer END AS i FROM generate_series(1, 20000) n;
CREATE FUNCTION pg_temp.compare(value text) RETURNS TABLE (expression text, "values" bigint, is_same boolean) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT %L, sum(a)::bigint, bool_and(a = b) FROM (SELECT count(DISTINCT %s) AS a, bizmetrics.count_distinct(%2$s) AS b FROM rows GROUP BY g) x', value, value);
END
$$;
SELECT c.* FROM unnest(ARRAY[
	'i', 'i::bigint', 'i::smallint', 'i % 2 = 0', 'i::text', $$'user_' || i$$, $$i::text || '.50'$$, $$(i % 20 || '.' || repeat('0', i % 5))::numeric$$,
	$$CASE i % 4 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN '0' ELSE i::text END::float8$$, 'md5(i::text)::uuid', $$'2026-01-01'::timestamptz + i * interval '1 hour'$$,
	$$'2026-01-01'::date + i$$, 'i::text::char(6)', 'i::text::name', 'i::text::bytea', 'ARRAY[i, NULL, i % 3]', $$ARRAY['red', 'green']::pg_temp.colour[]$$,
	$$(ARRAY['red', 'green'])[i % 2 + 1]::pg_temp.colour$$, 'i::text::pg_temp.code', $$(i % 9, i::text)::pg_temp.pair$$, $$jsonb_build_object('i', i, 'n', '1.0'::numeric)$$,
	'int4range(i, i + 3)', $$make_interval(days => i % 40, hours => 24 * (i % 3))$$, $$'10.0.0.0'::inet + i$$, $$(CASE WHEN i % 2 = 0 THEN 'Ab' ELSE 'aB' END || i % 5) COLLATE pg_temp.blind$$,
	'repeat(i::text, 200)', 'NULL::text', 'NULL::integer']) AS e, pg_temp.compare(e) AS c;
SELECT bizmetrics.count_distinct(i), count(DISTINCT i) FROM rows WHERE false;
SELECT g, bizmetrics.count_distinct(i) FILTER (WHERE i < 5) AS few, count(DISTINCT i) FILTER (WHERE i < 5) FROM rows GROUP BY g ORDER BY g;
SELECT bizmetrics.count_distinct(NULL::text);
SELECT bizmetrics.count_distinct((1, 2));

-- More than fits into memory: values of all lengths, in any order, each many times.
SET work_mem = '64kB';
CREATE TEMP TABLE many AS SELECT n AS i, n % 3 AS g, repeat('x', n % 50) || n AS long FROM generate_series(1, 60000) n, generate_series(1, 2) ORDER BY hashint4(n);
SELECT bizmetrics.count_distinct(i), bizmetrics.count_distinct(long), bizmetrics.count_distinct(md5(long)::uuid) FROM many;
SET enable_hashagg = off;
SELECT g, bizmetrics.count_distinct(i), bizmetrics.count_distinct(long) FROM many GROUP BY g ORDER BY g;
SET enable_hashagg = on;
SET enable_sort = off;
SELECT g, bizmetrics.count_distinct(i), bizmetrics.count_distinct(long) FROM many GROUP BY g ORDER BY g;
SELECT sum(n), count(*) FROM (SELECT bizmetrics.count_distinct(i) AS n FROM many GROUP BY i % 5000) x;
RESET enable_sort;
-- Twice in a query, once more in a subquery that is run again, and in one that is not read to its end.
SELECT bizmetrics.count_distinct(i) + 1, bizmetrics.count_distinct(i) FROM many;
SELECT k, (SELECT bizmetrics.count_distinct(i) FROM many WHERE g >= k) FROM generate_series(0, 2) AS k;
SELECT bizmetrics.count_distinct(i) OVER () FROM many LIMIT 1;
SELECT count(*) FROM (SELECT g, bizmetrics.count_distinct(long) AS n FROM many GROUP BY g LIMIT 1) x;
-- The same value again takes no room.
RESET work_mem;
SELECT bizmetrics.count_distinct('value' || n % 10) FROM generate_series(1, 100000) n;
SELECT bizmetrics.count_distinct(p) FROM (VALUES ('(1,2)'::point)) v (p);
SELECT bizmetrics.count_distinct(x) FROM (VALUES ('<a/>'::xml)) v (x);

-- numeric_property() is (properties ->> name)::numeric, to the last digit.
\set QUIET on
CREATE TEMP TABLE objects (p jsonb);
INSERT INTO objects SELECT format('{"v": %s}', v)::jsonb FROM unnest(ARRAY['1', '-1.50', '0', '0.00', '1e3', '1E-7', '123456789012345678901234567890.123456789', '-0', '"12.5"', '" 7 "', '"1e2"', '"NaN"', '"-0.0"', 'null']) v;
INSERT INTO objects VALUES ('{}'), ('[1]'), ('"v"'), ('["v"]'), ('{"w": 1}'), ('null');
\set QUIET off
SELECT p, bizmetrics.numeric_property(p, 'v') AS number, (p ->> 'v')::numeric::text IS NOT DISTINCT FROM bizmetrics.numeric_property(p, 'v')::text AS is_same FROM objects;
SELECT bizmetrics.numeric_property('{"v": 1}', NULL), bizmetrics.numeric_property(NULL, 'v');
SELECT bizmetrics.numeric_property('{"v": "twelve"}', 'v');
SELECT bizmetrics.numeric_property('{"v": true}', 'v');
SELECT bizmetrics.numeric_property('{"v": [1]}', 'v');
SELECT ('{"v": [1]}'::jsonb ->> 'v')::numeric;

-- Of a report: in every place that a SELECT has, and what is not substituted stays.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-03-01', '2026-04-01') >= 0;
\c - regress_author
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE TEMP TABLE forms (name text, query text);
INSERT INTO forms VALUES
	('plain', $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT actor_user_id) AS actors, count(DISTINCT entity_id) FILTER (WHERE company_id = '1') AS entities, sum((properties ->> 'v')::numeric) AS v, sum(DISTINCT (properties ->> 'v')::numeric(10, 1)) AS w FROM public.business_events WHERE event_name = 'hashed' GROUP BY 1$$),
	('having', $$SELECT date_trunc('day', occurred_at) AS day, max((properties ->> 'v')::int) AS v FROM public.business_events WHERE event_name = 'hashed' AND (properties ->> 'v')::numeric > 3 GROUP BY 1 HAVING count(DISTINCT actor_user_id) > 2 AND count(DISTINCT (properties ->> 'v')::numeric) > 4 ORDER BY count(DISTINCT company_id)$$),
	('ordered', $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT lower(actor_user_id) ORDER BY lower(actor_user_id) DESC) AS actors, count(DISTINCT (company_id, actor_user_id)) AS pairs, count(actor_user_id) AS n, array_agg(DISTINCT company_id) AS companies FROM public.business_events WHERE event_name = 'hashed' GROUP BY 1$$),
	('inside', $$SELECT x.day, coalesce(x.company_id, 'all') AS company, x.actors, x.most FROM (SELECT date_trunc('day', occurred_at) AS day, company_id, count(DISTINCT actor_user_id) AS actors, (SELECT count(DISTINCT i.v) FROM (VALUES (1), (1), (2)) i (v)) AS most FROM public.business_events WHERE event_name = 'hashed' AND company_id IS NOT NULL AND occurred_at >= $1 AND occurred_at < $2 GROUP BY ROLLUP (1, 2)) AS x WHERE x.day IS NOT NULL$$);
SELECT bizmetrics.create_report('hash_' || name, query => query, schedule => '0 0 29 2 *', key => CASE name WHEN 'inside' THEN '{day,company}' ELSE '{day}' END::text[], bucket => '1 day') FROM forms;
\set run 'SELECT format(''SELECT %1$L AS report, state, message FROM bizmetrics.run_report(%1$L) WHERE state <> ''''succeeded'''''', report_name) FROM bizmetrics.report_status ORDER BY report_name'
\set ECHO none
INSERT INTO public.business_events (event_name, occurred_at, actor_user_id, company_id, entity_id, properties) SELECT 'hashed', '2026-03-02 01:00Z'::timestamptz + n * interval '53 minutes', n % 17, nullif(n % 4, 0), n % 5, jsonb_build_object('v', n % 13 + 0.25) || CASE n % 10 WHEN 0 THEN '{"v": "3"}' ELSE '{}' END::jsonb FROM generate_series(1, 250) n WHERE n % 13 + 0.25 <> 0;
\set ECHO all
-- The one that takes 0.25 for an integer fails as it would.
:run \gexec
UPDATE forms SET query = replace(query, '::int)', '::numeric::int)') WHERE name = 'having';
SELECT bizmetrics.alter_report('hash_having', query => query) FROM forms WHERE name = 'having';
:run \gexec
INSERT INTO public.business_events (event_name, occurred_at, actor_user_id, company_id, entity_id, properties) VALUES ('hashed', '2026-03-04 12:30Z', 'new', '1', 'new', '{"v": 7.125}');
:run \gexec
\set ECHO none
SELECT format($$SELECT %L AS form, (SELECT count(*) FROM analytics.hash_%1$s) AS rows, count(*) AS differences FROM ((TABLE analytics.hash_%1$s EXCEPT (%2$s)) UNION ALL ((%2$s) EXCEPT TABLE analytics.hash_%1$s)) d$$, name, replace(replace(query, '$1', quote_literal('2026-03-01')), '$2', quote_literal('2026-04-01'))) FROM forms ORDER BY name \gexec
\set ECHO all
SELECT regexp_replace(line, '.*(count_distinct|numeric_property).*', '\1') AS used, count(*) > 0 AS is_used FROM (SELECT bizmetrics.explain_report('hash_having') AS line) e WHERE line ~ 'count_distinct|numeric_property' GROUP BY 1;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
