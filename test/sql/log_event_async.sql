-- log_event_async() takes what log_event() takes, refuses what it refuses, at the call, and stores the same;
-- whether an event waits for the flusher or is stored at once.
CREATE PROCEDURE pg_temp.flush() LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. 3000 LOOP
    IF (SELECT waiting = 0 FROM bizmetrics.buffer_status) THEN RETURN; END IF;
    PERFORM pg_sleep(0.01);
  END LOOP;
  RAISE 'events still wait: %', (SELECT b FROM bizmetrics.buffer_status b);
END $$;
-- From here on there is a flusher, for as long as something is logged every two seconds.
DO $$
BEGIN
  FOR i IN 1 .. 1000 LOOP
    PERFORM bizmetrics.log_event_async('warm_up');
    COMMIT;
    EXIT WHEN (SELECT queued > 0 FROM bizmetrics.buffer_status);
    PERFORM pg_sleep(0.01);
  END LOOP;
END $$;
SELECT queued > 0 AS buffered, discarded FROM bizmetrics.buffer_status;

-- Call forms
CREATE TEMP TABLE ids (name text, id uuid);
INSERT INTO ids SELECT 'async_1', bizmetrics.log_event_async('async_1');
INSERT INTO ids SELECT 'async_2', bizmetrics.log_event_async('async_2', '{"value": 1}', actor_user_id => 42, company_id => 'acme');
INSERT INTO ids SELECT 'async_3', bizmetrics.log_event_async(event_name => 'async_3', entity_type => 'order', entity_id => 4711::bigint, occurred_at => '2021-05-06 07:08:09+00', dedupe_key => 'async three', request_id => 'r');
PREPARE logging AS SELECT bizmetrics.log_event_async($1, $2, actor_user_id => $3);
EXECUTE logging ('async_4', NULL, NULL) \g /dev/null
EXECUTE logging ('async_5', '{"a": [1, 2]}', 7) \g /dev/null
SET bizmetrics.actor_user_id = 'session';
INSERT INTO ids SELECT 'async_6', bizmetrics.log_event_async('async_6');
RESET bizmetrics.actor_user_id;
CALL pg_temp.flush();
SELECT event_name, e.id = i.id AS id, occurred_at <= recorded_at AS in_time, actor_user_id, company_id, entity_type, entity_id, properties, request_id, dedupe_key
FROM business_events e LEFT JOIN ids i ON i.name = event_name WHERE event_name LIKE 'async%' ORDER BY event_name;
-- The call's time, and the flusher's transaction.
BEGIN;
SELECT bizmetrics.log_event_async('async_time') AS id, now() AS called \gset
COMMIT;
CALL pg_temp.flush();
SELECT occurred_at = :'called' AS occurred, recorded_at >= :'called' AS recorded, xact_id > 0 AS stored FROM business_events WHERE id = :'id';

-- The same as log_event() stores, for events of all kinds and sizes.
INSERT INTO ids SELECT 'both', f
FROM generate_series(1, 300) AS n,
  LATERAL (SELECT repeat('ä' || n, n % 7) AS id, CASE n % 5 WHEN 0 THEN NULL ELSE jsonb_build_object('n', n, 'long', repeat(md5(n::text), n * n / 200)) END AS properties) AS v,
  LATERAL (VALUES (bizmetrics.log_event('both_sync', properties, v.id, nullif(v.id, ''), 'e' || n % 3, n, '2021-05-01 00:00+00'::timestamptz + n * interval '1 hour', 'sync:' || n, nullif(v.id, ''))),
                  (bizmetrics.log_event_async('both_async', properties, v.id, nullif(v.id, ''), 'e' || n % 3, n, '2021-05-01 00:00+00'::timestamptz + n * interval '1 hour', 'async:' || n, nullif(v.id, '')))) AS f (f);
CALL pg_temp.flush();
SELECT count(*) AS events, count(*) FILTER (WHERE event_name = 'both_async' AND id IN (SELECT id FROM ids)) AS with_its_id FROM business_events WHERE event_name LIKE 'both%';
WITH e AS (SELECT event_name, ROW(occurred_at, actor_user_id, company_id, entity_type, entity_id, properties, request_id, split_part(dedupe_key, ':', 2))::text AS rest FROM business_events)
SELECT count(*) AS differences FROM ((SELECT rest FROM e WHERE event_name = 'both_sync' EXCEPT SELECT rest FROM e WHERE event_name = 'both_async')
  UNION ALL (SELECT rest FROM e WHERE event_name = 'both_async' EXCEPT SELECT rest FROM e WHERE event_name = 'both_sync')) AS d;

-- One event a dedupe key: the ledger decides when it is stored.
SELECT bizmetrics.log_event_async('async_key', dedupe_key => 'async:key') IS NOT NULL AS logged FROM generate_series(1, 3);
CALL pg_temp.flush();
SELECT bizmetrics.log_event('async_key', dedupe_key => 'async:key') = id AS same FROM business_events WHERE event_name = 'async_key';

-- Errors, all at the call and none of them leaves anything.
\set VERBOSITY sqlstate
SELECT bizmetrics.log_event_async(NULL);
SELECT bizmetrics.log_event_async('');
SELECT bizmetrics.log_event_async(repeat('x', 101));
SELECT bizmetrics.log_event_async('async_bad', '[1]');
SELECT bizmetrics.log_event_async('async_bad', occurred_at => 'infinity');
SELECT bizmetrics.log_event_async('async_bad', dedupe_key => repeat('x', 501));
SELECT bizmetrics.log_event_async('async_bad', actor_user_id => repeat('x', 301));
SELECT bizmetrics.create_event_type('async_typed', NULL, '{"required": ["value"]}');
SELECT bizmetrics.log_event_async('async_typed', '{}');
SELECT bizmetrics.drop_event_type('async_typed');
BEGIN TRANSACTION READ ONLY;
SELECT bizmetrics.log_event_async('async_bad');
ROLLBACK;
SET bizmetrics.unknown_events = reject;
SELECT bizmetrics.log_event_async('async_bad');
RESET bizmetrics.unknown_events;

-- Rights, also those that change in the session.
CREATE ROLE regress_async;
GRANT USAGE ON SCHEMA bizmetrics TO regress_async;
GRANT EXECUTE ON FUNCTION bizmetrics.log_event_async, bizmetrics.identifier(integer) TO regress_async;
SET ROLE regress_async;
SELECT bizmetrics.log_event_async('async_role');
RESET ROLE;
SELECT bizmetrics.grant_writer('regress_async');
SET ROLE regress_async;
SELECT bizmetrics.log_event_async('async_role', entity_id => 1) IS NOT NULL AS logged;
SELECT * FROM bizmetrics.buffer_status;
RESET ROLE;
SELECT bizmetrics.revoke_writer('regress_async');
GRANT USAGE ON SCHEMA bizmetrics TO regress_async;
GRANT EXECUTE ON FUNCTION bizmetrics.log_event_async TO regress_async;
SET ROLE regress_async;
SELECT bizmetrics.log_event_async('async_role');
RESET ROLE;
GRANT pg_monitor TO regress_async;
SET ROLE regress_async;
SELECT count(*) FROM bizmetrics.buffer_status;
RESET ROLE;
\set VERBOSITY default
-- A policy is one for who logs, and not for the owner: the event is stored at once.
SELECT bizmetrics.grant_writer('regress_async');
ALTER TABLE business_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_acme ON business_events FOR INSERT TO regress_async WITH CHECK (company_id = 'acme');
SET ROLE regress_async;
SELECT bizmetrics.log_event_async('async_policy', company_id => 'acme') IS NOT NULL AS logged;
\set VERBOSITY sqlstate
SELECT bizmetrics.log_event_async('async_policy', company_id => 'other');
RESET ROLE;
SELECT event_name, company_id FROM business_events WHERE event_name = 'async_policy';
DROP POLICY only_acme ON business_events;
ALTER TABLE business_events DISABLE ROW LEVEL SECURITY;
DROP OWNED BY regress_async;
SELECT bizmetrics.revoke_writer('regress_async');
DROP ROLE regress_async;

-- A transaction that is prepared stores its events.
BEGIN;
SELECT bizmetrics.log_event_async('async_2pc', dedupe_key => 'async:2pc') IS NOT NULL AS logged;
SAVEPOINT s;
SELECT bizmetrics.log_event_async('async_2pc no') IS NOT NULL AS logged;
ROLLBACK TO s;
PREPARE TRANSACTION 'bizmetrics async';
COMMIT PREPARED 'bizmetrics async';
BEGIN;
SELECT bizmetrics.log_event_async('async_2pc rolled back') IS NOT NULL AS logged;
PREPARE TRANSACTION 'bizmetrics async';
ROLLBACK PREPARED 'bizmetrics async';
SELECT event_name FROM business_events WHERE event_name LIKE 'async_2pc%';

-- Blocks with EXCEPTION, one in the other.
DO $$
BEGIN
  FOR i IN 1 .. 4 LOOP
    BEGIN
      PERFORM bizmetrics.log_event_async('async_block', entity_id => i);
      BEGIN
        PERFORM bizmetrics.log_event_async('async_block', entity_id => i * 10);
        IF i % 2 = 0 THEN PERFORM 1 / 0; END IF;
      EXCEPTION WHEN division_by_zero THEN NULL;
      END;
      PERFORM bizmetrics.log_event_async('async_block', entity_id => i * 100);
      IF i > 2 THEN PERFORM 1 / 0; END IF;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
  END LOOP;
END $$;
CALL pg_temp.flush();
SELECT entity_id FROM business_events WHERE event_name = 'async_block' ORDER BY length(entity_id), entity_id;
SELECT count(*) FROM business_events WHERE event_name IN ('async_bad', 'async_typed', 'async_2pc no');
SELECT count(*) FROM business_events WHERE event_name = 'async_role';
-- Why something is missing above, if it is.
SELECT payload ->> 'event_name' AS event_name, sqlstate, message FROM bizmetrics.event_rejects WHERE via = 'log_event_async' ORDER BY reject_id;
SELECT waiting, waiting_bytes, oldest_waiting, rejected, discarded, size_bytes FROM bizmetrics.buffer_status;
