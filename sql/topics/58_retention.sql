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

CREATE FUNCTION bizmetrics.cohort_actors(
  start_event text,
  return_event text,
  unit text,
  cohort date,
  period integer,
  outcome text DEFAULT 'retained',
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
) RETURNS TABLE (actor text, segment text, began_at timestamptz, came_back_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000 COST 100000 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  who text := bizmetrics.subject_column(subject);
  segment_of text := CASE WHEN breakdown IS NULL THEN 'NULL::text' ELSE 'nullif(e.properties ->> $11, '''')' END;
  length interval;
  begins timestamp;	-- local times of the cohort's period and of the one asked for
  ends timestamp;
  period_begins timestamp;
  period_ends timestamp;
  since interval;	-- the same from a member's start on
  until interval;
BEGIN
  PERFORM bizmetrics.check_choice('unit', unit, '{day,week,month}');
  IF cohort IS NULL OR period IS NULL OR timezone IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = 'cohort, period and timezone must not be NULL',
      HINT = 'Give those of a row of cohort_retention().';
  END IF;
  length := bizmetrics.unit_length(unit);
  IF NOT isfinite(cohort) OR date_trunc(unit, cohort::timestamp) <> cohort THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('no %s begins on "%s"', unit, cohort),
      HINT = 'A cohort is named by its first day; that of a week is a Monday.';
  END IF;
  IF period NOT BETWEEN 0 AND 999 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('invalid period: "%s"', period), HINT = 'Give a number from 0 to 999.';
  END IF;
  PERFORM bizmetrics.check_choice('outcome', outcome, '{retained,lost}');
  PERFORM bizmetrics.check_choice('type', type, '{first_time,recurring}');
  PERFORM bizmetrics.check_choice('criteria', criteria, '{on,on_or_after}');
  PERFORM bizmetrics.check_choice('mode', mode, '{calendar,rolling}');
  PERFORM bizmetrics.check_filters('filters', filters);
  PERFORM bizmetrics.check_filters('start_filters', start_filters);
  PERFORM bizmetrics.check_filters('return_filters', return_filters);
  begins := cohort;
  ends := begins + length;
  PERFORM bizmetrics.check_periods(unit, '{day,week,month}', begins AT TIME ZONE timezone, ends AT TIME ZONE timezone, timezone, as_of);
  period_begins := begins + period * length;
  period_ends := CASE criteria WHEN 'on' THEN begins + (period + 1) * length ELSE 'infinity' END;
  since := period * extract(epoch FROM length) * interval '1 second';
  until := (period + 1) * extract(epoch FROM length) * interval '1 second';
  -- What has not begun has lost nobody.
  IF (CASE mode WHEN 'calendar' THEN period_begins >= as_of AT TIME ZONE timezone ELSE begins AT TIME ZONE timezone + since >= as_of END) THEN
    RETURN;
  END IF;
  RETURN QUERY EXECUTE format($query$
    WITH starts AS (
      SELECT %1$s AS subject, e.occurred_at AS at, %2$s AS segment
      FROM public.business_events AS e WHERE e.occurred_at < least($3, $9) AND %3$s
    ), members AS (
      SELECT DISTINCT ON (s.subject) s.subject, s.at, s.segment FROM starts AS s %4$s ORDER BY s.subject, s.at, s.segment COLLATE "C"
    ), returns AS (
      SELECT %1$s AS subject, e.occurred_at AS at, %2$s AS segment
      FROM public.business_events AS e WHERE e.occurred_at >= $2 AND e.occurred_at < $9 AND %5$s
    )
    SELECT m.subject, m.segment, m.at, min(r.at)
    FROM members AS m LEFT JOIN returns AS r ON r.subject = m.subject AND r.at >= m.at AND %6$s
    WHERE m.at AT TIME ZONE $6 >= $12 AND m.at AT TIME ZONE $6 < $13
    GROUP BY 1, 2, 3 HAVING %7$s
    $query$,
    who, segment_of,
    bizmetrics.event_conditions(who, start_event, filters, company_id::text) || CASE WHEN start_filters IS NULL THEN '' ELSE ' AND e.properties @> $7' END
      || CASE type WHEN 'recurring' THEN ' AND e.occurred_at >= $2' ELSE '' END,
    CASE type WHEN 'recurring' THEN 'WHERE s.at AT TIME ZONE $6 >= $12' ELSE '' END,
    bizmetrics.event_conditions(who, NULL, filters, company_id::text) || CASE WHEN return_filters IS NULL THEN '' ELSE ' AND e.properties @> $8' END
      || CASE WHEN return_event IS NULL THEN '' ELSE ' AND e.event_name = $10' END,
    CASE WHEN mode = 'calendar' THEN 'r.at AT TIME ZONE $6 >= $14 AND r.at AT TIME ZONE $6 < $15'
         WHEN criteria = 'on' THEN 'r.at >= m.at + $16 AND r.at < m.at + $17'
         ELSE 'r.at >= m.at + $16' END
      || CASE WHEN breakdown IS NULL THEN '' ELSE ' AND r.segment IS NOT DISTINCT FROM m.segment' END,
    CASE outcome WHEN 'retained' THEN 'count(r.at) > 0' ELSE 'count(r.at) = 0' END)
  -- Clocks are set by less than a day: what is near is read, and its local time decides.
  USING start_event, begins AT TIME ZONE timezone - interval '1 day', ends AT TIME ZONE timezone + interval '1 day', filters, company_id::text, timezone,
        start_filters, return_filters, as_of, return_event, breakdown, begins, ends, period_begins, period_ends, since, until;
END
$$;
COMMENT ON FUNCTION bizmetrics.cohort_actors(text, text, text, date, integer, text, text, text, text, text, text, jsonb, jsonb, jsonb, bizmetrics.identifier, text, timestamptz) IS
'Who is behind a row of cohort_retention() with the same arguments: the members of a cohort who came back in a period, or with the outcome lost those who did not, which is nobody where the period has not begun at as_of. came_back_at is the first return that counts. In no particular order. Errors: as there; 22023 no period of the unit begins on cohort, period is not from 0 to 999, or no such outcome.';

-- Saved cohorts are reports, as saved funnels are: what they are stands in the report's query, between $cohort$.
CREATE FUNCTION bizmetrics.saved_cohort(
  definition jsonb, from_time timestamptz, to_time timestamptz, periods integer,
  OUT cohort date, OUT segment text, OUT period integer, OUT cohort_size bigint, OUT retained bigint,
  OUT rate numeric, OUT begins_at timestamptz, OUT complete_at timestamptz
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 COST 100000 SET search_path = pg_catalog, pg_temp AS $$
  WITH d AS (
    SELECT x.*, bizmetrics.unit_length(x.unit) AS length, extract(epoch FROM bizmetrics.unit_length(x.unit)) * interval '1 second' AS width,
           current_setting('TimeZone') AS zone
    FROM jsonb_to_record($1) AS x (start_event text, return_event text, unit text, type text, criteria text, mode text, subject text,
                                   filters jsonb, start_filters jsonb, return_filters jsonb, company_id text, breakdown text)
  ), cells AS (
    SELECT r.cohort, coalesce(r.segment, '') AS segment, r.period, r.cohort_size, r.retained, r.rate,
           CASE d.mode WHEN 'calendar' THEN (r.cohort + r.period * d.length) AT TIME ZONE d.zone
                ELSE r.cohort::timestamp AT TIME ZONE d.zone + r.period * d.width END AS begins_at,
           CASE d.mode WHEN 'calendar' THEN (r.cohort + (r.period + 1) * d.length) AT TIME ZONE d.zone
                ELSE (r.cohort + d.length) AT TIME ZONE d.zone + (r.period + 1) * d.width END AS complete_at
    -- As of a time when all is over, whenever this is asked.
    FROM d, bizmetrics.cohort_retention(d.start_event, d.return_event, d.unit, $4, $2, $3, d.type, d.criteria, d.mode, d.zone, d.subject,
           nullif(d.filters, 'null'), nullif(d.start_filters, 'null'), nullif(d.return_filters, 'null'), d.company_id, d.breakdown,
           CASE d.criteria WHEN 'on' THEN $3 + ($4 + 3) * d.length ELSE 'infinity' END) AS r
  )
  SELECT c.cohort, c.segment, c.period, c.cohort_size, CASE WHEN b.has_begun THEN c.retained END, CASE WHEN b.has_begun THEN c.rate END, c.begins_at, c.complete_at
  FROM cells AS c, LATERAL (SELECT c.retained > 0 OR c.begins_at <= now() AS has_begun) AS b
$$;
COMMENT ON FUNCTION bizmetrics.saved_cohort(jsonb, timestamptz, timestamptz, integer) IS
'What the reports of create_cohort() store: cohort_retention() in the time zone of the session, and when each period begins and is complete. retained is NULL where a period has not begun and nobody was in it.';

CREATE FUNCTION bizmetrics.saved_cohort_since(definition jsonb, to_time timestamptz, changed text[]) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  zone text := current_setting('TimeZone');
  unit text := definition ->> 'unit';
  who text := bizmetrics.subject_column(definition ->> 'subject');
  names text[] := CASE WHEN definition ->> 'start_event' IS NOT NULL AND definition ->> 'return_event' IS NOT NULL
                       THEN ARRAY[definition ->> 'start_event', definition ->> 'return_event'] END;
  first timestamp;
  kept_from timestamptz;
  first_kept timestamp;
BEGIN
  EXECUTE format('SELECT min(date_trunc($6, s.at AT TIME ZONE $7)) FROM (SELECT %s AS at FROM public.business_events AS e JOIN unnest($3) AS c (who) ON c.who = %s WHERE e.occurred_at < $2 AND %s %s) AS s',
      CASE definition ->> 'type' WHEN 'first_time' THEN 'min(e.occurred_at)' ELSE 'e.occurred_at' END, who,
      bizmetrics.event_conditions(who, definition ->> 'start_event', nullif(definition -> 'filters', 'null'), definition ->> 'company_id')
        || CASE WHEN definition -> 'start_filters' = 'null' THEN '' ELSE ' AND e.properties @> $8' END,
      CASE definition ->> 'type' WHEN 'first_time' THEN 'GROUP BY ' || who ELSE '' END)
    INTO first
    USING definition ->> 'start_event', to_time, changed, nullif(definition -> 'filters', 'null'), definition ->> 'company_id',
          unit, zone, nullif(definition -> 'start_filters', 'null');
  -- Asked for after events were read, whose partitions are locked since.
  kept_from := bizmetrics.kept_from(names);
  first_kept := date_trunc(unit, kept_from AT TIME ZONE zone);
  IF first_kept AT TIME ZONE zone < kept_from THEN
    first_kept := first_kept + bizmetrics.unit_length(unit);
  END IF;
  RETURN CASE WHEN first IS NOT NULL THEN greatest(first, first_kept) AT TIME ZONE zone END;
END
$$;
COMMENT ON FUNCTION bizmetrics.saved_cohort_since(jsonb, timestamptz, text[]) IS
'When the first cohort begins in which one of those who changed has been since before to_time, of those of which no event was pruned; NULL: there is none.';

CREATE FUNCTION bizmetrics.saved_cohort_ranges(definition jsonb, from_time timestamptz, to_time timestamptz, stored jsonb, changed text[])
RETURNS TABLE (range_from timestamptz, range_to timestamptz, scan bigint)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  zone text := current_setting('TimeZone');
  length interval := bizmetrics.unit_length(definition ->> 'unit');
  -- One reading of the log does for two ranges, where each would read what is between them.
  reach interval := CASE definition ->> 'criteria' WHEN 'on' THEN (definition ->> 'periods')::integer * length END;
  window_from timestamptz := from_time;
  last_to timestamptz := to_time;
BEGIN
  -- A return counts in all periods before it, in whichever cohort its actor is.
  IF definition ->> 'criteria' = 'on_or_after' THEN
    from_time := least(from_time, bizmetrics.saved_cohort_since(definition, to_time, changed));
  END IF;
  -- Who is found to have begun earlier leaves the cohort that he was in, and so that has another size. Nobody comes
  -- into one by what happened before it.
  FOR range_from, range_to, scan IN
    WITH old AS (
      SELECT (s ->> 0)::date AS cohort, s ->> 1 AS segment, (s ->> 2)::bigint AS size
      FROM jsonb_array_elements(stored) AS s WHERE definition ->> 'type' = 'first_time'
    ), smaller AS (
      SELECT DISTINCT o.cohort::timestamp AT TIME ZONE zone AS range_from, (o.cohort + length) AT TIME ZONE zone AS range_to
      FROM old AS o
      LEFT JOIN (SELECT n.* FROM (SELECT max(l.cohort) AS last FROM old AS l) AS l,
                 LATERAL bizmetrics.saved_cohort(definition || jsonb_build_object('criteria', 'on', 'return_event', definition -> 'start_event', 'return_filters', definition -> 'start_filters'),
                                                 to_time, (l.last + length) AT TIME ZONE zone, 1) AS n WHERE l.last IS NOT NULL) AS n USING (cohort, segment)
      WHERE n.cohort_size IS DISTINCT FROM o.size
    ), ranges AS (
      SELECT from_time AS range_from, to_time AS range_to UNION ALL SELECT m.range_from, m.range_to FROM smaller AS m
    ), apart AS (
      SELECT r.range_from, r.range_to, r.range_from > lag(r.range_to) OVER (ORDER BY r.range_from) + reach AS is_apart FROM ranges AS r
    )
    SELECT a.range_from, a.range_to, count(*) FILTER (WHERE a.is_apart) OVER (ORDER BY a.range_from) FROM apart AS a
  LOOP
    last_to := greatest(last_to, range_to);
    RETURN NEXT;
  END LOOP;
  IF from_time < window_from OR last_to > to_time THEN
    PERFORM bizmetrics.also_wrote(from_time, last_to);
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.saved_cohort_ranges(jsonb, timestamptz, timestamptz, jsonb, text[]) IS
'Which times'' cohorts a report of create_cohort() computes anew: its window''s, with on_or_after also those before it from the first one on that somebody is in who changed, and the later ones of which members are found to have begun in the window. stored are the later ones with their segments and sizes, as arrays; those of one scan are computed together.';

CREATE FUNCTION bizmetrics.saved_cohort_columns(unit text, criteria text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT ARRAY[
    ARRAY['cohort', 'date NOT NULL', format('The %s in which they began, by its first day.', unit)],
    ARRAY['segment', 'text NOT NULL', 'The value at the start that the rows are broken down by; empty where there is none.'],
    ARRAY['period', 'integer NOT NULL', format('How many %ss later, from 0.', unit)],
    ARRAY['cohort_size', 'bigint NOT NULL', 'How many began.'],
    ARRAY['retained', 'bigint', CASE criteria WHEN 'on' THEN 'How many of them came back in the period; NULL as long as it has not begun.'
                                              ELSE 'How many of them came back in the period or later; NULL as long as it has not begun.' END],
    ARRAY['rate', 'numeric', 'retained by cohort_size, from 0 to 1.'],
    ARRAY['begins_at', 'timestamp with time zone NOT NULL', 'When the period begins.'],
    ARRAY['complete_at', 'timestamp with time zone NOT NULL', CASE criteria WHEN 'on' THEN 'When the period is over for each member: until then retained may grow.'
                                                                          ELSE 'When the period is over for each member; retained grows with whoever comes back later, too.' END]]
$$;
COMMENT ON FUNCTION bizmetrics.saved_cohort_columns(text, text) IS
'The columns of the table of a saved cohort, as saved_table() takes them.';

CREATE FUNCTION bizmetrics.saved_cohort_query(definition text, target text, periods integer, changed text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT bizmetrics.saved_query($query$WITH d (definition) AS MATERIALIZED (SELECT $cohort$%1$s$cohort$::pg_catalog.jsonb),
w AS (SELECT ($1 AT TIME ZONE pg_catalog.current_setting('TimeZone'))::pg_catalog.date AS first, ($2 AT TIME ZONE pg_catalog.current_setting('TimeZone'))::pg_catalog.date AS next),
r AS MATERIALIZED (
  SELECT x.range_from, x.range_to, x.scan,
         (x.range_from AT TIME ZONE pg_catalog.current_setting('TimeZone'))::pg_catalog.date AS first, (x.range_to AT TIME ZONE pg_catalog.current_setting('TimeZone'))::pg_catalog.date AS next
  FROM d, bizmetrics.saved_cohort_ranges(d.definition, $1, $2,
    (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(t.cohort, t.segment, t.cohort_size)) FROM %2$s AS t, w WHERE t.period {=} 0 AND t.cohort {>=} w.next), %4$s) AS x),
n AS MATERIALIZED (
  SELECT c.*
  FROM d, (SELECT pg_catalog.min(r.range_from) AS scan_from, pg_catalog.max(r.range_to) AS scan_to FROM r GROUP BY r.scan) AS s,
       LATERAL bizmetrics.saved_cohort(d.definition, s.scan_from, s.scan_to, %3$s) AS c
  WHERE EXISTS (SELECT FROM r WHERE c.cohort {>=} r.first AND c.cohort {<} r.next)),
-- Periods that have begun, and in which nothing has happened, or the cohort would have been computed
begun AS (
  UPDATE %2$s AS t SET retained = 0, rate = 0 FROM w
  WHERE t.retained IS NULL AND t.begins_at {<=} pg_catalog.now() AND t.cohort {<} w.first
    AND NOT EXISTS (SELECT FROM r WHERE t.cohort {>=} r.first AND t.cohort {<} r.next))$query$,
    '{cohort,segment,period}', bizmetrics.saved_columns(bizmetrics.saved_cohort_columns('day', 'on'), 1), 'r WHERE t.cohort {>=} r.first AND t.cohort {<} r.next',
    definition, target, periods::text, changed)
$$;
COMMENT ON FUNCTION bizmetrics.saved_cohort_query(text, text, integer, text) IS
'The query of a report of create_cohort(); changed is the parameter that has those who changed, or NULL.';

CREATE FUNCTION bizmetrics.create_cohort(
  name text,
  start_event text,
  return_event text,
  unit text DEFAULT 'week',
  periods integer DEFAULT 12,
  schedule text DEFAULT '*/15 * * * *',
  timezone text DEFAULT NULL,
  type text DEFAULT 'first_time',
  criteria text DEFAULT 'on',
  mode text DEFAULT 'calendar',
  subject text DEFAULT 'actor',
  filters jsonb DEFAULT NULL,
  start_filters jsonb DEFAULT NULL,
  return_filters jsonb DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL,
  breakdown text DEFAULT NULL,
  owner name DEFAULT NULL,
  description text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  report text;
  target text;
  columns text[];
  described text;
  definition text;
BEGIN
  IF schedule IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'schedule must not be NULL';
  END IF;
  PERFORM bizmetrics.check_choice('unit', unit, '{day,week,month}');
  PERFORM bizmetrics.check_count('periods', periods, 1000);
  PERFORM bizmetrics.check_choice('type', type, '{first_time,recurring}');
  PERFORM bizmetrics.check_choice('criteria', criteria, '{on,on_or_after}');
  PERFORM bizmetrics.check_choice('mode', mode, '{calendar,rolling}');
  PERFORM bizmetrics.check_choice('subject', subject, '{actor,company}');
  PERFORM bizmetrics.check_filters('filters', filters);
  PERFORM bizmetrics.check_filters('start_filters', start_filters);
  PERFORM bizmetrics.check_filters('return_filters', return_filters);
  columns := bizmetrics.saved_cohort_columns(unit, criteria);
  report := bizmetrics.saved_report_name('cohort', name, bizmetrics.saved_columns(columns, 1));
  target := format('analytics.%I', report);
  -- Nothing in it can end the quotes around it.
  definition := replace(jsonb_build_object('start_event', start_event, 'return_event', return_event, 'unit', unit, 'periods', periods, 'type', type, 'criteria', criteria, 'mode', mode,
                                           'subject', subject, 'filters', filters, 'start_filters', start_filters, 'return_filters', return_filters,
                                           'company_id', company_id::text, 'breakdown', breakdown)::text, '$', '\u0024');
  described := coalesce(description, format('Cohorts %s: how many of those who began in a %s came back.', name, unit));
  PERFORM bizmetrics.create_report(
    name => report,
    target => target,
    ddl => bizmetrics.saved_table(target, '{cohort,segment,period}', columns, described),
    query => bizmetrics.saved_cohort_query(definition, target, periods, CASE criteria WHEN 'on' THEN 'NULL' ELSE '$3' END),
    schedule => schedule,
    timezone => timezone,
    bucket => ('1 ' || unit)::interval,
    events => CASE WHEN start_event IS NOT NULL AND return_event IS NOT NULL THEN ARRAY[start_event, return_event] END,
    companies => CASE WHEN company_id IS NOT NULL THEN ARRAY[company_id::text] END,
    grain => CASE criteria WHEN 'on_or_after' THEN substr(bizmetrics.subject_column(subject), 3) END,
    -- From a return back to the first start that it can count for; rolling periods begin within the first one.
    reach => CASE criteria WHEN 'on' THEN nullif((periods - CASE mode WHEN 'calendar' THEN 1 ELSE -1 END) * bizmetrics.unit_length(unit), interval '0') END,
    owner => owner,
    description => described);
END
$$;
COMMENT ON FUNCTION bizmetrics.create_cohort(text, text, text, text, integer, text, text, text, text, text, text, jsonb, jsonb, jsonb, bizmetrics.identifier, text, name, text) IS
'Saves cohorts: the report cohort_<name> keeps the table analytics.cohort_<name> up to date, a row for each cohort, segment (breakdown) and period, and computes anew what new events change: an event the cohorts from as many periods before it to its own, with on_or_after all that somebody is in who came back, and the first start of somebody, found late, the cohort that he was in. The other arguments are those of cohort_retention() and create_report(). Errors: as there; 42710 and 42P07 the name is another table''s.';

CREATE FUNCTION bizmetrics.drop_cohort(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM bizmetrics.drop_saved('cohort', name);
END
$$;
COMMENT ON FUNCTION bizmetrics.drop_cohort(text) IS
'Forgets saved cohorts and their runs; their table stays. Errors: 42704 no such cohorts; 42501 not their owner; 55006 they are running.';

CREATE VIEW bizmetrics.cohorts AS
SELECT pg_catalog.substr(r.report_name, 8) AS cohort_name,
       d.definition OPERATOR(pg_catalog.->>) 'start_event' AS start_event,
       d.definition OPERATOR(pg_catalog.->>) 'return_event' AS return_event,
       d.definition OPERATOR(pg_catalog.->>) 'unit' AS unit,
       (d.definition OPERATOR(pg_catalog.->>) 'periods')::pg_catalog.int4 AS periods,
       r.timezone,
       d.definition OPERATOR(pg_catalog.->>) 'type' AS type,
       d.definition OPERATOR(pg_catalog.->>) 'criteria' AS criteria,
       d.definition OPERATOR(pg_catalog.->>) 'mode' AS mode,
       d.definition OPERATOR(pg_catalog.->>) 'subject' AS subject,
       nullif(d.definition OPERATOR(pg_catalog.->) 'filters', 'null') AS filters,
       nullif(d.definition OPERATOR(pg_catalog.->) 'start_filters', 'null') AS start_filters,
       nullif(d.definition OPERATOR(pg_catalog.->) 'return_filters', 'null') AS return_filters,
       d.definition OPERATOR(pg_catalog.->>) 'company_id' AS company_id,
       d.definition OPERATOR(pg_catalog.->>) 'breakdown' AS breakdown,
       r.report_name,
       r.target,
       r.owner_name
FROM bizmetrics.reports AS r
CROSS JOIN LATERAL bizmetrics.saved_definition('cohort', r.query) AS d (definition)
WHERE d.definition IS NOT NULL AND pg_catalog.starts_with(r.report_name, 'cohort_') AND bizmetrics.may_see_report(r.owner_name);
COMMENT ON VIEW bizmetrics.cohorts IS
'The saved cohorts that the current role may see, with the arguments that cohort_retention() and cohort_actors() take.';
COMMENT ON COLUMN bizmetrics.cohorts.cohort_name IS 'As create_cohort() was told.';
COMMENT ON COLUMN bizmetrics.cohorts.start_event IS 'What one begins with; NULL: any event.';
COMMENT ON COLUMN bizmetrics.cohorts.return_event IS 'What one comes back with; NULL: any event.';
COMMENT ON COLUMN bizmetrics.cohorts.unit IS 'Of cohorts and periods: day, week or month.';
COMMENT ON COLUMN bizmetrics.cohorts.periods IS 'How many periods a cohort is followed for.';
COMMENT ON COLUMN bizmetrics.cohorts.timezone IS 'In which a cohort begins.';
COMMENT ON COLUMN bizmetrics.cohorts.type IS 'first_time or recurring.';
COMMENT ON COLUMN bizmetrics.cohorts.criteria IS 'on or on_or_after.';
COMMENT ON COLUMN bizmetrics.cohorts.mode IS 'calendar or rolling.';
COMMENT ON COLUMN bizmetrics.cohorts.subject IS 'actor or company.';
COMMENT ON COLUMN bizmetrics.cohorts.filters IS 'What the properties of starts and returns contain, or NULL.';
COMMENT ON COLUMN bizmetrics.cohorts.start_filters IS 'What those of starts contain, or NULL.';
COMMENT ON COLUMN bizmetrics.cohorts.return_filters IS 'What those of returns contain, or NULL.';
COMMENT ON COLUMN bizmetrics.cohorts.company_id IS 'The company whose events count, or NULL.';
COMMENT ON COLUMN bizmetrics.cohorts.breakdown IS 'A property, or NULL.';
COMMENT ON COLUMN bizmetrics.cohorts.report_name IS 'The report that keeps the table.';
COMMENT ON COLUMN bizmetrics.cohorts.target IS 'The table.';
COMMENT ON COLUMN bizmetrics.cohorts.owner_name IS 'The role as which the report runs.';
