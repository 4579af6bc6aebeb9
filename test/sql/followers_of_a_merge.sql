-- A report by event that tells each anew with the others of its order, and one that counts these by day: a late event
-- of the one day changes rows, and counts, of another.
CREATE ROLE regress_follower LOGIN;
SELECT bizmetrics.grant_author('regress_follower');
SELECT bizmetrics.create_report('order_moves', owner => 'regress_follower', strategy => 'merge', bucket => '1 day', key => '{day,event_id}', schedule => '@yearly', run_immediately => false,
  query => $$SELECT e.occurred_at::date AS day, e.id AS event_id, e.event_name AS move, lag(e.event_name, 1, 'nothing') OVER (PARTITION BY e.entity_id ORDER BY e.occurred_at) AS before
             FROM (SELECT DISTINCT t.entity_id FROM public.business_events t WHERE t.event_name LIKE 'move_%' AND t.occurred_at >= $1 AND t.occurred_at < $2) AS t
             JOIN public.business_events e ON e.entity_id = t.entity_id AND e.event_name LIKE 'move_%'$$);
SELECT bizmetrics.create_report('moves_by_day', owner => 'regress_follower', bucket => '1 day', key => '{day,before,move}', schedule => '@yearly', run_immediately => false,
  source => 'analytics.order_moves',
  query => $$SELECT m.day, m.before, m.move, count(*) AS n FROM analytics.order_moves m WHERE m.day >= $1::date AND m.day < $2::date GROUP BY 1, 2, 3$$);
SELECT count(bizmetrics.log_event('move_b', entity_id => 'o' || n, occurred_at => '2026-03-05 10:00')), count(bizmetrics.log_event('move_c', entity_id => 'o' || n, occurred_at => '2026-03-09 10:00')) FROM generate_series(1, 3) AS n;
SET SESSION AUTHORIZATION regress_follower;
SELECT state FROM bizmetrics.run_report('order_moves');
SELECT state FROM bizmetrics.run_report('moves_by_day');
SELECT * FROM analytics.moves_by_day ORDER BY 1, 2, 3;
RESET SESSION AUTHORIZATION;
-- What was first is told last.
SELECT bizmetrics.log_event('move_a', entity_id => 'o1', occurred_at => '2026-03-02 10:00') IS NOT NULL AS logged;
SET SESSION AUTHORIZATION regress_follower;
SELECT state FROM bizmetrics.run_report('order_moves');
-- The days of rows that were written, and not those of the others of the order
SELECT state, row_count FROM bizmetrics.run_report('moves_by_day');
SELECT * FROM analytics.moves_by_day ORDER BY 1, 2, 3;
-- With another meaning rows of the old one go, and so does what counts them.
SELECT bizmetrics.alter_report('order_moves', query => $$SELECT e.occurred_at::date AS day, e.id AS event_id, e.event_name AS move, lag(e.event_name, 1, 'nothing') OVER (PARTITION BY e.entity_id ORDER BY e.occurred_at) AS before
             FROM (SELECT DISTINCT t.entity_id FROM public.business_events t WHERE t.event_name IN ('move_a', 'move_b') AND t.occurred_at >= $1 AND t.occurred_at < $2) AS t
             JOIN public.business_events e ON e.entity_id = t.entity_id AND e.event_name IN ('move_a', 'move_b')$$);
SELECT state FROM bizmetrics.run_report('order_moves');
SELECT state FROM bizmetrics.run_report('moves_by_day');
SELECT * FROM analytics.moves_by_day ORDER BY 1, 2, 3;
SELECT bizmetrics.drop_report('moves_by_day'), bizmetrics.drop_report('order_moves');
DROP TABLE analytics.moves_by_day, analytics.order_moves;
-- Rows that are there as they are to be are not touched, many or few; nor is a report compiled, unless somebody says so.
SELECT bizmetrics.create_report('many_rows', strategy => 'full', key => '{n}', schedule => '@yearly', run_immediately => false, query => $$SELECT n, n / 2 AS half, current_setting('jit') AS jit FROM generate_series(1, 3000) AS n$$);
SELECT state, row_count FROM bizmetrics.run_report('many_rows');
SELECT state, row_count FROM bizmetrics.run_report('many_rows');
SELECT count(*), count(*) FILTER (WHERE xmax::text <> '0') AS locked, min(jit) AS jit FROM analytics.many_rows;
UPDATE analytics.many_rows SET half = 0 WHERE n = 7;
INSERT INTO analytics.many_rows VALUES (4000, 1, 'off');
DELETE FROM analytics.many_rows WHERE n = 8;
SELECT state, row_count FROM bizmetrics.run_report('many_rows');
SELECT count(*), count(*) FILTER (WHERE half = n / 2) AS as_given FROM analytics.many_rows;
SET jit = on;
SELECT state, row_count FROM bizmetrics.run_report('many_rows');
SELECT min(jit) AS jit FROM analytics.many_rows;
RESET jit;
SELECT bizmetrics.drop_report('many_rows');
DROP TABLE analytics.many_rows;
RESET SESSION AUTHORIZATION;
SELECT bizmetrics.revoke_author('regress_follower');
DROP ROLE regress_follower;
