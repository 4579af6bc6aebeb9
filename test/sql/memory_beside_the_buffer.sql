-- What docs/architecture.md says of memory: about 190 kB of shared memory beside the buffer, and 64 kB that a session
-- keeps of what it handed over.
SELECT round(sum(size), -4) AS bytes FROM pg_shmem_allocations WHERE name IN ('bizmetrics', 'bizmetrics runners');

CREATE FUNCTION pg_temp.memory() RETURNS bigint LANGUAGE sql AS $$
  SELECT total_bytes FROM pg_backend_memory_contexts WHERE name = 'TopMemoryContext'
$$;
CREATE TEMP TABLE memory (meanwhile bigint, afterwards bigint);
-- The first round learns, and calls a flusher.
DO $$
DECLARE
  before bigint;
  meanwhile bigint;
BEGIN
  FOR i IN 1 .. 1000 LOOP
    before := pg_temp.memory();
    PERFORM bizmetrics.log_event_async('kept_memory', jsonb_build_object('long', repeat('x', 1000))) FROM generate_series(1, CASE WHEN i = 1 THEN 1 ELSE 1500 END);
    meanwhile := pg_temp.memory() - before;
    COMMIT;
    EXIT WHEN meanwhile > 1500000;
    PERFORM pg_sleep(0.01);
  END LOOP;
  INSERT INTO memory VALUES (meanwhile, pg_temp.memory() - before);
END
$$;
SELECT meanwhile BETWEEN 1500000 AND 4500000 AS all_of_it, afterwards <= 64 * 1024 AS little, CASE WHEN afterwards > 64 * 1024 THEN afterwards END AS more FROM memory;
