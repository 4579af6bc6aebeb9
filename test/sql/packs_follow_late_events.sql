-- However late events come, the tables of the packs are what their queries give over all events: after a history,
-- after more of it that lies before what was read, and after nothing.
CREATE DATABASE regression_bizmetrics_packs;
\c regression_bizmetrics_packs
\set zone America/New_York
\i test/helpers/all_packs.sql
SELECT bizmetrics.generate_sample(days => 30) > 1000 AS generated;
SELECT bizmetrics.generate_sample(days => 30) > 1000 AS again, count(*) = count(DISTINCT dedupe_key) AS each_once FROM business_events;
-- How many rows differ, of a report that goes by windows. What depends on when the query runs is left out: the
-- current month of the turnover, minutes that are about to be forgotten, and today, which may just have begun.
CREATE FUNCTION differences(report text) RETURNS bigint LANGUAGE plpgsql SET timezone = 'America/New_York' AS $$
DECLARE
  query text;
  condition text := CASE report WHEN 'inventory_turnover' THEN 'x.month < date_trunc(''month'', now())' WHEN 'events_minute' THEN 'x.bucket > now() - interval ''6 days''' WHEN 'active_users' THEN 'x.day < current_date' ELSE 'true' END;
  columns text;
  found_rows bigint;
BEGIN
  SELECT regexp_replace(regexp_replace(bizmetrics.render_pack_query(r.query), '\$1\M', '(date_trunc(''month'', now()) - interval ''3 months'')', 'g'), '\$2\M', '(date_trunc(''month'', now()) + interval ''1 month'')', 'g')
  INTO query FROM bizmetrics.pack_reports r WHERE r.report_name = report AND r.bucket IS NOT NULL;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute WHERE attrelid = format('analytics.%I', report)::regclass AND attnum > 0 AND NOT attisdropped;
  EXECUTE format('WITH stands AS MATERIALIZED (SELECT %1$s FROM analytics.%2$I x WHERE %4$s), given AS MATERIALIZED (SELECT %1$s FROM (%3$s) x WHERE %4$s)
    SELECT count(*) FROM ((TABLE stands EXCEPT TABLE given) UNION ALL (TABLE given EXCEPT TABLE stands)) d', columns, report, query, condition) INTO found_rows;
  RETURN found_rows;
END
$$;
\c - regress_packs
\pset format unaligned
\pset tuples_only on
\set ECHO none
SET client_min_messages = error;
SELECT command FROM run_all ORDER BY level, report_name \gexec
\set ECHO all
\c - postgres
SELECT report_name, n FROM run_all, differences(report_name) n WHERE n <> 0 ORDER BY 1;
-- All have rows but for what had no time to become any.
DO $$
DECLARE
  report text;
  has_rows boolean;
BEGIN
  FOR report IN SELECT report_name FROM run_all LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM analytics.%I)', report) INTO has_rows;
    IF NOT has_rows THEN
      RAISE EXCEPTION 'analytics.% is empty', report;
    END IF;
  END LOOP;
END
$$;
-- The same events once more, each some days before: of entities, actors and companies that are known.
WITH late AS (
  INSERT INTO business_events (event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties)
  SELECT event_name, occurred_at - (1 + abs(hashtext(dedupe_key)) % 20) * interval '1 day', actor_user_id, company_id, entity_type, entity_id, properties
  FROM business_events WHERE hashtext(dedupe_key) % 7 = 0 AND occurred_at < now() - interval '1 day' AND occurred_at > now() - interval '15 days'
  RETURNING 1)
SELECT count(*) > 100 AS logged FROM late;
\c - regress_packs
\set ECHO none
SET client_min_messages = error;
SELECT command FROM run_all ORDER BY level, report_name \gexec
\set ECHO all
\c - postgres
SELECT report_name, n FROM run_all, differences(report_name) n WHERE n <> 0 ORDER BY 1;
-- Nothing is new.
\c - regress_packs
\set ECHO none
SET client_min_messages = error;
SELECT command FROM run_all ORDER BY level, report_name \gexec
\set ECHO all
\c - postgres
SELECT report_name, n FROM run_all, differences(report_name) n WHERE n <> 0 ORDER BY 1;
\c postgres
DROP DATABASE regression_bizmetrics_packs WITH (FORCE);
DROP ROLE regress_packs;
