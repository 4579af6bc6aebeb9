-- A question that is put together from parts: measures and dimensions, a filter, a granularity, as a dashboard's
-- builder has them. One jsonb object, the specification, becomes one SELECT over the events or a report's table:
-- names are looked up, values become literals, and nothing of it is ever read as SQL. docs/query_metric.md is its
-- reference. In the SELECT e are the events, t is the report's table.

CREATE FUNCTION bizmetrics.event_field_path(field text) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_event_field_path';
COMMENT ON FUNCTION bizmetrics.event_field_path(text) IS
'The column of business_events that a field names, and behind properties the keys in them. Errors: 22023 there is no such field.';

CREATE FUNCTION bizmetrics.check_event_filter(filter jsonb) RETURNS void
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_check_event_filter';
COMMENT ON FUNCTION bizmetrics.check_event_filter(jsonb) IS
'Raises where this is no filter of events, as funnels take them. Errors: 22023.';

CREATE FUNCTION bizmetrics.spec_key(spec jsonb, key text, type text, hint text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  value jsonb := nullif(spec -> key, 'null');
BEGIN
  IF jsonb_typeof(value) <> type THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('"%s" must be a JSON %s, not of type "%s"', key, type, jsonb_typeof(value)), HINT = hint;
  END IF;
  RETURN value;
END
$$;
COMMENT ON FUNCTION bizmetrics.spec_key(jsonb, text, text, text) IS
'What an object has under a key, which must be of a JSON type; NULL where it has nothing or null. Errors: 22023 it is of another type.';

CREATE FUNCTION bizmetrics.check_spec_keys(what text, spec jsonb, known text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  unknown text;
BEGIN
  IF jsonb_typeof(spec) <> 'object' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('%s must be a JSON object, not of type "%s"', what, jsonb_typeof(spec)),
      HINT = format('Its keys are %s.', array_to_string(known, ', '));
  END IF;
  SELECT k INTO unknown FROM jsonb_object_keys(spec) AS k WHERE k <> ALL (known) ORDER BY k COLLATE "C" LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('unknown key "%s" in %s', unknown, what),
      HINT = format('Its keys are %s.', array_to_string(known, ', '));
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_spec_keys(text, jsonb, text[]) IS
'Raises where something is no object, or has keys that mean nothing. Errors: 22023.';

CREATE FUNCTION bizmetrics.check_spec(spec jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF spec IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'spec must not be NULL',
      HINT = 'Give an object such as {"measures": ["count"], "granularity": "day"}.';
  END IF;
  PERFORM bizmetrics.check_spec_keys('spec', spec, '{source,measures,dimensions,filter,granularity,timezone,from,to,order,limit}');
END
$$;
COMMENT ON FUNCTION bizmetrics.check_spec(jsonb) IS
'Raises where a specification is no object, or has a key that means nothing. Errors: 22004 NULL; 22023.';

-- Where the rows are: events, or the table of a report, which tells time by the first column of its key that is
-- one. Its days are those of the report's zone.
CREATE FUNCTION bizmetrics.spec_source(
  spec jsonb, OUT report text, OUT tab oid, OUT relation text, OUT alias text, OUT time_column text, OUT time_type oid, OUT zone text
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wanted_zone text := bizmetrics.spec_key(spec, 'timezone', 'string', 'Give a name such as Europe/London or UTC.') #>> '{}';
BEGIN
  report := bizmetrics.spec_key(spec, 'source', 'string', 'Give events, or the name of a report.') #>> '{}';
  -- Raises 22023 where there is no such zone.
  PERFORM now() AT TIME ZONE wanted_zone;
  IF coalesce(report, 'events') = 'events' THEN
    report := NULL;
    relation := 'public.business_events';
    alias := 'e';
    time_column := 'e.occurred_at';
    time_type := 'timestamptz'::regtype;
    zone := wanted_zone;
    RETURN;
  END IF;
  SELECT t.target, to_regclass(t.target), t.timezone INTO relation, tab, zone FROM bizmetrics.report_tables t WHERE t.report_name = spec_source.report;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('report "%s" does not exist', report),
      HINT = 'The source is events, or a report that the view bizmetrics.report_tables lists.';
  ELSIF tab IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('target %s does not exist', relation);
  END IF;
  SELECT format('%I.%I', n.nspname, c.relname) INTO relation FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = tab;
  alias := 't';
  SELECT 't.' || quote_ident(c.name), c.type INTO time_column, time_type FROM bizmetrics.time_column_of(tab) AS c;
  IF wanted_zone <> zone AND time_type IN ('date'::regtype, 'timestamp'::regtype) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('the days of report "%s" are those of "%s", not of "%s"', report, zone, wanted_zone),
      HINT = 'Leave timezone out, or ask the events.';
  END IF;
  zone := coalesce(wanted_zone, zone);
END
$$;
COMMENT ON FUNCTION bizmetrics.spec_source(jsonb) IS
'What the source of a specification is; zone is NULL where nothing says which. Errors: 22023 no such time zone, or not that of a table''s days; 42704 no such report; 42P01 its table is gone.';

CREATE FUNCTION bizmetrics.time_column_of(tab oid, OUT name name, OUT type oid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT a.attname, a.atttypid
  FROM pg_attribute a
  LEFT JOIN pg_index x ON x.indrelid = a.attrelid AND x.indisprimary
  WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
    AND a.atttypid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
  ORDER BY array_position(x.indkey::smallint[], a.attnum), a.attnum
  LIMIT 1
$$;
COMMENT ON FUNCTION bizmetrics.time_column_of(oid) IS
'The column of a report''s table that tells its buckets: the key''s first one that is a time, else the table''s; NULL: it has none.';

-- expression is the field as it is grouped and compared by, of a property the jsonb value; shown is what it looks
-- like in a result, and number what is summed up.
CREATE FUNCTION bizmetrics.spec_field(
  tab oid, field text, OUT expression text, OUT type text, OUT shown text, OUT number text, OUT name text, OUT can_be_null boolean
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  path text[];
  parent text;
  place integer;
  category "char";
BEGIN
  can_be_null := true;
  IF tab IS NOT NULL THEN
    SELECT format('t.%I', a.attname), format_type(a.atttypid, NULL), a.attname, NOT a.attnotnull, y.typcategory
    INTO expression, type, name, can_be_null, category
    FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
    WHERE a.attrelid = tab AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = field;
    IF NOT FOUND THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_column',
        MESSAGE = format('table %s has no column "%s"', tab::regclass, field),
        HINT = (SELECT format('Its columns are %s.', string_agg(a.attname, ', ' ORDER BY a.attnum)) FROM pg_attribute a
                WHERE a.attrelid = tab AND a.attnum > 0 AND NOT a.attisdropped);
    END IF;
    shown := expression;
    number := CASE WHEN category = 'N' THEN expression END;
    RETURN;
  END IF;
  path := bizmetrics.event_field_path(field);
  name := path[cardinality(path)];
  expression := format('e.%I', path[1]);
  type := 'text';
  shown := expression;
  IF path[1] = 'properties' THEN
    type := 'jsonb';
    FOR place IN 2 .. cardinality(path) LOOP
      parent := expression;
      -- What begins with a digit may be the number of an item; nothing else is, whatever #> makes of it.
      expression := CASE WHEN path[place] ~ '^[0-9]' THEN format('%s #> %L', expression, ARRAY[path[place]]) ELSE format('%s -> %L', expression, path[place]) END;
    END LOOP;
    shown := format('(%s%s) COLLATE "C"', parent, CASE WHEN parent IS NULL THEN expression || ' #>> ''{}''' WHEN name ~ '^[0-9]' THEN format(' #>> %L', ARRAY[name]) ELSE format(' ->> %L', name) END);
    number := CASE WHEN parent IS NULL THEN NULL
                   WHEN name ~ '^[0-9]' THEN format('bizmetrics.number_in(jsonb_build_object(''n'', %s), ''n'')', expression)
                   ELSE format('bizmetrics.number_in(%s, %L)', parent, name) END;
    expression := format('(%s)', expression);
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.spec_field(oid, text) IS
'A field of a specification as SQL: of events where tab is NULL, else a column of that table. number is NULL where it cannot be one. Errors: 22023 no such field of events; 42703 no such column.';

-- One operator of a filter, as src/analysis/filter.c has it: unknown is false.
CREATE FUNCTION bizmetrics.filter_condition(field text, expression text, type text, op text, operand jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  kind text := jsonb_typeof(operand);
  is_json boolean := type = 'jsonb';
  is_text boolean := type IN ('text', 'character varying', 'character', 'name');
  needs text := CASE WHEN op IN ('in', 'not in') THEN 'an array of texts, numbers and booleans'
                     WHEN op = 'exists' THEN 'true or false'
                     WHEN op = '@>' THEN 'an object or an array, for properties'
                     ELSE 'a text, a number or a boolean' END;
  list text;
BEGIN
  IF op <> ALL ('{=,<>,<,<=,>,>=,in,"not in",@>,exists}') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('unknown operator "%s" in a filter', op),
      HINT = 'Use =, <>, <, <=, >, >=, in, not in, @> or exists.';
  ELSIF (CASE WHEN op IN ('in', 'not in') THEN kind <> 'array' OR operand @? 'strict $[*] ? (@.type() == "object" || @.type() == "array" || @ == null)'
             WHEN op = 'exists' THEN kind <> 'boolean'
             WHEN op = '@>' THEN NOT is_json OR kind NOT IN ('object', 'array')
             ELSE kind NOT IN ('string', 'number', 'boolean') END) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('operator "%s" of a filter has a wrong operand for "%s"', op, field),
      HINT = format('Give it %s.', needs);
  END IF;
  IF op = 'exists' THEN
    RETURN format(CASE WHEN is_json THEN '(%s <> ''null''::jsonb) IS %sTRUE' ELSE '%s IS %sNULL' END,
                  expression, CASE WHEN (operand = 'true') <> is_json THEN 'NOT ' ELSE '' END);
  ELSIF op IN ('in', 'not in') THEN
    SELECT string_agg(CASE WHEN is_json THEN format('%L::jsonb', i.item::text) ELSE format('%L::%s', i.item #>> '{}', type) END, ', ' ORDER BY i.place)
    INTO list FROM jsonb_array_elements(operand) WITH ORDINALITY AS i (item, place);
    RETURN CASE WHEN op = 'in' THEN CASE WHEN list IS NULL THEN 'false' ELSE format('%s IN (%s)', expression, list) END
                ELSE concat_ws(' AND ', format(CASE WHEN is_json THEN '%s <> ''null''::jsonb' ELSE '%s IS NOT NULL' END, expression),
                               expression || ' NOT IN (' || list || ')') END;
  ELSIF NOT is_json THEN
    -- The order of texts is that of their bytes, whatever the column's is.
    RETURN format('%s%s %s %L::%s', expression, CASE WHEN is_text AND op NOT IN ('=', '<>') THEN ' COLLATE "C"' ELSE '' END, op, operand #>> '{}', type);
  ELSIF op IN ('=', '@>') THEN
    RETURN format('%s %s %L::jsonb', expression, op, operand::text);
  ELSIF op = '<>' THEN
    RETURN format('%1$s <> ''null''::jsonb AND %1$s <> %2$L::jsonb', expression, operand::text);
  END IF;
  RETURN format('CASE jsonb_typeof(%1$s) WHEN %2$L THEN %3$s %4$s %5$s END', expression, kind,
    CASE kind WHEN 'string' THEN format('(%s #>> ''{}'') COLLATE "C"', expression) WHEN 'number' THEN expression || '::numeric' ELSE expression || '::boolean' END,
    op, format('%L::%s', operand #>> '{}', CASE kind WHEN 'string' THEN 'text' WHEN 'number' THEN 'numeric' ELSE 'boolean' END));
END
$$;
COMMENT ON FUNCTION bizmetrics.filter_condition(text, text, text, text, jsonb) IS
'One condition of a filter as SQL. Errors: 22023 no such operator, or an operand that it has no use for.';

CREATE FUNCTION bizmetrics.spec_filter(tab oid, filter jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  conditions text;
BEGIN
  IF filter IS NULL THEN
    RETURN NULL;
  ELSIF tab IS NULL THEN
    PERFORM bizmetrics.check_event_filter(filter);
  END IF;
  SELECT string_agg(bizmetrics.filter_condition(f.key, d.expression, d.type, o.op, o.operand), ' AND ' ORDER BY f.key COLLATE "C", o.op COLLATE "C")
  INTO conditions
  FROM jsonb_each(filter) AS f
  CROSS JOIN LATERAL bizmetrics.spec_field(tab, f.key) AS d
  CROSS JOIN LATERAL (
    SELECT '=' AS op, f.value AS operand WHERE jsonb_typeof(f.value) IN ('string', 'number', 'boolean')
    UNION ALL
    SELECT 'in', f.value WHERE jsonb_typeof(f.value) = 'array'
    UNION ALL
    SELECT 'exists', 'false' WHERE jsonb_typeof(f.value) = 'null'
    UNION ALL
    SELECT e.key, e.value FROM jsonb_each(CASE jsonb_typeof(f.value) WHEN 'object' THEN f.value END) AS e) AS o;
  RETURN conditions;
END
$$;
COMMENT ON FUNCTION bizmetrics.spec_filter(oid, jsonb) IS
'A filter as SQL, in the language of funnels'' filters: of events where tab is NULL, else of the columns of that table; NULL where it asks for nothing. Errors: 22023 it is no filter; 42703 no such column.';

CREATE FUNCTION bizmetrics.spec_measure(tab oid, measure jsonb, OUT name text, OUT expression text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  kind text;
  field text;
  shown text;
  number text;
  label text;
BEGIN
  IF jsonb_typeof(measure) = 'string' THEN
    measure := jsonb_build_object('measure', measure);
  END IF;
  PERFORM bizmetrics.check_spec_keys('a measure', measure, '{measure,field,filter,name}');
  kind := bizmetrics.spec_key(measure, 'measure', 'string', 'Give a word such as "count".') #>> '{}';
  field := bizmetrics.spec_key(measure, 'field', 'string', 'Give a field such as "properties.value".') #>> '{}';
  name := bizmetrics.spec_key(measure, 'name', 'string', 'Give what the result is to be called.') #>> '{}';
  PERFORM bizmetrics.check_choice('measure', kind, '{count,distinct,sum,avg,min,max,median,p90}');
  IF (kind = 'count') <> (field IS NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = CASE WHEN kind = 'count' THEN format('measure "count" has no use for field "%s"', field) ELSE format('measure "%s" needs a field', kind) END,
      HINT = CASE WHEN kind = 'count' THEN 'It counts rows; distinct counts the different values of a field.' ELSE 'Give it as {"measure": "sum", "field": "properties.value"}.' END;
  END IF;
  IF kind <> 'count' THEN
    SELECT f.shown, f.number, f.name INTO shown, number, label FROM bizmetrics.spec_field(tab, field) AS f;
    IF kind <> 'distinct' AND number IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('measure "%s" needs a number, which field "%s" is not', kind, field),
        HINT = CASE WHEN tab IS NULL THEN 'Name a property, such as properties.value.' ELSE 'Name a column of numbers.' END;
    END IF;
  END IF;
  expression := CASE kind
    WHEN 'count' THEN 'count(*)'
    WHEN 'distinct' THEN format('count(DISTINCT %s)', shown)
    WHEN 'median' THEN format('percentile_cont(0.5) WITHIN GROUP (ORDER BY %s)', number)
    WHEN 'p90' THEN format('percentile_cont(0.9) WITHIN GROUP (ORDER BY %s)', number)
    ELSE format('%s(%s)', kind, number) END
    || coalesce(' FILTER (WHERE ' || bizmetrics.spec_filter(tab, bizmetrics.spec_key(measure, 'filter', 'object', 'Give what must hold, such as {"properties.plan": "pro"}.')) || ')', '');
  IF kind IN ('median', 'p90') THEN
    expression := format('(%s)::numeric', expression);
  END IF;
  name := coalesce(name, CASE WHEN kind = 'count' THEN kind ELSE concat(kind, '_', label) END);
END
$$;
COMMENT ON FUNCTION bizmetrics.spec_measure(oid, jsonb) IS
'A measure of a specification: what its result is called, and SQL. Errors: 22004, 22023 it is no measure; 42703 no such column.';

-- What is grouped by comes first: the period, then the dimensions, then the measures.
CREATE FUNCTION bizmetrics.spec_columns(spec jsonb, for_report boolean, OUT place bigint, OUT name text, OUT expression text, OUT is_key boolean) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  s record;
  f record;
  item jsonb;
  unit text := bizmetrics.spec_key(spec, 'granularity', 'string', 'Give hour, day, week, month, quarter or year.') #>> '{}';
BEGIN
  SELECT * INTO s FROM bizmetrics.spec_source(spec);
  place := 0;
  is_key := true;
  IF unit IS NOT NULL THEN
    PERFORM bizmetrics.check_choice('granularity', unit, '{hour,day,week,month,quarter,year}');
    IF s.time_column IS NULL OR unit = 'hour' AND s.time_type = 'date'::regtype THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
        MESSAGE = format('report "%s" has no %s', s.report, CASE WHEN s.time_column IS NULL THEN 'column of a time' ELSE 'hours, but days' END),
        HINT = CASE WHEN s.time_column IS NULL THEN 'Leave granularity out.' ELSE 'Give day, week, month, quarter or year.' END;
    END IF;
    place := 1;
    name := 'period';
    -- By the zone's own clocks, and each hour that comes twice by itself.
    expression := CASE WHEN s.time_type = 'timestamptz'::regtype THEN format('date_trunc(%L, %s, %L)', unit, s.time_column, s.zone)
                       ELSE format('date_trunc(%L, %s::timestamp) AT TIME ZONE %L', unit, s.time_column, s.zone) END;
    RETURN NEXT;
  END IF;
  FOR item IN SELECT d FROM jsonb_array_elements(bizmetrics.spec_key(spec, 'dimensions', 'array', 'Give fields, such as ["event_name", "properties.plan"].')) AS d LOOP
    IF jsonb_typeof(item) = 'string' THEN
      item := jsonb_build_object('field', item);
    END IF;
    PERFORM bizmetrics.check_spec_keys('a dimension', item, '{field,name}');
    IF nullif(item -> 'field', 'null') IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a dimension needs a field', HINT = 'Give it as "company_id" or {"field": "properties.plan", "name": "plan"}.';
    END IF;
    SELECT * INTO f FROM bizmetrics.spec_field(s.tab, bizmetrics.spec_key(item, 'field', 'string', 'Give a field such as "properties.plan".') #>> '{}');
    place := place + 1;
    name := coalesce(bizmetrics.spec_key(item, 'name', 'string', 'Give what the column is to be called.') #>> '{}', f.name);
    expression := f.shown;
    IF for_report AND f.can_be_null THEN
      IF f.type NOT IN ('text', 'jsonb') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('dimension "%s" may be NULL, and is no text', name),
          HINT = 'The dimensions are the key of the report''s table: leave it out, or make the column NOT NULL.';
      END IF;
      expression := format('coalesce(%s, '''')', expression);
    END IF;
    RETURN NEXT;
  END LOOP;
  is_key := false;
  item := bizmetrics.spec_key(spec, 'measures', 'array', 'Give what is counted, such as ["count"].');
  IF coalesce(jsonb_array_length(item), 0) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = '"measures" must name at least one measure',
      HINT = 'Give for example ["count", {"measure": "sum", "field": "properties.value", "name": "revenue"}].';
  END IF;
  FOR item IN SELECT m FROM jsonb_array_elements(item) AS m LOOP
    place := place + 1;
    SELECT m.name, m.expression INTO name, expression FROM bizmetrics.spec_measure(s.tab, item) AS m;
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION bizmetrics.spec_columns(jsonb, boolean) IS
'The columns that a specification asks for, with their SQL. For a report what is grouped by is never NULL. Errors: 22004, 22023 something of it cannot be; 42703, 42704, 42P01 what it names does not exist.';

CREATE FUNCTION bizmetrics.check_spec_names(names text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  bad text;
BEGIN
  SELECT n INTO bad FROM unnest(names) AS n GROUP BY n HAVING count(*) > 1 OR octet_length(n) NOT BETWEEN 1 AND 63 ORDER BY n COLLATE "C" LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = CASE WHEN octet_length(bad) BETWEEN 1 AND 63 THEN format('more than one column would be called "%s"', bad)
                     ELSE format('a column cannot be called "%s"', bad) END,
      HINT = 'Give measures and dimensions a name of 1 to 63 bytes each, such as {"field": "properties.plan", "name": "plan"}.';
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_spec_names(text[]) IS
'Raises where columns of a result would have one name, or none. Errors: 22023.';

CREATE FUNCTION bizmetrics.spec_order(spec jsonb, names text[], keys integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wanted jsonb := bizmetrics.spec_key(spec, 'order', 'array', 'Give names of columns, such as ["revenue desc"].');
  item text;
  place integer;
  terms text[] := '{}';
BEGIN
  FOR item IN SELECT i #>> '{}' FROM jsonb_array_elements(wanted) AS i LOOP
    place := coalesce(array_position(names, item), array_position(names, regexp_replace(item, ' (asc|desc)$', '')));
    IF place IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('no column "%s" to order by', item),
        HINT = format('There are %s; " desc" behind a name turns its order.', array_to_string(names, ', '));
    END IF;
    terms := terms || concat(place, CASE WHEN item <> names[place] AND item ~ ' desc$' THEN ' DESC' END, ' NULLS LAST');
  END LOOP;
  -- What is left of the order is that of the key, so that a limit always takes the same rows.
  RETURN array_to_string(terms || ARRAY(SELECT p::text FROM generate_series(1, keys) AS p), ', ');
END
$$;
COMMENT ON FUNCTION bizmetrics.spec_order(jsonb, text[], integer) IS
'The order of a specification as SQL, by the places of columns. Errors: 22023 it is no list of columns.';

CREATE FUNCTION bizmetrics.spec_bound(spec jsonb, key text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (bizmetrics.spec_key(spec, key, 'string', 'Give a time such as "2026-03-01" or "2026-03-01T00:00:00+01:00".') #>> '{}')::timestamptz;
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR undefined_object THEN
  RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('invalid time in "%s": "%s"', key, spec ->> key),
    HINT = 'Give a time such as "2026-03-01" or "2026-03-01T00:00:00+01:00".';
END
$$;
COMMENT ON FUNCTION bizmetrics.spec_bound(jsonb, text) IS
'A time of a specification, in the session''s time zone unless it says one; NULL where there is none. Errors: 22023 it is no time.';

CREATE FUNCTION bizmetrics.spec_times(spec jsonb, source record) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  from_time timestamptz := bizmetrics.spec_bound(spec, 'from');
  to_time timestamptz := bizmetrics.spec_bound(spec, 'to');
BEGIN
  IF from_time IS NULL AND to_time IS NULL THEN
    RETURN NULL;
  ELSIF source.time_column IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('report "%s" has no column of a time', source.report),
      HINT = 'Leave from and to out.';
  ELSIF from_time >= to_time THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('invalid range of time: "%s" to "%s"', spec ->> 'from', spec ->> 'to'),
      HINT = 'The range begins with from and ends before to.';
  END IF;
  RETURN (SELECT string_agg(format('%s %s %s', source.time_column, b.op,
                                   CASE WHEN source.time_type = 'timestamptz'::regtype THEN format('%L::timestamptz', b.at)
                                        ELSE format('%L::timestamp', b.at AT TIME ZONE source.zone) END), ' AND ' ORDER BY b.op DESC)
          FROM (VALUES ('>=', from_time), ('<', to_time)) AS b (op, at)
          WHERE b.at IS NOT NULL);
END
$$;
COMMENT ON FUNCTION bizmetrics.spec_times(jsonb, record) IS
'The time that a specification asks for as SQL, half-open; NULL: all. Errors: 22023 it is no range of time, or there is none in the source.';

-- The zone is the session's for events where the specification has none. It is in force here: what has none is of it.
CREATE FUNCTION bizmetrics.spec_query(spec jsonb, session_zone text, for_report boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
DECLARE
  s record;
  names text[];
  columns text;
  keys integer;
  row_limit jsonb := bizmetrics.spec_key(spec, 'limit', 'number', 'Give how many rows there are to be at most.');
  conditions text;
BEGIN
  SELECT * INTO s FROM bizmetrics.spec_source(spec);
  s.zone := coalesce(s.zone, session_zone);
  PERFORM set_config('timezone', s.zone, true);
  spec := spec || jsonb_build_object('timezone', s.zone);
  SELECT array_agg(c.name ORDER BY c.place), string_agg(format('%s AS %I', c.expression, c.name), E',\n       ' ORDER BY c.place), count(*) FILTER (WHERE c.is_key)
  INTO names, columns, keys
  FROM bizmetrics.spec_columns(spec, for_report) AS c;
  PERFORM bizmetrics.check_spec_names(names);
  IF row_limit::numeric <= 0 OR row_limit::numeric > 1000000000 OR row_limit::numeric <> trunc(row_limit::numeric) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('invalid limit: "%s"', row_limit),
      HINT = 'Give a whole number from 1 to 1000000000.';
  END IF;
  conditions := concat_ws(E'\n  AND ', bizmetrics.spec_times(spec, s),
    bizmetrics.spec_filter(s.tab, bizmetrics.spec_key(spec, 'filter', 'object', 'Give what must hold, such as {"event_name": "order_paid"}.')),
    -- The window of a report, which PostgreSQL is told of events without it.
    CASE WHEN for_report AND s.tab IS NOT NULL AND nullif(spec -> 'granularity', 'null') IS NOT NULL THEN
      format(CASE WHEN s.time_type = 'timestamptz'::regtype THEN '%1$s >= $1 AND %1$s < $2' ELSE '%1$s >= $1 AT TIME ZONE %2$L AND %1$s < $2 AT TIME ZONE %2$L' END,
             s.time_column, s.zone) END);
  RETURN concat(format(E'SELECT %s\nFROM %s AS %s', columns, s.relation, s.alias),
    E'\nWHERE ' || nullif(conditions, ''),
    CASE WHEN keys > 0 THEN E'\nGROUP BY ' || (SELECT string_agg(p::text, ', ') FROM generate_series(1, keys) AS p) END,
    CASE WHEN NOT for_report THEN E'\nORDER BY ' || nullif(bizmetrics.spec_order(spec, names, keys), '') END,
    E'\nLIMIT ' || row_limit::numeric::bigint);
END
$$;
COMMENT ON FUNCTION bizmetrics.spec_query(jsonb, text, boolean) IS
'A specification as SQL: behind query_metric_sql() and create_metric_report(). Errors: as there.';

CREATE FUNCTION bizmetrics.query_metric_sql(spec jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM bizmetrics.check_spec(spec);
  RETURN bizmetrics.spec_query(spec, current_setting('TimeZone'), false);
END
$$;
COMMENT ON FUNCTION bizmetrics.query_metric_sql(jsonb) IS
'The SELECT that query_metric() executes for a specification. Errors: as there, but for those of reading.';

CREATE FUNCTION bizmetrics.query_rows(query text, zone text) RETURNS SETOF jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
BEGIN
  PERFORM set_config('timezone', zone, true);
  RETURN QUERY EXECUTE 'SELECT to_jsonb(q) FROM (' || query || ') AS q';
END
$$;
COMMENT ON FUNCTION bizmetrics.query_rows(text, text) IS
'The rows of a SELECT as objects, with times in a time zone. For query_metric(): it executes what it is given, with the caller''s rights.';

CREATE FUNCTION bizmetrics.query_metric(spec jsonb) RETURNS SETOF jsonb
LANGUAGE plpgsql STABLE ROWS 100 COST 10000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  query text := bizmetrics.query_metric_sql(spec);
BEGIN
  RETURN QUERY SELECT r FROM bizmetrics.query_rows(query, coalesce((bizmetrics.spec_source(spec)).zone, current_setting('TimeZone'))) AS r;
END
$$;
COMMENT ON FUNCTION bizmetrics.query_metric(jsonb) IS
'Asks the events, or the table of a report (source), for measures by period (granularity: hour, day, week from Monday, month, quarter or year, in timezone) and dimensions, of what filter lets pass from from on and before to; order and limit: of the result. A row is an object with the name of each column as a key. A measure is "count", or an object with measure (count, distinct, sum, avg, min, max, median, p90), field, filter and name; a dimension a field, or an object with field and name. Fields and filters are those of funnel(), of a report''s table its columns. Runs with the caller''s rights; groups without rows are left out. Errors: 22004 spec is NULL; 22023 a key, word, field or value that cannot be, named in the message; 22P02, 22007 a value that is not of a column''s type; 42703, 42704, 42P01 no such column, report or table; 42501 no right to read the source.';

-- Saved: a report whose query begins with what it was made of -------------------------------------

CREATE FUNCTION bizmetrics.spec_report(spec jsonb, OUT query text, OUT key text[], OUT bucket interval, OUT timezone text, OUT source text, OUT after text[], OUT companies text[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  s record;
  unit text;
  bad text;
BEGIN
  PERFORM bizmetrics.check_spec(spec);
  SELECT k INTO bad FROM jsonb_object_keys(jsonb_strip_nulls(spec)) AS k WHERE k IN ('from', 'to', 'order', 'limit') ORDER BY k LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('a report has no use for "%s"', bad),
      HINT = 'Leave it out: a report keeps every period and group, and retention of alter_report() says for how long.';
  END IF;
  SELECT * INTO s FROM bizmetrics.spec_source(spec);
  timezone := coalesce(s.zone, current_setting('bizmetrics.timezone'));
  unit := bizmetrics.spec_key(spec, 'granularity', 'string', 'Give hour, day, week, month, quarter or year.') #>> '{}';
  SELECT array_agg(c.name ORDER BY c.place) FILTER (WHERE c.is_key) INTO key FROM bizmetrics.spec_columns(spec || jsonb_build_object('timezone', timezone), true) AS c;
  IF key IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a report needs a granularity or a dimension',
      HINT = 'They are the key of its table.';
  END IF;
  bucket := bizmetrics.unit_length(unit);
  IF s.tab IS NOT NULL THEN
    source := CASE WHEN unit IS NOT NULL THEN s.relation END;
    after := CASE WHEN unit IS NULL THEN ARRAY[s.report] END;
  ELSIF unit IS NOT NULL THEN
    -- Events of other companies change nothing.
    companies := CASE jsonb_typeof(spec #> '{filter,company_id}')
                   WHEN 'array' THEN nullif(bizmetrics.texts_in(spec #> '{filter,company_id}'), '{}')
                   WHEN 'string' THEN ARRAY[spec #>> '{filter,company_id}']
                   WHEN 'number' THEN ARRAY[spec #>> '{filter,company_id}'] END;
  END IF;
  -- Nothing in it can end the comment: in JSON a star is in strings alone.
  query := format(E'/* query_metric %s */\n%s', replace(spec::text, '*', '\u002a'), bizmetrics.spec_query(spec, timezone, true));
END
$$;
COMMENT ON FUNCTION bizmetrics.spec_report(jsonb) IS
'A specification as what create_report() is told. Errors: those of query_metric(); 22023 it has from, to, order or limit, or neither granularity nor dimensions.';

CREATE FUNCTION bizmetrics.create_metric_report(
  name text,
  spec jsonb,
  schedule text DEFAULT '*/15 * * * *',
  owner name DEFAULT NULL,
  description text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  r record;
BEGIN
  IF name IS NULL OR schedule IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'name and schedule must not be NULL';
  END IF;
  SELECT * INTO r FROM bizmetrics.spec_report(spec);
  PERFORM bizmetrics.create_report(
    name => name, query => r.query, key => r.key, schedule => schedule, bucket => r.bucket, timezone => r.timezone,
    source => r.source, after => r.after, companies => r.companies, owner => owner, description => description);
END
$$;
COMMENT ON FUNCTION bizmetrics.create_metric_report(text, jsonb, text, name, text) IS
'Saves what query_metric() asks for as a report: the table analytics.<name> has a row for each period and group, which are its key (an empty text where a dimension is missing), and runs compute what new events change. alter_metric_report() gives it another specification; all else is as with other reports. Errors: those of query_metric() and create_report(); 22023 spec has from, to, order or limit, neither granularity nor dimensions, or a dimension that may be NULL and is no text.';

CREATE FUNCTION bizmetrics.metric_report_spec(query text) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT starts_with(query, '/* query_metric {') THEN
    RETURN NULL;
  END IF;
  RETURN split_part(substr(query, 17), ' */', 1)::jsonb;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION bizmetrics.metric_report_spec(text) IS
'What create_metric_report() wrote into a report''s query; NULL for another query. Behind the view metric_reports.';

CREATE VIEW bizmetrics.metric_reports AS
SELECT r.report_name, d.spec, r.timezone, r.key, r.source, r.target, r.owner_name
FROM bizmetrics.reports AS r
CROSS JOIN LATERAL bizmetrics.metric_report_spec(r.query) AS d (spec)
WHERE d.spec IS NOT NULL AND bizmetrics.may_see_report(r.owner_name);
COMMENT ON VIEW bizmetrics.metric_reports IS 'The reports of create_metric_report() that the current role may see.';
COMMENT ON COLUMN bizmetrics.metric_reports.report_name IS 'The report.';
COMMENT ON COLUMN bizmetrics.metric_reports.spec IS 'What query_metric() takes, and asks for the same of the events there are now.';
COMMENT ON COLUMN bizmetrics.metric_reports.timezone IS 'In which its periods begin.';
COMMENT ON COLUMN bizmetrics.metric_reports.key IS 'The primary key of its table: the period and the dimensions.';
COMMENT ON COLUMN bizmetrics.metric_reports.source IS 'The report''s table that its periods are computed from; NULL: the events, or it has no periods.';
COMMENT ON COLUMN bizmetrics.metric_reports.target IS 'The table.';
COMMENT ON COLUMN bizmetrics.metric_reports.owner_name IS 'The role as which the report runs.';

CREATE FUNCTION bizmetrics.alter_metric_report(name text, spec jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  r record;
  old record;
BEGIN
  IF name IS NULL OR spec IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = format('%s must not be NULL', CASE WHEN name IS NULL THEN 'name' ELSE 'spec' END);
  END IF;
  SELECT m.spec, m.key, m.source, m.timezone INTO old FROM bizmetrics.metric_reports m WHERE m.report_name = alter_metric_report.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('report "%s" of create_metric_report() does not exist', name),
      HINT = 'The view bizmetrics.metric_reports lists those that you may see.';
  END IF;
  PERFORM bizmetrics.check_spec(spec);
  SELECT * INTO r FROM bizmetrics.spec_report(jsonb_build_object('timezone', old.timezone) || jsonb_strip_nulls(spec));
  IF r.key <> old.key OR r.source IS DISTINCT FROM old.source OR (r.bucket IS NULL) <> (nullif(old.spec -> 'granularity', 'null') IS NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('report "%s" cannot get another source or other dimensions', name),
      DETAIL = format('Its key is (%s), and would be (%s).', array_to_string(old.key, ', '), array_to_string(r.key, ', ')),
      HINT = 'Drop the report and its table, and create it anew, or save the specification under another name.';
  END IF;
  PERFORM bizmetrics.alter_report(name => name, query => r.query, bucket => r.bucket, timezone => r.timezone, companies => r.companies,
                                  unset => CASE WHEN r.companies IS NULL THEN '{companies}'::text[] END);
END
$$;
COMMENT ON FUNCTION bizmetrics.alter_metric_report(text, jsonb) IS
'Gives a report of create_metric_report() another specification with the same source and dimensions; the next run computes its table anew. Without timezone it keeps its own. Columns of new measures are added; those of measures that are gone are to be dropped before, as with alter_report(). Errors: as create_metric_report(); 22004 NULL; 42704 no such report of the current role''s; 22023 another source or other dimensions; 42703 a measure that is gone.';
