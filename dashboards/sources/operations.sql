-- dashboard bizmetrics-operations: bizmetrics operations
-- How the reports do: throughput, failures, durations, lag, what waits and what runs, backfills, alerts and the buffer of events. For a role that is member of pg_monitor: readers of reports do not see their runs.
-- from: now-24h
-- datasource: bizmetrics-operations
-- timezone: browser

-- variable report multi: Report
SELECT report_name FROM bizmetrics.report_status ORDER BY report_name;

-- row: Now

-- panel stat 4x4 steps=green|1:red: Reports that fail
-- Whose last run failed, which are in quarantine, or cannot run.
SELECT count(*) AS failing
FROM bizmetrics.report_status
WHERE consecutive_failures > 0 OR state IN ('quarantined', 'broken');

-- panel stat 4x4 unit=s steps=green|600:orange|3600:red: Longest lag
-- How long ago the oldest slot was whose result is missing; 0 where none is.
SELECT coalesce(max(extract(epoch FROM lag)), 0) AS lag
FROM bizmetrics.report_status
WHERE state <> 'paused';

-- panel stat 4x4: Queue
-- Reports that run, that are due and wait for a runner, and that wait to be tried again.
SELECT count(*) FILTER (WHERE state = 'running') AS running,
       count(*) FILTER (WHERE state = 'waiting' AND next_slot <= now()) AS due,
       count(*) FILTER (WHERE state = 'retrying') AS retrying
FROM bizmetrics.report_status;

-- panel stat 4x4 unit=percentunit steps=red|0.95:orange|0.99:green: Attempts that succeeded
-- By all attempts that ended in this time.
SELECT count(*) FILTER (WHERE state = 'succeeded')::numeric / nullif(count(*), 0) AS succeeded
FROM bizmetrics.report_runs
WHERE $__timeFilter(finished_at) AND state <> 'skipped';

-- panel stat 4x4 steps=green|1:red: Alerts that fire
-- For how many sets of labels, of all alerts.
SELECT coalesce(sum(firing), 0) AS firing
FROM bizmetrics.scraped_alerts;

-- panel stat 4x4: Events in the buffer
-- Of log_event_async(): what waits to be stored, and what was rejected since the server started.
SELECT waiting, rejected
FROM bizmetrics.buffer_state();

-- row: Runs

-- panel timeseries 12x8 bars stack legend=state: Throughput: attempts that ended
-- By how they did.
SELECT $__timeGroup(finished_at, $__interval) AS "time", state, count(*) AS attempts
FROM bizmetrics.report_runs
WHERE $__timeFilter(finished_at) AND state <> 'skipped' AND [reports]
GROUP BY 1, state
ORDER BY 1, state;

-- panel timeseries 12x8 bars stack legend=report: Failures by report
-- Attempts that failed, timed out, crashed or were cancelled.
SELECT $__timeGroup(finished_at, $__interval) AS "time", report_name AS report, count(*) AS attempts
FROM bizmetrics.report_runs
WHERE $__timeFilter(finished_at) AND state IN ('failed', 'timed_out', 'crashed', 'cancelled') AND [reports]
GROUP BY 1, report_name
ORDER BY 1, report_name;

-- panel timeseries 12x8 unit=s: Durations
-- Of the attempts that succeeded: half of them took no longer, 95 of 100, and the longest.
SELECT $__timeGroup(finished_at, $__interval) AS "time",
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)) AS p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)) AS p95,
       max(extract(epoch FROM finished_at - started_at)) AS longest
FROM bizmetrics.report_runs
WHERE $__timeFilter(finished_at) AND state = 'succeeded' AND [reports]
GROUP BY 1
ORDER BY 1;

-- panel timeseries 12x8 unit=s: Delay of the start
-- How long after its slot a scheduled run began, the longest: how long reports queue for a runner.
SELECT $__timeGroup(started_at, $__interval) AS "time", max(extract(epoch FROM started_at - slot)) AS longest, avg(extract(epoch FROM started_at - slot)) AS mean
FROM bizmetrics.report_runs
WHERE $__timeFilter(started_at) AND trigger = 'schedule' AND attempt = 1 AND state <> 'skipped' AND [reports]
GROUP BY 1
ORDER BY 1;

-- panel timeseries 12x8 bars: Rows written
-- By all commands of the reports.
SELECT $__timeGroup(finished_at, $__interval) AS "time", sum(row_count) AS rows
FROM bizmetrics.report_runs
WHERE $__timeFilter(finished_at) AND row_count IS NOT NULL AND [reports]
GROUP BY 1
ORDER BY 1;

-- panel timeseries 12x8 bars stack legend=reason: Slots that did not run
-- By the reason.
SELECT $__timeGroup(slot, $__interval) AS "time", coalesce(reason, 'unknown') AS reason, count(*) AS slots
FROM bizmetrics.report_runs
WHERE $__timeFilter(slot) AND state = 'skipped' AND [reports]
GROUP BY 1, report_runs.reason
ORDER BY 1, 2;

-- row: Reports

-- panel table 24x10: Where each report stands
-- Those in trouble first. Durations in seconds, of all attempts that succeeded.
SELECT s.report_name, s.owner_name, s.state, s.schedule, s.next_slot, s.last_success_at, extract(epoch FROM s.lag) AS lag_seconds, s.consecutive_failures,
       t.succeeded, t.failed + t.timed_out + t.crashed AS failed, t.skipped, extract(epoch FROM t.duration_p50) AS p50_seconds, extract(epoch FROM t.duration_p95) AS p95_seconds,
       t.row_count, s.broken_reason
FROM bizmetrics.report_status AS s
JOIN bizmetrics.report_stats AS t USING (report_name)
WHERE s.report_name IN ($report) OR '(all)' IN ($report)
ORDER BY s.consecutive_failures DESC NULLS LAST, s.lag DESC NULLS LAST, s.report_name;

-- panel table 24x8: Latest failures
-- The newest fifty of this time, with what they said.
SELECT finished_at, report_name, slot, attempt, state, sqlstate, message, detail
FROM bizmetrics.report_runs
WHERE $__timeFilter(finished_at) AND state IN ('failed', 'timed_out', 'crashed', 'cancelled') AND [reports]
ORDER BY finished_at DESC, run_id DESC
LIMIT 50;

-- row: The worker

-- panel table 12x8: Processes
-- What the worker's processes are doing. The first row is the launcher's, and says so where there is none.
SELECT process, pid, database_name, role_name, report_name, state, since, attempts, memory
FROM bizmetrics.worker_status;

-- panel table 12x8: Backfills
-- The latest of each report.
SELECT report_name, state, done_buckets, total_buckets, extract(epoch FROM time_left) AS seconds_left, started_at, updated_at, message
FROM bizmetrics.backfill_progress
ORDER BY updated_at DESC NULLS LAST, report_name;

-- panel table 12x8: Alerts
-- Those that fire or are pending, and those that cannot be looked at.
SELECT alert_name, severity, firing, pending, metric_name, failing_since, description
FROM bizmetrics.scraped_alerts
WHERE firing > 0 OR pending > 0 OR failing_since IS NOT NULL
ORDER BY firing DESC, alert_name;

-- panel table 12x8: Metrics
-- Those whose query fails first, then by how long it takes.
SELECT metric_name, failing_since, sampled_at, seconds, series
FROM bizmetrics.scraped_metrics
ORDER BY failing_since NULLS LAST, seconds DESC NULLS LAST, metric_name;
