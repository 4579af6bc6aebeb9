-- Cohorts of those who began, and how many of them come back. docs/retention.md is the reference.

-- Reads the event log itself, with as many processes as the planner would take, and keeps of each subject
-- no more than its times.
CREATE FUNCTION bizmetrics.cohort_counts(
  start_event text, return_event text, unit text, periods integer, from_time timestamptz, to_time timestamptz, type text, criteria text, mode text,
  timezone text, subject text, company_id text, breakdown text, as_of timestamptz
) RETURNS TABLE (cohort date, segment text, index integer, members bigint)
LANGUAGE c STABLE PARALLEL SAFE ROWS 1000 COST 100000 AS 'MODULE_PATHNAME', 'bizmetrics_cohort_counts';
COMMENT ON FUNCTION bizmetrics.cohort_counts(text, text, text, integer, timestamptz, timestamptz, text, text, text, text, text, text, text, timestamptz) IS
'What cohort_retention() shows where no filters are given: how many members a cohort has (index -1) and how many came back in each period, or with on_or_after last did so. Cells without a member are left out, and those who came back last behind the last period are in it. Errors: as there.';

-- The same as SQL, for filters: what properties contain is for the planner and its indexes.
CREATE FUNCTION bizmetrics.cohort_counts_query(
  start_event text, return_event text, unit text, type text, criteria text, mode text, subject text,
  filters jsonb, start_filters jsonb, return_filters jsonb, company_id text, breakdown text
) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  who text := bizmetrics.subject_column(subject);
  bucket text := CASE unit	-- the number of the period that the local time of "at" is in, rising by 1
    WHEN 'day' THEN '((x.at AT TIME ZONE $6)::date - date ''2000-01-03'')'
    WHEN 'week' THEN '((date_trunc(''week'', x.at AT TIME ZONE $6)::date - date ''2000-01-03'') / 7)'
    ELSE '(extract(year FROM x.at AT TIME ZONE $6) * 12 + extract(month FROM x.at AT TIME ZONE $6))::integer' END;
  index text := CASE mode	-- how many periods after its anchor a return is
    WHEN 'calendar' THEN 'r.bucket - m.bucket'
    ELSE format('floor(extract(epoch FROM r.at - m.anchor) / %s)::integer', extract(epoch FROM bizmetrics.unit_length(unit))) END;
  earliest text := concat_ws(', ', 'x.subject', CASE type WHEN 'recurring' THEN bucket END);
BEGIN
  RETURN format($query$
    WITH starts AS (
      SELECT %1$s AS subject, e.occurred_at AS at, %3$s AS segment
      FROM public.business_events AS e WHERE e.occurred_at < least($3, $9) AND %4$s
    ), returns AS (
      SELECT %1$s AS subject, e.occurred_at AS at, %3$s AS segment
      FROM public.business_events AS e WHERE e.occurred_at >= $2 AND e.occurred_at < least($14, $9) AND %5$s
    ), anchors AS (
      %6$s
    ), members AS (
      SELECT x.subject, x.segment, x.at AS anchor, date_trunc(%2$L, x.at AT TIME ZONE $6)::date AS cohort, %7$s AS bucket
      FROM anchors AS x WHERE x.at >= $2
    ), hits AS (
      SELECT DISTINCT m.subject, m.cohort, m.segment, %8$s AS index
      FROM members AS m JOIN (%9$s) AS r ON r.subject = m.subject AND r.at >= m.anchor%10$s
    )
    SELECT m.cohort, m.segment, -1 AS index, count(*) AS members FROM members AS m GROUP BY 1, 2
    UNION ALL
    SELECT h.cohort, h.segment, h.index, count(*) FROM (%11$s) AS h WHERE h.index < $10 GROUP BY 1, 2, 3
    $query$,
    who, unit,
    CASE WHEN breakdown IS NULL THEN 'NULL::text' ELSE 'nullif(e.properties ->> $16, '''')' END,
    bizmetrics.event_conditions(who, start_event, filters, company_id) || CASE WHEN start_filters IS NULL THEN '' ELSE ' AND e.properties @> $7' END
      || CASE type WHEN 'recurring' THEN ' AND e.occurred_at >= $2' ELSE '' END,
    bizmetrics.event_conditions(who, NULL, filters, company_id) || CASE WHEN return_filters IS NULL THEN '' ELSE ' AND e.properties @> $8' END
      || CASE WHEN return_event IS NULL THEN '' ELSE ' AND e.event_name = $15' END,
    -- The segment is that of the anchor, so that a member is in one of them.
    CASE WHEN breakdown IS NULL THEN format('SELECT x.subject, min(x.at) AS at, NULL::text AS segment FROM starts AS x GROUP BY %s', earliest)
         ELSE format('SELECT DISTINCT ON (%1$s) x.subject, x.at, x.segment FROM starts AS x ORDER BY %1$s, x.at, x.segment COLLATE "C"', earliest) END,
    bucket, index,
    -- Of a calendar period the latest return is enough to tell whether one is not before the anchor.
    CASE mode WHEN 'calendar' THEN format('SELECT x.subject, x.segment, %1$s AS bucket, max(x.at) AS at FROM returns AS x GROUP BY 1, 2, 3', bucket)
              ELSE 'SELECT x.subject, x.segment, x.at FROM returns AS x' END,
    CASE WHEN breakdown IS NULL THEN '' ELSE ' AND r.segment IS NOT DISTINCT FROM m.segment' END,
    CASE criteria WHEN 'on' THEN 'SELECT * FROM hits'
                  ELSE 'SELECT h.subject, h.cohort, h.segment, least(max(h.index), $10 - 1) AS index FROM hits AS h GROUP BY 1, 2, 3' END);
END
$$;
COMMENT ON FUNCTION bizmetrics.cohort_counts_query(text, text, text, text, text, text, text, jsonb, jsonb, jsonb, text, text) IS
'cohort_counts() as SQL, with filters. For cohort_retention(), whose parameters it refers to.';

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
  last_cohort timestamp;
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
  last_cohort := date_trunc(unit, (to_time - interval '1 microsecond') AT TIME ZONE timezone);
  RETURN QUERY EXECUTE format($query$
    WITH counted AS MATERIALIZED (
      %1$s
    ), cells AS (
      SELECT s.cohort, s.segment, p.period, s.members AS size, c.state, CASE WHEN c.state <> 'future' THEN coalesce(%2$s, 0)::bigint END AS retained
      FROM counted AS s CROSS JOIN generate_series(0, $10 - 1) AS p (period)
      LEFT JOIN counted AS r ON r.cohort = s.cohort AND coalesce(r.segment, '') = coalesce(s.segment, '')
        AND (r.segment IS NULL) = (s.segment IS NULL) AND r.index = p.period,
      LATERAL (SELECT CASE WHEN %3$s THEN 'complete' WHEN %4$s THEN 'future' ELSE 'in_progress' END AS state) AS c
      WHERE s.index = -1
    )
    SELECT c.cohort, c.segment, c.period, c.size, c.retained, c.retained::numeric / c.size,
           c.retained::numeric / nullif(lag(c.retained) OVER (PARTITION BY c.cohort, c.segment ORDER BY c.period), 0), c.state
    FROM cells AS c ORDER BY c.cohort, c.segment COLLATE "C", c.period
    $query$,
    -- A property with a dot in its name is another one to cohort_counts().
    CASE WHEN coalesce(filters, start_filters, return_filters) IS NULL AND coalesce(breakdown !~ '^$|[.]', true)
         THEN format('SELECT * FROM bizmetrics.cohort_counts($1, $15, %L, $10, $2, $3, %L, %L, %L, $6, %L, $5, $16, $9)', unit, type, criteria, mode, subject)
         ELSE bizmetrics.cohort_counts_query(start_event, return_event, unit, type, criteria, mode, subject, filters, start_filters, return_filters, company_id::text, breakdown) END,
    CASE criteria WHEN 'on' THEN 'r.members' ELSE 'sum(r.members) OVER (PARTITION BY s.cohort, s.segment ORDER BY p.period DESC)' END,
    CASE mode WHEN 'calendar' THEN 's.cohort + (p.period + 1) * $12 <= $11'
              ELSE '(s.cohort + $12) AT TIME ZONE $6 + (p.period + 1) * $13 <= $9' END,
    CASE mode WHEN 'calendar' THEN 's.cohort + p.period * $12 >= $11' ELSE 's.cohort::timestamp AT TIME ZONE $6 + p.period * $13 >= $9' END)
  USING start_event, from_time, to_time, filters, company_id::text, timezone, start_filters, return_filters, as_of, periods,
        as_of AT TIME ZONE timezone, length, extract(epoch FROM length) * interval '1 second',
        -- The last time at which a return can count, and more than a day.
        CASE WHEN criteria = 'on_or_after' THEN 'infinity'::timestamptz
             WHEN mode = 'rolling' THEN to_time + periods * length + interval '2 days'
             ELSE (last_cohort + periods * length) AT TIME ZONE timezone + interval '2 days' END,
        return_event, breakdown;
END
$$;
COMMENT ON FUNCTION bizmetrics.cohort_retention(text, text, text, integer, timestamptz, timestamptz, text, text, text, text, text, jsonb, jsonb, jsonb, bizmetrics.identifier, text, timestamptz) IS
'Of the actors (or companies) whose start_event was in each day, week (from Monday) or month of [from_time, to_time), how many had return_event in that period (0) and each of the next, periods in all. type: first_time (their first start_event ever) or recurring (the first one in each period). criteria: on (in the period) or on_or_after (in it or later). mode: calendar (periods of the time zone) or rolling (24 hours, 7 or 30 times as long, from each start on). A return counts from the time of the start on. rate is retained by cohort_size, prev_rate by retained of the period before. state: complete; in_progress; future (not begun at as_of: retained is NULL); events at as_of or later do not count. breakdown: a property; a member''s segment is its value at the start (NULL without one), and returns count that have the same. An event that is NULL is any; filters is what the properties of both contain, start_filters and return_filters of one. Errors: 22004 an argument that must be given is NULL; 22008 a time is infinite; 22023 no range, unit, zone, type, criteria, mode or subject, periods is not from 1 to 1000, or filters are no object; 54000 over 100,000 cohorts; 42501 no right to read events.';
