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

CREATE FUNCTION bizmetrics.html_text(value text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_html_text';
COMMENT ON FUNCTION bizmetrics.html_text(text) IS
'A text as HTML and XML have it, in ASCII: &, <, >, quotes and what is not ASCII are references; control characters, which neither may have, are shown as U+FFFD. NULL is empty.';

CREATE FUNCTION bizmetrics.table_pdf(title text, description text, period text, header text[], is_number boolean[], cells text[]) RETURNS bytea
LANGUAGE c STABLE PARALLEL SAFE COST 10000 AS 'MODULE_PATHNAME', 'bizmetrics_table_pdf';
COMMENT ON FUNCTION bizmetrics.table_pdf(text, text, text, text[], boolean[], text[]) IS
'A table as a PDF file: cells row by row, NULL being empty. For export_report_pdf(). Errors: 22004 header or is_number is NULL; 2202E the arrays are not of one table; 54000 over 50 columns or 100,000 rows.';

-- What every format needs to know. The condition is about $1, an array of the two times.
CREATE FUNCTION bizmetrics.export_plan(
  name text, from_time timestamptz, to_time timestamptz,
  OUT tab oid, OUT relation text, OUT zone text, OUT condition text, OUT order_by text
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  key_columns smallint[];
  time_column record;
BEGIN
  SELECT to_regclass(t.target), t.target, t.timezone INTO tab, relation, zone FROM bizmetrics.report_tables t WHERE t.report_name = export_plan.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('report "%s" does not exist', name),
      HINT = 'The view bizmetrics.report_tables lists the reports.';
  ELSIF tab IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('target %s does not exist', relation);
  END IF;
  SELECT x.indkey::smallint[] INTO key_columns FROM pg_index x WHERE x.indrelid = tab AND x.indisprimary;
  SELECT c.name AS attname, c.type AS atttypid INTO time_column FROM bizmetrics.time_column_of(tab) AS c;
  IF (from_time IS NOT NULL OR to_time IS NOT NULL) AND time_column.attname IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('report "%s" has no column of a time', name),
      HINT = 'Leave from_time and to_time out.';
  END IF;
  SELECT coalesce(string_agg(format(' AND t.%I %s $1[%s]::%s', time_column.attname, c.op, c.place,
           CASE WHEN time_column.atttypid = 'date'::regtype THEN 'timestamp' ELSE format_type(time_column.atttypid, NULL) END), '' ORDER BY c.place), '')
  INTO condition
  FROM (VALUES ('>=', 1, from_time), ('<', 2, to_time)) AS c (op, place, bound)
  WHERE c.bound IS NOT NULL;
  SELECT ' ORDER BY ' || string_agg(format('t.%I', a.attname), ', ' ORDER BY array_position(key_columns, a.attnum), a.attnum)
  INTO order_by
  FROM pg_attribute a
  WHERE a.attrelid = tab AND a.attnum > 0 AND NOT a.attisdropped
    AND (key_columns IS NULL AND EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
                                         WHERE m.amname = 'btree' AND o.opcdefault AND o.opcintype IN (a.atttypid, (SELECT typbasetype FROM pg_type WHERE oid = a.atttypid)))
         OR a.attnum = ANY (key_columns));
  order_by := coalesce(order_by, '');
END
$$;
COMMENT ON FUNCTION bizmetrics.export_plan(text, timestamptz, timestamptz) IS
'Which rows of a report''s table are exported, and in which order. Errors: 22023 a range for a table without times; 42704 no such report; 42P01 its table is gone.';

CREATE FUNCTION bizmetrics.export_columns(tab oid, OUT place smallint, OUT name text, OUT is_number boolean, OUT meaning text) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT a.attnum, a.attname, y.typcategory = 'N', col_description(a.attrelid, a.attnum)
  FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
  WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION bizmetrics.export_columns(oid) IS 'The columns of a table that is exported; numbers are on the right.';

CREATE FUNCTION bizmetrics.export_period(zone text, from_time timestamptz, to_time timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT concat_ws(' ', 'Period:',
    CASE WHEN from_time IS NULL AND to_time IS NULL THEN 'all' END,
    'from ' || to_char(from_time AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI'),
    'to before ' || to_char(to_time AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI')) || ' (' || zone || ').'
$$;
COMMENT ON FUNCTION bizmetrics.export_period(text, timestamptz, timestamptz) IS 'Which time an export is of, in words.';

-- A page by itself: nothing is loaded, and it is well-formed XML besides.
CREATE FUNCTION bizmetrics.html_page(tab oid, title text, period text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT concat($html$<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<title>$html$, bizmetrics.html_text(title), $html$</title>
<style>
body { font-family: sans-serif; margin: 2em; color: #222 }
table { border-collapse: collapse }
th, td { padding: 0.25em 0.75em; text-align: left; vertical-align: top; white-space: pre-line }
thead th { border-bottom: 2px solid #888; position: sticky; top: 0; background: #fff }
tbody tr:nth-child(even) { background: #f4f4f4 }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
</style>
</head>
<body>
<h1>$html$, bizmetrics.html_text(title), E'</h1>\n',
    '<p>' || nullif(bizmetrics.html_text(obj_description(tab, 'pg_class')), '') || E'</p>\n',
    '<p>', bizmetrics.html_text(period), E'</p>\n<table>\n<thead><tr>',
    (SELECT string_agg(format('<th scope="col"%s%s>%s</th>', CASE WHEN c.is_number THEN ' class="n"' END,
                              ' title="' || nullif(bizmetrics.html_text(c.meaning), '') || '"', bizmetrics.html_text(c.name)), '' ORDER BY c.place)
     FROM bizmetrics.export_columns(tab) AS c),
    E'</tr></thead>\n<tbody>')
$$;
COMMENT ON FUNCTION bizmetrics.html_page(oid, text, text) IS 'A page of HTML up to the first row of its table.';

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
  plan record;
  fields text;
BEGIN
  IF name IS NULL OR format IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'name and format must not be NULL';
  END IF;
  IF format NOT IN ('csv', 'json', 'jsonl', 'html') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = pg_catalog.format('invalid format "%s"', format),
      HINT = CASE WHEN format = 'pdf' THEN 'A PDF file is no text: use bizmetrics.export_report_pdf().' ELSE 'Use one of: csv, json, jsonl, html.' END;
  END IF;
  SELECT * INTO plan FROM bizmetrics.export_plan(name, from_time, to_time);
  -- Its own days: a date or a time without a zone is one of the report's.
  PERFORM set_config('timezone', plan.zone, true);
  IF format = 'csv' THEN
    RETURN QUERY SELECT string_agg(bizmetrics.csv_field(c.name), ',' ORDER BY c.place) FROM bizmetrics.export_columns(plan.tab) AS c;
    SELECT string_agg(pg_catalog.format('bizmetrics.csv_field(t.%I::text)', c.name), $sep$ || ',' || $sep$ ORDER BY c.place) INTO fields FROM bizmetrics.export_columns(plan.tab) AS c;
  ELSIF format = 'html' THEN
    RETURN NEXT bizmetrics.html_page(plan.tab, name, bizmetrics.export_period(plan.zone, from_time, to_time));
    SELECT pg_catalog.format($row$'<tr>' || %s || '</tr>'$row$,
             string_agg(pg_catalog.format('%L || bizmetrics.html_text(t.%I::text) || %L', CASE WHEN c.is_number THEN '<td class="n">' ELSE '<td>' END, c.name, '</td>'), ' || ' ORDER BY c.place))
    INTO fields FROM bizmetrics.export_columns(plan.tab) AS c;
  ELSIF format = 'json' THEN
    RETURN NEXT '[';
    fields := $json$CASE row_number() OVER rows WHEN 1 THEN ' ' ELSE ',' END || row_to_json(t)::text$json$;
  ELSE
    fields := 'row_to_json(t)::text';
  END IF;
  RETURN QUERY EXECUTE concat('SELECT ', fields, ' FROM ', plan.relation, ' t WHERE true', plan.condition,
    CASE WHEN format = 'json' THEN ' WINDOW rows AS (' || plan.order_by || ')' END, plan.order_by) USING ARRAY[from_time, to_time];
  IF format = 'json' THEN
    RETURN NEXT ']';
  ELSIF format = 'html' THEN
    RETURN NEXT E'</tbody>\n</table>\n</body>\n</html>';
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.export_report(text, text, timestamptz, timestamptz) IS
'The rows of a report''s table, with the caller''s rights, as lines in the order of its primary key: csv (RFC 4180, with a header; NULL is an empty field), json (an array, one row a line), jsonl (one object a line) or html (a page by itself, in ASCII and well-formed, with the table''s comment, the period, columns'' comments as titles and numbers on the right). from_time and to_time, of which the second is not included, narrow the first column of the key that is a time; times are in the report''s zone. Errors: 22004 NULL; 22023 another format, or a range for a table without times; 42704 no such report; 42P01 its table is gone; 42501 no right to read it.';

CREATE FUNCTION bizmetrics.export_report_pdf(
  name text,
  from_time timestamptz DEFAULT NULL,
  to_time timestamptz DEFAULT NULL
) RETURNS bytea
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET intervalstyle = 'iso_8601' SET timezone = 'UTC'
SET extra_float_digits = 1 SET bytea_output = 'hex' AS $$
DECLARE
  plan record;
  fields text;
  header text[];
  is_number boolean[];
  cells text[];
BEGIN
  IF name IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'name must not be NULL';
  END IF;
  SELECT * INTO plan FROM bizmetrics.export_plan(name, from_time, to_time);
  PERFORM set_config('timezone', plan.zone, true);
  SELECT coalesce(array_agg(c.name ORDER BY c.place), '{}'), coalesce(array_agg(c.is_number ORDER BY c.place), '{}'),
         string_agg(format('t.%I::text', c.name), ', ' ORDER BY c.place)
  INTO header, is_number, fields FROM bizmetrics.export_columns(plan.tab) AS c;
  -- One row more than there may be is enough to say so.
  EXECUTE concat('SELECT array_agg(ARRAY[', fields, ']::text[]', plan.order_by, ') FROM (SELECT * FROM ', plan.relation, ' t WHERE true', plan.condition, ' LIMIT 100001) t')
    INTO cells USING ARRAY[from_time, to_time];
  RETURN bizmetrics.table_pdf(name, obj_description(plan.tab, 'pg_class'), bizmetrics.export_period(plan.zone, from_time, to_time), header, is_number, cells);
END
$$;
COMMENT ON FUNCTION bizmetrics.export_report_pdf(text, timestamptz, timestamptz) IS
'The same as a PDF file: A4, upright or lying as the columns need it, with the header on each page and pages numbered. Its font has the characters of WinAnsiEncoding, Latin-1 and those of Windows; others are "?". A text that is too long for its column ends with an ellipsis; a number that does not fit is ###. Errors: as export_report(); 54000 over 50 columns or 100,000 rows.';
