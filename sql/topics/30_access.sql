-- Who may do what: readers, company readers, writers, authors and scrapers.

CREATE TABLE bizmetrics.grants (
  role_name text NOT NULL,
  privilege text NOT NULL CHECK (privilege IN ('reader', 'company_reader', 'writer', 'author', 'scraper')),
  companies text[],
  PRIMARY KEY (role_name, privilege),
  CHECK ((privilege = 'company_reader') = ((cardinality(companies) > 0 AND array_position(companies, NULL) IS NULL) IS TRUE)),
  CHECK (privilege = 'company_reader' OR companies IS NULL)
);
COMMENT ON TABLE bizmetrics.grants IS
'Who is reader, company reader, writer, author or scraper, by name, dumped by pg_dump: so that tables of reports to come are granted to readers.';
COMMENT ON COLUMN bizmetrics.grants.companies IS 'Whose rows a company reader may read.';

CREATE FUNCTION bizmetrics.share_report_tables(reader name) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_share_report_tables';
COMMENT ON FUNCTION bizmetrics.share_report_tables(name) IS
'Brings the rights on every report''s table in line with what a role is now, reader, company reader or neither, as the report''s owner: SELECT and REFERENCES, or SELECT with row security, or nothing. For change_grant(). Errors: 42501 not the extension''s owner.';

-- The privileges behind each word, one a row, spelt alike wherever two words share one: GRANT and REVOKE
-- read the same list, and what another word still gives is found by comparing the rows.
CREATE FUNCTION bizmetrics.privileges_of(privilege text) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- Company readers have what readers have; which rows, is the tables' business.
  WITH words AS (SELECT CASE $1 WHEN 'company_reader' THEN 'reader' ELSE $1 END AS word)
  SELECT p.what
  FROM words, (VALUES
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
  WHERE p.privilege = word
  UNION ALL
  SELECT format('EXECUTE ON ROUTINE %s', f.oid::regprocedure)
  FROM words, pg_proc f
  WHERE f.pronamespace = 'bizmetrics'::regnamespace
    AND ((word = 'writer' AND f.proname IN ('log_event', 'log_events', 'log_event_async', 'ensure_partitions', 'uuid_v7', 'current_xact', 'identifier',
                                          'emit_event', 'track_table', 'untrack_table', 'ingest',
                                          'import_events', 'import_id', 'dedupe_key_seen'))
      OR (word = 'author' AND f.prokind = 'a')
      OR (word = 'author' AND f.proname IN ('sessionize', 'funnel', 'funnel_counts', 'funnel_trend', 'funnel_buckets', 'funnel_actors', 'funnel_subjects', 'saved_funnel', 'saved_funnel_days', 'saved_funnel_of_days', 'saved_funnel_columns', 'saved_funnel_query', 'create_funnel', 'drop_funnel',
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
      OR (word IN ('scraper', 'author') AND f.proname IN ('metrics_text', 'metric_header', 'metric_line', 'metric_number', 'samples_of', 'name_in_currency',
                                                        'scrape_server', 'scrape_events', 'scrape_reports', 'scrape_metrics', 'scrape_alerts', 'scrape_registered',
                                                        'buffer_state', 'worker_problem', 'time_since', 'missed_slot', 'expected_slot', 'exported_samples', 'sql_exporter_collectors', 'sql_exporter_jobs', 'prometheus_scrape_config',
                                                        'prometheus_recording_rules', 'prometheus_alert_rules', 'alerted_samples'))
      OR (word IN ('reader', 'author') AND f.proname IN ('export_report', 'export_report_pdf', 'export_plan', 'export_columns', 'export_period', 'html_page', 'html_text', 'table_pdf', 'csv_field', 'check_choice', 'check_count', 'check_days', 'pack_table_timezone', 'period_days', 'ranked_customers',
                                                       'report_sales', 'report_products', 'report_customers', 'report_inventory', 'top_customers', 'customer_rank',
                                                       'daily_report', 'export_daily_report',
                                                       'time_column_of', 'query_metric', 'query_metric_sql', 'query_rows', 'event_field_path', 'check_event_filter', 'filter_condition',
                                                       'check_spec', 'check_spec_keys', 'check_spec_names', 'spec_key', 'spec_source', 'spec_field', 'spec_filter', 'spec_measure',
                                                       'spec_columns', 'spec_order', 'spec_bound', 'spec_times', 'spec_query'))
      OR (word IN ('reader', 'writer', 'author') AND f.proname = 'is_order_transition_allowed'))
$$;
COMMENT ON FUNCTION bizmetrics.privileges_of(text) IS
'The privileges that reader, company_reader, writer, author or scraper means, as GRANT spells them.';

-- Who reads all companies is no reader of one: the one word would undo the other.
CREATE FUNCTION bizmetrics.check_company_reader(role_name name, privilege text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  other record;
BEGIN
  IF privilege = 'company_reader' AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role_name AND (r.rolsuper OR r.rolbypassrls)) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('role "%s" passes by row security', role_name),
      HINT = 'Take a role without SUPERUSER and BYPASSRLS.';
  END IF;
  SELECT g.role_name, g.privilege INTO other
  FROM bizmetrics.grants g JOIN pg_roles r ON r.rolname = g.role_name
  WHERE CASE WHEN privilege = 'company_reader' THEN g.privilege IN ('reader', 'author') AND pg_has_role(role_name, r.oid, 'USAGE')
             WHEN privilege IN ('reader', 'author') THEN g.privilege = 'company_reader' AND pg_has_role(r.oid, role_name, 'USAGE') END
  ORDER BY 1, 2 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = CASE WHEN privilege = 'company_reader' THEN format('role "%s" reads all companies', role_name)
                     ELSE format('role "%s" would read all companies', other.role_name) END,
      DETAIL = CASE WHEN other.role_name = role_name THEN format('It is %s.', replace(other.privilege, '_', ' '))
                    WHEN privilege = 'company_reader' THEN format('It has the rights of role "%s", which is %s.', other.role_name, other.privilege)
                    ELSE format('It is company reader, and has the rights of role "%s".', role_name) END,
      HINT = format('SELECT bizmetrics.revoke_%s(%L) first, or take another role.', other.privilege, other.role_name);
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_company_reader(name, text) IS
'Raises where a role would be reader of all companies and of some. Errors: 55000.';

CREATE FUNCTION bizmetrics.change_grant(role_name name, privilege text, give boolean, companies text[] DEFAULT NULL) RETURNS void
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
    PERFORM bizmetrics.check_company_reader(role_name, privilege);
    FOR what IN SELECT bizmetrics.privileges_of(privilege) LOOP
      EXECUTE format('GRANT %s TO %I', what, role_name);
    END LOOP;
    -- Who is not the schema's owner grants nothing, and is only warned.
    IF privilege IN ('reader', 'company_reader', 'author') AND NOT has_schema_privilege(role_name, 'analytics', 'USAGE') THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
        MESSAGE = format('permission denied to grant the use of schema "analytics" to role "%s"', role_name),
        HINT = 'Grant it as the owner of the schema, or make yours its owner.';
    END IF;
    -- Its companies may be others now.
    DELETE FROM bizmetrics.grants g
    WHERE g.role_name = change_grant.role_name AND g.privilege = change_grant.privilege AND g.companies IS NOT NULL;
    INSERT INTO bizmetrics.grants VALUES (role_name, privilege, companies) ON CONFLICT DO NOTHING;
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
  IF privilege IN ('reader', 'company_reader') THEN
    PERFORM bizmetrics.share_report_tables(role_name);
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.change_grant(name, text, boolean, text[]) IS
'Grants or revokes what reader, company_reader (of these companies), writer, author or scraper means, and remembers it. Behind grant_reader() and its like.';

CREATE FUNCTION bizmetrics.grant_reader(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'reader', true) $$;
COMMENT ON FUNCTION bizmetrics.grant_reader(name) IS
'Lets a role read every report''s table in schema analytics, those of reports to come included, and export it with export_report(). Errors: 42704 no such role; 42501 not the extension''s owner; 55000 it, or a member of it, is company reader.';

CREATE FUNCTION bizmetrics.revoke_reader(role name) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT bizmetrics.change_grant(role, 'reader', false) $$;
COMMENT ON FUNCTION bizmetrics.revoke_reader(name) IS 'Takes back what grant_reader() gave. Errors: as there.';

CREATE FUNCTION bizmetrics.grant_company_reader(role name, company_id bizmetrics.identifier) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
  IF company_id IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'company_id must not be NULL',
      HINT = 'bizmetrics.grant_reader() is for who may read all companies.';
  ELSIF company_id::text = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'company_id must not be empty',
      HINT = 'An empty one is in the rows of nobody''s events, which are for readers of all companies.';
  END IF;
  -- Two at once would each know only the companies of before.
  LOCK TABLE bizmetrics.grants IN SHARE ROW EXCLUSIVE MODE;
  PERFORM bizmetrics.change_grant(role, 'company_reader', true,
    -- A role that may not do yet what every reader may is a new one of an old name, whose companies are none of its.
    ARRAY(SELECT c FROM bizmetrics.grants g, unnest(g.companies) AS c
          WHERE g.role_name = role AND g.privilege = 'company_reader' AND has_schema_privilege(g.role_name, 'bizmetrics', 'USAGE')
          UNION SELECT company_id::text ORDER BY 1));
END
$$;
COMMENT ON FUNCTION bizmetrics.grant_company_reader(name, bizmetrics.identifier) IS
'Lets a role read, in every report''s table that has a column company_id, those of reports to come included, the rows of this company, and of those that it was given before; other tables not at all. Row security sees to it, whatever the role calls: the tables, export_report(), query_metric(), report_sales() and their like. Nothing changes for others. Errors: 22004 NULL; 22023 an empty company; 42704 no such role; 42501 not the extension''s owner; 55000 the role passes by row security, or is reader or author.';

CREATE FUNCTION bizmetrics.revoke_company_reader(role name, company_id bizmetrics.identifier DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  rest text[];
BEGIN
  LOCK TABLE bizmetrics.grants IN SHARE ROW EXCLUSIVE MODE;
  IF company_id IS NOT NULL THEN
    SELECT array_remove(g.companies, company_id::text) INTO rest FROM bizmetrics.grants g WHERE g.role_name = role AND g.privilege = 'company_reader';
  END IF;
  PERFORM bizmetrics.change_grant(role, 'company_reader', coalesce(cardinality(rest) > 0, false), nullif(rest, '{}'));
END
$$;
COMMENT ON FUNCTION bizmetrics.revoke_company_reader(name, bizmetrics.identifier) IS
'Takes a company back that grant_company_reader() gave, or all of them, and with the last one everything else. Errors: 42704 no such role; 42501 not the extension''s owner.';

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
'Lets a role read events, create reports of its own and make tables in schema analytics. Errors: 42704 no such role; 42501 not the extension''s owner; 55000 it, or a member of it, is company reader.';

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
