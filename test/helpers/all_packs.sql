-- In a new database: all packs, of the role regress_packs and in the time zone :zone, whose reports run by hand alone;
-- and run_all, which has a command for each, that gives a row where it did not succeed. What a report reads has a
-- lower level.
SET client_min_messages = error;
CREATE EXTENSION bizmetrics;
CREATE ROLE regress_packs LOGIN;
SELECT bizmetrics.grant_author('regress_packs');
-- The worker is to leave them alone.
BEGIN;
SELECT pack FROM bizmetrics.available_packs WHERE bizmetrics.install_pack(pack, owner => 'regress_packs', timezone => :'zone') = 0;
DELETE FROM bizmetrics.run_requests;
SELECT bizmetrics.pause_reports() > 0 AS paused;
COMMIT;
CREATE TABLE run_all AS
WITH RECURSIVE levels AS (
  SELECT r.report_name::text COLLATE "C" AS report_name, 0 AS level FROM bizmetrics.pack_reports r
  UNION
  SELECT r.report_name::text, l.level + 1
  FROM levels l
  JOIN bizmetrics.pack_reports r ON r.after @> ARRAY[l.report_name] OR r.source = 'analytics.' || l.report_name
)
SELECT report_name, max(level) AS level,
       format('SELECT %L AS report, state, sqlstate, message FROM bizmetrics.run_report(%1$L) WHERE state <> ''succeeded''', report_name) AS command
FROM levels GROUP BY 1;
GRANT SELECT ON run_all TO regress_packs;
