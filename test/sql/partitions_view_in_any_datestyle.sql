-- bizmetrics.partitions tells the same bounds in every DateStyle and TimeZone, also where a zone's
-- abbreviation means another zone.
BEGIN;
SELECT bizmetrics.log_event('p', occurred_at => '2011-01-05') IS NOT NULL AS logged;
CREATE FUNCTION pg_temp.bounds(zone text, style text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('timezone', zone, true), set_config('datestyle', style, true);
  RETURN (SELECT to_char(from_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' to ' || to_char(to_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM bizmetrics.partitions WHERE partition = 'bizmetrics.business_events_2011_01'::regclass);
END
$$;
SELECT zone, style, pg_temp.bounds(zone, style)
FROM unnest('{UTC,Asia/Kolkata,Asia/Shanghai,America/New_York}'::text[]) zone, unnest('{ISO,"SQL, DMY","Postgres, MDY",German}'::text[]) style ORDER BY 1, 2;
ROLLBACK;
