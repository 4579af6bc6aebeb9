-- Maintenance: what the worker does from time to time.

-- Not dumped: a restored database begins anew, an hour after CREATE EXTENSION.
CREATE TABLE bizmetrics.maintenance (
  task_name text PRIMARY KEY,
  system_identifier bigint NOT NULL,
  database_oid bigint NOT NULL,
  last_run_at timestamptz NOT NULL,
  failing_since timestamptz,
  sqlstate text,
  message text
);
COMMENT ON TABLE bizmetrics.maintenance IS
'What the worker does from time to time, a row a task: make_partitions makes those of the current interval and the next two; prune_dedupe_keys forgets those older than bizmetrics.dedupe_retention; prune_events drops partitions older than bizmetrics.event_retention; prune_event_types, daily, applies set_event_retention().';
COMMENT ON COLUMN bizmetrics.maintenance.task_name IS 'The task.';
COMMENT ON COLUMN bizmetrics.maintenance.system_identifier IS 'The cluster that the row is about.';
COMMENT ON COLUMN bizmetrics.maintenance.database_oid IS 'The database that the row is about.';
COMMENT ON COLUMN bizmetrics.maintenance.last_run_at IS
'When the task last began; before the first time, when the extension was created. It falls due an hour later, or a day where that is enough.';
COMMENT ON COLUMN bizmetrics.maintenance.failing_since IS 'When it failed first since it last succeeded; NULL: it did not.';
COMMENT ON COLUMN bizmetrics.maintenance.sqlstate IS 'The error that it met when it last ran.';
COMMENT ON COLUMN bizmetrics.maintenance.message IS 'What that error says.';

CREATE FUNCTION bizmetrics.postpone_maintenance() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_postpone_maintenance';
COMMENT ON FUNCTION bizmetrics.postpone_maintenance() IS
'Keeps the worker''s maintenance from beginning in this database for an hour from now. CREATE EXTENSION calls it, so that a restore is not disturbed. Errors: 25006 read-only transaction; 42501 neither the extension''s owner nor a superuser.';

SELECT bizmetrics.postpone_maintenance();
