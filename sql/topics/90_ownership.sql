-- Dumped as configuration, and rejects and what was pruned as data. Not dumped: state, runs, requests, dedupe keys and maintenance, and where metrics and alerts stand.
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.event_types', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.reports', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.report_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.grants', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.event_mappings', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.event_rejects', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.reject_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.pruned_events', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.event_retentions', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.metrics', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.metric_series', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.alerts', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.packs', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.pack_members', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.pack_names', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.pack_settings', '');

-- Nothing is granted to PUBLIC.
REVOKE ALL ON ALL ROUTINES IN SCHEMA bizmetrics FROM PUBLIC;
REVOKE ALL ON TYPE bizmetrics.identifier FROM PUBLIC;

-- Every object belongs to the extension's owner, who may be no superuser, but the tables that C code
-- reads and writes as they were made, and the registries' guards: an owner of the registry could
-- disable the guard and run SQL as anybody, and one of the others could change their columns under
-- the code. They belong to the superuser whose rights CREATE EXTENSION has.
DO $$
DECLARE
  member record;
BEGIN
  FOR member IN
    SELECT i.type, i.identity
    FROM pg_depend d,
         LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS i
    WHERE d.refclassid = 'pg_extension'::regclass
      AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'bizmetrics')
      AND d.deptype = 'e'
      -- From 17 on, tables' row types and types' arrays are members, too; they are owned with what they are of.
      AND NOT (d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_depend o WHERE o.classid = d.classid AND o.objid = d.objid AND o.deptype = 'i'))
      AND i.type IN ('schema', 'table', 'view', 'sequence', 'function', 'procedure', 'aggregate', 'type')
      AND i.identity NOT IN ('bizmetrics.reports', 'bizmetrics.guard_report()', 'bizmetrics.grants',
                             'bizmetrics.event_types', 'bizmetrics.guard_event_type()',
                             'bizmetrics.report_state', 'bizmetrics.report_watermarks', 'bizmetrics.pending_windows', 'bizmetrics.report_changes', 'bizmetrics.report_backfills', 'bizmetrics.runs', 'bizmetrics.pruned_runs', 'bizmetrics.run_requests',
                             'bizmetrics.dedupe_keys', 'bizmetrics.event_mappings', 'bizmetrics.event_rejects',
                             'bizmetrics.pruned_events', 'bizmetrics.event_retentions', 'bizmetrics.maintenance',
                             'bizmetrics.metrics', 'bizmetrics.metric_state', 'bizmetrics.metric_series', 'bizmetrics.guard_metric()',
                             'bizmetrics.alerts', 'bizmetrics.alert_checks', 'bizmetrics.alert_states', 'bizmetrics.alert_changes')
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO @extowner@', member.type, member.identity);
  END LOOP;
END
$$;
-- He may see them and, for a restore, for grant_reader() and its like and for replay_rejects(), write rows.
GRANT SELECT ON bizmetrics.reports, bizmetrics.report_state, bizmetrics.report_watermarks, bizmetrics.pending_windows, bizmetrics.report_changes, bizmetrics.report_backfills, bizmetrics.runs, bizmetrics.pruned_runs, bizmetrics.run_requests,
  bizmetrics.grants, bizmetrics.event_types, bizmetrics.dedupe_keys, bizmetrics.event_mappings,
  bizmetrics.event_rejects, bizmetrics.pruned_events, bizmetrics.event_retentions, bizmetrics.maintenance,
  bizmetrics.metrics, bizmetrics.metric_state, bizmetrics.metric_series,
  bizmetrics.alerts, bizmetrics.alert_checks, bizmetrics.alert_states, bizmetrics.alert_changes TO @extowner@;
GRANT INSERT ON bizmetrics.reports, bizmetrics.event_types, bizmetrics.event_mappings, bizmetrics.pruned_events,
  bizmetrics.metrics, bizmetrics.metric_series, bizmetrics.alerts TO @extowner@;
GRANT INSERT, DELETE ON bizmetrics.grants TO @extowner@;
GRANT INSERT, UPDATE, DELETE ON bizmetrics.event_rejects, bizmetrics.event_retentions TO @extowner@;

-- Monitoring sees how reports do, and what waits in the buffer.
GRANT USAGE ON SCHEMA bizmetrics TO pg_monitor;
GRANT SELECT ON bizmetrics.report_status, bizmetrics.report_runs, bizmetrics.report_stats, bizmetrics.backfill_progress, bizmetrics.granted_roles, bizmetrics.maintenance, bizmetrics.buffer_status, bizmetrics.worker_status TO pg_monitor;
GRANT EXECUTE ON FUNCTION bizmetrics.may_see_report(text), bizmetrics.buffer_state(), bizmetrics.worker_processes(), bizmetrics.time_since(timestamptz),
  bizmetrics.missed_slot(text, text, timestamptz, text), bizmetrics.expected_slot(bizmetrics.reports, bizmetrics.report_state), bizmetrics.report_totals(bigint), bizmetrics.worker_problem(), bizmetrics.library_version(), bizmetrics.partition_range(oid),
  bizmetrics.doctor(), bizmetrics.doctor_server(), bizmetrics.doctor_reports(), bizmetrics.doctor_watermarks(), bizmetrics.watermark_lag(bigint), bizmetrics.oldest_writer(), bizmetrics.doctor_partitions(),
  bizmetrics.doctor_roles(), bizmetrics.doctor_events() TO pg_monitor;
GRANT SELECT ON bizmetrics.metric_status, bizmetrics.alert_status, bizmetrics.alert_history, bizmetrics.metric_values, bizmetrics.metric_families,
  bizmetrics.scraped_reports, bizmetrics.scraped_metrics, bizmetrics.scraped_alerts, bizmetrics.scraped_troubles TO pg_monitor;
GRANT EXECUTE ON FUNCTION bizmetrics.metrics_text(), bizmetrics.metric_header(text, text, text), bizmetrics.metric_number(double precision),
  bizmetrics.metric_line(text, text[], text[], double precision), bizmetrics.samples_of(text, double precision[], double precision[]),
  bizmetrics.scrape_server(), bizmetrics.scrape_events(), bizmetrics.scrape_reports(), bizmetrics.scrape_metrics(), bizmetrics.scrape_alerts(), bizmetrics.scrape_registered(),
  bizmetrics.exported_samples(), bizmetrics.name_in_currency(text, text), bizmetrics.alerted_samples(text, jsonb), bizmetrics.sql_exporter_collectors(), bizmetrics.sql_exporter_jobs(text, interval), bizmetrics.prometheus_scrape_config(text, interval, text),
  bizmetrics.prometheus_recording_rules(), bizmetrics.prometheus_alert_rules() TO pg_monitor;

-- Who may cancel what others run may cancel reports.
GRANT USAGE ON SCHEMA bizmetrics TO pg_signal_backend;
GRANT EXECUTE ON FUNCTION bizmetrics.cancel_run(bigint) TO pg_signal_backend;
