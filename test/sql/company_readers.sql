-- A company reader reads his companies' rows of every report's table that says whose they are, by whatever way, and nothing changes for others.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_reader LOGIN;
CREATE ROLE regress_acme LOGIN;
CREATE ROLE regress_acme_member LOGIN IN ROLE regress_acme;
CREATE ROLE regress_both LOGIN;
CREATE ROLE regress_others LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_reader('regress_reader');
SELECT count(bizmetrics.log_event('cr_paid', '{"value": 1}', 'u' || n, (ARRAY['acme', 'beta', 'ga"m,ma', NULL])[1 + n % 4], occurred_at => timestamptz '2001-07-01' + n * interval '1 hour')) FROM generate_series(1, 40) AS n;
-- A report of every strategy, and tables of other kinds.
\c - regress_author
SET timezone = 'UTC';
SELECT bizmetrics.create_report('cr_' || strategy, query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, '') AS company_id, count(*) AS n FROM business_events WHERE event_name = 'cr_paid' GROUP BY 1, 2$$,
  key => '{day,company_id}', bucket => '1 day', strategy => strategy, schedule => '0 0 29 2 *', timezone => 'UTC') FROM unnest('{merge,replace_window,delta,full}'::text[]) AS strategy;
SELECT bizmetrics.create_report('cr_append', query => $$SELECT id, company_id, occurred_at FROM business_events WHERE event_name = 'cr_paid'$$, key => '{id}', strategy => 'append', schedule => '0 0 29 2 *');
SELECT bizmetrics.create_report('cr_custom', target => 'analytics.cr_custom', query => 'INSERT INTO analytics.cr_custom SELECT n, n FROM generate_series(1, 3) AS n ON CONFLICT DO NOTHING', schedule => '0 0 29 2 *',
  ddl => 'CREATE TABLE analytics.cr_custom (company_id bigint PRIMARY KEY, n integer) PARTITION BY RANGE (company_id); CREATE TABLE analytics.cr_custom_part PARTITION OF analytics.cr_custom DEFAULT');
SELECT bizmetrics.create_report('cr_total', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n FROM business_events GROUP BY 1$$, key => '{day}', bucket => '1 day', schedule => '0 0 29 2 *');
SELECT bizmetrics.create_report('cr_policed', query => $$SELECT coalesce(company_id, '') AS company_id, count(*) AS n FROM business_events WHERE event_name = 'cr_paid' GROUP BY 1$$, key => '{company_id}', schedule => '0 0 29 2 *');
ALTER TABLE analytics.cr_policed ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON analytics.cr_policed USING (company_id <> 'beta');
SELECT format('SELECT %L, state, message FROM bizmetrics.run_report(%1$L)', report_name) FROM bizmetrics.report_status ORDER BY report_name \gexec
\c - postgres
\i :helper
SELECT bizmetrics.grant_company_reader('regress_acme', 'acme'), bizmetrics.grant_company_reader('regress_both', 'ga"m,ma'), bizmetrics.grant_company_reader('regress_both', 2);
SELECT role_name, privilege, companies FROM bizmetrics.granted_roles WHERE role_name LIKE 'regress%' ORDER BY 1, 2;
-- Made after it.
\c - regress_author
SELECT bizmetrics.create_metric_report('cr_later', '{"measures": ["count"], "dimensions": ["company_id"], "granularity": "month", "timezone": "UTC", "filter": {"event_name": "cr_paid"}}', '0 0 29 2 *');
SELECT state FROM bizmetrics.run_report('cr_later');
SELECT policyname, permissive, roles, cmd, qual, with_check FROM pg_policies WHERE tablename = 'cr_later' ORDER BY policyname;
CREATE VIEW analytics.cr_view AS SELECT * FROM analytics.cr_merge;
CREATE VIEW analytics.cr_invoker WITH (security_invoker) AS SELECT * FROM analytics.cr_merge;
GRANT SELECT ON analytics.cr_invoker TO regress_acme;
GRANT SELECT ON analytics.cr_total TO regress_both;
-- What each of them sees.
\c - regress_acme
\i :helper
SELECT 'merge', array_agg(DISTINCT company_id) FROM analytics.cr_merge UNION ALL SELECT 'replace_window', array_agg(DISTINCT company_id) FROM analytics.cr_replace_window
UNION ALL SELECT 'delta', array_agg(DISTINCT company_id) FROM analytics.cr_delta UNION ALL SELECT 'full', array_agg(DISTINCT company_id) FROM analytics.cr_full UNION ALL SELECT 'append', array_agg(DISTINCT company_id) FROM analytics.cr_append
UNION ALL SELECT 'later', array_agg(DISTINCT company_id) FROM analytics.cr_later UNION ALL SELECT 'policed', array_agg(DISTINCT company_id) FROM analytics.cr_policed UNION ALL SELECT 'invoker', array_agg(DISTINCT company_id) FROM analytics.cr_invoker;
SELECT count(*) FROM analytics.cr_custom;
SELECT bizmetrics.export_report('cr_later');
SELECT bizmetrics.export_report('cr_policed', 'jsonl');
SELECT count(*) FROM bizmetrics.export_report('cr_merge', 'html') AS line WHERE line ~ 'beta|ma</td>';
SELECT m[1] FROM regexp_matches(convert_from(substr(bizmetrics.export_report_pdf('cr_later'), 16), 'SQL_ASCII'), '\(([^()]*)\) Tj', 'g') AS m OFFSET 2;
SELECT bizmetrics.query_metric('{"source": "cr_merge", "measures": ["count", {"measure": "distinct", "field": "company_id"}, {"measure": "sum", "field": "n"}]}');
SELECT bizmetrics.query_metric('{"source": "cr_merge", "measures": ["count"], "filter": {"company_id": "beta"}}');
COPY (SELECT DISTINCT company_id FROM analytics.cr_delta) TO STDOUT;
-- Nor do errors and statistics tell.
CREATE FUNCTION pg_temp.tell(company text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE WARNING 'saw %', company; RETURN true; END $$;
SELECT count(*) FROM analytics.cr_later WHERE pg_temp.tell(company_id);
SELECT count(*) FROM pg_stats WHERE schemaname = 'analytics';
SELECT pg_temp.error_of(c) FROM unnest(ARRAY['TABLE analytics.cr_total', 'TABLE analytics.cr_custom_part', 'TABLE analytics.cr_view', 'TABLE business_events', $$SELECT bizmetrics.query_metric('{"measures": ["count"]}')$$, $$SELECT bizmetrics.export_report('cr_total')$$,
  'SET row_security = off; TABLE analytics.cr_merge', 'ALTER TABLE analytics.cr_merge DISABLE ROW LEVEL SECURITY',
  'DELETE FROM analytics.cr_merge', $$SELECT bizmetrics.grant_company_reader('regress_acme', 'beta')$$]) AS c;
RESET row_security;
-- A foreign key would look past policies.
SELECT has_table_privilege('analytics.cr_policed', 'REFERENCES');
\c - regress_acme_member
SELECT DISTINCT company_id FROM analytics.cr_merge;
\c - regress_both
SELECT DISTINCT company_id FROM analytics.cr_merge;
SELECT * FROM analytics.cr_custom;
-- Nobody else sees less, and a table without such readers is as it was.
\c - regress_reader
SELECT count(DISTINCT company_id) FROM analytics.cr_merge;
SELECT count(*) FROM analytics.cr_custom;
SELECT array_agg(company_id ORDER BY company_id) FROM analytics.cr_policed;
EXPLAIN (COSTS OFF) SELECT * FROM analytics.cr_later;
SELECT relrowsecurity FROM pg_class WHERE oid = 'analytics.cr_total'::regclass;
-- Runs go on as before, of every strategy.
\c - postgres
SELECT count(bizmetrics.log_event('cr_paid', '{}', 'v' || n, (ARRAY['acme', 'beta'])[1 + n % 2], occurred_at => timestamptz '2001-07-01' + n * interval '1 hour')) FROM generate_series(1, 4) AS n;
\c - regress_author
SELECT format('SELECT %L, state, message FROM bizmetrics.run_report(%1$L)', report_name) FROM bizmetrics.report_status ORDER BY report_name \gexec
SELECT sum(n), (SELECT sum(n) FROM analytics.cr_delta) AS delta, (SELECT sum(n) FROM analytics.cr_replace_window) AS replace_window, (SELECT sum(n) FROM analytics.cr_full) AS "full", (SELECT count(*) FROM analytics.cr_append) AS append, (SELECT sum(count) FROM analytics.cr_later) AS later FROM analytics.cr_merge;
-- A table that was made anew is shared by the next run, before which nobody reads it; one without the column any more is taken back.
DROP TABLE analytics.cr_custom;
CREATE TABLE analytics.cr_custom (company_id bigint PRIMARY KEY, n integer);
TRUNCATE analytics.cr_append;
ALTER TABLE analytics.cr_append DROP COLUMN company_id CASCADE;
SELECT bizmetrics.alter_report('cr_append', query => $$SELECT id, occurred_at FROM business_events WHERE event_name = 'cr_paid'$$);
\c - regress_both
\i :helper
SELECT pg_temp.error_of('TABLE analytics.cr_custom');
\c - regress_author
SELECT state FROM bizmetrics.run_report('cr_custom');
SELECT state FROM bizmetrics.run_report('cr_append');
\c - regress_both
\i :helper
SELECT * FROM analytics.cr_custom;
SELECT pg_temp.error_of('TABLE analytics.cr_append');
-- What an owner grants by himself, of a table that never said whose its rows are, is his business.
SELECT count(*) > 0 FROM analytics.cr_total;
-- What cannot be, and what the doctor says.
\c - postgres
\i :helper
SELECT pg_temp.error_of(c) FROM unnest(ARRAY[$$SELECT bizmetrics.grant_company_reader('regress_acme', NULL)$$, $$SELECT bizmetrics.grant_company_reader('regress_acme', '')$$, $$SELECT bizmetrics.grant_company_reader('nobody', 'acme')$$, $$SELECT bizmetrics.grant_company_reader(NULL, 'acme')$$,
  $$SELECT bizmetrics.grant_company_reader('postgres', 'acme')$$, $$SELECT bizmetrics.grant_company_reader('regress_reader', 'acme')$$, $$SELECT bizmetrics.grant_company_reader('regress_author', 'acme')$$, $$SELECT bizmetrics.grant_reader('regress_acme')$$, $$SELECT bizmetrics.grant_author('regress_acme')$$,
  $$SELECT bizmetrics.revoke_company_reader('nobody')$$]) AS c;
GRANT regress_reader TO regress_others;
GRANT regress_others TO regress_acme;
SELECT pg_temp.error_of(c) FROM unnest(ARRAY[$$SELECT bizmetrics.grant_company_reader('regress_others', 'acme')$$, $$SELECT bizmetrics.grant_reader('regress_others')$$]) AS c;
REVOKE regress_others FROM regress_acme;
REVOKE regress_reader FROM regress_others;
SELECT subject, problem, remedy FROM bizmetrics.doctor() WHERE subject LIKE 'role regress%';
REVOKE SELECT ON analytics.cr_merge FROM regress_acme;
ALTER TABLE analytics.cr_full DISABLE ROW LEVEL SECURITY;
SELECT subject, problem, remedy FROM bizmetrics.doctor() WHERE subject LIKE 'role regress%' ORDER BY 1, 2;
SELECT bizmetrics.grant_company_reader('regress_acme', 'acme'), bizmetrics.grant_company_reader('regress_both', 2);
SELECT count(*) FROM bizmetrics.doctor() WHERE subject LIKE 'role regress%';
-- A role of another name is the same one; a new one of its old name is not, and gets nothing of what that one had.
ALTER ROLE regress_both RENAME TO regress_renamed;
CREATE ROLE regress_both LOGIN;
SELECT bizmetrics.grant_company_reader('regress_both', 'beta');
SELECT polname, polroles::regrole[] FROM pg_policy WHERE polrelid = 'analytics.cr_merge'::regclass ORDER BY 1;
\c - regress_renamed
SELECT DISTINCT company_id FROM analytics.cr_merge;
\c - regress_both
SELECT DISTINCT company_id FROM analytics.cr_merge ORDER BY 1;
-- Taken back: one company, then all; with the last reader goes what was made for the first, and what was there stays.
\c - postgres
SELECT bizmetrics.grant_company_reader('regress_acme', 'beta'), bizmetrics.revoke_company_reader('regress_acme', 'acme'), bizmetrics.revoke_company_reader('regress_acme', 'never');
\c - regress_acme
SELECT DISTINCT company_id FROM analytics.cr_merge ORDER BY 1;
\c - postgres
SELECT bizmetrics.revoke_company_reader('regress_acme', 'beta'), bizmetrics.revoke_company_reader('regress_both');
\c - regress_acme
\i :helper
SELECT pg_temp.error_of('TABLE analytics.cr_merge');
\c - postgres
ALTER ROLE regress_both RENAME TO regress_other;
ALTER ROLE regress_renamed RENAME TO regress_both;
SELECT bizmetrics.revoke_company_reader('regress_both');
SELECT c.oid::regclass, relrowsecurity, array_agg(polname) AS policies FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid WHERE relnamespace = 'analytics'::regnamespace AND relname LIKE 'cr\_%' AND relkind IN ('r', 'p') GROUP BY 1, 2 HAVING relrowsecurity OR count(polname) > 0;
SELECT role_name, privilege FROM bizmetrics.granted_roles WHERE role_name LIKE 'regress%' ORDER BY 1, 2;
SELECT count(bizmetrics.drop_report(report_name)) FROM bizmetrics.report_status WHERE report_name LIKE 'cr\_%';
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_reader('regress_reader');
DROP OWNED BY regress_author, regress_reader, regress_acme, regress_both, regress_other CASCADE;
DROP ROLE regress_author, regress_reader, regress_acme, regress_acme_member, regress_both, regress_other, regress_others;
DROP TABLE bizmetrics.business_events_2001_07;
