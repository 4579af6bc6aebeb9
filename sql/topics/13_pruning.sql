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
'Drops the partitions of business_events whose events are all older, and returns each that begins before that limit: whether it was dropped, and why or why not. A partition is kept that a report has still to read. With dry_run nothing is dropped. What was dropped is in bizmetrics.pruned_events and in the server''s log. Locks business_events for itself to the end of the transaction: set lock_timeout. Errors: 22004 NULL; 22023 older_than is not in the past; 25006 read-only transaction; 2BP01 something depends on a partition; 42501 not the table''s owner; 55006 a partition is in use in this session; 55P03 lock_timeout.';

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
