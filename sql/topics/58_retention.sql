-- Cohorts of those who began, and how many of them come back. docs/retention.md is the reference.

-- Reads the event log itself, with as many processes as the planner would take, and keeps of each subject
-- no more than its times.
CREATE FUNCTION bizmetrics.cohort_counts(
  start_event text, return_event text, unit text, periods integer, from_time timestamptz, to_time timestamptz, type text, criteria text, mode text,
  timezone text, subject text, filters jsonb, start_filters jsonb, return_filters jsonb, company_id text, breakdown text, as_of timestamptz
) RETURNS TABLE (cohort date, segment text, index integer, members bigint)
LANGUAGE c STABLE PARALLEL SAFE ROWS 1000 COST 100000 AS 'MODULE_PATHNAME', 'bizmetrics_cohort_counts';
COMMENT ON FUNCTION bizmetrics.cohort_counts(text, text, text, integer, timestamptz, timestamptz, text, text, text, text, text, jsonb, jsonb, jsonb, text, text, timestamptz) IS
'What cohort_retention() shows: how many members a cohort has (index -1) and how many came back in each period, or with on_or_after last did so. Cells without a member are left out, and those who came back last behind the last period are in it. Errors: as there.';

CREATE FUNCTION bizmetrics.cohort_retention(
  start_event text,
  return_event text,
  unit text,
  periods integer,
  from_time timestamptz,
  to_time timestamptz,
  type text DEFAULT 'first_time',
  criteria text DEFAULT 'on',
  mode text DEFAULT 'calendar',
  timezone text DEFAULT current_setting('TimeZone'),
  subject text DEFAULT 'actor',
  filters jsonb DEFAULT NULL,
  start_filters jsonb DEFAULT NULL,
  return_filters jsonb DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL,
  breakdown text DEFAULT NULL,
  as_of timestamptz DEFAULT now()
) RETURNS TABLE (cohort date, segment text, period integer, cohort_size bigint, retained bigint, rate numeric, prev_rate numeric, state text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 COST 100000 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  length interval;
  rolling interval;
  known_until timestamp;
BEGIN
  PERFORM bizmetrics.check_periods(unit, '{day,week,month}', from_time, to_time, timezone, as_of);
  PERFORM bizmetrics.check_count('periods', periods, 1000);
  PERFORM bizmetrics.check_choice('type', type, '{first_time,recurring}');
  PERFORM bizmetrics.check_choice('criteria', criteria, '{on,on_or_after}');
  PERFORM bizmetrics.check_choice('mode', mode, '{calendar,rolling}');
  PERFORM bizmetrics.check_choice('subject', subject, '{actor,company}');
  PERFORM bizmetrics.check_filters('filters', filters);
  PERFORM bizmetrics.check_filters('start_filters', start_filters);
  PERFORM bizmetrics.check_filters('return_filters', return_filters);
  length := bizmetrics.unit_length(unit);
  rolling := extract(epoch FROM length) * interval '1 second';
  known_until := as_of AT TIME ZONE timezone;
  RETURN QUERY
    WITH counted AS MATERIALIZED (
      SELECT * FROM bizmetrics.cohort_counts(start_event, return_event, unit, periods, from_time, to_time, type, criteria, mode,
                                             timezone, subject, filters, start_filters, return_filters, company_id::text, breakdown, as_of)
    ), cells AS (
      SELECT s.cohort, s.segment, p.period, s.members AS size, c.state,
             CASE WHEN c.state <> 'future' THEN coalesce(CASE criteria WHEN 'on' THEN r.members ELSE sum(r.members) OVER (PARTITION BY s.cohort, s.segment ORDER BY p.period DESC) END, 0)::bigint END AS retained
      FROM counted AS s CROSS JOIN generate_series(0, periods - 1) AS p (period)
      LEFT JOIN counted AS r ON r.cohort = s.cohort AND coalesce(r.segment, '') = coalesce(s.segment, '')
        AND (r.segment IS NULL) = (s.segment IS NULL) AND r.index = p.period,
      -- Of rolling periods those of the last member, who may have begun at the end of the cohort.
      LATERAL (SELECT CASE WHEN CASE mode WHEN 'calendar' THEN s.cohort + (p.period + 1) * length <= known_until
                                          ELSE (s.cohort + length) AT TIME ZONE timezone + (p.period + 1) * rolling <= as_of END THEN 'complete'
                           WHEN CASE mode WHEN 'calendar' THEN s.cohort + p.period * length >= known_until
                                          ELSE s.cohort::timestamp AT TIME ZONE timezone + p.period * rolling >= as_of END THEN 'future'
                           ELSE 'in_progress' END AS state) AS c
      WHERE s.index = -1
    )
    SELECT c.cohort, c.segment, c.period, c.size, c.retained, c.retained::numeric / c.size,
           c.retained::numeric / nullif(lag(c.retained) OVER (PARTITION BY c.cohort, c.segment ORDER BY c.period), 0), c.state
    FROM cells AS c ORDER BY c.cohort, c.segment COLLATE "C", c.period;
END
$$;
COMMENT ON FUNCTION bizmetrics.cohort_retention(text, text, text, integer, timestamptz, timestamptz, text, text, text, text, text, jsonb, jsonb, jsonb, bizmetrics.identifier, text, timestamptz) IS
'Of the actors (or companies) whose start_event was in each day, week (from Monday) or month of [from_time, to_time), how many had return_event in that period (0) and each of the next, periods in all. type: first_time (their first start_event ever) or recurring (the first one in each period). criteria: on (in the period) or on_or_after (in it or later). mode: calendar (periods of the time zone) or rolling (24 hours, 7 or 30 times as long, from each start on). A return counts from the time of the start on. rate is retained by cohort_size, prev_rate by retained of the period before. state: complete; in_progress; future (not begun at as_of: retained is NULL); events at as_of or later do not count. breakdown: a property; a member''s segment is its value at the start (NULL without one), and returns count that have the same. An event that is NULL is any; filters is what the properties of both contain, start_filters and return_filters of one. Errors: 22004 an argument that must be given is NULL; 22008 a time is infinite; 22023 no range, unit, zone, type, criteria, mode or subject, periods is not from 1 to 1000, or filters are no object; 54000 over 100,000 cohorts; 42501 no right to read events.';
