-- What a scrape shows: the registered metrics, and how the extension itself does.
--
-- The views show all to whoever was granted them, with the rights of the extension's owner; what they
-- show is names of reports, metrics and alerts, times and counts.

CREATE VIEW bizmetrics.scraped_reports AS
SELECT r.report_name,
       coalesce(p.succeeded, 0) OPERATOR(pg_catalog.+) coalesce(u.succeeded, 0) AS succeeded,
       coalesce(p.failed, 0) OPERATOR(pg_catalog.+) coalesce(u.failed, 0) AS failed,
       coalesce(p.timed_out, 0) OPERATOR(pg_catalog.+) coalesce(u.timed_out, 0) AS timed_out,
       coalesce(p.cancelled, 0) OPERATOR(pg_catalog.+) coalesce(u.cancelled, 0) AS cancelled,
       coalesce(p.crashed, 0) OPERATOR(pg_catalog.+) coalesce(u.crashed, 0) AS crashed,
       coalesce(p.row_count, 0) OPERATOR(pg_catalog.+) coalesce(u.row_count, 0) AS row_count,
       coalesce(p.duration_total, 0) OPERATOR(pg_catalog./) 1e6 OPERATOR(pg_catalog.+) coalesce(u.seconds, 0) AS seconds,
       s.consecutive_failures,
       s.last_success_at,
       s.broken_reason IS NOT NULL AS broken,
       bizmetrics.time_since(bizmetrics.expected_slot(r, s)) AS lag
FROM bizmetrics.reports r
LEFT JOIN bizmetrics.report_state s ON s.report_id OPERATOR(pg_catalog.=) r.report_id
LEFT JOIN bizmetrics.pruned_runs p ON p.report_id OPERATOR(pg_catalog.=) r.report_id
LEFT JOIN LATERAL (
  SELECT pg_catalog.count(*) FILTER (WHERE n.state OPERATOR(pg_catalog.=) 'succeeded') AS succeeded,
         pg_catalog.count(*) FILTER (WHERE n.state OPERATOR(pg_catalog.=) 'failed') AS failed,
         pg_catalog.count(*) FILTER (WHERE n.state OPERATOR(pg_catalog.=) 'timed_out') AS timed_out,
         pg_catalog.count(*) FILTER (WHERE n.state OPERATOR(pg_catalog.=) 'cancelled') AS cancelled,
         pg_catalog.count(*) FILTER (WHERE n.state OPERATOR(pg_catalog.=) 'crashed') AS crashed,
         pg_catalog.sum(n.row_count) AS row_count,
         pg_catalog.sum(EXTRACT(epoch FROM n.finished_at OPERATOR(pg_catalog.-) n.started_at))
           FILTER (WHERE n.state OPERATOR(pg_catalog.=) 'succeeded') AS seconds
  FROM bizmetrics.runs n
  WHERE n.report_id OPERATOR(pg_catalog.=) r.report_id
) u ON true;
COMMENT ON VIEW bizmetrics.scraped_reports IS 'What all attempts of each report add up to, whoever owns it. For those who may scrape.';
COMMENT ON COLUMN bizmetrics.scraped_reports.report_name IS 'The report.';
COMMENT ON COLUMN bizmetrics.scraped_reports.succeeded IS 'Attempts that succeeded.';
COMMENT ON COLUMN bizmetrics.scraped_reports.failed IS 'Attempts that failed.';
COMMENT ON COLUMN bizmetrics.scraped_reports.timed_out IS 'Attempts that ran longer than the report''s timeout.';
COMMENT ON COLUMN bizmetrics.scraped_reports.cancelled IS 'Attempts that somebody cancelled.';
COMMENT ON COLUMN bizmetrics.scraped_reports.crashed IS 'Attempts whose runner ended before they did.';
COMMENT ON COLUMN bizmetrics.scraped_reports.row_count IS 'Rows that its commands wrote.';
COMMENT ON COLUMN bizmetrics.scraped_reports.seconds IS 'How long all attempts that succeeded took.';
COMMENT ON COLUMN bizmetrics.scraped_reports.consecutive_failures IS 'Runs that failed since the last success.';
COMMENT ON COLUMN bizmetrics.scraped_reports.last_success_at IS 'When an attempt last succeeded.';
COMMENT ON COLUMN bizmetrics.scraped_reports.broken IS 'It cannot run.';
COMMENT ON COLUMN bizmetrics.scraped_reports.lag IS 'How long ago the oldest slot was whose result is missing; NULL: none is.';

CREATE VIEW bizmetrics.scraped_metrics AS
SELECT m.metric_name,
       t.failing_since,
       t.sampled_at,
       t.seconds,
       (SELECT pg_catalog.count(*) FROM bizmetrics.metric_series s WHERE s.metric_name OPERATOR(pg_catalog.=) m.metric_name) AS series
FROM bizmetrics.metrics m
LEFT JOIN bizmetrics.metric_state t ON t.metric_name OPERATOR(pg_catalog.=) m.metric_name;
COMMENT ON VIEW bizmetrics.scraped_metrics IS 'Where each metric stands, whoever owns it. For those who may scrape.';
COMMENT ON COLUMN bizmetrics.scraped_metrics.metric_name IS 'The metric.';
COMMENT ON COLUMN bizmetrics.scraped_metrics.failing_since IS 'When it failed first since it last succeeded; NULL: it did not.';
COMMENT ON COLUMN bizmetrics.scraped_metrics.sampled_at IS 'When its query last succeeded.';
COMMENT ON COLUMN bizmetrics.scraped_metrics.seconds IS 'How long that took.';
COMMENT ON COLUMN bizmetrics.scraped_metrics.series IS 'How many sets of labels it has.';

CREATE VIEW bizmetrics.scraped_alerts AS
SELECT a.alert_name,
       a.severity,
       a.metric_name,
       a.labels,
       a.operator,
       a.threshold,
       a.hold,
       a.description,
       c.failing_since,
       (SELECT pg_catalog.count(*) FROM bizmetrics.alert_states s
        WHERE s.alert_name OPERATOR(pg_catalog.=) a.alert_name AND s.state OPERATOR(pg_catalog.=) 'firing') AS firing,
       (SELECT pg_catalog.count(*) FROM bizmetrics.alert_states s
        WHERE s.alert_name OPERATOR(pg_catalog.=) a.alert_name AND s.state OPERATOR(pg_catalog.=) 'pending') AS pending
FROM bizmetrics.alerts a
LEFT JOIN bizmetrics.alert_checks c ON c.alert_name OPERATOR(pg_catalog.=) a.alert_name;
COMMENT ON VIEW bizmetrics.scraped_alerts IS 'Where each alert stands, whoever owns it. For those who may scrape.';
COMMENT ON COLUMN bizmetrics.scraped_alerts.alert_name IS 'The alert.';
COMMENT ON COLUMN bizmetrics.scraped_alerts.severity IS 'critical, warning or monitor.';
COMMENT ON COLUMN bizmetrics.scraped_alerts.metric_name IS 'The sample that it looks at; NULL: it has a query.';
COMMENT ON COLUMN bizmetrics.scraped_alerts.labels IS 'Which series of the metric; NULL: all.';
COMMENT ON COLUMN bizmetrics.scraped_alerts.operator IS 'How the value compares with the threshold where something is wrong.';
COMMENT ON COLUMN bizmetrics.scraped_alerts.threshold IS 'What raises it.';
COMMENT ON COLUMN bizmetrics.scraped_alerts.hold IS 'For how long that has to be so before it fires.';
COMMENT ON COLUMN bizmetrics.scraped_alerts.description IS 'What it means, and what to do.';
COMMENT ON COLUMN bizmetrics.scraped_alerts.failing_since IS 'When its query failed first since it last succeeded; NULL: it did not.';
COMMENT ON COLUMN bizmetrics.scraped_alerts.firing IS 'For how many sets of labels it fires.';
COMMENT ON COLUMN bizmetrics.scraped_alerts.pending IS 'For how many it will, if that lasts.';

-- Of rejects as far as it takes to know that there are too many: ten thousand and one stand for more.
CREATE VIEW bizmetrics.scraped_troubles AS
SELECT 'rejects' AS what, pg_catalog.count(*) AS number
FROM (SELECT FROM bizmetrics.event_rejects r LIMIT 10001) AS first_rejects
UNION ALL
SELECT 'maintenance', pg_catalog.count(*)
FROM bizmetrics.maintenance m
WHERE m.failing_since IS NOT NULL
  AND m.database_oid OPERATOR(pg_catalog.=) (SELECT d.oid::pg_catalog.int8 FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database());
COMMENT ON VIEW bizmetrics.scraped_troubles IS 'How many rejects wait, and how many tasks of maintenance fail. For those who may scrape.';
COMMENT ON COLUMN bizmetrics.scraped_troubles.what IS 'rejects, of which no more than 10001 are counted, or maintenance.';
COMMENT ON COLUMN bizmetrics.scraped_troubles.number IS 'How many.';

-- The parts of a scrape: samples of whole families.

CREATE FUNCTION bizmetrics.scrape_server()
RETURNS TABLE (name text, type text, help text, labels text[], label_values text[], value double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT 'bizmetrics_version_info', 'gauge', 'The installed version of bizmetrics, always 1.', '{version}'::text[], ARRAY[e.extversion], 1
  FROM pg_extension e WHERE e.extname = 'bizmetrics'
  UNION ALL
  SELECT 'bizmetrics_worker_up', 'gauge', 'Whether the worker runs the reports of this database, 1 or 0.', '{}', '{}',
         (bizmetrics.worker_problem() IS NULL)::integer
  UNION ALL
  SELECT 'bizmetrics_in_recovery', 'gauge', 'Whether this server is a standby, 1 or 0.', '{}', '{}', pg_is_in_recovery()::integer
  UNION ALL
  SELECT 'bizmetrics_maintenance_failing_tasks', 'gauge', 'Tasks of maintenance that failed when they last ran.', '{}', '{}', t.number
  FROM bizmetrics.scraped_troubles t WHERE t.what = 'maintenance'
$$;
COMMENT ON FUNCTION bizmetrics.scrape_server() IS 'Samples of metrics_text() about the server.';

CREATE FUNCTION bizmetrics.scrape_events()
RETURNS TABLE (name text, type text, help text, labels text[], label_values text[], value double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH stored AS (
    SELECT count(*) AS partitions, sum(greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)) AS events
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass('public.business_events')
  )
  SELECT 'bizmetrics_events_stored', 'gauge', 'Events in business_events, as the statistics estimate it.', '{}'::text[], '{}'::text[], coalesce(s.events, 0)
  FROM stored s
  UNION ALL
  SELECT 'bizmetrics_event_partitions', 'gauge', 'Partitions of business_events.', '{}', '{}', s.partitions FROM stored s
  UNION ALL
  SELECT 'bizmetrics_dedupe_keys', 'gauge', 'Dedupe keys that are remembered, as the statistics estimate it.', '{}', '{}',
         greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)
  FROM pg_class c WHERE c.oid = to_regclass('bizmetrics.dedupe_keys')
  UNION ALL
  SELECT 'bizmetrics_event_rejects', 'gauge', 'Messages in event_rejects; 10001 stands for more than 10000.', '{}', '{}', t.number
  FROM bizmetrics.scraped_troubles t WHERE t.what = 'rejects'
  UNION ALL
  SELECT v.name, v.type, v.help, '{}', '{}', v.value
  FROM bizmetrics.buffer_state() b
  CROSS JOIN LATERAL (VALUES
    ('bizmetrics_buffer_queued_events_total', 'counter', 'Events that transactions left in the buffer since the server started.', b.queued::double precision),
    ('bizmetrics_buffer_stored_events_total', 'counter', 'Events of the buffer that were stored since the server started.', b.stored),
    ('bizmetrics_buffer_rejected_events_total', 'counter', 'Events of the buffer that were rejected since the server started.', b.rejected),
    ('bizmetrics_buffer_bypassed_events_total', 'counter', 'Events of log_event_async() that were stored at once since the server started.', b.stored_at_once),
    ('bizmetrics_buffer_waiting_events', 'gauge', 'Events in the buffer.', b.waiting),
    ('bizmetrics_buffer_oldest_wait_seconds', 'gauge', 'How long the first event in the buffer has waited.', coalesce(extract(epoch FROM clock_timestamp() - b.oldest_waiting), 0)),
    ('bizmetrics_buffer_used_bytes', 'gauge', 'What is in use of the buffer, by all databases.', b.used_bytes),
    ('bizmetrics_buffer_size_bytes', 'gauge', 'The size of the buffer.', b.size_bytes)
  ) AS v (name, type, help, value)
$$;
COMMENT ON FUNCTION bizmetrics.scrape_events() IS 'Samples of metrics_text() about events.';

CREATE FUNCTION bizmetrics.scrape_reports()
RETURNS TABLE (name text, type text, help text, labels text[], label_values text[], value double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT v.name, v.type, v.help,
         CASE WHEN v.state IS NULL THEN '{report}' ELSE '{report,state}' END::text[],
         CASE WHEN v.state IS NULL THEN ARRAY[r.report_name] ELSE ARRAY[r.report_name, v.state] END,
         v.value
  FROM bizmetrics.scraped_reports r
  CROSS JOIN LATERAL (VALUES
    ('bizmetrics_report_attempts_total', 'counter', 'Attempts to run a report that ended, by how they did.', 'succeeded', r.succeeded::double precision),
    ('bizmetrics_report_attempts_total', 'counter', 'Attempts to run a report that ended, by how they did.', 'failed', r.failed),
    ('bizmetrics_report_attempts_total', 'counter', 'Attempts to run a report that ended, by how they did.', 'timed_out', r.timed_out),
    ('bizmetrics_report_attempts_total', 'counter', 'Attempts to run a report that ended, by how they did.', 'cancelled', r.cancelled),
    ('bizmetrics_report_attempts_total', 'counter', 'Attempts to run a report that ended, by how they did.', 'crashed', r.crashed),
    ('bizmetrics_report_rows_total', 'counter', 'Rows that a report wrote.', NULL, r.row_count),
    ('bizmetrics_report_duration_seconds_total', 'counter', 'How long all attempts of a report took that succeeded.', NULL, r.seconds),
    ('bizmetrics_report_consecutive_failures', 'gauge', 'Runs of a report that failed since its last success.', NULL, r.consecutive_failures),
    ('bizmetrics_report_broken', 'gauge', 'Whether a report cannot run, 1 or 0.', NULL, r.broken::integer),
    ('bizmetrics_report_lag_seconds', 'gauge', 'How long ago the oldest slot of a report was whose result is missing; 0 where none is.', NULL, coalesce(extract(epoch FROM r.lag), 0)),
    ('bizmetrics_report_last_success_timestamp_seconds', 'gauge', 'When a report last succeeded.', NULL, extract(epoch FROM r.last_success_at))
  ) AS v (name, type, help, state, value)
$$;
COMMENT ON FUNCTION bizmetrics.scrape_reports() IS 'Samples of metrics_text() about reports.';

CREATE FUNCTION bizmetrics.scrape_metrics()
RETURNS TABLE (name text, type text, help text, labels text[], label_values text[], value double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT v.name, 'gauge', v.help, '{metric}'::text[], ARRAY[m.metric_name], v.value
  FROM bizmetrics.scraped_metrics m
  CROSS JOIN LATERAL (VALUES
    ('bizmetrics_metric_up', 'Whether the query of a metric succeeded when it was last asked, 1 or 0.', (m.failing_since IS NULL AND m.sampled_at IS NOT NULL)::integer::double precision),
    ('bizmetrics_metric_last_success_timestamp_seconds', 'When the query of a metric last succeeded.', extract(epoch FROM m.sampled_at)),
    ('bizmetrics_metric_query_seconds', 'How long the query of a metric took when it last succeeded.', m.seconds),
    ('bizmetrics_metric_series', 'Sets of labels that a metric has.', m.series)
  ) AS v (name, help, value)
$$;
COMMENT ON FUNCTION bizmetrics.scrape_metrics() IS 'Samples of metrics_text() about metrics.';

CREATE FUNCTION bizmetrics.scrape_alerts()
RETURNS TABLE (name text, type text, help text, labels text[], label_values text[], value double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT v.name, 'gauge', v.help, '{alert,severity}'::text[], ARRAY[a.alert_name, a.severity], v.value
  FROM bizmetrics.scraped_alerts a
  CROSS JOIN LATERAL (VALUES
    ('bizmetrics_alert_firing', 'For how many sets of labels an alert fires.', a.firing::double precision),
    ('bizmetrics_alert_pending', 'For how many sets of labels an alert is pending.', a.pending),
    ('bizmetrics_alert_up', 'Whether an alert could be looked at, 1 or 0.', (a.failing_since IS NULL)::integer)
  ) AS v (name, help, value)
$$;
COMMENT ON FUNCTION bizmetrics.scrape_alerts() IS 'Samples of metrics_text() about alerts.';

-- The registered metrics, in families of one HELP and TYPE each.
CREATE FUNCTION bizmetrics.scrape_registered()
RETURNS TABLE (name text, body text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT l.family_name,
         bizmetrics.metric_header(l.family_name, l.metric_type, l.family_help)
         || string_agg(bizmetrics.metric_line(l.sample_name, l.labels, l.sample_values, l.value), '' ORDER BY l.family_values COLLATE "C", l.place)
  FROM (
    -- Most series are one number.
    SELECT f.family_name, f.metric_type, f.family_help, f.family_name AS sample_name, f.family_labels AS labels, f.family_values, f.family_values AS sample_values, f.numbers[1] AS value, 1 AS place
    FROM bizmetrics.metric_families f
    WHERE f.metric_type IN ('counter', 'gauge')
    UNION ALL
    SELECT f.family_name, f.metric_type, f.family_help, f.family_name || e.suffix, f.family_labels || e.bound_labels, f.family_values, f.family_values || e.bound_values, e.value, e.place
    FROM bizmetrics.metric_families f
    CROSS JOIN LATERAL bizmetrics.samples_of(f.metric_type, f.bounds, f.numbers) AS e
    WHERE f.metric_type IN ('histogram', 'summary')
  ) AS l
  GROUP BY l.family_name, l.metric_type, l.family_help
$$;
COMMENT ON FUNCTION bizmetrics.scrape_registered() IS 'The registered metrics in Prometheus''s text format, a row for each of their names. Behind metrics_text().';

CREATE FUNCTION bizmetrics.metrics_text() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  part text;
  names text[] := '{}';
  bodies text[] := '{}';
  more_names text[];
  more_bodies text[];
  failed text[] := '{}';
  worked text[] := '{}';
BEGIN
  FOREACH part IN ARRAY '{server,events,reports,metrics,alerts,registered}'::text[] LOOP
    BEGIN
      IF part = 'registered' THEN
        SELECT array_agg(r.name), array_agg(r.body) INTO more_names, more_bodies FROM bizmetrics.scrape_registered() r;
      ELSE
        EXECUTE format($query$
          SELECT array_agg(f.name), array_agg(f.body)
          FROM (SELECT s.name,
                       bizmetrics.metric_header(s.name, s.type, s.help)
                       || string_agg(bizmetrics.metric_line(s.name, s.labels, s.label_values, s.value), '' ORDER BY s.label_values COLLATE "C")
                FROM bizmetrics.scrape_%s() s
                WHERE s.value IS NOT NULL
                GROUP BY s.name, s.type, s.help) AS f (name, body)$query$, part) INTO more_names, more_bodies;
      END IF;
      names := names || more_names;
      bodies := bodies || more_bodies;
      worked := worked || part;
    EXCEPTION WHEN OTHERS THEN
      -- The others are shown nevertheless, and that this one is not.
      failed := failed || part;
    END;
  END LOOP;
  names := names || 'bizmetrics_scrape_part_up'::text;
  bodies := bodies || (
    SELECT bizmetrics.metric_header('bizmetrics_scrape_part_up', 'gauge', 'Whether this part of the scrape could be made, 1 or 0.')
           || string_agg(bizmetrics.metric_line('bizmetrics_scrape_part_up', '{part}', ARRAY[p.part], p.value), '' ORDER BY p.part COLLATE "C")
    FROM (SELECT w, 1 FROM unnest(worked) w UNION ALL SELECT f, 0 FROM unnest(failed) f) AS p (part, value));
  RETURN (SELECT string_agg(t.body, '' ORDER BY t.name COLLATE "C") FROM unnest(names, bodies) AS t (name, body));
END
$$;
COMMENT ON FUNCTION bizmetrics.metrics_text() IS
'All metrics in Prometheus''s text format (text/plain; version=0.0.4; charset=utf-8): the registered ones, as the worker asked them last, and bizmetrics_ ones that say how the extension does. Runs nobody''s query, writes nothing, and works on a standby. What cannot be shown is left out and is seen in bizmetrics_scrape_part_up, bizmetrics_metric_up and bizmetrics_metric_last_success_timestamp_seconds. Errors: 42501 no right to scrape (see grant_scraper).';
