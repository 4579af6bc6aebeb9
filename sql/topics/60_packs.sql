-- Packs: reports and metrics that most teams want, as data. The tables here are filled by this script and
-- belong to the version of the extension; what is installed of them, and what a team calls its own
-- events, is in three tables more, which are dumped.

CREATE TABLE bizmetrics.available_packs (
  pack text COLLATE "C" PRIMARY KEY,
  title text NOT NULL,
  description text NOT NULL
);
COMMENT ON TABLE bizmetrics.available_packs IS 'The packs that install_pack() knows, filled by the extension''s script.';
COMMENT ON COLUMN bizmetrics.available_packs.pack IS 'Its name.';
COMMENT ON COLUMN bizmetrics.available_packs.title IS 'What it is about, in a few words.';
COMMENT ON COLUMN bizmetrics.available_packs.description IS 'What it is about, for readers, and what holds for all of its reports.';

CREATE TABLE bizmetrics.pack_events (
  pack text COLLATE "C" NOT NULL,
  event_name text COLLATE "C" NOT NULL,
  description text NOT NULL,
  properties_schema jsonb NOT NULL,
  PRIMARY KEY (pack, event_name)
);
COMMENT ON TABLE bizmetrics.pack_events IS
'The events that the packs read, filled by the extension''s script; a team whose events have other names says so with map_event() and map_property().';
COMMENT ON COLUMN bizmetrics.pack_events.pack IS 'The pack that reads it.';
COMMENT ON COLUMN bizmetrics.pack_events.event_name IS 'Its name; of one name there is one event, whichever packs read it.';
COMMENT ON COLUMN bizmetrics.pack_events.description IS 'What happened, and who and what the event''s other columns name.';
COMMENT ON COLUMN bizmetrics.pack_events.properties_schema IS 'Its properties, as create_event_type() takes them, each with a description.';

CREATE TABLE bizmetrics.pack_reports (
  pack text COLLATE "C" NOT NULL,
  report_name text COLLATE "C" PRIMARY KEY,
  description text NOT NULL,
  query text NOT NULL,
  key text[] NOT NULL,
  bucket interval,
  lookback interval,
  schedule text NOT NULL,
  strategy text,
  events text[],
  after text[],
  source text,
  source_time text,
  retention interval,
  retention_column text,
  columns jsonb NOT NULL,
  grain text,
  reach interval
);
COMMENT ON TABLE bizmetrics.pack_reports IS
'The reports of the packs, filled by the extension''s script: what create_report() is told. Each has its table in schema analytics, of its own name.';
COMMENT ON COLUMN bizmetrics.pack_reports.pack IS 'The pack it belongs to.';
COMMENT ON COLUMN bizmetrics.pack_reports.report_name IS 'Its name, and its table''s in schema analytics.';
COMMENT ON COLUMN bizmetrics.pack_reports.description IS 'What a row of its table says: the table''s comment.';
COMMENT ON COLUMN bizmetrics.pack_reports.query IS
'Its SELECT, in which {{event}} stands for the name of an event of a pack and {{event.property}} for the key of one of its properties, as literals, the team''s own where it has some, and {{pack.parameter}} for what a parameter is set to.';
COMMENT ON COLUMN bizmetrics.pack_reports.key IS 'The primary key of its table.';
COMMENT ON COLUMN bizmetrics.pack_reports.bucket IS 'The width of its buckets; NULL: the query has no $1 and $2.';
COMMENT ON COLUMN bizmetrics.pack_reports.lookback IS 'How far back buckets are computed anew also without new events.';
COMMENT ON COLUMN bizmetrics.pack_reports.schedule IS 'When it runs, unless install_pack() is told otherwise.';
COMMENT ON COLUMN bizmetrics.pack_reports.strategy IS 'How its rows are stored; NULL: as create_report() decides.';
COMMENT ON COLUMN bizmetrics.pack_reports.events IS 'The pack''s names of the events that change its rows, and pack.parameter for those that a parameter lists; NULL: any.';
COMMENT ON COLUMN bizmetrics.pack_reports.after IS 'Reports that must have succeeded for a slot before it runs.';
COMMENT ON COLUMN bizmetrics.pack_reports.source IS 'The table it reads instead of business_events.';
COMMENT ON COLUMN bizmetrics.pack_reports.source_time IS 'The column of source that has the time.';
COMMENT ON COLUMN bizmetrics.pack_reports.retention IS 'How long its rows are kept; NULL: as long as nobody deletes them.';
COMMENT ON COLUMN bizmetrics.pack_reports.retention_column IS 'The column by which they are too old.';
COMMENT ON COLUMN bizmetrics.pack_reports.columns IS
'What its table''s columns mean: for each an object with meaning and, where there are some, unit, definition (a number of the documentation''s definitions, or words) and source.';
COMMENT ON COLUMN bizmetrics.pack_reports.grain IS 'The column of the event whose values that changed the query gets as $3; NULL: none.';
COMMENT ON COLUMN bizmetrics.pack_reports.reach IS 'How far back in time an event changes rows; NULL: those of its own bucket.';

CREATE TABLE bizmetrics.pack_metrics (
  pack text COLLATE "C" NOT NULL,
  metric_name text COLLATE "C" PRIMARY KEY,
  type text NOT NULL,
  help text NOT NULL,
  labels text[] NOT NULL DEFAULT '{}',
  query text NOT NULL
);
COMMENT ON TABLE bizmetrics.pack_metrics IS 'The metrics of the packs, filled by the extension''s script: what create_metric() is told.';
COMMENT ON COLUMN bizmetrics.pack_metrics.pack IS 'The pack it belongs to.';
COMMENT ON COLUMN bizmetrics.pack_metrics.metric_name IS 'Its name.';
COMMENT ON COLUMN bizmetrics.pack_metrics.type IS 'counter, gauge or histogram.';
COMMENT ON COLUMN bizmetrics.pack_metrics.help IS 'What it says.';
COMMENT ON COLUMN bizmetrics.pack_metrics.labels IS 'The columns of its query that are labels.';
COMMENT ON COLUMN bizmetrics.pack_metrics.query IS 'Its query, with placeholders as in pack_reports.';

-- What is installed ------------------------------------------------------------------------------

CREATE TABLE bizmetrics.packs (
  pack text COLLATE "C" PRIMARY KEY,
  version text NOT NULL,
  owner_name text NOT NULL,
  timezone text NOT NULL,
  schedules jsonb NOT NULL,
  skipped text[] NOT NULL,
  installed_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE bizmetrics.packs IS
'The packs that are installed, written by install_pack() and uninstall_pack(), and dumped by pg_dump.';
COMMENT ON COLUMN bizmetrics.packs.pack IS 'The pack.';
COMMENT ON COLUMN bizmetrics.packs.version IS 'The version of the extension that its reports were last brought up to.';
COMMENT ON COLUMN bizmetrics.packs.owner_name IS 'The role that its reports run as.';
COMMENT ON COLUMN bizmetrics.packs.timezone IS 'The time zone of its schedules and days.';
COMMENT ON COLUMN bizmetrics.packs.schedules IS 'Reports with a schedule of their own, and it.';
COMMENT ON COLUMN bizmetrics.packs.skipped IS 'Reports of the pack that are not to be installed.';
COMMENT ON COLUMN bizmetrics.packs.installed_at IS 'When it was installed first.';

CREATE TABLE bizmetrics.pack_members (
  pack text COLLATE "C" NOT NULL,
  kind text NOT NULL CHECK (kind IN ('report', 'metric')),
  name text COLLATE "C" NOT NULL,
  definition text NOT NULL,
  fingerprint text NOT NULL,
  PRIMARY KEY (kind, name)
);
COMMENT ON TABLE bizmetrics.pack_members IS
'The reports and metrics that install_pack() made, dumped by pg_dump: so that what somebody altered is known and stays as it is.';
COMMENT ON COLUMN bizmetrics.pack_members.pack IS 'The pack.';
COMMENT ON COLUMN bizmetrics.pack_members.kind IS 'report or metric.';
COMMENT ON COLUMN bizmetrics.pack_members.name IS 'The report or metric.';
COMMENT ON COLUMN bizmetrics.pack_members.definition IS 'A hash of what the pack said of it when it was made: another one means that the pack or a name has changed.';
COMMENT ON COLUMN bizmetrics.pack_members.fingerprint IS 'A hash of the report as it was registered: another one means that somebody has altered it.';

CREATE TABLE bizmetrics.pack_names (
  event_name text COLLATE "C" NOT NULL,
  property text COLLATE "C" NOT NULL DEFAULT '',
  own_name text COLLATE "C" NOT NULL,
  PRIMARY KEY (event_name, property)
);
COMMENT ON TABLE bizmetrics.pack_names IS
'What the team calls events and properties of the packs, written by map_event() and map_property() and dumped by pg_dump.';
COMMENT ON COLUMN bizmetrics.pack_names.event_name IS 'The event''s name in the packs.';
COMMENT ON COLUMN bizmetrics.pack_names.property IS 'The property''s name in the packs; empty: the event itself.';
COMMENT ON COLUMN bizmetrics.pack_names.own_name IS 'What the team calls it.';

-- What queries of packs call -----------------------------------------------------------------------

CREATE FUNCTION bizmetrics.number_in(properties jsonb, key text) RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_number_in';
COMMENT ON FUNCTION bizmetrics.number_in(jsonb, text) IS
'The number that an object has under a key, be it written as a JSON number or as a string of digits; NULL where it has none, so that one bad event does not stop a report.';

-- One SELECT without SET or STRICT, so that the planner puts it in place of the call.
CREATE FUNCTION bizmetrics.items_in(properties jsonb, key text) RETURNS SETOF jsonb
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5 AS $$
  SELECT i.item
  FROM pg_catalog.jsonb_array_elements(
    CASE WHEN pg_catalog.jsonb_typeof($1 OPERATOR(pg_catalog.->) $2) OPERATOR(pg_catalog.=) 'array'
         THEN $1 OPERATOR(pg_catalog.->) $2 ELSE '[]' END) AS i (item)
$$;
COMMENT ON FUNCTION bizmetrics.items_in(jsonb, text) IS
'The items of the array that an object has under a key; none where it has no array there.';

-- Names -------------------------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.pack_name(event_name text, property text DEFAULT '') RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(
    (SELECT n.own_name FROM bizmetrics.pack_names n
     WHERE n.event_name = $1 AND n.property = $2),
    (SELECT coalesce(o.value, p.standard) #>> '{}'
     FROM bizmetrics.pack_parameters p
     LEFT JOIN bizmetrics.pack_settings o ON o.pack = p.pack AND o.name = p.name
     WHERE p.pack = $1 AND p.name = $2),
    -- items.quantity: of the items' properties the last word is the key.
    CASE $2 WHEN '' THEN $1 ELSE regexp_replace($2, '^.*\.', '') END)
$$;
COMMENT ON FUNCTION bizmetrics.pack_name(text, text) IS
'What an event of the packs, or one of its properties, is called here: the team''s own name where map_event() or map_property() gave one. Of a pack and one of its parameters: what that is set to.';

-- In one pass: what a name contains is not read again.
CREATE FUNCTION bizmetrics.render_pack_query(query text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(p.piece || coalesce(quote_literal(
           bizmetrics.pack_name(split_part(n.name, '.', 1), substring(n.name FROM position('.' IN n.name || '.') + 1))), ''),
         '' ORDER BY p.place)
  FROM regexp_split_to_table(query, '\{\{\w+(?:\.\w+)*\}\}') WITH ORDINALITY AS p (piece, place)
  LEFT JOIN (SELECT m.match[1] AS name, m.place
             FROM regexp_matches(query, '\{\{(\w+(?:\.\w+)*)\}\}', 'g') WITH ORDINALITY AS m (match, place)) AS n
    ON n.place = p.place
$$;
COMMENT ON FUNCTION bizmetrics.render_pack_query(text) IS
'A query of a pack with the names, as literals, in place of its placeholders.';

CREATE FUNCTION bizmetrics.check_pack_event(event_name text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF event_name IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'pack_event must not be NULL';
  ELSIF NOT EXISTS (SELECT FROM bizmetrics.pack_events e WHERE e.event_name = check_pack_event.event_name) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('no pack reads an event "%s"', event_name),
      HINT = 'The events of the packs are in bizmetrics.pack_events.';
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_pack_event(text) IS
'Refuses a name that no event of a pack has. Errors: 22004 NULL; 42704 no such event.';

CREATE FUNCTION bizmetrics.map_event(pack_event text, own_event text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM bizmetrics.check_pack_event(pack_event);
  IF char_length(own_event) NOT BETWEEN 1 AND 100 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'own_event must have 1 to 100 characters';
  END IF;
  PERFORM bizmetrics.set_pack_name(pack_event, '', own_event);
END
$$;
COMMENT ON FUNCTION bizmetrics.map_event(text, text) IS
'Says what the team calls an event of the packs; NULL: as the packs do. Reports of installed packs that read it are brought up to date and compute their tables anew; those that somebody altered stay as they are. Errors: 22004 pack_event is NULL; 22023 own_event is empty or too long; 42704 no pack reads such an event; 42501 neither the extension''s owner nor a superuser; 55006 a report is running.';

CREATE FUNCTION bizmetrics.map_property(pack_event text, property text, own_property text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  known text[];
BEGIN
  PERFORM bizmetrics.check_pack_event(pack_event);
  SELECT array_agg(DISTINCT p.property ORDER BY p.property) INTO known
  FROM bizmetrics.pack_events e, bizmetrics.schema_properties(e.properties_schema) AS p (property, schema, required)
  WHERE e.event_name = pack_event;
  IF property IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'property must not be NULL';
  ELSIF own_property = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'own_property must not be empty';
  ELSIF property <> ALL (coalesce(known, '{}')) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('event "%s" of the packs has no property "%s"', pack_event, property),
      HINT = format('It has: %s.', coalesce(array_to_string(known, ', '), 'none'));
  END IF;
  PERFORM bizmetrics.set_pack_name(pack_event, property, own_property);
END
$$;
COMMENT ON FUNCTION bizmetrics.map_property(text, text, text) IS
'Says under which key the team''s events have a property of the packs, such as value, or items.quantity for what each of the items has; NULL: as the packs call it. What follows is as in map_event(). Errors: 22004 NULL; 22023 own_property is empty; 42704 no pack reads such an event, or it has no such property; 42501 neither the extension''s owner nor a superuser; 55006 a report is running.';

CREATE FUNCTION bizmetrics.schema_properties(schema jsonb, OUT property text, OUT property_schema jsonb, OUT required boolean) RETURNS SETOF record
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE found AS (
    SELECT p.key AS path, p.value AS inner_schema, coalesce($1 -> 'required' ? p.key, false) AS is_required
    FROM jsonb_each($1 -> 'properties') AS p
    UNION ALL
    SELECT f.path || '.' || p.key, p.value,
           coalesce(coalesce(f.inner_schema -> 'items', f.inner_schema) -> 'required' ? p.key, false)
    FROM found f, jsonb_each(coalesce(f.inner_schema -> 'items', f.inner_schema) -> 'properties') AS p
  )
  SELECT path, inner_schema, is_required FROM found
$$;
COMMENT ON FUNCTION bizmetrics.schema_properties(jsonb) IS
'The properties that a schema names, those of its items as items.property.';

CREATE FUNCTION bizmetrics.set_pack_name(event_name text, property text, own_name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  pack text;
BEGIN
  IF own_name IS NULL THEN
    DELETE FROM bizmetrics.pack_names n
    WHERE n.event_name = set_pack_name.event_name AND n.property = set_pack_name.property;
  ELSE
    INSERT INTO bizmetrics.pack_names AS n
    VALUES (set_pack_name.event_name, set_pack_name.property, set_pack_name.own_name)
    ON CONFLICT ON CONSTRAINT pack_names_pkey DO UPDATE SET own_name = excluded.own_name;
  END IF;
  FOR pack IN SELECT p.pack FROM bizmetrics.packs p ORDER BY p.pack LOOP
    PERFORM bizmetrics.apply_pack(pack, false);
  END LOOP;
END
$$;
COMMENT ON FUNCTION bizmetrics.set_pack_name(text, text, text) IS
'Remembers what map_event() or map_property() was told, and brings the installed packs up to date.';

-- Installing ----------------------------------------------------------------------------------------

-- growth.funnel_steps: the names that a parameter lists.
CREATE FUNCTION bizmetrics.pack_event_names(events text[]) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT array_agg(DISTINCT bizmetrics.pack_name(coalesce(l.name, e.name)))
  FROM unnest($1) AS e (name)
  LEFT JOIN LATERAL jsonb_array_elements_text(
    CASE WHEN e.name LIKE '%.%' THEN bizmetrics.pack_name(split_part(e.name, '.', 1), split_part(e.name, '.', 2))::jsonb
         ELSE '[]' END) AS l (name) ON true
$$;
COMMENT ON FUNCTION bizmetrics.pack_event_names(text[]) IS
'What events of the packs, and those that a parameter of a pack lists, are called here.';

-- Reports as they are to be registered here: with the team's names, and the schedules and the zone of the
-- installation.
CREATE FUNCTION bizmetrics.pack_definitions(pack text, OUT kind text, OUT name text, OUT arguments jsonb) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET intervalstyle = 'postgres' AS $$
  SELECT 'report', r.report_name,
         jsonb_strip_nulls(jsonb_build_object(
           'query', bizmetrics.render_pack_query(r.query),
           'key', r.key, 'bucket', r.bucket, 'lookback', r.lookback, 'strategy', r.strategy,
           'schedule', coalesce(p.schedules ->> r.report_name, r.schedule),
           'timezone', p.timezone,
           'events', bizmetrics.pack_event_names(r.events),
           'after', r.after, 'source', r.source, 'source_time', r.source_time,
           'retention', r.retention, 'retention_column', r.retention_column, 'grain', r.grain, 'reach', r.reach,
           'description', r.description,
           'columns', (SELECT jsonb_object_agg(c.key, bizmetrics.column_comment(c.value))
                       FROM jsonb_each(r.columns) AS c)))
  FROM bizmetrics.pack_reports r
  JOIN bizmetrics.packs p ON p.pack = r.pack
  WHERE r.pack = $1 AND r.report_name <> ALL (p.skipped)
  UNION ALL
  SELECT 'metric', m.metric_name,
         jsonb_build_object('type', m.type, 'help', m.help, 'labels', m.labels,
                            'query', bizmetrics.render_pack_query(m.query))
  FROM bizmetrics.pack_metrics m
  JOIN bizmetrics.packs p ON p.pack = m.pack
  WHERE m.pack = $1
$$;
COMMENT ON FUNCTION bizmetrics.pack_definitions(text) IS
'The reports and metrics of an installed pack as create_report() and create_metric() are to be told.';

CREATE FUNCTION bizmetrics.column_comment(meaning jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT concat_ws(' ',
    $1 ->> 'meaning',
    'Unit: ' || ($1 ->> 'unit') || '.',
    'Definition: ' || ($1 ->> 'definition') || '.',
    'Source: ' || ($1 ->> 'source') || '.')
$$;
COMMENT ON FUNCTION bizmetrics.column_comment(jsonb) IS
'The comment of a column of a pack''s report.';

-- What alter_report() and drop_report() can change, as it is registered; NULL: there is no such report.
CREATE FUNCTION bizmetrics.report_fingerprint(name text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET intervalstyle = 'postgres' SET timezone = 'UTC' AS $$
  SELECT md5(jsonb_object_agg(f.field, to_jsonb(r) -> f.field)::text)
  FROM bizmetrics.reports r,
       unnest('{target,query,schedule,timezone,bucket,lookback,after,max_attempts,backoff,timeout,misfire,misfire_grace,max_catchup,overlap,retry_on,strategy,key,events,companies,grain,reach,source,source_time,retention,retention_column}'::text[]) AS f (field)
  WHERE r.report_name = $1
  GROUP BY r.report_id
$$;
COMMENT ON FUNCTION bizmetrics.report_fingerprint(text) IS
'A hash of what a report was registered with: another one means that somebody has altered it. NULL where there is none of this name.';

-- Behind each word of an array of a report's arguments.
CREATE FUNCTION bizmetrics.texts_in(list jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(t.item ORDER BY t.place), '{}')
  FROM jsonb_array_elements_text(list) WITH ORDINALITY AS t (item, place)
$$;
COMMENT ON FUNCTION bizmetrics.texts_in(jsonb) IS 'An array of JSON strings as text[].';

CREATE FUNCTION bizmetrics.create_pack_report(name text, owner text, arguments jsonb) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
  SELECT bizmetrics.create_report(
    name             => create_pack_report.name,
    query            => arguments ->> 'query',
    key              => bizmetrics.texts_in(arguments -> 'key'),
    bucket           => (arguments ->> 'bucket')::interval,
    lookback         => (arguments ->> 'lookback')::interval,
    schedule         => arguments ->> 'schedule',
    timezone         => arguments ->> 'timezone',
    strategy         => arguments ->> 'strategy',
    events           => bizmetrics.texts_in(arguments -> 'events'),
    grain            => arguments ->> 'grain',
    reach            => (arguments ->> 'reach')::interval,
    after            => bizmetrics.texts_in(arguments -> 'after'),
    source           => arguments ->> 'source',
    source_time      => arguments ->> 'source_time',
    retention        => (arguments ->> 'retention')::interval,
    retention_column => arguments ->> 'retention_column',
    description      => arguments ->> 'description',
    columns          => arguments -> 'columns',
    owner            => create_pack_report.owner::name,
    run_immediately  => true)
$$;
COMMENT ON FUNCTION bizmetrics.create_pack_report(text, text, jsonb) IS
'Registers a report of a pack. Errors: those of create_report().';

CREATE FUNCTION bizmetrics.alter_pack_report(name text, arguments jsonb) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
  SELECT bizmetrics.alter_report(
    name             => alter_pack_report.name,
    query            => arguments ->> 'query',
    bucket           => (arguments ->> 'bucket')::interval,
    lookback         => (arguments ->> 'lookback')::interval,
    schedule         => arguments ->> 'schedule',
    timezone         => arguments ->> 'timezone',
    strategy         => arguments ->> 'strategy',
    events           => bizmetrics.texts_in(arguments -> 'events'),
    grain            => arguments ->> 'grain',
    reach            => (arguments ->> 'reach')::interval,
    after            => bizmetrics.texts_in(arguments -> 'after'),
    retention        => (arguments ->> 'retention')::interval,
    retention_column => arguments ->> 'retention_column',
    description      => arguments ->> 'description',
    columns          => arguments -> 'columns',
    unset            => (SELECT array_agg(a.argument)
                         FROM unnest('{bucket,lookback,events,companies,grain,reach,retention}'::text[]) AS a (argument)
                         WHERE NOT arguments ? a.argument))
$$;
COMMENT ON FUNCTION bizmetrics.alter_pack_report(text, jsonb) IS
'Brings a registered report up to what its pack says. Errors: those of alter_report().';

-- Another key or source needs another table: what it has been told of goes, and the events are read anew.
CREATE FUNCTION bizmetrics.put_pack_report(name text, owner text, arguments jsonb) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  standing record;
BEGIN
  SELECT r.key, r.source IS NULL AS reads_events INTO standing FROM bizmetrics.reports r WHERE r.report_name = name;
  IF NOT FOUND THEN
    PERFORM bizmetrics.create_pack_report(name, owner, arguments);
  ELSIF standing.key = bizmetrics.texts_in(arguments -> 'key') AND standing.reads_events = NOT arguments ? 'source' THEN
    PERFORM bizmetrics.alter_pack_report(name, arguments);
  ELSE
    PERFORM bizmetrics.drop_report(name);
    EXECUTE format('DROP TABLE IF EXISTS analytics.%I', name);
    PERFORM bizmetrics.create_pack_report(name, owner, arguments);
  END IF;
  RETURN bizmetrics.report_fingerprint(name);
END
$$;
COMMENT ON FUNCTION bizmetrics.put_pack_report(text, text, jsonb) IS
'Registers a report of a pack, or brings it up to what the pack says, and returns its fingerprint.';

CREATE FUNCTION bizmetrics.metric_fingerprint(name text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET intervalstyle = 'postgres' AS $$
DECLARE
  fingerprint text;
BEGIN
  EXECUTE 'SELECT md5(jsonb_build_array(m.metric_type, m.help, m.labels, m.query, m.ttl, m.timeout, m.max_series)::text)
           FROM bizmetrics.metrics m WHERE m.metric_name = $1' INTO fingerprint USING name;
  RETURN fingerprint;
END
$$;
COMMENT ON FUNCTION bizmetrics.metric_fingerprint(text) IS
'As report_fingerprint(), of a metric.';

-- A metric whose report was left out has nothing to ask: a table of its name, if there is one, is somebody's own.
CREATE FUNCTION bizmetrics.apply_pack_metrics(pack text, restore boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
  wanted record;
  member record;
  stands text;
  hash text;
  is_member boolean;
BEGIN
  FOR wanted IN
    SELECT d.name, d.arguments, p.owner_name
    FROM bizmetrics.pack_definitions(pack) d
    JOIN bizmetrics.packs p ON p.pack = apply_pack_metrics.pack
    WHERE d.kind = 'metric'
      AND NOT EXISTS (SELECT FROM regexp_matches(d.arguments ->> 'query', '\manalytics\.(\w+)', 'g') AS t (match)
                      WHERE to_regclass(format('analytics.%I', t.match[1])) IS NULL OR t.match[1] = ANY (p.skipped))
    ORDER BY d.name
  LOOP
    hash := md5(wanted.arguments::text);
    stands := bizmetrics.metric_fingerprint(wanted.name);
    SELECT m.definition, m.fingerprint INTO member
    FROM bizmetrics.pack_members m WHERE m.kind = 'metric' AND m.name = wanted.name;
    is_member := FOUND;
    CONTINUE WHEN is_member AND CASE WHEN restore THEN stands = member.fingerprint AND hash = member.definition
                                     ELSE stands IS DISTINCT FROM member.fingerprint OR hash = member.definition END;
    IF is_member AND stands IS NOT NULL THEN
      EXECUTE 'SELECT bizmetrics.drop_metric($1)' USING wanted.name;
    END IF;
    EXECUTE 'SELECT bizmetrics.create_metric(name => $1, type => $2, help => $3, labels => $4, query => $5, owner => $6::name)'
      USING wanted.name, wanted.arguments ->> 'type', wanted.arguments ->> 'help',
            bizmetrics.texts_in(wanted.arguments -> 'labels'), wanted.arguments ->> 'query', wanted.owner_name;
    INSERT INTO bizmetrics.pack_members AS m
    VALUES (pack, 'metric', wanted.name, hash, bizmetrics.metric_fingerprint(wanted.name))
    ON CONFLICT ON CONSTRAINT pack_members_pkey DO UPDATE
    SET definition = excluded.definition, fingerprint = excluded.fingerprint;
  END LOOP;
END
$$;
COMMENT ON FUNCTION bizmetrics.apply_pack_metrics(text, boolean) IS
'As apply_pack(), of its metrics. Errors: those of create_metric() and drop_metric(); 42710 another metric has a name of the pack''s.';

CREATE FUNCTION bizmetrics.drop_pack_member(kind text, name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF kind = 'report' AND bizmetrics.report_fingerprint(name) IS NOT NULL THEN
    PERFORM bizmetrics.drop_report(name);
  ELSIF kind = 'metric' AND bizmetrics.metric_fingerprint(name) IS NOT NULL THEN
    EXECUTE 'SELECT bizmetrics.drop_metric($1)' USING name;
  END IF;
  DELETE FROM bizmetrics.pack_members m WHERE m.kind = drop_pack_member.kind AND m.name = drop_pack_member.name;
END
$$;
COMMENT ON FUNCTION bizmetrics.drop_pack_member(text, text) IS
'Drops a report or metric of a pack, where somebody has not done so, and forgets it. Errors: those of drop_report() and drop_metric().';

CREATE FUNCTION bizmetrics.apply_pack(pack text, restore boolean) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  installed bizmetrics.packs;
  wanted record;
  member record;
  stands text;
  hash text;
  changes integer := 0;
BEGIN
  SELECT p.* INTO STRICT installed FROM bizmetrics.packs p WHERE p.pack = apply_pack.pack;
  -- What this version of the pack has no more; a report's table stays.
  FOR member IN
    SELECT m.kind, m.name FROM bizmetrics.pack_members m
    WHERE m.pack = apply_pack.pack
      AND NOT EXISTS (SELECT FROM bizmetrics.pack_definitions(apply_pack.pack) d
                      WHERE d.kind = m.kind AND d.name = m.name)
  LOOP
    PERFORM bizmetrics.drop_pack_member(member.kind, member.name);
    changes := changes + 1;
  END LOOP;
  -- What runs after others, or reads their tables, comes after them.
  FOR wanted IN
    WITH RECURSIVE definitions AS (
      SELECT d.name, d.arguments FROM bizmetrics.pack_definitions(apply_pack.pack) d WHERE d.kind = 'report'
    ), levels AS (
      SELECT d.name, 0 AS level FROM definitions d
      UNION
      SELECT d.name, l.level + 1
      FROM levels l
      JOIN definitions d ON d.arguments -> 'after' ? l.name OR d.arguments ->> 'source' = 'analytics.' || l.name
      WHERE l.level < 20
    )
    SELECT d.name, d.arguments
    FROM definitions d
    JOIN (SELECT l.name, max(l.level) AS level FROM levels l GROUP BY l.name) AS l ON l.name = d.name
    ORDER BY l.level, d.name
  LOOP
    hash := md5(wanted.arguments::text);
    stands := bizmetrics.report_fingerprint(wanted.name);
    SELECT m.definition, m.fingerprint INTO member
    FROM bizmetrics.pack_members m WHERE m.kind = 'report' AND m.name = wanted.name;
    IF NOT FOUND AND stands IS NOT NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
        MESSAGE = format('report "%s" exists already, and is none of pack "%s"', wanted.name, apply_pack.pack),
        HINT = format('Drop it with bizmetrics.drop_report(%L), or install the pack without: skip => ''{%s}''.', wanted.name, wanted.name);
    END IF;
    CONTINUE WHEN FOUND AND NOT restore
      -- Dropped or altered by somebody: it stays so.
      AND (stands IS DISTINCT FROM member.fingerprint OR hash = member.definition);
    CONTINUE WHEN FOUND AND restore AND stands = member.fingerprint AND hash = member.definition;
    stands := bizmetrics.put_pack_report(wanted.name, installed.owner_name, wanted.arguments);
    INSERT INTO bizmetrics.pack_members AS m VALUES (apply_pack.pack, 'report', wanted.name, hash, stands)
    ON CONFLICT ON CONSTRAINT pack_members_pkey DO UPDATE
    SET definition = excluded.definition, fingerprint = excluded.fingerprint;
    changes := changes + 1;
  END LOOP;
  IF to_regclass('bizmetrics.metrics') IS NOT NULL THEN
    PERFORM bizmetrics.apply_pack_metrics(pack, restore);
  END IF;
  UPDATE bizmetrics.packs p
  SET version = (SELECT x.extversion FROM pg_extension x WHERE x.extname = 'bizmetrics')
  WHERE p.pack = apply_pack.pack;
  RETURN changes;
END
$$;
COMMENT ON FUNCTION bizmetrics.apply_pack(text, boolean) IS
'Brings the reports of an installed pack up to what the pack and the names say now, but for those that somebody altered or dropped, unless they are to be restored; returns how many changed. Errors: those of create_report() and drop_report(); 42710 another report has a name of the pack''s.';

CREATE FUNCTION bizmetrics.register_pack_events(pack text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  event record;
BEGIN
  FOR event IN
    SELECT e.event_name, e.description, e.properties_schema
    FROM bizmetrics.pack_events e
    WHERE e.pack = register_pack_events.pack
      AND NOT EXISTS (SELECT FROM bizmetrics.event_types t WHERE t.event_name = e.event_name)
      AND NOT EXISTS (SELECT FROM bizmetrics.pack_names n WHERE n.event_name = e.event_name AND n.property = '')
    ORDER BY e.event_name
  LOOP
    -- Whoever logs it already goes on as he does: a schema could refuse his events.
    IF EXISTS (SELECT FROM bizmetrics.pack_names n WHERE n.event_name = event.event_name)
       OR EXISTS (SELECT FROM public.business_events b WHERE b.event_name = event.event_name) THEN
      RAISE NOTICE USING MESSAGE = format('event type "%s" is registered without the schema of its properties, for such events were logged already', event.event_name);
      PERFORM bizmetrics.create_event_type(event.event_name, event.description);
    ELSE
      PERFORM bizmetrics.create_event_type(event.event_name, event.description, event.properties_schema);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION bizmetrics.register_pack_events(text) IS
'Registers the events of a pack as event types where they are none and have no other name here.';

CREATE FUNCTION bizmetrics.check_pack(pack text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF pack IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'pack must not be NULL';
  ELSIF NOT EXISTS (SELECT FROM bizmetrics.available_packs a WHERE a.pack = check_pack.pack) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('there is no pack "%s"', pack),
      HINT = format('Use one of: %s.', (SELECT string_agg(a.pack, ', ' ORDER BY a.pack) FROM bizmetrics.available_packs a));
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_pack(text) IS
'Refuses a name that no pack has. Errors: 22004 NULL; 42704 no such pack.';

CREATE FUNCTION bizmetrics.check_pack_reports(pack text, argument text, reports text[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY reports LOOP
    IF NOT EXISTS (SELECT FROM bizmetrics.pack_reports r
                   WHERE r.pack = check_pack_reports.pack AND r.report_name = name) THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_object',
        MESSAGE = format('%s names "%s", which is no report of pack "%s"', argument, name, pack),
        HINT = format('It has: %s.', (SELECT string_agg(r.report_name, ', ' ORDER BY r.report_name)
                                      FROM bizmetrics.pack_reports r WHERE r.pack = check_pack_reports.pack));
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_pack_reports(text, text, text[]) IS
'Refuses names of reports that a pack does not have. Errors: 42704.';

CREATE FUNCTION bizmetrics.check_pack_skip(pack text, skip text[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  skipped record;
BEGIN
  PERFORM bizmetrics.check_pack_reports(pack, 'skip', skip);
  SELECT s.name, array_agg(r.report_name::text ORDER BY r.report_name) AS readers INTO skipped
  FROM unnest(skip) AS s (name)
  JOIN bizmetrics.pack_reports r
    ON r.report_name <> ALL (skip)
    AND (s.name = ANY (r.after) OR r.source = 'analytics.' || s.name OR r.query ~ ('\manalytics\.' || s.name || '\M'))
  WHERE r.pack = check_pack_skip.pack
  GROUP BY s.name
  ORDER BY s.name
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
      MESSAGE = format('report "%s" of pack "%s" cannot be left out, for its table is read by %s', skipped.name, pack, array_to_string(skipped.readers, ', ')),
      HINT = format('Leave them out as well: skip => %L.', skip || skipped.readers);
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_pack_skip(text, text[]) IS
'Refuses to leave out reports that a pack does not have, or that others of it read. Errors: 42704; 2BP01 others read its table.';

CREATE FUNCTION bizmetrics.install_pack(
  pack text,
  owner name DEFAULT NULL,
  timezone text DEFAULT NULL,
  schedules jsonb DEFAULT NULL,
  skip text[] DEFAULT NULL,
  restore boolean DEFAULT false
) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  before bizmetrics.packs;
  bad text;
BEGIN
  PERFORM bizmetrics.check_pack(pack);
  IF restore IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'restore must not be NULL';
  END IF;
  -- One at a time.
  LOCK TABLE bizmetrics.packs IN SHARE ROW EXCLUSIVE MODE;
  SELECT p.* INTO before FROM bizmetrics.packs p WHERE p.pack = install_pack.pack;
  IF before.owner_name <> install_pack.owner THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('pack "%s" is installed for role "%s"', pack, before.owner_name),
      HINT = 'Uninstall it first: the tables would still be of that role.';
  END IF;
  schedules := coalesce(schedules, before.schedules, '{}');
  IF jsonb_typeof(schedules) <> 'object' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('schedules must be a JSON object, not %s', jsonb_typeof(schedules)),
      HINT = 'Write it as {"some_report": "*/10 * * * *"}.';
  END IF;
  SELECT s.key INTO bad FROM jsonb_each(schedules) s WHERE jsonb_typeof(s.value) <> 'string' LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('the schedule of "%s" must be a string', bad),
      HINT = 'Write it as {"some_report": "*/10 * * * *"}.';
  END IF;
  PERFORM bizmetrics.check_pack_reports(pack, 'schedules', ARRAY(SELECT jsonb_object_keys(schedules)));
  skip := coalesce(skip, before.skipped, '{}');
  PERFORM bizmetrics.check_pack_skip(pack, skip);
  INSERT INTO bizmetrics.packs AS p (pack, version, owner_name, timezone, schedules, skipped)
  VALUES (install_pack.pack, '', coalesce(install_pack.owner, before.owner_name, current_user),
          coalesce(install_pack.timezone, before.timezone, current_setting('bizmetrics.timezone', true), 'UTC'), install_pack.schedules, skip)
  ON CONFLICT ON CONSTRAINT packs_pkey DO UPDATE
  SET timezone = excluded.timezone, schedules = excluded.schedules, skipped = excluded.skipped;
  PERFORM bizmetrics.register_pack_events(pack);
  RETURN bizmetrics.apply_pack(pack, restore);
END
$$;
COMMENT ON FUNCTION bizmetrics.install_pack(text, name, text, jsonb, text[], boolean) IS
'Installs a pack (core, saas, commerce, growth or support): registers its reports, which make their tables in schema analytics and run at once, its metrics, and its events as event types where they are none. owner is the role that the reports run as, by default the current one; timezone that of their days, by default bizmetrics.timezone; schedules an object of schedules that are not the pack''s, by report; skip reports to leave out. Called again, NULL means as before: it brings the pack up to the extension''s version, and changes nothing where it is. A report that somebody altered or dropped stays so, unless restore. Returns how many reports it made, changed or dropped. Errors: 22004 NULL; 22023 bad schedules; 42704 no such pack, or a report that it does not have; 42710 a report of this name exists already; 2BP01 a report that is left out is read by others of the pack; 55000 the pack is installed for another owner; those of create_report(); 42501 neither the extension''s owner nor a superuser, or a superuser who does not say owner.';

CREATE FUNCTION bizmetrics.uninstall_pack(pack text, drop_tables boolean DEFAULT false) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  member record;
  dropped integer := 0;
BEGIN
  PERFORM bizmetrics.check_pack(pack);
  IF drop_tables IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'drop_tables must not be NULL';
  END IF;
  LOCK TABLE bizmetrics.packs IN SHARE ROW EXCLUSIVE MODE;
  DELETE FROM bizmetrics.packs p WHERE p.pack = uninstall_pack.pack;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('pack "%s" is not installed', pack);
  END IF;
  -- Metrics first: they read the reports' tables.
  FOR member IN
    SELECT m.kind, m.name, m.kind = 'report' AND bizmetrics.report_fingerprint(m.name) IS NOT NULL AS is_report
    FROM bizmetrics.pack_members m
    WHERE m.pack = uninstall_pack.pack
    ORDER BY m.kind, m.name
  LOOP
    PERFORM bizmetrics.drop_pack_member(member.kind, member.name);
    dropped := dropped + member.is_report::integer;
    IF drop_tables AND member.kind = 'report' THEN
      EXECUTE format('DROP TABLE IF EXISTS analytics.%I', member.name);
    END IF;
  END LOOP;
  RETURN dropped;
END
$$;
COMMENT ON FUNCTION bizmetrics.uninstall_pack(text, boolean) IS
'Drops the reports and metrics of a pack and forgets that it was installed; their tables stay, unless drop_tables, and so do event types and names. Returns how many reports it dropped. Errors: 22004 NULL; 42704 no such pack, or it is not installed; 55006 a report is running; 2BP01 something depends on a table; 42501 neither the extension''s owner nor a superuser.';

CREATE VIEW bizmetrics.pack_status AS
SELECT a.pack,
       a.title,
       p.version AS installed_version,
       (SELECT x.extversion FROM pg_catalog.pg_extension x WHERE x.extname OPERATOR(pg_catalog.=) 'bizmetrics') AS available_version,
       p.owner_name,
       p.timezone,
       p.installed_at,
       s.reports,
       s.altered_reports,
       s.dropped_reports,
       s.outdated_reports,
       (SELECT pg_catalog.array_agg(e.event_name ORDER BY e.event_name)
        FROM bizmetrics.pack_events e
        -- Its name is asked for once, and not for each event.
        CROSS JOIN LATERAL (SELECT bizmetrics.pack_name(e.event_name) AS own_name OFFSET 0) n
        WHERE e.pack OPERATOR(pg_catalog.=) a.pack
          AND NOT EXISTS (SELECT FROM public.business_events b
                          WHERE b.event_name OPERATOR(pg_catalog.=) n.own_name)) AS missing_events
FROM bizmetrics.available_packs a
LEFT JOIN bizmetrics.packs p ON p.pack OPERATOR(pg_catalog.=) a.pack
CROSS JOIN LATERAL (
  SELECT pg_catalog.count(*) FILTER (WHERE m.stands IS NOT NULL) AS reports,
         pg_catalog.array_agg(m.name ORDER BY m.name) FILTER (WHERE m.stands OPERATOR(pg_catalog.<>) m.fingerprint) AS altered_reports,
         pg_catalog.array_agg(m.name ORDER BY m.name) FILTER (WHERE m.stands IS NULL) AS dropped_reports,
         pg_catalog.array_agg(m.name ORDER BY m.name)
           FILTER (WHERE m.stands OPERATOR(pg_catalog.=) m.fingerprint AND m.wanted IS DISTINCT FROM m.definition) AS outdated_reports
  FROM (SELECT m.name, m.definition, m.fingerprint, bizmetrics.report_fingerprint(m.name) AS stands,
               (SELECT pg_catalog.md5(d.arguments::pg_catalog.text) FROM bizmetrics.pack_definitions(m.pack) d
                WHERE d.kind OPERATOR(pg_catalog.=) m.kind AND d.name OPERATOR(pg_catalog.=) m.name) AS wanted
        FROM bizmetrics.pack_members m
        WHERE m.pack OPERATOR(pg_catalog.=) a.pack AND m.kind OPERATOR(pg_catalog.=) 'report') AS m
) AS s;
COMMENT ON VIEW bizmetrics.pack_status IS
'The packs: what is installed, what somebody changed of it, and which of its events were never logged. For the extension''s owner.';
COMMENT ON COLUMN bizmetrics.pack_status.pack IS 'The pack.';
COMMENT ON COLUMN bizmetrics.pack_status.title IS 'What it is about.';
COMMENT ON COLUMN bizmetrics.pack_status.installed_version IS 'The version of the extension that it was last brought up to; NULL: it is not installed.';
COMMENT ON COLUMN bizmetrics.pack_status.available_version IS 'The version of the extension that is installed: install_pack() brings the pack up to it.';
COMMENT ON COLUMN bizmetrics.pack_status.owner_name IS 'The role that its reports run as.';
COMMENT ON COLUMN bizmetrics.pack_status.timezone IS 'The time zone of its schedules and days.';
COMMENT ON COLUMN bizmetrics.pack_status.installed_at IS 'When it was installed first.';
COMMENT ON COLUMN bizmetrics.pack_status.reports IS 'How many of its reports are registered.';
COMMENT ON COLUMN bizmetrics.pack_status.altered_reports IS 'Those that somebody altered, which stay as they are.';
COMMENT ON COLUMN bizmetrics.pack_status.dropped_reports IS 'Those that somebody dropped.';
COMMENT ON COLUMN bizmetrics.pack_status.outdated_reports IS 'Those of which the extension has a newer definition: install_pack() brings them up to it.';
COMMENT ON COLUMN bizmetrics.pack_status.missing_events IS 'Events of the pack, by its own names, of which none was ever logged: what to log, or to map with map_event().';
