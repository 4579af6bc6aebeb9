-- Reports driven by pg_cron, where the library is not preloaded.

CREATE PROCEDURE bizmetrics.run_due_reports()
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_run_due_reports';
COMMENT ON PROCEDURE bizmetrics.run_due_reports() IS
'Runs the reports of the current user that are due, and commits each; nothing where the worker serves this database. For a job of pg_cron: see use_pg_cron(). Errors: 25001 in a transaction block; 42501 not the session''s user; 25006 in recovery.';

CREATE FUNCTION bizmetrics.worker_problem() RETURNS text
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'bizmetrics_worker_problem';
COMMENT ON FUNCTION bizmetrics.worker_problem() IS
'Why the worker does not run the reports of this database; NULL where it does.';

CREATE FUNCTION bizmetrics.use_pg_cron(enable boolean DEFAULT true, schedule text DEFAULT '* * * * *') RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  command CONSTANT text := 'CALL bizmetrics.run_due_reports()';
  is_super CONSTANT boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
  cron text;
  owner text;
  jobs integer := 0;
BEGIN
  IF enable IS NULL OR schedule IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'enable and schedule must not be NULL';
  END IF;
  -- The schema by the extension's own word: anybody could have made one that is called cron.
  SELECT quote_ident(n.nspname) INTO cron
  FROM pg_extension e
  JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
                  AND d.classid = 'pg_proc'::regclass
  JOIN pg_proc p ON p.oid = d.objid AND p.proname = 'schedule_in_database'
  JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE e.extname = 'pg_cron'
  LIMIT 1;
  IF cron IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = 'pg_cron 1.4 or later is not installed in this database',
      HINT = format('In the database that has it, as a superuser and for each owner of reports: SELECT cron.schedule_in_database(%L, %L, %L, %L, %L).',
                    format('bizmetrics %s %s', current_database(), current_user), schedule, command, current_database(), current_user);
  END IF;
  IF NOT enable THEN
    EXECUTE format('SELECT count(%1$s.unschedule(jobid)) FROM %1$s.job WHERE command = $1 AND database = current_database() AND ($2 OR username = current_user)', cron)
      INTO jobs USING command, is_super;
    RETURN jobs;
  END IF;
  IF bizmetrics.worker_problem() IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = 'the worker runs the reports of this database already',
      HINT = 'Nothing needs to be done.';
  END IF;
  -- Each owner's reports run in a session of his own: nobody's SQL beneath somebody else's rights.
  IF is_super THEN
    FOR owner IN
      SELECT DISTINCT s.owner_name FROM bizmetrics.report_status s JOIN pg_roles r ON r.rolname = s.owner_name ORDER BY 1
    LOOP
      EXECUTE format('SELECT %s.schedule_in_database($1, $2, $3, $4, $5)', cron)
        USING format('bizmetrics %s %s', current_database(), owner), schedule, command, current_database()::text, owner;
      jobs := jobs + 1;
    END LOOP;
  ELSE
    EXECUTE format('SELECT %s.schedule($1, $2, $3)', cron)
      USING format('bizmetrics %s %s', current_database(), current_user), schedule, command;
    jobs := 1;
  END IF;
  RETURN jobs;
END
$$;
COMMENT ON FUNCTION bizmetrics.use_pg_cron(boolean, text) IS
'Has pg_cron run the due reports of the current user, or, for a superuser, of every owner of reports, each as himself, whenever schedule fires: for servers that do not preload bizmetrics. With enable => false it takes these jobs away. Returns how many jobs it made or took away; may be called again for new owners. Errors: 22004 NULL; 55000 pg_cron is not in this database, or the worker serves it; 42501 no right to use pg_cron.';
