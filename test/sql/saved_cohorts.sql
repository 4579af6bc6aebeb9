-- create_cohort() keeps a table by cohort and period; what comes late changes the cohorts that it belongs to, and no others.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE ROLE regress_cohort_saver LOGIN;
SELECT bizmetrics.grant_author('regress_cohort_saver');
CREATE FUNCTION public.regress_log(actor text, event text, at timestamptz, properties jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE sql AS $$ SELECT bizmetrics.log_event('cs_' || event, properties, actor, 'c' || left(actor, 1), occurred_at => at) $$;
SELECT count(public.regress_log(actor, event, at))
FROM (VALUES ('u1', 'signup', timestamptz '2001-01-08 10:00'), ('u1', 'active', '2001-01-09'), ('u1', 'active', '2001-01-16'), ('u1', 'active', '2001-01-30'),
  ('u2', 'signup', '2001-01-10'), ('u2', 'active', '2001-01-22'),
  ('u3', 'signup', '2001-01-14 23:00'), ('u3', 'active', '2001-01-15 01:00'),
  ('u4', 'signup', '2001-01-15'),
  ('u5', 'signup', '2001-01-17'), ('u5', 'signup', '2001-01-24 09:00'), ('u5', 'active', '2001-01-24 12:00'),
  ('u6', 'active', '2001-01-09'), ('u6', 'signup', '2001-01-10')) AS t (actor, event, at);
\c - regress_cohort_saver
SET timezone = 'America/New_York';
SET datestyle = 'ISO';
SELECT bizmetrics.create_cohort('weekly', 'cs_signup', 'cs_active', periods => 4, schedule => '0 0 29 2 *', timezone => 'UTC');
SELECT state, row_count FROM bizmetrics.run_report('cohort_weekly');
SELECT cohort, segment, period, cohort_size, retained, round(rate, 2) AS rate, begins_at, complete_at FROM analytics.cohort_weekly ORDER BY 1, 2, 3;
-- Nothing new: nothing is done. An event of another name: neither.
SELECT state, row_count FROM bizmetrics.run_report('cohort_weekly');
\c - postgres
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT public.regress_log('u1', 'other', '2001-01-17') IS NOT NULL;
\c - regress_cohort_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT state, row_count FROM bizmetrics.run_report('cohort_weekly');
CREATE TEMP TABLE before AS SELECT cohort, period, cohort_size, retained, xmin::text AS version FROM analytics.cohort_weekly;
-- A return that comes late is one cell.
\c - postgres
SET timezone = 'UTC';
SELECT public.regress_log('u4', 'active', '2001-01-23') IS NOT NULL;
\c - regress_cohort_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE TEMP TABLE before AS SELECT cohort, period, cohort_size, retained, xmin::text AS version FROM analytics.cohort_weekly;
SELECT state, row_count FROM bizmetrics.run_report('cohort_weekly');
SELECT cohort, period, b.cohort_size AS size_before, a.cohort_size, b.retained AS before, a.retained FROM analytics.cohort_weekly AS a FULL JOIN before AS b USING (cohort, period) WHERE a.xmin::text IS DISTINCT FROM b.version ORDER BY 1, 2;
-- A first start that comes late moves its actor to another cohort: u5 leaves that of the 15th, months before which it is found; the cohorts between are left alone.
\c - postgres
SET timezone = 'UTC';
SELECT public.regress_log('u5', 'signup', '2000-10-04'), public.regress_log('u5', 'active', '2000-10-05') \g /dev/null
\c - regress_cohort_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE TEMP TABLE before AS SELECT cohort, period, cohort_size, retained, xmin::text AS version FROM analytics.cohort_weekly;
SELECT state, row_count FROM bizmetrics.run_report('cohort_weekly');
SELECT cohort, period, b.cohort_size AS size_before, a.cohort_size, b.retained AS before, a.retained FROM analytics.cohort_weekly AS a FULL JOIN before AS b USING (cohort, period) WHERE a.xmin::text IS DISTINCT FROM b.version ORDER BY 1, 2;
-- The last member of a cohort leaves: its rows go.
\c - postgres
SET timezone = 'UTC';
SELECT public.regress_log('u4', 'signup', '2001-01-12') IS NOT NULL;
\c - regress_cohort_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT state FROM bizmetrics.run_report('cohort_weekly');
SELECT cohort, cohort_size, array_agg(retained ORDER BY period) AS retained FROM analytics.cohort_weekly GROUP BY 1, 2 ORDER BY 1;
-- Who they are.
SELECT a.* FROM bizmetrics.cohorts AS c, bizmetrics.cohort_actors(c.start_event, c.return_event, c.unit, '2001-01-08', 2, type => c.type, mode => c.mode, timezone => c.timezone, subject => c.subject, breakdown => c.breakdown) AS a ORDER BY 1;
SELECT * FROM bizmetrics.cohort_actors('cs_signup', 'cs_active', 'week', '2001-01-08', 2, 'lost') ORDER BY 1;
-- In a period or later: who comes back counts in all before it, in whichever cohort he is; other cohorts are left alone.
SELECT bizmetrics.create_cohort('later', 'cs_signup', 'cs_active', periods => 3, schedule => '0 0 29 2 *', timezone => 'UTC', criteria => 'on_or_after');
SELECT bizmetrics.create_report('of_later', query => 'SELECT cohort, sum(retained) AS returns FROM analytics.cohort_later WHERE cohort >= $1::date AND cohort < $2::date GROUP BY 1', key => '{cohort}', bucket => '1 week', schedule => '0 0 29 2 *', source => 'analytics.cohort_later', source_time => 'cohort');
SELECT state FROM bizmetrics.run_report('cohort_later');
SELECT state, row_count FROM bizmetrics.run_report('of_later');
SELECT cohort, cohort_size, array_agg(retained ORDER BY period) AS retained FROM analytics.cohort_later GROUP BY 1, 2 ORDER BY 1;
\c - postgres
SET timezone = 'UTC';
SELECT public.regress_log('u6', 'active', '2001-03-20') IS NOT NULL;
\c - regress_cohort_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE TEMP TABLE before AS SELECT cohort, period, cohort_size, retained, xmin::text AS version FROM analytics.cohort_later;
SELECT state, row_count FROM bizmetrics.run_report('cohort_later');
SELECT window_start, window_end FROM bizmetrics.report_runs WHERE report_name = 'cohort_later' ORDER BY run_id DESC LIMIT 1;
SELECT cohort, period, b.cohort_size AS size_before, a.cohort_size, b.retained AS before, a.retained FROM analytics.cohort_later AS a FULL JOIN before AS b USING (cohort, period) WHERE a.xmin::text IS DISTINCT FROM b.version ORDER BY 1, 2;
-- A report that reads the table follows.
SELECT state, row_count FROM bizmetrics.run_report('of_later');
SELECT * FROM analytics.of_later ORDER BY 1;
SELECT bizmetrics.also_wrote(now(), now() + interval '1 day');
-- A cohort of which events were pruned stays as it is, whoever comes back; the first whole one after that is computed.
\c - postgres
SET timezone = 'UTC';
INSERT INTO bizmetrics.pruned_events (pruned_at, partition_name, from_time, to_time, bytes) VALUES (now(), 'none', '2001-01-01', '2001-01-10', 0);
SELECT bizmetrics.kept_from(NULL), bizmetrics.kept_from('{cs_signup}');
SELECT count(public.regress_log('u9', 'signup', '2001-01-15')), count(public.regress_log(u, 'active', '2001-04-20')) FROM unnest('{u1,u2,u3,u4,u5,u6,u9}'::text[]) AS u;
\c - regress_cohort_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT state FROM bizmetrics.run_report('cohort_later');
SELECT cohort, cohort_size, array_agg(retained ORDER BY period) AS retained FROM analytics.cohort_later GROUP BY 1, 2 ORDER BY 1;
\c - postgres
DELETE FROM bizmetrics.pruned_events WHERE partition_name = 'none';
SELECT bizmetrics.kept_from('{cs_signup}');
SELECT bizmetrics.kept_from(ARRAY['cs_signup', NULL]);
\c - regress_cohort_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT col_description('analytics.cohort_later'::regclass, 5), col_description('analytics.cohort_later'::regclass, 8);
-- A period that has not begun is not known; one that has begun, and in which nothing happens, is empty: a cohort is not computed for that, but any new event shows it.
\c - postgres
SET timezone = 'UTC';
SELECT public.regress_log('new', 'signup', now() - interval '2 days'), public.regress_log('old', 'signup', now() - interval '20 days') \g /dev/null
\c - regress_cohort_saver
SET timezone = 'UTC';
SELECT bizmetrics.create_cohort('daily', 'cs_signup', 'cs_active', 'day', 5, '0 0 29 2 *', timezone => 'UTC');
SELECT state FROM bizmetrics.run_report('cohort_daily');
SELECT (now() AT TIME ZONE 'UTC')::date - cohort AS days_ago, array_agg(retained ORDER BY period) AS retained, bool_and((retained IS NULL) = (begins_at > now())) AS known_when_begun FROM analytics.cohort_daily WHERE cohort > now() - interval '30 days' GROUP BY cohort ORDER BY cohort;
UPDATE analytics.cohort_daily SET retained = NULL, rate = NULL WHERE cohort = (now() AT TIME ZONE 'UTC')::date - 20 AND period > 2;
\c - postgres
SET timezone = 'UTC';
SELECT public.regress_log('newer', 'signup', now() - interval '1 minute') IS NOT NULL;
\c - regress_cohort_saver
SET timezone = 'UTC';
SELECT state FROM bizmetrics.run_report('cohort_daily');
SELECT array_agg(retained ORDER BY period) AS retained, array_agg(round(rate) ORDER BY period) AS rates FROM analytics.cohort_daily WHERE cohort = (now() AT TIME ZONE 'UTC')::date - 20;
-- What a name and values may be.
SELECT bizmetrics.create_cohort('of $cohort$ ''x''', NULL, 'cs_$cohort$ {=} "\', 'month', 2, '0 0 29 2 *', timezone => 'Europe/Berlin', type => 'recurring', mode => 'rolling', subject => 'company', filters => '{"a": "$cohort$"}', start_filters => '{}', return_filters => '{"b": {"c": null}}', company_id => 42, breakdown => 'p''q', description => 'Months.');
SELECT cohort_name, start_event, return_event, unit, periods, timezone, type, criteria, mode, subject, filters, start_filters, return_filters, company_id, breakdown, report_name, target, owner_name FROM bizmetrics.cohorts ORDER BY cohort_name COLLATE "C";
SELECT state FROM bizmetrics.run_report('cohort_of $cohort$ ''x''');
-- Comments, and a key.
SELECT obj_description('analytics.cohort_weekly'::regclass), count(col_description(attrelid, attnum)) AS described, count(*) AS columns FROM pg_attribute WHERE attrelid = 'analytics.cohort_weekly'::regclass AND attnum > 0 GROUP BY 1;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'analytics.cohort_weekly'::regclass AND contype = 'p';
SELECT has_table_privilege('regress_cohort_saver', 'analytics.cohort_weekly', 'SELECT');
-- What is refused.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE TABLE analytics.cohort_taken (cohort date);
SELECT pg_temp.error_of(format('SELECT bizmetrics.create_cohort(%s)', a)) FROM unnest(ARRAY[
  $$'weekly', 'a', 'b'$$, $$NULL, 'a', 'b'$$, $$'x', 'a', 'b', 'year'$$, $$'x', 'a', 'b', periods => 0$$, $$'x', 'a', 'b', schedule => 'sometimes'$$, $$'x', 'a', 'b', schedule => NULL$$, $$'x', 'a', 'b', criteria => 'before'$$, $$'x', 'a', 'b', criteria => NULL$$, $$'retention', 'a', 'b'$$, $$'taken', 'a', 'b'$$,
  $$'x', 'a', 'b', type => 'once'$$, $$'x', 'a', 'b', timezone => 'Mars'$$, $$'x', 'a', 'b', filters => '[]'$$, $$'x', 'a', 'b', owner => 'postgres'$$]) AS a;
SELECT pg_temp.error_of('SELECT bizmetrics.drop_cohort(''nothing'')');
SELECT pg_temp.error_of(format('SELECT bizmetrics.cohort_actors(%s)', a)) FROM unnest(ARRAY[
  $$'a', 'b', 'week', '2001-01-09', 0$$, $$'a', 'b', 'week', NULL, 0$$, $$'a', 'b', 'week', '2001-01-08', -1$$, $$'a', 'b', 'week', '2001-01-08', 0, 'gone'$$, $$'a', 'b', 'week', 'infinity', 0$$, $$'a', 'b', 'week', '2001-01-08', 0, timezone => 'Mars'$$, $$'a', 'b', 'week', '2001-01-08', 0, as_of => NULL$$]) AS a;
SELECT q, bizmetrics.saved_definition('cohort', q) FROM unnest(ARRAY['SELECT 1', 'WITH d (definition) AS MATERIALIZED (SELECT $cohort$', 'WITH d (definition) AS MATERIALIZED (SELECT $cohort$[]$cohort$', 'WITH d (definition) AS MATERIALIZED (SELECT $cohort${"periods": "x"}$cohort$', 'WITH d (definition) AS MATERIALIZED (SELECT $cohort${"periods": 3}$cohort$']) AS q;
SELECT bizmetrics.drop_cohort('weekly'), bizmetrics.drop_cohort('daily'), bizmetrics.drop_report('of_later'), bizmetrics.drop_cohort('later'), bizmetrics.drop_cohort('of $cohort$ ''x''');
SELECT count(*) FROM bizmetrics.cohorts;
SELECT count(*) > 0 AS table_stays FROM analytics.cohort_weekly;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status WHERE owner_name = 'regress_cohort_saver';
SELECT bizmetrics.revoke_author('regress_cohort_saver');
DROP OWNED BY regress_cohort_saver;
DROP ROLE regress_cohort_saver;
DROP FUNCTION public.regress_log;
DROP TABLE bizmetrics.business_events_2000_10, bizmetrics.business_events_2001_01;
