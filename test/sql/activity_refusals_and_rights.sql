-- What active_users(), cohort_retention() and their like refuse, and who may call them
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- Each with a range of time, or a property, that is wrong.
SELECT f || ': ' || pg_temp.error_of(format('SELECT * FROM bizmetrics.' || f, a))
FROM unnest(ARRAY['active_users(NULL, %s)', 'lifecycle(NULL, ''day'', %s)', 'stickiness(NULL, ''day'', %s)', 'trend(NULL, ''day'', %s)', 'paths(%s)', 'leaderboard(NULL, %s)', 'actor_rank(1, NULL, %s)', 'cohort_retention(NULL, NULL, ''day'', 3, %s)']) AS f,
  unnest(ARRAY['NULL, now()', 'now(), NULL', '''2025-01-02'', ''2025-01-02''', '''-infinity'', ''2025-01-02''', '''2025-01-01'', ''infinity''']) AS a;
SELECT f || ': ' || pg_temp.error_of(format('SELECT * FROM bizmetrics.' || f, '''2025-01-01'', ''2025-01-02'', ' || a))
FROM unnest(ARRAY['active_users(NULL, %s)', 'lifecycle(NULL, ''day'', %s)', 'stickiness(NULL, ''day'', %s)', 'trend(NULL, ''day'', %s)', 'paths(%s)', 'leaderboard(NULL, %s)', 'actor_rank(1, NULL, %s)', 'cohort_retention(NULL, NULL, ''day'', 3, %s)']) AS f,
  unnest(ARRAY['subject => NULL', 'subject => ''team''', 'filters => ''[1]''', 'filters => ''null''']) AS a;
SELECT a || ': ' || pg_temp.error_of(format('SELECT * FROM bizmetrics.%s', a))
FROM unnest(ARRAY[
  $$active_users(NULL, '2025-01-01', '2025-01-02', timezone => NULL)$$, $$active_users(NULL, '2025-01-01', '2025-01-02', timezone => 'Mars/Olympus')$$, $$active_users(NULL, '2025-01-01', '2025-01-02', as_of => NULL)$$,
  $$active_users(NULL, '1500-01-01', '2025-01-02')$$, $$lifecycle(NULL, NULL, '2025-01-01', '2025-01-02')$$, $$lifecycle(NULL, 'hour', '2025-01-01', '2025-01-02')$$,
  $$trend(NULL, 'minute', '2025-01-01', '2025-01-02')$$, $$trend(NULL, 'hour', '1990-01-01', '2025-01-02')$$, $$trend(NULL, 'day', '2025-01-01', '2025-01-02', NULL)$$, $$trend(NULL, 'day', '2025-01-01', '2025-01-02', 'mode')$$,
  $$trend(NULL, 'day', '2025-01-01', '2025-01-02', 'sum')$$, $$trend(NULL, 'day', '2025-01-01', '2025-01-02', 'events', 'value')$$,
  $$trend(NULL, 'day', '2025-01-01', '2025-01-02', compare => NULL)$$, $$trend(NULL, 'day', '2025-01-01', '2025-01-02', compare => 'last year')$$, $$trend(NULL, 'day', '2025-01-01', '2025-01-02', compare => '-1 day')$$,
  $$paths('2025-01-01', '2025-01-02', 0)$$, $$paths('2025-01-01', '2025-01-02', NULL)$$, $$paths('2025-01-01', '2025-01-02', 101)$$, $$paths('2025-01-01', '2025-01-02', session_gap => NULL)$$, $$paths('2025-01-01', '2025-01-02', session_gap => '-1 min')$$,
  $$leaderboard(NULL, '2025-01-01', '2025-01-02', 0)$$, $$leaderboard(NULL, '2025-01-01', '2025-01-02', NULL)$$,
  $$cohort_retention(NULL, NULL, 'quarter', 3, '2025-01-01', '2025-01-02')$$, $$cohort_retention(NULL, NULL, 'day', 0, '2025-01-01', '2025-01-02')$$, $$cohort_retention(NULL, NULL, 'day', NULL, '2025-01-01', '2025-01-02')$$,
  $$cohort_retention(NULL, NULL, 'day', 1001, '2025-01-01', '2025-01-02')$$, $$cohort_retention(NULL, NULL, 'day', 3, '2025-01-01', '2025-01-02', 'once')$$, $$cohort_retention(NULL, NULL, 'day', 3, '2025-01-01', '2025-01-02', criteria => 'before')$$,
  $$cohort_retention(NULL, NULL, 'day', 3, '2025-01-01', '2025-01-02', mode => NULL)$$, $$cohort_retention(NULL, NULL, 'day', 3, '2025-01-01', '2025-01-02', start_filters => '1')$$, $$cohort_retention(NULL, NULL, 'day', 3, '2025-01-01', '2025-01-02', return_filters => '[]')$$,
  $$cohort_retention(NULL, NULL, 'day', 3, '2025-01-01', '2025-01-02', timezone => '')$$, $$cohort_retention(NULL, NULL, 'day', 3, '2025-01-01', '2025-01-02', as_of => NULL)$$]) AS a;
BEGIN;
-- An author may, and sees what row security lets him see; a reader and a writer may not.
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_reader LOGIN;
CREATE ROLE regress_writer LOGIN;
SELECT FROM bizmetrics.grant_author('regress_author'), bizmetrics.grant_reader('regress_reader'), bizmetrics.grant_writer('regress_writer');
SELECT count(bizmetrics.log_event('rights', actor_user_id => who, occurred_at => '1998-01-05')) FROM generate_series(1, 3) AS who;
CREATE TEMP TABLE calls AS SELECT unnest(ARRAY['sum(daily) FROM bizmetrics.active_users(''rights'', ''1998-01-05'', ''1998-01-06'')', 'sum(subjects) FROM bizmetrics.lifecycle(''rights'', ''day'', ''1998-01-05'', ''1998-01-06'')',
  'sum(subjects) FROM bizmetrics.stickiness(''rights'', ''day'', ''1998-01-05'', ''1998-01-06'')', 'sum(value) FROM bizmetrics.trend(''rights'', ''hour'', ''1998-01-05'', ''1998-01-06'')', 'sum(transitions) FROM bizmetrics.paths(''1998-01-05'', ''1998-01-06'')',
  'sum(value) FROM bizmetrics.leaderboard(''rights'', ''1998-01-05'', ''1998-01-06'')', 'sum(subjects) FROM bizmetrics.actor_rank(1, ''rights'', ''1998-01-05'', ''1998-01-06'')',
  'sum(retained) FROM bizmetrics.cohort_retention(''rights'', NULL, ''week'', 2, ''1998-01-05'', ''1998-01-06'')']) AS call;
GRANT SELECT ON calls TO regress_author, regress_reader, regress_writer;
CREATE FUNCTION pg_temp.result(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE 'SELECT ' || call INTO result;
  RETURN result;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
SET ROLE regress_author;
SELECT string_agg(pg_temp.result(call), ' ') FROM calls;
SET ROLE regress_reader;
SELECT string_agg(pg_temp.result(call), ' ') FROM calls;
SET ROLE regress_writer;
SELECT string_agg(pg_temp.result(call), ' ') FROM calls;
RESET ROLE;
SAVEPOINT policies;
ALTER TABLE public.business_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_actor ON public.business_events FOR SELECT TO regress_author USING (actor_user_id = '1');
SET LOCAL ROLE regress_author;
SELECT string_agg(pg_temp.result(call), ' ') FROM calls;
ROLLBACK TO policies;
-- Somebody's operators that come first in search_path are not used.
SAVEPOINT evil;
CREATE SCHEMA evil;
CREATE FUNCTION evil.never(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
CREATE OPERATOR evil.< (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = evil.never);
CREATE OPERATOR evil.>= (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = evil.never);
CREATE TABLE evil.business_events (LIKE public.business_events);
SET LOCAL search_path = evil, pg_catalog, pg_temp;
SELECT string_agg(pg_temp.result(call), ' ') FROM calls;
ROLLBACK TO evil;
-- In a report
CREATE ROLE regress_reports LOGIN;
SELECT FROM bizmetrics.grant_author('regress_reports');
SET SESSION AUTHORIZATION regress_reports;
SELECT bizmetrics.create_report('active', 'analytics.active', $$INSERT INTO analytics.active SELECT day, daily, monthly FROM bizmetrics.active_users('rights', '1998-01-04 12:00Z', '1998-01-06 12:00Z', 'America/New_York')
  ON CONFLICT (day) DO UPDATE SET daily = excluded.daily, monthly = excluded.monthly$$, '0 0 29 2 *', ddl => 'CREATE TABLE analytics.active (day date PRIMARY KEY, daily bigint, monthly bigint)', timezone => 'America/New_York');
SELECT state FROM bizmetrics.run_report('active');
SELECT state FROM bizmetrics.run_report('active');
SELECT * FROM analytics.active ORDER BY day;
ROLLBACK;
