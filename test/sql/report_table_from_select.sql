-- The table that a report makes of its SELECT: types, collations, a primary key, comments, and who may read it.
CREATE ROLE regress_reader LOGIN;
SELECT bizmetrics.grant_reader('regress_reader');
CREATE DOMAIN public.regress_amount AS numeric(12, 2);
CREATE TYPE public.regress_mood AS ENUM ('bad', 'good');
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-03-01', '2026-04-01') >= 0;
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
SELECT bizmetrics.create_report('Made "by" a SELECT', 'analytics."Made of"', query => $$SELECT date_trunc('day', occurred_at)::date AS "The day", coalesce(company_id, '') COLLATE "C" AS company, event_name, count(*) AS events, max(occurred_at) AS last_at, max(left(event_name, 1)::char(1)) AS letter, max((properties ->> 'v')::numeric(10, 2)) AS value, max((properties ->> 'v')::varchar(20)) AS words, max('{1}'::int[]) AS list FROM public.business_events WHERE event_name = 'made' GROUP BY 1, 2, 3$$,
  schedule => :never, key => '{"The day",company,event_name}', bucket => '1 day', description => 'It''s made.', columns => '{"The day": "In UTC.", "events": "How \"many\"."}');
\d analytics."Made of"
SELECT attname, col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'analytics."Made of"'::regclass AND attnum > 0 ORDER BY attnum;
SELECT obj_description('analytics."Made of"'::regclass);
SELECT relowner::regrole FROM pg_class WHERE oid = 'analytics."Made of"'::regclass;
-- Types of others, a domain and an enum among them, and names that look like ours.
SELECT bizmetrics.create_report('made_types', query => $$SELECT id AS t, occurred_at AS r, 1.5::public.regress_amount AS excluded, 'good'::public.regress_mood AS mood, properties AS "order", '[1,2)'::int4range AS bizmetrics_result, interval '1 day' AS "interval", ROW(1, 2)::text AS pair, NULL::text[] AS nothing FROM public.business_events WHERE event_name = 'made'$$, schedule => :never, key => '{t,r}', bucket => '1 day');
\d analytics.made_types
-- A view that is named as the result is in our commands is not it.
CREATE VIEW analytics.bizmetrics_result AS SELECT 1 AS n;
SET search_path = analytics, public;
SELECT bizmetrics.create_report('made_in_path', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n FROM business_events WHERE event_name = 'made' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
RESET search_path;
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties) VALUES ('made', '2026-03-02 10:00Z', NULL, '{"v": 1.5}'), ('made', '2026-03-02 11:00Z', 'b', '{"v": 12.345}');
SELECT format('SELECT state, row_count, message FROM bizmetrics.run_report(%L)', r) FROM unnest(ARRAY['Made "by" a SELECT', 'made_types', 'made_in_path']) r, generate_series(1, 2) \gexec
SELECT * FROM analytics."Made of" ORDER BY company;
SELECT r, excluded, mood, "order", bizmetrics_result, "interval", pair, nothing FROM analytics.made_types ORDER BY r;
SELECT * FROM analytics.made_in_path;
-- Readers may read it, and nothing else of it.
\c - regress_reader
SET datestyle = 'ISO';
SELECT n FROM analytics.made_in_path;
SELECT has_table_privilege('analytics."Made of"', 'SELECT'), has_table_privilege('analytics."Made of"', 'REFERENCES'), has_table_privilege('analytics."Made of"', 'INSERT, UPDATE, DELETE, TRUNCATE');
\c - regress_author
\i :helper
\set never '''0 0 29 2 *'''
-- A table that is there already is taken if it fits: columns more than the SELECT has are nobody's.
CREATE TABLE analytics.there (day timestamptz, n bigint, note text DEFAULT 'kept', PRIMARY KEY (day));
INSERT INTO analytics.there VALUES ('2026-03-02Z', 0, 'mine');
SELECT bizmetrics.create_report('there', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'made' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT state, row_count FROM bizmetrics.run_report('there');
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT * FROM analytics.there;
-- What does not fit is refused, and nothing is made.
CREATE TABLE analytics.unfit (day timestamptz, n bigint);
CREATE UNIQUE INDEX ON analytics.unfit (day);
CREATE TABLE analytics.unfit_part (day timestamptz NOT NULL, n bigint);
CREATE UNIQUE INDEX ON analytics.unfit_part (day) WHERE n > 0;
CREATE TABLE analytics.unfit_deferred (day timestamptz NOT NULL UNIQUE DEFERRABLE, n bigint);
CREATE TABLE analytics.fit (day timestamptz NOT NULL, n bigint);
CREATE UNIQUE INDEX ON analytics.fit (day) INCLUDE (n);
CREATE FUNCTION pg_temp.make(target text, columns text, key text) RETURNS text LANGUAGE sql AS $$
  SELECT pg_temp.error_of(format('SELECT bizmetrics.create_report(''unfit'', %L, $q$SELECT %s FROM public.business_events WHERE event_name = ''made'' GROUP BY 1$q$, schedule => ''0 0 29 2 *'', key => %L, bucket => ''1 day'')', target, columns, key))
$$;
SELECT pg_temp.make('analytics.' || target, $$date_trunc('day', occurred_at) AS day, count(*) AS n$$, '{day}') FROM unnest('{unfit,unfit_part,unfit_deferred,fit}'::text[]) target;
SELECT bizmetrics.drop_report('unfit');
SELECT pg_temp.make('analytics.there', columns, key) FROM (VALUES ($$date_trunc('day', occurred_at) AS day, count(*) AS n, 1 AS m$$, '{day}'), ($$date_trunc('day', occurred_at) AS day, count(*)::int AS n$$, '{day}'), ($$date_trunc('day', occurred_at) AS day, count(*) AS n$$, '{n}')) c (columns, key);
SELECT pg_temp.make('analytics.unmade', columns, key) FROM (VALUES ($$date_trunc('day', occurred_at), 1 + count(*)$$, '{date_trunc}'), ($$date_trunc('day', occurred_at) AS day, count(*) AS day$$, '{day}'), ($$date_trunc('day', occurred_at) AS day, count(*) AS n$$, '{week}'), ($$date_trunc('day', occurred_at) AS day, count(*) AS n$$, '{day,day}'), ($$date_trunc('day', occurred_at) AS day, json_agg(1) AS j$$, '{day,j}'), ($$date_trunc('day', occurred_at) AS ctid$$, '{ctid}')) c (columns, key);
SELECT to_regclass('analytics.unmade');
SELECT pg_temp.error_of(format($q$SELECT bizmetrics.create_report('unmade', query => $s$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n FROM public.business_events GROUP BY 1$s$, schedule => '0 0 29 2 *', key => '{day}', bucket => '1 day', columns => %L)$q$, columns)) FROM unnest(ARRAY['[]', '1', '{"n": 1}', '{"m": "none"}', '{"n": {"x": "y"}}', '{"n": null}']) columns;
SELECT to_regclass('analytics.unmade');
-- Rows whose key is NULL cannot be told apart: said when they come.
SELECT bizmetrics.create_report('made_null', query => $$SELECT company_id, count(*) AS n FROM public.business_events WHERE event_name = 'made' GROUP BY 1$$, schedule => :never, key => '{company_id}');
SELECT state, sqlstate, message FROM bizmetrics.run_report('made_null');
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
SELECT bizmetrics.revoke_reader('regress_reader');
DROP ROLE regress_reader;
DROP DOMAIN public.regress_amount;
DROP TYPE public.regress_mood;
