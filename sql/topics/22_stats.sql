-- What a report's runs add up to, and a report to begin with.

CREATE FUNCTION bizmetrics.report_totals(
  report_id bigint,
  OUT succeeded bigint,
  OUT failed bigint,
  OUT timed_out bigint,
  OUT cancelled bigint,
  OUT crashed bigint,
  OUT skipped bigint,
  OUT row_count bigint,
  OUT duration_total interval,
  OUT duration_min interval,
  OUT duration_max interval,
  OUT duration_p50 interval,
  OUT duration_p95 interval,
  OUT duration_p99 interval,
  OUT last_failure_at timestamptz
)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'bizmetrics_report_totals';
COMMENT ON FUNCTION bizmetrics.report_totals(bigint) IS
'What all attempts of a report add up to, those whose history was pruned included; NULLs for a report that the current role may not see. Behind report_stats.';

CREATE VIEW bizmetrics.report_stats WITH (security_barrier) AS
SELECT r.report_name,
       t.succeeded,
       t.failed,
       t.timed_out,
       t.cancelled,
       t.crashed,
       t.skipped,
       s.consecutive_failures,
       t.row_count,
       t.duration_total,
       t.duration_min,
       t.duration_max,
       t.duration_p50,
       t.duration_p95,
       t.duration_p99,
       s.last_success_at,
       t.last_failure_at
FROM bizmetrics.reports r
LEFT JOIN bizmetrics.report_state s ON s.report_id OPERATOR(pg_catalog.=) r.report_id
CROSS JOIN LATERAL bizmetrics.report_totals(r.report_id) AS t
WHERE bizmetrics.may_see_report(r.owner_name);
COMMENT ON VIEW bizmetrics.report_stats IS
'What all attempts of each report add up to since it was created or restored, those whose history was pruned included.';
COMMENT ON COLUMN bizmetrics.report_stats.report_name IS 'The report''s name.';
COMMENT ON COLUMN bizmetrics.report_stats.succeeded IS 'Attempts that succeeded.';
COMMENT ON COLUMN bizmetrics.report_stats.failed IS 'Attempts that failed; each try of a run counts.';
COMMENT ON COLUMN bizmetrics.report_stats.timed_out IS 'Attempts that ran longer than the report''s timeout.';
COMMENT ON COLUMN bizmetrics.report_stats.cancelled IS 'Attempts that somebody cancelled.';
COMMENT ON COLUMN bizmetrics.report_stats.crashed IS 'Attempts whose runner ended before they did.';
COMMENT ON COLUMN bizmetrics.report_stats.skipped IS 'Slots that did not run.';
COMMENT ON COLUMN bizmetrics.report_stats.consecutive_failures IS 'Runs that failed, all their attempts counted as one, since the last success.';
COMMENT ON COLUMN bizmetrics.report_stats.row_count IS 'Rows that its commands wrote, all attempts together.';
COMMENT ON COLUMN bizmetrics.report_stats.duration_total IS 'How long all attempts that succeeded took; divided by succeeded it is the mean.';
COMMENT ON COLUMN bizmetrics.report_stats.duration_min IS 'The shortest attempt that succeeded.';
COMMENT ON COLUMN bizmetrics.report_stats.duration_max IS 'The longest attempt that succeeded.';
COMMENT ON COLUMN bizmetrics.report_stats.duration_p50 IS 'Half of the attempts that succeeded took no longer; right within a tenth.';
COMMENT ON COLUMN bizmetrics.report_stats.duration_p95 IS '95 of 100 attempts that succeeded took no longer; right within a tenth.';
COMMENT ON COLUMN bizmetrics.report_stats.duration_p99 IS '99 of 100 attempts that succeeded took no longer; right within a tenth.';
COMMENT ON COLUMN bizmetrics.report_stats.last_success_at IS 'When an attempt last succeeded.';
COMMENT ON COLUMN bizmetrics.report_stats.last_failure_at IS 'When an attempt last failed, timed out, crashed or was cancelled.';

-- A report to begin with --------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.check_report_name(name text) RETURNS void
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_check_report_name';
COMMENT ON FUNCTION bizmetrics.check_report_name(text) IS
'Refuses a name that create_report() would refuse. Errors: 22004 NULL; 22023 too long or empty; 42710 taken.';

CREATE FUNCTION bizmetrics.report_template(name text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  -- As a table's name: at most 40 characters, and no quotes.
  tab text := coalesce(nullif(btrim(left(regexp_replace(lower(name), '[^a-z0-9]+', '_', 'g'), 40), '_'), ''), 'report');
BEGIN
  PERFORM bizmetrics.check_report_name(name);
  tab := 'analytics.' || quote_ident(tab);
  IF to_regclass(tab) IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table',
      MESSAGE = format('table %s exists already', tab),
      HINT = 'Use another name, or drop the table first.';
  END IF;
  RETURN format($template$SELECT bizmetrics.create_report(
  name     => %1$L,
  target   => %2$L,
  description => 'Events a day.',
  columns  => '{
    "day": "The day, in the report''s time zone.",
    "event_name": "What happened.",
    "events": "How often.",
    "actors": "How many different actors did it."
  }',
  -- What the table has is what this gives over all events: a run computes the days whose events changed.
  query    => $query$
    SELECT occurred_at::date AS day, event_name, count(*) AS events, count(DISTINCT actor_user_id) AS actors
    FROM public.business_events
    GROUP BY 1, 2
  $query$,
  key      => '{day,event_name}',
  bucket   => '1 day',
  schedule => '5 * * * *',
  timezone => 'UTC'
);
$template$, name, tab);
END
$function$;
COMMENT ON FUNCTION bizmetrics.report_template(text) IS
'A create_report() statement to edit, which runs as it is: events a day and name. Errors: 22004 NULL; 22023 too long or empty; 42710 a report has this name; 42P07 its table exists.';
