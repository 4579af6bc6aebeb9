-- A batch tells the BRIN index of the extremes of each range of pages alone: every event of it is found by the index, in
-- ranges that were summarized before as in those that were not.
SET timezone = 'UTC';
SELECT bizmetrics.ensure_partitions('2026-03-01', '2026-04-01') >= 0;
SELECT setseed(0.25);
\set summarize 'SELECT brin_summarize_new_values(indexrelid) > 0 AS summarized FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam WHERE indrelid = ''bizmetrics.business_events_2026_03''::regclass AND amname = ''brin'''
CREATE TEMP TABLE logged (round integer, id uuid, occurred_at timestamptz);
-- In any order, from the middle outwards, one that is alone; with pages of their own for some.
CREATE FUNCTION pg_temp.batch(round integer, size integer, occurred_at text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	events jsonb;
BEGIN
	EXECUTE format('SELECT jsonb_agg(jsonb_build_object(''event_name'', ''summed'', ''occurred_at'', %s, ''properties'', jsonb_build_object(''pad'', repeat(''x'', (n %% 90) * 10))) ORDER BY n) FROM generate_series(1, %s) n', occurred_at, size) INTO events;
	WITH l AS (SELECT * FROM unnest(bizmetrics.log_events(events)) WITH ORDINALITY AS u (id, n))
	INSERT INTO logged SELECT round, l.id, (events -> (l.n::integer - 1) ->> 'occurred_at')::timestamptz FROM l;
	RETURN (SELECT count(*) FROM logged WHERE logged.round = batch.round);
END
$$;
SELECT pg_temp.batch(1, 700, $$'2026-03-10'::timestamptz + n * interval '1 minute'$$);
:summarize;
SELECT pg_temp.batch(2, 1500, $$'2026-03-01'::timestamptz + random() * interval '30 days'$$);
SELECT pg_temp.batch(3, 1, $$'2026-03-31 23:59:59.999999'::timestamptz$$);
:summarize;
SELECT pg_temp.batch(4, 500, $$'2026-03-15'::timestamptz + (n % 2 * 2 - 1) * n * interval '40 minutes'$$);
SELECT pg_temp.batch(5, 2, $$'2026-03-01'::timestamptz + (n - 1) * interval '1 microsecond'$$);
SELECT pg_temp.batch(6, 3, $$'2026-03-20'::timestamptz - abs(n - 2) * interval '1 day'$$);
SET enable_seqscan = off;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY EXECUTE ''EXPLAIN (COSTS OFF) '' || query; END';
SELECT count(*) FROM pg_temp.plan_of('SELECT id FROM bizmetrics.business_events_2026_03 WHERE occurred_at = ''2026-03-20''') line WHERE line ~ 'Bitmap Index Scan on .*xact_id_occurred_at_idx';
SELECT count(*) FROM pg_temp.plan_of('SELECT id FROM bizmetrics.business_events_2026_03 WHERE xact_id = 5') line WHERE line ~ 'Bitmap Index Scan on .*xact_id_occurred_at_idx';
DO $$
DECLARE
	l record;
	found_too boolean;
	missing integer := 0;
BEGIN
	FOR l IN SELECT * FROM logged LOOP
		EXECUTE format('SELECT bool_or(id = %L) FROM (SELECT id FROM bizmetrics.business_events_2026_03 WHERE occurred_at = %L OFFSET 0) e', l.id, l.occurred_at) INTO found_too;
		missing := missing + (found_too IS NOT TRUE)::integer;
	END LOOP;
	RAISE WARNING '% not found by their time', missing;
	SELECT count(*) INTO missing FROM (SELECT DISTINCT xact_id FROM bizmetrics.business_events_2026_03) x
	WHERE (SELECT count(*) FROM bizmetrics.business_events_2026_03 e WHERE e.xact_id = x.xact_id)
	      <> (SELECT sum((e.xact_id + 0 = x.xact_id)::integer) FROM bizmetrics.business_events_2026_03 e);
	RAISE WARNING '% transactions not found whole', missing;
END
$$;
