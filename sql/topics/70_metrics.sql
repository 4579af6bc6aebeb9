-- Metrics for Prometheus, alerts, and export.
--
-- The worker asks the queries, in a report of each owner of metrics and alerts, and stores what they
-- say; a scrape formats what stands there. So a scrape is cheap, runs nobody's SQL, and needs no right
-- but to read the samples.

-- Metrics -------------------------------------------------------------------------------------

CREATE TABLE bizmetrics.metrics (
  metric_name text COLLATE "C" PRIMARY KEY,
  metric_type text NOT NULL CHECK (metric_type IN ('counter', 'gauge', 'histogram', 'summary')),
  help text NOT NULL,
  labels text[] NOT NULL,
  query text NOT NULL,
  owner_name text NOT NULL,
  ttl interval NOT NULL,
  timeout interval NOT NULL,
  max_series integer NOT NULL,
  bounds double precision[],
  search_path text NOT NULL,
  incremental boolean NOT NULL,
  created_at timestamptz NOT NULL
);
COMMENT ON TABLE bizmetrics.metrics IS
'The registered metrics, written by create_metric(), alter_metric() and drop_metric(), and dumped by pg_dump.';
COMMENT ON COLUMN bizmetrics.metrics.metric_name IS 'Its name as Prometheus sees it.';
COMMENT ON COLUMN bizmetrics.metrics.metric_type IS 'counter, gauge, histogram or summary.';
COMMENT ON COLUMN bizmetrics.metrics.help IS 'What it means, and its unit.';
COMMENT ON COLUMN bizmetrics.metrics.labels IS 'The query''s columns that are labels.';
COMMENT ON COLUMN bizmetrics.metrics.query IS 'What returns its figures: one SELECT.';
COMMENT ON COLUMN bizmetrics.metrics.owner_name IS 'The role that the query runs as.';
COMMENT ON COLUMN bizmetrics.metrics.ttl IS 'How long its figures are good: it is asked again when they are older.';
COMMENT ON COLUMN bizmetrics.metrics.timeout IS 'How long its query may take.';
COMMENT ON COLUMN bizmetrics.metrics.max_series IS 'How many sets of labels have a series of their own; the others add up to one that is called other.';
COMMENT ON COLUMN bizmetrics.metrics.bounds IS 'Upper bounds of a histogram''s buckets, or a summary''s quantiles.';
COMMENT ON COLUMN bizmetrics.metrics.search_path IS 'search_path at creation, in force when it is asked.';
COMMENT ON COLUMN bizmetrics.metrics.incremental IS 'The query has $1 and $2, and returns what came since it was asked last.';
COMMENT ON COLUMN bizmetrics.metrics.created_at IS 'When it was registered.';

-- Not dumped: a metric without a row here, or with one of another database, was restored.
CREATE TABLE bizmetrics.metric_state (
  metric_name text COLLATE "C" PRIMARY KEY,
  system_identifier bigint NOT NULL,
  database_oid bigint NOT NULL,
  seen text,
  counted_from timestamptz NOT NULL,
  sampled_at timestamptz,
  seconds double precision,
  failing_since timestamptz,
  sqlstate text,
  message text
) WITH (fillfactor = 50);
COMMENT ON TABLE bizmetrics.metric_state IS 'Where each metric stands. Read through metric_status.';
COMMENT ON COLUMN bizmetrics.metric_state.metric_name IS 'The metric.';
COMMENT ON COLUMN bizmetrics.metric_state.system_identifier IS 'The cluster that the row is about.';
COMMENT ON COLUMN bizmetrics.metric_state.database_oid IS 'The database that the row is about.';
COMMENT ON COLUMN bizmetrics.metric_state.seen IS 'A pg_snapshot: events that it sees are counted already; NULL: none is.';
COMMENT ON COLUMN bizmetrics.metric_state.counted_from IS 'Events recorded before are history from a dump, which is not counted again.';
COMMENT ON COLUMN bizmetrics.metric_state.sampled_at IS 'When its query last succeeded; NULL: never.';
COMMENT ON COLUMN bizmetrics.metric_state.seconds IS 'How long that took.';
COMMENT ON COLUMN bizmetrics.metric_state.failing_since IS 'When it failed first since it last succeeded; NULL: it did not.';
COMMENT ON COLUMN bizmetrics.metric_state.sqlstate IS 'The error that it met when it was last asked.';
COMMENT ON COLUMN bizmetrics.metric_state.message IS 'What that error says.';

-- Dumped: a counter goes on where it was.
CREATE TABLE bizmetrics.metric_series (
  metric_name text COLLATE "C" NOT NULL,
  label_values text[] COLLATE "C" NOT NULL,
  numbers double precision[] NOT NULL,
  last_numbers double precision[] NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX metric_series_metric_name_idx ON bizmetrics.metric_series (metric_name);
COMMENT ON TABLE bizmetrics.metric_series IS
'The figures of each metric, a row for each set of labels. Written by refresh_metrics(), dumped by pg_dump, read through metric_values.';
COMMENT ON COLUMN bizmetrics.metric_series.metric_name IS 'The metric.';
COMMENT ON COLUMN bizmetrics.metric_series.label_values IS 'The values of its labels, in their order.';
COMMENT ON COLUMN bizmetrics.metric_series.numbers IS
'What is shown: of a counter or gauge its value; of a histogram how many are in each bucket alone, those beyond the last bound, and the sum; of a summary the quantiles, the count and the sum.';
COMMENT ON COLUMN bizmetrics.metric_series.last_numbers IS 'What the query of a counter or histogram said last: what is shown goes up by the difference, and never down.';

CREATE FUNCTION bizmetrics.guard_metric() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_guard_metric';
COMMENT ON FUNCTION bizmetrics.guard_metric() IS
'Trigger on bizmetrics.metrics and bizmetrics.alerts: nobody stores a query that runs as a role he could not become. Raises 42501.';

CREATE TRIGGER metrics_guard BEFORE INSERT OR UPDATE ON bizmetrics.metrics
  FOR EACH ROW EXECUTE FUNCTION bizmetrics.guard_metric();
ALTER TABLE bizmetrics.metrics ENABLE ALWAYS TRIGGER metrics_guard;

-- No SET, no STRICT: the planner sees through it, and the lower bound finds the new events by BRIN.
CREATE FUNCTION bizmetrics.events_since(seen pg_snapshot, recorded_from timestamptz) RETURNS SETOF public.business_events
LANGUAGE sql STABLE AS $$
  SELECT e.*
  FROM public.business_events e
  WHERE e.xact_id OPERATOR(pg_catalog.>=) pg_catalog.pg_snapshot_xmin(seen)::pg_catalog.text::pg_catalog.int8
    AND NOT pg_catalog.pg_visible_in_snapshot(e.xact_id::pg_catalog.text::pg_catalog.xid8, seen)
    AND e.xact_id OPERATOR(pg_catalog.<) pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text::pg_catalog.int8
    AND e.xact_id OPERATOR(pg_catalog.<>) coalesce(pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text::pg_catalog.int8, 0)
    AND e.recorded_at OPERATOR(pg_catalog.>=) recorded_from
$$;
COMMENT ON FUNCTION bizmetrics.events_since(pg_snapshot, timestamptz) IS
'The events that a counter or histogram has not counted yet, each once: write it as bizmetrics.events_since($1, $2) in its query. Those of transactions that seen does not see, recorded at recorded_from or later; what the current transaction logs comes next time.';

CREATE FUNCTION bizmetrics.create_metric(
  name text,
  type text,
  help text,
  labels text[],
  query text,
  ttl interval DEFAULT '1 minute',
  max_series integer DEFAULT 100,
  buckets double precision[] DEFAULT NULL,
  quantiles double precision[] DEFAULT NULL,
  timeout interval DEFAULT '30 seconds',
  owner name DEFAULT NULL
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_create_metric';
COMMENT ON FUNCTION bizmetrics.create_metric(text, text, text, text[], text, interval, integer, double precision[], double precision[], interval, name) IS
'Registers a metric: the worker asks query, one SELECT, as the owner whenever the figures are older than ttl, and metrics_text() shows them to whoever may scrape. The query returns a column for each of labels, of its name, and value. A counter never goes down: it rises by what value rose by, or, where the query reads bizmetrics.events_since($1, $2), by value itself. A gauge is what value says. Of a histogram and a summary each row is an observation: they are counted by buckets (upper bounds; + Inf is always there), of which none ever goes down, or described by quantiles. Rows whose value is NULL are left out. Sets of labels beyond max_series add up to one that is called other. type is counter, gauge, histogram or summary; help says what it means, and its unit. Errors: 22004 NULL; 22023 a bad argument, or a name or label that Prometheus''s conventions refuse; 42710 the name is taken; 42501 a superuser''s metric (say owner) or a role one may not act for; 42601 not one SELECT; and what the query raises.';

CREATE FUNCTION bizmetrics.alter_metric(
  name text,
  help text DEFAULT NULL,
  query text DEFAULT NULL,
  ttl interval DEFAULT NULL,
  max_series integer DEFAULT NULL,
  timeout interval DEFAULT NULL
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_alter_metric';
COMMENT ON FUNCTION bizmetrics.alter_metric(text, text, text, interval, integer, interval) IS
'Changes what create_metric() was told; NULL leaves it as it is. A counter goes on where it was. Errors: as create_metric(); 42704 no such metric; 42501 not its owner.';

CREATE FUNCTION bizmetrics.drop_metric(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_drop_metric';
COMMENT ON FUNCTION bizmetrics.drop_metric(text) IS
'Forgets a metric and its figures. Errors: 22004 NULL; 42704 no such metric; 42501 not its owner; 25006 read-only transaction.';

CREATE FUNCTION bizmetrics.refresh_metrics("all" boolean DEFAULT false) RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_refresh_metrics';
COMMENT ON FUNCTION bizmetrics.refresh_metrics(boolean) IS
'Asks the queries of the current role''s metrics whose figures are older than their ttl, or of all of them, and returns how many succeeded; one that fails keeps its figures and is seen in metric_status. The worker does so. Errors: 25006 read-only transaction.';

-- Samples -------------------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.metric_header(name text, type text, help text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_metric_header';
COMMENT ON FUNCTION bizmetrics.metric_header(text, text, text) IS 'The lines before the samples of a metric in Prometheus''s text format.';

CREATE FUNCTION bizmetrics.metric_line(name text, labels text[], label_values text[], value double precision) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_metric_line';
COMMENT ON FUNCTION bizmetrics.metric_line(text, text[], text[], double precision) IS 'A sample in Prometheus''s text format. Errors: 2202E not as many values as labels.';

CREATE FUNCTION bizmetrics.metric_number(value double precision) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_metric_number';
COMMENT ON FUNCTION bizmetrics.metric_number(double precision) IS 'A number as Prometheus''s text format has it.';

CREATE FUNCTION bizmetrics.samples_of(
  metric_type text,
  bounds double precision[],
  numbers double precision[],
  OUT place bigint,
  OUT suffix text,
  OUT bound_labels text[],
  OUT bound_values text[],
  OUT value double precision
) RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
  SELECT 1, '', '{}'::text[], '{}'::text[], numbers[1]
  WHERE metric_type IN ('counter', 'gauge')
  UNION ALL
  SELECT b.i, '_bucket', '{le}', ARRAY[bizmetrics.metric_number(coalesce(bounds[b.i], 'Infinity'))],
         (SELECT sum(c) FROM unnest(numbers[1:b.i]) AS c)
  FROM generate_series(1, cardinality(bounds) + 1) AS b (i)
  WHERE metric_type = 'histogram'
  UNION ALL
  SELECT b.i, '', '{quantile}', ARRAY[bizmetrics.metric_number(bounds[b.i])], numbers[b.i]
  FROM generate_series(1, cardinality(bounds)) AS b (i)
  WHERE metric_type = 'summary'
  UNION ALL
  SELECT cardinality(numbers) + 1, '_sum', '{}', '{}', numbers[cardinality(numbers)]
  WHERE metric_type IN ('histogram', 'summary')
  UNION ALL
  SELECT cardinality(numbers) + 2, '_count', '{}', '{}',
         CASE metric_type WHEN 'summary' THEN numbers[cardinality(numbers) - 1]
                          ELSE (SELECT sum(c) FROM unnest(numbers[1:cardinality(numbers) - 1]) AS c) END
  WHERE metric_type IN ('histogram', 'summary')
$$;
COMMENT ON FUNCTION bizmetrics.samples_of(text, double precision[], double precision[]) IS
'The samples of a series: of a histogram its buckets, each with all below it, sum and count. Behind metric_values and metrics_text().';

CREATE FUNCTION bizmetrics.name_in_currency(name text, currency text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_name_in_currency';
COMMENT ON FUNCTION bizmetrics.name_in_currency(text, text) IS
'The name of a metric''s figures in a currency: shop_sales_eur, of a counter shop_sales_eur_total; where that is empty its own name.';

CREATE VIEW bizmetrics.metric_families AS
SELECT m.metric_name,
       m.metric_type,
       m.help,
       m.owner_name,
       m.labels,
       m.bounds,
       s.label_values,
       s.numbers,
       t.sampled_at,
       CASE WHEN c.place IS NULL THEN m.metric_name ELSE bizmetrics.name_in_currency(m.metric_name, s.label_values[c.place]) END AS family_name,
       CASE WHEN coalesce(s.label_values[c.place], '') OPERATOR(pg_catalog.=) '' THEN m.help
            ELSE pg_catalog.concat(m.help, ' In ', s.label_values[c.place], '.') END AS family_help,
       CASE WHEN c.place IS NULL THEN m.labels
            ELSE m.labels[:c.place OPERATOR(pg_catalog.-) 1] OPERATOR(pg_catalog.||) m.labels[c.place OPERATOR(pg_catalog.+) 1:] END AS family_labels,
       CASE WHEN c.place IS NULL THEN s.label_values
            ELSE s.label_values[:c.place OPERATOR(pg_catalog.-) 1] OPERATOR(pg_catalog.||) s.label_values[c.place OPERATOR(pg_catalog.+) 1:] END AS family_values
FROM bizmetrics.metrics m
CROSS JOIN LATERAL (SELECT pg_catalog.array_position(m.labels, 'currency') AS place) c
JOIN bizmetrics.metric_series s ON s.metric_name OPERATOR(pg_catalog.=) m.metric_name
LEFT JOIN bizmetrics.metric_state t ON t.metric_name OPERATOR(pg_catalog.=) m.metric_name;
COMMENT ON VIEW bizmetrics.metric_families IS 'The series of all metrics, as they are stored and as Prometheus is told of them: a currency is a part of the name there. For those who may scrape.';
COMMENT ON COLUMN bizmetrics.metric_families.metric_name IS 'The metric.';
COMMENT ON COLUMN bizmetrics.metric_families.metric_type IS 'counter, gauge, histogram or summary.';
COMMENT ON COLUMN bizmetrics.metric_families.help IS 'What it means, and its unit.';
COMMENT ON COLUMN bizmetrics.metric_families.owner_name IS 'The role that its query runs as.';
COMMENT ON COLUMN bizmetrics.metric_families.labels IS 'The names of its labels.';
COMMENT ON COLUMN bizmetrics.metric_families.bounds IS 'Upper bounds of a histogram''s buckets, or a summary''s quantiles.';
COMMENT ON COLUMN bizmetrics.metric_families.label_values IS 'The values of its labels, in their order.';
COMMENT ON COLUMN bizmetrics.metric_families.numbers IS 'The series'' numbers: see metric_series.';
COMMENT ON COLUMN bizmetrics.metric_families.sampled_at IS 'When its query last succeeded.';
COMMENT ON COLUMN bizmetrics.metric_families.family_name IS 'Its name to Prometheus, with the currency.';
COMMENT ON COLUMN bizmetrics.metric_families.family_help IS 'What it means, with the currency.';
COMMENT ON COLUMN bizmetrics.metric_families.family_labels IS 'The names of its labels but for the currency.';
COMMENT ON COLUMN bizmetrics.metric_families.family_values IS 'Their values.';

CREATE VIEW bizmetrics.metric_values AS
SELECT f.metric_name,
       f.family_name OPERATOR(pg_catalog.||) e.suffix AS sample_name,
       pg_catalog.jsonb_object(f.labels OPERATOR(pg_catalog.||) e.bound_labels, f.label_values OPERATOR(pg_catalog.||) e.bound_values) AS labels,
       e.value,
       f.sampled_at,
       f.owner_name,
       f.metric_name OPERATOR(pg_catalog.||) e.suffix AS base_name
FROM bizmetrics.metric_families f
CROSS JOIN LATERAL bizmetrics.samples_of(f.metric_type, f.bounds, f.numbers) AS e;
COMMENT ON VIEW bizmetrics.metric_values IS
'The figures of all metrics, one row a sample, whoever owns them. For those who may scrape, for authors, and for monitoring.';
COMMENT ON COLUMN bizmetrics.metric_values.metric_name IS 'The metric.';
COMMENT ON COLUMN bizmetrics.metric_values.sample_name IS 'The sample: the metric''s name with the currency and, of histograms and summaries, _bucket, _sum or _count.';
COMMENT ON COLUMN bizmetrics.metric_values.labels IS 'Its labels, an object of strings; of a metric by currency that too, which Prometheus sees in the name alone.';
COMMENT ON COLUMN bizmetrics.metric_values.value IS 'Its value.';
COMMENT ON COLUMN bizmetrics.metric_values.sampled_at IS 'When the metric''s query last succeeded.';
COMMENT ON COLUMN bizmetrics.metric_values.owner_name IS 'The role that the query runs as.';
COMMENT ON COLUMN bizmetrics.metric_values.base_name IS 'The sample''s name without the currency: the same for all of them.';

CREATE VIEW bizmetrics.metric_status WITH (security_barrier) AS
SELECT m.metric_name,
       m.metric_type,
       m.help,
       m.labels,
       m.owner_name,
       m.ttl,
       (SELECT pg_catalog.count(*) FROM bizmetrics.metric_series s WHERE s.metric_name OPERATOR(pg_catalog.=) m.metric_name) AS series,
       t.sampled_at,
       t.seconds,
       t.failing_since,
       t.sqlstate,
       t.message
FROM bizmetrics.metrics m
LEFT JOIN bizmetrics.metric_state t ON t.metric_name OPERATOR(pg_catalog.=) m.metric_name
WHERE bizmetrics.may_see_report(m.owner_name);
COMMENT ON VIEW bizmetrics.metric_status IS 'Where each metric stands that the current role may see.';
COMMENT ON COLUMN bizmetrics.metric_status.metric_name IS 'The metric.';
COMMENT ON COLUMN bizmetrics.metric_status.metric_type IS 'counter, gauge, histogram or summary.';
COMMENT ON COLUMN bizmetrics.metric_status.help IS 'What it means, and its unit.';
COMMENT ON COLUMN bizmetrics.metric_status.labels IS 'The names of its labels.';
COMMENT ON COLUMN bizmetrics.metric_status.owner_name IS 'The role that its query runs as.';
COMMENT ON COLUMN bizmetrics.metric_status.ttl IS 'How long its figures are good.';
COMMENT ON COLUMN bizmetrics.metric_status.series IS 'How many sets of labels it has.';
COMMENT ON COLUMN bizmetrics.metric_status.sampled_at IS 'When its query last succeeded; NULL: never.';
COMMENT ON COLUMN bizmetrics.metric_status.seconds IS 'How long that took.';
COMMENT ON COLUMN bizmetrics.metric_status.failing_since IS 'When it failed first since it last succeeded; NULL: it did not.';
COMMENT ON COLUMN bizmetrics.metric_status.sqlstate IS 'The error that it met when it was last asked.';
COMMENT ON COLUMN bizmetrics.metric_status.message IS 'What that error says.';

-- Alerts --------------------------------------------------------------------------------------

CREATE TABLE bizmetrics.alerts (
  alert_name text COLLATE "C" PRIMARY KEY,
  owner_name text NOT NULL,
  metric_name text,
  labels jsonb,
  query text,
  operator text NOT NULL CHECK (operator IN ('>', '>=', '<', '<=', '=', '<>')),
  threshold double precision NOT NULL,
  clear_threshold double precision NOT NULL,
  hold interval NOT NULL,
  every interval NOT NULL,
  severity text NOT NULL,
  description text,
  timeout interval NOT NULL,
  search_path text NOT NULL,
  created_at timestamptz NOT NULL
);
COMMENT ON TABLE bizmetrics.alerts IS 'The registered alerts, written by create_alert() and drop_alert(), and dumped by pg_dump.';
COMMENT ON COLUMN bizmetrics.alerts.alert_name IS 'Its name.';
COMMENT ON COLUMN bizmetrics.alerts.owner_name IS 'The role that looks.';
COMMENT ON COLUMN bizmetrics.alerts.metric_name IS 'The sample that it looks at; NULL: query says.';
COMMENT ON COLUMN bizmetrics.alerts.labels IS 'Which series of the metric; NULL: all.';
COMMENT ON COLUMN bizmetrics.alerts.query IS 'What returns the value, and labels; NULL: metric_name says.';
COMMENT ON COLUMN bizmetrics.alerts.operator IS 'How the value compares with the threshold where something is wrong.';
COMMENT ON COLUMN bizmetrics.alerts.threshold IS 'What raises it.';
COMMENT ON COLUMN bizmetrics.alerts.clear_threshold IS 'It goes on firing while the value compares so with this one.';
COMMENT ON COLUMN bizmetrics.alerts.hold IS 'For how long that has to be so before it fires.';
COMMENT ON COLUMN bizmetrics.alerts.every IS 'How often it is looked at.';
COMMENT ON COLUMN bizmetrics.alerts.severity IS 'critical, warning or monitor.';
COMMENT ON COLUMN bizmetrics.alerts.description IS 'What it means, and what to do.';
COMMENT ON COLUMN bizmetrics.alerts.timeout IS 'How long its query may take.';
COMMENT ON COLUMN bizmetrics.alerts.search_path IS 'search_path at creation, in force when it is looked at.';
COMMENT ON COLUMN bizmetrics.alerts.created_at IS 'When it was registered.';

CREATE TRIGGER alerts_guard BEFORE INSERT OR UPDATE ON bizmetrics.alerts
  FOR EACH ROW EXECUTE FUNCTION bizmetrics.guard_metric();
ALTER TABLE bizmetrics.alerts ENABLE ALWAYS TRIGGER alerts_guard;

-- Not dumped, these three: after a restore every alert is inactive until it is looked at.
CREATE TABLE bizmetrics.alert_checks (
  alert_name text COLLATE "C" PRIMARY KEY,
  checked_at timestamptz,
  failing_since timestamptz,
  sqlstate text,
  message text
) WITH (fillfactor = 50);
COMMENT ON TABLE bizmetrics.alert_checks IS 'When each alert was looked at. Read through alert_status.';
COMMENT ON COLUMN bizmetrics.alert_checks.alert_name IS 'The alert.';
COMMENT ON COLUMN bizmetrics.alert_checks.checked_at IS 'When it was last looked at.';
COMMENT ON COLUMN bizmetrics.alert_checks.failing_since IS 'When its query failed first since it last succeeded; NULL: it did not.';
COMMENT ON COLUMN bizmetrics.alert_checks.sqlstate IS 'The error that it met.';
COMMENT ON COLUMN bizmetrics.alert_checks.message IS 'What that error says.';

CREATE TABLE bizmetrics.alert_states (
  alert_name text COLLATE "C" NOT NULL,
  labels jsonb NOT NULL,
  state text NOT NULL,
  value double precision,
  since timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX alert_states_alert_name_idx ON bizmetrics.alert_states (alert_name);
COMMENT ON TABLE bizmetrics.alert_states IS 'What is not inactive, a row for each alert and set of labels. Read through alert_status.';
COMMENT ON COLUMN bizmetrics.alert_states.alert_name IS 'The alert.';
COMMENT ON COLUMN bizmetrics.alert_states.labels IS 'Its labels.';
COMMENT ON COLUMN bizmetrics.alert_states.state IS 'pending, firing or resolved.';
COMMENT ON COLUMN bizmetrics.alert_states.value IS 'The value when it was last looked at; NULL: there was none.';
COMMENT ON COLUMN bizmetrics.alert_states.since IS 'When it came into this state.';

CREATE TABLE bizmetrics.alert_changes (
  alert_name text COLLATE "C" NOT NULL,
  changed_at timestamptz NOT NULL,
  labels jsonb NOT NULL,
  from_state text NOT NULL,
  to_state text NOT NULL,
  value double precision
);
CREATE INDEX alert_changes_alert_name_changed_at_idx ON bizmetrics.alert_changes (alert_name, changed_at);
COMMENT ON TABLE bizmetrics.alert_changes IS
'From which state to which alerts went: the newest 1000 changes of each, no older than bizmetrics.history_retention. Read through alert_history.';
COMMENT ON COLUMN bizmetrics.alert_changes.alert_name IS 'The alert.';
COMMENT ON COLUMN bizmetrics.alert_changes.changed_at IS 'When it was seen.';
COMMENT ON COLUMN bizmetrics.alert_changes.labels IS 'Its labels.';
COMMENT ON COLUMN bizmetrics.alert_changes.from_state IS 'What it was before.';
COMMENT ON COLUMN bizmetrics.alert_changes.to_state IS 'What it was from then on.';
COMMENT ON COLUMN bizmetrics.alert_changes.value IS 'The value that it was seen by; NULL: there was none.';

CREATE FUNCTION bizmetrics.create_alert(
  name text,
  operator text,
  threshold double precision,
  metric text DEFAULT NULL,
  query text DEFAULT NULL,
  labels jsonb DEFAULT NULL,
  hold interval DEFAULT '0',
  every interval DEFAULT '1 minute',
  clear_threshold double precision DEFAULT NULL,
  severity text DEFAULT 'warning',
  description text DEFAULT NULL,
  timeout interval DEFAULT '30 seconds',
  owner name DEFAULT NULL
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_create_alert';
COMMENT ON FUNCTION bizmetrics.create_alert(text, text, double precision, text, text, jsonb, interval, interval, double precision, text, text, interval, name) IS
'Registers an alert: the worker looks every so often, as the owner, at the samples of metric that have labels, or at the rows of query, one SELECT with a column value whose other columns are labels. Where a value compares with threshold as operator (>, >=, <, <=, =, <>) says, and did so for hold, the alert fires for its labels; it is resolved once the value does not compare so with clear_threshold (threshold by default) or is gone. Who listens to bizmetrics_alerts is told, as JSON. See alert_status and alert_history. severity is critical, warning or monitor. Errors: 22004 NULL; 22023 a bad argument; 42710 the name is taken; 42501 a superuser''s alert (say owner) or a role one may not act for; 42601 not one SELECT; and what the query raises.';

CREATE FUNCTION bizmetrics.drop_alert(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_drop_alert';
COMMENT ON FUNCTION bizmetrics.drop_alert(text) IS
'Forgets an alert and its history. Errors: 22004 NULL; 42704 no such alert; 42501 not its owner; 25006 read-only transaction.';

CREATE FUNCTION bizmetrics.check_alerts("all" boolean DEFAULT false) RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_check_alerts';
COMMENT ON FUNCTION bizmetrics.check_alerts(boolean) IS
'Looks at the current role''s alerts that are due, or at all of them, and returns how many; one whose query fails stays as it is, and is seen in alert_status. The worker does so. Errors: 25006 read-only transaction.';

CREATE VIEW bizmetrics.alert_status WITH (security_barrier) AS
SELECT a.alert_name,
       a.severity,
       coalesce(s.state, 'inactive') AS state,
       s.labels,
       s.value,
       s.since,
       a.metric_name,
       a.operator,
       a.threshold,
       a.clear_threshold,
       a.hold,
       a.description,
       a.owner_name,
       c.checked_at,
       c.failing_since,
       c.sqlstate,
       c.message
FROM bizmetrics.alerts a
LEFT JOIN bizmetrics.alert_states s ON s.alert_name OPERATOR(pg_catalog.=) a.alert_name
LEFT JOIN bizmetrics.alert_checks c ON c.alert_name OPERATOR(pg_catalog.=) a.alert_name
WHERE bizmetrics.may_see_report(a.owner_name);
COMMENT ON VIEW bizmetrics.alert_status IS
'Where each alert stands that the current role may see: a row for each set of labels that is pending, firing or resolved within a day, or one row that says inactive.';
COMMENT ON COLUMN bizmetrics.alert_status.alert_name IS 'The alert.';
COMMENT ON COLUMN bizmetrics.alert_status.severity IS 'critical, warning or monitor.';
COMMENT ON COLUMN bizmetrics.alert_status.state IS 'inactive; pending: its condition holds, but not for long enough; firing; resolved.';
COMMENT ON COLUMN bizmetrics.alert_status.labels IS 'What it is about; NULL where it is inactive.';
COMMENT ON COLUMN bizmetrics.alert_status.value IS 'The value when it was last looked at.';
COMMENT ON COLUMN bizmetrics.alert_status.since IS 'When it came into this state.';
COMMENT ON COLUMN bizmetrics.alert_status.metric_name IS 'The sample that it looks at; NULL: it has a query.';
COMMENT ON COLUMN bizmetrics.alert_status.operator IS 'How the value compares with the threshold where something is wrong.';
COMMENT ON COLUMN bizmetrics.alert_status.threshold IS 'What raises it.';
COMMENT ON COLUMN bizmetrics.alert_status.clear_threshold IS 'It goes on firing while the value compares so with this one.';
COMMENT ON COLUMN bizmetrics.alert_status.hold IS 'For how long that has to be so before it fires.';
COMMENT ON COLUMN bizmetrics.alert_status.description IS 'What it means, and what to do.';
COMMENT ON COLUMN bizmetrics.alert_status.owner_name IS 'The role that looks.';
COMMENT ON COLUMN bizmetrics.alert_status.checked_at IS 'When it was last looked at.';
COMMENT ON COLUMN bizmetrics.alert_status.failing_since IS 'When its query failed first since it last succeeded; NULL: it did not.';
COMMENT ON COLUMN bizmetrics.alert_status.sqlstate IS 'The error that it met.';
COMMENT ON COLUMN bizmetrics.alert_status.message IS 'What that error says.';

CREATE VIEW bizmetrics.alert_history WITH (security_barrier) AS
SELECT h.alert_name, h.changed_at, h.labels, h.from_state, h.to_state, h.value
FROM bizmetrics.alert_changes h
JOIN bizmetrics.alerts a ON a.alert_name OPERATOR(pg_catalog.=) h.alert_name
WHERE bizmetrics.may_see_report(a.owner_name);
COMMENT ON VIEW bizmetrics.alert_history IS 'From which state to which the alerts went that the current role may see.';
COMMENT ON COLUMN bizmetrics.alert_history.alert_name IS 'The alert.';
COMMENT ON COLUMN bizmetrics.alert_history.changed_at IS 'When it was seen.';
COMMENT ON COLUMN bizmetrics.alert_history.labels IS 'Its labels.';
COMMENT ON COLUMN bizmetrics.alert_history.from_state IS 'What it was before.';
COMMENT ON COLUMN bizmetrics.alert_history.to_state IS 'What it was from then on.';
COMMENT ON COLUMN bizmetrics.alert_history.value IS 'The value that it was seen by; NULL: there was none.';

-- The report that asks ------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.schedule_metrics(owner text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
  report CONSTANT text := 'metrics of ' || owner;
  -- As a table's name; a long one is cut where it stays a different one.
  tab CONSTANT text := 'analytics.' || quote_ident(CASE WHEN octet_length(owner) <= 50 THEN 'metrics_of_' || owner
                                                        ELSE 'metrics_of_' || left(encode(sha256(convert_to(owner, 'UTF8')), 'hex'), 32) END);
  shortest interval;
  minutes integer;
  wanted text;
  stands text;
BEGIN
  SELECT min(w.often) INTO shortest FROM bizmetrics.watched w WHERE w.owner_name = owner;
  SELECT s.schedule INTO stands FROM bizmetrics.report_status s WHERE s.report_name = report;
  IF shortest IS NULL THEN
    IF stands IS NOT NULL THEN
      BEGIN
        PERFORM bizmetrics.drop_report(report);
      EXCEPTION WHEN object_in_use THEN
        -- It may be waiting for this very transaction: it will find nothing, and runs no more.
        PERFORM bizmetrics.pause_report(report);
      END;
    END IF;
    RETURN;
  END IF;
  -- The longest step of minutes that divides an hour and is no longer than what is wanted most often.
  SELECT max(m) INTO minutes FROM unnest('{1,2,3,4,5,6,10,12,15,20,30,60}'::integer[]) m WHERE make_interval(mins => m) <= shortest;
  wanted := CASE minutes WHEN 1 THEN '* * * * *' WHEN 60 THEN '0 * * * *' ELSE format('*/%s * * * *', minutes) END;
  IF stands IS NULL THEN
    PERFORM bizmetrics.create_report(
      name => report,
      target => tab,
      ddl => format($ddl$
        CREATE TABLE IF NOT EXISTS %1$s (
          sample_name text NOT NULL,
          labels jsonb NOT NULL,
          value double precision NOT NULL,
          sampled_at timestamptz NOT NULL,
          PRIMARY KEY (sample_name, labels)
        );
        COMMENT ON TABLE %1$s IS 'The present figures of the metrics of a role: what metrics_text() shows of them.';
        COMMENT ON COLUMN %1$s.sample_name IS 'The metric, or _bucket, _sum and _count of it.';
        COMMENT ON COLUMN %1$s.labels IS 'Its labels, an object of strings.';
        COMMENT ON COLUMN %1$s.value IS 'Its value.';
        COMMENT ON COLUMN %1$s.sampled_at IS 'When it came to this value.';
      $ddl$, tab),
      query => format($query$
        SELECT bizmetrics.refresh_metrics();
        SELECT bizmetrics.check_alerts();
        DELETE FROM %1$s t
        WHERE NOT EXISTS (SELECT FROM bizmetrics.metric_values v
                          WHERE v.owner_name = current_user AND v.sample_name = t.sample_name AND v.labels = t.labels);
        INSERT INTO %1$s AS t (sample_name, labels, value, sampled_at)
        SELECT v.sample_name, v.labels, v.value, v.sampled_at
        FROM bizmetrics.metric_values v
        WHERE v.owner_name = current_user AND v.sampled_at IS NOT NULL
        ON CONFLICT (sample_name, labels) DO UPDATE SET value = excluded.value, sampled_at = excluded.sampled_at
        WHERE t.value IS DISTINCT FROM excluded.value
      $query$, tab),
      schedule => wanted,
      timeout => '10 minutes',
      owner => schedule_metrics.owner::name,
      run_immediately => true);
    RETURN;
  END IF;
  IF stands <> wanted THEN
    PERFORM bizmetrics.alter_report(report, schedule => wanted);
  END IF;
  -- One that was left paused when there was nothing to ask any more.
  IF (SELECT count(*) FROM bizmetrics.watched w WHERE w.owner_name = owner) = 1
     AND (SELECT s.state FROM bizmetrics.report_status s WHERE s.report_name = report) = 'paused' THEN
    PERFORM bizmetrics.resume_report(report);
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.schedule_metrics(text) IS
'Makes the report "metrics of <owner>", which asks the owner''s metrics and alerts as often as one of them is wanted, alters its schedule, or drops it where there is none left. create_metric() and its like call it. Errors: as create_report(), alter_report() and drop_report().';

CREATE VIEW bizmetrics.watched WITH (security_barrier) AS
SELECT m.owner_name, m.ttl AS often FROM bizmetrics.metrics m WHERE bizmetrics.may_see_report(m.owner_name)
UNION ALL
SELECT a.owner_name, a.every FROM bizmetrics.alerts a WHERE bizmetrics.may_see_report(a.owner_name);
COMMENT ON VIEW bizmetrics.watched IS 'How often the metrics and alerts of each role are wanted. Behind schedule_metrics().';
COMMENT ON COLUMN bizmetrics.watched.owner_name IS 'The role.';
COMMENT ON COLUMN bizmetrics.watched.often IS 'The ttl of a metric, or how often an alert is looked at.';
