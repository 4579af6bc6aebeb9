CREATE FUNCTION bizmetrics_test.set_clock(now timestamptz) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_test_set_clock';
COMMENT ON FUNCTION bizmetrics_test.set_clock(timestamptz) IS
'Stops the clock of bizmetrics, in every process, at this time; NULL lets it run again.';

CREATE FUNCTION bizmetrics_test.clock() RETURNS timestamptz
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_test_clock';
COMMENT ON FUNCTION bizmetrics_test.clock() IS 'What the clock of bizmetrics says.';

CREATE FUNCTION bizmetrics_test.bucket(bucket interval, lookback interval, timezone text, at timestamptz,
  OUT window_start timestamptz, OUT window_end timestamptz)
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_test_bucket';
COMMENT ON FUNCTION bizmetrics_test.bucket(interval, interval, text, timestamptz) IS
'The window that a report with this bucket gets at a time.';

CREATE FUNCTION bizmetrics_test.prune_history() RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_test_prune_history';
COMMENT ON FUNCTION bizmetrics_test.prune_history() IS 'One pass of pruning the history of runs; true where there is more to do.';

CREATE FUNCTION bizmetrics_test.scribble() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_test_scribble';
COMMENT ON FUNCTION bizmetrics_test.scribble() IS
'From now on this session writes over what its relation cache frees when a relation has changed.';

CREATE FUNCTION bizmetrics_test.lock_signals(pid integer) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'bizmetrics_test_lock_signals';
COMMENT ON FUNCTION bizmetrics_test.lock_signals(integer) IS
'To the end of the transaction this session stands where cancel_run() and the watchdog stand when they have found out that the process is at a run, and have not sent their signal yet.';
