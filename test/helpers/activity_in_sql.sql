-- active_users(), lifecycle(), stickiness(), paths() and cohort_retention() as plain SQL, as they are defined: what C
-- counts is compared with it. A statement each, with the conditions that were given; in it $1 is the event's
-- name, $2 and $3 the time, $4 the filters, $5 the company and $6 the time zone.
-- A day of activity counts from that day until 7 days later or the subject's next active day, whichever
-- comes first: so each window's subjects are a running sum.
CREATE FUNCTION pg_temp.active_users_in_sql(
  event_name text,
  from_time timestamptz,
  to_time timestamptz,
  timezone text DEFAULT current_setting('TimeZone'),
  subject text DEFAULT 'actor',
  filters jsonb DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL,
  as_of timestamptz DEFAULT now()
) RETURNS TABLE (day date, daily bigint, weekly bigint, monthly bigint, stickiness numeric, mean_stickiness numeric, state text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 30 COST 10000 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  who text := bizmetrics.subject_column(subject);
  first_day date;
  last_day date;
BEGIN
  PERFORM bizmetrics.check_periods('day', '{day}', from_time, to_time, timezone, as_of);
  first_day := from_time AT TIME ZONE timezone;
  last_day := (to_time - interval '1 microsecond') AT TIME ZONE timezone;
  as_of := least(as_of, to_time);
  RETURN QUERY EXECUTE format($query$
    WITH days AS (
      SELECT DISTINCT %1$s AS subject, (e.occurred_at AT TIME ZONE $6)::date AS day
      FROM public.business_events AS e
      WHERE e.occurred_at >= $2 AND e.occurred_at < $3 AND (e.occurred_at AT TIME ZONE $6)::date >= $7 - 29 AND %2$s
    ), spans AS (
      SELECT d.day, lead(d.day) OVER (PARTITION BY d.subject ORDER BY d.day) AS next FROM days AS d
    ), changes AS (
      SELECT s.day, count(*) AS daily, count(*) AS weekly, count(*) AS monthly FROM spans AS s GROUP BY 1
      UNION ALL SELECT least(s.day + 7, s.next), 0, -count(*), 0 FROM spans AS s GROUP BY 1
      UNION ALL SELECT least(s.day + 30, s.next), 0, 0, -count(*) FROM spans AS s GROUP BY 1
    ), totals AS (
      SELECT c.day, sum(c.daily) AS daily, sum(c.weekly) AS weekly, sum(c.monthly) AS monthly FROM changes AS c GROUP BY 1
    ), counted AS (
      SELECT $7 - 29 + n AS day, coalesce(t.daily, 0) AS daily,
             coalesce(sum(t.weekly) OVER w, 0) AS weekly, coalesce(sum(t.monthly) OVER w, 0) AS monthly,
             coalesce(sum(t.daily) OVER (ORDER BY n ROWS 29 PRECEDING), 0) AS of_30_days
      FROM generate_series(0, $8 - $7 + 29) AS n LEFT JOIN totals AS t ON t.day = $7 - 29 + n
      WINDOW w AS (ORDER BY n)
    )
    SELECT c.day, f.seen * c.daily::bigint, f.seen * c.weekly::bigint, f.seen * c.monthly::bigint,
           f.seen * c.daily / nullif(c.monthly, 0), f.seen * c.of_30_days / nullif(30 * c.monthly, 0), s.state
    FROM counted AS c,
         LATERAL (SELECT CASE WHEN c.day + 1 <= $9 THEN 'complete' WHEN c.day >= $9 THEN 'future' ELSE 'in_progress' END AS state) AS s,
         LATERAL (SELECT CASE WHEN s.state <> 'future' THEN 1 END AS seen) AS f
    WHERE c.day >= $7
    ORDER BY c.day
    $query$, who, bizmetrics.event_conditions(who, event_name, filters, company_id::text))
  USING event_name, (first_day - 30)::timestamp AT TIME ZONE timezone, as_of, filters, company_id::text, timezone,
        first_day, last_day, as_of AT TIME ZONE timezone;
END
$$;
CREATE FUNCTION pg_temp.lifecycle_in_sql(
  event_name text,
  unit text,
  from_time timestamptz,
  to_time timestamptz,
  timezone text DEFAULT current_setting('TimeZone'),
  subject text DEFAULT 'actor',
  filters jsonb DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL,
  as_of timestamptz DEFAULT now()
) RETURNS TABLE (period date, status text, subjects bigint, state text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 COST 10000 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  who text := bizmetrics.subject_column(subject);
  conditions text := bizmetrics.event_conditions(who, event_name, filters, company_id::text);
  length interval;
  first_period timestamp;
BEGIN
  PERFORM bizmetrics.check_periods(unit, '{day,week,month,quarter,year}', from_time, to_time, timezone, as_of);
  length := bizmetrics.unit_length(unit);
  first_period := date_trunc(unit, from_time AT TIME ZONE timezone);
  as_of := least(as_of, to_time);
  -- $7 is the period before the first one. The margin of a day around it is for what daylight saving repeats.
  RETURN QUERY EXECUTE format($query$
    WITH active AS (
      SELECT DISTINCT %1$s AS subject, date_trunc(%3$L, e.occurred_at AT TIME ZONE $6) AS period
      FROM public.business_events AS e
      WHERE e.occurred_at >= $2 - interval '1 day' AND e.occurred_at < $3 AND e.occurred_at AT TIME ZONE $6 >= $7 AND %2$s
    ), known AS (
      SELECT DISTINCT %1$s AS subject
      FROM public.business_events AS e
      WHERE e.occurred_at < $2 + interval '1 day' AND e.occurred_at AT TIME ZONE $6 < $7 AND e.occurred_at < $3 AND %2$s
    ), seen AS (
      SELECT a.period, lag(a.period) OVER w AS before, lead(a.period) OVER w AS after, k.subject IS NOT NULL AS is_known
      FROM active AS a LEFT JOIN known AS k ON k.subject = a.subject
      WINDOW w AS (PARTITION BY a.subject ORDER BY a.period)
    ), statuses AS (
      SELECT s.period, CASE WHEN s.before = s.period - %4$L::interval THEN 'returning'
                            WHEN s.before IS NULL AND NOT s.is_known THEN 'new' ELSE 'resurrecting' END AS status
      FROM seen AS s
      UNION ALL
      SELECT s.period + %4$L::interval, 'dormant' FROM seen AS s WHERE s.after IS DISTINCT FROM s.period + %4$L::interval
    ), counted AS (
      SELECT s.period, s.status, count(*) AS subjects FROM statuses AS s GROUP BY 1, 2
    )
    SELECT p.period::date, w.status, CASE WHEN t.state <> 'future' THEN coalesce(c.subjects, 0) END, t.state
    FROM generate_series($7 + %4$L::interval, $8, %4$L::interval) AS p (period)
    CROSS JOIN unnest('{new,returning,resurrecting,dormant}'::text[]) WITH ORDINALITY AS w (status, place)
    LEFT JOIN counted AS c ON c.period = p.period AND c.status = w.status,
    LATERAL (SELECT CASE WHEN p.period + %4$L::interval <= $9 THEN 'complete' WHEN p.period >= $9 THEN 'future' ELSE 'in_progress' END AS state) AS t
    ORDER BY p.period, w.place
    $query$, who, conditions, unit, length)
  USING event_name, (first_period - length) AT TIME ZONE timezone, as_of, filters, company_id::text, timezone,
        first_period - length, (to_time - interval '1 microsecond') AT TIME ZONE timezone, as_of AT TIME ZONE timezone;
END
$$;
CREATE FUNCTION pg_temp.stickiness_in_sql(
  event_name text,
  unit text,
  from_time timestamptz,
  to_time timestamptz,
  timezone text DEFAULT current_setting('TimeZone'),
  subject text DEFAULT 'actor',
  filters jsonb DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL
) RETURNS TABLE (periods integer, subjects bigint, share numeric, or_more bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 30 COST 10000 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  who text := bizmetrics.subject_column(subject);
BEGIN
  PERFORM bizmetrics.check_periods(unit, '{day,week,month,quarter,year}', from_time, to_time, timezone, to_time);
  RETURN QUERY EXECUTE format($query$
    WITH active AS (
      SELECT DISTINCT %1$s AS subject, date_trunc(%3$L, e.occurred_at AT TIME ZONE $6) AS period
      FROM public.business_events AS e
      WHERE e.occurred_at >= $2 AND e.occurred_at < $3 AND %2$s
    ), counted AS (
      SELECT s.periods, count(*) AS subjects FROM (SELECT count(*) AS periods FROM active AS a GROUP BY a.subject) AS s GROUP BY 1
    )
    SELECT n::integer, coalesce(c.subjects, 0), coalesce(c.subjects, 0) / sum(c.subjects) OVER (),
           coalesce(sum(c.subjects) OVER (ORDER BY n DESC), 0)::bigint
    FROM (SELECT row_number() OVER () AS n
          FROM generate_series(date_trunc(%3$L, $2 AT TIME ZONE $6), ($3 - interval '1 microsecond') AT TIME ZONE $6, %4$L::interval)) AS p
    LEFT JOIN counted AS c ON c.periods = p.n
    ORDER BY n
    $query$, who, bizmetrics.event_conditions(who, event_name, filters, company_id::text), unit, bizmetrics.unit_length(unit))
  USING event_name, from_time, to_time, filters, company_id::text, timezone;
END
$$;
CREATE FUNCTION pg_temp.paths_in_sql(
  from_time timestamptz,
  to_time timestamptz,
  max_steps integer DEFAULT 5,
  session_gap interval DEFAULT '30 min',
  start_event text DEFAULT NULL,
  event_names text[] DEFAULT NULL,
  subject text DEFAULT 'actor',
  filters jsonb DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL
) RETURNS TABLE (step integer, source text, target text, transitions bigint, subjects bigint, median_time interval)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 COST 10000 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  who text := bizmetrics.subject_column(subject);
BEGIN
  PERFORM bizmetrics.check_range(from_time, to_time);
  PERFORM bizmetrics.check_count('max_steps', max_steps, 100);
  IF session_gap IS NULL OR session_gap < interval '0' THEN
    RAISE EXCEPTION USING ERRCODE = CASE WHEN session_gap IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
      MESSAGE = CASE WHEN session_gap IS NULL THEN 'session_gap must not be NULL' ELSE format('session_gap must not be negative: "%s"', session_gap) END,
      HINT = 'Give an interval of zero or more, such as ''30 min''.';
  END IF;
  RETURN QUERY EXECUTE format($query$
    WITH ordered AS (
      SELECT %1$s AS subject, e.event_name, e.occurred_at, e.id, e.occurred_at - lag(e.occurred_at) OVER w AS pause
      FROM public.business_events AS e
      WHERE e.occurred_at >= $2 AND e.occurred_at < $3 AND %2$s AND %3$s
      WINDOW w AS (PARTITION BY %1$s ORDER BY e.occurred_at, e.id)
    ), sessions AS (
      SELECT o.*, count(*) FILTER (WHERE o.pause > $6) OVER (PARTITION BY o.subject ORDER BY o.occurred_at, o.id) AS session FROM ordered AS o
    ), started AS (
      SELECT s.*, s.event_name = lag(s.event_name) OVER w AS is_repeat, %4$s AS has_begun
      FROM sessions AS s WINDOW w AS (PARTITION BY s.subject, s.session ORDER BY s.occurred_at, s.id)
    ), steps AS (
      SELECT s.subject, s.event_name AS source, row_number() OVER w AS step, lead(s.event_name) OVER w AS target,
             lead(s.occurred_at) OVER w - s.occurred_at AS pause
      FROM started AS s WHERE s.has_begun AND s.is_repeat IS NOT TRUE
      WINDOW w AS (PARTITION BY s.subject, s.session ORDER BY s.occurred_at, s.id)
    )
    SELECT s.step::integer, s.source, s.target, count(*), count(DISTINCT s.subject),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY s.pause)
    FROM steps AS s WHERE s.step <= $7
    GROUP BY s.step, s.source, s.target ORDER BY s.step, count(*) DESC, s.source, s.target
    $query$, who, bizmetrics.event_conditions(who, NULL, filters, company_id::text),
    CASE WHEN event_names IS NULL THEN 'true' ELSE 'e.event_name = ANY ($8)' END,
    CASE WHEN start_event IS NULL THEN 'true' ELSE 'bool_or(s.event_name = $1) OVER w' END)
  USING start_event, from_time, to_time, filters, company_id::text, session_gap, max_steps, event_names;
END
$$;
CREATE FUNCTION pg_temp.cohort_counts_in_sql(
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
CREATE FUNCTION pg_temp.cohort_retention_in_sql(
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
    pg_temp.cohort_counts_in_sql(start_event, return_event, unit, type, criteria, mode, subject, filters, start_filters, return_filters, company_id::text, breakdown),
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
