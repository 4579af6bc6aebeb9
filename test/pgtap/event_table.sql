-- public.business_events has exactly these columns, of these types, with these defaults, for users'
-- queries and dumps hang on them; the parent has no index and no key, and its partitions have.
BEGIN;
SELECT no_plan();

SELECT results_eq(
  $$SELECT a.attname::text COLLATE "default", format_type(a.atttypid, a.atttypmod) COLLATE "default", a.attnotnull, pg_get_expr(d.adbin, d.adrelid) COLLATE "default"
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = 'public.business_events'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum$$,
  $$VALUES ('id', 'uuid', true, 'bizmetrics.uuid_v7()'),
           ('event_name', 'text', true, NULL),
           ('occurred_at', 'timestamp with time zone', true, 'now()'),
           ('actor_user_id', 'text', false, NULL),
           ('company_id', 'text', false, NULL),
           ('entity_type', 'text', false, NULL),
           ('entity_id', 'text', false, NULL),
           ('properties', 'jsonb', true, '''{}''::jsonb'),
           ('request_id', 'text', false, NULL),
           ('dedupe_key', 'text', false, NULL),
           ('recorded_at', 'timestamp with time zone', true, 'now()'),
           ('xact_id', 'bigint', true, 'bizmetrics.current_xact()')$$,
  'columns in their order, types, NOT NULL and defaults');
SELECT is(pg_get_partkeydef('public.business_events'::regclass), 'RANGE (occurred_at)', 'partitioned by occurred_at');
SELECT is_empty($$SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'public.business_events'::regclass$$, 'no index on the parent');
SELECT results_eq(
  $$SELECT conname::text COLLATE "default", contype::text, convalidated, connoinherit FROM pg_constraint WHERE conrelid = 'public.business_events'::regclass AND contype <> 'n' ORDER BY 1$$,
  $$VALUES ('business_events_dedupe_key_check', 'c', true, false), ('business_events_event_name_check', 'c', true, false),
           ('business_events_occurred_at_check', 'c', true, false), ('business_events_properties_check', 'c', true, false)$$,
  'CHECKs alone on the parent, which partitions inherit');
SELECT is((SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'public.business_events'::regclass AND attgenerated <> '' OR attrelid = 'public.business_events'::regclass AND attidentity <> ''), NULL, 'nothing generated');

-- Partitions, the first and those made after it.
SELECT lives_ok($$SELECT bizmetrics.log_event('pgtap', occurred_at => now() - n * interval '1 month') FROM generate_series(0, 2) n$$, 'events in three months');
SELECT is_empty(
  $$SELECT p::regclass FROM (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'public.business_events'::regclass) i (p)
    WHERE NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = p AND x.indisprimary AND pg_get_indexdef(x.indexrelid) ~ '\(id\)$')
       OR (SELECT relnamespace::regnamespace::text || relkind::text || relpersistence::text FROM pg_class WHERE oid = p) <> 'bizmetricsrp'$$,
  'each partition is a plain table in schema bizmetrics with its own primary key');
SELECT is_empty(
  $$SELECT i.inhrelid::regclass, w.tgname FROM pg_inherits i,
      (VALUES ('business_events_append_only', 'A'), ('business_events_append_only_row', 'A'), ('business_events_dedupe', 'A'), ('business_events_stamp', 'R'), ('business_events_restored', 'O')) w (tgname, enabled)
    WHERE i.inhparent = 'public.business_events'::regclass
      AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = i.inhrelid AND t.tgname = w.tgname AND t.tgenabled = w.enabled::"char")$$,
  'each partition has every trigger, as enabled as on the parent');
SELECT set_eq(
  $$SELECT tgname::text COLLATE "default", tgenabled::text, tgfoid::regprocedure::text FROM pg_trigger WHERE tgrelid = 'public.business_events'::regclass$$,
  $$VALUES ('business_events_append_only', 'A', 'bizmetrics.reject_change()'), ('business_events_append_only_row', 'A', 'bizmetrics.reject_change()'),
           ('business_events_dedupe', 'A', 'bizmetrics.claim_dedupe_key()'), ('business_events_stamp', 'R', 'bizmetrics.stamp_event()'), ('business_events_restored', 'O', 'bizmetrics.stamp_event()')$$,
  'the parent''s triggers fire always, but the stamp in replica mode only, and that of restored events in no such mode');
SELECT is_empty($$SELECT inhrelid::regclass FROM pg_inherits, pg_depend WHERE inhparent = 'public.business_events'::regclass AND classid = 'pg_class'::regclass AND objid = inhrelid AND deptype = 'e'$$, 'no partition is a member of the extension');
SELECT is_empty($$SELECT a.attname FROM pg_attribute a WHERE a.attrelid = 'public.business_events'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND coalesce(col_description(a.attrelid, a.attnum), '') = ''$$, 'a comment on every column');

SELECT * FROM finish();
ROLLBACK;
