-- Export of report tables.

CREATE FUNCTION bizmetrics.csv_field(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN value IS NULL THEN ''
              WHEN value = '' OR value ~ '[",\r\n]' OR value ~ '^\s|\s$' THEN '"' || replace(value, '"', '""') || '"'
              ELSE value END
$$;
COMMENT ON FUNCTION bizmetrics.csv_field(text) IS 'A field of CSV (RFC 4180): quoted where it has to be; NULL is an empty field, an empty text is "".';

-- Only names and a zone are told, of reports whose tables the readers may read.
CREATE VIEW bizmetrics.report_tables AS
SELECT r.report_name, r.target, r.timezone FROM bizmetrics.reports r;
COMMENT ON VIEW bizmetrics.report_tables IS 'The table of each report, whoever owns it. For readers.';
COMMENT ON COLUMN bizmetrics.report_tables.report_name IS 'The report.';
COMMENT ON COLUMN bizmetrics.report_tables.target IS 'Its table.';
COMMENT ON COLUMN bizmetrics.report_tables.timezone IS 'The time zone of its buckets.';

CREATE FUNCTION bizmetrics.export_report(
  name text,
  format text DEFAULT 'csv',
  from_time timestamptz DEFAULT NULL,
  to_time timestamptz DEFAULT NULL
) RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET intervalstyle = 'iso_8601' SET timezone = 'UTC'
SET extra_float_digits = 1 SET bytea_output = 'hex' AS $$
DECLARE
  report record;
  tab oid;
  key_columns smallint[];
  time_column record;
  order_by text;
  fields text;
  header text;
  condition text := '';
  bounds timestamptz[] := ARRAY[from_time, to_time];
BEGIN
  IF name IS NULL OR format IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'name and format must not be NULL';
  END IF;
  IF format NOT IN ('csv', 'json', 'jsonl') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = pg_catalog.format('invalid format "%s"', format),
      HINT = 'Use one of: csv, json, jsonl.';
  END IF;
  SELECT t.target, t.timezone INTO report FROM bizmetrics.report_tables t WHERE t.report_name = export_report.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = pg_catalog.format('report "%s" does not exist', name),
      HINT = 'The view bizmetrics.report_tables lists the reports.';
  END IF;
  tab := to_regclass(report.target);
  IF tab IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = pg_catalog.format('target %s does not exist', report.target);
  END IF;
  SELECT x.indkey::smallint[] INTO key_columns FROM pg_index x WHERE x.indrelid = tab AND x.indisprimary;
  SELECT c.name AS attname, c.type AS atttypid INTO time_column FROM bizmetrics.time_column_of(tab) AS c;
  IF (from_time IS NOT NULL OR to_time IS NOT NULL) AND time_column.attname IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = pg_catalog.format('report "%s" has no column of a time', name),
      HINT = 'Leave from_time and to_time out.';
  END IF;
  -- Its own days: a date or a time without a zone is one of the report's.
  PERFORM set_config('timezone', report.timezone, true);
  IF time_column.attname IS NOT NULL THEN
    SELECT coalesce(string_agg(pg_catalog.format(' AND t.%I %s $1[%s]::%s', time_column.attname, c.op, c.place,
             CASE WHEN time_column.atttypid = 'date'::regtype THEN 'timestamp' ELSE format_type(time_column.atttypid, NULL) END), '' ORDER BY c.place), '')
    INTO condition
    FROM (VALUES ('>=', 1, from_time), ('<', 2, to_time)) AS c (op, place, bound)
    WHERE c.bound IS NOT NULL;
  END IF;
  SELECT string_agg(pg_catalog.format('t.%I', a.attname), ', ' ORDER BY array_position(key_columns, a.attnum), a.attnum)
  INTO order_by
  FROM pg_attribute a
  WHERE a.attrelid = tab AND a.attnum > 0 AND NOT a.attisdropped
    AND (key_columns IS NULL AND EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
                                         WHERE m.amname = 'btree' AND o.opcdefault AND o.opcintype IN (a.atttypid, (SELECT typbasetype FROM pg_type WHERE oid = a.atttypid)))
         OR a.attnum = ANY (key_columns));
  SELECT string_agg(bizmetrics.csv_field(a.attname), ',' ORDER BY a.attnum),
         string_agg(pg_catalog.format('bizmetrics.csv_field(t.%I::text)', a.attname), $sep$ || ',' || $sep$ ORDER BY a.attnum)
  INTO header, fields
  FROM pg_attribute a
  WHERE a.attrelid = tab AND a.attnum > 0 AND NOT a.attisdropped;
  IF format = 'csv' THEN
    RETURN NEXT header;
  ELSIF format = 'json' THEN
    RETURN NEXT '[';
    fields := $json$CASE row_number() OVER rows WHEN 1 THEN ' ' ELSE ',' END || row_to_json(t)::text$json$;
  ELSE
    fields := 'row_to_json(t)::text';
  END IF;
  RETURN QUERY EXECUTE pg_catalog.format('SELECT %s FROM %s t WHERE true%s%s%s', fields, report.target, condition,
    CASE WHEN format = 'json' THEN ' WINDOW rows AS (' || coalesce('ORDER BY ' || order_by, '') || ')' ELSE '' END,
    coalesce(' ORDER BY ' || order_by, '')) USING bounds;
  IF format = 'json' THEN
    RETURN NEXT ']';
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.export_report(text, text, timestamptz, timestamptz) IS
'The rows of a report''s table, with the caller''s rights, as lines in the order of its primary key: csv (RFC 4180, with a header; NULL is an empty field), json (an array, one row a line) or jsonl (one object a line). from_time and to_time, of which the second is not included, narrow the first column of the key that is a time; times are in the report''s zone. Errors: 22004 NULL; 22023 another format, or a range for a table without times; 42704 no such report; 42P01 its table is gone; 42501 no right to read it.';
