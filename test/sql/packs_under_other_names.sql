-- An event of a pack that the team calls otherwise from now on: what the tables say of events of the old name goes,
-- also where rows are kept by customer, order or ticket and no window tells of them, and from the tables that are
-- computed from such tables.
CREATE DATABASE regression_bizmetrics_names;
\c regression_bizmetrics_names
\set zone UTC
\i test/helpers/all_packs.sql
SELECT count(bizmetrics.log_event(e.name, '{"value": 5, "amount": 5, "campaign": "spring", "on_hand": 3, "priority": "high", "feature": "x"}', actor_user_id => 'u' || n, entity_type => CASE WHEN e.name LIKE 'ticket%' THEN 'ticket' ELSE 'order' END, entity_id => 'e' || n, occurred_at => now() - interval '40 days' + n * interval '3 days'))
FROM generate_series(1, 5) AS n, (VALUES ('ticket_created'), ('ticket_replied'), ('order_paid'), ('order_shipped'), ('customer_created'), ('stock_changed'), ('email_sent'), ('user_signed_up'), ('subscription_started'), ('user_logged_in')) AS e (name);
\c - regress_packs
\pset format unaligned
\pset tuples_only on
\set ECHO none
SET client_min_messages = error;
SELECT command FROM run_all ORDER BY level, report_name \gexec
\set ECHO all
\c - postgres
-- Tables of what they read, but for core, which reads whatever there is
CREATE FUNCTION filled() RETURNS TABLE (report text, n bigint) LANGUAGE plpgsql AS $$
BEGIN
  FOR report IN SELECT r.report_name FROM bizmetrics.pack_reports r WHERE r.pack <> 'core' ORDER BY r.report_name LOOP
    EXECUTE format('SELECT count(*) FROM analytics.%I', report) INTO n;
    IF n > 0 THEN
      RETURN NEXT;
    END IF;
  END LOOP;
END
$$;
SELECT string_agg(report, ' ') FROM filled();
BEGIN;
SELECT count(bizmetrics.map_event(e.name, 'our ' || e.name)) FROM (SELECT DISTINCT p.event_name AS name FROM bizmetrics.pack_events p) AS e WHERE e.name <> 'feature_used';
DELETE FROM bizmetrics.run_requests;
COMMIT;
\c - regress_packs
\set ECHO none
SET client_min_messages = error;
SELECT command FROM run_all ORDER BY level, report_name \gexec
\set ECHO all
\c - postgres
-- None but what was counted of a day as it was known on it.
SELECT * FROM filled();
-- And back: what was there is there again.
BEGIN;
SELECT count(bizmetrics.map_event(e.name, NULL)) FROM (SELECT DISTINCT p.event_name AS name FROM bizmetrics.pack_events p) AS e WHERE e.name <> 'feature_used';
DELETE FROM bizmetrics.run_requests;
COMMIT;
\c - regress_packs
\set ECHO none
SET client_min_messages = error;
SELECT command FROM run_all ORDER BY level, report_name \gexec
\set ECHO all
\c - postgres
SELECT string_agg(report, ' ') FROM filled();
\c postgres
DROP DATABASE regression_bizmetrics_names WITH (FORCE);
DROP ROLE regress_packs;
