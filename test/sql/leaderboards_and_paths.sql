-- leaderboard(), actor_rank() and paths()
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
BEGIN;
CREATE FUNCTION pg_temp.log(actor text, event text, at timestamptz, properties jsonb DEFAULT '{}', company text DEFAULT NULL) RETURNS uuid
LANGUAGE sql AS $$ SELECT bizmetrics.log_event(event, properties, actor, company, occurred_at => at) $$;
SELECT * FROM bizmetrics.leaderboard('sold', '2025-03-01', '2025-03-02');
SELECT * FROM bizmetrics.actor_rank('a', 'sold', '2025-03-01', '2025-03-02');
SELECT count(pg_temp.log(actor, 'sold', '2025-03-01'::timestamptz + n * interval '1 hour', jsonb_build_object('value', value), company))
FROM (VALUES ('b', 3, 10, 'x'), ('a', 3, 10, 'x'), ('C', 3, 20, 'y'), ('d', 5, 1, 'x'), ('e', 1, 7, NULL), (NULL, 9, 100, 'z')) AS t (actor, times, value, company), generate_series(1, times) AS n;
-- Who has as much has the same rank, in the order of ids, and the next one's leaves as many out.
SELECT * FROM bizmetrics.leaderboard('sold', '2025-03-01', '2025-03-02');
SELECT * FROM bizmetrics.leaderboard('sold', '2025-03-01', '2025-03-02', max_rows => 2);
SELECT * FROM bizmetrics.leaderboard('sold', '2025-03-01', '2025-03-02', measure => 'sum', property => 'value');
SELECT * FROM bizmetrics.leaderboard('sold', '2025-03-01', '2025-03-02', subject => 'company');
SELECT * FROM bizmetrics.leaderboard('sold', '2025-03-01', '2025-03-02', measure => 'subjects', subject => 'company');
SELECT * FROM bizmetrics.leaderboard(NULL, '2025-03-01 01:00', '2025-03-01 03:00', filters => '{"value": 10}', company_id => 'x');
-- Without a number nobody is on the board.
SELECT * FROM bizmetrics.leaderboard('sold', '2025-03-01', '2025-03-02', measure => 'max', property => 'weight');
SELECT id, r.* FROM unnest('{a,C,d,e,nobody,NULL}'::text[]) AS id, bizmetrics.actor_rank(id, 'sold', '2025-03-01', '2025-03-02') AS r;
SELECT * FROM bizmetrics.actor_rank('x', 'sold', '2025-03-01', '2025-03-02', 'sum', 'value', subject => 'company');
-- An id of any type
SELECT pg_temp.log('42', 'sold', '2025-03-01 20:00') IS NOT NULL AS logged;
SELECT * FROM bizmetrics.actor_rank(42, 'sold', '2025-03-01', '2025-03-02');
-- Each rank of the board is the actor's own, whatever cuts the board.
SELECT count(pg_temp.log('r' || abs(hashint4(i)) % 50, 'random', '1995-01-01'::timestamptz + i * interval '1 minute')) FROM generate_series(1, 300) AS i;
SELECT n, count(*) AS rows, count(*) FILTER (WHERE (l.rank, l.value) IS DISTINCT FROM (r.rank, r.value) OR r.subjects <> 50) AS wrong
FROM unnest('{1,7,50,100}'::integer[]) AS n, bizmetrics.leaderboard('random', '1995-01-01', '1995-01-02', n) AS l, bizmetrics.actor_rank(l.subject_id, 'random', '1995-01-01', '1995-01-02') AS r GROUP BY 1 ORDER BY 1;
-- Paths
SELECT * FROM bizmetrics.paths('1996-01-01', '1996-01-02');
SELECT count(pg_temp.log(actor, event, at, '{}', company))
FROM (VALUES ('a', 'home', timestamptz '1996-01-01 10:00', 'x'), ('a', 'home', '1996-01-01 10:01', 'x'), ('a', 'list', '1996-01-01 10:05', 'x'), ('a', 'buy', '1996-01-01 10:35', 'x'),
  ('a', 'home', '1996-01-01 11:05:01', 'x'), ('a', 'list', '1996-01-01 11:06', 'x'),
  ('b', 'list', '1996-01-01 10:00', 'x'), ('b', 'home', '1996-01-01 10:10', 'x'), ('b', 'list', '1996-01-01 10:12', 'x'),
  ('c', 'home', '1996-01-01 10:00', 'y'), (NULL, 'home', '1996-01-01 10:00', 'y'), ('c', 'buy', '1996-01-02 00:00', 'y')) AS t (actor, event, at, company);
-- Exactly half an hour is no end of a session; what repeats the event before is left out.
SELECT * FROM bizmetrics.paths('1996-01-01', '1996-01-02');
SELECT * FROM bizmetrics.paths('1996-01-01', '1996-01-02', max_steps => 1);
SELECT * FROM bizmetrics.paths('1996-01-01', '1996-01-02', session_gap => '1 day');
SELECT * FROM bizmetrics.paths('1996-01-01', '1996-01-02', start_event => 'home');
SELECT * FROM bizmetrics.paths('1996-01-01', '1996-01-02', event_names => '{home,buy}');
SELECT * FROM bizmetrics.paths('1996-01-01', '1996-01-02', company_id => 'y');
SELECT step, source, target, transitions, subjects FROM bizmetrics.paths('1996-01-01', '1996-01-02', subject => 'company', session_gap => '0');
-- As many paths end as begin, and what goes into a step comes out of it.
SELECT count(pg_temp.log('r' || abs(hashint4(i)) % 20, 'e' || abs(hashint4(i * 3)) % 4, '1997-01-01'::timestamptz + abs(hashint4(i * 7)) % 600 * interval '10 min')) FROM generate_series(1, 1000) AS i;
SELECT sum(transitions) FILTER (WHERE step = 1) = sum(transitions) FILTER (WHERE target IS NULL) AS ends, (SELECT count(*) FROM (
    SELECT step + 1 AS step, target AS event, sum(transitions) AS n FROM bizmetrics.paths('1997-01-01', '1997-02-01', 100) WHERE target IS NOT NULL GROUP BY 1, 2
    EXCEPT SELECT step, source, sum(transitions) FROM bizmetrics.paths('1997-01-01', '1997-02-01', 100) GROUP BY 1, 2) AS x) AS lost
FROM bizmetrics.paths('1997-01-01', '1997-02-01', 100);
SELECT sum(p.transitions) FILTER (WHERE p.step = 1) = (SELECT count(*) FROM (SELECT DISTINCT actor_user_id, s FROM (
    SELECT actor_user_id, bizmetrics.sessionize(occurred_at, '30 min') OVER (PARTITION BY actor_user_id ORDER BY occurred_at) AS s FROM business_events
    WHERE event_name ~ '^e[0-3]$' AND occurred_at >= '1997-01-01' AND occurred_at < '1997-02-01') AS e) AS d) AS as_many_as_sessions
FROM bizmetrics.paths('1997-01-01', '1997-02-01') AS p;
ROLLBACK;
