-- funnel() over logged events gives the levels that the definition of a funnel lists, in its orders.
SET timezone = 'UTC';
-- A row such as B9 is the event fc_b at second 9 of the actor that the case is named after.
CREATE TABLE pg_temp.cases AS SELECT * FROM (VALUES
  ('F01', '', 'ABC', 10, '0|0'),
  ('F02', 'A0', 'ABC', 10, '1|1'),
  ('F03', 'B0 C1', 'ABC', 10, '0|0'),
  ('F04', 'A0 B10', 'AB', 10, '2|2'),
  ('F05', 'A0 B11', 'AB', 10, '1|1'),
  ('F06', 'A0 A8 B12 C17', 'ABC', 10, '3|3'),
  ('F07', 'A0 B1 A2 C3', 'ABC', 10, '3|2'),
  ('F08', 'A0 B9 C18', 'ABC', 10, '2|2'),
  ('F09', 'C3 A1 B2', 'ABC', 10, '3|3'),
  ('F10', 'C1 B2 A3', 'ABC', 10, '1|1'),
  ('F11', 'A5 B5 C5', 'ABC', 0, '3|3'),
  ('F12', 'C5 B5 A5', 'ABC', 10, '3|3'),
  ('F13', 'A0', 'AA', 10, '1|1'),
  ('F14', 'A0 A1', 'AA', 10, '2|2'),
  ('F15', 'A0 A0', 'AA', 10, '2|2'),
  ('F19', 'A1 B2 D3 C4', 'ABC', 10, '3|2'),
  ('F21', 'A1 B2 C3 B4 D5', 'ABCD', 10, '4|3'),
  ('F24', 'D0 A1 B2 C3', 'ABC', 10, '3|3'),
  ('F25', 'A1 D1 B2', 'AB', 10, '2|2'),
  ('F28', 'A0 A0 B1', 'AB', 10, '2|2'),
  ('F29', 'A0 C1', 'ABC', 10, '1|1'),
  ('F30', 'D0', 'A', 10, '0|0')
) AS t (id, events, steps, seconds, expected);
SELECT count(bizmetrics.log_event('fc_' || lower(left(e, 1)), actor_user_id => 'case ' || id,
                                  occurred_at => timestamptz '2161-01-01' + substr(e, 2)::integer * interval '1 s'))
FROM pg_temp.cases, regexp_split_to_table(events, ' +') AS e WHERE e <> '';
CREATE FUNCTION pg_temp.level(id text, steps text, seconds integer, step_order text) RETURNS bigint LANGUAGE sql AS $$
  SELECT sum(f.actors) FROM bizmetrics.funnel(
    ARRAY(SELECT 'fc_' || s FROM regexp_split_to_table(lower(steps), '') WITH ORDINALITY AS t (s, n) ORDER BY n),
    make_interval(secs => seconds), '2161-01-01', '2161-01-02', step_order,
    filter => jsonb_build_object('actor_user_id', 'case ' || id)) AS f
$$;
-- Ordered, strict, and in any order.
SELECT id, events, steps, seconds, l.levels, pg_temp.level(id, steps, seconds, 'any') AS any_order,
       CASE WHEN l.levels <> expected THEN 'WRONG: ' || expected END AS wrong
FROM pg_temp.cases, LATERAL (SELECT concat_ws('|', pg_temp.level(id, steps, seconds, 'ordered'), pg_temp.level(id, steps, seconds, 'strict')) AS levels) AS l
ORDER BY id;
-- The same for a company, and with the steps as a JSON array.
SELECT bizmetrics.log_event('fc_a', company_id => 9, occurred_at => '2161-01-03 00:00') IS NOT NULL,
       bizmetrics.log_event('fc_b', company_id => 9, actor_user_id => 'somebody else', occurred_at => '2161-01-03 00:01') IS NOT NULL;
SELECT step, name, actors FROM bizmetrics.funnel('["fc_a", "fc_b"]'::jsonb, '1 h', '2161-01-03', '2161-01-04', subject => 'company');
SELECT step, name, actors FROM bizmetrics.funnel('["fc_a", "fc_b"]'::jsonb, '1 h', '2161-01-03', '2161-01-04');
DROP TABLE bizmetrics.business_events_2161_01;
