-- report_stats adds up all attempts; totals and what is kept of the history stay right when the
-- history is pruned, and drop_report() forgets both.
CREATE EXTENSION bizmetrics_test;
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_monitor LOGIN IN ROLE pg_monitor;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_author('regress_other');
\c - regress_author
CREATE TABLE analytics.rs (n integer);
SELECT bizmetrics.create_report('stats', 'analytics.rs', 'INSERT INTO analytics.rs SELECT 1 / n FROM (VALUES (1), (2)) v (n)', '0 0 29 2 *');
SELECT bizmetrics.create_report('fails', 'analytics.rs', 'INSERT INTO analytics.rs SELECT 1 / 0', '0 0 29 2 *');
-- Nothing ran yet.
SELECT * FROM bizmetrics.report_stats WHERE report_name = 'stats';
SELECT (bizmetrics.run_report('stats')).state FROM generate_series(1, 3);
SELECT state, sqlstate FROM bizmetrics.run_report('fails');
SELECT report_name, succeeded, failed, timed_out, cancelled, crashed, skipped, consecutive_failures, row_count, last_success_at IS NOT NULL AS succeeded_at, last_failure_at IS NOT NULL AS failed_at FROM bizmetrics.report_stats ORDER BY 1;
SELECT duration_min <= duration_p50 AND duration_p50 <= duration_p95 AND duration_p95 <= duration_p99 AND duration_p99 <= duration_max AND duration_max <= duration_total AS in_order FROM bizmetrics.report_stats WHERE report_name = 'stats';
-- What is seen, and by whom.
\c - regress_other
SELECT count(*) FROM bizmetrics.report_stats;
SELECT bizmetrics.report_totals(report_id) IS NULL AS nothing FROM generate_series(1, 10) report_id GROUP BY 1;
\c - regress_monitor
SELECT count(*) FROM bizmetrics.report_stats;
\c - postgres
-- Many runs as they might have been: one millisecond more each, so that percentiles are known.
INSERT INTO bizmetrics.runs (run_id, report_id, attempt, trigger, state, pid, started_at, finished_at, row_count)
SELECT nextval('bizmetrics.run_id_seq'), r.report_id, 1, 'manual', 'succeeded', 1, now(), now() + n * interval '1 millisecond', 2
FROM bizmetrics.reports r, generate_series(1, 9997) n WHERE r.report_name = 'stats';
CREATE VIEW stats AS SELECT succeeded, row_count, duration_max, duration_total BETWEEN '13:52:55' AND '13:52:56' AS total,
  extract(epoch FROM duration_p50) BETWEEN 5 * 0.9 AND 5 * 1.1 AS p50, extract(epoch FROM duration_p95) BETWEEN 9.5 * 0.9 AND 9.5 * 1.1 AS p95,
  extract(epoch FROM duration_p99) BETWEEN 9.9 * 0.9 AND 9.9 * 1.1 AS p99
FROM bizmetrics.report_stats WHERE report_name = 'stats';
SELECT * FROM stats;
SELECT bizmetrics_test.prune_history() AS more;
SELECT * FROM stats;
SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'stats';
SELECT bizmetrics_test.prune_history() AS more;
SELECT bizmetrics_test.prune_history() AS more;
SELECT * FROM stats;
SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'stats';
SELECT report_name, succeeded FROM bizmetrics.pruned_runs JOIN bizmetrics.reports USING (report_id) ORDER BY report_name;
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
SELECT count(*) FROM bizmetrics.pruned_runs;
DROP VIEW stats;
DROP TABLE analytics.rs;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_author('regress_other');
DROP OWNED BY regress_author, regress_other, regress_monitor;
DROP ROLE regress_author, regress_other, regress_monitor;
DROP EXTENSION bizmetrics_test;
