-- What a run writes into the BRIN index, for which it reads the pages itself, is what brin_summarize_range() writes.
CREATE EXTENSION pageinspect;
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
SELECT bizmetrics.ensure_partitions('2024-05-01', '2024-08-01') >= 0;
SET timezone = 'UTC';
CREATE VIEW indexes AS
SELECT i.indexrelid::regclass AS index, i.indrelid::regclass AS partition
FROM pg_inherits h JOIN pg_index i ON i.indrelid = h.inhrelid JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
WHERE h.inhparent = 'public.business_events'::regclass AND a.amname = 'brin' AND i.indrelid::regclass::text ~ '2024_0[567]';
-- Each range with its summary.
CREATE FUNCTION summaries() RETURNS TABLE (partition text, range bigint, column_number integer, summary text, is_placeholder boolean) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE (SELECT string_agg(format('SELECT %L, b.blknum::bigint, b.attnum::integer, b.value, b.placeholder FROM generate_series(2, pg_relation_size(%L) / 8192 - 1) AS page, get_raw_page(%2$L, page::integer) AS raw, brin_page_items(raw, %2$L) AS b WHERE brin_page_type(raw) = ''regular'' AND b.blknum IS NOT NULL', i.partition, i.index), ' UNION ALL ') FROM indexes i);
END
$$;
-- Rows of all lengths, with and without NULLs before the columns that count.
INSERT INTO public.business_events (event_name, occurred_at, actor_user_id, company_id, request_id, properties)
SELECT repeat('x', 1 + n % 90), timestamptz '2024-07-15' - n * interval '5 minutes', CASE WHEN n % 3 = 0 THEN n END, CASE WHEN n % 5 = 0 THEN 'c' END, CASE WHEN n % 7 = 0 THEN 'r' END, jsonb_build_object('n', repeat('y', n % 2000)) FROM generate_series(1, 20000) AS n;
INSERT INTO public.business_events (event_name, occurred_at) SELECT 'kept', '2024-06-20' FROM generate_series(1, 100);
\c - regress_author
SELECT bizmetrics.create_report('counted', query => $$SELECT occurred_at::date AS day, count(*) AS n FROM public.business_events GROUP BY 1$$, schedule => '0 0 29 2 *', key => '{day}', bucket => '1 day');
SELECT state FROM bizmetrics.run_report('counted');
SELECT state FROM bizmetrics.run_report('counted');
\c - postgres
SET timezone = 'UTC';
CREATE TEMP TABLE ours AS SELECT * FROM summaries();
SELECT count(*) > 20 AS are_many, count(DISTINCT partition) AS partitions, bool_or(is_placeholder) AS is_placeholder FROM ours;
SELECT count(*) > 20 AS are_many, bool_and(brin_desummarize_range(index, range) IS NOT NULL) AS are_gone FROM ours JOIN indexes i ON i.partition::text = ours.partition WHERE column_number = 1;
SELECT count(*) FROM summaries();
SELECT count(*) > 20 AS are_many, count(brin_summarize_range(index, range)) > 20 AS are_back FROM ours JOIN indexes i ON i.partition::text = ours.partition WHERE column_number = 1;
(TABLE ours EXCEPT SELECT * FROM summaries()) UNION ALL (SELECT * FROM summaries() EXCEPT TABLE ours);
\c - regress_author
SELECT bizmetrics.drop_report('counted');
\c - postgres
DROP FUNCTION summaries();
DROP VIEW indexes;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author;
DROP EXTENSION pageinspect;
