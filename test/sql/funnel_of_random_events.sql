-- funnel_actors() against searches in SQL that follow the definitions word by word, over random events.
SET timezone = 'UTC';
SELECT setseed(0.4711);
CREATE TABLE pg_temp.random_events AS
SELECT actor, row_number() OVER () AS id, second, 'fr_' || substr('abcdx', 1 + floor(random() * 5)::integer, 1) AS event, (random() < 0.5) AS big
FROM (SELECT actor, floor(random() * (2 + actor % 12))::integer AS second
      FROM generate_series(1, 3000) AS actor, generate_series(0, (actor / 12) % 7)) AS e;
SELECT count(bizmetrics.log_event(event, jsonb_build_object('big', big), actor_user_id => actor, occurred_at => timestamptz '2163-01-01' + second * interval '1 s'))
FROM pg_temp.random_events;
\set time '''4 s'', ''2163-01-01 00:00:01'', ''2163-01-01 00:00:09'''
CREATE FUNCTION pg_temp.at(second integer) RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '2163-01-01' + second * interval '1 s' $$;

-- Every chain that takes each event once. Steps: conditions, an array of them for each event. breaks: whether the event breaks.
CREATE FUNCTION pg_temp.chains(steps integer, conditions text[], breaks text DEFAULT 'false') RETURNS TABLE (actor integer, level integer, first integer, last integer) LANGUAGE plpgsql AS $$
DECLARE
  selected text := '';
BEGIN
  FOR i IN 1..steps LOOP
    selected := selected || format(' WHEN %s THEN %s', i, conditions[i]);
  END LOOP;
  RETURN QUERY EXECUTE format($q$
    WITH RECURSIVE chain AS (
      SELECT e.actor, 1 AS level, e.second AS first, e.second AS last, ARRAY[e.id] AS used FROM pg_temp.random_events AS e WHERE (%s) AND e.second >= 1 AND e.second < 9
      UNION ALL
      SELECT c.actor, c.level + 1, c.first, e.second, c.used || e.id
      FROM chain AS c JOIN pg_temp.random_events AS e USING (actor)
      WHERE c.level < %s AND e.second >= c.last AND e.second <= c.first + 4 AND e.id <> ALL (c.used) AND CASE c.level + 1 %s END
        AND NOT (c.level = 2 AND EXISTS (SELECT FROM pg_temp.random_events AS b WHERE b.actor = c.actor AND (%s) AND b.second > c.last AND b.second <= e.second)))
    SELECT DISTINCT ON (c.actor) c.actor, c.level, c.first, c.last FROM chain AS c ORDER BY c.actor, c.level DESC, c.last, c.first DESC$q$,
    conditions[1], steps, selected, breaks);
END
$$;
-- What funnel_actors() says of all who entered, as the same columns.
CREATE FUNCTION pg_temp.found(steps jsonb, step_order text DEFAULT 'ordered') RETURNS TABLE (actor integer, level integer, first integer, last integer) LANGUAGE sql AS $$
  SELECT f.actor::integer, f.step, extract(epoch FROM f.entered_at - timestamptz '2163-01-01')::integer, extract(epoch FROM f.reached_at - timestamptz '2163-01-01')::integer
  FROM bizmetrics.funnel_actors(steps, '4 s', pg_temp.at(1), pg_temp.at(9), 1, step_order => step_order) AS f
$$;
CREATE FUNCTION pg_temp.differences(a text, b text, OUT of_actors bigint, OUT wrong bigint) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT count(a.actor), count(*) FILTER (WHERE a IS DISTINCT FROM b) FROM (%s) AS a FULL JOIN (%s) AS b USING (actor)', a, b) INTO of_actors, wrong;
END
$$;

SELECT * FROM pg_temp.differences($$SELECT * FROM pg_temp.found('["fr_a", "fr_b", "fr_c"]')$$, $$SELECT * FROM pg_temp.chains(3, '{event = ''fr_a'',event = ''fr_b'',event = ''fr_c''}')$$);
-- Steps that one event may be, so that each must be given to one of them.
SELECT * FROM pg_temp.differences($$SELECT * FROM pg_temp.found('["fr_a", {"filter": {"properties.big": true, "event_name": {"<": "fr_c"}}}, "fr_a"]')$$, $$SELECT * FROM pg_temp.chains(3, '{event = ''fr_a'',big AND event < ''fr_c'',event = ''fr_a''}')$$);
-- An optional step is not in the way, and reached by who gets through those before it and then to it.
SELECT * FROM pg_temp.differences($$SELECT actor, CASE level WHEN 3 THEN 2 ELSE 1 END AS level FROM pg_temp.found('["fr_a", {"event": "fr_b", "optional": true}, "fr_c"]')$$, $$SELECT actor, level FROM pg_temp.chains(2, '{event = ''fr_a'',event = ''fr_c''}')$$);
SELECT * FROM pg_temp.differences($$SELECT actor::integer FROM bizmetrics.funnel_actors('["fr_a", {"event": "fr_b", "optional": true}, "fr_c"]'::jsonb, '4 s', pg_temp.at(1), pg_temp.at(9), 2)$$, $$SELECT actor FROM pg_temp.chains(2, '{event = ''fr_a'',event = ''fr_b''}') WHERE level = 2$$);
-- Who would have got further without what is excluded between B and C is left out.
SELECT * FROM pg_temp.differences($$SELECT * FROM pg_temp.found('["fr_a", "fr_b", {"event": "fr_c", "exclude": "fr_x"}]')$$,
  $$SELECT e.* FROM pg_temp.chains(3, '{event = ''fr_a'',event = ''fr_b'',event = ''fr_c''}', 'b.event = ''fr_x''') AS e JOIN pg_temp.chains(3, '{event = ''fr_a'',event = ''fr_b'',event = ''fr_c''}') AS w USING (actor) WHERE e.level = w.level$$);
-- The first A ever, though it be before the time that is asked for.
SELECT * FROM pg_temp.differences($$SELECT actor, level, first FROM pg_temp.found('[{"event": "fr_a", "first_time": true}, "fr_b"]')$$,
  $$SELECT a.actor, 1 + max((b.actor IS NOT NULL)::integer) AS level, a.second AS first
    FROM (SELECT actor, min(second) AS second FROM pg_temp.random_events WHERE event = 'fr_a' GROUP BY actor) AS a
    LEFT JOIN pg_temp.random_events AS b ON b.actor = a.actor AND b.event = 'fr_b' AND b.second BETWEEN a.second AND a.second + 4
    WHERE a.second >= 1 AND a.second < 9 GROUP BY a.actor, a.second$$);
-- In any order: the most different steps of which each has an event of its own.
SELECT * FROM pg_temp.differences($$SELECT actor, level FROM pg_temp.found('["fr_a", "fr_b", "fr_c"]', 'any')$$,
  $$SELECT actor, max(steps)::integer AS level
    FROM (SELECT s.actor, s.second, count(DISTINCT e.event) AS steps
          FROM pg_temp.random_events AS s JOIN pg_temp.random_events AS e ON e.actor = s.actor AND e.second BETWEEN s.second AND s.second + 4
          WHERE s.event < 'fr_d' AND e.event < 'fr_d' AND s.second >= 1 AND s.second < 9 GROUP BY s.actor, s.second) AS w GROUP BY actor$$);
-- Strict: each attempt, event by event; those of one time without a step first, then in the order of their steps.
SELECT * FROM pg_temp.differences($$SELECT actor, level FROM pg_temp.found('["fr_a", "fr_b", "fr_c"]', 'strict')$$,
  $$WITH RECURSIVE numbered AS (
      SELECT actor, second, event, row_number() OVER (PARTITION BY actor ORDER BY second, event < 'fr_d', event) AS n FROM pg_temp.random_events),
    attempt AS (
      SELECT actor, n, second AS first, 1 AS level FROM numbered WHERE event = 'fr_a' AND second >= 1 AND second < 9
      UNION ALL
      SELECT a.actor, e.n, a.first, a.level + (e.event = (ARRAY['fr_a', 'fr_b', 'fr_c'])[a.level + 1])::integer
      FROM attempt AS a JOIN numbered AS e ON e.actor = a.actor AND e.n = a.n + 1
      WHERE a.level < 3 AND e.second <= a.first + 4 AND e.event IN ((ARRAY['fr_a', 'fr_b', 'fr_c'])[a.level + 1], (ARRAY['fr_a', 'fr_b', 'fr_c'])[a.level]))
    SELECT actor, max(level) AS level FROM attempt GROUP BY actor$$);

-- Counts and times of funnel() are those of its actors.
SELECT count(*) AS wrong_steps FROM bizmetrics.funnel(ARRAY['fr_a', 'fr_b', 'fr_c'], :time) AS f
JOIN (SELECT s.n AS step, count(a.times[s.n]) AS actors, percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.times[s.n] - a.times[s.n - 1])) AS median,
             percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM a.times[s.n] - a.times[s.n - 1])) AS p90,
             percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM a.times[s.n] - a.times[1])) AS total_p90
      FROM bizmetrics.funnel_actors(ARRAY['fr_a', 'fr_b', 'fr_c'], :time, 1) AS a, generate_series(1, 3) AS s (n) GROUP BY s.n) AS a USING (step)
WHERE f.actors <> a.actors OR step > 1 AND (abs(f.median_seconds - a.median) > 1e-6 OR abs(f.p90_seconds - a.p90) > 1e-6 OR abs(f.total_p90_seconds - a.total_p90) > 1e-6);
-- Each bucket of a trend is a funnel of its own.
SELECT count(*) AS hours, count(*) FILTER (WHERE t.actors IS DISTINCT FROM f.actors) AS wrong
FROM (SELECT bucket, array_agg(actors ORDER BY step) AS actors FROM bizmetrics.funnel_counts('["fr_a", "fr_b"]', '4 s', ARRAY(SELECT pg_temp.at(s) FROM generate_series(0, 14) AS s), 'ordered', NULL, 'first', 'actor', NULL) GROUP BY bucket) AS t,
     LATERAL (SELECT array_agg(actors ORDER BY step) AS actors FROM bizmetrics.funnel(ARRAY['fr_a', 'fr_b'], '4 s', t.bucket, t.bucket + interval '1 s')) AS f;
-- Breakdowns by the first and the last step add up to the whole.
SELECT count(*) AS wrong FROM unnest('{first,last}'::text[]) AS attribution,
  LATERAL (SELECT step, sum(actors) AS actors FROM bizmetrics.funnel(ARRAY['fr_a', 'fr_b', 'fr_c'], :time, breakdown => 'properties.big', attribution => attribution) GROUP BY step) AS b
  JOIN bizmetrics.funnel(ARRAY['fr_a', 'fr_b', 'fr_c'], :time) AS f USING (step) WHERE b.actors <> f.actors;
-- By all steps, each value is the funnel of the events that have it, in every form.
SELECT f.step_order, f.steps, a.rows, a.actors, a.all IS NOT DISTINCT FROM w.all AS same
FROM (VALUES ('ordered', '["fr_a", "fr_b", {"event": "fr_c", "exclude": "fr_x"}]'::jsonb), ('ordered', '["fr_a", {"event": "fr_b", "optional": true}, {"event": "fr_c", "first_time": true}]'), ('strict', '["fr_a", "fr_b"]'), ('any', '["fr_a", "fr_b", "fr_c"]')) AS f (step_order, steps),
  LATERAL (SELECT count(*) AS rows, sum(x.actors) AS actors, jsonb_agg(to_jsonb(x) ORDER BY x.breakdown_value, x.step) AS all
           FROM bizmetrics.funnel(f.steps, :time, f.step_order, 'properties.big', 'all') AS x) AS a,
  LATERAL (SELECT jsonb_agg(to_jsonb(x) || jsonb_build_object('breakdown_value', v.value) ORDER BY v.value, x.step) AS all
           FROM (VALUES ('true'), ('false'), (NULL)) AS v (value), LATERAL bizmetrics.funnel(f.steps, :time, f.step_order, filter => jsonb_build_object('properties.big', v.value::boolean)) AS x
           WHERE x.conversion IS NOT NULL) AS w
ORDER BY 1, 2;
DROP TABLE bizmetrics.business_events_2163_01;
