-- Every object of the extension is described, owned, granted and pinned as the documentation says.
BEGIN;
SELECT no_plan();

-- But what is part of another member: from 17 on, row types and arrays are members by themselves.
CREATE TEMP VIEW members AS
SELECT d.classid, d.objid, i.type, i.identity
FROM pg_depend d, pg_identify_object(d.classid, d.objid, 0) i
WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'bizmetrics') AND d.deptype = 'e'
  AND NOT (d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_depend o WHERE o.classid = d.classid AND o.objid = d.objid AND o.deptype = 'i'));

SELECT set_eq($$SELECT DISTINCT type FROM members$$, ARRAY['schema', 'table', 'view', 'sequence', 'function', 'aggregate', 'procedure', 'type', 'cast'], 'kinds of members');
SELECT set_eq($$SELECT identity FROM members WHERE type = 'schema'$$, ARRAY['bizmetrics'], 'analytics is no member');
SELECT is_empty($$SELECT type, identity FROM members WHERE type <> 'cast' AND identity NOT LIKE 'bizmetrics%' AND identity <> 'public.business_events'$$, 'members are in schema bizmetrics, but the event table');

-- Comments
SELECT is_empty($$SELECT type, identity FROM members WHERE type <> 'cast' AND coalesce(obj_description(objid, classid::regclass::name), '') = '' ORDER BY 2$$, 'a comment on every object');
SELECT isnt(obj_description('analytics'::regnamespace, 'pg_namespace'), NULL, 'a comment on analytics');
SELECT is_empty($$SELECT type, identity FROM members WHERE obj_description(objid, classid::regclass::name) !~ '[.?]$'$$, 'comments are sentences');
SELECT is_empty($$SELECT identity FROM members JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
  WHERE proname IN ('log_event', 'ensure_partitions', 'create_report', 'drop_report', 'run_report', 'request_run', 'grant_reader', 'grant_writer', 'grant_author', 'track_table', 'untrack_table', 'emit_event', 'map_event', 'unmap_event', 'ingest', 'replay_rejects', 'postpone_maintenance', 'prune_dedupe_keys', 'prune_events', 'prune_event_types', 'set_event_retention', 'alter_report', 'reset_report', 'pause_report', 'pause_reports', 'resume_report', 'resume_reports', 'request_runs', 'cancel_run', 'import_events', 'preview_schedule', 'report_template', 'use_pg_cron', 'run_due_reports', 'doctor', 'log_event_async', 'install_pack', 'uninstall_pack', 'map_property', 'set_pack_parameter', 'generate_sample', 'active_users', 'lifecycle', 'stickiness', 'trend', 'paths', 'leaderboard', 'actor_rank', 'cohort_retention', 'cohort_actors', 'create_cohort', 'drop_cohort', 'create_metric', 'alter_metric', 'drop_metric', 'refresh_metrics', 'metrics_text', 'create_alert', 'drop_alert', 'check_alerts', 'export_report', 'grant_scraper', 'sql_exporter_collectors', 'sql_exporter_jobs', 'prometheus_recording_rules', 'prometheus_alert_rules', 'create_default_alerts') AND obj_description(objid, 'pg_proc') NOT LIKE '%Errors%: %'$$, 'what a user calls tells its errors');

-- Privileges
SELECT is_empty($$SELECT identity FROM members JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass, aclexplode(coalesce(proacl, acldefault('f', proowner))) a WHERE a.grantee = 0$$, 'no function for PUBLIC');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c, aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) a WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND (relnamespace = 'bizmetrics'::regnamespace OR c.oid = 'public.business_events'::regclass) AND a.grantee = 0$$, 'no table, view or sequence for PUBLIC');
SELECT is_empty($$SELECT attrelid::regclass, attname FROM pg_attribute, aclexplode(attacl) a WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'bizmetrics'::regnamespace OR oid = 'public.business_events'::regclass) AND a.grantee = 0$$, 'no column for PUBLIC');
SELECT is_empty($$SELECT nspname FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a WHERE nspname IN ('bizmetrics', 'analytics') AND a.grantee = 0$$, 'no schema for PUBLIC');
SELECT is_empty($$SELECT t.oid::regtype FROM pg_type t, aclexplode(coalesce(typacl, acldefault('T', typowner))) a WHERE t.oid = 'bizmetrics.identifier'::regtype AND a.grantee = 0$$, 'no type for PUBLIC');

-- Owners
SELECT is_empty($$SELECT identity FROM members m JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass WHERE proowner <> (SELECT extowner FROM pg_extension WHERE extname = 'bizmetrics') AND proname <> 'guard_report'$$, 'functions belong to the extension''s owner');
SELECT is_empty($$SELECT identity FROM members m JOIN pg_class c ON c.oid = objid AND classid = 'pg_class'::regclass WHERE relowner <> (SELECT extowner FROM pg_extension WHERE extname = 'bizmetrics') AND relname <> 'reports'$$, 'relations belong to the extension''s owner');
SELECT is((SELECT rolsuper FROM pg_class JOIN pg_roles r ON r.oid = relowner WHERE pg_class.oid = 'bizmetrics.reports'::regclass), true, 'the registry belongs to a superuser');
SELECT is((SELECT rolsuper FROM pg_proc p JOIN pg_roles r ON r.oid = proowner WHERE p.oid = 'bizmetrics.guard_report()'::regprocedure), true, 'so does its guard');
SELECT set_eq($$SELECT tgname::text, tgenabled::text FROM pg_trigger WHERE tgrelid IN ('bizmetrics.reports'::regclass, 'bizmetrics.metrics'::regclass, 'bizmetrics.alerts'::regclass)$$, $$VALUES ('reports_guard', 'A'), ('metrics_guard', 'A'), ('alerts_guard', 'A')$$, 'which fires always');

-- Functions
SELECT is_empty($$SELECT identity FROM members JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass WHERE prosecdef$$, 'no SECURITY DEFINER');
SELECT is_empty($$SELECT identity FROM members JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass JOIN pg_language l ON l.oid = prolang WHERE lanname NOT IN ('c', 'internal') AND proname NOT IN ('events', 'new_events', 'events_since', 'items_in', 'expected_slot') AND NOT coalesce(proconfig, '{}') @> '{"search_path=pg_catalog, pg_temp"}'$$, 'SQL and PL/pgSQL functions pin their search_path, but those that the planner is to see through');
SELECT bag_eq($$SELECT proname::text FROM pg_proc WHERE proname IN ('events', 'new_events', 'events_since', 'items_in', 'expected_slot') AND pronamespace = 'bizmetrics'::regnamespace AND proconfig IS NULL AND NOT proisstrict AND NOT prosecdef AND provolatile = 's'$$, $$VALUES ('events'), ('new_events'), ('events_since'), ('items_in'), ('expected_slot')$$, 'which can be inlined');
SELECT is_empty($$SELECT identity FROM members JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass WHERE proparallel = 's' AND provolatile = 'v' AND proname <> 'uuid_v7'$$, 'what writes is not parallel safe');
SELECT is_empty($$SELECT identity FROM members JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass WHERE prorettype <> 'trigger'::regtype AND pronargs > 0 AND NOT proisstrict AND proargnames IS NULL$$, 'parameters have names');
SELECT is((SELECT count(*)::integer FROM pg_proc WHERE pronamespace = 'bizmetrics'::regnamespace AND proname = 'log_event'), 1, 'log_event() is one function');
SELECT is(pg_get_function_arguments('bizmetrics.log_event'::regproc),
  'event_name text, properties jsonb DEFAULT ''{}''::jsonb, actor_user_id bizmetrics.identifier DEFAULT NULL::bizmetrics.identifier, company_id bizmetrics.identifier DEFAULT NULL::bizmetrics.identifier, entity_type text DEFAULT NULL::text, entity_id bizmetrics.identifier DEFAULT NULL::bizmetrics.identifier, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone, dedupe_key text DEFAULT NULL::text, request_id text DEFAULT NULL::text',
  'log_event()''s parameters');
SELECT is_empty($$SELECT castsource::regtype, casttarget::regtype FROM pg_cast WHERE castsource = 'bizmetrics.identifier'::regtype AND castcontext = 'i'$$, 'identifier casts to nothing by itself');

-- Views tell each reader his own.
SELECT is_empty($$SELECT identity FROM members JOIN pg_class c ON c.oid = objid AND classid = 'pg_class'::regclass WHERE relkind = 'v' AND relname IN ('report_status', 'report_runs', 'report_stats', 'metric_status', 'alert_status', 'alert_history', 'watched') AND NOT coalesce(reloptions, '{}') @> '{security_barrier=true}'$$, 'views are security barriers');

-- Dumps
SELECT set_eq($$SELECT unnest(extconfig)::regclass::text FROM pg_extension WHERE extname = 'bizmetrics'$$, ARRAY['bizmetrics.reports', 'bizmetrics.report_id_seq', 'bizmetrics.grants', 'bizmetrics.event_mappings', 'bizmetrics.event_rejects', 'bizmetrics.reject_id_seq', 'bizmetrics.event_types', 'bizmetrics.pruned_events', 'bizmetrics.event_retentions', 'bizmetrics.metrics', 'bizmetrics.metric_series', 'bizmetrics.alerts', 'bizmetrics.packs', 'bizmetrics.pack_members', 'bizmetrics.pack_names', 'bizmetrics.pack_settings'], 'what pg_dump takes along');
SELECT is_empty($$SELECT c FROM pg_extension, unnest(extcondition) c WHERE extname = 'bizmetrics' AND c <> ''$$, 'all of it');
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'bizmetrics'::regnamespace AND relpersistence <> 'p'$$, 'nothing is unlogged');

-- Defaults
SELECT is_empty($$SELECT a.alert_name, a.metric_name FROM bizmetrics.default_alerts() a
  WHERE NOT EXISTS (SELECT FROM bizmetrics.pack_metrics m WHERE m.metric_name = a.metric_name)$$,
  'the alerts by default are about metrics of the packs');

SELECT * FROM finish();
ROLLBACK;
