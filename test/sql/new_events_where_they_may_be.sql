-- Partitions that hold nothing new are not looked at; one event, however late, is found wherever it is.
CREATE ROLE regress_author LOGIN;
CREATE DATABASE regression_bizmetrics_new_events;
\c regression_bizmetrics_new_events
CREATE EXTENSION bizmetrics;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-01-01', '2026-05-01') >= 0;
\c - regress_author
SET timezone = 'UTC';
SET datestyle = 'ISO';
INSERT INTO public.business_events (event_name, occurred_at) SELECT 'old', '2026-01-01'::timestamptz + n * interval '10 minutes' FROM generate_series(1, 17000) n;
SELECT bizmetrics.create_report('sum', query => $$SELECT date_trunc('month', occurred_at) AS month, count(*) AS n FROM public.business_events GROUP BY 1$$, schedule => '0 0 29 2 *', key => '{month}', bucket => '1 month');
SELECT bizmetrics.create_report('whole', query => $$SELECT date_trunc('month', occurred_at) AS month, count(*) AS n FROM public.business_events GROUP BY 1$$, schedule => '0 0 29 2 *', key => '{month}', bucket => '1 month', strategy => 'replace_window');
CREATE FUNCTION pg_temp.partitions_read() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(DISTINCT m[1], ' ') FROM bizmetrics.explain_report('sum') AS line, regexp_match(line, 'Scan.* on business_events_(\d+_\d+)') AS m
$$;
\set run 'SELECT state, row_count FROM bizmetrics.run_report(''sum''); SELECT state, row_count FROM bizmetrics.run_report(''whole'')'
\set differences 'SELECT * FROM ((TABLE analytics.sum EXCEPT ALL TABLE truth) UNION ALL (TABLE truth EXCEPT ALL TABLE analytics.sum) UNION ALL (TABLE analytics.whole EXCEPT ALL TABLE truth) UNION ALL (TABLE truth EXCEPT ALL TABLE analytics.whole)) d'
CREATE TEMP VIEW truth AS SELECT date_trunc('month', occurred_at) AS month, count(*) AS n FROM public.business_events GROUP BY 1;
:run;
:run;
SELECT pg_temp.partitions_read();
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('new', '2026-04-20');
SELECT pg_temp.partitions_read();
:run;
:differences;
-- One late event, into pages of which a summary was made; then two, months apart.
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('late', '2026-01-20');
SELECT pg_temp.partitions_read();
:run;
:differences;
SELECT pg_temp.partitions_read();
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('late', '2026-02-20'), ('late', '2026-03-20');
SELECT pg_temp.partitions_read();
:run;
:differences;
-- A transaction that began before the last run, and is in none.
\c - postgres
SET timezone = 'UTC';
BEGIN;
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('slow', '2026-02-21');
\setenv PGDATABASE :DBNAME
\! psql -X -q -A -t -U regress_author -c "INSERT INTO public.business_events (event_name, occurred_at) VALUES ('fast', '2026-04-21')" -c "SELECT state, row_count FROM bizmetrics.run_report('sum')" -c "SELECT state, row_count FROM bizmetrics.run_report('whole')" 2>&1
COMMIT;
-- Where the index is gone, or another one, everything is looked at.
DROP INDEX bizmetrics.business_events_2026_01_xact_id_occurred_at_idx;
DROP INDEX bizmetrics.business_events_2026_03_xact_id_occurred_at_idx;
CREATE INDEX ON bizmetrics.business_events_2026_03 USING brin (xact_id int8_bloom_ops);
\c - regress_author
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.partitions_read() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(DISTINCT m[1], ' ') FROM bizmetrics.explain_report('sum') AS line, regexp_match(line, 'Scan.* on business_events_(\d+_\d+)') AS m
$$;
CREATE TEMP VIEW truth AS SELECT date_trunc('month', occurred_at) AS month, count(*) AS n FROM public.business_events GROUP BY 1;
SELECT pg_temp.partitions_read();
:run;
:differences;
SELECT pg_temp.partitions_read();
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('late', '2026-01-22'), ('late', '2026-03-22');
:run;
:differences;
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_new_events WITH (FORCE);
DROP ROLE regress_author;
