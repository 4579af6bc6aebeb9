-- Every column of what a user reads has a comment: the event table, the views, and what is said of other services' messages.
BEGIN;
SELECT no_plan();
SELECT is_empty(format($$SELECT a.attname FROM pg_attribute a WHERE a.attrelid = %L::regclass AND a.attnum > 0 AND NOT a.attisdropped AND coalesce(col_description(a.attrelid, a.attnum), '') = ''$$, r), r || ': a comment on every column')
FROM unnest('{public.business_events,bizmetrics.report_status,bizmetrics.report_runs,bizmetrics.worker_status,bizmetrics.report_stats,bizmetrics.granted_roles,bizmetrics.partitions,bizmetrics.event_mappings,bizmetrics.event_rejects,bizmetrics.maintenance,bizmetrics.pruned_events,bizmetrics.event_retentions,bizmetrics.metrics,bizmetrics.metric_state,bizmetrics.metric_series,bizmetrics.metric_families,bizmetrics.metric_values,bizmetrics.metric_status,bizmetrics.alerts,bizmetrics.alert_checks,bizmetrics.alert_states,bizmetrics.alert_changes,bizmetrics.alert_status,bizmetrics.alert_history,bizmetrics.watched,bizmetrics.scraped_reports,bizmetrics.scraped_metrics,bizmetrics.scraped_alerts,bizmetrics.scraped_troubles,bizmetrics.report_tables}'::text[]) r;
SELECT * FROM finish();
ROLLBACK;
