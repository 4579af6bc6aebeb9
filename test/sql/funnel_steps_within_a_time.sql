-- Steps that must come within some time of the one before: of a few people, against searches in SQL that follow the definition word by word, and in every form of a funnel.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE ROLE regress_within LOGIN;
SELECT bizmetrics.grant_author('regress_within');
SELECT count(bizmetrics.log_event('fw_' || event, jsonb_build_object('plan', plan), actor_user_id => actor, occurred_at => timestamptz '2168-03-01' + minute * interval '1 min'))
FROM (VALUES
  ('ann', 'view', 0, 'pro'), ('ann', 'cart', 10, NULL), ('ann', 'cart', 50, NULL), ('ann', 'pay', 70, NULL),  -- only the second cart is near enough
  ('bob', 'view', 0, 'pro'), ('bob', 'view', 30, 'free'), ('bob', 'cart', 60, NULL), ('bob', 'pay', 90, NULL),  -- exactly in time, each
  ('cid', 'view', 0, 'free'), ('cid', 'cart', 10, NULL), ('cid', 'pay', 41, NULL),  -- a minute late
  ('dan', 'view', 0, NULL), ('dan', 'help', 20, NULL), ('dan', 'cart', 25, NULL), ('dan', 'pay', 30, NULL),
  ('eve', 'view', 0, NULL), ('eve', 'cart', 45, NULL), ('eve', 'pay', 50, NULL),
  ('fay', 'view', 0, 'pro'), ('fay', 'cart', 5, NULL), ('fay', 'cart', 6, NULL), ('fay', 'pay', 20, NULL)
) AS e (actor, event, minute, plan);
\set time '''1 day'', ''2168-03-01'', ''2168-03-02'''
\set half '''["fw_view", "fw_cart", {"event": "fw_pay", "within": "30 min"}]''::jsonb'
SELECT step, name, actors, step_conversion, drop_off, median_seconds, total_p90_seconds FROM bizmetrics.funnel(ARRAY['fw_view', 'fw_cart', 'fw_pay'], :time);
SELECT step, name, actors, step_conversion, drop_off, median_seconds, total_p90_seconds FROM bizmetrics.funnel(:half, :time);
-- Of the steps between, the first that will do: Ann's second cart, Fay's first.
SELECT actor, step, ARRAY(SELECT extract(epoch FROM t - '2168-03-01') / 60 FROM unnest(times) AS t)::integer[] AS minutes FROM bizmetrics.funnel_actors(:half, :time, 1) ORDER BY actor;
-- Who dropped out, in whichever way the time is written; the window of the whole funnel holds beside it.
SELECT within, win, (SELECT array_agg(actors ORDER BY step) FROM bizmetrics.funnel(steps, win, '2168-03-01', '2168-03-02')) AS actors,
       (SELECT array_agg(actor ORDER BY actor) FROM bizmetrics.funnel_actors(steps, win, '2168-03-01', '2168-03-02', 3, 'dropped')) AS dropped
FROM unnest('{30 min,00:29:59.999999,PT31M,1 month,100000 years,1 microsecond}'::text[]) WITH ORDINALITY AS w (within, n), unnest('{1 day,1 hour}'::interval[]) WITH ORDINALITY AS i (win, m),
     jsonb_build_array('fw_view', 'fw_cart', jsonb_build_object('event', 'fw_pay', 'within', within)) AS steps ORDER BY n, m;
-- The step before an optional one is the required one before it, and so it is for the step after.
SELECT step, name, actors, median_seconds FROM bizmetrics.funnel('["fw_view", {"event": "fw_cart", "optional": true, "within": "10 min"}, {"event": "fw_pay", "within": "1 h"}]'::jsonb, :time);
-- Excluding: who would have got further in time is left out, who would not have stays.
SELECT actor, step FROM bizmetrics.funnel_actors('["fw_view", {"event": "fw_cart", "within": "30 min", "exclude": "fw_help"}, "fw_pay"]'::jsonb, :time, 1) ORDER BY actor;
SELECT actor, step FROM bizmetrics.funnel_actors('["fw_view", {"event": "fw_cart", "within": "20 min", "exclude": "fw_help"}, "fw_pay"]'::jsonb, :time, 1) ORDER BY actor;
-- In the strict order the step is the first of its repetitions: Fay's cart is 15 minutes before the payment, not 14.
SELECT within, (SELECT array_agg(actor ORDER BY actor) FROM bizmetrics.funnel_actors(jsonb_build_array('fw_view', 'fw_cart', jsonb_build_object('event', 'fw_pay', 'within', within)), :time, step_order => 'strict')) AS paid
FROM unnest('{30 min,15 min,14 min}'::text[]) AS within;
-- Breakdowns, trends.
SELECT attribution, breakdown_value, array_agg(actors ORDER BY step) AS actors FROM unnest('{first,2,all}'::text[]) AS attribution, bizmetrics.funnel(:half, :time, breakdown => 'properties.plan', attribution => attribution) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT bucket, array_agg(actors ORDER BY step) AS actors FROM bizmetrics.funnel_trend(:half, :time, 'hour') GROUP BY bucket HAVING max(actors) > 0 ORDER BY bucket;

-- Random events, each chain followed.
SELECT setseed(0.815);
CREATE TABLE pg_temp.random_events AS
SELECT actor, row_number() OVER () AS id, second, 'fw_' || substr('abcabcax', 1 + floor(random() * 8)::integer, 1) AS event, (random() < 0.5) AS big
FROM (SELECT actor, floor(random() * (3 + actor % 14))::integer AS second FROM generate_series(1, 3000) AS actor, generate_series(0, 2 + (actor / 14) % 7)) AS e;
SELECT count(bizmetrics.log_event(event, jsonb_build_object('big', big), actor_user_id => actor, occurred_at => '2168-01-01'::timestamptz + second * interval '1 s')) FROM pg_temp.random_events;
\set time '''9 s'', ''2168-01-01 00:00:01'', ''2168-01-01 00:00:12'''
-- Every chain that takes each event once. conditions, breaks: for each step what an event must be, and what must not come before it since the step before.
CREATE FUNCTION pg_temp.chains(conditions text[], within integer[], breaks text[]) RETURNS TABLE (actor integer, level integer, first integer, last integer, times integer[]) LANGUAGE plpgsql AS $$
DECLARE
  selected text := '';
  broken text := '';
BEGIN
  FOR i IN 2..cardinality(conditions) LOOP
    selected := selected || format(' WHEN %s THEN %s', i, conditions[i]);
    broken := broken || format(' WHEN %s THEN %s', i, coalesce(breaks[i], 'false'));
  END LOOP;
  -- Of the best chains, the earliest time of each step.
  RETURN QUERY EXECUTE format($q$
    WITH RECURSIVE chain AS (
      SELECT e.actor, 1 AS level, e.second AS first, e.second AS last, ARRAY[e.id] AS used, ARRAY[e.second] AS times FROM pg_temp.random_events AS e WHERE (%s) AND e.second >= 1 AND e.second < 12
      UNION ALL
      SELECT c.actor, c.level + 1, c.first, e.second, c.used || e.id, c.times || e.second
      FROM chain AS c JOIN pg_temp.random_events AS e USING (actor)
      WHERE c.level < %s AND e.second >= c.last AND e.second <= c.first + 9 AND e.id <> ALL (c.used) AND CASE c.level + 1 %s END
        AND e.second <= c.last + coalesce(($1)[c.level + 1], 1000)
        AND NOT EXISTS (SELECT FROM pg_temp.random_events AS b WHERE b.actor = c.actor AND CASE c.level + 1 %s END AND b.second > c.last AND b.second <= e.second)),
    best AS (
      SELECT DISTINCT ON (c.actor) c.actor, c.level, c.first, c.last FROM chain AS c ORDER BY c.actor, c.level DESC, c.last, c.first DESC)
    SELECT b.*, ARRAY(SELECT min(c.times[i]) FROM chain AS c, generate_series(1, b.level) AS i WHERE (c.actor, c.level, c.first, c.last) = (b.actor, b.level, b.first, b.last) GROUP BY i ORDER BY i)
    FROM best AS b$q$, conditions[1], cardinality(conditions), selected, broken) USING within;
END
$$;
CREATE FUNCTION pg_temp.found(steps jsonb, step_order text DEFAULT 'ordered') RETURNS TABLE (actor integer, level integer, first integer, last integer, times integer[]) LANGUAGE sql AS $$
  SELECT f.actor::integer, f.step, extract(epoch FROM f.entered_at - timestamptz '2168-01-01')::integer, extract(epoch FROM f.reached_at - timestamptz '2168-01-01')::integer,
         ARRAY(SELECT extract(epoch FROM t - timestamptz '2168-01-01')::integer FROM unnest(f.times) AS t WHERE t IS NOT NULL)
  FROM bizmetrics.funnel_actors(steps, '9 s', '2168-01-01 00:00:01', '2168-01-01 00:00:12', 1, step_order => step_order) AS f
$$;
CREATE FUNCTION pg_temp.differences(a text, b text, OUT of_actors bigint, OUT wrong bigint, OUT whole bigint) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT count(a.actor), count(*) FILTER (WHERE a IS DISTINCT FROM b), count(*) FILTER (WHERE a.level = (SELECT max(level) FROM (%1$s) AS m)) FROM (%1$s) AS a FULL JOIN (%2$s) AS b USING (actor)', a, b) INTO of_actors, wrong, whole;
END
$$;
SELECT * FROM pg_temp.differences($$SELECT * FROM pg_temp.found('["fw_a", {"event": "fw_b", "within": "3 s"}, {"event": "fw_c", "within": "2 s"}]')$$, $$SELECT * FROM pg_temp.chains('{event = ''fw_a'',event = ''fw_b'',event = ''fw_c''}', '{NULL,3,2}', '{}')$$);
-- Four steps, of which one has no limit and the first comes again.
SELECT * FROM pg_temp.differences($$SELECT * FROM pg_temp.found('["fw_a", {"event": "fw_b", "within": "2 s"}, "fw_a", {"event": "fw_c", "within": "1 s"}]')$$, $$SELECT * FROM pg_temp.chains('{event = ''fw_a'',event = ''fw_b'',event = ''fw_a'',event = ''fw_c''}', '{NULL,2,NULL,1}', '{}')$$);
-- Steps that one event may be, so that each must be given to one of them.
SELECT * FROM pg_temp.differences($$SELECT * FROM pg_temp.found('["fw_a", {"filter": {"properties.big": true, "event_name": {"<": "fw_c"}}, "within": "2 s"}, {"event": "fw_a", "within": "3 s"}]')$$, $$SELECT * FROM pg_temp.chains('{event = ''fw_a'',big AND event < ''fw_c'',event = ''fw_a''}', '{NULL,2,3}', '{}')$$);
-- What is excluded, between the steps that are near enough.
SELECT * FROM pg_temp.differences($$SELECT * FROM pg_temp.found('["fw_a", {"event": "fw_b", "within": "3 s", "exclude": "fw_x"}, {"event": "fw_c", "within": "2 s", "exclude": "fw_a"}]')$$,
  $$SELECT e.* FROM pg_temp.chains('{event = ''fw_a'',event = ''fw_b'',event = ''fw_c''}', '{NULL,3,2}', '{NULL,b.event = ''fw_x'',b.event = ''fw_a''}') AS e JOIN pg_temp.chains('{event = ''fw_a'',event = ''fw_b'',event = ''fw_c''}', '{NULL,3,2}', '{}') AS w USING (actor) WHERE e.level = w.level$$);
-- An optional step is near the required one before it, and so is the step after.
SELECT * FROM pg_temp.differences($$SELECT actor, times[1] AS first, CASE WHEN level = 3 THEN 2 ELSE 1 END AS level FROM pg_temp.found('["fw_a", {"event": "fw_b", "optional": true, "within": "1 s"}, {"event": "fw_c", "within": "2 s"}]')$$, $$SELECT actor, first, level FROM pg_temp.chains('{event = ''fw_a'',event = ''fw_c''}', '{NULL,2}', '{}')$$);
SELECT * FROM pg_temp.differences($$SELECT actor::integer, 2 AS level FROM bizmetrics.funnel_actors('["fw_a", {"event": "fw_b", "optional": true, "within": "1 s"}, {"event": "fw_c", "within": "2 s"}]'::jsonb, '9 s', '2168-01-01 00:00:01', '2168-01-01 00:00:12', 2)$$, $$SELECT actor, level FROM pg_temp.chains('{event = ''fw_a'',event = ''fw_b''}', '{NULL,1}', '{}') WHERE level = 2$$);
-- Strict: each attempt, event by event.
SELECT * FROM pg_temp.differences($$SELECT actor, level FROM pg_temp.found('["fw_a", {"event": "fw_b", "within": "3 s"}, {"event": "fw_c", "within": "2 s"}]', 'strict')$$,
  $$WITH RECURSIVE numbered AS (
      SELECT actor, second, event, row_number() OVER (PARTITION BY actor ORDER BY second, event < 'fw_d', event) AS n FROM pg_temp.random_events),
    attempt AS (
      SELECT actor, n, second AS first, second AS last, 1 AS level FROM numbered WHERE event = 'fw_a' AND second >= 1 AND second < 12
      UNION ALL
      SELECT a.actor, e.n, a.first, CASE WHEN it.is_next THEN e.second ELSE a.last END, a.level + it.is_next::integer
      FROM attempt AS a JOIN numbered AS e ON e.actor = a.actor AND e.n = a.n + 1, LATERAL (SELECT e.event = (ARRAY['fw_a', 'fw_b', 'fw_c'])[a.level + 1] AS is_next) AS it
      WHERE a.level < 3 AND e.second <= a.first + 9 AND e.event IN ((ARRAY['fw_a', 'fw_b', 'fw_c'])[a.level + 1], (ARRAY['fw_a', 'fw_b', 'fw_c'])[a.level])
        AND (NOT it.is_next OR e.second <= a.last + (ARRAY[3, 2])[a.level]))
    SELECT actor, max(level) AS level FROM attempt GROUP BY actor$$);
-- What is no limit changes nothing at all.
SELECT step_order, steps, a.rows, a.all IS NOT DISTINCT FROM b.all AS same
FROM (VALUES ('ordered', '["fw_a", {"event": "fw_b"}, "fw_a", {"event": "fw_c", "exclude": "fw_x"}]'::jsonb), ('ordered', '["fw_a", {"event": "fw_b", "optional": true}, {"event": "fw_c"}]'), ('strict', '["fw_a", {"event": "fw_b"}, {"event": "fw_c"}]')) AS f (step_order, steps),
  LATERAL (SELECT count(*) AS rows, jsonb_agg(to_jsonb(x) ORDER BY x.actor) AS all FROM bizmetrics.funnel_actors(f.steps, :time, 1, step_order => f.step_order) AS x) AS a,
  LATERAL (SELECT jsonb_agg(to_jsonb(x) ORDER BY x.actor) AS all FROM bizmetrics.funnel_actors(replace(f.steps::text, '{"event"', '{"within": "9 s", "event"')::jsonb, :time, 1, step_order => f.step_order) AS x) AS b;
-- Counts and times of funnel() are those of its actors.
\set steps '''["fw_a", {"event": "fw_b", "within": "3 s"}, {"event": "fw_c", "within": "2 s"}]'''
SELECT count(*) AS steps, count(*) FILTER (WHERE f.actors <> a.actors OR step > 1 AND (abs(f.median_seconds - a.median) > 1e-6 OR abs(f.p90_seconds - a.p90) > 1e-6 OR abs(f.total_p90_seconds - a.total_p90) > 1e-6)) AS wrong, max(f.p90_seconds) FILTER (WHERE step = 3) <= 2 AS near
FROM bizmetrics.funnel(:steps::jsonb, :time) AS f
JOIN (SELECT s.n AS step, count(a.times[s.n]) AS actors, percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.times[s.n] - a.times[s.n - 1])) AS median,
             percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM a.times[s.n] - a.times[s.n - 1])) AS p90,
             percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM a.times[s.n] - a.times[1])) AS total_p90
      FROM bizmetrics.funnel_actors(:steps::jsonb, :time, 1) AS a, generate_series(1, 3) AS s (n) GROUP BY s.n) AS a USING (step);
-- Each bucket of a trend is a funnel of its own, and each value of all steps.
SELECT count(*) AS buckets, count(*) FILTER (WHERE t.actors IS DISTINCT FROM f.actors) AS wrong
FROM (SELECT bucket, array_agg(actors ORDER BY step) AS actors FROM bizmetrics.funnel_counts(:steps, '9 s', ARRAY(SELECT timestamptz '2168-01-01' + s * interval '2 s' FROM generate_series(0, 8) AS s), 'ordered', NULL, 'first', 'actor', NULL) GROUP BY bucket) AS t,
     LATERAL (SELECT array_agg(actors ORDER BY step) AS actors FROM bizmetrics.funnel(:steps::jsonb, '9 s', t.bucket, t.bucket + interval '2 s')) AS f;
SELECT count(*) AS rows, count(*) FILTER (WHERE a.actors IS DISTINCT FROM w.actors) AS wrong
FROM (SELECT * FROM bizmetrics.funnel(:steps::jsonb, :time, breakdown => 'properties.big', attribution => 'all')) AS a
FULL JOIN (SELECT v.big, x.* FROM unnest('{true,false}'::boolean[]) AS v (big), bizmetrics.funnel(:steps::jsonb, :time, filter => jsonb_build_object('properties.big', v.big)) AS x) AS w ON w.big::text = a.breakdown_value AND w.step = a.step;

-- A saved funnel keeps it; what comes late changes the entries up to its window before, as it does in any. With a first time, it is of what follows.
\c - regress_within
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SELECT bizmetrics.create_funnel('in time', '["fw_view", "fw_cart", {"event": "fw_pay", "within": "30 min"}]'::jsonb, '3 days', '0 0 29 2 *');
SELECT bizmetrics.create_funnel('first in time', '["fw_view", {"event": "fw_cart", "within": "1 day", "first_time": true}, {"event": "fw_pay", "within": "30 min", "first_time": true}]'::jsonb, '3 days', '0 0 29 2 *');
SELECT funnel_name, steps, win FROM bizmetrics.funnels ORDER BY 1;
SELECT state FROM bizmetrics.run_report('funnel_in time');
SELECT state FROM bizmetrics.run_report('funnel_first in time');
SELECT entered_on, step, name, actors, median_seconds FROM analytics."funnel_in time" WHERE entered_on >= '2168-03-01' ORDER BY 1, 2;
-- Cid has been to his cart later, and so he paid in time. Gil comes, and the first cart that he had, months before, after that.
\c - postgres
SELECT count(bizmetrics.log_event('fw_' || event, actor_user_id => actor, occurred_at => at::timestamptz))
FROM (VALUES ('cid', 'cart', '2168-03-01 00:15Z'), ('gil', 'view', '2168-03-02 10:00Z'), ('gil', 'cart', '2168-03-03 10:00Z'), ('gil', 'pay', '2168-03-03 10:30Z')) AS e (actor, event, at);
\c - regress_within
SET datestyle = 'ISO';
SELECT state FROM bizmetrics.run_report('funnel_in time');
SELECT state FROM bizmetrics.run_report('funnel_first in time');
SELECT entered_on, step, name, actors, median_seconds FROM analytics."funnel_in time" WHERE entered_on >= '2168-03-01' ORDER BY 1, 2;
SELECT entered_on, array_agg(actors ORDER BY step) AS actors FROM analytics."funnel_first in time" WHERE entered_on >= '2168-03-01' GROUP BY 1 ORDER BY 1;
\c - postgres
SELECT bizmetrics.log_event('fw_cart', actor_user_id => 'gil', occurred_at => '2168-01-15 00:00Z') IS NOT NULL;
\c - regress_within
SET datestyle = 'ISO';
SELECT state FROM bizmetrics.run_report('funnel_first in time');
SELECT entered_on, array_agg(actors ORDER BY step) AS actors FROM analytics."funnel_first in time" WHERE entered_on >= '2168-03-01' GROUP BY 1 ORDER BY 1;
SELECT bizmetrics.drop_funnel(name) FROM unnest('{in time,first in time}'::text[]) AS name;
\c - postgres
SELECT bizmetrics.revoke_author('regress_within');
DROP OWNED BY regress_within;
DROP ROLE regress_within;
DROP TABLE bizmetrics.business_events_2168_01, bizmetrics.business_events_2168_03;
