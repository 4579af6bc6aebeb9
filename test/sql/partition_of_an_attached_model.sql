-- What a new partition copies from the current one are indexes: a CHECK that bounds a partition's
-- own months, made before it was attached as the manual advises, must not be handed on.
SET timezone = 'UTC';
BEGIN;
SELECT bizmetrics.ensure_partitions('1950-01-01', '1950-02-01') AS made;
CREATE TABLE attached (LIKE public.business_events INCLUDING ALL);
ALTER TABLE attached ADD PRIMARY KEY (id);
CREATE INDEX attached_note ON attached (event_name);
DO $$
BEGIN
  EXECUTE format('ALTER TABLE attached ADD CONSTRAINT attached_range CHECK (occurred_at >= %1$L AND occurred_at < %2$L)', date_trunc('year', now()), date_trunc('year', now()) + interval '1 year');
  EXECUTE (SELECT coalesce(string_agg(format('ALTER TABLE public.business_events DETACH PARTITION %s;', inhrelid::regclass), ' '), '') FROM pg_inherits WHERE inhparent = 'public.business_events'::regclass);
  EXECUTE format('ALTER TABLE public.business_events ATTACH PARTITION attached FOR VALUES FROM (%L) TO (%L)', date_trunc('year', now()), date_trunc('year', now()) + interval '1 year');
END
$$;
SELECT bizmetrics.log_event('now') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('other year', occurred_at => '1951-05-05') IS NOT NULL AS logged;
ROLLBACK;
