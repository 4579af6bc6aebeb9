-- Straight into the partition, one by one or in batches, or through SQL, where a user's trigger asks
-- for it: the same rows. 1,000 pseudo-random calls, made once each way.
BEGIN;
SET LOCAL timezone = 'UTC';
CREATE FUNCTION pg_temp.pick(n integer, salt text, choices anyarray) RETURNS anyelement LANGUAGE sql AS $$
  SELECT choices[1 + (('x' || substr(md5(salt || n), 1, 7))::bit(28)::integer) % cardinality(choices)]
$$;
CREATE TEMP TABLE calls AS
SELECT n,
  pg_temp.pick(n, 'name', ARRAY['order_paid', 'signup', 'ü', repeat('é', 100), 'a b']) AS event_name,
  pg_temp.pick(n, 'properties', ARRAY[NULL, '{}', '{"value": 12.50}', '{"a": {"b": [1, 2, null]}}', '{"dup": 1, "dup": 2}', (SELECT jsonb_build_object('big', string_agg(md5(i::text), ''))::text FROM generate_series(1, 200) i)])::jsonb AS properties,
  pg_temp.pick(n, 'actor', ARRAY[NULL, '42', 'u-1', '']) AS actor,
  pg_temp.pick(n, 'company', ARRAY[NULL, '7', repeat('c', 300)]) AS company,
  pg_temp.pick(n, 'type', ARRAY[NULL, 'order', '']) AS entity_type,
  pg_temp.pick(n, 'entity', ARRAY[NULL, '1001', '-5']) AS entity,
  timestamptz '1996-01-01' + pg_temp.pick(n, 'time', ARRAY['0', '1 microsecond', '30 days 23:59:59.999999', '31 days', '59 days', '100 days', '200 days']::interval[]) AS at,
  CASE WHEN n % 3 = 0 THEN pg_temp.pick(n, 'key', ARRAY['k1', 'k2', 'k3', 'k4', '', 'é', n::text]) END AS key,
  pg_temp.pick(n, 'request', ARRAY[NULL, 'r1', 'r2']) AS request
FROM generate_series(1, 1000) n;
CREATE TEMP TABLE stored (way text, n integer, event_name text, occurred_at timestamptz, actor_user_id text, company_id text, entity_type text, entity_id text,
  properties jsonb, request_id text, dedupe_key text, recorded boolean, xact boolean, partition text);
CREATE FUNCTION pg_temp.play(way text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  c record;
BEGIN
  CREATE TEMP TABLE results (n integer, id uuid);
  IF way LIKE '%batch' THEN
    FOR c IN
      SELECT array_agg(n ORDER BY n) AS ns,
        jsonb_agg(jsonb_build_object('event_name', event_name, 'properties', properties, 'actor_user_id', actor, 'company_id', company, 'entity_type', entity_type,
          'entity_id', entity, 'occurred_at', at, 'dedupe_key', key, 'request_id', request) ORDER BY n) AS events
      FROM calls GROUP BY n / 130 ORDER BY n / 130
    LOOP
      INSERT INTO results SELECT i.n, i.id FROM unnest(c.ns, bizmetrics.log_events(c.events)) AS i (n, id);
    END LOOP;
  END IF;
  FOR c IN SELECT * FROM calls WHERE way NOT LIKE '%batch' ORDER BY n LOOP
    INSERT INTO results VALUES (c.n, bizmetrics.log_event(c.event_name, c.properties, c.actor, c.company, c.entity_type, c.entity, c.at, c.key, c.request));
  END LOOP;
  INSERT INTO stored
  SELECT way, r.n, e.event_name, e.occurred_at, e.actor_user_id, e.company_id, e.entity_type, e.entity_id, e.properties, e.request_id, e.dedupe_key,
    e.recorded_at = now(), e.xact_id = pg_current_xact_id()::text::bigint, e.tableoid::regclass::text
  FROM results r JOIN public.business_events e USING (id);
  DROP TABLE results;
END
$$;
SAVEPOINT s;
SELECT pg_temp.play('straight');
CREATE TEMP TABLE straight AS SELECT * FROM stored;
SELECT count(*), count(DISTINCT n) FROM straight;
SELECT count(*) AS events FROM public.business_events WHERE occurred_at BETWEEN '1996-01-01' AND '1997-01-01';
-- Keep the rows, forget the events.
\copy straight TO 'results/both_paths.straight'
ROLLBACK TO s;
SAVEPOINT s;
SELECT pg_temp.play('batch');
CREATE TEMP TABLE straight (LIKE stored);
\copy straight FROM 'results/both_paths.straight'
UPDATE straight SET way = 'batch';
SELECT count(*) AS differences FROM ((TABLE straight EXCEPT ALL TABLE stored) UNION ALL (TABLE stored EXCEPT ALL TABLE straight)) d;
SELECT count(*) AS events FROM public.business_events WHERE occurred_at BETWEEN '1996-01-01' AND '1997-01-01';
ROLLBACK TO s;
CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('bm_test.fired', (current_setting('bm_test.fired')::integer + 1)::text, true); RETURN NEW; END $$;
SET LOCAL bm_test.fired = 0;
CREATE TRIGGER note BEFORE INSERT ON public.business_events FOR EACH ROW EXECUTE FUNCTION pg_temp.note();
SELECT pg_temp.play('sql');
SELECT count(*) = current_setting('bm_test.fired')::integer AS fired FROM public.business_events WHERE occurred_at BETWEEN '1996-01-01' AND '1997-01-01';
CREATE TEMP TABLE straight (LIKE stored);
\copy straight FROM 'results/both_paths.straight'
UPDATE straight SET way = 'sql';
SELECT count(*) AS differences FROM ((TABLE straight EXCEPT ALL TABLE stored) UNION ALL (TABLE stored EXCEPT ALL TABLE straight)) d;
SELECT count(*), count(DISTINCT n), bool_and(recorded), bool_and(xact), count(DISTINCT partition) FROM stored;
ROLLBACK TO s;
CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER note BEFORE INSERT ON public.business_events FOR EACH ROW EXECUTE FUNCTION pg_temp.note();
SELECT pg_temp.play('sql batch');
CREATE TEMP TABLE straight (LIKE stored);
\copy straight FROM 'results/both_paths.straight'
UPDATE straight SET way = 'sql batch';
SELECT count(*) AS differences FROM ((TABLE straight EXCEPT ALL TABLE stored) UNION ALL (TABLE stored EXCEPT ALL TABLE straight)) d;
ROLLBACK;
