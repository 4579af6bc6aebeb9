-- Dumped as configuration. Not dumped: state, runs, requests and dedupe keys.
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.event_types', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.reports', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.report_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.grants', '');

-- Nothing is granted to PUBLIC.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bizmetrics FROM PUBLIC;
REVOKE ALL ON TYPE bizmetrics.identifier FROM PUBLIC;

-- Every object belongs to the extension's owner, who may be no superuser, but the registry and
-- what guards it: see 20_reports.sql.
DO $$
DECLARE
  member record;
BEGIN
  FOR member IN
    SELECT i.type, i.identity
    FROM pg_depend d,
         LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS i
    WHERE d.refclassid = 'pg_extension'::regclass
      AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'bizmetrics')
      AND d.deptype = 'e'
      AND i.type IN ('schema', 'table', 'view', 'sequence', 'function', 'type')
      AND i.identity NOT IN ('bizmetrics.reports', 'bizmetrics.guard_report()')
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO @extowner@', member.type, member.identity);
  END LOOP;
END
$$;
GRANT SELECT, INSERT ON bizmetrics.reports TO @extowner@;
