-- active_users(), lifecycle() and stickiness()
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;
CREATE FUNCTION pg_temp.log(actor text, event text, at timestamptz, properties jsonb DEFAULT '{}', company text DEFAULT NULL) RETURNS uuid
LANGUAGE sql AS $$ SELECT bizmetrics.log_event(event, properties, actor, company, occurred_at => at) $$;
-- Without an event the days and periods are there all the same.
SELECT * FROM bizmetrics.active_users('seen', '2025-01-06', '2025-01-08');
SELECT * FROM bizmetrics.lifecycle('seen', 'week', '2025-01-06', '2025-01-13');
SELECT * FROM bizmetrics.stickiness('seen', 'day', '2025-01-06', '2025-01-08');
SELECT count(pg_temp.log(actor, 'seen', at))
FROM (VALUES ('u1', timestamptz '2025-01-07'), ('u1', '2025-01-14'), ('u1', '2025-01-28'), ('u2', '2025-01-20'), ('u3', '2025-01-13 01:00'), ('u5', '2025-01-22 12:00'), ('u6', '2025-01-07'), (NULL, '2025-01-07')) AS t (actor, at);
SELECT period, string_agg(status || ' ' || subjects, ', ') AS statuses, min(state) AS state
FROM bizmetrics.lifecycle('seen', 'week', '2025-01-06', '2025-02-10', as_of => '2025-02-05') WHERE subjects > 0 OR state <> 'complete' GROUP BY 1 ORDER BY 1;
-- Who was there before the range is not new in it.
SELECT period, status, subjects FROM bizmetrics.lifecycle('seen', 'week', '2025-01-27', '2025-02-03') WHERE subjects > 0;
-- A period that has not begun is not known.
SELECT * FROM bizmetrics.lifecycle('seen', 'month', '2025-01-15', '2025-02-15', as_of => '2025-01-21');
SELECT * FROM bizmetrics.stickiness('seen', 'week', '2025-01-06', '2025-02-03');
-- [from, to) is half-open, to the event.
SELECT * FROM bizmetrics.stickiness('seen', 'day', '2025-01-07 00:00', '2025-01-14 00:00') WHERE subjects > 0;
SELECT * FROM bizmetrics.active_users('seen', '2025-01-13', '2025-01-16', as_of => '2025-01-14 12:00');
-- An event counts for 7 and for 30 days, its own included.
SELECT day, daily, weekly, monthly FROM bizmetrics.active_users('seen', '2025-01-27', '2025-02-28') WHERE day IN ('2025-01-28', '2025-02-03', '2025-02-04', '2025-02-20', '2025-02-21', '2025-02-26', '2025-02-27');
-- to_time is in the middle of a day: what is later does not count.
SELECT day, daily, state FROM bizmetrics.active_users('seen', '2025-01-22', '2025-01-22 12:00');
-- Days are those of a time zone: 2025-01-13 01:00 in London is the evening before in New York.
SELECT z.zone, array_agg(a.day ORDER BY a.day) FROM unnest('{UTC,America/New_York,Asia/Tokyo}'::text[]) AS z (zone), bizmetrics.active_users('seen', '2025-01-12 12:00Z', '2025-01-15 12:00Z', timezone => z.zone) AS a WHERE a.daily > 0 GROUP BY 1 ORDER BY 1;
-- By default those of the session.
SET LOCAL timezone = 'America/New_York';
SELECT day FROM bizmetrics.active_users('seen', '2025-01-12 12:00Z', '2025-01-13 12:00Z') WHERE daily > 0;
SET LOCAL timezone = 'UTC';
-- Companies, properties and any event
SELECT count(pg_temp.log(actor, 'worked', at, properties::jsonb, company))
FROM (VALUES ('a', timestamptz '1992-03-03', '{"plan": "pro"}', 'c1'), ('b', '1992-03-03', '{}', 'c1'), ('b', '1992-03-04', '{"plan": "pro"}', 'c2'), ('a', '1992-03-04', '{}', NULL)) AS t (actor, at, properties, company);
SELECT day, daily, weekly FROM bizmetrics.active_users('worked', '1992-03-03', '1992-03-05', subject => 'company');
SELECT day, daily, weekly FROM bizmetrics.active_users(NULL, '1992-03-03', '1992-03-05', filters => '{"plan": "pro"}');
SELECT day, daily, weekly FROM bizmetrics.active_users(NULL, '1992-03-03', '1992-03-05', company_id => 'c1');
SELECT status, subjects FROM bizmetrics.lifecycle(NULL, 'day', '1992-03-04', '1992-03-05', subject => 'company');
SELECT periods, subjects FROM bizmetrics.stickiness(NULL, 'day', '1992-03-03', '1992-03-05', company_id => 'c2');
-- Against counts made anew for each day and period, over random events.
SELECT count(pg_temp.log('r' || abs(hashint4(i)) % 200, 'random', '1993-01-01 00:00Z'::timestamptz + abs(hashint4(i * 11)) % 15000 * interval '13 min'))
FROM generate_series(1, 2500) AS i;
SELECT z AS zone, count(*) AS days, count(*) FILTER (WHERE (a.daily, a.weekly, a.monthly) IS DISTINCT FROM (d.daily, d.weekly, d.monthly)) AS wrong
FROM unnest('{UTC,America/New_York,Australia/Lord_Howe}'::text[]) AS z, bizmetrics.active_users('random', '1993-02-20 06:00Z', '1993-05-02 17:00Z', timezone => z) AS a,
  LATERAL (SELECT count(DISTINCT e.actor_user_id) FILTER (WHERE l.day = a.day) AS daily, count(DISTINCT e.actor_user_id) FILTER (WHERE l.day > a.day - 7) AS weekly, count(DISTINCT e.actor_user_id) AS monthly
    FROM business_events AS e, LATERAL (SELECT (e.occurred_at AT TIME ZONE z)::date AS day) AS l
    WHERE e.event_name = 'random' AND e.occurred_at < '1993-05-02 17:00Z' AND l.day BETWEEN a.day - 29 AND a.day) AS d
GROUP BY 1 ORDER BY 1;
SELECT u AS unit, z AS zone, count(*) AS rows, sum(l.subjects) > 0 AS some, count(*) FILTER (WHERE l.subjects IS DISTINCT FROM d.subjects) AS wrong
FROM unnest('{day,week,month,quarter}'::text[]) AS u, unnest('{UTC,America/New_York}'::text[]) AS z, bizmetrics.lifecycle('random', u, '1993-02-20 06:00Z', '1993-05-02 17:00Z', timezone => z) AS l,
  LATERAL (SELECT count(*) AS subjects
    FROM (SELECT bool_or(p.period = l.period) AS here, bool_or(p.period = date_trunc(u, l.period - interval '1 hour')) AS before, bool_or(p.period < l.period) AS ever
          FROM business_events AS e, LATERAL (SELECT date_trunc(u, e.occurred_at AT TIME ZONE z) AS period) AS p
          WHERE e.event_name = 'random' AND e.occurred_at < '1993-05-02 17:00Z' GROUP BY e.actor_user_id) AS s
    WHERE CASE l.status WHEN 'new' THEN s.here AND NOT s.ever WHEN 'returning' THEN s.here AND s.before WHEN 'resurrecting' THEN s.here AND s.ever AND NOT s.before ELSE s.before AND NOT s.here END) AS d
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT u AS unit, count(*) AS rows, sum(s.subjects) AS subjects, count(*) FILTER (WHERE s.subjects <> d.subjects OR s.or_more <> d.or_more) AS wrong, round(sum(s.share), 6) AS shares
FROM unnest('{day,week,month,quarter,year}'::text[]) AS u, bizmetrics.stickiness('random', u, '1993-02-20 06:00Z', '1993-05-02 17:00Z', timezone => 'America/New_York') AS s,
  LATERAL (SELECT count(*) FILTER (WHERE n = s.periods) AS subjects, count(*) FILTER (WHERE n >= s.periods) AS or_more
    FROM (SELECT count(DISTINCT date_trunc(u, e.occurred_at AT TIME ZONE 'America/New_York')) AS n FROM business_events AS e
          WHERE e.event_name = 'random' AND e.occurred_at >= '1993-02-20 06:00Z' AND e.occurred_at < '1993-05-02 17:00Z' GROUP BY e.actor_user_id) AS c) AS d
GROUP BY 1 ORDER BY 1;
ROLLBACK;
