-- What reader, writer and author may do, to the last privilege.
BEGIN;
SELECT no_plan();
CREATE ROLE pgtap_reader;
CREATE ROLE pgtap_writer;
CREATE ROLE pgtap_author;
SELECT lives_ok($$SELECT bizmetrics.grant_reader('pgtap_reader'), bizmetrics.grant_writer('pgtap_writer'), bizmetrics.grant_author('pgtap_author')$$, 'granted');
CREATE TEMP VIEW rights AS
SELECT a.grantee::regrole::text AS role, 'schema ' || nspname AS object, privilege_type FROM pg_namespace, aclexplode(nspacl) a WHERE a.grantee <> 0
UNION ALL SELECT a.grantee::regrole::text, 'function ' || proname, privilege_type FROM pg_proc, aclexplode(proacl) a WHERE a.grantee <> 0 AND pronamespace = 'bizmetrics'::regnamespace
UNION ALL SELECT a.grantee::regrole::text, 'relation ' || relname, privilege_type FROM pg_class, aclexplode(relacl) a WHERE a.grantee <> 0
UNION ALL SELECT a.grantee::regrole::text, 'column ' || attname, privilege_type FROM pg_attribute, aclexplode(attacl) a WHERE a.grantee <> 0 AND attrelid = 'public.business_events'::regclass
UNION ALL SELECT a.grantee::regrole::text, 'type ' || typname, privilege_type FROM pg_type, aclexplode(typacl) a WHERE a.grantee <> 0;
SELECT set_eq($$SELECT object, privilege_type FROM rights WHERE role = 'pgtap_reader'$$, $$VALUES ('schema analytics', 'USAGE')$$, 'a reader, without reports');
SELECT set_eq($$SELECT DISTINCT object, privilege_type FROM rights WHERE role = 'pgtap_writer'$$,
  $$VALUES ('schema bizmetrics', 'USAGE'), ('function log_event', 'EXECUTE'), ('function log_events', 'EXECUTE'), ('function log_event_async', 'EXECUTE'), ('function ensure_partitions', 'EXECUTE'), ('function uuid_v7', 'EXECUTE'), ('function current_xact', 'EXECUTE'), ('function identifier', 'EXECUTE'),
    ('function track_table', 'EXECUTE'), ('function untrack_table', 'EXECUTE'), ('function emit_event', 'EXECUTE'), ('function ingest', 'EXECUTE'), ('function import_events', 'EXECUTE'), ('function import_id', 'EXECUTE'), ('function dedupe_key_seen', 'EXECUTE'),
    ('column id', 'INSERT'), ('column event_name', 'INSERT'), ('column occurred_at', 'INSERT'), ('column actor_user_id', 'INSERT'), ('column company_id', 'INSERT'), ('column entity_type', 'INSERT'),
    ('column entity_id', 'INSERT'), ('column properties', 'INSERT'), ('column request_id', 'INSERT'), ('column dedupe_key', 'INSERT')$$, 'a writer');
SELECT set_eq($$SELECT DISTINCT object, privilege_type FROM rights WHERE role = 'pgtap_author'$$,
  $$VALUES ('schema bizmetrics', 'USAGE'), ('schema analytics', 'USAGE'), ('schema analytics', 'CREATE'), ('relation business_events', 'SELECT'), ('relation report_status', 'SELECT'), ('relation report_runs', 'SELECT'), ('relation partitions', 'SELECT'),
    ('function window_funnel', 'EXECUTE'), ('function window_funnel_times', 'EXECUTE'), ('function sequence_match', 'EXECUTE'), ('function sequence_count', 'EXECUTE'), ('function retention', 'EXECUTE'), ('function retention_count', 'EXECUTE'), ('function sessionize', 'EXECUTE'), ('function state_durations', 'EXECUTE'), ('function time_weighted_avg', 'EXECUTE'), ('function uniq_up_to', 'EXECUTE'), ('function nps', 'EXECUTE'), ('function csat', 'EXECUTE'),
    ('function funnel', 'EXECUTE'), ('function funnel_counts', 'EXECUTE'), ('function funnel_complete_count', 'EXECUTE'), ('function funnel_trend', 'EXECUTE'), ('function funnel_buckets', 'EXECUTE'), ('function funnel_actors', 'EXECUTE'), ('function funnel_subjects', 'EXECUTE'), ('function saved_funnel', 'EXECUTE'), ('function funnel_definition', 'EXECUTE'), ('function create_funnel', 'EXECUTE'), ('function drop_funnel', 'EXECUTE'), ('relation funnels', 'SELECT'),
    ('function create_report', 'EXECUTE'), ('function alter_report', 'EXECUTE'), ('function reset_report', 'EXECUTE'), ('function pause_report', 'EXECUTE'), ('function pause_reports', 'EXECUTE'), ('function resume_report', 'EXECUTE'), ('function resume_reports', 'EXECUTE'), ('function request_runs', 'EXECUTE'), ('function cancel_run', 'EXECUTE'), ('function drop_report', 'EXECUTE'), ('function run_report', 'EXECUTE'), ('function request_run', 'EXECUTE'), ('function may_see_report', 'EXECUTE'), ('function events', 'EXECUTE'), ('function identifier', 'EXECUTE'), ('function partition_range', 'EXECUTE'), 
    ('relation report_stats', 'SELECT'), ('relation backfill_progress', 'SELECT'), ('relation report_lag', 'SELECT'), ('function backfill_report', 'EXECUTE'), ('function explain_report', 'EXECUTE'), ('function new_events', 'EXECUTE'), ('function is_new', 'EXECUTE'), ('function watermark_xmin', 'EXECUTE'), ('function watermark_lag', 'EXECUTE'), ('function oldest_writer', 'EXECUTE'), ('function report_bucket', 'EXECUTE'), ('relation granted_roles', 'SELECT'), ('function preview_schedule', 'EXECUTE'), ('function time_since', 'EXECUTE'), ('function missed_slot', 'EXECUTE'), ('function report_totals', 'EXECUTE'), ('function report_template', 'EXECUTE'), ('function check_report_name', 'EXECUTE'),
    ('function run_due_reports', 'EXECUTE'), ('function use_pg_cron', 'EXECUTE'), ('function worker_problem', 'EXECUTE'), ('function doctor', 'EXECUTE'), ('function doctor_server', 'EXECUTE'), ('function doctor_reports', 'EXECUTE'), ('function doctor_watermarks', 'EXECUTE'), ('function doctor_partitions', 'EXECUTE'), ('function doctor_roles', 'EXECUTE'), ('function doctor_events', 'EXECUTE'), ('relation registered_event_types', 'SELECT'), ('relation event_catalog', 'SELECT'),
    ('function active_users', 'EXECUTE'), ('function lifecycle', 'EXECUTE'), ('function stickiness', 'EXECUTE'), ('function trend', 'EXECUTE'), ('function paths', 'EXECUTE'), ('function leaderboard', 'EXECUTE'), ('function actor_rank', 'EXECUTE'), ('function cohort_retention', 'EXECUTE'),
    ('function check_choice', 'EXECUTE'), ('function check_count', 'EXECUTE'), ('function check_range', 'EXECUTE'), ('function check_periods', 'EXECUTE'), ('function check_filters', 'EXECUTE'), ('function unit_length', 'EXECUTE'), ('function first_instant', 'EXECUTE'),
    ('function subject_column', 'EXECUTE'), ('function event_conditions', 'EXECUTE'), ('function event_measure', 'EXECUTE'), ('function trend_periods', 'EXECUTE'), ('function trend_before', 'EXECUTE'), ('function subject_totals', 'EXECUTE'), ('function cohort_counts', 'EXECUTE'), ('function cohort_counts_query', 'EXECUTE')$$, 'an author');
SELECT is_empty($$SELECT * FROM rights WHERE role LIKE 'pgtap%' AND object ~ 'grants|(grant|revoke)_'$$, 'none of them grants');
SELECT lives_ok($$SELECT bizmetrics.revoke_reader('pgtap_reader'), bizmetrics.revoke_writer('pgtap_writer'), bizmetrics.revoke_author('pgtap_author')$$, 'revoked');
SELECT is_empty($$SELECT * FROM rights WHERE role LIKE 'pgtap%'$$, 'nothing is left');
SELECT is_empty($$SELECT * FROM bizmetrics.grants WHERE role_name LIKE 'pgtap%'$$, 'nor remembered');
SELECT is_empty($$SELECT rolname FROM pg_roles WHERE rolname LIKE 'bizmetrics%'$$, 'the extension creates no role');
SELECT * FROM finish();
ROLLBACK;
