-- Of a report's history so many successes and failures are kept, for so long, and always the last
-- success, the last failure and what is under way; of a dropped report nothing.
CREATE EXTENSION bizmetrics_test;
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
CREATE TABLE analytics.hp (n integer);
ALTER TABLE analytics.hp OWNER TO regress_author;
SELECT bizmetrics.create_report(name, 'analytics.hp', 'INSERT INTO analytics.hp VALUES (1)', '0 0 29 2 *', owner => 'regress_author') FROM unnest('{much,old,slow}'::text[]) name;
-- Attempts of some age, state by state.
CREATE PROCEDURE history(name text, state text, count integer, age interval) LANGUAGE sql AS $$
  INSERT INTO bizmetrics.runs (run_id, report_id, attempt, trigger, state, pid, started_at, finished_at, message)
  SELECT nextval('bizmetrics.run_id_seq'), coalesce(r.report_id, 999999), 1, 'manual', state, 1, now() - age, CASE WHEN state <> 'running' THEN now() - age + interval '1 second' END, n::text
  FROM generate_series(1, count) n LEFT JOIN bizmetrics.reports r ON r.report_name = name
$$;
CREATE VIEW kept AS SELECT coalesce(report_name, '(dropped)') AS report, state, count(*), min(message::integer) AS first, max(message::integer) AS last
FROM bizmetrics.runs LEFT JOIN bizmetrics.reports USING (report_id) GROUP BY 1, 2 ORDER BY 1, 2;
CALL history('much', 'succeeded', 600, '2 days');
CALL history('much', 'failed', 30, '2 days');
CALL history('much', 'succeeded', 600, '1 day');
CALL history('much', 'timed_out', 20, '1 day');
CALL history('old', 'succeeded', 10, '91 days');
CALL history('old', 'failed', 10, '91 days');
CALL history('old', 'skipped', 10, '91 days');
CALL history('slow', 'succeeded', 3, '91 days');
CALL history('slow', 'running', 1, '91 days');
CALL history('slow', 'succeeded', 3, '89 days');
CALL history('dropped', 'succeeded', 3, '1 day');
SELECT * FROM kept;
SELECT bizmetrics_test.prune_history() AS more;
SELECT * FROM kept;
-- Again, and after more runs: as many go as came.
SELECT bizmetrics_test.prune_history() AS more;
CALL history('much', 'succeeded', 7, '1 hour');
CALL history('old', 'succeeded', 1, '1 hour');
SELECT bizmetrics_test.prune_history() AS more;
SELECT * FROM kept;
-- What was under way counts once it has ended.
UPDATE bizmetrics.runs SET state = 'crashed', finished_at = now() WHERE state = 'running';
SELECT bizmetrics_test.prune_history() AS more;
SELECT * FROM kept WHERE report = 'slow';
-- The settings.
ALTER SYSTEM SET bizmetrics.history_runs = 5;
ALTER SYSTEM SET bizmetrics.history_retention = -1;
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/wait_for_setting.sql'
\set setting bizmetrics.history_runs
\set value 5
\i :helper
CALL history('old', 'failed', 3, '900 days');
SELECT bizmetrics_test.prune_history() AS more;
SELECT * FROM kept;
SELECT report_name, succeeded, failed, timed_out, crashed, skipped FROM bizmetrics.report_stats ORDER BY 1;
ALTER SYSTEM RESET bizmetrics.history_runs;
ALTER SYSTEM RESET bizmetrics.history_retention;
\set value 1000
\i :helper
-- Which slots they were of is remembered, in few spans, and what a clock leapt over does not count as run.
INSERT INTO bizmetrics.runs (run_id, report_id, slot, attempt, trigger, state, pid, started_at, finished_at)
SELECT nextval('bizmetrics.run_id_seq'), report_id, slot, 1, 'schedule', CASE WHEN n % 7 = 0 THEN 'failed' ELSE 'succeeded' END, 1, now(), now()
FROM bizmetrics.reports, generate_series(1, 300) n, LATERAL (SELECT '2031-03-03 00:00+00'::timestamptz + (n + CASE WHEN n > 150 THEN 9000 ELSE 0 END) * interval '1 hour' AS slot) s
WHERE report_name = 'slow';
CREATE TEMP TABLE slots AS SELECT slot FROM bizmetrics.runs JOIN bizmetrics.reports USING (report_id) WHERE report_name = 'slow' AND slot IS NOT NULL;
ALTER SYSTEM SET bizmetrics.log_runs = 'errors';
\set setting bizmetrics.log_runs
\set value errors
\i :helper
CREATE VIEW ran AS SELECT count(*) FILTER (WHERE s.slot <@ p.slots) AS in_spans, count(*) FILTER (WHERE u.slot IS NOT NULL) AS in_rows, count(*) AS slots, (SELECT count(*) <= 32 FROM unnest(p.slots)) AS few, p.slots @> '2031-06-01 00:00+00'::timestamptz AS leapt_over
FROM slots s JOIN bizmetrics.reports r ON report_name = 'slow' LEFT JOIN bizmetrics.runs u ON (u.report_id, u.slot) = (r.report_id, s.slot) JOIN bizmetrics.pruned_runs p ON p.report_id = r.report_id GROUP BY p.slots;
SELECT bizmetrics_test.prune_history() AS more;
SELECT report, state, count FROM kept WHERE report = 'slow';
SELECT * FROM ran;
-- Without any log the last success and the last failure stay.
ALTER SYSTEM SET bizmetrics.log_runs = 'none';
\set value none
\i :helper
SELECT bizmetrics_test.prune_history() AS more;
SELECT report, state, count FROM kept WHERE report <> '(dropped)';
SELECT * FROM ran;
SELECT count(*) FILTER (WHERE slot <@ slots) + (SELECT count(*) FROM slots JOIN bizmetrics.runs USING (slot)) AS known FROM slots, bizmetrics.pruned_runs JOIN bizmetrics.reports USING (report_id) WHERE report_name = 'slow';
SELECT report_name, succeeded, failed FROM bizmetrics.report_stats WHERE report_name = 'slow';
DROP VIEW ran;
ALTER SYSTEM RESET bizmetrics.log_runs;
\set value all
\i :helper
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
-- A pass deletes 5000 rows, and says that there are more.
CALL history('dropped', 'succeeded', 5001, '1 day');
SELECT bizmetrics_test.prune_history() AS more;
SELECT * FROM kept;
SELECT bizmetrics_test.prune_history() AS more;
SELECT * FROM kept;
DROP VIEW kept;
DROP PROCEDURE history;
DROP TABLE analytics.hp;
SELECT bizmetrics.revoke_author('regress_author');
DROP OWNED BY regress_author;
DROP ROLE regress_author;
DROP EXTENSION bizmetrics_test;
