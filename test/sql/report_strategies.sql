-- What each strategy does with the rows of its table: which it writes, which it leaves alone, which go.
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
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties) VALUES
  ('strat', '2026-03-02 10:00Z', 'a', '{"v": 1}'), ('strat', '2026-03-02 11:00Z', 'b', '{"v": 2}'), ('strat', '2026-03-03 10:00Z', 'a', '{"v": 3}'), ('strat', '2026-03-03 11:00Z', 'c', '{}');
-- What is 100 or more is no result any more: a group that vanishes.
\set select 'SELECT date_trunc(''day'', occurred_at) AS day, coalesce(company_id, '''') AS company, count(DISTINCT id) AS n, max((properties ->> ''v'')::int) AS v FROM public.business_events WHERE event_name = ''strat'' GROUP BY 1, 2 HAVING coalesce(sum((properties ->> ''v'')::int), 0) < 100'
SELECT bizmetrics.create_report('s_replace', query => :'select', schedule => :never, key => '{day,company}', bucket => '1 day', strategy => 'replace_window');
SELECT bizmetrics.create_report('s_merge', query => :'select', schedule => :never, key => '{day,company}', bucket => '1 day', strategy => 'merge');
SELECT bizmetrics.create_report('s_full', query => :'select', schedule => :never, key => '{day,company}', strategy => 'full');
SELECT bizmetrics.create_report('s_full_keyless', query => :'select', schedule => :never, strategy => 'full');
SELECT bizmetrics.create_report('s_merge_whole', query => :'select', schedule => :never, key => '{day,company}', strategy => 'merge');
SELECT bizmetrics.create_report('s_delta', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, '') AS company, count(*) AS n, max((properties ->> 'v')::int) AS v FROM public.business_events WHERE event_name = 'strat' GROUP BY 1, 2$$, schedule => :never, key => '{day,company}', bucket => '1 day', strategy => 'delta');
SELECT bizmetrics.create_report('s_append', query => $$SELECT occurred_at, company_id, properties FROM public.business_events WHERE event_name = 'strat'$$, schedule => :never, strategy => 'append');
SELECT bizmetrics.create_report('s_append_key', query => $$SELECT id, occurred_at FROM public.business_events WHERE event_name = 'strat'$$, schedule => :never, strategy => 'append', key => '{id}');
\set reports 's_replace,s_merge,s_full,s_full_keyless,s_merge_whole,s_delta,s_append,s_append_key'
-- The first run.
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest(string_to_array(:'reports', ',')) r \gexec
SELECT * FROM analytics.s_replace ORDER BY 1, 2;
SELECT r FROM unnest('{s_merge,s_full,s_full_keyless,s_merge_whole,s_delta}'::text[]) r, LATERAL (SELECT xpath('/row/d/text()', query_to_xml(format('SELECT count(*) AS d FROM (TABLE analytics.s_replace EXCEPT TABLE analytics.%I) d', r), true, true, '')) AS d) x WHERE d::text <> '{0}';
SELECT count(*) FROM analytics.s_append;
SELECT count(*) FROM analytics.s_append_key;
-- Once more: nothing is written, but by the one that has no key to know its rows by.
CREATE TEMP VIEW now_is AS SELECT 's_replace' AS r, ctid AS place, xmin::text AS writer, day, company FROM analytics.s_replace UNION ALL SELECT 's_merge' AS r, ctid AS place, xmin::text AS writer, day, company FROM analytics.s_merge UNION ALL SELECT 's_full' AS r, ctid AS place, xmin::text AS writer, day, company FROM analytics.s_full UNION ALL SELECT 's_delta' AS r, ctid AS place, xmin::text AS writer, day, company FROM analytics.s_delta;
CREATE TEMP TABLE before AS TABLE now_is;
CREATE TEMP VIEW rewritten AS TABLE before EXCEPT TABLE now_is;
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest(string_to_array(:'reports', ',')) r \gexec
SELECT * FROM rewritten;
-- A late event in a group, a group that is new, and one that vanishes.
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties) VALUES
  ('strat', '2026-03-02 09:00Z', 'a', '{"v": 0}'), ('strat', '2026-03-02 09:00Z', 'd', '{"v": 5}'), ('strat', '2026-03-03 09:00Z', 'c', '{"v": 100}');
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest(string_to_array(:'reports', ',')) r \gexec
SELECT * FROM analytics.s_replace ORDER BY 1, 2;
SELECT * FROM analytics.s_merge EXCEPT SELECT * FROM analytics.s_replace ORDER BY 1, 2;
SELECT * FROM analytics.s_merge_whole EXCEPT SELECT * FROM analytics.s_replace ORDER BY 1, 2;
SELECT * FROM analytics.s_full EXCEPT SELECT * FROM analytics.s_replace ORDER BY 1, 2;
SELECT * FROM analytics.s_full_keyless EXCEPT SELECT * FROM analytics.s_replace ORDER BY 1, 2;
SELECT * FROM analytics.s_delta EXCEPT SELECT * FROM analytics.s_replace ORDER BY 1, 2;
SELECT count(*), count(DISTINCT id) FROM analytics.s_append_key;
SELECT count(*) FROM analytics.s_append;
SELECT r, day, company FROM rewritten ORDER BY 1, 2, 3;
-- A group that was gone comes again: 100 and -50.
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties) VALUES ('strat', '2026-03-03 09:00Z', 'c', '{"v": -50}');
SELECT state, row_count FROM bizmetrics.run_report('s_replace');
SELECT * FROM analytics.s_replace WHERE company = 'c';
-- Who only adds rows cannot be computed anew where rows are.
SELECT bizmetrics.reset_report('s_append'), bizmetrics.reset_report('s_append_key');
SELECT state, sqlstate, message FROM bizmetrics.run_report('s_append');
SELECT state, sqlstate, message FROM bizmetrics.run_report('s_append_key');
TRUNCATE analytics.s_append;
SELECT state, row_count FROM bizmetrics.run_report('s_append');
SELECT count(*) FROM analytics.s_append;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
