-- Pruning: old events leave by whole partitions.

-- Dumped: it tells for what there are no events any more.
CREATE TABLE bizmetrics.pruned_events (
  pruned_at timestamptz NOT NULL,
  pruned_by text,
  partition_name text NOT NULL,
  from_time timestamptz,
  to_time timestamptz,
  event_name text,
  events bigint,
  bytes bigint NOT NULL
);
COMMENT ON TABLE bizmetrics.pruned_events IS 'What was pruned, when and by whom; dumped by pg_dump.';
COMMENT ON COLUMN bizmetrics.pruned_events.pruned_at IS 'When.';
COMMENT ON COLUMN bizmetrics.pruned_events.pruned_by IS 'The role that called the function; NULL: the worker.';
COMMENT ON COLUMN bizmetrics.pruned_events.partition_name IS 'The partition.';
COMMENT ON COLUMN bizmetrics.pruned_events.from_time IS 'The first instant of its range; NULL where it had no lower bound.';
COMMENT ON COLUMN bizmetrics.pruned_events.to_time IS 'The first instant after its range.';
COMMENT ON COLUMN bizmetrics.pruned_events.event_name IS 'The event type whose events were pruned; NULL: all of them, with the partition.';
COMMENT ON COLUMN bizmetrics.pruned_events.events IS
'How many events: of a type, exactly; of a partition, as of the last ANALYZE or VACUUM, NULL before the first.';
COMMENT ON COLUMN bizmetrics.pruned_events.bytes IS 'The size with indexes and TOAST that went.';

CREATE FUNCTION bizmetrics.prune_events(
  older_than interval,
  dry_run boolean DEFAULT false,
  OUT partition text,
  OUT from_time timestamptz,
  OUT to_time timestamptz,
  OUT estimated_events bigint,
  OUT bytes bigint,
  OUT dropped boolean,
  OUT reason text
) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_prune_events_interval';
COMMENT ON FUNCTION bizmetrics.prune_events(interval, boolean) IS
'Drops the partitions of business_events whose events are all older, and returns each that begins before that limit: whether it was dropped, and why or why not. A partition is kept that a report has still to read. With dry_run nothing is dropped. What was dropped is in bizmetrics.pruned_events and in the server''s log. Locks business_events for itself to the end of the transaction: set lock_timeout. Errors: 22004 NULL; 22008 older_than is too long for a time; 22023 it is not in the past; 25006 read-only transaction; 2BP01 something depends on a partition; 42501 not the table''s owner; 55006 a partition is in use in this session; 55P03 lock_timeout.';

CREATE FUNCTION bizmetrics.prune_events(
  older_than timestamptz,
  dry_run boolean DEFAULT false,
  OUT partition text,
  OUT from_time timestamptz,
  OUT to_time timestamptz,
  OUT estimated_events bigint,
  OUT bytes bigint,
  OUT dropped boolean,
  OUT reason text
) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_prune_events_time';
COMMENT ON FUNCTION bizmetrics.prune_events(timestamptz, boolean) IS
'The same with a limit that is a time: drops the partitions whose events are all older than that. Errors: as there.';

-- For queries that look further back than their report's windows, which are cut off there.
CREATE FUNCTION bizmetrics.kept_from(event_names text[]) RETURNS timestamptz
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'bizmetrics_kept_from';
COMMENT ON FUNCTION bizmetrics.kept_from(text[]) IS
'The first time from which on no event of these names was pruned, or of any name where that is NULL; -infinity where none ever was. Errors: 22004 a name is NULL.';

-- Types that are kept for less ------------------------------------------------------------------

CREATE TABLE bizmetrics.event_retentions (
  event_name text PRIMARY KEY CHECK (pg_catalog.char_length(event_name) BETWEEN 1 AND 100),
  retention interval NOT NULL CHECK (retention OPERATOR(pg_catalog.>) '0'::pg_catalog.interval)
);
COMMENT ON TABLE bizmetrics.event_retentions IS
'Event types that are kept for less than the others, written by set_event_retention() and dumped by pg_dump.';
COMMENT ON COLUMN bizmetrics.event_retentions.event_name IS 'The event type, registered or not.';
COMMENT ON COLUMN bizmetrics.event_retentions.retention IS 'How long its events are kept.';

CREATE FUNCTION bizmetrics.set_event_retention(event_name text, retention interval) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF event_name IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'event_name must not be NULL';
  ELSIF char_length(event_name) NOT BETWEEN 1 AND 100 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'event_name must have 1 to 100 characters';
  ELSIF retention <= interval '0' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('retention must be positive, not "%s"', retention),
      HINT = 'NULL keeps events of the type as long as all others.';
  ELSIF retention IS NULL THEN
    DELETE FROM bizmetrics.event_retentions r WHERE r.event_name = set_event_retention.event_name;
  ELSE
    -- An interval that is too long for a time raises here, and not in each run of the worker.
    PERFORM clock_timestamp() - retention;
    INSERT INTO bizmetrics.event_retentions AS r VALUES (set_event_retention.event_name, set_event_retention.retention)
    ON CONFLICT ON CONSTRAINT event_retentions_pkey DO UPDATE SET retention = EXCLUDED.retention;
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.set_event_retention(text, interval) IS
'Says how long events of a type are kept, where that is less than for others; NULL: as long as those. The worker applies it daily, as prune_event_types() does by hand: it rewrites partitions. Errors: 22004 event_name is NULL; 22008 retention is too long for a time; 22023 event_name is empty or too long, or retention is not positive; 42501 neither the extension''s owner nor a superuser.';

CREATE FUNCTION bizmetrics.prune_event_types(
  dry_run boolean DEFAULT false,
  OUT partition text,
  OUT from_time timestamptz,
  OUT to_time timestamptz,
  OUT event_name text,
  OUT events bigint,
  OUT pruned boolean,
  OUT reason text
) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_prune_event_types';
COMMENT ON FUNCTION bizmetrics.prune_event_types(boolean) IS
'Prunes events of the types that set_event_retention() names from the partitions whose events are all older, and returns a row for each partition and type that has such events: how many, whether they were pruned, and why or why not. It rewrites such a partition: the events that stay are copied, as they are, and its indexes built anew, while it is locked, in twice its space. A partition is left alone that a report has still to read. With dry_run nothing is pruned. What was pruned is in bizmetrics.pruned_events and in the server''s log. Errors: 22004 dry_run is NULL; 25006 read-only transaction; 42501 not the table''s owner; 55006 a partition is in use in this session; 55P03 lock_timeout.';
