-- In whatever order events are stored, the tables of the packs end up the same: rows that a later event makes
-- untrue go, or change. A history and two others like it, of other companies, actors and entities, are logged in an
-- order that has nothing to do with the times of the events, all reports run in between, and in the end each
-- table is compared with the one that is computed from nothing.
CREATE DATABASE regression_bizmetrics_order;
\c regression_bizmetrics_order
-- In a time zone in which no day ends while the test runs.
SELECT 'Etc/GMT' || to_char(extract(hour FROM now() AT TIME ZONE 'UTC') - 12, 'FMSG90') AS zone \gset
\i test/helpers/all_packs.sql
SELECT count(*) = 5 AS generated FROM bizmetrics.available_packs WHERE bizmetrics.generate_sample(pack, CASE WHEN pack IN ('saas', 'growth') THEN 26 ELSE 14 END) > 50;
CREATE TABLE sample AS SELECT * FROM business_events;

-- Of one the hours are others, the same for all that an actor or entity does, so that days end in the midst of
-- it; of the other each event's are its own, so that answers come before questions.
CREATE TABLE others AS
SELECT event_name,
       least(occurred_at + CASE copy WHEN 1 THEN (abs(hashtext(coalesce(entity_id, actor_user_id, ''))) % 24) * interval '1 hour'
                                     ELSE (abs(hashtext(dedupe_key)) % 120 - 60) * interval '1 hour' END, now() - interval '1 hour') AS occurred_at,
       actor_user_id || '~' || copy AS actor_user_id, company_id || '~' || copy AS company_id, entity_type, entity_id || '~' || copy AS entity_id,
       -- Most first, then some, and few in the end: what changes a day is alone there.
       properties, CASE WHEN abs(hashtext(dedupe_key || copy)) % 400 = 0 THEN 3 WHEN abs(hashtext(dedupe_key || copy)) % 20 = 1 THEN 2 ELSE 1 END AS part
FROM sample, generate_series(1, 2) AS copy;
-- Some that come twice do not say the same.
INSERT INTO others
SELECT event_name, occurred_at - interval '30 hours', actor_user_id, company_id, entity_type, entity_id,
       properties || '{"priority": "other", "channel": "other", "category": "other", "currency": "CHF", "plan": "other", "campaign": "other", "feature": "other", "location": "other", "reason": "other"}', 4 - part
FROM others WHERE abs(hashtext(coalesce(entity_id, actor_user_id) || event_name)) % 20 = 0 AND part > 1;
-- Sessions over midnight, of which the beginning is told last.
INSERT INTO others
SELECT e.event_name, d.day + e.after, 'night owl', 'nightly', NULL, NULL, '{"feature": "x"}', e.part
FROM generate_series(date_trunc('day', now(), :'zone') - interval '24 days', now() - interval '2 days', interval '2 days') AS d (day), (VALUES ('feature_used', interval '7 minutes', 1), ('user_logged_in', interval '-8 minutes', 3)) AS e (event_name, after, part);

\c - regress_packs
\pset format unaligned
\pset tuples_only on
\set ECHO none
SET client_min_messages = error;
SELECT command FROM run_all ORDER BY level, report_name \gexec
\c - postgres
INSERT INTO business_events (event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties)
SELECT event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties FROM others WHERE part = 1 ORDER BY hashtext(entity_id), hashtext(actor_user_id);
\c - regress_packs
SET client_min_messages = error;
SELECT command FROM run_all ORDER BY level, report_name \gexec
\c - postgres
INSERT INTO business_events (event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties)
SELECT event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties FROM others WHERE part = 2 ORDER BY hashtext(entity_id), hashtext(actor_user_id);
\c - regress_packs
SET client_min_messages = error;
SELECT command FROM run_all ORDER BY level, report_name \gexec
\c - postgres
INSERT INTO business_events (event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties)
SELECT event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties FROM others WHERE part = 3 ORDER BY hashtext(entity_id), hashtext(actor_user_id);
\c - regress_packs
SET client_min_messages = error;
SELECT command FROM run_all ORDER BY level, report_name \gexec
\c - postgres
CREATE SCHEMA kept;
SELECT format('CREATE TABLE kept.%I AS SELECT * FROM analytics.%1$I', report_name) FROM run_all ORDER BY report_name \gexec
\c - regress_packs
SET client_min_messages = error;
SELECT format('TRUNCATE analytics.%I', report_name) FROM run_all ORDER BY report_name \gexec
SELECT FROM run_all WHERE bizmetrics.reset_report(report_name) IS NULL;
SELECT command FROM run_all ORDER BY level, report_name \gexec
\c - postgres
\set ECHO all
-- How many rows differ: none of any report. Left out is what depends on the second at which a report ran.
CREATE FUNCTION differences(report text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  condition text := CASE report WHEN 'inventory_turnover' THEN 'x.month < date_trunc(''month'', now() AT TIME ZONE (SELECT timezone FROM bizmetrics.packs LIMIT 1))'
                                WHEN 'events_minute' THEN 'x.bucket > now() - interval ''6 days''' ELSE 'true' END;
  columns text;
  found_rows bigint;
BEGIN
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
  FROM pg_attribute
  WHERE attrelid = format('analytics.%I', report)::regclass AND attnum > 0 AND NOT attisdropped
    AND (report, attname) NOT IN (('support_backlog', 'oldest_seconds'), ('sales_overview', 'sales_before'), ('sales_overview', 'sales_change'), ('sales_overview', 'orders_before'), ('sales_overview', 'orders_change'));
  EXECUTE format('SELECT count(*) FROM ((SELECT %1$s FROM kept.%2$I x WHERE %3$s EXCEPT SELECT %1$s FROM analytics.%2$I x WHERE %3$s)
                         UNION ALL (SELECT %1$s FROM analytics.%2$I x WHERE %3$s EXCEPT SELECT %1$s FROM kept.%2$I x WHERE %3$s)) d', columns, report, condition) INTO found_rows;
  RETURN found_rows;
END
$$;
SELECT report_name, n FROM run_all, differences(report_name) n WHERE n <> 0 ORDER BY 1;
-- What is compared has rows.
SELECT report_name FROM run_all WHERE query_to_xml(format('SELECT FROM kept.%I LIMIT 1', report_name), false, false, '')::text NOT LIKE '%<row%' ORDER BY 1;
\c postgres
DROP DATABASE regression_bizmetrics_order WITH (FORCE);
DROP ROLE regress_packs;
