-- A new partition is clipped to its neighbours, whoever made them; a DEFAULT partition, a
-- partition of partitions and one with open bounds take what is theirs.
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set show 'SELECT relname, substring(pg_get_expr(relpartbound, oid), \'(FROM .*|DEFAULT)\') AS bounds FROM pg_class WHERE relispartition AND relkind IN (\'r\', \'p\') AND relname ~ \'1987|2300|own\' ORDER BY 1'
\set stored 'SELECT event_name, occurred_at, split_part(tableoid::regclass::text, \'.\', -1) AS partition FROM public.business_events WHERE event_name LIKE \'near %\' ORDER BY 2'
BEGIN;
CREATE TABLE own_days PARTITION OF public.business_events FOR VALUES FROM ('1987-05-10 06:30') TO ('1987-05-20');
SELECT bizmetrics.log_event('near 1', occurred_at => '1987-05-01') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('near 2', occurred_at => '1987-05-10 06:30') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('near 3', occurred_at => '1987-05-20') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('near 4', occurred_at => '1987-06-20') IS NOT NULL AS logged;
:show;
:stored;
ROLLBACK;

-- Open bounds.
BEGIN;
CREATE TABLE own_future PARTITION OF public.business_events FOR VALUES FROM ('2300-01-15') TO (MAXVALUE);
SELECT bizmetrics.log_event('near 1', occurred_at => '2400-01-14') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('near 2', occurred_at => '2300-01-14') IS NOT NULL AS logged;
SELECT bizmetrics.ensure_partitions('2300-01-01', '9999-02-01') AS made;
:show;
:stored;
ROLLBACK;

-- A DEFAULT partition takes what no other does; nothing is made beside it. Keys hold there too.
BEGIN;
CREATE TABLE own_rest PARTITION OF public.business_events DEFAULT;
SELECT bizmetrics.log_event('near 1', occurred_at => '1987-02-01', dedupe_key => 'near') = bizmetrics.log_event('near 1', occurred_at => '1987-03-01', dedupe_key => 'near') AS same;
SELECT bizmetrics.ensure_partitions('1987-01-01', '1987-12-01') AS made;
:show;
:stored;
ROLLBACK;

-- A partition of partitions.
BEGIN;
CREATE TABLE own_year PARTITION OF public.business_events FOR VALUES FROM ('1987-01-01') TO ('1988-01-01') PARTITION BY LIST (event_name);
CREATE TABLE own_year_1 PARTITION OF own_year FOR VALUES IN ('near 1');
CREATE TABLE own_year_2 PARTITION OF own_year DEFAULT;
SELECT bizmetrics.log_event('near 1', occurred_at => '1987-02-01') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('near 2', occurred_at => '1987-02-02') IS NOT NULL AS logged;
:stored;
ROLLBACK;

-- One whose columns stand in another order, with another one dropped.
BEGIN;
CREATE TABLE own_order (xact_id bigint NOT NULL, recorded_at timestamptz NOT NULL, gone integer, dedupe_key text COLLATE "C", request_id text COLLATE "C", properties jsonb NOT NULL,
  entity_id text COLLATE "C", entity_type text COLLATE "C", company_id text COLLATE "C", actor_user_id text COLLATE "C", occurred_at timestamptz NOT NULL, event_name text COLLATE "C" NOT NULL, id uuid NOT NULL,
  CONSTRAINT business_events_event_name_check CHECK (pg_catalog.char_length(event_name) BETWEEN 1 AND 100),
  CONSTRAINT business_events_occurred_at_check CHECK (pg_catalog.isfinite(occurred_at)),
  CONSTRAINT business_events_properties_check CHECK (pg_catalog.jsonb_typeof(properties) = 'object'),
  CONSTRAINT business_events_dedupe_key_check CHECK (pg_catalog.char_length(dedupe_key) <= 500));
ALTER TABLE own_order DROP COLUMN gone;
ALTER TABLE public.business_events ATTACH PARTITION own_order FOR VALUES FROM ('1987-07-01') TO ('1987-08-01');
SELECT bizmetrics.log_event('near 1', '{"a": 1}', 'actor', 'company', 'type', 'entity', '1987-07-05', 'key', 'request') IS NOT NULL AS logged;
SELECT event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties, request_id, dedupe_key, recorded_at = now() AS recorded FROM public.business_events WHERE event_name = 'near 1';
ROLLBACK;
