-- The properties of a registered event type conform to its schema, or the event is refused with the
-- place, what was expected and what was found. A schema that says more than is checked is refused.
-- Each line is a schema and properties, or a schema, and what became of it.
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' => '

-- Registers a type with this schema, logs such an event, and takes both back.
CREATE FUNCTION pg_temp.outcome(schema jsonb, properties jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  PERFORM bizmetrics.create_event_type('schema_test', NULL, schema);
  PERFORM bizmetrics.log_event('schema_test', properties);
  RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION
  WHEN SQLSTATE 'ZZ000' THEN
    RETURN 'conforms';
  WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, replace(SQLERRM, 'properties of event type "schema_test" do not conform to its schema', 'not'), detail);
END
$$;

-- Properties of an order.
CREATE TEMPORARY TABLE schemas (name text, schema jsonb);
INSERT INTO schemas VALUES ('order', '{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "An order", "description": "With its lines.", "default": {}, "examples": [{"id": 1}],
  "type": "object",
  "required": ["id", "lines"],
  "properties": {
    "id": {"type": ["integer", "string"], "minimum": 1, "maxLength": 4},
    "status": {"enum": ["open", "paid", null]},
    "customer": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
    "lines": {"type": "array", "items": {
      "type": "object",
      "required": ["sku"],
      "properties": {"sku": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1, "maximum": 99}},
      "additionalProperties": {"type": "number"}
    }}
  },
  "additionalProperties": false
}');
SELECT p.properties, pg_temp.outcome(s.schema, p.properties)
FROM schemas s, (VALUES
  (1, '{"id": 1, "lines": []}'::jsonb),
  (2, '{"id": "a", "lines": [{"sku": "x"}, {"sku": "y", "quantity": 2, "price": 1.5}], "status": null, "customer": {"name": "n", "more": 1}}'),
  (3, '{"lines": []}'),
  (4, '{"id": 1}'),
  (5, '{"id": 0, "lines": []}'),
  (6, '{"id": 1.5, "lines": []}'),
  (7, '{"id": true, "lines": []}'),
  (8, '{"id": "äöüß", "lines": []}'),
  (9, '{"id": "äöüßé", "lines": []}'),
  (10, '{"id": 1, "lines": {}}'),
  (11, '{"id": 1, "lines": [], "status": "lost"}'),
  (12, '{"id": 1, "lines": [], "customer": {}}'),
  (13, '{"id": 1, "lines": [], "customer": {"name": ["n"]}}'),
  (14, '{"id": 1, "lines": [{"sku": "x"}, 5]}'),
  (15, '{"id": 1, "lines": [{"sku": "x", "quantity": "three"}]}'),
  (16, '{"id": 1, "lines": [{"sku": "x", "quantity": 100}]}'),
  (17, '{"id": 1, "lines": [{"sku": "x"}, {"sku": "x", "colour": "red"}]}'),
  (18, '{"id": 1, "lines": [], "a/b~c": {}}'),
  (19, '{}')
) AS p (n, properties)
ORDER BY p.n;

-- A value of each kind against each type; a number without a fraction is an integer.
SELECT t.type, string_agg(p.value::text, ' ' ORDER BY p.n) FILTER (WHERE o.outcome = 'conforms') AS conform
FROM (VALUES (1, 'object'), (2, 'array'), (3, 'string'), (4, 'number'), (5, 'integer'), (6, 'boolean'), (7, 'null')) AS t (n, type),
     (VALUES (1, '{}'::jsonb), (2, '[]'), (3, '"s"'), (4, '1'), (5, '1.0'), (6, '1.5'), (7, '1e30'), (8, '-0.0'), (9, 'true'), (10, 'null')) AS p (n, value),
     pg_temp.outcome(jsonb_build_object('properties', jsonb_build_object('v', jsonb_build_object('type', t.type))),
                     jsonb_build_object('v', p.value)) AS o (outcome)
GROUP BY t.n, t.type
ORDER BY t.n;

-- What a keyword asks of one kind of value, it asks of no other; numbers are compared exactly.
SELECT p.schema, p.value, pg_temp.outcome(jsonb_build_object('properties', jsonb_build_object('v', p.schema)), jsonb_build_object('v', p.value))
FROM (VALUES
  (1, '{"minimum": 5, "maxLength": 2, "items": {"type": "string"}, "required": ["x"]}'::jsonb, 'true'::jsonb),
  (2, '{"minimum": 5}', '"a"'),
  (3, '{"maxLength": 2}', '1000'),
  (4, '{"minimum": 9007199254740993}', '9007199254740992'),
  (5, '{"minimum": 9007199254740993}', '9007199254740993.00'),
  (6, '{"maximum": 0.1}', '0.1000000000000000000000000000000000000001'),
  (7, '{"minimum": 1, "maximum": 1}', '1.0'),
  (8, '{"maxLength": 0}', '""'),
  (9, '{"maxLength": 0}', '"a"'),
  (10, '{"maxLength": 5000000000}', '"a"'),
  (11, '{"enum": [1, "1", [1, {"a": 2}], {"b": null}, true]}', '1.00'),
  (12, '{"enum": [1, "1", [1, {"a": 2}], {"b": null}, true]}', '[1, {"a": 2.0}]'),
  (13, '{"enum": [1, "1", [1, {"a": 2}], {"b": null}, true]}', '{"b": null}'),
  (14, '{"enum": [1, "1", [1, {"a": 2}], {"b": null}, true]}', '[1, {"a": 3}]'),
  (15, '{"enum": [1, "1", [1, {"a": 2}], {"b": null}, true]}', 'false'),
  (16, '{"enum": ["only"]}', 'null'),
  (17, '{"required": ["x"], "additionalProperties": false}', '{"x": 1}'),
  (18, '{"properties": {"x": {}}, "additionalProperties": {"type": "null"}}', '{"x": 1, "y": null}'),
  (19, '{"properties": {"x": {}}, "additionalProperties": {"type": "null"}}', '{"x": 1, "z": 2}'),
  (20, '{"additionalProperties": true}', '{"x": 1}'),
  (21, '{"items": {}}', '[1, "x"]'),
  (22, '{"items": {"items": {"type": "integer"}}}', '[[1], [2, 3, "x"]]'),
  (23, '{"type": "string"}', jsonb_build_array(repeat('x', 100))),
  (24, '{"type": "integer"}', to_jsonb(repeat('ä', 100)))
) AS p (n, schema, value)
ORDER BY p.n;

-- What is malformed or not supported is refused when the type is registered.
SELECT p.schema, pg_temp.outcome(p.schema, '{}')
FROM (VALUES
  (1, 'null'::jsonb), (2, '[]'), (3, '"object"'), (4, '{}'),
  (5, '{"type": "text"}'), (6, '{"type": []}'), (7, '{"type": 5}'), (8, '{"type": ["object", "text"]}'), (9, '{"type": ["object", "object"]}'),
  (10, '{"required": "id"}'), (11, '{"required": ["id", 5]}'), (12, '{"required": ["id", "id"]}'), (13, '{"required": []}'),
  (14, '{"properties": ["id"]}'), (15, '{"properties": {"id": "string"}}'), (16, '{"properties": {"id": true}}'),
  (17, '{"enum": []}'), (18, '{"enum": "a"}'),
  (19, '{"properties": {"v": {"minimum": "5"}}}'), (20, '{"properties": {"v": {"maximum": null}}}'),
  (21, '{"properties": {"v": {"maxLength": -1}}}'), (22, '{"properties": {"v": {"maxLength": 1.5}}}'), (23, '{"properties": {"v": {"maxLength": "1"}}}'), (24, '{"properties": {"v": {"maxLength": 1.0}}}'),
  (25, '{"properties": {"v": {"items": [{"type": "string"}]}}}'), (26, '{"additionalProperties": "no"}'),
  (27, '{"properties": {"v": {"items": {"pattern": "^a"}}}}'), (28, '{"$ref": "#/definitions/x"}'), (29, '{"properties": {"type": {"Type": "string"}}}'),
  (30, '{"properties": {"a/b": {"additionalProperties": {"format": "date"}}}}'),
  (31, '{"title": 5, "description": null, "default": [], "examples": "x"}')
) AS p (n, schema)
ORDER BY p.n;

-- Nesting has a limit.
SELECT pg_temp.outcome((repeat('{"items": ', 100) || '{}' || repeat('}', 100))::jsonb, '{}');
SELECT pg_temp.outcome((repeat('{"items": ', 101) || '{}' || repeat('}', 101))::jsonb, '{}');

-- A schema that is stored out of line, and properties that are.
SELECT pg_temp.outcome(jsonb_build_object('properties', jsonb_object_agg(md5(n::text), '{"type": "integer"}'::jsonb), 'additionalProperties', false),
                       jsonb_object_agg(md5(n::text), n))
FROM generate_series(1, 2000) AS n;
SELECT pg_temp.outcome(jsonb_build_object('properties', jsonb_object_agg(md5(n::text), '{"type": "integer"}'::jsonb), 'additionalProperties', false),
                       jsonb_object_agg(md5((n + 1)::text), n))
FROM generate_series(1, 2000) AS n;
