-- An event, its key and its partition are part of the caller's transaction and subtransactions.
SET timezone = 'UTC';
\set show 'SELECT event_name, dedupe_key FROM public.business_events WHERE event_name LIKE ''tx %'' ORDER BY 1'
\set partitions 'SELECT count(*) AS partitions FROM pg_inherits WHERE inhparent = ''public.business_events''::regclass AND inhrelid::regclass::text LIKE ''bizmetrics.business_events_1980%'''

-- Rolled back: no event, no key, no partition.
BEGIN;
SELECT bizmetrics.log_event('tx 1', occurred_at => '1980-01-05', dedupe_key => 'tx') IS NOT NULL AS logged;
:partitions;
ROLLBACK;
:partitions;
:show;

-- The next call in the same session makes partition and key anew.
BEGIN;
SELECT bizmetrics.log_event('tx 2', occurred_at => '1980-01-05', dedupe_key => 'tx') IS NOT NULL AS logged;
:show;

-- A savepoint that is rolled back frees what it took.
SAVEPOINT s1;
SELECT bizmetrics.log_event('tx 3', occurred_at => '1980-02-05', dedupe_key => 'tx feb') IS NOT NULL AS logged;
:partitions;
ROLLBACK TO s1;
:partitions;
SELECT bizmetrics.log_event('tx 4', occurred_at => '1980-02-05', dedupe_key => 'tx feb') IS NOT NULL AS logged;
SAVEPOINT s2;
SELECT bizmetrics.log_event('tx 5', occurred_at => '1980-02-06') IS NOT NULL AS logged;
RELEASE s2;
SAVEPOINT s3;
SELECT bizmetrics.log_event('tx 6', occurred_at => '1980-01-06') IS NOT NULL AS logged;
ROLLBACK TO s3;
:show;
-- All have the top-level transaction's id, those of subtransactions too.
SELECT DISTINCT xact_id = pg_current_xact_id()::text::bigint AS top_level FROM public.business_events WHERE event_name LIKE 'tx %';
ROLLBACK;

-- PL/pgSQL exceptions are subtransactions as well.
BEGIN;
DO $$
BEGIN
  FOR n IN 1 .. 4 LOOP
    BEGIN
      PERFORM bizmetrics.log_event('tx loop', jsonb_build_object('n', n), occurred_at => '1980-03-01', dedupe_key => 'tx loop');
      IF n < 3 THEN
        RAISE EXCEPTION 'not yet';
      END IF;
    EXCEPTION WHEN raise_exception THEN
    END;
  END LOOP;
END
$$;
SELECT event_name, properties, dedupe_key FROM public.business_events WHERE event_name LIKE 'tx %';
:partitions;
ROLLBACK;

-- A cursor open on the table, a cursor of log_event(), one that outlives its transaction.
BEGIN;
SELECT bizmetrics.log_event('tx cursor', occurred_at => '1980-01-01') IS NOT NULL AS logged;
DECLARE open_cursor CURSOR FOR SELECT event_name FROM public.business_events WHERE event_name LIKE 'tx %';
FETCH open_cursor;
SELECT bizmetrics.log_event('tx cursor', occurred_at => '1980-01-01') IS NOT NULL AS logged;
FETCH ALL open_cursor;
DECLARE calls CURSOR FOR SELECT bizmetrics.log_event('tx fetch', jsonb_build_object('n', n), occurred_at => '1980-01-01') IS NOT NULL AS logged FROM generate_series(1, 3) n;
SAVEPOINT s;
FETCH calls;
ROLLBACK TO s;
FETCH calls;
SELECT event_name, properties FROM public.business_events WHERE event_name = 'tx fetch';
ROLLBACK;

-- A deferred trigger logs at commit. (The event has to stay: it is logged in a month of its own.)
CREATE TABLE tx_orders (id integer);
CREATE FUNCTION tx_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM bizmetrics.log_event('tx deferred', entity_id => NEW.id, occurred_at => '1980-04-01', dedupe_key => 'tx order ' || NEW.id);
  RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER tx_log AFTER INSERT ON tx_orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tx_log();
BEGIN;
INSERT INTO tx_orders VALUES (1), (1), (2);
SELECT count(*) FROM public.business_events WHERE event_name = 'tx deferred';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT event_name, entity_id FROM public.business_events WHERE event_name = 'tx deferred' ORDER BY 2;
ROLLBACK;
DROP TABLE tx_orders;
DROP FUNCTION tx_log();
:partitions;
