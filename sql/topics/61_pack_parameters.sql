-- What a team may set about a pack without altering its reports: what counts, and how much. {{pack.name}}
-- in a query stands for it, a literal when the report is made; setting it brings the reports up to date.

CREATE TABLE bizmetrics.pack_parameters (
  pack text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  standard jsonb NOT NULL,
  choices text[],
  most numeric,
  meaning text NOT NULL,
  PRIMARY KEY (pack, name)
);
COMMENT ON TABLE bizmetrics.pack_parameters IS
'What can be set about the packs, filled by the extension''s script; set_pack_parameter() sets it.';
COMMENT ON COLUMN bizmetrics.pack_parameters.pack IS 'The pack whose reports go by it.';
COMMENT ON COLUMN bizmetrics.pack_parameters.name IS 'Its name.';
COMMENT ON COLUMN bizmetrics.pack_parameters.standard IS 'What holds where nobody set anything; what is set is of the same JSON type.';
COMMENT ON COLUMN bizmetrics.pack_parameters.choices IS 'The values that a string may have; NULL: any.';
COMMENT ON COLUMN bizmetrics.pack_parameters.most IS 'The largest number that it may be; NULL: any. None is negative.';
COMMENT ON COLUMN bizmetrics.pack_parameters.meaning IS 'What it says.';

CREATE TABLE bizmetrics.pack_settings (
  pack text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  value jsonb NOT NULL,
  PRIMARY KEY (pack, name)
);
COMMENT ON TABLE bizmetrics.pack_settings IS
'What somebody set about the packs, written by set_pack_parameter() and dumped by pg_dump.';
COMMENT ON COLUMN bizmetrics.pack_settings.pack IS 'The pack.';
COMMENT ON COLUMN bizmetrics.pack_settings.name IS 'The parameter.';
COMMENT ON COLUMN bizmetrics.pack_settings.value IS 'Its value in place of the standard one.';

CREATE FUNCTION bizmetrics.pack_parameter(pack text, name text) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  value jsonb;
BEGIN
  SELECT coalesce(s.value, p.standard) INTO value
  FROM bizmetrics.pack_parameters p
  LEFT JOIN bizmetrics.pack_settings s ON s.pack = p.pack AND s.name = p.name
  WHERE p.pack = pack_parameter.pack AND p.name = pack_parameter.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('pack "%s" has no parameter "%s"', pack, name),
      HINT = 'The parameters are in bizmetrics.pack_parameters.';
  END IF;
  RETURN value;
END
$$;
COMMENT ON FUNCTION bizmetrics.pack_parameter(text, text) IS
'What a parameter of a pack is set to, or else its standard value. Errors: 42704 no such parameter.';

CREATE FUNCTION bizmetrics.check_pack_list(name text, list jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  bad jsonb;
BEGIN
  SELECT i.item INTO bad
  FROM jsonb_array_elements(list) WITH ORDINALITY AS i (item, place)
  WHERE CASE
    WHEN name <> 'health_signals' THEN jsonb_typeof(i.item) <> 'string' OR i.item #>> '{}' ~ '[][{}"\\]'
    ELSE jsonb_typeof(i.item) <> 'object'
      OR coalesce(jsonb_typeof(i.item -> 'event'), '') <> 'string'
      OR coalesce(i.item ->> 'measure', '') NOT IN ('users', 'events')
      OR coalesce(i.item ->> 'days', '') !~ '^[1-9][0-9]{0,3}$'
      OR coalesce(jsonb_typeof(i.item -> 'target'), '') <> 'number' OR i.item ->> 'target' ~ '^(-|0(\.0*)?$)'
      OR coalesce(jsonb_typeof(i.item -> 'points'), '') <> 'number' OR i.item ->> 'points' ~ '^-'
      OR coalesce(jsonb_typeof(i.item -> 'in_steps'), 'boolean') <> 'boolean' END
  ORDER BY i.place LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('parameter "%s" cannot have this item: %s', name, bad),
      HINT = CASE WHEN name <> 'health_signals' THEN 'Give strings without quotes, brackets, braces and backslashes.'
             ELSE 'Give objects of event, measure (users or events), days (1 to 9999), target (above 0), points (0 or more) and in_steps (true or false).' END;
  ELSIF name = 'funnel_steps' AND jsonb_array_length(list) NOT BETWEEN 1 AND 32 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('a funnel has 1 to 32 steps, not %s', jsonb_array_length(list));
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_pack_list(text, jsonb) IS
'Refuses a list that the reports of the packs cannot use. Errors: 22023 which item, or that there are too many or none.';

CREATE FUNCTION bizmetrics.check_order_transitions(value jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  bad text;
BEGIN
  SELECT t.key INTO bad
  FROM jsonb_each(value) AS t
  WHERE jsonb_typeof(t.value) <> 'array'
     OR EXISTS (SELECT FROM jsonb_array_elements(CASE jsonb_typeof(t.value) WHEN 'array' THEN t.value ELSE '[]' END) AS i (item)
                WHERE jsonb_typeof(i.item) <> 'string' OR i.item #>> '{}' IN ('', 'start'))
  ORDER BY t.key LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('parameter "order_transitions" cannot have this for "%s": %s', bad, value -> bad),
      HINT = 'Give the statuses that may follow, such as ["paid", "cancelled"]; nothing comes before start.';
  ELSIF NOT value ? 'start' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = 'parameter "order_transitions" has no "start"',
      HINT = 'Give the statuses with which an order may begin, such as {"start": ["created"], "created": ["paid"]}.';
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_order_transitions(jsonb) IS
'Refuses transitions of orders that the reports cannot use. Errors: 22023 what follows a status is no list of other statuses, or start is missing.';

CREATE FUNCTION bizmetrics.set_pack_parameter(pack text, name text, value jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  parameter bizmetrics.pack_parameters;
BEGIN
  SELECT * INTO parameter FROM bizmetrics.pack_parameters p
  WHERE p.pack = set_pack_parameter.pack AND p.name = set_pack_parameter.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('pack "%s" has no parameter "%s"', pack, name),
      HINT = coalesce(format('It has: %s.', (SELECT string_agg(p.name, ', ' ORDER BY p.name) FROM bizmetrics.pack_parameters p
                                             WHERE p.pack = set_pack_parameter.pack)),
                      'The parameters are in bizmetrics.pack_parameters.');
  END IF;
  IF value IS NULL THEN
    DELETE FROM bizmetrics.pack_settings s WHERE s.pack = parameter.pack AND s.name = parameter.name;
    PERFORM bizmetrics.apply_pack(p.pack, false) FROM bizmetrics.packs p WHERE p.pack = parameter.pack;
    RETURN;
  END IF;
  IF jsonb_typeof(value) <> jsonb_typeof(parameter.standard) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('parameter "%s" of pack "%s" is not a JSON %s: %s', name, pack, jsonb_typeof(parameter.standard), value),
      HINT = format('The standard value is %s.', parameter.standard);
  ELSIF value #>> '{}' <> ALL (parameter.choices) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('parameter "%s" of pack "%s" cannot be %s', name, pack, value),
      HINT = format('It is one of: %s.', array_to_string(parameter.choices, ', '));
  ELSIF jsonb_typeof(value) = 'number' AND (value::numeric < 0 OR value::numeric > parameter.most) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('parameter "%s" of pack "%s" is out of range: %s', name, pack, value),
      HINT = CASE WHEN parameter.most IS NULL THEN 'Give 0 or more.' ELSE format('Give 0 to %s.', parameter.most) END;
  ELSIF parameter.name = 'health_weights' THEN
    PERFORM bizmetrics.health_score('{}', value);
  ELSIF parameter.name = 'order_transitions' THEN
    PERFORM bizmetrics.check_order_transitions(value);
  ELSIF jsonb_typeof(value) = 'array' THEN
    PERFORM bizmetrics.check_pack_list(parameter.name, value);
  END IF;
  INSERT INTO bizmetrics.pack_settings AS s VALUES (parameter.pack, parameter.name, value)
  ON CONFLICT ON CONSTRAINT pack_settings_pkey DO UPDATE SET value = excluded.value;
  PERFORM bizmetrics.apply_pack(p.pack, false) FROM bizmetrics.packs p WHERE p.pack = parameter.pack;
END
$$;
COMMENT ON FUNCTION bizmetrics.set_pack_parameter(text, text, jsonb) IS
'Sets a parameter of a pack; NULL: back to the standard value. Where the pack is installed, the reports that go by it are brought up to date and compute their tables anew; those that somebody altered stay as they are. Errors: 42704 no such parameter; 22023 a value of another JSON type than the standard one, none of the choices, a number out of range, or a list or weights that the reports cannot use; 42501 neither the extension''s owner nor a superuser.';

-- Queries of packs call it for single events, not for millions: the exception makes it slow.
CREATE FUNCTION bizmetrics.time_in(properties jsonb, key text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  word text := properties ->> key;
BEGIN
  IF word ~ '^\s*\d{9,11}(\.\d+)?\s*$' THEN
    RETURN to_timestamp(word::double precision);
  ELSIF word ~ '^\s*\d{4}-\d\d-\d\d' THEN
    RETURN word::timestamptz;
  END IF;
  RETURN NULL;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION bizmetrics.time_in(jsonb, text) IS
'The time that an object has under a key, in ISO 8601 or in seconds since 1970, without a zone in that of the session; NULL where it has none, so that one bad event does not stop a report.';

CREATE FUNCTION bizmetrics.health_score(components jsonb, weights jsonb) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  bad text;
  score numeric;
BEGIN
  SELECT w.key INTO bad FROM jsonb_each(weights) AS w
  WHERE jsonb_typeof(w.value) <> 'number' OR w.value::text LIKE '-%' ORDER BY w.key LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('weight "%s" is not a number of 0 or more: %s', bad, weights -> bad),
      HINT = 'A weight of 0 leaves the component out.';
  END IF;
  SELECT round(sum(w.value::numeric * (components ->> w.key)::numeric) / nullif(sum(w.value::numeric), 0), 2) INTO score
  FROM jsonb_each(weights) AS w
  WHERE components ->> w.key IS NOT NULL;
  RETURN score;
END
$$;
COMMENT ON FUNCTION bizmetrics.health_score(jsonb, jsonb) IS
'The mean of the components, an object of numbers from 0 to 100, by the weights, an object of numbers: the sum of weight times component by the sum of the weights, so that a component that is missing or null leaves its weight to the others. Rounded to two digits; NULL without a component. Errors: 22023 weights is no object, or a weight is no number of 0 or more; 22P02 a component is no number.';

-- Sample histories --------------------------------------------------------------------------------------

-- Of its own, so that a seed gives the same history in every database and version of the server.
CREATE FUNCTION bizmetrics.sample_random(seed integer, what text) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT ('x' || left(md5(seed || ':' || what), 8))::bit(32)::bigint / 4294967296.0::double precision
$$;
COMMENT ON FUNCTION bizmetrics.sample_random(integer, text) IS
'A number from 0 to below 1 that looks random and is the same for the same arguments. For generate_sample_saas() and its like.';

CREATE FUNCTION bizmetrics.check_sample(days integer, seed integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF days IS NULL OR seed IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = CASE WHEN days IS NULL THEN 'days must not be NULL' ELSE 'seed must not be NULL' END;
  ELSIF days NOT BETWEEN 1 AND 3660 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('days is not from 1 to 3660: %s', days),
      HINT = 'A year, 365, fills every report.';
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_sample(integer, integer) IS
'Refuses arguments that no sample can be made of. Errors: 22004 NULL; 22023 days out of range.';
