-- query_metric() takes what it knows, says what it does not, and reads nothing of it as SQL.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
SET ROLE regress_author;
SELECT bizmetrics.create_report('qm_table', 'analytics.qm_table', 'SELECT 1', '0 0 29 2 *', timezone => 'Europe/Berlin', ddl => $$
  CREATE TABLE analytics.qm_table (day date PRIMARY KEY, n integer, "odd ""name" text COLLATE "C", flag boolean, j jsonb)$$);
SELECT bizmetrics.create_report('qm_timeless', 'analytics.qm_timeless', 'SELECT 1', '0 0 29 2 *', ddl => 'CREATE TABLE analytics.qm_timeless (n integer PRIMARY KEY)');
INSERT INTO analytics.qm_table VALUES ('2001-03-01', 1, 'a', true, '{"k": 1}'), ('2001-03-02', 2, 'B', false, NULL), ('2001-03-03', NULL, NULL, NULL, '[]');
SELECT pg_temp.error_of(format('SELECT bizmetrics.query_metric(%L)', spec)) FROM unnest(ARRAY[
  NULL, '[]', '"count"', '{}', '{"measures": []}', '{"measures": "count"}', '{"measures": ["count"], "mesures": 1}', '{"measures": ["count"], "": 1}',
  '{"measures": ["total"]}', '{"measures": [1]}', '{"measures": [{"field": "properties.a"}]}', '{"measures": [{"measure": "sum"}]}', '{"measures": [{"measure": "count", "field": "company_id"}]}',
  '{"measures": [{"measure": "sum", "field": "company_id"}]}', '{"measures": [{"measure": "sum", "field": "properties"}]}', '{"measures": [{"measure": "distinct", "field": "password"}]}', '{"measures": [{"measure": "sum", "field": "properties.a", "over": 1}]}',
  '{"measures": [{"measure": "count", "name": ""}]}', '{"measures": ["count", "count"]}', '{"measures": ["count"], "dimensions": [{"field": "company_id", "name": "count"}]}', '{"measures": ["count"], "granularity": "day", "dimensions": ["properties.period"]}',
  '{"measures": ["count"], "dimensions": ["occurred_at"]}', '{"measures": ["count"], "dimensions": ["properties."]}', '{"measures": ["count"], "dimensions": "company_id"}', '{"measures": ["count"], "dimensions": [{"name": "x"}]}', '{"measures": ["count"], "dimensions": [[]]}',
  '{"measures": ["count"], "filter": []}', '{"measures": ["count"], "filter": {"nothing": 1}}', '{"measures": ["count"], "filter": {"company_id": {"like": "a%"}}}', '{"measures": ["count"], "filter": {"company_id": {"in": "a"}}}', '{"measures": ["count"], "filter": {"company_id": true}}',
  '{"measures": ["count"], "granularity": "fortnight"}', '{"measures": ["count"], "granularity": 1}', '{"measures": ["count"], "timezone": "Mars"}', '{"measures": ["count"], "from": "someday"}', '{"measures": ["count"], "from": 7}', '{"measures": ["count"], "to": "2001-13-01"}',
  '{"measures": ["count"], "from": "2001-03-02", "to": "2001-03-02"}', '{"measures": ["count"], "order": "count"}', '{"measures": ["count"], "order": ["revenue"]}', '{"measures": ["count"], "order": ["count DESC; DROP TABLE x"]}', '{"measures": ["count"], "order": [null]}',
  '{"measures": ["count"], "limit": 0}', '{"measures": ["count"], "limit": 1.5}', '{"measures": ["count"], "limit": "1"}', '{"measures": ["count"], "limit": 1e10}', '{"measures": ["count"], "source": "none"}', '{"measures": ["count"], "source": 1}', '{"measures": ["count"], "source": "pg_catalog.pg_authid"}',
  '{"measures": ["count"], "source": "qm_table", "dimensions": ["company_id"]}', '{"measures": ["count"], "source": "qm_table", "dimensions": ["ctid"]}', '{"measures": [{"measure": "sum", "field": "day"}], "source": "qm_table"}', '{"measures": ["count"], "source": "qm_table", "granularity": "hour"}',
  '{"measures": ["count"], "source": "qm_table", "timezone": "UTC"}', '{"measures": ["count"], "source": "qm_table", "filter": {"day": "yesterweek"}}', '{"measures": ["count"], "source": "qm_table", "filter": {"n": {"@>": {}}}}', '{"measures": ["count"], "source": "qm_table", "filter": {"n": {"exists": 1}}}',
  '{"measures": ["count"], "source": "qm_table", "filter": {"n": {"in": [[1]]}}}', '{"measures": ["count"], "source": "qm_table", "filter": {"n": {"~": "x"}}}', '{"measures": ["count"], "source": "qm_timeless", "granularity": "day"}', '{"measures": ["count"], "source": "qm_timeless", "from": "2001-01-01"}']) AS spec;
SELECT pg_temp.error_of(format('SELECT bizmetrics.query_metric(%L)', format('{"measures": [{"measure": "count", "name": "%s"}]}', repeat('n', 64))));
-- Nothing ends a literal or a name.
SET standard_conforming_strings = off;
SET backslash_quote = on;
SELECT spec, bizmetrics.query_metric(spec) FROM unnest(ARRAY[
  $s${"measures": [{"measure": "count", "name": "n\"; DROP TABLE analytics.qm_table; --"}], "filter": {"event_name": "x' OR true --"}}$s$,
  $s${"measures": ["count"], "filter": {"event_name": "\\' OR true --", "properties.\"a' OR true --\"": "\\"}}$s$,
  $s${"measures": [{"measure": "sum", "field": "properties.\"'); DROP TABLE analytics.qm_table; --\"", "name": "s"}], "filter": {"event_name": "none", "properties.0\\": {"<": "'\\"}}}$s$,
  $s${"measures": ["count"], "filter": {"event_name": ["a", "$1", "%L", "%1$s"], "properties.%s": {"@>": {"'": "\\\""}}}}$s$,
  $s${"source": "qm_table", "measures": ["count"], "filter": {"odd \"name": "'; DROP TABLE analytics.qm_table; --"}}$s$]::jsonb[]) AS spec;
RESET standard_conforming_strings;
SELECT count(*) AS still_there FROM analytics.qm_table;
-- Conditions on columns of every type.
SELECT filter, bizmetrics.query_metric(jsonb_build_object('source', 'qm_table', 'measures', '["count"]'::jsonb, 'filter', filter)) -> 'count' AS count FROM unnest(ARRAY[
  '{}', '{"n": 1}', '{"n": [1, 2]}', '{"n": []}', '{"n": {"not in": []}}', '{"n": {"not in": [1]}}', '{"n": null}', '{"n": {"exists": true}}', '{"n": {">=": 1, "<": 2}}', '{"n": {"<>": 1}}', '{"day": {">": "2001-03-01"}}', '{"flag": true}', '{"flag": {"<>": true}}',
  '{"odd \"name": {"<": "a"}}', '{"odd \"name": "B"}', '{"j": {"@>": {"k": 1}}}', '{"j": {"exists": false}}']::jsonb[]) AS filter;
-- Days are the report's own, whatever the session's.
SET timezone = 'Asia/Tokyo';
SELECT bizmetrics.query_metric('{"source": "qm_table", "measures": [{"measure": "sum", "field": "n"}, {"measure": "median", "field": "n"}], "granularity": "month", "from": "2001-03-02"}');
RESET ROLE;
SELECT bizmetrics.drop_report('qm_table'), bizmetrics.drop_report('qm_timeless');
SELECT bizmetrics.revoke_author('regress_author');
DROP OWNED BY regress_author;
DROP ROLE regress_author;
