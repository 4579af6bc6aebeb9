-- Funnels over the event log. docs/funnels.md is their reference. The functions in C read the log with the
-- caller's rights; the others give their arguments defaults and times a meaning.

CREATE FUNCTION bizmetrics.funnel_counts(
  steps jsonb, win interval, bounds timestamptz[], step_order text, breakdown text, attribution text, subject text, filter jsonb,
  OUT bucket timestamptz, OUT breakdown_value text, OUT step integer, OUT name text, OUT actors bigint,
  OUT conversion numeric, OUT step_conversion numeric, OUT drop_off bigint,
  OUT median_seconds double precision, OUT p90_seconds double precision,
  OUT total_median_seconds double precision, OUT total_p90_seconds double precision
) RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10 AS 'MODULE_PATHNAME', 'bizmetrics_funnel_counts';
COMMENT ON FUNCTION bizmetrics.funnel_counts(jsonb, interval, timestamptz[], text, text, text, text, jsonb) IS
'Behind funnel() and funnel_trend(): entries from each bound up to the next, in rows of the bound, the value of the breakdown and the step.';

CREATE FUNCTION bizmetrics.funnel_subjects(
  steps jsonb, win interval, bounds timestamptz[], step_order text, breakdown text, attribution text, subject text, filter jsonb,
  wanted_step integer, outcome text,
  OUT actor text, OUT breakdown_value text, OUT step integer, OUT entered_at timestamptz, OUT reached_at timestamptz, OUT times timestamptz[]
) RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 1000 AS 'MODULE_PATHNAME', 'bizmetrics_funnel_subjects';
COMMENT ON FUNCTION bizmetrics.funnel_subjects(jsonb, interval, timestamptz[], text, text, text, text, jsonb, integer, text) IS
'Behind funnel_actors().';

CREATE FUNCTION bizmetrics.funnel(
  steps jsonb,
  win interval,
  from_time timestamptz DEFAULT NULL,
  to_time timestamptz DEFAULT NULL,
  step_order text DEFAULT 'ordered',
  breakdown text DEFAULT NULL,
  attribution text DEFAULT 'first',
  subject text DEFAULT 'actor',
  filter jsonb DEFAULT NULL,
  OUT breakdown_value text, OUT step integer, OUT name text, OUT actors bigint,
  OUT conversion numeric, OUT step_conversion numeric, OUT drop_off bigint,
  OUT median_seconds double precision, OUT p90_seconds double precision,
  OUT total_median_seconds double precision, OUT total_p90_seconds double precision
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.breakdown_value, f.step, f.name, f.actors, f.conversion, f.step_conversion, f.drop_off,
         f.median_seconds, f.p90_seconds, f.total_median_seconds, f.total_p90_seconds
  FROM bizmetrics.funnel_counts($1, $2, ARRAY[coalesce($3, '-infinity'), coalesce($4, 'infinity')], $5, $6, $7, $8, $9) AS f
$$;
COMMENT ON FUNCTION bizmetrics.funnel(jsonb, interval, timestamptz, timestamptz, text, text, text, text, jsonb) IS
'How many actors (or companies: subject) get through the steps within win of the first, entering in [from_time, to_time); NULL is no limit. A row for each step and value of the breakdown: conversion from the first step, step_conversion and drop_off from the step before, and the median and 90th percentile of the seconds since that step and since the first. A step is the name of an event or an object with event, filter, name, optional, first_time, exclude and within (how long after the step before it may be; not with any); step_order is ordered (other events may come between), strict (none may) or any. breakdown is a column or properties.key, of the first step that has it, the last one or that of a number, or of all steps alike (attribution: first, last, a number, all). Ratios are exact numerics, NULL where they would divide by zero. Errors: 22004 an argument is NULL that must not be; 22023 steps, order, breakdown, attribution, subject or filter are no such; win is negative; to_time is before from_time; 54023 more than 32 steps and excluding events; 42501 no right to read events.';

CREATE FUNCTION bizmetrics.funnel(
  steps text[],
  win interval,
  from_time timestamptz DEFAULT NULL,
  to_time timestamptz DEFAULT NULL,
  step_order text DEFAULT 'ordered',
  breakdown text DEFAULT NULL,
  attribution text DEFAULT 'first',
  subject text DEFAULT 'actor',
  filter jsonb DEFAULT NULL,
  OUT breakdown_value text, OUT step integer, OUT name text, OUT actors bigint,
  OUT conversion numeric, OUT step_conversion numeric, OUT drop_off bigint,
  OUT median_seconds double precision, OUT p90_seconds double precision,
  OUT total_median_seconds double precision, OUT total_p90_seconds double precision
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.breakdown_value, f.step, f.name, f.actors, f.conversion, f.step_conversion, f.drop_off,
         f.median_seconds, f.p90_seconds, f.total_median_seconds, f.total_p90_seconds
  FROM bizmetrics.funnel_counts(pg_catalog.to_jsonb($1), $2, ARRAY[coalesce($3, '-infinity'), coalesce($4, 'infinity')], $5, $6, $7, $8, $9) AS f
$$;
COMMENT ON FUNCTION bizmetrics.funnel(text[], interval, timestamptz, timestamptz, text, text, text, text, jsonb) IS
'The same for steps that are names of events. Errors: as there.';

-- Buckets are the local days, weeks and so on that contain an instant of [from_time, to_time).
CREATE FUNCTION bizmetrics.funnel_buckets(from_time timestamptz, to_time timestamptz, unit text, timezone text, most integer DEFAULT 100000) RETURNS timestamptz[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  first timestamp;
  step interval;
BEGIN
  IF from_time IS NULL OR to_time IS NULL OR unit IS NULL OR timezone IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = 'from_time, to_time, unit and timezone must not be NULL',
      HINT = 'Give the time that the trend is of.';
  END IF;
  IF unit NOT IN ('hour', 'day', 'week', 'month', 'quarter', 'year') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('unknown unit "%s"', unit),
      HINT = 'Use hour, day, week, month, quarter or year.';
  END IF;
  IF NOT isfinite(from_time) OR NOT isfinite(to_time) OR from_time >= to_time THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('to_time "%s" is not after from_time "%s"', to_time, from_time),
      HINT = 'Give two finite times, the later one as to_time.';
  END IF;
  first := date_trunc(unit, from_time AT TIME ZONE timezone);
  step := CASE unit WHEN 'quarter' THEN interval '3 months' ELSE ('1 ' || unit)::interval END;
  IF extract(epoch FROM to_time - from_time) / extract(epoch FROM step) > most THEN
    RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded',
      MESSAGE = format('too many buckets from "%s" to "%s" in units of "%s"', from_time, to_time, unit),
      DETAIL = format('At most %s can be asked for at once.', most),
      HINT = 'Give a shorter range of time or a longer unit.';
  END IF;
  RETURN (
    SELECT array_agg(b.at AT TIME ZONE timezone ORDER BY b.at)
    FROM generate_series(first,
                         date_trunc(unit, (to_time - interval '1 microsecond') AT TIME ZONE timezone) + step,
                         step) AS b (at));
END
$$;
COMMENT ON FUNCTION bizmetrics.funnel_buckets(timestamptz, timestamptz, text, text, integer) IS
'The bounds of the buckets of funnel_trend(), one more than there are buckets. Errors: as there; most NULL is no limit.';

CREATE FUNCTION bizmetrics.funnel_trend(
  steps jsonb,
  win interval,
  from_time timestamptz,
  to_time timestamptz,
  unit text DEFAULT 'day',
  timezone text DEFAULT 'UTC',
  step_order text DEFAULT 'ordered',
  breakdown text DEFAULT NULL,
  attribution text DEFAULT 'first',
  subject text DEFAULT 'actor',
  filter jsonb DEFAULT NULL,
  OUT bucket timestamptz, OUT breakdown_value text, OUT step integer, OUT name text, OUT actors bigint,
  OUT conversion numeric, OUT step_conversion numeric, OUT drop_off bigint,
  OUT median_seconds double precision, OUT p90_seconds double precision,
  OUT total_median_seconds double precision, OUT total_p90_seconds double precision
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.bucket, f.breakdown_value, f.step, f.name, f.actors, f.conversion, f.step_conversion, f.drop_off,
         f.median_seconds, f.p90_seconds, f.total_median_seconds, f.total_p90_seconds
  FROM bizmetrics.funnel_counts($1, $2, bizmetrics.funnel_buckets($3, $4, $5, $6), $7, $8, $9, $10, $11) AS f
$$;
COMMENT ON FUNCTION bizmetrics.funnel_trend(jsonb, interval, timestamptz, timestamptz, text, text, text, text, text, text, jsonb) IS
'funnel() for each hour, day, week (from Monday), month, quarter or year of entry in a time zone; each bucket that contains an instant of [from_time, to_time) is counted whole. Who enters in several buckets counts in each, by his best chain that begins there. Without a breakdown, buckets without an entry have rows too. Errors: 22004 an argument is NULL that must not be; 22023 as funnel(), unknown unit or time zone, to_time not after from_time; 54000 over 100,000 buckets; 54023 and 42501 as funnel().';

CREATE FUNCTION bizmetrics.funnel_trend(
  steps text[],
  win interval,
  from_time timestamptz,
  to_time timestamptz,
  unit text DEFAULT 'day',
  timezone text DEFAULT 'UTC',
  step_order text DEFAULT 'ordered',
  breakdown text DEFAULT NULL,
  attribution text DEFAULT 'first',
  subject text DEFAULT 'actor',
  filter jsonb DEFAULT NULL,
  OUT bucket timestamptz, OUT breakdown_value text, OUT step integer, OUT name text, OUT actors bigint,
  OUT conversion numeric, OUT step_conversion numeric, OUT drop_off bigint,
  OUT median_seconds double precision, OUT p90_seconds double precision,
  OUT total_median_seconds double precision, OUT total_p90_seconds double precision
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.bucket, f.breakdown_value, f.step, f.name, f.actors, f.conversion, f.step_conversion, f.drop_off,
         f.median_seconds, f.p90_seconds, f.total_median_seconds, f.total_p90_seconds
  FROM bizmetrics.funnel_counts(pg_catalog.to_jsonb($1), $2, bizmetrics.funnel_buckets($3, $4, $5, $6), $7, $8, $9, $10, $11) AS f
$$;
COMMENT ON FUNCTION bizmetrics.funnel_trend(text[], interval, timestamptz, timestamptz, text, text, text, text, text, text, jsonb) IS
'The same for steps that are names of events. Errors: as there.';

CREATE FUNCTION bizmetrics.funnel_actors(
  steps jsonb,
  win interval,
  from_time timestamptz DEFAULT NULL,
  to_time timestamptz DEFAULT NULL,
  wanted_step integer DEFAULT NULL,
  outcome text DEFAULT 'reached',
  step_order text DEFAULT 'ordered',
  breakdown text DEFAULT NULL,
  attribution text DEFAULT 'first',
  subject text DEFAULT 'actor',
  filter jsonb DEFAULT NULL,
  OUT actor text, OUT breakdown_value text, OUT step integer, OUT entered_at timestamptz, OUT reached_at timestamptz, OUT times timestamptz[]
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1000 SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.actor, f.breakdown_value, f.step, f.entered_at, f.reached_at, f.times
  FROM bizmetrics.funnel_subjects($1, $2, ARRAY[coalesce($3, '-infinity'), coalesce($4, 'infinity')], $7, $8, $9, $10, $11, $5, $6) AS f
$$;
COMMENT ON FUNCTION bizmetrics.funnel_actors(jsonb, interval, timestamptz, timestamptz, integer, text, text, text, text, text, jsonb) IS
'Who is behind a row of funnel() with the same arguments: those who reached a step (NULL: the last one), or with the outcome dropped those who reached the one before and not this. step is the last one that was reached, times those of all steps, NULL where one was not reached. In no particular order. Errors: as funnel(); 22023 no such step or outcome.';

CREATE FUNCTION bizmetrics.funnel_actors(
  steps text[],
  win interval,
  from_time timestamptz DEFAULT NULL,
  to_time timestamptz DEFAULT NULL,
  wanted_step integer DEFAULT NULL,
  outcome text DEFAULT 'reached',
  step_order text DEFAULT 'ordered',
  breakdown text DEFAULT NULL,
  attribution text DEFAULT 'first',
  subject text DEFAULT 'actor',
  filter jsonb DEFAULT NULL,
  OUT actor text, OUT breakdown_value text, OUT step integer, OUT entered_at timestamptz, OUT reached_at timestamptz, OUT times timestamptz[]
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1000 SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.actor, f.breakdown_value, f.step, f.entered_at, f.reached_at, f.times
  FROM bizmetrics.funnel_subjects(pg_catalog.to_jsonb($1), $2, ARRAY[coalesce($3, '-infinity'), coalesce($4, 'infinity')], $7, $8, $9, $10, $11, $5, $6) AS f
$$;
COMMENT ON FUNCTION bizmetrics.funnel_actors(text[], interval, timestamptz, timestamptz, integer, text, text, text, text, text, jsonb) IS
'The same for steps that are names of events. Errors: as there.';

CREATE FUNCTION bizmetrics.saved_funnel_of_days(
  definition jsonb, days date[],
  OUT entered_on date, OUT breakdown text, OUT step integer, OUT name text, OUT actors bigint,
  OUT conversion numeric, OUT step_conversion numeric, OUT drop_off bigint,
  OUT median_seconds double precision, OUT p90_seconds double precision,
  OUT total_median_seconds double precision, OUT total_p90_seconds double precision
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 100 SET search_path = pg_catalog, pg_temp SET intervalstyle = 'iso_8601' AS $$
  -- What is between two of them is a bucket too, which nobody wants, so that the log is read once.
  SELECT d.day, coalesce(f.breakdown_value, ''), f.step, f.name, f.actors,
         f.conversion, f.step_conversion, f.drop_off, f.median_seconds, f.p90_seconds, f.total_median_seconds, f.total_p90_seconds
  FROM bizmetrics.funnel_counts($1 -> 'steps', ($1 ->> 'win')::interval,
         ARRAY(SELECT DISTINCT b.at AT TIME ZONE current_setting('TimeZone')
               FROM unnest($2) AS d (day), LATERAL (VALUES (d.day::timestamp), (d.day + ('1 ' || ($1 ->> 'unit'))::interval)) AS b (at) ORDER BY 1),
         $1 ->> 'step_order', $1 ->> 'breakdown', $1 ->> 'attribution', $1 ->> 'subject', nullif($1 -> 'filter', 'null')) AS f
  JOIN unnest($2) AS d (day) ON d.day = (f.bucket AT TIME ZONE current_setting('TimeZone'))::date
  WHERE f.conversion IS NOT NULL
$$;
COMMENT ON FUNCTION bizmetrics.saved_funnel_of_days(jsonb, date[]) IS
'Rows of a saved funnel, of the entries in some days (or weeks, months) of the time zone of the session; without those in which nobody entered.';

CREATE FUNCTION bizmetrics.saved_funnel(
  definition jsonb, from_time timestamptz, to_time timestamptz,
  OUT entered_on date, OUT breakdown text, OUT step integer, OUT name text, OUT actors bigint,
  OUT conversion numeric, OUT step_conversion numeric, OUT drop_off bigint,
  OUT median_seconds double precision, OUT p90_seconds double precision,
  OUT total_median_seconds double precision, OUT total_p90_seconds double precision
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.*
  FROM bizmetrics.saved_funnel_of_days($1, ARRAY(
         SELECT (b.at AT TIME ZONE current_setting('TimeZone'))::date
         FROM unnest(trim_array(bizmetrics.funnel_buckets($2, $3, $1 ->> 'unit', current_setting('TimeZone'), NULL), 1)) AS b (at))) AS f
$$;
COMMENT ON FUNCTION bizmetrics.saved_funnel(jsonb, timestamptz, timestamptz) IS
'What the reports of create_funnel() read: funnel_trend() in the time zone of the session, without the buckets in which nobody entered.';

-- A step that is somebody's first is no longer that when an earlier one comes late: then it has been the next one,
-- and entries from win before that up to it change, however much later they are.
CREATE FUNCTION bizmetrics.saved_funnel_days(definition jsonb, from_time timestamptz, to_time timestamptz, changed text[], has_later boolean) RETURNS SETOF date
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 30 SET search_path = pg_catalog, pg_temp SET intervalstyle = 'iso_8601' AS $$
DECLARE
  zone text := current_setting('TimeZone');
  unit text := definition ->> 'unit';
  win interval := definition ->> 'win';
  it jsonb;
  has_next boolean;
  more date[];
  later date[] := '{}';
  -- Where each value is followed by itself, each has its first.
  by_value text := CASE definition ->> 'attribution' WHEN 'all' THEN definition ->> 'breakdown' END;
BEGIN
  RETURN QUERY SELECT (b.at AT TIME ZONE zone)::date FROM unnest(trim_array(bizmetrics.funnel_buckets(from_time, to_time, unit, zone, NULL), 1)) AS b (at);
  FOR it IN SELECT s - '{name,optional,exclude,within}'::text[] FROM jsonb_array_elements(definition -> 'steps') AS s WHERE s -> 'first_time' = 'true' LOOP
    -- Few come late, and nobody who has nothing later. (= ANY of many would be planned for longer than this
    -- takes.) Where there are no later rows, nothing of them can change, unless who is not in them for what a
    -- step excludes.
    CONTINUE WHEN NOT has_later AND NOT jsonb_path_exists(definition, '$.steps[*].exclude');
    EXECUTE format('SELECT EXISTS (SELECT FROM public.business_events AS e JOIN unnest($2) AS c (who) ON c.who = %s WHERE e.occurred_at >= $1 AND %s)',
                   bizmetrics.subject_column(definition ->> 'subject'), CASE WHEN it ? 'event' THEN 'e.event_name = $3' ELSE 'true' END)
      INTO has_next USING to_time, changed, it ->> 'event';
    CONTINUE WHEN NOT has_next;
    SELECT array_agg(DISTINCT (d.at AT TIME ZONE zone)::date) INTO more
    FROM bizmetrics.funnel_subjects(jsonb_build_array(it), '0', ARRAY[from_time, to_time], 'ordered', by_value, 'all',
                                    definition ->> 'subject', nullif(definition -> 'filter', 'null'), 1, 'reached') AS f
    JOIN unnest(changed) AS c (actor) USING (actor)
    JOIN bizmetrics.funnel_subjects(jsonb_build_array(it - 'first_time'), '0', ARRAY[to_time, 'infinity'], 'ordered', by_value, 'all',
                                    definition ->> 'subject', nullif(definition -> 'filter', 'null'), 1, 'reached') AS n ON n.actor = f.actor AND coalesce(n.breakdown_value, '') = coalesce(f.breakdown_value, ''),
    LATERAL unnest(trim_array(bizmetrics.funnel_buckets(
      CASE WHEN extract(epoch FROM n.entered_at - to_time) <= extract(epoch FROM win) THEN to_time
           ELSE n.entered_at - make_interval(secs => extract(epoch FROM win)::double precision) END,
      n.entered_at + interval '1 microsecond', unit, zone, NULL), 1)) AS d (at);
    later := later || more;
  END LOOP;
  RETURN QUERY SELECT DISTINCT l.day FROM unnest(later) AS l (day);
  PERFORM bizmetrics.also_wrote(min(l.day)::timestamp AT TIME ZONE zone, (max(l.day) + ('1 ' || unit)::interval) AT TIME ZONE zone) FROM unnest(later) AS l (day);
END
$$;
COMMENT ON FUNCTION bizmetrics.saved_funnel_days(jsonb, timestamptz, timestamptz, text[], boolean) IS
'Which days of entry (or weeks, months) the report of a saved funnel with first_time computes anew: its window''s, and the later ones that depended on a step that is not the first any more of those who changed. has_later: there are rows of later ones.';

CREATE FUNCTION bizmetrics.saved_funnel_columns(unit text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT ARRAY[
    ARRAY['entered_on', 'date NOT NULL', format('The %s of entry, by its first day.', unit)],
    ARRAY['breakdown', 'text NOT NULL', 'The value that the rows are broken down by; empty where there is none.'],
    ARRAY['step', 'integer NOT NULL', 'The number of the step, from 1.'],
    ARRAY['name', 'text', 'What the step is called.'],
    ARRAY['actors', 'bigint', 'How many of those who entered got to the step.'],
    ARRAY['conversion', 'numeric', 'That as a part of those who entered, from 0 to 1.'],
    ARRAY['step_conversion', 'numeric', 'That as a part of those who got to the step before.'],
    ARRAY['drop_off', 'bigint', 'How many got to the step before and not to this one.'],
    ARRAY['median_seconds', 'double precision', 'Median of the seconds since the step before.'],
    ARRAY['p90_seconds', 'double precision', '90th percentile of the seconds since the step before.'],
    ARRAY['total_median_seconds', 'double precision', 'Median of the seconds since the first step.'],
    ARRAY['total_p90_seconds', 'double precision', '90th percentile of the seconds since the first step.']]
$$;
COMMENT ON FUNCTION bizmetrics.saved_funnel_columns(text) IS
'The columns of the table of a saved funnel, as saved_table() takes them.';

CREATE FUNCTION bizmetrics.saved_funnel_query(definition text, target text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT bizmetrics.saved_query($query$WITH d (definition) AS MATERIALIZED (SELECT $funnel$%1$s$funnel$::pg_catalog.jsonb),
days AS MATERIALIZED (
  SELECT DISTINCT x.day
  FROM d, bizmetrics.saved_funnel_days(d.definition, $1, $2, $3,
    EXISTS (SELECT FROM %2$s AS t WHERE t.entered_on {>=} ($2 AT TIME ZONE pg_catalog.current_setting('TimeZone'))::pg_catalog.date)) AS x (day)),
n AS MATERIALIZED (SELECT f.* FROM d, bizmetrics.saved_funnel_of_days(d.definition, ARRAY(SELECT days.day FROM days)) AS f)$query$,
    '{entered_on,breakdown,step}', bizmetrics.saved_columns(bizmetrics.saved_funnel_columns('day'), 1), 'days WHERE t.entered_on {=} days.day', definition, target)
$$;
COMMENT ON FUNCTION bizmetrics.saved_funnel_query(text, text) IS
'The query of a report of create_funnel() with a step that has first_time.';

CREATE FUNCTION bizmetrics.create_funnel(
  name text,
  steps jsonb,
  win interval,
  schedule text DEFAULT '*/15 * * * *',
  unit text DEFAULT 'day',
  timezone text DEFAULT NULL,
  step_order text DEFAULT 'ordered',
  breakdown text DEFAULT NULL,
  attribution text DEFAULT 'first',
  subject text DEFAULT 'actor',
  filter jsonb DEFAULT NULL,
  owner name DEFAULT NULL,
  description text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET intervalstyle = 'iso_8601' AS $$
DECLARE
  report text;
  target text;
  columns text[];
  described text;
  definition text;
  names text[];
  every_event boolean;
  has_first_time boolean;
BEGIN
  IF unit IS NULL OR schedule IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'unit and schedule must not be NULL';
  END IF;
  IF unit NOT IN ('day', 'week', 'month') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('unknown unit "%s"', unit), HINT = 'Use day, week or month.';
  END IF;
  columns := bizmetrics.saved_funnel_columns(unit);
  report := bizmetrics.saved_report_name('funnel', name, bizmetrics.saved_columns(columns, 1));
  target := format('analytics.%I', report);
  described := coalesce(description, format('Funnel %s: how far those get who enter in a %s.', name, unit));
  -- Raises whatever there is to say against it, and reads nothing.
  PERFORM FROM bizmetrics.funnel_counts(steps, win, '{infinity,infinity}', step_order, breakdown, attribution, subject, filter);
  IF extract(epoch FROM win) > 36600 * 86400.0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('window "%s" is too long for a saved funnel', win), HINT = 'Give 36,600 days at most.';
  END IF;
  has_first_time := EXISTS (SELECT FROM jsonb_array_elements(steps) AS s WHERE s -> 'first_time' = 'true');
  -- The events that say what is new. In the strict order each event may end an attempt.
  SELECT array_agg(DISTINCT e.event ORDER BY e.event), coalesce(bool_or(e.event IS NULL), true) OR step_order = 'strict'
  INTO names, every_event
  FROM jsonb_array_elements(steps) AS s,
       LATERAL (SELECT CASE jsonb_typeof(s) WHEN 'string' THEN s #>> '{}' ELSE s ->> 'event' END
                UNION ALL
                SELECT CASE jsonb_typeof(x) WHEN 'string' THEN x #>> '{}' ELSE x ->> 'event' END
                FROM jsonb_array_elements(CASE WHEN jsonb_typeof(s -> 'exclude') = 'array' THEN s -> 'exclude'
                                               WHEN s ? 'exclude' AND jsonb_typeof(s) = 'object' THEN jsonb_build_array(s -> 'exclude')
                                               ELSE '[]' END) AS x) AS e (event);
  -- Nothing in it can end the quotes around it.
  definition := replace(jsonb_build_object('steps', steps, 'win', win, 'unit', unit, 'step_order', step_order, 'breakdown', breakdown,
                                           'attribution', attribution, 'subject', subject, 'filter', filter)::text, '$', '\u0024');
  PERFORM bizmetrics.create_report(
    name => report,
    target => target,
    ddl => CASE WHEN has_first_time THEN bizmetrics.saved_table(target, '{entered_on,breakdown,step}', columns, described) END,
    query => CASE WHEN has_first_time THEN bizmetrics.saved_funnel_query(definition, target)
                  ELSE format('SELECT f.* FROM bizmetrics.saved_funnel($funnel$%s$funnel$, $1, $2) AS f', definition) END,
    schedule => schedule,
    timezone => timezone,
    bucket => ('1 ' || unit)::interval,
    key => CASE WHEN NOT has_first_time THEN '{entered_on,breakdown,step}'::text[] END,
    events => CASE WHEN every_event THEN NULL ELSE names END,
    grain => CASE WHEN has_first_time THEN substr(bizmetrics.subject_column(subject), 3) END,
    -- In hours, for a day of win has 24 of them.
    reach => nullif(make_interval(hours => ceil(extract(epoch FROM win) / 3600)::integer), interval '0'),
    owner => owner,
    description => described,
    columns => CASE WHEN NOT has_first_time THEN jsonb_object(bizmetrics.saved_columns(columns, 1), bizmetrics.saved_columns(columns, 3)) END);
END
$$;
COMMENT ON FUNCTION bizmetrics.create_funnel(text, jsonb, interval, text, text, text, text, text, text, text, jsonb, name, text) IS
'Saves a funnel: the report funnel_<name> keeps the table analytics.funnel_<name> up to date, by day, week or month of entry (unit) and breakdown, and computes anew what new events change: an event the buckets from win before it to its own, and where it is the first of a step with first_time, found late, those of the step that was taken for it. The other arguments are those of funnel() and create_report(). Errors: as there; 22023 win is over 36,600 days; 42710 and 42P07 the name is another table''s.';

CREATE FUNCTION bizmetrics.create_funnel(
  name text,
  steps text[],
  win interval,
  schedule text DEFAULT '*/15 * * * *',
  unit text DEFAULT 'day',
  timezone text DEFAULT NULL,
  step_order text DEFAULT 'ordered',
  breakdown text DEFAULT NULL,
  attribution text DEFAULT 'first',
  subject text DEFAULT 'actor',
  filter jsonb DEFAULT NULL,
  owner name DEFAULT NULL,
  description text DEFAULT NULL
) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  SELECT bizmetrics.create_funnel($1, to_jsonb($2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
$$;
COMMENT ON FUNCTION bizmetrics.create_funnel(text, text[], interval, text, text, text, text, text, text, text, jsonb, name, text) IS
'The same for steps that are names of events. Errors: as there.';

CREATE FUNCTION bizmetrics.drop_funnel(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM bizmetrics.drop_saved('funnel', name);
END
$$;
COMMENT ON FUNCTION bizmetrics.drop_funnel(text) IS
'Forgets a saved funnel and its runs; its table stays. Errors: 42704 no such funnel; 42501 not its owner; 55006 it is running.';

CREATE VIEW bizmetrics.funnels AS
SELECT pg_catalog.substr(r.report_name, 8) AS funnel_name,
       d.definition OPERATOR(pg_catalog.->) 'steps' AS steps,
       (d.definition OPERATOR(pg_catalog.->>) 'win')::pg_catalog.interval AS win,
       d.definition OPERATOR(pg_catalog.->>) 'unit' AS unit,
       r.timezone,
       d.definition OPERATOR(pg_catalog.->>) 'step_order' AS step_order,
       d.definition OPERATOR(pg_catalog.->>) 'breakdown' AS breakdown,
       d.definition OPERATOR(pg_catalog.->>) 'attribution' AS attribution,
       d.definition OPERATOR(pg_catalog.->>) 'subject' AS subject,
       nullif(d.definition OPERATOR(pg_catalog.->) 'filter', 'null') AS filter,
       r.report_name,
       r.target,
       r.owner_name
FROM bizmetrics.reports AS r
CROSS JOIN LATERAL bizmetrics.saved_definition('funnel', r.query) AS d (definition)
WHERE d.definition IS NOT NULL AND pg_catalog.starts_with(r.report_name, 'funnel_') AND bizmetrics.may_see_report(r.owner_name);
COMMENT ON VIEW bizmetrics.funnels IS
'The saved funnels that the current role may see, with the arguments that funnel(), funnel_trend() and funnel_actors() take.';
COMMENT ON COLUMN bizmetrics.funnels.funnel_name IS 'As create_funnel() was told.';
COMMENT ON COLUMN bizmetrics.funnels.steps IS 'A JSON array.';
COMMENT ON COLUMN bizmetrics.funnels.win IS 'The window from the first step to the last.';
COMMENT ON COLUMN bizmetrics.funnels.unit IS 'Of the buckets of entry: day, week or month.';
COMMENT ON COLUMN bizmetrics.funnels.timezone IS 'In which a bucket begins.';
COMMENT ON COLUMN bizmetrics.funnels.step_order IS 'ordered, strict or any.';
COMMENT ON COLUMN bizmetrics.funnels.breakdown IS 'A field of events, or NULL.';
COMMENT ON COLUMN bizmetrics.funnels.attribution IS 'Which step''s value counts: first, last, a number or all.';
COMMENT ON COLUMN bizmetrics.funnels.subject IS 'actor or company.';
COMMENT ON COLUMN bizmetrics.funnels.filter IS 'Of all events, or NULL.';
COMMENT ON COLUMN bizmetrics.funnels.report_name IS 'The report that keeps the table.';
COMMENT ON COLUMN bizmetrics.funnels.target IS 'The table.';
COMMENT ON COLUMN bizmetrics.funnels.owner_name IS 'The role as which the report runs.';
