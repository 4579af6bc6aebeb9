-- create_funnel() keeps a table by day of entry; an event that comes late changes the days it belongs to, and no others.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE ROLE regress_funnel_saver LOGIN;
SELECT bizmetrics.grant_author('regress_funnel_saver');
SELECT count(bizmetrics.log_event('fs_' || event, jsonb_build_object('plan', plan), actor_user_id => actor, occurred_at => at::timestamptz))
FROM (VALUES
  ('ann', 'view', '2166-05-01 10:00', 'pro'), ('ann', 'pay', '2166-05-02 09:00', NULL), ('ann', 'view', '2166-05-03 01:00', 'pro'),
  ('bob', 'view', '2166-05-02 11:00', 'free'), ('bob', 'help', '2166-05-02 12:00', NULL), ('bob', 'pay', '2166-05-02 13:00', NULL),
  ('dan', 'view', '2166-05-06 23:30', NULL), ('cid', 'view', '2166-05-06 22:30', ''), ('cid', 'pay', '2166-05-08 22:30', NULL)
) AS e (actor, event, at, plan);
\c - regress_funnel_saver
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'America/New_York';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SELECT bizmetrics.create_funnel('sales', ARRAY['fs_view', 'fs_pay'], '2 days', '0 0 29 2 *', timezone => 'Europe/Berlin');
SELECT bizmetrics.create_funnel('by plan $funnel$ ''x''', '["fs_view", {"event": "fs_pay", "name": "$funnel$ \"paid\" \\", "exclude": ["fs_help", {"event": "fs_none"}]}]'::jsonb, '1 day 1 s', '0 0 29 2 *', breakdown => 'properties.plan', unit => 'month', timezone => 'UTC', description => 'Plans.');
SELECT bizmetrics.create_funnel('strict', ARRAY['fs_view', 'fs_pay'], '0', '0 0 29 2 *', step_order => 'strict', filter => '{"properties.plan": null}');
SELECT funnel_name, steps, win, unit, timezone, step_order, breakdown, attribution, subject, filter, report_name, target, owner_name FROM bizmetrics.funnels ORDER BY funnel_name COLLATE "C";
SELECT state FROM bizmetrics.run_report('funnel_sales');
SELECT entered_on, breakdown, step, name, actors, round(conversion, 2) AS conversion, round(step_conversion, 2) AS step_conversion, drop_off, median_seconds, total_p90_seconds FROM analytics.funnel_sales WHERE entered_on > '2166-01-01' ORDER BY 1, 2, 3;
SELECT state FROM bizmetrics.run_report('funnel_by plan $funnel$ ''x''');
SELECT entered_on, breakdown, step, name, actors FROM analytics."funnel_by plan $funnel$ 'x'" ORDER BY 1, 2, 3;
-- Nothing new: nothing is done.
SELECT state, row_count FROM bizmetrics.run_report('funnel_sales');
-- A payment that comes late: of the days from its window to its own, those that it changes are written.
\c - postgres
SELECT bizmetrics.log_event('fs_pay', actor_user_id => 'ann', occurred_at => '2166-05-03 09:00') IS NOT NULL,
       bizmetrics.log_event('fs_other', actor_user_id => 'ann', occurred_at => '2166-05-01 09:00') IS NOT NULL;
\c - regress_funnel_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE TEMP TABLE before AS SELECT entered_on, step, actors, xmin::text AS version FROM analytics.funnel_sales;
SELECT state, row_count FROM bizmetrics.run_report('funnel_sales');
SELECT window_start, window_end FROM bizmetrics.report_runs WHERE report_name = 'funnel_sales' ORDER BY run_id DESC LIMIT 1;
SELECT a.entered_on, a.step, b.actors AS actors_before, a.actors FROM analytics.funnel_sales AS a LEFT JOIN before AS b USING (entered_on, step) WHERE a.xmin::text IS DISTINCT FROM b.version ORDER BY 1, 2;
-- The table is what funnel_trend() says, also after a day's only entry was of another kind.
SELECT count(*) AS rows, count(*) FILTER (WHERE t IS DISTINCT FROM f) AS wrong
FROM (SELECT entered_on, step, actors, median_seconds FROM analytics.funnel_sales) AS t
FULL JOIN (SELECT bucket::date AS entered_on, step, actors, median_seconds
           FROM (SELECT (bucket AT TIME ZONE 'Europe/Berlin')::date AS bucket, step, actors, median_seconds, conversion
                 FROM bizmetrics.funnel_trend(ARRAY['fs_view', 'fs_pay'], '2 days', '2166-05-01', '2166-05-10', timezone => 'Europe/Berlin')) AS f WHERE conversion IS NOT NULL) AS f USING (entered_on, step);
-- Who is behind a saved funnel.
SELECT a.actor, a.entered_at FROM bizmetrics.funnels AS f, bizmetrics.funnel_actors(f.steps, f.win, '2166-05-02 22:00', '2166-05-03 22:00', step_order => f.step_order, breakdown => f.breakdown, attribution => f.attribution, subject => f.subject, filter => f.filter) AS a WHERE f.funnel_name = 'sales';
-- Comments, and a key.
SELECT obj_description('analytics.funnel_sales'::regclass), count(col_description(attrelid, attnum)) AS described, count(*) AS columns FROM pg_attribute WHERE attrelid = 'analytics.funnel_sales'::regclass AND attnum > 0 GROUP BY 1;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'analytics.funnel_sales'::regclass AND contype = 'p';
-- Only the first time counts: a first visit that comes late takes its actor out of the day of what was taken for it, weeks later, and the days between are left alone.
SELECT bizmetrics.create_funnel('first', '[{"event": "fs_view", "first_time": true}, {"event": "fs_pay", "first_time": true}]'::jsonb, '2 days', '0 0 29 2 *', timezone => 'UTC', description => 'First visits.');
-- A report that reads the table.
SELECT bizmetrics.create_report('of_first', query => 'SELECT entered_on, max(actors) AS entries FROM analytics.funnel_first WHERE entered_on >= $1::date AND entered_on < $2::date GROUP BY 1', key => '{entered_on}', bucket => '1 day', schedule => '0 0 29 2 *', source => 'analytics.funnel_first', source_time => 'entered_on');
SELECT state FROM bizmetrics.run_report('funnel_first');
\c - postgres
SET timezone = 'UTC';
SELECT count(bizmetrics.log_event('fs_' || event, actor_user_id => actor, occurred_at => at::timestamptz))
FROM (VALUES ('eva', 'view', '2166-05-20 10:00'), ('eva', 'pay', '2166-05-21 10:00'), ('fay', 'view', '2166-05-20 11:00'), ('gil', 'view', '2166-05-12 11:00'), ('gil', 'view', '2166-05-22 11:00')) AS e (actor, event, at);
\c - regress_funnel_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SELECT state FROM bizmetrics.run_report('funnel_first');
SELECT state, row_count FROM bizmetrics.run_report('of_first');
SELECT entered_on, array_agg(actors ORDER BY step) AS actors FROM analytics.funnel_first GROUP BY 1 ORDER BY 1;
\c - postgres
SET timezone = 'UTC';
SELECT count(bizmetrics.log_event('fs_view', actor_user_id => 'eva', occurred_at => '2166-05-09 10:00'));
\c - regress_funnel_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE TEMP TABLE before AS SELECT entered_on, step, actors, xmin::text AS version FROM analytics.funnel_first;
SELECT state, row_count FROM bizmetrics.run_report('funnel_first');
SELECT window_start, window_end FROM bizmetrics.report_runs WHERE report_name = 'funnel_first' ORDER BY run_id DESC LIMIT 1;
SELECT entered_on, a.step, b.actors AS actors_before, a.actors FROM analytics.funnel_first AS a FULL JOIN before AS b USING (entered_on, step) WHERE a.xmin::text IS DISTINCT FROM b.version ORDER BY 1, 2;
SELECT state, row_count FROM bizmetrics.run_report('of_first');
SELECT * FROM analytics.of_first ORDER BY 1;
-- The last one who entered on a day leaves it: its rows go. An event that is nobody's first changes no row.
\c - postgres
SET timezone = 'UTC';
SELECT count(bizmetrics.log_event('fs_view', actor_user_id => 'fay', occurred_at => '2166-05-10 10:00'));
\c - regress_funnel_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT state FROM bizmetrics.run_report('funnel_first');
SELECT entered_on, array_agg(actors ORDER BY step) AS actors FROM analytics.funnel_first GROUP BY 1 ORDER BY 1;
\c - postgres
SET timezone = 'UTC';
SELECT count(bizmetrics.log_event('fs_view', actor_user_id => 'fay', occurred_at => '2166-05-15 10:00'));
\c - regress_funnel_saver
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SELECT state, row_count FROM bizmetrics.run_report('funnel_first');
SELECT obj_description('analytics.funnel_first'::regclass), count(col_description(attrelid, attnum)) AS described, count(*) AS columns FROM pg_attribute WHERE attrelid = 'analytics.funnel_first'::regclass AND attnum > 0 GROUP BY 1;
SELECT count(*) AS unlike FROM
  (SELECT a.attname, a.attnum, a.atttypid, a.attnotnull, col_description(a.attrelid, a.attnum) FROM pg_attribute AS a WHERE a.attrelid = 'analytics.funnel_first'::regclass AND a.attnum > 0
   EXCEPT SELECT a.attname, a.attnum, a.atttypid, a.attnotnull, col_description(a.attrelid, a.attnum) FROM pg_attribute AS a WHERE a.attrelid = 'analytics.funnel_sales'::regclass AND a.attnum > 0) AS u;
-- What is refused.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE VIEW analytics.funnel_taken AS SELECT 1 AS entered_on;
SELECT pg_temp.error_of(format('SELECT bizmetrics.create_funnel(%s)', a)) FROM unnest(ARRAY[
  $$'sales', ARRAY['a'], '1 day'$$, $$NULL, ARRAY['a'], '1 day'$$, $$'x', NULL::jsonb, '1 day'$$, $$'x', ARRAY['a'], NULL$$, $$'x', ARRAY['a'], '1 day', unit => 'hour'$$, $$'x', ARRAY['a'], '1 day', 'sometimes'$$,
  $$'x', '[{"event": "a", "first_time": 1}]'::jsonb, '1 day'$$, $$'x', ARRAY['a'], '1 day', timezone => 'Mars'$$, $$'x', ARRAY['a'], '1 day', breakdown => 'plan'$$, $$'x', ARRAY['a'], '1 day', owner => 'postgres'$$,
  $$'daily', ARRAY['a'], '1 day'$$, $$'x', ARRAY['a'], '36601 days'$$, $$'taken', ARRAY['a'], '1 day'$$, $$'taken', '[{"event": "a", "first_time": true}]'::jsonb, '1 day'$$]) AS a;
SELECT pg_temp.error_of('SELECT bizmetrics.drop_funnel(''nothing'')');
-- A query that only looks like one: where it is not refused, the view is silent about it.
SELECT pg_temp.error_of($$SELECT bizmetrics.create_report('funnel_bad', 'analytics.funnel_sales', 'SELECT f.* FROM bizmetrics.saved_funnel($funnel$ no json $funnel$, $1, $2) AS f', '0 0 29 2 *', ddl => '', bucket => '1 day', strategy => 'custom')$$);
SELECT q, bizmetrics.saved_definition('funnel', q) FROM unnest(ARRAY['SELECT 1', 'SELECT f.* FROM bizmetrics.saved_funnel($funnel$', 'SELECT f.* FROM bizmetrics.saved_funnel($funnel$[]$funnel$', 'SELECT f.* FROM bizmetrics.saved_funnel($funnel${"win": "long"}$funnel$', 'SELECT f.* FROM bizmetrics.saved_funnel($funnel${"win": "1 day"}$funnel$', 'WITH d (definition) AS MATERIALIZED (SELECT $funnel${"win": "1 day"}$funnel$', 'WITH d (definition) AS MATERIALIZED (SELECT $cohort${"periods": 3}$cohort$']) AS q;
SELECT funnel_name FROM bizmetrics.funnels ORDER BY funnel_name COLLATE "C";
SELECT bizmetrics.drop_funnel('sales'), bizmetrics.drop_funnel('by plan $funnel$ ''x'''), bizmetrics.drop_funnel('strict'), bizmetrics.drop_report('of_first'), bizmetrics.drop_funnel('first');
SELECT count(*) FROM bizmetrics.funnels;
SELECT count(*) > 0 AS table_stays FROM analytics.funnel_sales;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status WHERE owner_name = 'regress_funnel_saver';
SELECT bizmetrics.revoke_author('regress_funnel_saver');
DROP OWNED BY regress_funnel_saver;
DROP ROLE regress_funnel_saver;
DROP TABLE bizmetrics.business_events_2166_05;
