-- The table of a saved funnel is what funnel_trend() says, in every form, however late events come: those of steps that are somebody's first too.
SET timezone = 'UTC';
CREATE ROLE regress_funnel_saver LOGIN;
SELECT bizmetrics.grant_author('regress_funnel_saver');
-- Each round brings new actors; most of its events are of its own weeks and actors, some are of anybody's and of the first days, so that first events come late.
CREATE FUNCTION public.regress_round(round integer, events integer) RETURNS bigint LANGUAGE sql AS $$
  SELECT setseed(round / 10.0);
  SELECT count(bizmetrics.log_event((ARRAY['sf_a', 'sf_b', 'sf_c', 'sf_no'])[1 + floor(random() * random() * 4)::integer], jsonb_build_object('k', floor(random() * 3)),
           'r' || CASE WHEN n % 8 > 0 THEN round * 15 + floor(random() * 15) ELSE floor(random() * (round + 1) * 15) END, 'c' || floor(random() * 4),
           occurred_at => timestamptz '2003-02-01 00:00Z' + CASE WHEN n % 8 > 0 THEN (round + random()) * interval '20 days' ELSE random() * interval '5 days' END))
  FROM generate_series(1, events) AS n
$$;
SELECT public.regress_round(0, 150);
CREATE TABLE public.regress_forms AS
SELECT format('form %s', row_number() OVER ()) AS name, s.steps::jsonb AS steps, w AS win, f.unit, f.step_order, f.subject, f.zone, f.breakdown, f.attribution, f.filter::jsonb AS filter
FROM (VALUES ('[{"event": "sf_a", "first_time": true}, "sf_b", "sf_c"]'), ('["sf_a", {"event": "sf_b", "first_time": true}, "sf_c"]'),
             ('[{"event": "sf_a", "first_time": true, "filter": {"properties.k": {"<": 2}}}, {"event": "sf_b", "first_time": true}]'),
             ('["sf_a", {"event": "sf_b", "first_time": true, "exclude": "sf_no"}, {"filter": {"properties.k": 2}, "first_time": true}]'),
             ('["sf_a", {"event": "sf_b", "optional": true, "first_time": true}, {"event": "sf_a", "first_time": true}]'), ('["sf_a", "sf_b"]'),
             ('["sf_a", {"event": "sf_b", "within": "40 hours"}, {"event": "sf_c", "within": "2 days", "first_time": true}]'), ('["sf_a", {"event": "sf_b", "within": "2 days"}, {"event": "sf_c", "within": "30 hours"}]')) AS s (steps),
     unnest('{0,3 days 1 h,30 days}'::interval[]) AS w,
     (VALUES ('day', 'ordered', 'actor', 'UTC', NULL, 'first', NULL), ('week', 'ordered', 'actor', 'America/New_York', 'properties.k', 'last', NULL), ('month', 'ordered', 'company', 'Australia/Lord_Howe', NULL, 'first', '{"properties.k": [0, 1]}'),
             ('day', 'strict', 'actor', 'UTC', 'company_id', '1', NULL), ('day', 'any', 'actor', 'Europe/Berlin', 'company_id', 'first', NULL), ('day', 'ordered', 'company', 'UTC', 'properties.k', 'all', NULL)) AS f (unit, step_order, subject, zone, breakdown, attribution, filter)
WHERE (f.step_order = 'ordered' OR s.steps !~ 'exclude|optional') AND (f.step_order <> 'any' OR s.steps !~ 'within') AND (w > '0' OR f.unit = 'day' AND f.subject = 'actor' AND f.step_order = 'ordered');
GRANT SELECT ON public.regress_forms TO regress_funnel_saver;
CREATE FUNCTION public.regress_differences(OUT forms bigint, OUT rows bigint, OUT wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
  f record;
  more bigint;
  differing bigint;
BEGIN
  forms := 0; rows := 0; wrong := 0;
  FOR f IN SELECT * FROM public.regress_forms LOOP
    EXECUTE format($q$
      SELECT count(*), count(*) FILTER (WHERE (t.actors, t.conversion, t.drop_off, t.median_seconds, t.total_p90_seconds) IS DISTINCT FROM (r.actors, r.conversion, r.drop_off, r.median_seconds, r.total_p90_seconds))
      FROM analytics.%I AS t
      FULL JOIN (SELECT (r.bucket AT TIME ZONE $5)::date AS entered_on, coalesce(r.breakdown_value, '') AS breakdown, r.*
                 FROM bizmetrics.funnel_trend($1, $2, '2003-01-01 00:00Z', '2004-01-01 00:00Z', $3, $5, $4, $6, $7, $8, $9) AS r WHERE r.conversion IS NOT NULL) AS r USING (entered_on, breakdown, step)$q$,
      'funnel_' || f.name) INTO more, differing USING f.steps, f.win, f.unit, f.step_order, f.zone, f.breakdown, f.attribution, f.subject, f.filter;
    forms := forms + 1; rows := rows + more; wrong := wrong + differing;
  END LOOP;
END
$$;
\c - regress_funnel_saver
SELECT bizmetrics.create_funnel(f.name, f.steps, f.win, '0 0 29 2 *', f.unit, f.zone, f.step_order, f.breakdown, f.attribution, f.subject, f.filter) FROM public.regress_forms AS f \g /dev/null
\set run 'SELECT format(''SELECT %1$L AS report, state, message FROM bizmetrics.run_report(%1$L) WHERE state <> %2$L'', ''funnel_'' || name, ''succeeded'') FROM public.regress_forms'
-- Each run says so where it does not succeed.
\set ECHO none
\t on
:run \gexec
\t off
\set ECHO all
SELECT * FROM public.regress_differences();
\c - postgres
SELECT public.regress_round(1, 40);
\c - regress_funnel_saver
\set ECHO none
\t on
:run \gexec
\t off
\set ECHO all
SELECT * FROM public.regress_differences();
\c - postgres
SELECT public.regress_round(2, 40);
\c - regress_funnel_saver
\set ECHO none
\t on
:run \gexec
\t off
\set ECHO all
SELECT * FROM public.regress_differences();
\c - postgres
SELECT public.regress_round(3, 40);
\c - regress_funnel_saver
\set ECHO none
\t on
:run \gexec
\t off
\set ECHO all
SELECT * FROM public.regress_differences();
-- Computed anew, it is the same.
CREATE TEMP TABLE before AS SELECT * FROM analytics."funnel_form 2";
SELECT bizmetrics.reset_report('funnel_form 2');
SELECT state, row_count FROM bizmetrics.run_report('funnel_form 2');
SELECT count(*) FROM (TABLE before EXCEPT TABLE analytics."funnel_form 2") AS d;
SELECT count(bizmetrics.drop_funnel(name)) FROM public.regress_forms;
\c - postgres
SELECT bizmetrics.revoke_author('regress_funnel_saver');
DROP OWNED BY regress_funnel_saver;
DROP ROLE regress_funnel_saver;
DROP FUNCTION public.regress_round, public.regress_differences;
DROP TABLE public.regress_forms, bizmetrics.business_events_2003_02, bizmetrics.business_events_2003_03, bizmetrics.business_events_2003_04;
