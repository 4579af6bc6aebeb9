-- Events: the table, what fills its generated columns, what guards it, and log_event().

-- An id of any type -------------------------------------------------------------------------

CREATE TYPE bizmetrics.identifier;

CREATE FUNCTION bizmetrics.identifier_in(cstring) RETURNS bizmetrics.identifier
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textin';
CREATE FUNCTION bizmetrics.identifier_out(bizmetrics.identifier) RETURNS cstring
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textout';
CREATE FUNCTION bizmetrics.identifier_recv(internal) RETURNS bizmetrics.identifier
LANGUAGE internal STABLE STRICT PARALLEL SAFE AS 'textrecv';
CREATE FUNCTION bizmetrics.identifier_send(bizmetrics.identifier) RETURNS bytea
LANGUAGE internal STABLE STRICT PARALLEL SAFE AS 'textsend';

CREATE TYPE bizmetrics.identifier (
  INPUT = bizmetrics.identifier_in,
  OUTPUT = bizmetrics.identifier_out,
  RECEIVE = bizmetrics.identifier_recv,
  SEND = bizmetrics.identifier_send,
  LIKE = pg_catalog.text,
  COLLATABLE = true
);
COMMENT ON TYPE bizmetrics.identifier IS
'An id of any type as text: integers, numeric, uuid and strings cast to it implicitly. Parameters of log_event() have this type.';
COMMENT ON FUNCTION bizmetrics.identifier_in(cstring) IS 'Input of type identifier.';
COMMENT ON FUNCTION bizmetrics.identifier_out(bizmetrics.identifier) IS 'Output of type identifier.';
COMMENT ON FUNCTION bizmetrics.identifier_recv(internal) IS 'Binary input of type identifier.';
COMMENT ON FUNCTION bizmetrics.identifier_send(bizmetrics.identifier) IS 'Binary output of type identifier.';

CREATE FUNCTION bizmetrics.identifier(bigint) RETURNS bizmetrics.identifier
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_identifier_from_int8';
CREATE FUNCTION bizmetrics.identifier(integer) RETURNS bizmetrics.identifier
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_identifier_from_int4';
CREATE FUNCTION bizmetrics.identifier(smallint) RETURNS bizmetrics.identifier
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_identifier_from_int2';
CREATE FUNCTION bizmetrics.identifier(numeric) RETURNS bizmetrics.identifier
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_identifier_from_numeric';
CREATE FUNCTION bizmetrics.identifier(character) RETURNS bizmetrics.identifier
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'rtrim1';
CREATE FUNCTION bizmetrics.identifier(name) RETURNS bizmetrics.identifier
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'name_text';
CREATE FUNCTION bizmetrics.identifier(uuid) RETURNS bizmetrics.identifier
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_identifier_from_uuid';
COMMENT ON FUNCTION bizmetrics.identifier(bigint) IS 'Casts an integer id to identifier.';
COMMENT ON FUNCTION bizmetrics.identifier(integer) IS 'Casts an integer id to identifier.';
COMMENT ON FUNCTION bizmetrics.identifier(smallint) IS 'Casts an integer id to identifier.';
COMMENT ON FUNCTION bizmetrics.identifier(numeric) IS 'Casts a numeric id to identifier.';
COMMENT ON FUNCTION bizmetrics.identifier(character) IS 'Casts an id of fixed length to identifier, without the blanks that fill it.';
COMMENT ON FUNCTION bizmetrics.identifier(name) IS 'Casts a name to identifier.';
COMMENT ON FUNCTION bizmetrics.identifier(uuid) IS 'Casts a uuid to identifier.';

CREATE CAST (text AS bizmetrics.identifier) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (varchar AS bizmetrics.identifier) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (bizmetrics.identifier AS text) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (bigint AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(bigint) AS IMPLICIT;
CREATE CAST (integer AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(integer) AS IMPLICIT;
CREATE CAST (smallint AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(smallint) AS IMPLICIT;
CREATE CAST (numeric AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(numeric) AS IMPLICIT;
CREATE CAST (character AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(character) AS IMPLICIT;
CREATE CAST (name AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(name) AS IMPLICIT;
CREATE CAST (uuid AS bizmetrics.identifier) WITH FUNCTION bizmetrics.identifier(uuid) AS IMPLICIT;

-- The table ------------------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.uuid_v7() RETURNS uuid
LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_uuid_v7';
COMMENT ON FUNCTION bizmetrics.uuid_v7() IS
'A new UUID of version 7 (RFC 9562): increasing with time, so that indexes on it stay compact.';

CREATE FUNCTION bizmetrics.current_xact() RETURNS bigint
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_current_xact';
COMMENT ON FUNCTION bizmetrics.current_xact() IS
'The current top-level transaction, 64 bits wide, as pg_current_xact_id() has it but as bigint. Assigns one where there is none.';

-- Names and ids are compared byte by byte, which costs a fraction of what a language's rules do in each
-- of the indexes.
CREATE TABLE public.business_events (
  id uuid NOT NULL DEFAULT bizmetrics.uuid_v7(),
  event_name text COLLATE "C" NOT NULL
    CONSTRAINT business_events_event_name_check CHECK (pg_catalog.char_length(event_name) BETWEEN 1 AND 100),
  occurred_at timestamptz NOT NULL DEFAULT pg_catalog.now()
    CONSTRAINT business_events_occurred_at_check CHECK (pg_catalog.isfinite(occurred_at)),
  actor_user_id text COLLATE "C",
  company_id text COLLATE "C",
  entity_type text COLLATE "C",
  entity_id text COLLATE "C",
  properties jsonb NOT NULL DEFAULT '{}'
    CONSTRAINT business_events_properties_check CHECK (pg_catalog.jsonb_typeof(properties) = 'object'),
  request_id text COLLATE "C",
  dedupe_key text COLLATE "C"
    CONSTRAINT business_events_dedupe_key_check CHECK (pg_catalog.char_length(dedupe_key) <= 500),
  recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  xact_id bigint NOT NULL DEFAULT bizmetrics.current_xact()
) PARTITION BY RANGE (occurred_at);

COMMENT ON TABLE public.business_events IS
'Append-only log of business events, partitioned by occurred_at; partitions are in schema bizmetrics and carry the indexes. Written by bizmetrics.log_event(), INSERT or COPY.';
COMMENT ON COLUMN public.business_events.id IS 'Unique, time-ordered id of the event.';
COMMENT ON COLUMN public.business_events.event_name IS 'What happened, 1 to 100 characters, for example order_paid.';
COMMENT ON COLUMN public.business_events.occurred_at IS 'When it happened, as the application says; now by default.';
COMMENT ON COLUMN public.business_events.actor_user_id IS 'Who did it: any id as text.';
COMMENT ON COLUMN public.business_events.company_id IS 'The tenant it happened in: any id as text.';
COMMENT ON COLUMN public.business_events.entity_type IS 'The kind of thing it happened to, for example order.';
COMMENT ON COLUMN public.business_events.entity_id IS 'The thing it happened to: any id as text.';
COMMENT ON COLUMN public.business_events.properties IS 'Everything else, a JSON object.';
COMMENT ON COLUMN public.business_events.request_id IS 'The request that caused it.';
COMMENT ON COLUMN public.business_events.dedupe_key IS 'At most one event within bizmetrics.dedupe_retention has a given key, whatever its month; at most 500 characters.';
COMMENT ON COLUMN public.business_events.recorded_at IS 'When the transaction that stored it began.';
COMMENT ON COLUMN public.business_events.xact_id IS 'The top-level transaction that stored it, 64 bits wide: how reports find new events.';

-- Keys that were seen. Not dumped: the trigger below fills it as a restore loads the events.
CREATE TABLE bizmetrics.dedupe_keys (
  dedupe_key text COLLATE "C" PRIMARY KEY,
  event_id uuid NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX dedupe_keys_recorded_at_idx ON bizmetrics.dedupe_keys (recorded_at);
COMMENT ON TABLE bizmetrics.dedupe_keys IS
'Every dedupe_key that was seen within bizmetrics.dedupe_retention, with the first event that had it.';

-- What guards the table -----------------------------------------------------------------------

CREATE FUNCTION bizmetrics.reject_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_reject_change';
COMMENT ON FUNCTION bizmetrics.reject_change() IS
'Trigger: business_events is append-only. Raises 55000.';

CREATE FUNCTION bizmetrics.claim_dedupe_key() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_claim_dedupe_key';
COMMENT ON FUNCTION bizmetrics.claim_dedupe_key() IS
'Trigger: records the dedupe_key of a row that INSERT or COPY stores. Raises 23505 where it was seen before.';

CREATE FUNCTION bizmetrics.stamp_event() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_stamp_event';
COMMENT ON FUNCTION bizmetrics.stamp_event() IS
'Trigger: sets xact_id of events of another server, whose transaction ids mean nothing here: of those that logical replication applies to the current one, of those that a restore brings, and whose number is yet to come here, to one that is over.';

-- Row triggers are cloned to every partition, statement triggers are not: each partition gets
-- its own when it is made. ALWAYS: also where session_replication_role is replica.
CREATE TRIGGER business_events_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON public.business_events
  FOR EACH STATEMENT EXECUTE FUNCTION bizmetrics.reject_change();
CREATE TRIGGER business_events_append_only_row
  BEFORE UPDATE OR DELETE ON public.business_events
  FOR EACH ROW EXECUTE FUNCTION bizmetrics.reject_change();
-- AFTER: a row that ON CONFLICT DO NOTHING or somebody's trigger leaves out takes no key.
CREATE TRIGGER business_events_dedupe
  AFTER INSERT ON public.business_events
  FOR EACH ROW WHEN (NEW.dedupe_key IS NOT NULL)
  EXECUTE FUNCTION bizmetrics.claim_dedupe_key();
CREATE TRIGGER business_events_stamp
  BEFORE INSERT ON public.business_events
  FOR EACH ROW EXECUTE FUNCTION bizmetrics.stamp_event();
CREATE TRIGGER business_events_restored
  BEFORE INSERT ON public.business_events
  FOR EACH ROW WHEN (NEW.xact_id OPERATOR(pg_catalog.>) bizmetrics.current_xact())
  EXECUTE FUNCTION bizmetrics.stamp_event();
ALTER TABLE public.business_events
  ENABLE ALWAYS TRIGGER business_events_append_only,
  ENABLE ALWAYS TRIGGER business_events_append_only_row,
  ENABLE ALWAYS TRIGGER business_events_dedupe,
  ENABLE REPLICA TRIGGER business_events_stamp;

-- Logging ------------------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.log_event(
  event_name text,
  properties jsonb DEFAULT '{}',
  actor_user_id bizmetrics.identifier DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL,
  entity_type text DEFAULT NULL,
  entity_id bizmetrics.identifier DEFAULT NULL,
  occurred_at timestamptz DEFAULT NULL,
  dedupe_key text DEFAULT NULL,
  request_id text DEFAULT NULL
) RETURNS uuid
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_log_event';
COMMENT ON FUNCTION bizmetrics.log_event(text, jsonb, bizmetrics.identifier, bizmetrics.identifier, text, bizmetrics.identifier, timestamptz, text, text) IS
'Stores a business event in the current transaction and returns its id. Ids may be of any type; occurred_at is now by default; an event whose dedupe_key was seen before is not stored again, and the first one''s id is returned. Errors: 22004 event_name is NULL; 22023 it is empty, properties is no object, or bizmetrics.event_types or bizmetrics.unknown_events refuses the event; 22001 a name of over 100, an id of over 300 or a key of over 500 characters; 22008 occurred_at is infinite or out of range; 25006 read-only transaction; 42501 no right to log; 53400 bizmetrics.max_partitions is reached; 55006 a partition is missing inside a command that uses business_events.';

CREATE FUNCTION bizmetrics.log_events(events jsonb, on_error text DEFAULT 'error') RETURNS uuid[]
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_log_events';
COMMENT ON FUNCTION bizmetrics.log_events(jsonb, text) IS
'Stores an array of events in the current transaction, as one, and returns their ids in its order. Each is an object whose keys are arguments of log_event(). on_error: error (all are stored or none, and the message names the index of the bad one, from 0) or reject (a bad one goes to event_rejects with the reason, its id is NULL, and the others are stored). Errors: those of log_event(), and 22023 no array, no object, an unknown key, a value of the wrong kind or a bad on_error; 22007 and 22008 occurred_at is no time; 22004 NULL.';

CREATE FUNCTION bizmetrics.ensure_partitions(from_time timestamptz, to_time timestamptz) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_ensure_partitions';
COMMENT ON FUNCTION bizmetrics.ensure_partitions(timestamptz, timestamptz) IS
'Makes the partitions of business_events that are missing for [from_time, to_time) and returns how many it made: for INSERT and COPY, which make none. Errors: 22023 no range of time; 42501 no right to log; 53400 bizmetrics.max_partitions is reached.';

CREATE FUNCTION bizmetrics.prune_dedupe_keys(max_keys integer DEFAULT 100000) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_prune_dedupe_keys';
COMMENT ON FUNCTION bizmetrics.prune_dedupe_keys(integer) IS
'Forgets dedupe keys that were recorded longer ago than bizmetrics.dedupe_retention, the oldest first and max_keys at the most, and returns how many; their events stay, and the keys can be used again. The worker does so hourly, 10,000 a transaction. Errors: 22023 max_keys is not positive; 25006 read-only transaction; 42501 neither the extension''s owner nor a superuser.';
