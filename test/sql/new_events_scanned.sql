-- New events are read by a scan of their own: in the pages where they are, whatever asks for them, and each once.
SET timezone = 'UTC';
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
SELECT bizmetrics.ensure_partitions('2024-01-01', '2024-04-01') >= 0 AS made;
CREATE FUNCTION log(name text, day date, n integer) RETURNS void LANGUAGE sql AS $$
  INSERT INTO public.business_events (event_name, occurred_at, properties) SELECT 'scanned_' || name, day + i * interval '1 second', jsonb_build_object('n', i, 'text', repeat('x', 500)) FROM generate_series(1, n) AS i
$$;
SELECT log('a', '2024-01-10', 1000), log('b', '2024-02-10', 1000), log('a', '2024-03-10', 1000);
\c - regress_author
SET timezone = 'UTC';
-- A plan that is kept, a scan for each row of another table, the system's columns, and all columns at once.
CREATE FUNCTION analytics.kept() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT count(*) FROM bizmetrics.new_events() AS e WHERE e.event_name ~ '^scanned');
END
$$;
SELECT bizmetrics.create_report('scanned_kept', query => 'INSERT INTO analytics.scanned_kept SELECT count(*) + 1, analytics.kept(), (SELECT count(*) FROM bizmetrics.new_events() AS e WHERE e.event_name ~ ''^scanned'') FROM analytics.scanned_kept', schedule => '0 0 29 2 *', ddl => 'CREATE TABLE analytics.scanned_kept (run bigint, events bigint, the_same bigint)');
SELECT bizmetrics.create_report('scanned_each', query => $$INSERT INTO analytics.scanned_each SELECT coalesce((SELECT max(run) FROM analytics.scanned_each), 0) + 1, x.name, (SELECT count(*) FROM bizmetrics.new_events() AS e WHERE e.event_name = 'scanned_' || x.name) FROM (VALUES ('a'), ('b'), ('a')) AS x (name)$$, schedule => '0 0 29 2 *', ddl => 'CREATE TABLE analytics.scanned_each (run bigint, name text, events bigint)');
SELECT bizmetrics.create_report('scanned_delta', query => $$SELECT date_trunc('month', occurred_at) AS month, event_name AS event, count(*) AS events, sum((properties ->> 'n')::numeric) AS total FROM public.business_events WHERE event_name ~ '^scanned' GROUP BY 1, 2$$, schedule => '0 0 29 2 *', key => '{month,event}', bucket => '1 month');
SELECT bizmetrics.create_report('scanned_system', query => $$SELECT date_trunc('month', occurred_at) AS month, count(*) AS events, min(xmin::text::bigint) > 0 AND max(tableoid::bigint) > 0 AS known FROM public.business_events WHERE event_name ~ '^scanned' GROUP BY 1$$, schedule => '0 0 29 2 *', strategy => 'append');
SELECT bizmetrics.create_report('scanned_rows', query => $$SELECT date_trunc('month', occurred_at) AS month, count(*) AS events, count(*) FILTER (WHERE (business_events.*)::text ~ 'scanned') AS whole FROM public.business_events WHERE event_name ~ '^scanned' GROUP BY 1$$, schedule => '0 0 29 2 *', key => '{month}', bucket => '1 month');
SELECT format('SELECT %L AS report, state FROM bizmetrics.run_report(%1$L)', report_name) FROM bizmetrics.report_status WHERE report_name ~ '^scanned' ORDER BY report_name \gexec
SELECT format('SELECT %L AS report, state FROM bizmetrics.run_report(%1$L)', report_name) FROM bizmetrics.report_status WHERE report_name ~ '^scanned' ORDER BY report_name \gexec
\c - postgres
SELECT log('b', '2024-01-20', 3), log('a', '2024-03-20', 5);
\c - regress_author
SET timezone = 'UTC';
-- Where something may be, and no more; but for what a slot of values has not.
SELECT line FROM regexp_split_to_table((SELECT string_agg(e, E'\n') FROM bizmetrics.explain_report('scanned_delta') AS e), E'\n') AS line WHERE line ~ ' on business_events';
SELECT line FROM regexp_split_to_table((SELECT string_agg(e, E'\n') FROM bizmetrics.explain_report('scanned_rows') AS e), E'\n') AS line WHERE line ~ 'Custom Scan';
SELECT format('SELECT %L AS report, state FROM bizmetrics.run_report(%1$L)', report_name) FROM bizmetrics.report_status WHERE report_name ~ '^scanned' ORDER BY report_name \gexec
\c - postgres
SELECT log('a', '2024-02-20', 7);
-- In one session, whose plan was made for what was new in another place.
SET SESSION AUTHORIZATION regress_author;
SELECT format('SELECT %L AS report, state FROM bizmetrics.run_report(%1$L)', report_name) FROM bizmetrics.report_status WHERE report_name ~ '^scanned' ORDER BY report_name \gexec
RESET SESSION AUTHORIZATION;
SELECT log('b', '2024-03-21', 11);
SET SESSION AUTHORIZATION regress_author;
SELECT state FROM bizmetrics.run_report('scanned_kept');
RESET SESSION AUTHORIZATION;
SELECT log('b', '2024-01-21', 13), log('b', '2024-02-21', 17);
SET SESSION AUTHORIZATION regress_author;
SELECT format('SELECT %L AS report, state FROM bizmetrics.run_report(%1$L)', report_name) FROM bizmetrics.report_status WHERE report_name ~ '^scanned' ORDER BY report_name \gexec
RESET SESSION AUTHORIZATION;
\c - regress_author
SET timezone = 'UTC';
SELECT * FROM analytics.scanned_kept ORDER BY run;
SELECT run, name, events FROM analytics.scanned_each ORDER BY run, name;
TABLE analytics.scanned_delta ORDER BY 1, 2;
SELECT month, sum(events) AS events, bool_and(known) AS known FROM analytics.scanned_system GROUP BY 1 ORDER BY 1;
TABLE analytics.scanned_rows ORDER BY 1;
-- More pages than the scan is for: as the planner likes, and as exact.
\c - postgres
INSERT INTO public.business_events (event_name, occurred_at, properties)
SELECT 'scanned_c', '2024-02-25', jsonb_build_object('n', 1, 'text', (SELECT string_agg(md5(i::text || j), '') FROM generate_series(1, 58) AS j)) FROM generate_series(1, 35000) AS i;
\c - regress_author
SET timezone = 'UTC';
SELECT count(*) FROM regexp_split_to_table((SELECT string_agg(e, E'\n') FROM bizmetrics.explain_report('scanned_delta') AS e), E'\n') AS line WHERE line ~ 'Custom Scan.*2024_02';
SELECT state FROM bizmetrics.run_report('scanned_delta');
TABLE analytics.scanned_delta ORDER BY 1, 2;
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status WHERE report_name ~ '^scanned' ORDER BY report_name;
\c - postgres
DROP FUNCTION log(text, date, integer);
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author;
