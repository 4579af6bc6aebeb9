-- What is wrong with an installation, and what to do about it.
--
-- Each check looks at catalogs, which everybody may read, and at views that show each role what
-- concerns it; one that fails is a finding itself, and keeps no other from being made.

CREATE VIEW bizmetrics.granted_roles WITH (security_barrier) AS
SELECT g.role_name, g.privilege, g.companies
FROM bizmetrics.grants g
WHERE bizmetrics.may_see_report(g.role_name)
   OR bizmetrics.may_see_report((SELECT e.extowner::pg_catalog.regrole::pg_catalog.text FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) 'bizmetrics'));
COMMENT ON VIEW bizmetrics.granted_roles IS 'Who is reader, company reader, writer, author or scraper: the current role''s own words, and all for the extension''s owner and pg_monitor.';
COMMENT ON COLUMN bizmetrics.granted_roles.role_name IS 'The role.';
COMMENT ON COLUMN bizmetrics.granted_roles.privilege IS 'reader, company_reader, writer, author or scraper.';
COMMENT ON COLUMN bizmetrics.granted_roles.companies IS 'Whose rows a company reader may read.';

CREATE FUNCTION bizmetrics.doctor_server()
RETURNS TABLE (severity text, subject text, problem text, remedy text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  cron text;
  by_cron boolean := false;
  needed integer;
  here text;
  installed text;
BEGIN
  SELECT e.extversion, a.default_version INTO here, installed
  FROM pg_extension e JOIN pg_available_extensions a ON a.name = e.extname
  WHERE e.extname = 'bizmetrics';
  IF here <> installed THEN
    severity := 'warning';
    subject := 'extension';
    problem := format('its objects in this database are of version %s, and version %s is installed', here, installed);
    remedy := CASE WHEN bizmetrics.library_version() = installed THEN '' ELSE 'Restart the server; then ' END || 'ALTER EXTENSION bizmetrics UPDATE.';
    RETURN NEXT;
  END IF;
  IF bizmetrics.library_version() <> installed THEN
    severity := 'warning';
    subject := 'library';
    problem := format('the server has loaded version %s of the library, and version %s is installed', bizmetrics.library_version(), installed);
    remedy := 'Restart the server.';
    RETURN NEXT;
  END IF;
  IF bizmetrics.worker_problem() IS NOT NULL THEN
    SELECT quote_ident(n.nspname) INTO cron
    FROM pg_extension e
    JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
    JOIN pg_class c ON c.oid = d.objid AND c.relname = 'job'
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE e.extname = 'pg_cron' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT');
    IF cron IS NOT NULL THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM %s.job WHERE active AND command = %L AND database = current_database())', cron, 'CALL bizmetrics.run_due_reports()')
        INTO by_cron;
    END IF;
    -- A job may be out of sight, in another database or another role's: its runs are not.
    IF bizmetrics.worker_problem() LIKE '%version of the library%' OR NOT by_cron AND NOT EXISTS (SELECT FROM bizmetrics.report_status s WHERE bizmetrics.time_since(s.last_slot) < interval '1 day' AND s.last_slot > pg_postmaster_start_time()) THEN
      severity := 'error';
      subject := 'worker';
      problem := 'nothing runs the reports of this database: ' || bizmetrics.worker_problem();
      remedy := CASE WHEN bizmetrics.worker_problem() LIKE '%shared_preload_libraries%'
                     THEN 'Set shared_preload_libraries = ''bizmetrics'' and restart the server, or SELECT bizmetrics.use_pg_cron().'
                     WHEN bizmetrics.worker_problem() LIKE '%bizmetrics.databases%'
                     THEN 'Add this database to bizmetrics.databases, or set it to *.'
                     WHEN bizmetrics.worker_problem() LIKE '%version of the library%'
                     THEN 'See what is said of the extension and of the library. If nothing is, a column was added by hand: restore a dump.'
                     ELSE 'The server''s log says why it ended; it is started again within seconds.' END;
      RETURN NEXT;
    END IF;
    RETURN;
  END IF;
  -- Launcher, a scheduler and the runners of this database; beside them whatever else is running now.
  needed := 2 + current_setting('bizmetrics.max_runners')::integer
    + (SELECT count(*) FROM pg_stat_activity a
       WHERE a.backend_type NOT LIKE 'bizmetrics%'
         AND a.backend_type NOT IN ('client backend', 'autovacuum launcher', 'autovacuum worker', 'background writer', 'checkpointer',
                                    'archiver', 'startup', 'walreceiver', 'walsender', 'walwriter', 'walsummarizer', 'slotsync worker',
                                    'io worker', 'standalone backend', 'parallel worker'));
  IF needed > current_setting('max_worker_processes')::integer THEN
    severity := 'warning';
    subject := 'max_worker_processes';
    problem := format('%s processes are too few: launcher, scheduler, %s runners and what else runs need %s',
                      current_setting('max_worker_processes'), current_setting('bizmetrics.max_runners'), needed);
    remedy := format('Raise max_worker_processes to %s or more and restart the server, or lower bizmetrics.max_runners.', needed);
    RETURN NEXT;
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.doctor_server() IS 'Findings of doctor() about the server.';

CREATE FUNCTION bizmetrics.doctor_reports()
RETURNS TABLE (severity text, subject text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET intervalstyle = 'postgres' AS $$
  SELECT 'error', 'report ' || s.report_name, 'it cannot run: ' || s.broken_reason,
         'Mend that: it goes on at its next slot.'
  FROM bizmetrics.report_status s WHERE s.broken_reason IS NOT NULL
  UNION ALL
  SELECT 'warning', 'report ' || s.report_name, 'it was restored and not adopted yet',
         format('Where the restore has ended, %s must have its primary key back; then the worker adopts the report, or run_report() does.', s.target)
  FROM bizmetrics.report_status s WHERE s.state = 'restored'
  UNION ALL
  SELECT 'error', 'report ' || s.report_name,
         CASE WHEN s.last_success_at IS NULL THEN 'it has never succeeded' ELSE format('its last %s runs failed', s.consecutive_failures) END
           || coalesce(': ' || u.message, ''),
         CASE s.state WHEN 'quarantined' THEN 'It crashed three times in a row: see the server''s log, mend the cause, and end its quarantine with resume_report().'
                      ELSE 'See bizmetrics.report_runs, mend the cause, and run it with run_report() or request_run().' END
  FROM bizmetrics.report_status s
  LEFT JOIN LATERAL (
    SELECT r.message FROM bizmetrics.report_runs r
    WHERE r.report_name = s.report_name AND r.sqlstate IS NOT NULL ORDER BY r.run_id DESC LIMIT 1
  ) u ON true
  WHERE s.consecutive_failures > 0 AND s.broken_reason IS NULL
  UNION ALL
  SELECT 'warning', 'report ' || s.report_name, format('it is %s behind', date_trunc('second', s.lag)),
         CASE s.state WHEN 'running' THEN 'See in pg_stat_activity what it waits for; give it a timeout, or a less frequent schedule.'
                      WHEN 'retrying' THEN 'See bizmetrics.report_runs for why its attempts fail.'
                      ELSE 'See whether the reports that it runs after are paused or fail, and whether the worker runs: bizmetrics.max_runners and max_worker_processes may be too low.' END
  FROM bizmetrics.report_status s
  WHERE s.lag > interval '5 minutes' AND s.state IN ('waiting', 'running', 'retrying') AND s.consecutive_failures = 0
$$;
COMMENT ON FUNCTION bizmetrics.doctor_reports() IS 'Findings of doctor() about the reports that the current role may see.';

-- Apart, for it reads what is new to each report.
CREATE FUNCTION bizmetrics.doctor_watermarks()
RETURNS TABLE (severity text, subject text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET intervalstyle = 'postgres' AS $$
  SELECT 'warning', 'report ' || s.report_name,
         format('its watermark is %s behind: %s events that were stored before its last success are not in it', date_trunc('second', s.watermark_lag), s.new_events),
         'Transactions that log events stay open for long, or its schedule is too rare: see oldest_writer of bizmetrics.report_status, and run it with request_run().'
  FROM bizmetrics.report_status s
  WHERE s.state = 'waiting' AND s.watermark_lag > interval '1 day' AND now() - s.watermark_lag < s.last_success_at
  UNION ALL
  -- A prepared one is among the transactions of doctor_events().
  SELECT 'warning', 'process ' || w.pid,
         'its transaction has logged events and been open for more than an hour: what it logged is in no report',
         format('Let it commit, or end it: pg_terminate_backend(%s).', w.pid)
  FROM bizmetrics.oldest_writer() w
  WHERE w.pid IS NOT NULL AND w.since < now() - interval '1 hour'
$$;
COMMENT ON FUNCTION bizmetrics.doctor_watermarks() IS 'Findings of doctor() about how far reports have read.';

CREATE FUNCTION bizmetrics.doctor_partitions()
RETURNS TABLE (severity text, subject text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH parts AS (
    SELECT i.inhrelid AS part, pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT' AS is_default, r.from_time, r.to_time
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL bizmetrics.partition_range(c.oid) r
    WHERE i.inhparent = to_regclass('public.business_events')
  )
  SELECT 'error', 'public.business_events', 'the table is gone', 'Restore it from a backup.'
  WHERE to_regclass('public.business_events') IS NULL
  UNION ALL
  SELECT 'warning', 'public.business_events', 'no partition has the present time: INSERT and COPY of events fail',
         'SELECT bizmetrics.ensure_partitions(now(), now() + interval ''1 second'').'
  WHERE EXISTS (SELECT FROM parts)
    AND NOT EXISTS (SELECT FROM parts WHERE is_default OR (coalesce(from_time, '-infinity') <= now() AND coalesce(to_time, 'infinity') > now()))
  UNION ALL
  SELECT 'warning', part::regclass::text, 'a DEFAULT partition takes events that no other has, makes log_event() slower and keeps partitions from being made',
         'Move its events into partitions of their own, and detach it.'
  FROM parts WHERE is_default
  UNION ALL
  -- pg_dump leaves out what is said of an extension's table itself, and not what its partitions say of it.
  SELECT 'warning', x.indexrelid::regclass::text, 'an index of public.business_events itself is in no dump, and its partitions do not restore without it',
         'Drop it, and make it on the newest partition: those to come have it too.'
  FROM pg_index x WHERE x.indrelid = to_regclass('public.business_events')
  UNION ALL
  SELECT 'warning', format('public.business_events.%I', a.attname), 'a column that was added is in no dump, and its partitions do not restore without it',
         'Before a restore, in the empty database: CREATE EXTENSION, DROP SCHEMA analytics, and add the column. Or keep such values in properties.'
  FROM pg_attribute a WHERE a.attrelid = to_regclass('public.business_events') AND a.attnum > 12 AND NOT a.attisdropped
  UNION ALL
  SELECT 'warning', 'bizmetrics.max_partitions', format('%s of %s partitions are there', count(*), current_setting('bizmetrics.max_partitions')),
         'Drop or detach the oldest ones, choose a wider bizmetrics.partition_interval, or raise bizmetrics.max_partitions.'
  FROM parts HAVING count(*) >= 0.9 * current_setting('bizmetrics.max_partitions')::integer
  UNION ALL
  SELECT 'error', part::regclass::text, format('it lacks the trigger %s, which keeps it append-only or its keys unique', t.tgname),
         format('Make it as on public.business_events: see pg_get_triggerdef() there, and ENABLE %s TRIGGER.', CASE t.tgenabled WHEN 'R' THEN 'REPLICA' WHEN 'A' THEN 'ALWAYS' ELSE '' END)
  FROM parts
  JOIN pg_trigger t ON t.tgrelid = to_regclass('public.business_events') AND NOT t.tgisinternal
                   AND t.tgname IN ('business_events_append_only', 'business_events_append_only_row', 'business_events_dedupe', 'business_events_stamp', 'business_events_restored')
  WHERE NOT EXISTS (SELECT FROM pg_trigger o WHERE o.tgrelid = part AND o.tgfoid = t.tgfoid AND o.tgtype & 1 = t.tgtype & 1 AND o.tgenabled = t.tgenabled)
  UNION ALL
  SELECT 'warning', part::regclass::text, 'it has no primary key on id', format('ALTER TABLE %s ADD PRIMARY KEY (id).', part::regclass)
  FROM parts
  JOIN pg_class c ON c.oid = part AND c.relkind = 'r'
  WHERE NOT EXISTS (SELECT FROM pg_index x JOIN pg_attribute a ON a.attrelid = part AND a.attnum = x.indkey[0]
                    WHERE x.indrelid = part AND x.indisprimary AND x.indisvalid AND a.attname = 'id' AND x.indnkeyatts = 1)
$$;
COMMENT ON FUNCTION bizmetrics.doctor_partitions() IS 'Findings of doctor() about the event table.';

CREATE FUNCTION bizmetrics.doctor_roles()
RETURNS TABLE (severity text, subject text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH granted AS (
    SELECT g.role_name, g.privilege, g.companies, r.oid AS role
    FROM bizmetrics.granted_roles g LEFT JOIN pg_roles r ON r.rolname = g.role_name
  ), missing AS (
    SELECT g.role_name, g.privilege, 'CREATE or USAGE on schema analytics' AS what
    FROM granted g
    WHERE g.role IS NOT NULL AND g.privilege IN ('reader', 'company_reader', 'author')
      AND NOT coalesce(has_schema_privilege(g.role, to_regnamespace('analytics'), CASE g.privilege WHEN 'author' THEN 'CREATE' ELSE 'USAGE' END)
                       AND has_schema_privilege(g.role, to_regnamespace('analytics'), 'USAGE'), false)
    UNION ALL
    SELECT g.role_name, g.privilege, 'SELECT on ' || s.target
    FROM granted g
    JOIN bizmetrics.report_status s ON g.privilege IN ('reader', 'company_reader')
    -- Not to_regclass(): who asks may have no right to look into the schema.
    JOIN pg_class c ON c.relnamespace = to_regnamespace('analytics') AND 'analytics.' || quote_ident(c.relname) = s.target
    WHERE g.role IS NOT NULL AND NOT has_table_privilege(g.role, c.oid, 'SELECT')
      AND (g.privilege = 'reader' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'company_id' AND NOT a.attisdropped))
    UNION ALL
    SELECT g.role_name, g.privilege, format('INSERT of column %s of public.business_events', a.attname)
    FROM granted g
    JOIN pg_attribute a ON g.privilege = 'writer' AND a.attrelid = to_regclass('public.business_events') AND a.attnum BETWEEN 1 AND 10
    WHERE g.role IS NOT NULL AND NOT has_column_privilege(g.role, a.attrelid, a.attnum, 'INSERT')
    UNION ALL
    SELECT g.role_name, g.privilege, 'USAGE on schema bizmetrics'
    FROM granted g
    WHERE g.role IS NOT NULL AND g.privilege IN ('writer', 'author', 'scraper') AND NOT has_schema_privilege(g.role, 'bizmetrics', 'USAGE')
    UNION ALL
    SELECT g.role_name, g.privilege, 'SELECT on public.business_events'
    FROM granted g
    WHERE g.role IS NOT NULL AND g.privilege = 'author' AND NOT has_table_privilege(g.role, to_regclass('public.business_events'), 'SELECT')
    UNION ALL
    SELECT g.role_name, g.privilege, format('EXECUTE on bizmetrics.%s()', p.proname)
    FROM granted g
    JOIN pg_proc p ON p.pronamespace = 'bizmetrics'::regnamespace
                  AND p.proname = CASE g.privilege WHEN 'writer' THEN 'log_event' WHEN 'author' THEN 'create_report' WHEN 'scraper' THEN 'metrics_text' END
    WHERE g.role IS NOT NULL AND NOT has_function_privilege(g.role, p.oid, 'EXECUTE')
  )
  SELECT 'warning', 'role ' || g.role_name, format('it is remembered as %s and does not exist', g.privilege),
         format('SELECT bizmetrics.revoke_%s(%L).', g.privilege, g.role_name)
  FROM granted g WHERE g.role IS NULL
  UNION ALL
  SELECT 'error', 'role ' || m.role_name, format('as %s it lacks %s', m.privilege, string_agg(m.what, ', ' ORDER BY m.what)),
         concat(format('SELECT bizmetrics.grant_%s(%L', m.privilege, m.role_name),
                (SELECT format(', %L', g.companies[1]) FROM granted g WHERE g.role_name = m.role_name AND g.privilege = m.privilege AND g.companies IS NOT NULL), ').')
  FROM missing m GROUP BY m.role_name, m.privilege
  UNION ALL
  SELECT 'error', 'role ' || g.role_name, format('as company reader it reads all companies'' rows of %s', s.target),
         format('SELECT bizmetrics.grant_company_reader(%L, %L), or REVOKE SELECT ON %s FROM whom it has it from.', g.role_name, g.companies[1], s.target)
  FROM granted g
  JOIN bizmetrics.report_status s ON g.privilege = 'company_reader'
  JOIN pg_class c ON c.relnamespace = to_regnamespace('analytics') AND 'analytics.' || quote_ident(c.relname) = s.target
  WHERE g.role IS NOT NULL AND has_table_privilege(g.role, c.oid, 'SELECT')
    AND (EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'company_id' AND NOT a.attisdropped)
         OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'bizmetrics_everybody'))
    AND NOT (c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND g.role = ANY (p.polroles)))
  UNION ALL
  SELECT 'error', 'role ' || o.owner_name, 'reports run as it, and it may not use schema analytics',
         format('SELECT bizmetrics.grant_author(%L).', o.owner_name)
  FROM (SELECT DISTINCT s.owner_name FROM bizmetrics.report_status s) o
  JOIN pg_roles r ON r.rolname = o.owner_name
  WHERE NOT coalesce(has_schema_privilege(r.oid, to_regnamespace('analytics'), 'USAGE'), false)
    AND NOT EXISTS (SELECT FROM missing m WHERE m.role_name = o.owner_name)
$$;
COMMENT ON FUNCTION bizmetrics.doctor_roles() IS 'Findings of doctor() about roles and their rights.';

CREATE FUNCTION bizmetrics.doctor_events()
RETURNS TABLE (severity text, subject text, problem text, remedy text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  rejects bigint;
BEGIN
  RETURN QUERY
  SELECT 'warning', 'prepared transaction ' || p.gid,
         'it is more than an hour old: what it logged is in no report, and it keeps rows from being vacuumed',
         format('COMMIT PREPARED %L or ROLLBACK PREPARED %L.', p.gid, p.gid)
  FROM pg_prepared_xacts p
  WHERE p.database = current_database() AND p.prepared < now() - interval '1 hour';
  RETURN QUERY
  SELECT 'error', 'metric ' || m.metric_name, 'its query has failed since ' || date_trunc('second', m.failing_since) || ': ' || m.message,
         'Mend it with alter_metric(): until then its figures stay as they were.'
  FROM bizmetrics.metric_status m WHERE m.failing_since IS NOT NULL
  UNION ALL
  SELECT 'error', 'alert ' || a.alert_name, 'its query has failed since ' || date_trunc('second', a.failing_since) || ': ' || a.message,
         'Mend what it reads, or drop it and create it anew: until then it stays as it was.'
  FROM (SELECT DISTINCT s.alert_name, s.failing_since, s.message FROM bizmetrics.alert_status s) a WHERE a.failing_since IS NOT NULL
  UNION ALL
  SELECT 'warning', s.name, 'it is off: nothing vacuums the tables of events, runs and reports', format('Turn %s on.', s.name)
  FROM pg_settings s WHERE s.name IN ('autovacuum', 'track_counts') AND s.setting = 'off';
  IF has_table_privilege('bizmetrics.maintenance', 'SELECT') THEN
    RETURN QUERY
    SELECT 'error', 'maintenance task ' || m.task_name, 'it has failed since ' || date_trunc('second', m.failing_since) || ': ' || m.message,
           'Mend that: it is tried again when it falls due.'
    FROM bizmetrics.maintenance m
    WHERE m.failing_since IS NOT NULL
      AND m.database_oid = (SELECT d.oid::bigint FROM pg_database d WHERE d.datname = current_database());
  END IF;
  IF has_table_privilege('bizmetrics.event_rejects', 'SELECT') THEN
    -- As far as it takes to know that there are too many.
    SELECT count(*) INTO rejects FROM (SELECT FROM bizmetrics.event_rejects LIMIT 1000) r;
    IF rejects >= 1000 THEN
      severity := 'warning';
      subject := 'bizmetrics.event_rejects';
      problem := 'a thousand messages or more were rejected';
      remedy := 'See why in its column reason, mend the mapping with map_event(), and replay_rejects(); or delete them.';
      RETURN NEXT;
    END IF;
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.doctor_events() IS 'Findings of doctor() about transactions, vacuum, maintenance, rejected messages, metrics and alerts.';

CREATE FUNCTION bizmetrics.doctor()
RETURNS TABLE (severity text, subject text, problem text, remedy text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  part text;
BEGIN
  FOREACH part IN ARRAY '{server,reports,watermarks,partitions,roles,events}'::text[] LOOP
    BEGIN
      RETURN QUERY EXECUTE format('SELECT * FROM bizmetrics.doctor_%s() AS f ORDER BY 2, 3', part);
    EXCEPTION WHEN OTHERS THEN
      severity := 'error';
      subject := part;
      problem := format('this could not be looked at: %s', SQLERRM);
      remedy := 'Mend that, and look again.';
      RETURN NEXT;
    END;
  END LOOP;
END
$$;
COMMENT ON FUNCTION bizmetrics.doctor() IS
'What is wrong with this installation, one row a finding: severity (error: something does not work; warning: it soon will not), subject, problem, and remedy, which says what to do. No row: all is well. The extension''s owner and pg_monitor see all, others what concerns their reports and themselves. Errors: 42501 no right to call it; what a check meets becomes a row.';
