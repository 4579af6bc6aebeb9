-- A question put together from measures, dimensions, a filter and a granularity, over the events and over reports' tables.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_reader LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_reader('regress_reader');
SELECT count(bizmetrics.log_event(name, properties::jsonb, actor, company, 'order', entity, occurred_at => at))
FROM (VALUES
  ('qm_paid', '{"value": 10, "plan": "pro"}', 'u1', 'acme', 'o1', timestamptz '2001-03-01 10:00'),
  ('qm_paid', '{"value": "20.5", "plan": "free"}', 'u2', 'acme', 'o2', '2001-03-01 23:30'),
  ('qm_paid', '{"value": null, "plan": null}', 'u2', 'beta', 'o3', '2001-03-02 10:00'),
  ('qm_paid', '{"value": 7, "plan": "pro", "items": [{"n": 2}, {"n": 1}]}', 'u1', 'beta', 'o4', '2001-04-02 10:00'),
  ('qm_seen', '{"plan": "pro"}', 'u3', NULL, NULL, '2001-03-03 10:00'),
  ('qm_seen', '{"it''s": "\"; --", "a.b": {"c": 1}}', 'u4', 'gamma', NULL, '2001-03-25 01:30'),
  ('qm_seen', '{}', 'u4', 'gamma', NULL, '2001-10-28 00:30'),
  ('qm_seen', '{}', 'u4', 'gamma', NULL, '2001-10-28 01:30')) AS t (name, properties, actor, company, entity, at);
\c - regress_author
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- One row without a key; every measure.
SELECT bizmetrics.query_metric('{"measures": ["count", {"measure": "distinct", "field": "actor_user_id", "name": "buyers"}, {"measure": "distinct", "field": "company_id"}, {"measure": "distinct", "field": "entity_id"}], "filter": {"event_name": "qm_paid"}}');
SELECT bizmetrics.query_metric('{"measures": [{"measure": "sum", "field": "properties.value"}, {"measure": "avg", "field": "properties.value"}, {"measure": "min", "field": "properties.value"}, {"measure": "max", "field": "properties.value"}, {"measure": "median", "field": "properties.value"}, {"measure": "p90", "field": "properties.value"}, {"measure": "sum", "field": "properties.items.0.n"}], "filter": {"event_name": "qm_paid"}}');
-- By period and dimension, in a time zone: 23:30 of the first is the second in Berlin.
SELECT bizmetrics.query_metric('{"measures": ["count", {"measure": "sum", "field": "properties.value", "name": "revenue"}], "dimensions": ["properties.plan"], "granularity": "day", "timezone": "Europe/Berlin", "filter": {"event_name": "qm_paid"}, "from": "2001-03-01", "to": "2001-04-01"}');
-- What it is as SQL.
SELECT bizmetrics.query_metric_sql('{"measures": ["count", {"measure": "sum", "field": "properties.value", "name": "revenue", "filter": {"properties.plan": "pro"}}], "dimensions": ["company_id", {"field": "properties.plan", "name": "the \"plan\""}], "granularity": "day", "timezone": "Europe/Berlin", "filter": {"event_name": ["qm_paid", "qm_seen"], "properties.value": {">": 5}}, "from": "2001-03-01", "to": "2001-04-01", "order": ["revenue desc", "company_id"], "limit": 3}');
SELECT bizmetrics.query_metric('{"measures": ["count", {"measure": "sum", "field": "properties.value", "name": "revenue", "filter": {"properties.plan": "pro"}}], "dimensions": ["company_id", {"field": "properties.plan", "name": "the \"plan\""}], "granularity": "day", "timezone": "Europe/Berlin", "filter": {"event_name": ["qm_paid", "qm_seen"], "properties.value": {">": 5}}, "from": "2001-03-01", "to": "2001-04-01", "order": ["revenue desc", "company_id"], "limit": 3}');
-- Every granularity; an hour that comes twice is two.
SELECT unit, bizmetrics.query_metric(jsonb_build_object('measures', '["count"]'::jsonb, 'granularity', unit, 'timezone', 'Europe/Berlin', 'filter', '{"event_name": "qm_seen"}'::jsonb, 'from', '2001-10-28', 'to', '2001-10-29'))
FROM unnest('{hour,day,week,month,quarter,year}'::text[]) AS unit;
-- The range is half-open, and a time with a zone is that instant.
SELECT bizmetrics.query_metric('{"measures": ["count"], "filter": {"event_name": "qm_paid"}, "from": "2001-03-01T10:00:00Z", "to": "2001-03-02T10:00:00Z"}');
SELECT bizmetrics.query_metric('{"measures": ["count"], "filter": {"event_name": "qm_paid"}, "from": "2001-03-01T10:00:01Z", "to": "2001-03-02T11:00:01+01:00"}');
-- Without rows: one row of nothing, and no group.
SELECT bizmetrics.query_metric('{"measures": ["count", {"measure": "sum", "field": "properties.value"}], "filter": {"event_name": "qm_nothing"}}');
SELECT bizmetrics.query_metric('{"measures": ["count"], "granularity": "day", "filter": {"event_name": "qm_nothing"}}');
-- Order and limit: what is equal is in the order of the key, and what is missing comes last.
SELECT bizmetrics.query_metric('{"measures": ["count"], "dimensions": ["company_id"], "filter": {"event_name": ["qm_paid", "qm_seen"]}, "order": ["count desc"]}');
SELECT bizmetrics.query_metric('{"measures": ["count"], "dimensions": ["company_id"], "filter": {"event_name": ["qm_paid", "qm_seen"]}, "order": ["company_id desc"], "limit": 2}');
-- The session's time zone, and its other settings, do not get into figures; nor does the query change them.
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SELECT bizmetrics.query_metric('{"measures": ["count"], "granularity": "day", "filter": {"event_name": "qm_paid"}, "from": "2001-03-01", "to": "2001-03-04"}');
SHOW timezone;
SHOW datestyle;
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- Saved: the report keeps what the question gives.
SELECT bizmetrics.create_metric_report('qm_plans', '{"measures": ["count", {"measure": "sum", "field": "properties.value", "name": "revenue"}], "dimensions": ["company_id", "properties.plan"], "granularity": "day", "timezone": "Europe/Berlin", "filter": {"event_name": "qm_paid"}}', '0 0 29 2 *', description => 'Plans.');
SELECT state, row_count FROM bizmetrics.run_report('qm_plans');
SELECT period AT TIME ZONE 'Europe/Berlin' AS period, company_id, plan, count, revenue FROM analytics.qm_plans ORDER BY 1, 2, 3;
SELECT obj_description('analytics.qm_plans'::regclass), pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'analytics.qm_plans'::regclass AND contype = 'p';
\c - postgres
SET datestyle = 'ISO';
SELECT strategy, bucket, timezone, companies FROM bizmetrics.reports WHERE report_name = 'qm_plans';
SELECT bizmetrics.log_event('qm_paid', '{"value": 1, "plan": "pro"}', 'u9', 'acme', occurred_at => '2001-03-01 10:00') IS NOT NULL;
\c - regress_author
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT state, row_count FROM bizmetrics.run_report('qm_plans');
SELECT revenue FROM analytics.qm_plans WHERE period = '2001-02-28 23:00' AND company_id = 'acme' AND plan = 'pro';
-- The report's table is a source itself: of columns, in the same language.
SELECT bizmetrics.query_metric('{"source": "qm_plans", "measures": [{"measure": "sum", "field": "revenue"}, "count"], "dimensions": ["plan"], "granularity": "month", "filter": {"company_id": ["acme", "beta"], "count": {">": 0}, "plan": {"<>": ""}}, "from": "2001-03-01", "to": "2001-04-01"}');
SELECT bizmetrics.query_metric_sql('{"source": "qm_plans", "measures": [{"measure": "distinct", "field": "plan"}], "granularity": "quarter", "filter": {"period": {">=": "2001-03-01"}, "plan": {"<": "z", "not in": ["x"]}, "revenue": null}}');
SELECT bizmetrics.create_metric_report('qm_months', '{"source": "qm_plans", "measures": [{"measure": "sum", "field": "revenue"}], "dimensions": ["plan"], "granularity": "month"}', '0 0 29 2 *');
SELECT state FROM bizmetrics.run_report('qm_months');
SELECT period AT TIME ZONE 'Europe/Berlin' AS period, plan, sum_revenue FROM analytics.qm_months ORDER BY 1, 2;
SELECT bizmetrics.create_metric_report('qm_companies', '{"source": "qm_plans", "measures": [{"measure": "sum", "field": "revenue"}], "dimensions": ["company_id"]}', '0 0 29 2 *');
SELECT state FROM bizmetrics.run_report('qm_companies');
TABLE analytics.qm_companies ORDER BY 1;
-- Another specification, of the same key.
SELECT report_name, spec, timezone, key, source, target FROM bizmetrics.metric_reports ORDER BY report_name COLLATE "C";
SELECT bizmetrics.alter_metric_report('qm_plans', '{"measures": ["count", {"measure": "sum", "field": "properties.value", "name": "revenue"}, {"measure": "max", "field": "properties.value"}], "dimensions": ["company_id", "properties.plan"], "granularity": "month", "filter": {"event_name": "qm_paid", "company_id": "acme"}}');
SELECT state FROM bizmetrics.run_report('qm_plans');
SELECT period AT TIME ZONE 'Europe/Berlin' AS period, company_id, plan, count, revenue, max_value FROM analytics.qm_plans ORDER BY 1, 2, 3;
\i :helper
SELECT pg_temp.error_of(format('SELECT bizmetrics.alter_metric_report(%s)', a)) FROM unnest(ARRAY[
  $$'qm_plans', '{"measures": ["count"], "dimensions": ["company_id"], "granularity": "day"}'$$, $$'qm_months', '{"measures": [{"measure": "sum", "field": "properties.revenue"}], "dimensions": ["properties.plan"], "granularity": "month"}'$$,
  $$'none', '{"measures": ["count"], "granularity": "day"}'$$, $$NULL, '{}'$$, $$'qm_plans', NULL$$, $$'qm_plans', '{"measures": ["count"], "dimensions": ["company_id", "properties.plan"], "granularity": "month"}'$$]) AS a;
SELECT pg_temp.error_of(format('SELECT bizmetrics.create_metric_report(%s)', a)) FROM unnest(ARRAY[
  $$'x', '{"measures": ["count"], "granularity": "day", "from": "2001-01-01"}'$$, $$'x', '{"measures": ["count"], "granularity": "day", "limit": 3}'$$, $$'x', '{"measures": ["count"]}'$$, $$NULL, '{"measures": ["count"]}'$$,
  $$'x', NULL$$, $$'qm_plans', '{"measures": ["count"], "granularity": "day"}'$$, $$'x', '{"measures": ["count"], "dimensions": ["revenue"], "source": "qm_plans"}'$$]) AS a;
-- A specification cannot end the comment that it is kept in.
SELECT bizmetrics.create_metric_report('qm_odd', '{"measures": ["count"], "dimensions": [{"field": "properties.\"*/ DROP TABLE x; /*\"", "name": "*/; $1 \\ ''"}], "filter": {"event_name": "*/ x"}}', '0 0 29 2 *');
SELECT state FROM bizmetrics.run_report('qm_odd');
SELECT spec = '{"measures": ["count"], "dimensions": [{"field": "properties.\"*/ DROP TABLE x; /*\"", "name": "*/; $1 \\ ''"}], "filter": {"event_name": "*/ x"}}' AS same FROM bizmetrics.metric_reports WHERE report_name = 'qm_odd';
SELECT q, bizmetrics.metric_report_spec(q) FROM unnest(ARRAY['SELECT 1', '/* query_metric { */', '/* query_metric {"a": 1} */']) AS q;
-- A reader asks reports' tables, and no event.
\c - regress_reader
\i :helper
SELECT bizmetrics.query_metric('{"source": "qm_plans", "measures": [{"measure": "max", "field": "revenue"}]}');
SELECT pg_temp.error_of($$SELECT bizmetrics.query_metric('{"measures": ["count"]}')$$), pg_temp.error_of($$SELECT bizmetrics.create_metric_report('x', '{"measures": ["count"], "granularity": "day"}')$$);
\c - postgres
SET datestyle = 'ISO';
DROP TABLE analytics.qm_months;
\c - regress_reader
\i :helper
SELECT pg_temp.error_of($$SELECT bizmetrics.query_metric('{"source": "qm_months", "measures": ["count"]}')$$);
\c - postgres
SET datestyle = 'ISO';
SELECT count(bizmetrics.drop_report(n)) FROM unnest('{qm_months,qm_companies,qm_plans,qm_odd}'::text[]) AS n;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_reader('regress_reader');
DROP OWNED BY regress_author, regress_reader;
DROP ROLE regress_author, regress_reader;
DROP TABLE bizmetrics.business_events_2001_03, bizmetrics.business_events_2001_04, bizmetrics.business_events_2001_10;
