-- Event types: the registry that log_event() checks events by, and the catalog of what is logged.

CREATE TABLE bizmetrics.event_types (
  event_name text COLLATE "C" PRIMARY KEY
    CONSTRAINT event_types_event_name_check CHECK (pg_catalog.char_length(event_name) BETWEEN 1 AND 100),
  description text,
  properties_schema jsonb,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE bizmetrics.event_types IS
'The registered event types, written by create_event_type(), create_event_types() and drop_event_type() and dumped by pg_dump.';
COMMENT ON COLUMN bizmetrics.event_types.event_name IS 'The event_name of such events, 1 to 100 characters.';
COMMENT ON COLUMN bizmetrics.event_types.description IS 'What it means that such an event happened, for readers.';
COMMENT ON COLUMN bizmetrics.event_types.properties_schema IS
'What properties of such an event have to conform to, a subset of JSON Schema; NULL: any object.';
COMMENT ON COLUMN bizmetrics.event_types.created_at IS 'When it was registered.';

CREATE FUNCTION bizmetrics.guard_event_type() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_guard_event_type';
COMMENT ON FUNCTION bizmetrics.guard_event_type() IS
'Trigger: refuses a properties_schema that create_event_type() would refuse, and tells all sessions that the registry changed. Raises 22023 and 54000.';

-- ALWAYS: also where session_replication_role is replica, so that no session goes by what was.
CREATE TRIGGER event_types_guard BEFORE INSERT OR UPDATE OR DELETE ON bizmetrics.event_types
  FOR EACH ROW EXECUTE FUNCTION bizmetrics.guard_event_type();
ALTER TABLE bizmetrics.event_types ENABLE ALWAYS TRIGGER event_types_guard;

-- Functions -----------------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.create_event_type(
  name text,
  description text DEFAULT NULL,
  properties_schema jsonb DEFAULT NULL
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_create_event_type';
COMMENT ON FUNCTION bizmetrics.create_event_type(text, text, jsonb) IS
'Registers an event type. From then on log_event() takes events of this name only with properties that conform to properties_schema: JSON Schema with the keywords type, required, properties, additionalProperties, items, enum, minimum, maximum and maxLength, and the annotations title, description, default, examples and $schema. Other sessions see it with their next transaction. Errors: 22004 name is NULL; 22023 it is empty, or a keyword of the schema is malformed or not supported; 22001 a name of over 100 characters; 42710 the type exists; 54000 the schema is nested too deeply; 25006 read-only transaction; 42501 neither the extension''s owner nor a superuser.';

CREATE FUNCTION bizmetrics.create_event_types(enum_type regtype) RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_create_event_types';
COMMENT ON FUNCTION bizmetrics.create_event_types(regtype) IS
'Registers every label of an enum as an event type and returns how many were not registered yet; those that were are left as they are. Errors: 22004 enum_type is NULL; 42809 it is no enum; 22023 a label is empty; 25006 read-only transaction; 42501 neither the extension''s owner nor a superuser.';

CREATE FUNCTION bizmetrics.drop_event_type(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_drop_event_type';
COMMENT ON FUNCTION bizmetrics.drop_event_type(text) IS
'Forgets an event type; its events stay. Errors: 22004 name is NULL; 42704 no such event type; 25006 read-only transaction; 42501 neither the extension''s owner nor a superuser.';

-- The catalog ---------------------------------------------------------------------------------

-- Authors read the registered types here, which belong to the extension's owner and can be granted by him.
CREATE VIEW bizmetrics.registered_event_types AS
SELECT t.event_name, t.description, t.properties_schema, t.created_at FROM bizmetrics.event_types t;
COMMENT ON VIEW bizmetrics.registered_event_types IS 'The registered event types.';
COMMENT ON COLUMN bizmetrics.registered_event_types.event_name IS 'The event_name of such events.';
COMMENT ON COLUMN bizmetrics.registered_event_types.description IS 'What it means that such an event happened.';
COMMENT ON COLUMN bizmetrics.registered_event_types.properties_schema IS 'What properties of such an event conform to; NULL: any object.';
COMMENT ON COLUMN bizmetrics.registered_event_types.created_at IS 'When it was registered.';

-- Names come from a loose index scan: each is looked for from the one before it, in the partitions'
-- indexes on (event_name, occurred_at), which also have the first and the last of a name. Only a count
-- has to read all events: it is joined so that the planner leaves it out where nobody asks for it.
-- As its reader: row security of business_events holds here too.
CREATE VIEW bizmetrics.event_catalog WITH (security_invoker) AS
WITH RECURSIVE observed (event_name) AS (
  SELECT pg_catalog.min(e.event_name) FROM public.business_events e
  UNION ALL
  SELECT (SELECT e.event_name
          FROM public.business_events e
          WHERE e.event_name OPERATOR(pg_catalog.>) o.event_name
          ORDER BY e.event_name
          LIMIT 1)
  FROM observed o
  WHERE o.event_name IS NOT NULL
)
SELECT n.event_name,
       t.description,
       t.event_name IS NOT NULL AS registered,
       coalesce(c.events, 0) AS events,
       (SELECT pg_catalog.min(e.occurred_at) FROM public.business_events e
        WHERE e.event_name OPERATOR(pg_catalog.=) n.event_name) AS first_seen,
       (SELECT pg_catalog.max(e.occurred_at) FROM public.business_events e
        WHERE e.event_name OPERATOR(pg_catalog.=) n.event_name) AS last_seen
FROM (SELECT o.event_name FROM observed o WHERE o.event_name IS NOT NULL
      UNION
      SELECT r.event_name FROM bizmetrics.registered_event_types r) AS n
LEFT JOIN bizmetrics.registered_event_types t ON t.event_name OPERATOR(pg_catalog.=) n.event_name
LEFT JOIN (SELECT e.event_name, pg_catalog.count(*) AS events
           FROM public.business_events e
           GROUP BY e.event_name) AS c ON c.event_name OPERATOR(pg_catalog.=) n.event_name;
COMMENT ON VIEW bizmetrics.event_catalog IS
'Every event type that is registered or was logged. Fast however many events there are, but for the column events.';
COMMENT ON COLUMN bizmetrics.event_catalog.description IS 'What was said of it when it was registered.';
COMMENT ON COLUMN bizmetrics.event_catalog.registered IS 'Is it registered, or only logged?';
COMMENT ON COLUMN bizmetrics.event_catalog.events IS
'How many events of it are stored: exact, and so all of them are read. Leave the column out where the number does not matter, or ask for one event_name.';
COMMENT ON COLUMN bizmetrics.event_catalog.first_seen IS 'The earliest occurred_at of its events.';
COMMENT ON COLUMN bizmetrics.event_catalog.last_seen IS 'The latest occurred_at of its events.';
