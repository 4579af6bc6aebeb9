-- Who is two of reader, writer and author and loses one keeps what the other gives.
SET client_min_messages = notice;
CREATE ROLE regress_both LOGIN;
CREATE FUNCTION pg_temp.rights() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(', ',
    CASE WHEN has_schema_privilege('regress_both', 'bizmetrics', 'USAGE') THEN 'bizmetrics' END,
    CASE WHEN has_schema_privilege('regress_both', 'analytics', 'USAGE') THEN 'analytics' END,
    CASE WHEN has_schema_privilege('regress_both', 'analytics', 'CREATE') THEN 'create in analytics' END,
    CASE WHEN has_function_privilege('regress_both', 'bizmetrics.run_report(text)', 'EXECUTE') THEN 'run_report' END,
    CASE WHEN has_any_column_privilege('regress_both', 'public.business_events', 'INSERT') THEN 'insert' END,
    CASE WHEN has_table_privilege('regress_both', 'public.business_events', 'SELECT') THEN 'select' END)
$$;
DO $$
DECLARE
  one text;
  other text;
BEGIN
  FOREACH one IN ARRAY '{reader,writer,author}'::text[] LOOP
    EXECUTE format('SELECT bizmetrics.grant_%s(''regress_both'')', one);
    RAISE NOTICE '%: %', one, pg_temp.rights();
    EXECUTE format('SELECT bizmetrics.revoke_%s(''regress_both'')', one);
    RAISE NOTICE 'none: %', pg_temp.rights();
  END LOOP;
  FOREACH one IN ARRAY '{reader,writer,author}'::text[] LOOP
    FOREACH other IN ARRAY '{reader,writer,author}'::text[] LOOP
      CONTINUE WHEN one = other;
      EXECUTE format('SELECT bizmetrics.grant_%s(''regress_both'')', one);
      EXECUTE format('SELECT bizmetrics.grant_%s(''regress_both'')', other);
      EXECUTE format('SELECT bizmetrics.revoke_%s(''regress_both'')', other);
      RAISE NOTICE '% after it was % too: %', one, other, pg_temp.rights();
      EXECUTE format('SELECT bizmetrics.revoke_%s(''regress_both'')', one);
    END LOOP;
  END LOOP;
END
$$;
SELECT pg_temp.rights();
DROP ROLE regress_both;
