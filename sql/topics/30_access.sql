-- Who may do what: readers, writers, authors and scrapers.

CREATE TABLE bizmetrics.grants (
  role_name text NOT NULL,
  privilege text NOT NULL CHECK (privilege IN ('reader', 'writer', 'author', 'scraper')),
  PRIMARY KEY (role_name, privilege)
);
COMMENT ON TABLE bizmetrics.grants IS
'Who is reader, writer, author or scraper, by name, dumped by pg_dump: so that tables of reports to come are granted to readers.';

CREATE FUNCTION bizmetrics.share_report_tables(reader name, share boolean) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_share_report_tables';
COMMENT ON FUNCTION bizmetrics.share_report_tables(name, boolean) IS
'Grants or revokes SELECT and REFERENCES on every report''s table, as the report''s owner. For grant_reader() and revoke_reader(). Errors: 42501 not the extension''s owner.';

-- The privileges behind each word, one a row, spelt alike wherever two words share one: GRANT and REVOKE
-- read the same list, and what another word still gives is found by comparing the rows.
CREATE FUNCTION bizmetrics.privileges_of(privilege text) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.what
  FROM (VALUES
    ('reader', 'USAGE ON SCHEMA analytics'),
    ('reader', 'USAGE ON SCHEMA bizmetrics'),
    ('reader', 'SELECT ON bizmetrics.report_tables'),
    ('scraper', 'USAGE ON SCHEMA bizmetrics'),
    ('scraper', 'SELECT ON bizmetrics.metric_values, bizmetrics.metric_families, bizmetrics.scraped_reports, bizmetrics.scraped_metrics, bizmetrics.scraped_alerts, bizmetrics.scraped_troubles'),
    ('writer', 'USAGE ON SCHEMA bizmetrics'),
    ('writer', 'INSERT (id, event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties, request_id, dedupe_key) ON public.business_events'),
    ('author', 'USAGE ON SCHEMA bizmetrics'),
    ('author', 'USAGE ON SCHEMA analytics'),
    ('author', 'CREATE ON SCHEMA analytics'),
    ('author', 'SELECT ON public.business_events'),
    ('author', 'SELECT ON bizmetrics.registered_event_types, bizmetrics.event_catalog, bizmetrics.funnels, bizmetrics.cohorts'),
    ('author', 'SELECT ON bizmetrics.report_status, bizmetrics.report_runs, bizmetrics.report_stats, bizmetrics.backfill_progress, bizmetrics.partitions, bizmetrics.granted_roles'),
    ('author', 'SELECT ON bizmetrics.metric_status, bizmetrics.alert_status, bizmetrics.alert_history, bizmetrics.watched'),
    ('author', 'SELECT ON bizmetrics.metric_values, bizmetrics.metric_families, bizmetrics.scraped_reports, bizmetrics.scraped_metrics, bizmetrics.scraped_alerts, bizmetrics.scraped_troubles'),
    ('author', 'SELECT ON bizmetrics.report_tables, bizmetrics.metric_reports'),
    ('author', 'SELECT (pack, report_name) ON bizmetrics.pack_reports'),
    ('author', 'SELECT ON bizmetrics.allowed_order_transitions'),
    ('reader', 'SELECT ON bizmetrics.allowed_order_transitions'),
    ('writer', 'SELECT ON bizmetrics.allowed_order_transitions')
  ) AS p (privilege, what)
  WHERE p.privilege = $1
  UNION ALL
  SELECT format('EXECUTE ON ROUTINE %s', f.oid::regprocedure)
  FROM pg_proc f
  WHERE f.pronamespace = 'bizmetrics'::regnamespace
    AND (($1 = 'writer' AND f.proname IN ('log_event', 'log_events', 'log_event_async', 'ensure_partitions', 'uuid_v7', 'current_xact', 'identifier',
                                          'emit_event', 'track_table', 'untrack_table', 'ingest',
                                          'import_events', 'import_id', 'dedupe_key_seen'))
      OR ($1 = 'author' AND f.prokind = 'a')
      OR ($1 = 'author' AND f.proname IN ('sessionize', 'funnel', 'funnel_counts', 'funnel_trend', 'funnel_buckets', 'funnel_actors', 'funnel_subjects', 'saved_funnel', 'saved_funnel_days', 'saved_funnel_of_days', 'saved_funnel_columns', 'saved_funnel_query', 'create_funnel', 'drop_funnel',
                                          'saved_report_name', 'saved_table', 'saved_columns', 'saved_query', 'saved_definition', 'drop_saved', 'kept_from',
                                          'create_report', 'alter_report', 'drop_report', 'reset_report', 'pause_report', 'pause_reports', 'resume_report', 'resume_reports', 'run_report', 'request_run', 'request_runs', 'cancel_run',
                                          'may_see_report', 'events', 'new_events', 'also_wrote', 'watermark_xmin', 'is_new', 'report_bucket', 'date_trunc', 'numeric_property', 'backfill_report', 'explain_report', 'watermark_lag', 'oldest_writer', 'identifier', 'partition_range',
                                          'preview_schedule', 'time_since', 'missed_slot', 'expected_slot', 'report_totals', 'report_template', 'check_report_name',
                                          'number_in', 'items_in', 'time_in', 'health_score',
                                          'run_due_reports', 'use_pg_cron', 'worker_problem', 'library_version', 'doctor', 'doctor_server',
                                          'doctor_reports', 'doctor_watermarks', 'doctor_partitions', 'doctor_roles', 'doctor_events',
                                          'active_users', 'lifecycle', 'stickiness', 'trend', 'paths', 'leaderboard', 'actor_rank', 'cohort_retention',
                                          'check_choice', 'check_count', 'check_range', 'check_periods', 'check_filters', 'unit_length', 'first_instant',
                                          'subject_column', 'event_conditions', 'event_measure', 'trend_periods', 'trend_before', 'trend_query', 'subject_totals', 'cohort_counts', 'activity_counts', 'path_counts',
                                          'cohort_actors', 'saved_cohort', 'saved_cohort_since', 'saved_cohort_ranges', 'saved_cohort_columns', 'saved_cohort_query', 'create_cohort', 'drop_cohort',
                                          'create_metric', 'alter_metric', 'drop_metric', 'refresh_metrics', 'events_since', 'schedule_metrics',
                                          'create_alert', 'drop_alert', 'check_alerts', 'default_alerts', 'create_default_alerts',
                                          'create_metric_report', 'alter_metric_report', 'metric_report_spec', 'spec_report', 'texts_in'))
      OR ($1 IN ('scraper', 'author') AND f.proname IN ('metrics_text', 'metric_header', 'metric_line', 'metric_number', 'samples_of', 'name_in_currency',
                                                        'scrape_server', 'scrape_events', 'scrape_reports', 'scrape_metrics', 'scrape_alerts', 'scrape_registered',
                                                        'buffer_state', 'worker_problem', 'time_since', 'missed_slot', 'expected_slot', 'exported_samples', 'sql_exporter_collectors', 'sql_exporter_jobs', 'prometheus_scrape_config',
                                                        'prometheus_recording_rules', 'prometheus_alert_rules', 'alerted_samples'))
      OR ($1 IN ('reader', 'author') AND f.proname IN ('export_report', 'export_report_pdf', 'export_plan', 'export_columns', 'export_period', 'html_page', 'html_text', 'table_pdf', 'csv_field', 'check_choice', 'check_count', 'check_days', 'pack_table_timezone', 'period_days', 'ranked_customers',
                                                       'report_sales', 'report_products', 'report_customers', 'report_inventory', 'top_customers', 'customer_rank',
                                                       'daily_report', 'export_daily_report',
                                                       'time_column_of', 'query_metric', 'query_metric_sql', 'query_rows', 'event_field_path', 'check_event_filter', 'filter_condition',
                                                       'check_spec', 'check_spec_keys', 'check_spec_names', 'spec_key', 'spec_source', 'spec_field', 'spec_filter', 'spec_measure',
                                                       'spec_columns', 'spec_order', 'spec_bound', 'spec_times', 'spec_query'))
      OR ($1 IN ('reader', 'writer', 'author') AND f.proname = 'is_order_transition_allowed'))
$$;
COMMENT ON FUNCTION bizmetrics.privileges_of(text) IS
'The privileges that reader, writer, author or scraper means, as GRANT spells them.';

CREATE FUNCTION bizmetrics.change_grant(role_name name, privilege text, give boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  what text;
BEGIN
  IF role_name IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'role must not be NULL';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = change_grant.role_name) THEN
    IF NOT give THEN
      DELETE FROM bizmetrics.grants g
      WHERE g.role_name = change_grant.role_name AND g.privilege = change_grant.privilege;
      IF FOUND THEN
        RETURN;
      END IF;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('role "%s" does not exist', role_name),
      HINT = 'Make it first with CREATE ROLE.';
  END IF;
  IF give THEN
    FOR what IN SELECT bizmetrics.privileges_of(privilege) LOOP
      EXECUTE format('GRANT %s TO %I', what, role_name);
    END LOOP;
    -- Who is not the schema's owner grants nothing, and is only warned.
    IF privilege IN ('reader', 'author') AND NOT has_schema_privilege(role_name, 'analytics', 'USAGE') THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
        MESSAGE = format('permission denied to grant the use of schema "analytics" to role "%s"', role_name),
        HINT = 'Grant it as the owner of the schema, or make yours its owner.';
    END IF;
    INSERT INTO bizmetrics.grants VALUES (role_name, privilege) ON CONFLICT DO NOTHING;
  ELSE
    FOR what IN
      SELECT bizmetrics.privileges_of(privilege)
      EXCEPT
      -- What another word still gives the role stays.
      SELECT bizmetrics.privileges_of(g.privilege) FROM bizmetrics.grants g
      WHERE g.role_name = change_grant.role_name AND g.privilege <> change_grant.privilege
    LOOP
      EXECUTE format('REVOKE %s FROM %I', what, role_name);
    END LOOP;
    DELETE FROM bizmetrics.grants g
    WHERE g.role_name = change_grant.role_name AND g.privilege = change_grant.privilege;
  END IF;
  IF privilege = 'reader' THEN
    PERFORM bizmetrics.share_report_tables(role_name, give);
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.change_grant(name, text, boolean) IS
'Grants or revokes what reader, writer, author or scraper means, and remembers it. Behind grant_reader() and its like.';

CREATE FUNCTION bizmetrics.grant_reader(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'reader', true) $$;
COMMENT ON FUNCTION bizmetrics.grant_reader(name) IS
'Lets a role read every report''s table in schema analytics, those of reports to come included, and export it with export_report(). Errors: 42704 no such role; 42501 not the extension''s owner.';

CREATE FUNCTION bizmetrics.revoke_reader(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'reader', false) $$;
COMMENT ON FUNCTION bizmetrics.revoke_reader(name) IS 'Takes back what grant_reader() gave. Errors: as there.';

CREATE FUNCTION bizmetrics.grant_writer(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'writer', true) $$;
COMMENT ON FUNCTION bizmetrics.grant_writer(name) IS
'Lets a role log events, by log_event() and by INSERT or COPY of the first ten columns. Errors: 42704 no such role; 42501 not the extension''s owner.';

CREATE FUNCTION bizmetrics.revoke_writer(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'writer', false) $$;
COMMENT ON FUNCTION bizmetrics.revoke_writer(name) IS 'Takes back what grant_writer() gave. Errors: as there.';

CREATE FUNCTION bizmetrics.grant_author(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'author', true) $$;
COMMENT ON FUNCTION bizmetrics.grant_author(name) IS
'Lets a role read events, create reports of its own and make tables in schema analytics. Errors: 42704 no such role; 42501 not the extension''s owner.';

CREATE FUNCTION bizmetrics.revoke_author(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'author', false) $$;
COMMENT ON FUNCTION bizmetrics.revoke_author(name) IS
'Takes back what grant_author() gave; the role''s reports stay and run on while it may. Errors: as there.';

CREATE FUNCTION bizmetrics.grant_scraper(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'scraper', true) $$;
COMMENT ON FUNCTION bizmetrics.grant_scraper(name) IS
'Lets a role call metrics_text(), read the figures of all metrics, and make the files for exporters and Prometheus; no event and no report''s table. Errors: 42704 no such role; 42501 not the extension''s owner.';

CREATE FUNCTION bizmetrics.revoke_scraper(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'scraper', false) $$;
COMMENT ON FUNCTION bizmetrics.revoke_scraper(name) IS 'Takes back what grant_scraper() gave. Errors: as there.';
