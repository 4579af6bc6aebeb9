-- The table of a saved cohort is what cohort_retention() says, in every form, however late events come.
SET timezone = 'UTC';
CREATE ROLE regress_cohort_saver LOGIN;
SELECT bizmetrics.grant_author('regress_cohort_saver');
-- Each round brings new actors; most of its events are of its own weeks and actors, some of any, so that first starts and returns come late.
CREATE FUNCTION public.regress_round(round integer, events integer) RETURNS bigint LANGUAGE sql AS $$
  SELECT setseed(round / 10.0);
  SELECT count(bizmetrics.log_event(CASE WHEN random() < 0.4 THEN 'cr_start' ELSE 'cr_return' END, jsonb_build_object('k', floor(random() * 3)),
           'r' || CASE WHEN n % 5 > 0 THEN round * 20 + floor(random() * 20) ELSE floor(random() * (round + 1) * 20) END, 'c' || floor(random() * 4),
           occurred_at => timestamptz '2002-02-01 00:00Z' + CASE WHEN n % 5 > 0 THEN (round + random()) * interval '20 days' ELSE random() * (round + 1) * interval '20 days' END))
  FROM generate_series(1, events) AS n
$$;
SELECT public.regress_round(0, 150);
CREATE TABLE public.regress_forms AS
SELECT format('form %s', row_number() OVER ()) AS name, u AS unit, t AS type, c AS criteria, m AS mode, s AS subject, z AS zone, k AS breakdown, f AS filters
FROM unnest('{day,week,month}'::text[]) AS u, unnest('{first_time,recurring}'::text[]) AS t, unnest('{on,on_or_after}'::text[]) AS c, unnest('{calendar,rolling}'::text[]) AS m,
     (VALUES ('actor', 'UTC', NULL, NULL::jsonb), ('actor', 'America/New_York', 'k', NULL), ('company', 'Australia/Lord_Howe', NULL, '{"k": 1}')) AS o (s, z, k, f)
WHERE (s = 'actor' OR u = 'week') AND (c = 'on' OR u <> 'day');
GRANT SELECT ON public.regress_forms TO regress_cohort_saver;
CREATE FUNCTION public.regress_differences(OUT forms bigint, OUT cells bigint, OUT wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
  f record;
  more bigint;
  differing bigint;
BEGIN
  forms := 0; cells := 0; wrong := 0;
  FOR f IN SELECT * FROM public.regress_forms LOOP
    EXECUTE format($q$
      SELECT count(*), count(*) FILTER (WHERE (t.cohort_size, t.retained, t.rate) IS DISTINCT FROM (r.cohort_size, r.retained, r.rate) OR t.complete_at < t.begins_at)
      FROM analytics.%I AS t
      FULL JOIN (SELECT r.cohort, coalesce(r.segment, '') AS segment, r.period, r.cohort_size, r.retained, r.rate
                 FROM bizmetrics.cohort_retention('cr_start', 'cr_return', $1, 3, '2002-01-01 00:00Z', '2003-01-01 00:00Z', $2, $8, $3, $4, $5, filters => $6, breakdown => $7) AS r) AS r USING (cohort, segment, period)$q$,
      'cohort_' || f.name) INTO more, differing USING f.unit, f.type, f.mode, f.zone, f.subject, f.filters, f.breakdown, f.criteria;
    forms := forms + 1; cells := cells + more; wrong := wrong + differing;
  END LOOP;
END
$$;
\c - regress_cohort_saver
SELECT bizmetrics.create_cohort(f.name, 'cr_start', 'cr_return', f.unit, 3, '0 0 29 2 *', f.zone, f.type, f.criteria, f.mode, subject => f.subject, filters => f.filters, breakdown => f.breakdown) FROM public.regress_forms AS f \g /dev/null
\set run 'SELECT format(''SELECT %1$L AS report, state, message FROM bizmetrics.run_report(%1$L) WHERE state <> %2$L'', ''cohort_'' || name, ''succeeded'') FROM public.regress_forms'
\t on
:run \gexec
\t off
SELECT * FROM public.regress_differences();
\c - postgres
SELECT public.regress_round(1, 40);
\c - regress_cohort_saver
-- Each says so where it does not succeed.
\set ECHO none
\t on
:run \gexec
\t off
\set ECHO all
SELECT * FROM public.regress_differences();
\c - postgres
SELECT public.regress_round(2, 40);
\c - regress_cohort_saver
-- Each says so where it does not succeed.
\set ECHO none
\t on
:run \gexec
\t off
\set ECHO all
SELECT * FROM public.regress_differences();
\c - postgres
SELECT public.regress_round(3, 40);
\c - regress_cohort_saver
-- Each says so where it does not succeed.
\set ECHO none
\t on
:run \gexec
\t off
\set ECHO all
SELECT * FROM public.regress_differences();
-- Computed anew, it is the same.
CREATE TEMP TABLE before AS SELECT * FROM analytics."cohort_form 2";
SELECT bizmetrics.reset_report('cohort_form 2');
SELECT state, row_count FROM bizmetrics.run_report('cohort_form 2');
SELECT count(*) FROM (TABLE before EXCEPT TABLE analytics."cohort_form 2") AS d;
-- Who is behind each number of a row: as many as it says.
SELECT count(*) AS cells, count(*) FILTER (WHERE t.retained <> (SELECT count(*) FROM bizmetrics.cohort_actors('cr_start', 'cr_return', f.unit, t.cohort, t.period, 'retained', f.type, f.criteria, f.mode, f.zone, f.subject, f.filters, breakdown => f.breakdown) AS a WHERE coalesce(a.segment, '') = t.segment)) AS wrong,
       count(*) FILTER (WHERE t.cohort_size - t.retained <> (SELECT count(*) FROM bizmetrics.cohort_actors('cr_start', 'cr_return', f.unit, t.cohort, t.period, 'lost', f.type, f.criteria, f.mode, f.zone, f.subject, f.filters, breakdown => f.breakdown) AS a WHERE coalesce(a.segment, '') = t.segment)) AS wrong_losses
FROM public.regress_forms AS f,
  LATERAL (SELECT r.cohort, coalesce(r.segment, '') AS segment, r.period, r.cohort_size, r.retained
           FROM bizmetrics.cohort_retention('cr_start', 'cr_return', f.unit, 3, '2002-01-01 00:00Z', '2003-01-01 00:00Z', f.type, f.criteria, f.mode, f.zone, f.subject, filters => f.filters, breakdown => f.breakdown) AS r) AS t
WHERE f.unit <> 'day';
SELECT count(*) AS cells, count(*) FILTER (WHERE r.retained <> (SELECT count(*) FROM bizmetrics.cohort_actors('cr_start', 'cr_return', 'week', r.cohort, r.period, criteria => 'on_or_after', mode => m, timezone => 'UTC'))) AS wrong
FROM unnest('{calendar,rolling}'::text[]) AS m, bizmetrics.cohort_retention('cr_start', 'cr_return', 'week', 3, '2002-01-01 00:00Z', '2003-01-01 00:00Z', criteria => 'on_or_after', mode => m, timezone => 'UTC') AS r;
SELECT count(bizmetrics.drop_cohort(name)) FROM public.regress_forms;
\c - postgres
SELECT bizmetrics.revoke_author('regress_cohort_saver');
DROP OWNED BY regress_cohort_saver;
DROP ROLE regress_cohort_saver;
DROP FUNCTION public.regress_round, public.regress_differences;
DROP TABLE public.regress_forms, bizmetrics.business_events_2002_02, bizmetrics.business_events_2002_03, bizmetrics.business_events_2002_04;
