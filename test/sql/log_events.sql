-- log_events(): an array of events, stored as one.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set at '"occurred_at": "2022-03-04T05:06:07Z"'
CREATE VIEW stored AS
SELECT event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties, request_id, dedupe_key
FROM public.business_events WHERE occurred_at BETWEEN '2022-01-01' AND '2023-01-01' ORDER BY id;

-- Every key is an argument of log_event(); ids are strings or numbers; what is left out or null is as there.
BEGIN;
SELECT cardinality(bizmetrics.log_events('[
  {"event_name": "all", "properties": {"value": 1.50}, "actor_user_id": 42, "company_id": "acme", "entity_type": "order", "entity_id": 12345678901234567890,
   "occurred_at": "2022-03-04 05:06:07.123456+01", "dedupe_key": "k1", "request_id": "r1"},
  {"event_name": "some", "properties": null, "actor_user_id": null, "company_id": -1.50, "occurred_at": "2022-12-31"},
  {"occurred_at": "2022-03-04", "event_name": "few"}]'));
SELECT * FROM stored;
-- The ids come in the order of the array.
SELECT bizmetrics.log_events((SELECT jsonb_agg(jsonb_build_object('event_name', 'n' || n, 'occurred_at', timestamptz '2022-01-01' + n * interval '30 hours') ORDER BY n) FROM generate_series(1, 250) n)) AS ids \gset
SELECT count(*), bool_and(e.event_name = 'n' || i.n) AS in_order FROM unnest(:'ids'::uuid[]) WITH ORDINALITY i (id, n) JOIN public.business_events e USING (id);
-- More than are written at once, into partitions that are not there yet.
SELECT cardinality(bizmetrics.log_events((SELECT jsonb_agg(jsonb_build_object('event_name', 'many', 'occurred_at', timestamptz '2022-05-01' + n * interval '1 hour', 'entity_id', n)) FROM generate_series(1, 2600) n)));
SELECT count(*), count(DISTINCT id), count(DISTINCT tableoid), min(entity_id::integer), max(entity_id::integer), bool_and(recorded_at = now()), bool_and(xact_id = pg_current_xact_id()::text::bigint)
FROM public.business_events WHERE event_name = 'many';
-- They are found by their indexes.
SET LOCAL enable_seqscan = off;
SELECT count(*) FROM public.business_events WHERE event_name = 'many';
SELECT count(*) FROM public.business_events WHERE entity_id = '2600' AND occurred_at > '2022-01-01';
ROLLBACK;

-- None.
SELECT bizmetrics.log_events('[]');
SELECT bizmetrics.log_events('[]', on_error => 'reject');

-- A dedupe key that comes twice: the first event's id, in one array and in the next.
BEGIN;
SELECT bizmetrics.log_events(format('[{"event_name": "a", "dedupe_key": "z", %1$s}, {"event_name": "b", %1$s}, {"event_name": "c", "dedupe_key": "a", %1$s}, {"event_name": "d", "dedupe_key": "z", %1$s}]', :'at')::jsonb) AS ids \gset
SELECT (:'ids'::uuid[])[1] = (:'ids'::uuid[])[4] AS same, (SELECT count(DISTINCT i) FROM unnest(:'ids'::uuid[]) i) AS different;
SELECT event_name, dedupe_key FROM stored;
SELECT (bizmetrics.log_events(format('[{"event_name": "e", "dedupe_key": "z", %1$s}]', :'at')::jsonb))[1] = (:'ids'::uuid[])[1] AS same;
SELECT bizmetrics.log_event('f', dedupe_key => 'a') = (:'ids'::uuid[])[3] AS same;
SELECT count(*) FROM stored;
ROLLBACK;

-- One that is bad: none is stored, and the message says which it is.
SELECT pg_temp.error_of('SELECT bizmetrics.log_events(NULL)');
SELECT pg_temp.error_of('SELECT bizmetrics.log_events(''[]'', NULL)');
SELECT pg_temp.error_of('SELECT bizmetrics.log_events(''[]'', ''ignore'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_events(''{"event_name": "a"}'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_events(''4'')');
CREATE FUNCTION pg_temp.error_of_second(event text) RETURNS text LANGUAGE sql AS $$
  SELECT pg_temp.error_of(format('SELECT bizmetrics.log_events(%L)', '[{"event_name": "good", "occurred_at": "2022-03-04"}, ' || event || ']'))
$$;
SELECT pg_temp.error_of_second(event)
FROM unnest(ARRAY['4', 'null', '[]', '{}', '{"event_name": ""}', '{"event_name": 4}', '{"event_name": {"a": 1}}', '{"event_name": "b", "name": "b"}', '{"event_name": "b", "id": "00000000-0000-0000-0000-000000000000"}',
  '{"event_name": "b", "properties": []}', '{"event_name": "b", "properties": "x"}', '{"event_name": "b", "actor_user_id": true}', '{"event_name": "b", "entity_id": {}}',
  '{"event_name": "b", "entity_type": 1}', '{"event_name": "b", "dedupe_key": 1}', '{"event_name": "b", "occurred_at": 1}', '{"event_name": "b", "occurred_at": "soon"}', '{"event_name": "b", "occurred_at": "infinity"}',
  '{"event_name": "b", "occurred_at": "2022-02-30"}', '{"event_name": "b", "occurred_at": "294276-12-31 00:00+00"}']) event;
SELECT pg_temp.error_of_second(format('{"event_name": "b", "occurred_at": %s}', to_jsonb(repeat('x', 1000))));
SELECT pg_temp.error_of_second(format('{"event_name": "b", "company_id": %s}', to_jsonb(repeat('x', 301))));
SELECT pg_temp.error_of_second(format('{"event_name": "b", "dedupe_key": %s}', to_jsonb(repeat('x', 501))));
SELECT count(*) FROM stored;
BEGIN READ ONLY;
SELECT pg_temp.error_of('SELECT bizmetrics.log_events(''[]'')');
ROLLBACK;
-- No event is to blame for a cancellation.
CREATE TEMP TABLE long AS SELECT jsonb_agg(jsonb_build_object('event_name', 'e')) AS events FROM generate_series(1, 500000);
SET statement_timeout = '100ms';
\set VERBOSITY terse
SELECT cardinality(bizmetrics.log_events(events)) FROM long;
\set VERBOSITY default
RESET statement_timeout;

-- Or it is kept with the reason, and the others are stored.
BEGIN;
SELECT bizmetrics.log_events('[{"event_name": "first", "occurred_at": "2022-03-01"}, {"event_name": ""}, 4, {"event_name": "second", "occurred_at": "2022-03-02"},
  {"event_name": "far", "occurred_at": "294276-12-31 00:00+00"}, {"event_name": "third", "occurred_at": "2022-03-03", "dedupe_key": "k"}]', on_error => 'reject') AS ids \gset
SELECT i IS NULL AS rejected, (SELECT e.event_name FROM public.business_events e WHERE e.id = i) FROM unnest(:'ids'::uuid[]) i;
SELECT via, source, item, payload, sqlstate, message, hint FROM bizmetrics.event_rejects ORDER BY item;
-- What was wrong may be right now.
UPDATE bizmetrics.event_rejects SET payload = '{"event_name": "fourth", "occurred_at": "2022-03-04"}' WHERE item = 1;
SELECT bizmetrics.replay_rejects();
SELECT item, sqlstate FROM bizmetrics.event_rejects ORDER BY item;
SELECT event_name FROM stored ORDER BY event_name;
-- An event that says no time happened when it was rejected.
UPDATE bizmetrics.event_rejects SET payload = '{"event_name": "fifth"}', rejected_at = '2022-03-05 12:00+00' WHERE item = 2;
SELECT bizmetrics.replay_rejects();
SELECT occurred_at = '2022-03-05 12:00+00' AS then FROM public.business_events WHERE event_name = 'fifth';
-- All of them bad.
SELECT bizmetrics.log_events('[1, 2, 3]', on_error => 'reject');
ROLLBACK;

-- Bad in the eyes of a constraint that somebody added: it says which ...
BEGIN;
SELECT bizmetrics.ensure_partitions('2022-03-01', '2022-05-01') >= 0 AS ready;
ALTER TABLE public.business_events ADD CONSTRAINT positive CHECK ((properties ->> 'value')::numeric > 0);
CREATE FUNCTION pg_temp.events(bad integer[]) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_agg(jsonb_build_object('event_name', 'e' || n, 'properties', jsonb_build_object('value', CASE WHEN n = ANY (bad) THEN -n ELSE 1 END), 'occurred_at', timestamptz '2022-03-01' + n * interval '1 day',
    'dedupe_key', CASE WHEN n % 5 = 0 THEN 'key ' || n % 3 END) ORDER BY n)
  FROM generate_series(0, 39) n
$$;
SELECT split_part(pg_temp.error_of('SELECT bizmetrics.log_events(pg_temp.events(''{7}''))'), E'\n', 1);
SELECT count(*) FILTER (WHERE id IS NULL) AS rejected, count(*) FILTER (WHERE id IS NOT NULL) AS stored FROM unnest(bizmetrics.log_events(pg_temp.events('{0,7,8,25,35,39}'), 'reject')) id;
SELECT item, sqlstate, payload ->> 'event_name' AS event_name FROM bizmetrics.event_rejects ORDER BY item;
-- Its key is not taken: 0, 15 and 30 have one, and 0 was bad.
SELECT event_name, dedupe_key FROM stored WHERE dedupe_key IS NOT NULL;
SELECT count(*) FROM stored;
ROLLBACK;
-- ... or of an index.
BEGIN;
SELECT bizmetrics.ensure_partitions('2022-03-01', '2022-04-01') >= 0 AS ready;
CREATE INDEX ON bizmetrics.business_events_2022_03 ((100 / (properties ->> 'value')::integer)) WHERE properties ? 'value';
SELECT pg_temp.error_of('SELECT bizmetrics.log_events((SELECT jsonb_agg(jsonb_build_object(''event_name'', ''e'', ''properties'', jsonb_build_object(''value'', n - 11), ''occurred_at'', ''2022-03-05'')) FROM generate_series(1, 20) n))');
SELECT count(*) FILTER (WHERE id IS NULL) AS rejected, count(*) AS all
FROM unnest(bizmetrics.log_events((SELECT jsonb_agg(jsonb_build_object('event_name', 'e', 'properties', jsonb_build_object('value', n - 11), 'occurred_at', '2022-03-05') ORDER BY n) FROM generate_series(1, 20) n), 'reject')) id;
SELECT item, sqlstate, message FROM bizmetrics.event_rejects;
SELECT count(*) FROM stored;
ROLLBACK;
-- A unique index and an exclusion constraint of somebody hold for a batch too.
BEGIN;
SELECT bizmetrics.ensure_partitions('2022-03-01', '2022-04-01') >= 0 AS ready;
CREATE UNIQUE INDEX ON bizmetrics.business_events_2022_03 (request_id);
SELECT id IS NULL AS rejected FROM unnest(bizmetrics.log_events(format('[{"event_name": "a", "request_id": "1", %1$s}, {"event_name": "b", "request_id": "2", %1$s}, {"event_name": "c", "request_id": "1", %1$s}]', :'at')::jsonb, 'reject')) id;
ALTER TABLE bizmetrics.business_events_2022_03 ADD EXCLUDE USING btree (entity_id WITH =);
SELECT id IS NULL AS rejected FROM unnest(bizmetrics.log_events(format('[{"event_name": "a", "entity_id": "1", %1$s}, {"event_name": "b", "entity_id": "2", %1$s}, {"event_name": "c", "entity_id": "1", %1$s}]', :'at')::jsonb, 'reject')) id;
SELECT event_name, request_id, entity_id FROM stored;
ROLLBACK;

-- Event types are checked, and the settings fill what is left out.
BEGIN;
SELECT bizmetrics.create_event_type('order_paid', properties_schema => '{"required": ["value"]}');
SET LOCAL bizmetrics.unknown_events = 'reject';
SET LOCAL bizmetrics.company_id = 'acme';
SELECT id IS NULL AS rejected
FROM unnest(bizmetrics.log_events(format('[{"event_name": "order_paid", %1$s}, {"event_name": "order_piad", %1$s}, {"event_name": "order_paid", "properties": {"value": 1}, %1$s}, {"event_name": "order_paid", "company_id": "other", "properties": {"value": 1}, %1$s}]', :'at')::jsonb, 'reject')) id;
SELECT item, sqlstate, message FROM bizmetrics.event_rejects ORDER BY item;
SELECT event_name, company_id FROM stored;
ROLLBACK;

-- It belongs to the transaction, and to the savepoint.
BEGIN;
SELECT cardinality(bizmetrics.log_events(format('[{"event_name": "a", "dedupe_key": "k", %1$s}]', :'at')::jsonb));
SAVEPOINT s;
SELECT cardinality(bizmetrics.log_events(format('[{"event_name": "b", %1$s}, {"event_name": "c", %1$s}]', :'at')::jsonb));
ROLLBACK TO s;
SELECT cardinality(bizmetrics.log_events(format('[{"event_name": "d", %1$s}, {"event_name": "e", %1$s}]', :'at')::jsonb));
SELECT event_name FROM stored;
ROLLBACK;
SELECT count(*) FROM stored;

-- Who may not log may not log many, nor fill the rejects.
CREATE ROLE regress_batch_nobody;
GRANT USAGE ON SCHEMA bizmetrics TO regress_batch_nobody;
SET ROLE regress_batch_nobody;
SELECT bizmetrics.log_events('[]');
RESET ROLE;
GRANT EXECUTE ON FUNCTION bizmetrics.log_events(jsonb, text) TO regress_batch_nobody;
SET ROLE regress_batch_nobody;
SELECT bizmetrics.log_events('[1]', 'reject');
RESET ROLE;
SELECT bizmetrics.grant_writer('regress_batch_nobody');
BEGIN;
SET ROLE regress_batch_nobody;
SELECT id IS NULL AS rejected FROM unnest(bizmetrics.log_events('[{"event_name": "a"}, {}]', 'reject')) id;
ROLLBACK;
SELECT bizmetrics.revoke_writer('regress_batch_nobody');
DROP OWNED BY regress_batch_nobody;
DROP ROLE regress_batch_nobody;
-- Row security holds.
BEGIN;
CREATE ROLE regress_batch_tenant;
SELECT bizmetrics.grant_writer('regress_batch_tenant');
ALTER TABLE public.business_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.business_events FOR INSERT WITH CHECK (company_id = 'mine');
SET LOCAL ROLE regress_batch_tenant;
SELECT pg_temp.error_of(format('SELECT bizmetrics.log_events(%L)', '[{"event_name": "a", "company_id": "mine"}, {"event_name": "b", "company_id": "yours"}]'));
SELECT cardinality(bizmetrics.log_events('[{"event_name": "a", "company_id": "mine"}]'));
ROLLBACK;
DROP VIEW stored;
