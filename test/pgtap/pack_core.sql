-- The pack core: its definitions, on cases that were computed by hand.
\i test/helpers/packs.sql
BEGIN;
SET LOCAL TimeZone = 'Europe/Berlin';
SELECT no_plan();

CREATE FUNCTION pg_temp.log(company text, actor text, event text, at timestamptz, properties jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
  SELECT bizmetrics.log_event(event, properties, actor_user_id => actor, company_id => company, occurred_at => at)
$$;
-- Midnight in Berlin is 23:00 of the day before in UTC.
SELECT pg_temp.log('c1', 'ann', 'viewed', '2024-03-01 22:59:59+00'), pg_temp.log('c1', 'ann', 'viewed', '2024-03-01 23:00:00+00');
SELECT pg_temp.log('c1', 'ben', 'viewed', '2024-03-01 10:00+00'), pg_temp.log('c1', 'ben', 'viewed', '2024-03-01 10:00:30+00'), pg_temp.log('c2', 'ann', 'viewed', '2024-03-01 10:00:59.999+00'), pg_temp.log(NULL, NULL, 'viewed', '2024-03-01 10:00+00');
SELECT pg_temp.log('c1', 'ann', 'paid', '2024-03-01 10:00+00', '{"value": 10.10, "currency": "eur"}'), pg_temp.log('c1', 'ann', 'paid', '2024-03-01 10:01+00', '{"value": "0.20", "currency": "EUR"}'), pg_temp.log('c1', 'ann', 'paid', '2024-03-01 10:02+00', '{"value": "much"}');
SELECT pg_temp.log('c1', 'ann', 'paid', '2024-03-02 10:00+00', '{"value": 1, "currency": "EUR"}'), pg_temp.log('c1', 'ann', 'paid', '2024-03-02 10:00+00', '{"value": 2, "currency": "USD"}'), pg_temp.log('c1', 'ann', 'paid', '2024-03-03 10:00+00', '{"value": 3}');
-- Rolling windows: 7 days with the day, 30 days with the day.
SELECT pg_temp.log('c3', 'ann', 'used', '2024-04-01 10:00+00'), pg_temp.log('c3', 'ben', 'used', '2024-04-01 10:00+00'), pg_temp.log('c3', 'ben', 'used', '2024-04-05 10:00+00'), pg_temp.log('c3', NULL, 'used', '2024-04-06 10:00+00');
-- Out of a day with 23 hours, and one with 25.
SELECT pg_temp.log('dst', 'ann', 'used', '2024-03-30 23:30+00'), pg_temp.log('dst', 'ben', 'used', '2024-03-31 21:59+00'), pg_temp.log('dst', 'cid', 'used', '2024-03-31 22:00+00');

SELECT lives_ok($$SELECT pg_temp.run_pack('core', '2024-03-01', '2024-07-01')$$, 'the pack is computed');

SELECT pg_temp.rows_are($$SELECT bucket::text, event_count, distinct_companies, distinct_users, total_value, currency FROM analytics.events_daily WHERE event_name = 'viewed' ORDER BY 1$$,
  '{"(2024-03-01,5,2,2,,)","(2024-03-02,1,1,1,,)"}', 'a day ends at midnight of the report''s zone, and actors and companies count once');
SELECT pg_temp.rows_are($$SELECT bucket::text, event_count, total_value, currency FROM analytics.events_daily WHERE event_name = 'paid' ORDER BY 1$$,
  '{"(2024-03-01,3,10.30,EUR)","(2024-03-02,2,,)","(2024-03-03,1,3,\"\")"}', 'values are summed where they are of one currency, numbers as strings too, and what is no number is left out');
SELECT pg_temp.rows_are($$SELECT currency, event_count, total_value FROM analytics.event_values_daily WHERE day = '2024-03-02' ORDER BY 1$$, '{"(EUR,1,1)","(USD,1,2)"}', 'currencies apart');
SELECT is_empty($$SELECT * FROM analytics.events_minute$$, 'minutes of the last 7 days alone');
SELECT is_empty($$SELECT * FROM analytics.events_hour$$, 'hours of the last 90 days alone');
SELECT pg_temp.rows_are($$SELECT company_id, event_count, distinct_users, first_occurred_at, last_occurred_at FROM analytics.company_events_daily WHERE day = '2024-03-01' AND event_name = 'viewed' ORDER BY 1$$,
  ARRAY['("",1,0,"2024-03-01 11:00:00+01","2024-03-01 11:00:00+01")', '(c1,3,2,"2024-03-01 11:00:00+01","2024-03-01 23:59:59+01")', '(c2,1,1,"2024-03-01 11:00:59.999+01","2024-03-01 11:00:59.999+01")'], 'by company');
SELECT pg_temp.rows_are($$SELECT company_id, event_count, first_occurred_at, last_occurred_at FROM analytics.event_catalog WHERE event_name = 'viewed' AND company_id = 'c1'$$,
  ARRAY['(c1,4,"2024-03-01 11:00:00+01","2024-03-02 00:00:00+01")'], 'the catalog adds up the days');

SELECT pg_temp.rows_are($$SELECT day, dau, wau, mau, dau_mau_ratio FROM analytics.active_users WHERE company_id = 'c3' AND day IN ('2024-04-01', '2024-04-02', '2024-04-05', '2024-04-07', '2024-04-08', '2024-04-11', '2024-04-12', '2024-04-30', '2024-05-01', '2024-05-04') ORDER BY 1$$,
  '{"(2024-04-01,2,2,2,1.000000)","(2024-04-02,0,2,2,0.000000)","(2024-04-05,1,2,2,0.500000)","(2024-04-07,0,2,2,0.000000)","(2024-04-08,0,1,2,0.000000)",
    "(2024-04-11,0,1,2,0.000000)","(2024-04-12,0,0,2,0.000000)","(2024-04-30,0,0,2,0.000000)","(2024-05-01,0,0,1,0.000000)","(2024-05-04,0,0,1,0.000000)"}', 'active users: who is active counts for 1, 7 and 30 days, once');
SELECT is_empty($$SELECT * FROM analytics.active_users WHERE company_id = 'c3' AND day > '2024-05-04'$$, 'and no longer');
SELECT is_empty($$SELECT * FROM analytics.active_users WHERE company_id = 'c3' AND day < '2024-04-01'$$, 'nor before');
SELECT pg_temp.rows_are($$SELECT day, dau FROM analytics.active_users WHERE company_id = 'dst' AND dau > 0 ORDER BY 1$$, '{"(2024-03-31,2)","(2024-04-01,1)"}', 'a day of 23 hours is a day');
SELECT is_empty($$SELECT a.day, a.company_id, a.mau FROM analytics.active_users a WHERE a.mau <> (SELECT count(DISTINCT e.actor_user_id) FROM business_events e WHERE coalesce(e.company_id, '') = a.company_id AND e.occurred_at >= a.day - 29 AND e.occurred_at < a.day + 1)$$, 'as counted one by one');
-- A window in the middle: rows are those of the whole.
CREATE TEMP TABLE whole AS SELECT * FROM analytics.active_users;
SELECT lives_ok($$SELECT pg_temp.run_pack('core', '2024-04-05', '2024-04-06')$$, 'a window of a day');
SELECT is_empty($$SELECT * FROM analytics.active_users EXCEPT SELECT * FROM whole$$, 'gives what the whole gives');
SELECT set_eq($$SELECT DISTINCT day FROM analytics.active_users$$, $$SELECT DISTINCT day FROM whole WHERE day BETWEEN '2024-04-05' AND '2024-05-04'$$, 'for the day and the 29 that follow, which it changes');
SELECT * FROM finish();
ROLLBACK;
