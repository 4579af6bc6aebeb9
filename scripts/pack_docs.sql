-- The pages of docs/packs: a line each, its name, a tab, and its text with \n for line feeds. The packs are
-- installed to see the types of their columns, and all of it is rolled back.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SET LOCAL client_min_messages = error;
CREATE ROLE bizmetrics_pack_docs;
CREATE FUNCTION pg_temp.cell(content text) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(replace(replace(content, '|', '\|'), E'\n', ' '), '') $$;
CREATE FUNCTION pg_temp.definition(content text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(coalesce(content, ''), '\m(D-\d\d)\M', '[\1](../definitions.md)', 'g') $$;
CREATE FUNCTION pg_temp.code(content text) RETURNS text LANGUAGE sql AS $$ SELECT '`' || content || '`' $$;
CREATE FUNCTION pg_temp.codes(contents text[]) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(pg_temp.code(c), ', ' ORDER BY o) FROM unnest(contents) WITH ORDINALITY AS u (c, o) $$;
CREATE FUNCTION pg_temp.rows_of(head text[], rows text[]) RETURNS text LANGUAGE sql AS $$
  SELECT format(E'| %s |\n|%s|\n%s\n', array_to_string(head, ' | '), repeat('---|', cardinality(head) - 1) || '---', array_to_string(rows, E'\n'))
$$;

-- Roles that log in own reports; this one never does.
ALTER ROLE bizmetrics_pack_docs LOGIN;
DO $$ BEGIN PERFORM bizmetrics.grant_author('bizmetrics_pack_docs'); PERFORM bizmetrics.install_pack(a.pack, owner => 'bizmetrics_pack_docs') FROM bizmetrics.available_packs a; END $$;

CREATE TEMP VIEW properties AS
SELECT e.pack, e.event_name, p.property, p.required, p.property_schema ->> 'description' AS description,
       coalesce((SELECT string_agg(t, ' or ' ORDER BY o) FROM jsonb_array_elements_text(CASE jsonb_typeof(p.property_schema -> 'type') WHEN 'array' THEN p.property_schema -> 'type' WHEN 'string' THEN jsonb_build_array(p.property_schema -> 'type') ELSE '[]' END) WITH ORDINALITY AS x (t, o)),
                (SELECT string_agg(pg_temp.code(t), ', ' ORDER BY o) FROM jsonb_array_elements_text(p.property_schema -> 'enum') WITH ORDINALITY AS x (t, o)), '') AS type
FROM bizmetrics.pack_events e, bizmetrics.schema_properties(e.properties_schema) AS p;

CREATE TEMP VIEW events AS
SELECT e.pack, string_agg(format(E'### %s\n\n%s\n\n%s', e.event_name, e.description,
         coalesce((SELECT pg_temp.rows_of('{property,type,meaning}', array_agg(format('| %s | %s | %s |', pg_temp.code(p.property), p.type || CASE WHEN p.required THEN ', required' ELSE '' END, pg_temp.cell(p.description)) ORDER BY p.property COLLATE "C"))
                   FROM properties p WHERE p.pack = e.pack AND p.event_name = e.event_name HAVING count(*) > 0) || E'\n', '')), '' ORDER BY e.event_name) AS text
FROM bizmetrics.pack_events e GROUP BY e.pack;

CREATE TEMP VIEW tables AS
SELECT r.pack, string_agg(format(E'### analytics.%s\n\n%s\n\nKey %s. Runs %s%s%s.%s\n\n%s\n', r.report_name, r.description, pg_temp.codes(r.key), pg_temp.code(r.schedule),
         CASE WHEN r.bucket IS NOT NULL THEN ', in buckets of ' || pg_temp.code(r.bucket::text) ELSE ', over all of what it reads' END,
         coalesce(', after ' || pg_temp.codes(r.after || coalesce(ARRAY[substring(r.source FROM '^analytics\.(.*)')], '{}')), ''),
         coalesce(' Rows are kept for ' || pg_temp.code(r.retention::text) || '.', ''),
         (SELECT pg_temp.rows_of('{column,type,unit,meaning,definition,source}', array_agg(format('| %s | %s | %s | %s | %s | %s |', pg_temp.code(a.attname), format_type(a.atttypid, a.atttypmod), pg_temp.cell(c ->> 'unit'), pg_temp.cell(c ->> 'meaning'), pg_temp.definition(pg_temp.cell(c ->> 'definition')), pg_temp.cell(c ->> 'source')) ORDER BY a.attnum))
          FROM pg_attribute a CROSS JOIN LATERAL (SELECT r.columns -> a.attname::text) AS x (c)
          WHERE a.attrelid = format('analytics.%I', r.report_name)::regclass AND a.attnum > 0 AND NOT a.attisdropped)), '' ORDER BY r.report_name) AS text
FROM bizmetrics.pack_reports r GROUP BY r.pack;

CREATE TEMP VIEW parameters AS
SELECT p.pack, pg_temp.rows_of('{parameter,standard,meaning}', array_agg(format('| %s | %s | %s |', pg_temp.code(p.name), pg_temp.cell(CASE WHEN length(p.standard::text) < 60 THEN pg_temp.code(p.standard #>> '{}') ELSE 'see `bizmetrics.pack_parameters`' END || coalesce(', of ' || pg_temp.codes(p.choices), '')), pg_temp.cell(p.meaning)) ORDER BY p.name)) AS text
FROM bizmetrics.pack_parameters p GROUP BY p.pack;

CREATE TEMP VIEW metrics AS
SELECT m.pack, pg_temp.rows_of('{metric,type,labels,meaning}', array_agg(format('| %s | %s | %s | %s |', pg_temp.code(m.metric_name), m.type, coalesce(pg_temp.codes(m.labels), ''), pg_temp.cell(m.help)) ORDER BY m.metric_name)) AS text
FROM bizmetrics.pack_metrics m GROUP BY m.pack;

CREATE TEMP VIEW pages (pack, text) AS
SELECT a.pack, concat(format(E'# Pack %s: %s\n\n<!-- Written by scripts/generate_pack_docs from the data of the pack. -->\n\n%s\n\n```sql\nSELECT bizmetrics.install_pack(%L, owner => ''analyst'', timezone => ''Europe/Berlin'');\n```\n\n', a.pack, lower(left(a.title, 1)) || substring(a.title FROM 2), a.description, a.pack),
         E'## Events to log\n\n' || e.text, E'## Tables\n\n' || t.text,
         E'## Parameters\n\nSet with `bizmetrics.set_pack_parameter()`.\n\n' || p.text || E'\n',
         E'## Metrics\n\n' || m.text)
FROM bizmetrics.available_packs a
LEFT JOIN events e USING (pack) LEFT JOIN tables t USING (pack) LEFT JOIN parameters p USING (pack) LEFT JOIN metrics m USING (pack)
UNION ALL
SELECT 'README', format(E'# Packs\n\n<!-- Written by scripts/generate_pack_docs from the data of the packs. -->\n\nReports and metrics that most teams want, each with its definition: install a pack, log its events or say what yours are called, and its tables fill. How to is in [the manual](../packs.md); what the figures mean in [the definitions](../definitions.md).\n\n%s',
         pg_temp.rows_of('{pack,what it is about,tables,metrics}', array_agg(format('| [%1$s](%1$s.md) | %2$s | %3$s | %4$s |', a.pack, a.title,
           (SELECT count(*) FROM bizmetrics.pack_reports r WHERE r.pack = a.pack), (SELECT count(*) FROM bizmetrics.pack_metrics m WHERE m.pack = a.pack)) ORDER BY a.pack)))
FROM bizmetrics.available_packs a;

\pset format unaligned
\pset tuples_only on
\pset fieldsep '\t'
SELECT pack, replace(replace(regexp_replace(text, E'\n+$', E'\n'), '\', '\\'), E'\n', '\n') FROM pages ORDER BY 1;
ROLLBACK;
