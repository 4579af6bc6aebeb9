-- Files for the programs around: exporters, and Prometheus's rules. All are YAML, in which JSON's strings
-- are valid strings.

-- A sample of a metric as an exporter reads it: the query, and the columns that are labels.
CREATE FUNCTION bizmetrics.exported_samples()
RETURNS TABLE (sample_name text, sample_type text, help text, sample_labels text[], query text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.family_name || e.suffix,
         CASE WHEN f.metric_type = 'counter' OR e.suffix <> '' THEN 'counter' ELSE 'gauge' END,
         f.family_help,
         f.family_labels || e.bound_labels,
         'SELECT ' || coalesce((SELECT string_agg(format('labels ->> %L AS %I', l.label, l.label), ', ' ORDER BY l.place)
                                FROM unnest(f.family_labels || e.bound_labels) WITH ORDINALITY AS l (label, place)) || ', ', '')
         || format('value FROM bizmetrics.metric_values WHERE sample_name = %L', f.family_name || e.suffix)
  FROM (SELECT DISTINCT m.family_name, m.metric_type, m.family_help, m.family_labels, m.bounds FROM bizmetrics.metric_families m) f
  CROSS JOIN LATERAL (
    SELECT s.suffix, s.bound_labels
    FROM bizmetrics.samples_of(f.metric_type, f.bounds, array_fill(0::double precision, ARRAY[coalesce(cardinality(f.bounds), 0) + 2])) s
    GROUP BY s.suffix, s.bound_labels
  ) e
  ORDER BY 1
$$;
COMMENT ON FUNCTION bizmetrics.exported_samples() IS 'What an exporter of SQL asks for each sample of the metrics that have figures. Behind sql_exporter_collectors() and sql_exporter_jobs().';

CREATE FUNCTION bizmetrics.sql_exporter_collectors() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT concat(E'collector_name: bizmetrics\nmetrics:', CASE WHEN count(*) = 0 THEN ' []' END, E'\n',
    string_agg(concat(
      '  - metric_name: ', e.sample_name, E'\n',
      '    type: ', e.sample_type, E'\n',
      '    help: ', to_json(e.help), E'\n',
      '    key_labels: ', to_json(e.sample_labels), E'\n',
      E'    values: ["value"]\n',
      '    query: ', to_json(e.query), E'\n'), '' ORDER BY e.sample_name COLLATE "C"))
  FROM bizmetrics.exported_samples() e
$$;
COMMENT ON FUNCTION bizmetrics.sql_exporter_collectors() IS
'A collector file (YAML) for sql_exporter (github.com/burningalchemist/sql_exporter) with every sample of the metrics that have figures. Errors: 42501 no right to scrape.';

CREATE FUNCTION bizmetrics.sql_exporter_jobs(connection text, every interval DEFAULT '1 minute') RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF connection IS NULL OR every IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'connection and every must not be NULL';
  END IF;
  IF every < interval '1 second' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('every "%s" is less than a second', every);
  END IF;
  RETURN (
    SELECT concat(E'jobs:\n- name: bizmetrics\n  interval: ', ceil(extract(epoch FROM every))::bigint, E's\n',
      '  connections: [', to_json(connection), E']\n',
      '  queries:', CASE WHEN count(*) = 0 THEN ' []' END, E'\n',
      string_agg(concat(
        '  - name: ', e.sample_name, E'\n',
        '    help: ', to_json(e.help), E'\n',
        '    labels: ', to_json(e.sample_labels), E'\n',
        E'    values: ["value"]\n',
        '    query: ', to_json(e.query), E'\n'), '' ORDER BY e.sample_name COLLATE "C"))
    FROM bizmetrics.exported_samples() e);
END
$$;
COMMENT ON FUNCTION bizmetrics.sql_exporter_jobs(text, interval) IS
'A configuration (YAML) for Debian''s prometheus-sql-exporter (github.com/justwatchcom/sql_exporter), which asks connection, a postgres:// address, every so often for every sample of the metrics that have figures. It shows each as a gauge whose name begins with sql_. Errors: 22004 NULL; 22023 every is less than a second; 42501 no right to scrape.';

CREATE FUNCTION bizmetrics.prometheus_scrape_config(target text, every interval DEFAULT '1 minute', path text DEFAULT '/metrics') RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF target IS NULL OR every IS NULL OR path IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'target, every and path must not be NULL';
  ELSIF target !~ '^[^/\s]+$' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('invalid target "%s"', target),
      HINT = 'Give a host and a port, such as db.example.org:9237.';
  ELSIF every < interval '1 second' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('every "%s" is less than a second', every);
  ELSIF path !~ '^/' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('path "%s" does not begin with /', path);
  END IF;
  RETURN concat(E'scrape_configs:\n- job_name: bizmetrics\n  scrape_interval: ', ceil(extract(epoch FROM every))::bigint, E's\n',
    '  metrics_path: ', to_json(path), E'\n',
    '  static_configs: [{targets: [', to_json(target), E']}]\n');
END
$$;
COMMENT ON FUNCTION bizmetrics.prometheus_scrape_config(text, interval, text) IS
'A part of prometheus.yml: scrape_configs with a job that asks target, the host and port of who serves metrics_text(), or of an exporter, every so often for path. Errors: 22004 NULL; 22023 no host and port, every is less than a second, or path does not begin with /.';

-- The name of a recorded series is level:metric:operation, as Prometheus's own advice has it.
CREATE FUNCTION bizmetrics.prometheus_recording_rules() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH families AS (
    SELECT DISTINCT f.family_name AS metric_name, f.metric_type, f.family_labels AS labels FROM bizmetrics.metric_families f
  ), levels AS (
    SELECT f.metric_name, f.metric_type,
           CASE WHEN cardinality(f.labels) = 0 THEN 'all' ELSE array_to_string(f.labels, '_') END AS level,
           array_to_string(f.labels, ', ') AS list,
           regexp_replace(f.metric_name, '_total$', '') AS stem
    FROM families f
  ), rules (record, expr) AS (
    SELECT format('%s:%s:rate5m', l.level, l.stem), format('sum by (%s) (rate(%s[5m]))', l.list, l.metric_name)
    FROM levels l WHERE l.metric_type = 'counter'
    UNION ALL
    SELECT format('%s:%s:increase1d', l.level, l.stem), format('sum by (%s) (increase(%s[1d]))', l.list, l.metric_name)
    FROM levels l WHERE l.metric_type = 'counter'
    UNION ALL
    SELECT format('%s:%s:p%s_5m', l.level, l.stem, q.percent),
           format('histogram_quantile(%s, sum by (%s) (rate(%s_bucket[5m])))', trim_scale(q.percent / 100.0),
                  concat_ws(', ', nullif(l.list, ''), 'le'), l.metric_name)
    FROM levels l, unnest('{50,95,99}'::integer[]) AS q (percent) WHERE l.metric_type = 'histogram'
    UNION ALL
    SELECT 'report:bizmetrics_report_failures:ratio1h',
           'sum by (report) (increase(bizmetrics_report_attempts_total{state!="succeeded"}[1h])) / sum by (report) (increase(bizmetrics_report_attempts_total[1h]))'
    UNION ALL
    SELECT 'report:bizmetrics_report_duration_seconds:mean1h',
           'sum by (report) (increase(bizmetrics_report_duration_seconds_total[1h])) / sum by (report) (increase(bizmetrics_report_attempts_total{state="succeeded"}[1h]))'
    UNION ALL
    SELECT 'metric:bizmetrics_metric_age_seconds:max', 'max by (metric) (time() - bizmetrics_metric_last_success_timestamp_seconds)'
  )
  SELECT concat(E'groups:\n- name: bizmetrics\n  rules:\n',
    string_agg(concat('  - record: ', r.record, E'\n    expr: ', to_json(r.expr), E'\n'), '' ORDER BY r.record COLLATE "C"))
  FROM rules r
$$;
COMMENT ON FUNCTION bizmetrics.prometheus_recording_rules() IS
'Recording rules (YAML) for Prometheus: rates and daily increases of counters, quantiles of histograms, and how reports do. Errors: 42501 no right to scrape.';

-- Of a metric by currency the names of all of them, the currency a label again: an alert's labels tell apart what
-- it fires for, and its name does not.
CREATE FUNCTION bizmetrics.alerted_samples(metric text, labels jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH matchers AS (
    SELECT string_agg(format('%s=%s', l.key, to_json(l.value)), ',' ORDER BY l.key) AS list
    FROM jsonb_each_text(labels) l
    WHERE l.key ~ '^[a-z][a-z0-9_]*$' AND l.key <> 'currency'
  ), named AS (
    SELECT bizmetrics.name_in_currency(metric, coalesce(labels ->> 'currency', '')) AS name
  )
  SELECT CASE
    WHEN NOT coalesce(labels ? 'currency', false)
         AND EXISTS (SELECT FROM bizmetrics.metric_families f WHERE f.metric_name = metric AND f.family_name <> metric AND f.metric_type IN ('counter', 'gauge'))
      THEN format('label_replace({__name__=~"%1$s"%2$s}, "currency", "$2", "__name__", "%1$s")',
                  regexp_replace(metric, '(_total)?$', '(_([a-z]{3}))?\1'), coalesce(',' || m.list, ''))
    WHEN EXISTS (SELECT FROM bizmetrics.exported_samples() e WHERE e.sample_name = n.name)
      THEN n.name || coalesce('{' || m.list || '}', '') END
  FROM named n CROSS JOIN matchers m
$$;
COMMENT ON FUNCTION bizmetrics.alerted_samples(text, jsonb) IS
'The series of an alert''s metric in PromQL; NULL where Prometheus has none. Behind prometheus_alert_rules().';

-- An alert's name in Prometheus is a plain text; a duration is in seconds.
CREATE FUNCTION bizmetrics.prometheus_alert_rules() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH rules (alert, expr, held, severity, summary) AS (
    SELECT a.alert_name,
           CASE WHEN n.samples IS NULL
                -- What Prometheus has no series of, it takes our word for.
                THEN format('bizmetrics_alert_firing{alert=%s} > 0', to_json(a.alert_name))
                ELSE format('%s %s %s', n.samples, CASE a.operator WHEN '=' THEN '==' WHEN '<>' THEN '!=' ELSE a.operator END,
                            bizmetrics.metric_number(a.threshold)) END,
           CASE WHEN n.samples IS NULL THEN interval '0' ELSE a.hold END,
           a.severity,
           coalesce(a.description, format('%s %s %s', coalesce(a.metric_name, a.alert_name), a.operator, a.threshold))
    FROM bizmetrics.scraped_alerts a
    CROSS JOIN LATERAL (SELECT bizmetrics.alerted_samples(a.metric_name, a.labels) AS samples) AS n
    UNION ALL
    VALUES
      ('BizmetricsReportFails', 'bizmetrics_report_consecutive_failures > 0', interval '15 minutes', 'warning', 'The runs of a report fail: see bizmetrics.report_runs.'),
      ('BizmetricsReportBroken', 'bizmetrics_report_broken == 1', interval '5 minutes', 'critical', 'A report cannot run: see broken_reason in bizmetrics.report_status.'),
      ('BizmetricsReportBehind', 'bizmetrics_report_lag_seconds > 3600', interval '5 minutes', 'warning', 'A report is more than an hour behind its schedule.'),
      ('BizmetricsMetricFails', 'bizmetrics_metric_up == 0', interval '15 minutes', 'warning', 'The query of a metric fails, and its figures are old: see bizmetrics.metric_status.'),
      ('BizmetricsAlertFails', 'bizmetrics_alert_up == 0', interval '15 minutes', 'warning', 'An alert cannot be looked at: see bizmetrics.alert_status.'),
      ('BizmetricsScrapeIncomplete', 'bizmetrics_scrape_part_up == 0', interval '5 minutes', 'warning', 'A part of the scrape could not be made.'),
      ('BizmetricsWorkerDown', 'bizmetrics_worker_up == 0 and on () bizmetrics_in_recovery == 0', interval '5 minutes', 'critical', 'Nothing runs the reports: see bizmetrics.doctor().'),
      ('BizmetricsMaintenanceFails', 'bizmetrics_maintenance_failing_tasks > 0', interval '2 hours', 'warning', 'Maintenance fails: see bizmetrics.maintenance.'),
      ('BizmetricsRejects', 'bizmetrics_event_rejects > 1000', interval '5 minutes', 'warning', 'Many messages were rejected: see bizmetrics.event_rejects.'),
      ('BizmetricsBufferStuck', 'bizmetrics_buffer_oldest_wait_seconds > 60', interval '5 minutes', 'critical', 'Events wait in the buffer and are not stored: see the server''s log.')
  )
  SELECT concat(E'groups:\n- name: bizmetrics\n  rules:\n',
    string_agg(concat(
      '  - alert: ', to_json(r.alert), E'\n',
      '    expr: ', to_json(r.expr), E'\n',
      '    for: ', ceil(extract(epoch FROM r.held))::bigint, E's\n',
      '    labels: {severity: ', r.severity, E'}\n',
      -- Braces would be a template of Prometheus.
      '    annotations: {summary: ', to_json(replace(r.summary, '{{', '{ {')), E'}\n'), '' ORDER BY r.alert COLLATE "C"))
  FROM rules r
$$;
COMMENT ON FUNCTION bizmetrics.prometheus_alert_rules() IS
'Alert rules (YAML) for Prometheus: of the registered alerts, without what clears them later, which Prometheus does not know, and of the extension itself. Errors: 42501 no right to scrape.';

-- Defaults ------------------------------------------------------------------------------------

-- Where the figures come from: the first is the alert of the reference dashboards; the others are the
-- bands that most of the literature on subscription businesses agrees on, to be altered at will.
CREATE FUNCTION bizmetrics.default_alerts()
RETURNS TABLE (alert_name text, metric_name text, operator text, threshold double precision, clear_threshold double precision,
               hold interval, every interval, severity text, description text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  VALUES
    ('High churn', 'customer_churn_ratio', '>', 0.07::double precision, 0.06::double precision, interval '10 minutes', interval '5 minutes', 'critical', 'More than 7 % of the customers left within a month.'),
    ('Churn to watch', 'customer_churn_ratio', '>', 0.05, 0.045, '10 minutes', '5 minutes', 'warning', 'More than 5 % of the customers left within a month.'),
    ('Net revenue retention below one', 'revenue_net_retention_ratio', '<', 1, 1.01, '1 hour', '5 minutes', 'warning', 'The customers of before pay less than they did: below 1 a business shrinks without new ones.'),
    ('Gross revenue retention low', 'revenue_gross_retention_ratio', '<', 0.8, 0.82, '1 hour', '5 minutes', 'critical', 'Less than 80 % of recurring revenue is kept.'),
    ('Gross churn high', 'revenue_gross_churn_ratio', '>', 0.05, 0.04, '1 hour', '5 minutes', 'warning', 'More than 5 % of recurring revenue was lost or contracted within a month.'),
    ('Trial conversion low', 'trial_conversion_ratio', '<', 0.15, 0.17, '1 day', '1 hour', 'monitor', 'Fewer than 15 of 100 trials are paid.'),
    ('Activation low', 'activation_ratio', '<', 0.2, 0.22, '1 day', '1 hour', 'warning', 'Fewer than one in five who sign up get to the first value in time.'),
    ('NPS negative', 'nps_score', '<', 0, 5, '1 day', '1 hour', 'critical', 'More customers would warn of the product than recommend it.'),
    ('CSAT low', 'csat_score', '<', 3.5, 3.7, '1 day', '1 hour', 'warning', 'The mean satisfaction is below 3.5 of 5.'),
    ('Customer health poor', 'customer_health_score_average', '<', 40, 45, '1 hour', '5 minutes', 'critical', 'The mean health score is in the lowest band.'),
    ('Customer health to watch', 'customer_health_score_average', '<', 60, 63, '1 hour', '5 minutes', 'warning', 'The mean health score is below 60.'),
    ('Marketing costs more than it brings', 'return_on_investment_ratio', '<', 0, 0.05, '1 day', '1 hour', 'warning', 'A channel brought less revenue than was spent on it.')
$$;
COMMENT ON FUNCTION bizmetrics.default_alerts() IS
'Thresholds to begin with, for the metrics of the packs, as create_default_alerts() registers them; one on a metric by currency holds for each of them.';

CREATE FUNCTION bizmetrics.create_default_alerts(owner name DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  d record;
  created integer := 0;
BEGIN
  FOR d IN
    SELECT a.*
    FROM bizmetrics.default_alerts() a
    JOIN bizmetrics.scraped_metrics m ON m.metric_name = a.metric_name
    WHERE NOT EXISTS (SELECT FROM bizmetrics.scraped_alerts s WHERE s.alert_name = a.alert_name)
    ORDER BY a.alert_name
  LOOP
    PERFORM bizmetrics.create_alert(d.alert_name, d.operator, d.threshold, metric => d.metric_name, hold => d.hold, every => d.every,
                                    clear_threshold => d.clear_threshold, severity => d.severity, description => d.description,
                                    owner => create_default_alerts.owner);
    created := created + 1;
  END LOOP;
  RETURN created;
END
$$;
COMMENT ON FUNCTION bizmetrics.create_default_alerts(name) IS
'Registers those of default_alerts() whose metric is registered and that are not there yet, and returns how many. Errors: as create_alert().';
