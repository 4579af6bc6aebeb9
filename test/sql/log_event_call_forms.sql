-- log_event() takes ids of any type and any subset of named arguments, and stores what was said.
SET client_min_messages = notice;
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;

CREATE FUNCTION pg_temp.show(id uuid) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' | ', event_name, 'actor ' || actor_user_id, 'company ' || company_id,
    'entity ' || entity_id, 'of type ' || entity_type, properties, occurred_at = now(), dedupe_key, request_id)
  FROM public.business_events e WHERE e.id = $1
$$;

-- Literals, in order and by name.
SELECT pg_temp.show(bizmetrics.log_event('literal'));
SELECT pg_temp.show(bizmetrics.log_event('literal', '{"a": 1}'));
SELECT pg_temp.show(bizmetrics.log_event('literal', '{"a": 1}', 'u1', 'c1', 'order', 'o1', '2021-05-06 07:08:09', 'literal 1', 'r1'));
SELECT pg_temp.show(bizmetrics.log_event('literal', actor_user_id => 42));
SELECT pg_temp.show(bizmetrics.log_event('literal', actor_user_id => 42, company_id => 7, entity_type => 'order', entity_id => 1001));
SELECT pg_temp.show(bizmetrics.log_event(event_name => 'literal', entity_id => 9223372036854775807));
SELECT pg_temp.show(bizmetrics.log_event('literal', entity_id => 92233720368547758070));
SELECT pg_temp.show(bizmetrics.log_event('literal', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL));

-- Columns of the types that ids have.
CREATE TEMP TABLE ids AS SELECT (-5)::smallint AS small, 42 AS int4, -9223372036854775808 AS int8,
  12.50::numeric AS num, '6f9619ff-8b86-d011-b42d-00c04fc964ff'::uuid AS uuid, 'v'::varchar(20) AS varchar, 't'::text AS text;
SELECT pg_temp.show(bizmetrics.log_event('column', actor_user_id => small, company_id => small, entity_id => small, entity_type => 'x')) FROM ids;
SELECT pg_temp.show(bizmetrics.log_event('column', actor_user_id => int4, company_id => int4, entity_id => int4, entity_type => 'x')) FROM ids;
SELECT pg_temp.show(bizmetrics.log_event('column', actor_user_id => int8, company_id => int8, entity_id => int8, entity_type => 'x')) FROM ids;
SELECT pg_temp.show(bizmetrics.log_event('column', actor_user_id => num, company_id => num, entity_id => num, entity_type => 'x')) FROM ids;
SELECT pg_temp.show(bizmetrics.log_event('column', actor_user_id => uuid, company_id => uuid, entity_id => uuid, entity_type => 'x')) FROM ids;
SELECT pg_temp.show(bizmetrics.log_event('column', actor_user_id => varchar, company_id => varchar, entity_id => varchar, entity_type => varchar)) FROM ids;
SELECT pg_temp.show(bizmetrics.log_event(text, actor_user_id => text, company_id => text, entity_id => text, entity_type => text, dedupe_key => varchar, request_id => varchar)) FROM ids;
SELECT pg_temp.show(bizmetrics.log_event('column', actor_user_id => NULL::bigint, company_id => NULL::uuid)) FROM ids;

-- Domains over them, and other types of time.
CREATE DOMAIN pg_temp.user_no AS bigint;
CREATE DOMAIN pg_temp.slug AS text;
SELECT pg_temp.show(bizmetrics.log_event('domain', actor_user_id => 3::pg_temp.user_no, company_id => 's'::pg_temp.slug));
CREATE TEMP TABLE times AS SELECT bizmetrics.log_event('time', occurred_at => '2021-05-06 07:08:09'::timestamp) AS id UNION ALL SELECT bizmetrics.log_event('time', occurred_at => date '2021-05-07');
SELECT occurred_at FROM public.business_events JOIN times USING (id) ORDER BY 1;

-- Untyped parameters, as drivers send them, and typed ones.
PREPARE untyped AS SELECT pg_temp.show(bizmetrics.log_event($1, $2, $3, $4, $5, $6, $7, $8, $9));
EXECUTE untyped('untyped', '{"b": 2}', '42', '7', 'order', '6f9619ff-8b86-d011-b42d-00c04fc964ff', '2021-05-06 07:08:09', 'untyped 1', 'r1');
EXECUTE untyped('untyped', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
PREPARE named AS SELECT pg_temp.show(bizmetrics.log_event($1, actor_user_id => $2, dedupe_key => $3));
EXECUTE named('named', '42', NULL);
PREPARE typed(text, bigint, uuid) AS SELECT pg_temp.show(bizmetrics.log_event($1, actor_user_id => $2, company_id => $3));
EXECUTE typed('typed', 42, '6f9619ff-8b86-d011-b42d-00c04fc964ff');
PREPARE cast_by_caller AS SELECT pg_temp.show(bizmetrics.log_event($1, actor_user_id => $2::bigint));
EXECUTE cast_by_caller('cast', 42);

-- Any subset of named arguments finds the one function: no call is ambiguous.
DO $$
DECLARE
  argument text[] := ARRAY['properties => ''{}''', 'actor_user_id => 1', 'company_id => ''c''', 'entity_type => ''order''',
    'entity_id => 1::bigint', 'occurred_at => now()', 'dedupe_key => NULL', 'request_id => ''r'''];
  call text;
  made integer := 0;
BEGIN
  FOR subset IN 0 .. 255 LOOP
    SELECT concat_ws(', ', '''subset''', string_agg(argument[bit], ', ' ORDER BY bit)) INTO call
    FROM generate_series(1, 8) bit WHERE subset >> (bit - 1) & 1 = 1;
    EXECUTE 'SELECT bizmetrics.log_event(' || call || ')';
    made := made + 1;
  END LOOP;
  RAISE NOTICE '% calls', made;
END
$$;
SELECT count(*), count(actor_user_id), count(company_id), count(entity_type), count(entity_id), count(request_id)
FROM public.business_events WHERE event_name = 'subset';

-- One call a row; from PL/pgSQL; as a function in FROM.
SELECT count(bizmetrics.log_event('rows', actor_user_id => n)) FROM generate_series(1, 5) n;
DO $$ BEGIN PERFORM bizmetrics.log_event('plpgsql', actor_user_id => 1); END $$;
SELECT count(id) FROM bizmetrics.log_event('from') AS f(id);

-- The id is a UUID of version 7 and grows; the other columns are the transaction's.
SELECT DISTINCT substr(id::text, 15, 1) AS version, recorded_at = now() AS recorded, xact_id = pg_current_xact_id()::text::bigint AS xact
FROM public.business_events WHERE event_name = 'rows';
SELECT bool_and(id > previous) AS growing
FROM (SELECT id, lag(id) OVER (ORDER BY actor_user_id::integer) AS previous FROM public.business_events WHERE event_name = 'rows') ids;
ROLLBACK;
