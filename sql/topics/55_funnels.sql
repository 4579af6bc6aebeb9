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
'How many actors (or companies: subject) get through the steps within win of the first, entering in [from_time, to_time); NULL is no limit. A row for each step and value of the breakdown: conversion from the first step, step_conversion and drop_off from the step before, and the median and 90th percentile of the seconds since that step and since the first. A step is the name of an event or an object with event, filter, name, optional, first_time and exclude; step_order is ordered (other events may come between), strict (none may) or any. breakdown is a column or properties.key, of the first step that has it, the last one or that of a number (attribution). Ratios are exact numerics, NULL where they would divide by zero. Errors: 22004 an argument is NULL that must not be; 22023 steps, order, breakdown, attribution, subject or filter are no such; win is negative; to_time is before from_time; 54023 more than 32 steps and excluding events; 42501 no right to read events.';

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
CREATE FUNCTION bizmetrics.funnel_buckets(from_time timestamptz, to_time timestamptz, unit text, timezone text) RETURNS timestamptz[]
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
  RETURN (
    SELECT array_agg(b.at AT TIME ZONE timezone ORDER BY b.at)
    FROM generate_series(first,
                         date_trunc(unit, (to_time - interval '1 microsecond') AT TIME ZONE timezone) + step,
                         step) AS b (at));
END
$$;
COMMENT ON FUNCTION bizmetrics.funnel_buckets(timestamptz, timestamptz, text, text) IS
'The bounds of the buckets of funnel_trend(), one more than there are buckets.';

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
'funnel() for each hour, day, week (from Monday), month, quarter or year of entry in a time zone; each bucket that contains an instant of [from_time, to_time) is counted whole. Who enters in several buckets counts in each, by his best chain that begins there. Without a breakdown, buckets without an entry have rows too. Errors: 22004 an argument is NULL that must not be; 22023 as funnel(), unknown unit or time zone, to_time not after from_time; 54023 and 42501 as funnel().';

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
