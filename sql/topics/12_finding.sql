-- Finding events, and seeing where they are kept.

-- One SELECT without SET or STRICT, so that the planner puts it in place of the call: partitions are
-- pruned and indexes used as if the conditions were written out.
CREATE FUNCTION bizmetrics.events(
  event_name text DEFAULT NULL,
  actor_user_id bizmetrics.identifier DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL,
  entity_type text DEFAULT NULL,
  entity_id bizmetrics.identifier DEFAULT NULL,
  from_time timestamptz DEFAULT NULL,
  to_time timestamptz DEFAULT NULL
) RETURNS SETOF public.business_events
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT e.*
  FROM public.business_events AS e
  WHERE ($1 IS NULL OR e.event_name OPERATOR(pg_catalog.=) $1)
    AND ($2 IS NULL OR e.actor_user_id OPERATOR(pg_catalog.=) $2::pg_catalog.text)
    AND ($3 IS NULL OR e.company_id OPERATOR(pg_catalog.=) $3::pg_catalog.text)
    AND ($4 IS NULL OR e.entity_type OPERATOR(pg_catalog.=) $4)
    AND ($5 IS NULL OR e.entity_id OPERATOR(pg_catalog.=) $5::pg_catalog.text)
    AND ($6 IS NULL OR e.occurred_at OPERATOR(pg_catalog.>=) $6)
    AND ($7 IS NULL OR e.occurred_at OPERATOR(pg_catalog.<) $7)
$$;
COMMENT ON FUNCTION bizmetrics.events(text, bizmetrics.identifier, bizmetrics.identifier, text, bizmetrics.identifier, timestamptz, timestamptz) IS
'Events that meet every condition that is not NULL, those of [from_time, to_time): a filter that the planner sees through. Errors: 42501 no right to read events.';

-- The bounds are text in the session's style: read in one that loses nothing.
CREATE FUNCTION bizmetrics.partition_range(partition oid, OUT from_time timestamptz, OUT to_time timestamptz)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET timezone = 'UTC' AS $$
  SELECT b[1]::timestamptz, b[2]::timestamptz
  FROM pg_class AS c,
       regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \((?:''(.*)''|MINVALUE)\) TO \((?:''(.*)''|MAXVALUE)\)') AS b
  WHERE c.oid = partition
$$;
COMMENT ON FUNCTION bizmetrics.partition_range(oid) IS
'The bounds of a range partition by time; NULL for MINVALUE, MAXVALUE and a default partition.';

CREATE VIEW bizmetrics.partitions AS
SELECT c.oid::pg_catalog.regclass AS partition,
       r.from_time,
       r.to_time,
       nullif(c.reltuples, -1)::pg_catalog.int8 AS estimated_events,
       pg_catalog.pg_total_relation_size(c.oid) AS bytes
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid
CROSS JOIN LATERAL bizmetrics.partition_range(c.oid) AS r
WHERE i.inhparent OPERATOR(pg_catalog.=) 'public.business_events'::pg_catalog.regclass;
COMMENT ON VIEW bizmetrics.partitions IS
'The partitions of business_events: their half-open range of time, size with indexes in bytes, and events as of the last ANALYZE or VACUUM.';
COMMENT ON COLUMN bizmetrics.partitions.partition IS 'The table.';
COMMENT ON COLUMN bizmetrics.partitions.bytes IS 'Its size with indexes and TOAST.';
COMMENT ON COLUMN bizmetrics.partitions.from_time IS 'The first instant it holds; NULL where it has no lower bound or is the default partition.';
COMMENT ON COLUMN bizmetrics.partitions.to_time IS 'The first instant it does not hold any more; NULL as for from_time.';
COMMENT ON COLUMN bizmetrics.partitions.estimated_events IS 'NULL before the first ANALYZE or VACUUM.';
