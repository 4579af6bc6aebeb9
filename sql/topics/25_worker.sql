-- The worker's processes.

CREATE FUNCTION bizmetrics.library_version() RETURNS text
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'bizmetrics_library_version';
COMMENT ON FUNCTION bizmetrics.library_version() IS
'The version of the library that this server, or without shared_preload_libraries this session, has loaded. Another one than the extension''s in pg_extension waits for ALTER EXTENSION bizmetrics UPDATE or for a restart: doctor() says which.';

CREATE FUNCTION bizmetrics.worker_processes(
  OUT process text,
  OUT pid integer,
  OUT database_oid oid,
  OUT role_oid oid,
  OUT report_id bigint,
  OUT state text,
  OUT since timestamptz,
  OUT wakes_at timestamptz,
  OUT wake_ups bigint,
  OUT attempts bigint,
  OUT memory bigint
) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'bizmetrics_worker_processes';
COMMENT ON FUNCTION bizmetrics.worker_processes() IS
'The launcher, and what there is of schedulers and runners: of every database for members of pg_monitor and superusers, else of this one. Behind worker_status.';

CREATE VIEW bizmetrics.worker_status WITH (security_barrier) AS
SELECT p.process,
       p.pid,
       d.datname AS database_name,
       CASE WHEN p.role_oid IS NOT NULL THEN pg_catalog.pg_get_userbyid(p.role_oid) END AS role_name,
       r.report_name,
       p.state,
       p.since,
       p.wakes_at,
       p.wake_ups,
       p.attempts,
       p.memory
FROM bizmetrics.worker_processes() p
LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.database_oid
LEFT JOIN bizmetrics.reports r ON r.report_id OPERATOR(pg_catalog.=) p.report_id
  AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database();
COMMENT ON VIEW bizmetrics.worker_status IS
'What the worker''s processes are doing: those of every database for members of pg_monitor, those of this database for the extension''s owner. The first row is the launcher''s, and says so where there is none.';
COMMENT ON COLUMN bizmetrics.worker_status.process IS 'launcher, scheduler (one a database) or runner.';
COMMENT ON COLUMN bizmetrics.worker_status.pid IS 'Its process id; NULL where there is no such process now.';
COMMENT ON COLUMN bizmetrics.worker_status.database_name IS 'The database it serves; NULL for the launcher.';
COMMENT ON COLUMN bizmetrics.worker_status.role_name IS 'The role that a runner is logged in as.';
COMMENT ON COLUMN bizmetrics.worker_status.report_name IS 'The report that a runner is at, where it is one of this database.';
COMMENT ON COLUMN bizmetrics.worker_status.state IS
'Launcher: running, not running, or not preloaded (bizmetrics is not in shared_preload_libraries). Scheduler: running, or away until wakes_at. Runner: starting, idle, working or leaving.';
COMMENT ON COLUMN bizmetrics.worker_status.since IS 'Since when: the process''s start; for a runner, the beginning of its state.';
COMMENT ON COLUMN bizmetrics.worker_status.wakes_at IS 'When a scheduler that is away has something to do next; NULL where it has nothing.';
COMMENT ON COLUMN bizmetrics.worker_status.wake_ups IS 'How often the launcher, or a scheduler of this database, looked for something to do since the server started.';
COMMENT ON COLUMN bizmetrics.worker_status.attempts IS 'Reports that the runner was given.';
COMMENT ON COLUMN bizmetrics.worker_status.memory IS 'Bytes that the process had allocated when it last looked for something to do.';
