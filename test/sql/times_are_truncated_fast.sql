-- In a report's SELECT times are truncated by a function that remembers, or, in a window of one bucket, once: it gives what
-- date_trunc() does.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT setseed(0.5);
CREATE TEMP TABLE times AS SELECT '1880-01-01'::timestamptz + random() * interval '250 years' AS at FROM generate_series(1, 4000)
	UNION ALL SELECT '2026-03-01'::timestamptz + random() * interval '40 days' FROM generate_series(1, 1000)
	-- Around changes of the clocks: by an hour, at midnight, at one minute past it, by half an hour, by a day, of odd seconds.
	UNION ALL SELECT change::timestamptz + n * interval '1 minute' - interval '3 hours' FROM generate_series(1, 360) AS n,
		(VALUES ('2026-03-29 01:00Z'), ('2026-10-25 01:00Z'), ('2026-09-06 04:00Z'), ('2005-10-30 03:31Z'), ('2026-04-04 15:00Z'), ('2011-12-30 10:00Z'), ('1937-06-30 23:40Z'), ('2025-11-02 05:00Z')) c (change)
	UNION ALL VALUES ('infinity'::timestamptz), ('-infinity'), ('2000-01-01 00:00Z'), ('1999-12-31 23:59:59.999999Z'), ('2026-03-29 00:59:59.999999Z');
CREATE PROCEDURE pg_temp.compare(zone text) LANGUAGE plpgsql AS $$
DECLARE
	unit text;
	differences bigint;
BEGIN
	PERFORM set_config('timezone', zone, true);
	FOREACH unit IN ARRAY '{microseconds,second,minute,hour,day,week,month,quarter,year,decade,millennium,DAY}'::text[] LOOP
		SELECT count(*) INTO differences FROM times WHERE bizmetrics.date_trunc(unit, at) IS DISTINCT FROM date_trunc(unit, at);
		IF differences > 0 THEN
			RAISE WARNING '% differences by % in %', differences, unit, zone;
		END IF;
	END LOOP;
END
$$;
\set ECHO none
SELECT format('CALL pg_temp.compare(%L)', zone) FROM unnest('{UTC,Europe/Berlin,Europe/Amsterdam,America/New_York,America/St_Johns,America/Santiago,America/Havana,Australia/Lord_Howe,Asia/Kathmandu,Pacific/Apia,Africa/Monrovia,EST5EDT}'::text[]) zone \gexec
\set ECHO all
-- The unit and the zone may change between calls.
SELECT bizmetrics.date_trunc(unit, '2026-03-29 12:34:56Z') FROM unnest('{day,hour,day,month,day}'::text[]) unit;
SELECT set_config('timezone', zone, true), bizmetrics.date_trunc('day', '2026-03-29 12:34:56Z') FROM unnest('{Asia/Tokyo,UTC,America/New_York,Asia/Tokyo}'::text[]) zone;
SELECT bizmetrics.date_trunc('hour', '4714-11-24 00:00:00+00 BC'), bizmetrics.date_trunc('day', '294276-12-31 23:59:59.999999Z');
SELECT bizmetrics.date_trunc('fortnight', now());
SELECT bizmetrics.date_trunc(repeat('x', 40), now());
SELECT bizmetrics.date_trunc(NULL, now()), bizmetrics.date_trunc('day', NULL);

-- Of a report: every form in which a SELECT groups by its bucket, by a day in a zone of its own, a day with a change of
-- the clocks among them.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-03-01', '2026-05-01') >= 0;
\c - regress_author
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
CREATE TEMP TABLE forms (name text, expression text, zone text);
INSERT INTO forms VALUES
	('trunc', $$date_trunc('day', occurred_at)$$, 'America/Santiago'),
	('trunc_in_zone', $$date_trunc('day', occurred_at, 'America/Santiago')$$, 'America/Santiago'),
	('local', $$date_trunc('day', occurred_at AT TIME ZONE 'America/Santiago')$$, 'America/Santiago'),
	('date', $$occurred_at::date$$, 'America/Santiago'),
	('date_in_zone', $$(occurred_at AT TIME ZONE 'America/Santiago')::date$$, 'America/Santiago'),
	('timestamp', $$date_trunc('day', occurred_at::timestamp)$$, 'America/Santiago'),
	('abbreviation', $$date_trunc('day', occurred_at AT TIME ZONE 'UTC')$$, 'UTC');
SELECT bizmetrics.create_report('fast_' || name, query => format($$SELECT %s AS day, count(DISTINCT id) AS n, min(date_trunc('hour', occurred_at)) AS first_hour, count(DISTINCT date_trunc('hour', occurred_at)) AS hours FROM public.business_events WHERE event_name = 'fast' GROUP BY 1$$, expression), schedule => :never, key => '{day}', bucket => '1 day', timezone => zone) FROM forms;
-- Part of the key in one of the sets only; and a SELECT that reads more than its window.
SELECT bizmetrics.create_report('fast_sets', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(actor_user_id, 'all') AS actor, count(DISTINCT id) AS n, bool_and(date_trunc('week', occurred_at) = '2026-03-30') AS in_week FROM public.business_events WHERE event_name = 'fast' GROUP BY GROUPING SETS ((date_trunc('day', occurred_at), actor_user_id), (date_trunc('day', occurred_at)))$$, schedule => :never, key => '{day,actor}', bucket => '1 day', timezone => 'America/Santiago');
SELECT bizmetrics.create_report('fast_reach', query => $$SELECT d.day, count(DISTINCT date_trunc('day', e.occurred_at)) AS days_of_seven FROM generate_series($1, $2 - interval '1 microsecond', '1 day') AS d (day) JOIN public.business_events AS e ON e.event_name = 'fast' AND e.occurred_at >= d.day - interval '6 days' AND e.occurred_at < d.day + interval '1 day' AND e.occurred_at >= $1 - interval '6 days' AND e.occurred_at < $2 GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', strategy => 'merge');
\set run 'SELECT format(''SELECT %1$L AS report, state, message FROM bizmetrics.run_report(%1$L) WHERE state <> ''''succeeded'''''', report_name) FROM bizmetrics.report_status ORDER BY report_name'
-- All at once, and then one bucket at a time.
\set ECHO none
INSERT INTO public.business_events (event_name, occurred_at, actor_user_id) SELECT 'fast', '2026-03-30 01:00Z'::timestamptz + n * interval '53 minutes', n % 3 FROM generate_series(1, 250) n;
:run \gexec
INSERT INTO public.business_events (event_name, occurred_at, actor_user_id) VALUES ('fast', '2026-04-02 12:30Z', 1);
:run \gexec
INSERT INTO public.business_events (event_name, occurred_at, actor_user_id) SELECT 'fast', '2026-04-05 02:30Z'::timestamptz + n * interval '10 minutes', 2 FROM generate_series(0, 15) n;
:run \gexec
INSERT INTO public.business_events (event_name, occurred_at, actor_user_id) VALUES ('fast', '2026-04-08 03:59:59.999999Z', 1), ('fast', '2026-04-08 04:00Z', 1);
:run \gexec
\set ECHO all
SET timezone = 'America/Santiago';
\set ECHO none
SELECT format($$SELECT %1$L AS form, (SELECT count(*) FROM analytics.fast_%1$s) AS days, count(*) AS differences FROM (SELECT day, n, first_hour, hours FROM analytics.fast_%1$s EXCEPT SELECT %2$s, count(DISTINCT id), min(date_trunc('hour', occurred_at)), count(DISTINCT date_trunc('hour', occurred_at)) FROM public.business_events WHERE event_name = 'fast' GROUP BY 1) d$$, name, expression) FROM forms WHERE zone <> 'UTC' \gexec
\set ECHO all
SELECT count(*) FROM analytics.fast_sets;
(TABLE analytics.fast_sets EXCEPT SELECT date_trunc('day', occurred_at), coalesce(actor_user_id, 'all'), count(DISTINCT id), bool_and(date_trunc('week', occurred_at) = '2026-03-30') FROM public.business_events WHERE event_name = 'fast' GROUP BY GROUPING SETS ((date_trunc('day', occurred_at), actor_user_id), (date_trunc('day', occurred_at))));
SET timezone = 'UTC';
SELECT day, n, first_hour, hours FROM analytics.fast_abbreviation ORDER BY 1;
SELECT * FROM analytics.fast_reach ORDER BY 1;
-- In a plan there is a constant in its place.
SELECT count(*) FILTER (WHERE line ~ 'date_trunc') AS calls, count(*) FILTER (WHERE line ~ 'Aggregate|Group') > 0 AS groups FROM bizmetrics.explain_report('fast_trunc') line;
-- It is not grouped by where there is another column to group by.
SELECT bizmetrics.create_report('fast_actors', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(actor_user_id, '') AS actor, count(DISTINCT id) AS n, max(date_trunc('hour', occurred_at)) AS last_hour FROM public.business_events WHERE event_name = 'fast' GROUP BY 1, 2$$, schedule => :never, key => '{day,actor}', bucket => '1 day', timezone => 'America/Santiago');
SELECT state FROM bizmetrics.run_report('fast_actors');
INSERT INTO public.business_events (event_name, occurred_at, actor_user_id) VALUES ('fast', '2026-04-02 12:45Z', 1);
SELECT bool_or(line ~ 'Group Key') AS groups, bool_or(line ~ 'Group Key.*(timestamp|date_trunc)') AS by_time FROM bizmetrics.explain_report('fast_actors') line;
SELECT state, row_count FROM bizmetrics.run_report('fast_actors');
SET timezone = 'America/Santiago';
SELECT count(*) FROM (TABLE analytics.fast_actors EXCEPT SELECT date_trunc('day', occurred_at), coalesce(actor_user_id, ''), count(DISTINCT id), max(date_trunc('hour', occurred_at)) FROM public.business_events WHERE event_name = 'fast' GROUP BY 1, 2) d;
SET timezone = 'UTC';

-- Constants keep their value, however the settings of a session spell them.
SELECT bizmetrics.create_report('fast_constants', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n, min(timestamptz '2026-10-02 00:30+00') AS at, min(interval '-1 month +2 days') AS span, min(float8 '0.30000000000000004') AS number FROM public.business_events WHERE event_name = 'fast' AND occurred_at < timestamptz '2026-04-03 00:00+00' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', timezone => 'Europe/London');
BEGIN;
SET LOCAL datestyle = 'SQL, DMY';
SET LOCAL intervalstyle = 'sql_standard';
SET LOCAL extra_float_digits = -3;
SELECT state FROM bizmetrics.run_report('fast_constants');
COMMIT;
SELECT count(*), min(at), min(span), min(number), max(day) FROM analytics.fast_constants;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
