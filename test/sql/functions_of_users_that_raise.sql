-- A user's function in an index or constraint that raises undoes that event and no other, and the
-- session goes on.
BEGIN;
CREATE FUNCTION pg_temp.picky(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF $1 = 'bad' THEN RAISE 'not this'; END IF; RETURN $1; END $$;
SELECT bizmetrics.log_event('before', occurred_at => '1998-05-05') IS NOT NULL AS logged;
CREATE INDEX picky ON bizmetrics.business_events_1998_05 (pg_temp.picky(event_name));
CREATE FUNCTION pg_temp.try_all() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  FOR n IN 1 .. 6 LOOP
    BEGIN
      PERFORM bizmetrics.log_event(CASE WHEN n % 2 = 0 THEN 'bad' ELSE 'good' END, occurred_at => '1998-05-05', dedupe_key => 'raise ' || n / 2);
      RETURN NEXT n || ' logged';
    EXCEPTION WHEN raise_exception THEN
      RETURN NEXT n || ' ' || SQLERRM;
    END;
  END LOOP;
END
$$;
SELECT pg_temp.try_all();
SELECT event_name, dedupe_key FROM public.business_events WHERE occurred_at = '1998-05-05' ORDER BY 1, 2;
SELECT dedupe_key FROM bizmetrics.dedupe_keys WHERE dedupe_key LIKE 'raise %' ORDER BY 1;
DROP INDEX bizmetrics.picky;
ALTER TABLE public.business_events ADD CHECK (pg_temp.picky(event_name) <> 'ugly');
SELECT pg_temp.try_all();
SELECT event_name, dedupe_key FROM public.business_events WHERE occurred_at = '1998-05-05' ORDER BY 1, 2;
ROLLBACK;
