-- Who is active, what becomes of it and how it changes: questions over the event log. docs/activity.md is
-- their reference. Where each subject's events are looked at together, C does so (activity_counts()). The
-- others build the one statement that they need, with the conditions that were given and no others, and
-- have it planned with their values: so partitions are pruned and indexes used. In it $1 is the event's
-- name, $2 and $3 the time, $4 the filters, $5 the company and $6 the time zone.

CREATE FUNCTION bizmetrics.check_choice(argument text, value text, choices text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF value IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = format('%s must not be NULL', argument),
      HINT = format('Give one of %s.', array_to_string(choices, ', '));
  ELSIF value <> ALL (choices) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('invalid %s: "%s"', argument, value),
      HINT = format('Give one of %s.', array_to_string(choices, ', '));
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_choice(text, text, text[]) IS
'Raises where an argument is none of the words that it may be. Errors: 22004 it is NULL; 22023 it is another word.';

CREATE FUNCTION bizmetrics.check_count(argument text, value integer, most integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF value IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = format('%s must not be NULL', argument),
      HINT = format('Give a number from 1 to %s.', most);
  ELSIF value NOT BETWEEN 1 AND most THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('invalid %s: "%s"', argument, value),
      HINT = format('Give a number from 1 to %s.', most);
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_count(text, integer, integer) IS
'Raises where a number is not from 1 to most. Errors: 22004 it is NULL; 22023 it is out of range.';

CREATE FUNCTION bizmetrics.check_range(from_time timestamptz, to_time timestamptz) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF from_time IS NULL OR to_time IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = format('%s must not be NULL', CASE WHEN from_time IS NULL THEN 'from_time' ELSE 'to_time' END),
      HINT = 'Give the range of time that is asked for, such as now() - interval ''30 days'' to now().';
  ELSIF NOT isfinite(from_time) OR NOT isfinite(to_time) THEN
    RAISE EXCEPTION USING ERRCODE = 'datetime_field_overflow',
      MESSAGE = format('%s must be finite', CASE WHEN isfinite(from_time) THEN 'to_time' ELSE 'from_time' END),
      HINT = 'Give the range of time that is asked for, such as now() - interval ''30 days'' to now().';
  ELSIF from_time >= to_time THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('invalid range of time: "%s" to "%s"', from_time, to_time),
      HINT = 'The range begins with from_time and ends before to_time.';
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_range(timestamptz, timestamptz) IS
'Raises where two times are no range. Errors: 22004 one is NULL; 22008 one is infinite; 22023 the first is not before the second.';

CREATE FUNCTION bizmetrics.check_periods(unit text, units text[], from_time timestamptz, to_time timestamptz, timezone text, as_of timestamptz) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM bizmetrics.check_choice('unit', unit, units);
  PERFORM bizmetrics.check_range(from_time, to_time);
  IF timezone IS NULL OR as_of IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = format('%s must not be NULL', CASE WHEN timezone IS NULL THEN 'timezone' ELSE 'as_of' END),
      HINT = CASE WHEN timezone IS NULL THEN 'Give a name such as Europe/London or UTC.' ELSE 'Give the time up to which events are known, such as now().' END;
  END IF;
  -- Raises 22023 where there is no such zone.
  PERFORM from_time AT TIME ZONE timezone;
  IF extract(epoch FROM to_time - from_time) / extract(epoch FROM bizmetrics.unit_length(unit)) > 100000 THEN
    RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded',
      MESSAGE = format('too many periods from "%s" to "%s" in units of "%s"', from_time, to_time, unit),
      DETAIL = 'At most 100000 can be asked for at once.',
      HINT = 'Give a shorter range of time or a longer unit.';
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_periods(text, text[], timestamptz, timestamptz, text, timestamptz) IS
'Raises where a range of time cannot be told in units of a time zone. Errors: 22004 an argument is NULL; 22008 a time is infinite; 22023 it is no range, or there is no such unit or zone; 54000 over 100,000 periods.';

CREATE FUNCTION bizmetrics.unit_length(unit text) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE unit WHEN 'quarter' THEN interval '3 months' ELSE ('1 ' || unit)::interval END
$$;
COMMENT ON FUNCTION bizmetrics.unit_length(text) IS 'A unit of time as an interval, quarters too.';

CREATE FUNCTION bizmetrics.first_instant(local_time timestamp, timezone text) RETURNS timestamptz
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(min(c.at) FILTER (WHERE c.at AT TIME ZONE timezone = local_time), local_time AT TIME ZONE timezone)
  FROM (SELECT (local_time AT TIME ZONE timezone) - earlier.by AS at
        FROM unnest('{0,30 min,1 hour,2 hours}'::interval[]) AS earlier (by)) AS c
$$;
COMMENT ON FUNCTION bizmetrics.first_instant(timestamp, text) IS
'The instant at which a time zone''s clocks show a local time: the first one where they do so twice, the next that there is where they skip it. Errors: 22023 no such zone.';

CREATE FUNCTION bizmetrics.subject_column(subject text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM bizmetrics.check_choice('subject', subject, '{actor,company}');
  RETURN CASE subject WHEN 'actor' THEN 'e.actor_user_id' ELSE 'e.company_id' END;
END
$$;
COMMENT ON FUNCTION bizmetrics.subject_column(text) IS
'The column of business_events that tells who: actor or company. Errors: 22004 subject is NULL; 22023 it is neither.';

CREATE FUNCTION bizmetrics.check_filters(argument text, filters jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF jsonb_typeof(filters) <> 'object' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('%s must be a JSON object, not of type "%s"', argument, jsonb_typeof(filters)),
      HINT = 'Give what the properties of an event must contain, such as {"plan": "pro"}.';
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_filters(text, jsonb) IS
'Raises where filters are no JSON object; NULL is none. Errors: 22023.';

CREATE FUNCTION bizmetrics.event_conditions(column_of_subject text, event_name text, filters jsonb, company_id text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM bizmetrics.check_filters('filters', filters);
  RETURN concat_ws(' AND ', 'true', column_of_subject || ' IS NOT NULL',
                   CASE WHEN event_name IS NOT NULL THEN 'e.event_name = $1' END,
                   CASE WHEN filters IS NOT NULL THEN 'e.properties @> $4' END,
                   CASE WHEN company_id IS NOT NULL THEN 'e.company_id = $5' END);
END
$$;
COMMENT ON FUNCTION bizmetrics.event_conditions(text, text, jsonb, text) IS
'What of active_users() and its like makes an event count, as SQL over business_events e, $1 being the name, $4 the filters and $5 the company. Without a column, events of nobody count too. Errors: 22023 filters are no object.';

CREATE FUNCTION bizmetrics.event_measure(measure text, property text, column_of_subject text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  -- A number, or a string of digits that is one; what else is there has no value.
  number text := 'bizmetrics.number_in(e.properties, $7)';
  -- Percentiles are reckoned in double precision, and a number that is none there must not fail them.
  double text := format('(CASE WHEN abs(%1$s) BETWEEN 1e-300 AND 1e308 THEN %1$s::float8 WHEN abs(%1$s) < 1 THEN 0 END)', number);
BEGIN
  PERFORM bizmetrics.check_choice('measure', measure, '{events,subjects,sum,avg,min,max,median,p90}');
  IF measure IN ('events', 'subjects') AND property IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('measure "%s" has no use for property "%s"', measure, property),
      HINT = 'Give a measure of numbers, such as sum, or no property.';
  ELSIF measure NOT IN ('events', 'subjects') AND property IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = format('property must not be NULL with measure "%s"', measure),
      HINT = 'Give the name of a property that is a number.';
  END IF;
  RETURN CASE measure
    WHEN 'events' THEN 'count(*)::numeric'
    WHEN 'subjects' THEN format('count(DISTINCT %s)::numeric', column_of_subject)
    WHEN 'median' THEN format('(percentile_cont(0.5) WITHIN GROUP (ORDER BY %s))::numeric', double)
    WHEN 'p90' THEN format('(percentile_cont(0.9) WITHIN GROUP (ORDER BY %s))::numeric', double)
    ELSE format('%s(%s)', measure, number)
  END;
END
$$;
COMMENT ON FUNCTION bizmetrics.event_measure(text, text, text) IS
'A measure of trend() and leaderboard() as SQL over business_events e, $7 being the property. Errors: 22004 measure or a property that it needs is NULL; 22023 no such measure, or a property that it has no use for.';

-- Reads the event log itself, with as many processes as the planner would take, and keeps of each subject
-- no more than its times.
CREATE FUNCTION bizmetrics.activity_counts(
  kind text, event_name text, unit text, first_period date, from_time timestamptz, to_time timestamptz, timezone text, subject text, filters jsonb, company_id text
) RETURNS TABLE (period integer, figures bigint[])
LANGUAGE c STABLE PARALLEL SAFE ROWS 100 COST 100000 AS 'MODULE_PATHNAME', 'bizmetrics_activity_counts';
COMMENT ON FUNCTION bizmetrics.activity_counts(text, text, text, date, timestamptz, timestamptz, text, text, jsonb, text) IS
'What active_users(), lifecycle(), stickiness() and trend() show, by the kind of figures. Periods are counted from first_period, which is 0; figures are of active: subjects of the day, of the 7 and of the 30 days that end with it; of lifecycle: new, returning, resurrecting, dormant, where what is before first_period makes known; of stickiness: subjects that were active in so many periods and one more; of subjects: those of the period. Periods of zeros are left out. Errors: as there.';

CREATE FUNCTION bizmetrics.active_users(
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
  first_day date;
  last_day date;
  known_until timestamp;
BEGIN
  PERFORM bizmetrics.check_choice('subject', subject, '{actor,company}');
  PERFORM bizmetrics.check_periods('day', '{day}', from_time, to_time, timezone, as_of);
  first_day := from_time AT TIME ZONE timezone;
  last_day := (to_time - interval '1 microsecond') AT TIME ZONE timezone;
  PERFORM bizmetrics.check_filters('filters', filters);
  as_of := least(as_of, to_time);
  known_until := as_of AT TIME ZONE timezone;
  RETURN QUERY
    SELECT c.day, f.seen * c.daily, f.seen * c.weekly, f.seen * c.monthly,
           f.seen * c.daily::numeric / nullif(c.monthly, 0), f.seen * c.of_30_days / nullif(30 * c.monthly, 0), s.state
    FROM (SELECT first_day - 29 + n AS day, coalesce(a.figures[1], 0) AS daily, coalesce(a.figures[2], 0) AS weekly, coalesce(a.figures[3], 0) AS monthly,
                 coalesce(sum(a.figures[1]) OVER (ORDER BY n ROWS 29 PRECEDING), 0) AS of_30_days
          FROM generate_series(0, last_day - first_day + 29) AS n
          LEFT JOIN bizmetrics.activity_counts('active', event_name, 'day', first_day - 29, (first_day - 30)::timestamp AT TIME ZONE timezone, as_of,
                                               timezone, subject, filters, company_id::text) AS a ON a.period = n) AS c,
         LATERAL (SELECT CASE WHEN c.day + 1 <= known_until THEN 'complete' WHEN c.day >= known_until THEN 'future' ELSE 'in_progress' END AS state) AS s,
         LATERAL (SELECT CASE WHEN s.state <> 'future' THEN 1 END AS seen) AS f
    WHERE c.day >= first_day
    ORDER BY c.day;
END
$$;
COMMENT ON FUNCTION bizmetrics.active_users(text, timestamptz, timestamptz, text, text, jsonb, bizmetrics.identifier, timestamptz) IS
'For each day of [from_time, to_time) in a time zone, how many different actors (or companies) had an event: on the day, in the 7 and in the 30 days that end with it, exactly; stickiness is the first by the last, mean_stickiness the mean of the 30 days by the last. event_name NULL is any event; filters is what its properties contain. state: complete, in_progress (as_of or to_time is in the day), future (the figures are NULL). The time zone is the session''s by default. Errors: 22004 an argument that must be given is NULL; 22008 a time is infinite; 22023 no range, zone or subject, or filters are no object; 54000 over 100,000 days; 42501 no right to read events.';

CREATE FUNCTION bizmetrics.lifecycle(
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
  length interval;
  first_period timestamp;
  known_until timestamp;
BEGIN
  PERFORM bizmetrics.check_choice('subject', subject, '{actor,company}');
  PERFORM bizmetrics.check_filters('filters', filters);
  PERFORM bizmetrics.check_periods(unit, '{day,week,month,quarter,year}', from_time, to_time, timezone, as_of);
  length := bizmetrics.unit_length(unit);
  first_period := date_trunc(unit, from_time AT TIME ZONE timezone);
  as_of := least(as_of, to_time);
  known_until := as_of AT TIME ZONE timezone;
  -- From the period before the first one on, and what is before that makes known.
  RETURN QUERY
    SELECT p.period::date, w.status, CASE WHEN t.state <> 'future' THEN coalesce(c.figures[w.place::integer], 0) END, t.state
    FROM generate_series(first_period, (to_time - interval '1 microsecond') AT TIME ZONE timezone, length) WITH ORDINALITY AS p (period, number)
    CROSS JOIN unnest('{new,returning,resurrecting,dormant}'::text[]) WITH ORDINALITY AS w (status, place)
    LEFT JOIN bizmetrics.activity_counts('lifecycle', event_name, unit, (first_period - length)::date, '-infinity', as_of,
                                         timezone, subject, filters, company_id::text) AS c ON c.period = p.number,
    LATERAL (SELECT CASE WHEN p.period + length <= known_until THEN 'complete' WHEN p.period >= known_until THEN 'future' ELSE 'in_progress' END AS state) AS t
    ORDER BY p.period, w.place;
END
$$;
COMMENT ON FUNCTION bizmetrics.lifecycle(text, text, timestamptz, timestamptz, text, text, jsonb, bizmetrics.identifier, timestamptz) IS
'For each day, week (from Monday), month, quarter or year of [from_time, to_time) in a time zone, how many actors (or companies) are new (their first event ever is in it), returning (active in it and in the period before), resurrecting (active in it, not in the one before, and before that) and dormant (active in the one before and not in it). event_name NULL is any event; filters is what its properties contain. state: complete, in_progress (as_of or to_time is in the period: who is dormant may still come), future (subjects is NULL). Errors: 22004 an argument that must be given is NULL; 22008 a time is infinite; 22023 no range, unit, zone or subject, or filters are no object; 54000 over 100,000 periods; 42501 no right to read events.';

CREATE FUNCTION bizmetrics.stickiness(
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
BEGIN
  PERFORM bizmetrics.check_choice('subject', subject, '{actor,company}');
  PERFORM bizmetrics.check_periods(unit, '{day,week,month,quarter,year}', from_time, to_time, timezone, to_time);
  PERFORM bizmetrics.check_filters('filters', filters);
  RETURN QUERY
    SELECT p.n::integer, coalesce(c.figures[1], 0), coalesce(c.figures[1], 0) / sum(c.figures[1]) OVER (),
           coalesce(sum(c.figures[1]) OVER (ORDER BY p.n DESC), 0)::bigint
    FROM generate_series(date_trunc(unit, from_time AT TIME ZONE timezone), (to_time - interval '1 microsecond') AT TIME ZONE timezone, bizmetrics.unit_length(unit))
           WITH ORDINALITY AS p (period, n)
    LEFT JOIN bizmetrics.activity_counts('stickiness', event_name, unit, (from_time AT TIME ZONE timezone)::date, from_time, to_time,
                                         timezone, subject, filters, company_id::text) AS c ON c.period = p.n - 1
    ORDER BY p.n;
END
$$;
COMMENT ON FUNCTION bizmetrics.stickiness(text, text, timestamptz, timestamptz, text, text, jsonb, bizmetrics.identifier) IS
'How many actors (or companies) had an event in exactly 1, 2, 3 … of the days, weeks (from Monday), months, quarters or years of [from_time, to_time) in a time zone; their share of all that had one, from 0 to 1; and how many had one in so many or more. event_name NULL is any event; filters is what its properties contain. Errors: 22004 an argument that must be given is NULL; 22008 a time is infinite; 22023 no range, unit, zone or subject, or filters are no object; 54000 over 100,000 periods; 42501 no right to read events.';

-- Periods are told by local time, so that days of 23 and of 25 hours are days; hours by instants, for a
-- local hour may come twice. They are found by quarters of an hour, since some zones change by less than one.
CREATE FUNCTION bizmetrics.trend_periods(unit text, from_time timestamptz, to_time timestamptz, timezone text, shift interval)
RETURNS TABLE (key timestamp, begins timestamptz, ends timestamptz, previous_key timestamp, previous_begins timestamptz, previous_ends timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  length interval := bizmetrics.unit_length(unit);
  locals timestamp[];
  hours timestamptz[];
BEGIN
  IF unit = 'hour' THEN
    hours := ARRAY(SELECT DISTINCT date_trunc('hour', t, timezone)
                   FROM generate_series(date_trunc('hour', from_time, timezone), to_time - interval '1 microsecond', interval '15 min') AS t ORDER BY 1);
    RETURN QUERY
      SELECT h.at AT TIME ZONE 'UTC', h.at, h.at + length, p.at AT TIME ZONE 'UTC', p.at, p.at + length
      FROM unnest(hours) AS h (at),
           LATERAL (SELECT date_trunc('hour', CASE WHEN shift IS NULL THEN h.at - cardinality(hours) * length
                                                   ELSE bizmetrics.first_instant((h.at AT TIME ZONE timezone) - shift, timezone) END, timezone) AS at) AS p;
  ELSE
    locals := ARRAY(SELECT generate_series(date_trunc(unit, from_time AT TIME ZONE timezone), (to_time - interval '1 microsecond') AT TIME ZONE timezone, length));
    RETURN QUERY
      SELECT l.at, bizmetrics.first_instant(l.at, timezone), bizmetrics.first_instant(l.at + length, timezone),
             p.at, bizmetrics.first_instant(p.at, timezone), bizmetrics.first_instant(p.at + length, timezone)
      FROM unnest(locals) AS l (at),
           LATERAL (SELECT date_trunc(unit, l.at - coalesce(shift, cardinality(locals) * length)) AS at) AS p;
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.trend_periods(text, timestamptz, timestamptz, text, interval) IS
'The periods of trend(), each with the one that it is compared with: the one that shift before it is in, or where shift is NULL as many periods before as there are. Keys are local times, those of hours in UTC.';

-- The range that trend() compares with: as much of it as there is of the range itself, unless its periods
-- begin within those (weeks, a year before); then whole periods.
CREATE FUNCTION bizmetrics.trend_before(unit text, from_time timestamptz, to_time timestamptz, timezone text, shift interval, OUT previous_from timestamptz, OUT previous_to timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  periods bigint;
  first_key timestamp := date_trunc(unit, from_time AT TIME ZONE timezone);
BEGIN
  SELECT min(p.previous_begins), max(p.previous_ends), count(*) INTO previous_from, previous_to, periods
  FROM bizmetrics.trend_periods(unit, from_time, to_time, timezone, shift) AS p;
  IF unit = 'hour' AND shift IS NULL THEN
    previous_from := from_time - periods * interval '1 hour';
    previous_to := to_time - periods * interval '1 hour';
    RETURN;
  END IF;
  shift := coalesce(shift, periods * bizmetrics.unit_length(unit));
  IF first_key - shift = date_trunc(unit, first_key - shift) THEN
    previous_from := bizmetrics.first_instant((from_time AT TIME ZONE timezone) - shift, timezone);
    previous_to := bizmetrics.first_instant((to_time AT TIME ZONE timezone) - shift, timezone);
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.trend_before(text, timestamptz, timestamptz, text, interval) IS
'The range of time that trend() compares [from_time, to_time) with.';

CREATE FUNCTION bizmetrics.trend_query(event_name text, unit text, since text, until text, measure text, property text, breakdown text, subject text, filters jsonb, company_id text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  figure text := bizmetrics.event_measure(measure, property, bizmetrics.subject_column(subject));
  conditions text := bizmetrics.event_conditions(NULL, event_name, filters, company_id);
BEGIN
  -- Sorting the subjects of all periods is what would take long.
  IF measure = 'subjects' AND breakdown IS NULL AND unit <> 'hour' THEN
    RETURN format($query$
      SELECT date_trunc(%1$L, %2$s AT TIME ZONE $6) + a.period * %3$L::interval AS key, NULL::text AS segment, a.figures[1]::numeric AS value
      FROM bizmetrics.activity_counts('subjects', $1, %1$L, (%2$s AT TIME ZONE $6)::date, %2$s, %4$s, $6, %5$L, $4, $5) AS a WHERE %2$s IS NOT NULL
      $query$, unit, since, bizmetrics.unit_length(unit), until, subject);
  END IF;
  RETURN format('SELECT %s AS key, %s AS segment, %s AS value FROM public.business_events AS e WHERE e.occurred_at >= %s AND e.occurred_at < %s AND %s GROUP BY 1, 2',
    CASE unit WHEN 'hour' THEN 'date_trunc(''hour'', e.occurred_at, $6) AT TIME ZONE ''UTC'''
              ELSE format('date_trunc(%L, e.occurred_at AT TIME ZONE $6)', unit) END,
    CASE WHEN breakdown IS NULL THEN 'NULL::text' ELSE 'nullif(e.properties ->> $8, '''')' END,
    figure, since, until, conditions);
END
$$;
COMMENT ON FUNCTION bizmetrics.trend_query(text, text, text, text, text, text, text, text, jsonb, text) IS
'What trend() shows of a range of time whose ends are the parameters since and until, as SQL. Errors: as there.';

CREATE FUNCTION bizmetrics.trend(
  event_name text,
  unit text,
  from_time timestamptz,
  to_time timestamptz,
  measure text DEFAULT 'events',
  property text DEFAULT NULL,
  breakdown text DEFAULT NULL,
  compare text DEFAULT 'previous',
  timezone text DEFAULT current_setting('TimeZone'),
  subject text DEFAULT 'actor',
  filters jsonb DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL,
  as_of timestamptz DEFAULT now()
) RETURNS TABLE (period timestamptz, segment text, value numeric, previous_period timestamptz, previous_value numeric, change numeric, state text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 30 COST 10000 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  zero text := CASE WHEN measure IN ('events', 'subjects', 'sum') THEN '0' ELSE 'NULL::numeric' END;
  shift interval;
  previous_from timestamptz;
  previous_to timestamptz;
BEGIN
  PERFORM bizmetrics.check_choice('subject', subject, '{actor,company}');
  PERFORM bizmetrics.check_periods(unit, '{hour,day,week,month,quarter,year}', from_time, to_time, timezone, as_of);
  IF coalesce(compare, '') NOT IN ('previous', 'none') THEN
    shift := compare;
    IF shift IS NULL OR shift <= interval '0' THEN
      RAISE EXCEPTION USING ERRCODE = CASE WHEN shift IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
        MESSAGE = CASE WHEN shift IS NULL THEN 'compare must not be NULL' ELSE format('invalid compare: "%s"', compare) END,
        HINT = 'Give previous, none, or how long before, such as 1 year.';
    END IF;
  END IF;
  IF compare <> 'none' THEN
    SELECT b.previous_from, b.previous_to INTO previous_from, previous_to FROM bizmetrics.trend_before(unit, from_time, to_time, timezone, shift) AS b;
  END IF;
  as_of := least(as_of, to_time);
  RETURN QUERY EXECUTE format($query$
    WITH now AS (
      %1$s
    ), before AS (
      %2$s
    ), segments AS (
      %3$s
    )
    SELECT p.begins, g.segment, v.value, CASE WHEN $11 IS NOT NULL THEN p.previous_begins END, v.previous,
           (v.value - v.previous) / nullif(v.previous, 0), t.state
    FROM bizmetrics.trend_periods(%4$L, $2, $10, $6, $9) AS p
    CROSS JOIN segments AS g
    LEFT JOIN now AS n ON n.key = p.key AND coalesce(n.segment, '') = coalesce(g.segment, '') AND (n.segment IS NULL) = (g.segment IS NULL)
    LEFT JOIN before AS b ON b.key = p.previous_key AND coalesce(b.segment, '') = coalesce(g.segment, '') AND (b.segment IS NULL) = (g.segment IS NULL),
    LATERAL (SELECT CASE WHEN p.ends <= $13 THEN 'complete' WHEN p.begins >= $13 THEN 'future' ELSE 'in_progress' END AS state) AS t,
    LATERAL (SELECT CASE WHEN t.state <> 'future' THEN coalesce(n.value, %5$s) END AS value,
                    CASE WHEN $11 IS NOT NULL THEN coalesce(b.value, %5$s) END AS previous) AS v
    ORDER BY p.begins, g.segment COLLATE "C"
    $query$,
    bizmetrics.trend_query(event_name, unit, '$2', '$3', measure, property, breakdown, subject, filters, company_id::text),
    bizmetrics.trend_query(event_name, unit, '$11', '$12', measure, property, breakdown, subject, filters, company_id::text),
    CASE WHEN breakdown IS NULL THEN 'SELECT NULL::text AS segment' ELSE 'SELECT n.segment FROM now AS n UNION SELECT b.segment FROM before AS b' END,
    unit, zero)
  USING event_name, from_time, as_of, filters, company_id::text, timezone, property, breakdown, shift,
        to_time, previous_from, previous_to, as_of;
END
$$;
COMMENT ON FUNCTION bizmetrics.trend(text, text, timestamptz, timestamptz, text, text, text, text, text, text, jsonb, bizmetrics.identifier, timestamptz) IS
'A measure of the events in each hour, day, week (from Monday), month, quarter or year of [from_time, to_time) in a time zone, periods without one included, and the same of the time before. measure: events, subjects (different actors, or companies), or of a property that is a number sum, avg, min, max, median or p90. breakdown: a property whose values are told apart, in segment. compare: previous (as many periods before), an interval such as 1 year, or none; change is the difference by the value before. event_name NULL is any event; filters is what its properties contain. state: complete, in_progress (as_of or to_time is in the period), future (value is NULL). Errors: 22004 an argument that must be given is NULL; 22007 compare is no interval; 22008 a time is infinite; 22023 no range, unit, zone, measure or subject, compare is not positive, a property that the measure has no use for, or filters are no object; 54000 over 100,000 periods; 42501 no right to read events.';

CREATE FUNCTION bizmetrics.path_counts(
  from_time timestamptz, to_time timestamptz, max_steps integer, session_gap interval, start_event text, event_names text[], subject text, filters jsonb, company_id text
) RETURNS TABLE (step integer, source text, target text, transitions bigint, subjects bigint, median_time interval)
LANGUAGE c STABLE PARALLEL SAFE ROWS 100 COST 100000 AS 'MODULE_PATHNAME', 'bizmetrics_path_counts';
COMMENT ON FUNCTION bizmetrics.path_counts(timestamptz, timestamptz, integer, interval, text, text[], text, jsonb, text) IS
'What paths() shows, in no order. Errors: as there.';

CREATE FUNCTION bizmetrics.paths(
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
BEGIN
  PERFORM bizmetrics.check_choice('subject', subject, '{actor,company}');
  PERFORM bizmetrics.check_range(from_time, to_time);
  PERFORM bizmetrics.check_count('max_steps', max_steps, 100);
  IF session_gap IS NULL OR session_gap < interval '0' THEN
    RAISE EXCEPTION USING ERRCODE = CASE WHEN session_gap IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
      MESSAGE = CASE WHEN session_gap IS NULL THEN 'session_gap must not be NULL' ELSE format('session_gap must not be negative: "%s"', session_gap) END,
      HINT = 'Give an interval of zero or more, such as ''30 min''.';
  END IF;
  PERFORM bizmetrics.check_filters('filters', filters);
  RETURN QUERY
    SELECT p.step, p.source, p.target, p.transitions, p.subjects, p.median_time
    FROM bizmetrics.path_counts(from_time, to_time, max_steps, session_gap, start_event, event_names, subject, filters, company_id::text) AS p
    ORDER BY p.step, p.transitions DESC, p.source, p.target;
END
$$;
COMMENT ON FUNCTION bizmetrics.paths(timestamptz, timestamptz, integer, interval, text, text[], text, jsonb, bizmetrics.identifier) IS
'What actors (or companies) did one after the other in [from_time, to_time): how often the event source was followed by target as step 1, 2 … of a session, by how many different ones, and after what time in the median; target NULL where the session ended. A session ends where more than session_gap passes; an event that repeats the one before is left out. With start_event a path begins at the first such event of a session; event_names leaves out all others; filters is what the properties contain. Errors: 22004 an argument that must be given is NULL; 22008 a time is infinite; 22023 no range or subject, max_steps is not from 1 to 100, session_gap is negative, or filters are no object; 42501 no right to read events.';

CREATE FUNCTION bizmetrics.subject_totals(event_name text, from_time timestamptz, to_time timestamptz, measure text, property text, subject text, filters jsonb, company_id text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  who text := bizmetrics.subject_column(subject);
BEGIN
  PERFORM bizmetrics.check_range(from_time, to_time);
  RETURN format('SELECT %s AS subject, %s AS value FROM public.business_events AS e WHERE e.occurred_at >= $2 AND e.occurred_at < $3 AND %s GROUP BY 1',
                who,
                -- The subjects of a company are its actors, those of an actor his companies.
                bizmetrics.event_measure(measure, property, bizmetrics.subject_column(CASE subject WHEN 'actor' THEN 'company' ELSE 'actor' END)),
                bizmetrics.event_conditions(who, event_name, filters, company_id));
END
$$;
COMMENT ON FUNCTION bizmetrics.subject_totals(text, timestamptz, timestamptz, text, text, text, jsonb, text) IS
'What leaderboard() and actor_rank() rank, as SQL.';

CREATE FUNCTION bizmetrics.leaderboard(
  event_name text,
  from_time timestamptz,
  to_time timestamptz,
  max_rows integer DEFAULT 10,
  measure text DEFAULT 'events',
  property text DEFAULT NULL,
  subject text DEFAULT 'actor',
  filters jsonb DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL
) RETURNS TABLE (rank bigint, subject_id text, value numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10 COST 10000 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
  PERFORM bizmetrics.check_count('max_rows', max_rows, 1000000);
  -- Whoever has more is among these rows, so a rank among them is a rank among all.
  RETURN QUERY EXECUTE format($query$
    SELECT rank() OVER (ORDER BY s.value DESC), s.subject, s.value
    FROM (SELECT t.subject, t.value FROM (%s) AS t WHERE t.value IS NOT NULL ORDER BY t.value DESC, t.subject LIMIT $6) AS s
    ORDER BY 1, 2
    $query$, bizmetrics.subject_totals(event_name, from_time, to_time, measure, property, subject, filters, company_id::text))
  USING event_name, from_time, to_time, filters, company_id::text, max_rows, property;
END
$$;
COMMENT ON FUNCTION bizmetrics.leaderboard(text, timestamptz, timestamptz, integer, text, text, text, jsonb, bizmetrics.identifier) IS
'The max_rows actors (or companies) with the highest measure of their events in [from_time, to_time): events, subjects (a company''s different actors, an actor''s different companies), or of a property that is a number sum, avg, min, max, median or p90. Who has as much has the same rank, the next one''s leaves as many out; they are in the order of their ids, byte by byte, also where max_rows cuts among them. event_name NULL is any event; filters is what its properties contain. Errors: 22004 an argument that must be given is NULL; 22008 a time is infinite; 22023 no range, measure or subject, max_rows is not from 1 to 1,000,000, a property that the measure has no use for, or filters are no object; 42501 no right to read events.';

CREATE FUNCTION bizmetrics.actor_rank(
  actor bizmetrics.identifier,
  event_name text,
  from_time timestamptz,
  to_time timestamptz,
  measure text DEFAULT 'events',
  property text DEFAULT NULL,
  subject text DEFAULT 'actor',
  filters jsonb DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL
) RETURNS TABLE (rank bigint, value numeric, subjects bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 COST 10000 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
  RETURN QUERY EXECUTE format($query$
    WITH totals AS MATERIALIZED (SELECT t.subject, t.value FROM (%s) AS t WHERE t.value IS NOT NULL),
         mine AS (SELECT t.value FROM totals AS t WHERE t.subject = $6)
    SELECT CASE WHEN m.value IS NOT NULL THEN 1 + count(*) FILTER (WHERE t.value > m.value) END, m.value, count(t.subject)
    FROM (SELECT (SELECT mine.value FROM mine) AS value) AS m LEFT JOIN totals AS t ON true
    GROUP BY m.value
    $query$, bizmetrics.subject_totals(event_name, from_time, to_time, measure, property, subject, filters, company_id::text))
  USING event_name, from_time, to_time, filters, company_id::text, actor::text, property;
END
$$;
COMMENT ON FUNCTION bizmetrics.actor_rank(bizmetrics.identifier, text, timestamptz, timestamptz, text, text, text, jsonb, bizmetrics.identifier) IS
'The place of one actor (or company) on the leaderboard() of the same arguments, his value, and of how many subjects; one row always: rank and value are NULL for somebody who is not on it. Errors: as there.';
