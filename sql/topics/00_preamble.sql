-- The install script is built from sql/topics in order: edit there.
\echo Use "CREATE EXTENSION bizmetrics" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;
SET LOCAL check_function_bodies TO off;

-- Users of the Laravel package have a table of this name. Say what to do before anything is made.
DO $$
BEGIN
  IF to_regclass('public.business_events') IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table',
      MESSAGE = 'table "public.business_events" exists already',
      DETAIL = 'The extension makes its own table of that name.',
      HINT = 'Run ALTER TABLE public.business_events RENAME TO business_events_before; '
             'and CREATE EXTENSION again.';
  END IF;
END
$$;

CREATE SCHEMA bizmetrics;
COMMENT ON SCHEMA bizmetrics IS
'bizmetrics: functions to log events and to register reports, their state, and the partitions of public.business_events.';

-- analytics is no member of the extension: pg_dump dumps it before CREATE EXTENSION, and DROP
-- EXTENSION leaves it and the report tables in it alone.
DO $$
BEGIN
  IF to_regnamespace('analytics') IS NULL THEN
    CREATE SCHEMA analytics;
    COMMENT ON SCHEMA analytics IS 'Results of bizmetrics reports: ordinary tables, made to be read.';
    ALTER EXTENSION bizmetrics DROP SCHEMA analytics;
    ALTER SCHEMA analytics OWNER TO @extowner@;
  END IF;
END
$$;
