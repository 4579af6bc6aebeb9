-- What an event takes is given back when it is stored: a session that lives for years logs any number of them.
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.memory() RETURNS bigint LANGUAGE sql AS $$
  SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts
  WHERE name LIKE 'bizmetrics%' OR name = 'brin desc cxt'
$$;
CREATE FUNCTION pg_temp.log(way text, events integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..events LOOP
    IF way = 'one by one' THEN
      PERFORM bizmetrics.log_event('order_paid', occurred_at => '1996-01-01 00:00 UTC');
    ELSIF way = 'with a key' THEN
      PERFORM bizmetrics.log_event('order_paid', occurred_at => '1996-01-01 00:00 UTC', dedupe_key => 'memory ' || i);
    ELSE
      PERFORM bizmetrics.log_events('[{"event_name": "order_paid", "occurred_at": "1996-01-01 00:00 UTC"},
                                      {"event_name": "order_paid", "occurred_at": "1996-01-01 00:00 UTC"}]');
    END IF;
  END LOOP;
END
$$;
BEGIN;
CREATE TEMP TABLE grown (way text, bytes bigint);
DO $$
DECLARE
  way text;
  before bigint;
BEGIN
  FOREACH way IN ARRAY ARRAY['one by one', 'with a key', 'in batches'] LOOP
    PERFORM pg_temp.log(way, 10);
    before := pg_temp.memory();
    PERFORM pg_temp.log(way, 500);
    INSERT INTO grown VALUES (way, pg_temp.memory() - before);
  END LOOP;
END
$$;
SELECT way, bytes < 100000 AS little, CASE WHEN bytes >= 100000 THEN bytes END AS more FROM grown;
SELECT pg_temp.memory() > 0 AS counted;
ROLLBACK;
