-- What saved funnels and saved cohorts have in common. They are reports, <kind>_<name>, and what they are stands
-- in the report's query, between $<kind>$, so that there is one registry, which is dumped, restored and dropped
-- as a whole.

CREATE FUNCTION bizmetrics.saved_report_name(kind text, name text, columns text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  report text := kind || '_' || name;
  pack_of text;
BEGIN
  IF name IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = 'name must not be NULL',
      HINT = format('Give what the %s is called: its table is analytics.%1$s_<name>.', kind);
  END IF;
  SELECT p.pack INTO pack_of FROM bizmetrics.pack_reports AS p WHERE p.report_name = report;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
      MESSAGE = format('"%s" cannot be the name of a %s', name, kind),
      DETAIL = format('Its table would be analytics.%I, which is one of the pack "%s".', report, pack_of),
      HINT = 'Choose another name.';
  END IF;
  IF EXISTS (SELECT FROM pg_class AS c
             WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = 'analytics') AND c.relname::text = report
               AND NOT columns <@ ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.oid AND NOT a.attisdropped)) THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table',
      MESSAGE = format('"%s" cannot be the name of a %s', name, kind),
      DETAIL = format('Its table would be analytics.%I, and there is something else of that name.', report),
      HINT = 'Choose another name.';
  END IF;
  RETURN report;
END
$$;
COMMENT ON FUNCTION bizmetrics.saved_report_name(text, text, text[]) IS
'What the report and the table of a saved funnel or cohort are called. Errors: 22004 name is NULL; 42710 a pack has such a table; 42P07 there is something of this name without the columns.';

CREATE FUNCTION bizmetrics.saved_table(target text, key text[], columns text[], described text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT format('CREATE TABLE IF NOT EXISTS %s (%s, PRIMARY KEY (%s)); COMMENT ON TABLE %1$s IS %L; ', target,
                string_agg(format('%I %s', columns[i][1], columns[i][2]), ', ' ORDER BY i), array_to_string(key, ', '), described)
         || string_agg(format('COMMENT ON COLUMN %s.%I IS %L', target, columns[i][1], columns[i][3]), '; ' ORDER BY i)
  FROM generate_subscripts(columns, 1) AS i
$$;
COMMENT ON FUNCTION bizmetrics.saved_table(text, text[], text[], text) IS
'The commands that make the table of a report that writes it itself: of columns, each with its type and meaning.';

CREATE FUNCTION bizmetrics.saved_columns(columns text[], place integer) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT array_agg(columns[i][place] ORDER BY i) FROM generate_subscripts(columns, 1) AS i
$$;
COMMENT ON FUNCTION bizmetrics.saved_columns(text[], integer) IS
'Of columns as saved_table() takes them, their names (1), types (2) or meanings (3).';

-- Runs under whatever search_path: each operator says which one it is.
CREATE FUNCTION bizmetrics.saved_query(query text, key text[], columns text[], computed text, VARIADIC arguments text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT format(replace(replace(query || format($sql$,
-- What was computed and is not there any more
gone AS (
  DELETE FROM %%2$s AS t USING %s
    AND NOT EXISTS (SELECT FROM n WHERE %s))
INSERT INTO %%2$s AS t (%s)
SELECT %s FROM n
ON CONFLICT (%s) DO UPDATE SET %s
WHERE pg_catalog.record_ne(ROW(%s), ROW(%s))$sql$,
      computed, string_agg(format('n.%1$I {=} t.%1$I', c), ' AND ' ORDER BY o) FILTER (WHERE c = ANY (key)),
      string_agg(quote_ident(c), ', ' ORDER BY o), string_agg(format('n.%I', c), ', ' ORDER BY o), array_to_string(key, ', '),
      string_agg(format('%1$I = excluded.%1$I', c), ', ' ORDER BY o) FILTER (WHERE c <> ALL (key)),
      string_agg(format('t.%I', c), ', ' ORDER BY o) FILTER (WHERE c <> ALL (key)),
      string_agg(format('excluded.%I', c), ', ' ORDER BY o) FILTER (WHERE c <> ALL (key))),
    '{', 'OPERATOR(pg_catalog.'), '}', ')'), VARIADIC arguments)
  FROM unnest(columns) WITH ORDINALITY AS u (c, o)
$$;
COMMENT ON FUNCTION bizmetrics.saved_query(text, text[], text[], text, text[]) IS
'The query of a report that writes its table itself: after a WITH list that has in n what was computed, of which rows of the table t are deleted that are not there any more (computed says of which), and those are written that are different. Operators stand in braces; arguments take the places of format(), the second one is the table.';

CREATE FUNCTION bizmetrics.saved_definition(kind text, query text) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  definition jsonb;
BEGIN
  IF NOT (starts_with(query, format('WITH d (definition) AS MATERIALIZED (SELECT $%s$', kind))
          OR starts_with(query, format('SELECT f.* FROM bizmetrics.saved_%s($%1$s$', kind))) THEN
    RETURN NULL;
  END IF;
  definition := split_part(query, format('$%s$', kind), 2)::jsonb;
  PERFORM (definition ->> 'win')::interval, (definition ->> 'periods')::integer;
  RETURN definition;
-- Whoever writes a report's query can write anything there, and must not fail the views for others.
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION bizmetrics.saved_definition(text, text) IS
'What create_funnel() or create_cohort() wrote into a report''s query, by the kind, funnel or cohort; NULL for another query. Behind the views funnels and cohorts.';

CREATE FUNCTION bizmetrics.drop_saved(kind text, name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  is_known boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM bizmetrics.%I AS s WHERE s.%I = $1)', kind || 's', kind || '_name') INTO is_known USING name;
  IF NOT is_known THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('%s "%s" does not exist', kind, name),
      HINT = format('SELECT %1$s_name FROM bizmetrics.%1$ss lists those that you may see.', kind);
  END IF;
  PERFORM bizmetrics.drop_report(kind || '_' || name);
END
$$;
COMMENT ON FUNCTION bizmetrics.drop_saved(text, text) IS
'drop_funnel() and drop_cohort(), by the kind. Errors: as there.';
