-- preview_schedule() says when a schedule fires, in the zone's local time too; what create_report()
-- would refuse it refuses, with the field and the column.
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
\pset format aligned
\pset tuples_only off
SELECT * FROM bizmetrics.preview_schedule('0 9 * * MON-FRI', 'Asia/Tokyo', 3, '2026-03-05 12:00+00');
-- Strictly later than after; seconds count.
SELECT fires_at FROM bizmetrics.preview_schedule('*/5 * * * *', after => '2026-03-05 12:05:00+00', n => 2);
SELECT fires_at FROM bizmetrics.preview_schedule('*/5 * * * *', after => '2026-03-05 12:04:59.999+00', n => 1);
-- The gap: the first instant after it. The hour that comes twice: once, or twice for a wildcard.
SELECT * FROM bizmetrics.preview_schedule('30 2 * * *', 'Europe/Berlin', 3, '2026-03-27 12:00+00');
SELECT * FROM bizmetrics.preview_schedule('30 2 * * *', 'Europe/Berlin', 2, '2026-10-24 12:00+00');
SELECT * FROM bizmetrics.preview_schedule('30 * * * *', 'Europe/Berlin', 3, '2026-10-25 00:00+00');
SELECT * FROM bizmetrics.preview_schedule('@daily', 'America/Santiago', 2, '2026-09-05 12:00+00');
SELECT * FROM bizmetrics.preview_schedule('0 0 29 2 *', n => 3, after => '2026-01-01');
-- By default five, from now on.
SELECT count(*), min(fires_at) > now() AS all_to_come, bool_and(fires_at = local_time AT TIME ZONE 'UTC') AS local FROM bizmetrics.preview_schedule('* * * * *');
SELECT count(*) FROM bizmetrics.preview_schedule('* * * * *', n => 1000);
SELECT pg_temp.error_of(format('SELECT * FROM bizmetrics.preview_schedule(%s)', arguments)) FROM unnest(ARRAY[
  $$'60 * * * *'$$, $$'0 0 30 2 *'$$, $$'* * * * *', 'CST'$$, $$'* * * * *', 'Nowhere/Town'$$, $$'* * * * *', n => 0$$, $$'* * * * *', n => 1001$$,
  $$'* * * * *', after => 'infinity'$$, $$NULL$$, $$'* * * * *', n => NULL$$]) arguments;
-- Day of month and day of week: either, or both.
SELECT fires_at::date, to_char(fires_at, 'Dy') AS day FROM bizmetrics.preview_schedule('0 0 13 * FRI', n => 3, after => '2026-01-01');
SELECT fires_at::date, to_char(fires_at, 'Dy') AS day FROM bizmetrics.preview_schedule('0 0 13 * FRI', n => 3, after => '2026-01-01', match_days => 'all');
SELECT fires_at::date FROM bizmetrics.preview_schedule('0 0 13 * *', n => 2, after => '2026-01-01', match_days => 'all');
SELECT fires_at FROM bizmetrics.preview_schedule('90 seconds', n => 1, after => '2026-01-01', match_days => 'all');
SELECT pg_temp.error_of(format('SELECT * FROM bizmetrics.preview_schedule(%s)', arguments)) FROM unnest(ARRAY[
  $$'0 0 8-14 * 1#1', match_days => 'all'$$, $$'* * * * *', match_days => 'both'$$, $$'* * * * *', match_days => NULL$$]) arguments;
-- The zone for which none is given; a name that is not one is refused where it is set.
SET bizmetrics.timezone = 'europe/berlin';
SELECT * FROM bizmetrics.preview_schedule('30 2 * * *', n => 1, after => '2026-01-01');
SELECT * FROM bizmetrics.preview_schedule('30 2 * * *', NULL, 1, '2026-01-01');
SELECT * FROM bizmetrics.preview_schedule('30 2 * * *', 'UTC', 1, '2026-01-01');
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
CREATE TABLE analytics.tz (n integer);
ALTER TABLE analytics.tz OWNER TO regress_author;
SELECT bizmetrics.create_report('default', 'analytics.tz', 'INSERT INTO analytics.tz VALUES (1)', '@daily', owner => 'regress_author');
SELECT bizmetrics.create_report('null', 'analytics.tz', 'INSERT INTO analytics.tz VALUES (1)', '@daily', owner => 'regress_author', timezone => NULL);
SELECT bizmetrics.create_report('given', 'analytics.tz', 'INSERT INTO analytics.tz VALUES (1)', '@daily', owner => 'regress_author', timezone => 'Asia/Tokyo');
SELECT bizmetrics.create_report('both', 'analytics.tz', 'INSERT INTO analytics.tz VALUES (1)', '0 0 13 1 FRI', owner => 'regress_author', match_days => 'all', timezone => 'UTC');
SELECT count(*) > 0 AS fridays FROM bizmetrics.report_status WHERE report_name = 'both' AND extract(isodow FROM next_slot AT TIME ZONE timezone) = 5 AND extract(day FROM next_slot AT TIME ZONE timezone) = 13;
SELECT bizmetrics.alter_report('both', match_days => 'any');
SELECT match_days, revision FROM bizmetrics.reports WHERE report_name = 'both';
-- Where the scheduler has the report in hand, it is told a moment later.
DO $$ BEGIN FOR i IN 1..3000 LOOP EXIT WHEN (SELECT s.next_slot = p.fires_at FROM bizmetrics.report_status s, bizmetrics.preview_schedule('0 0 13 1 FRI', 'UTC', 1) p WHERE s.report_name = 'both'); COMMIT; PERFORM pg_sleep(0.01); END LOOP; END $$;
SELECT next_slot = (SELECT fires_at FROM bizmetrics.preview_schedule('0 0 13 1 FRI', 'UTC', 1)) AS next FROM bizmetrics.report_status WHERE report_name = 'both';
RESET bizmetrics.timezone;
SELECT report_name, timezone FROM bizmetrics.report_status ORDER BY 1;
SELECT pg_temp.error_of(format('SET bizmetrics.timezone = %L', zone)) FROM unnest(ARRAY['', 'CST', 'FOO+3', 'Nowhere/Town']) zone;
SHOW bizmetrics.timezone;
SELECT count(bizmetrics.drop_report(report_name)) FROM bizmetrics.report_status;
DROP TABLE analytics.tz;
SELECT bizmetrics.revoke_author('regress_author');
DROP OWNED BY regress_author;
DROP ROLE regress_author;
