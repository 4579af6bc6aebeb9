-- run_pack(pack, from, to): makes the tables of a pack's reports from their queries, in the order in which
-- they depend on each other, over a window of whole buckets; and makes them anew when called again. Inside
-- one transaction with the events, where a report with a watermark does not run.
CREATE FUNCTION pg_temp.run_pack(pack text, window_start timestamptz, window_end timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  done text[] := '{}';
  report record;
BEGIN
  LOOP
    SELECT r.report_name, r.key, bizmetrics.render_pack_query(r.query) AS query INTO report
    FROM bizmetrics.pack_reports r
    WHERE r.pack = run_pack.pack AND r.report_name <> ALL (done) AND (r.after IS NULL OR r.after <@ done)
      AND (r.source IS NULL OR substring(r.source FROM '\.(.*)') = ANY (done))
    ORDER BY r.report_name LIMIT 1;
    EXIT WHEN NOT FOUND;
    EXECUTE format('DROP TABLE IF EXISTS analytics.%I', report.report_name);
    EXECUTE format('CREATE TABLE analytics.%I AS %s', report.report_name,
      regexp_replace(regexp_replace(report.query, '\$1\M', quote_literal(window_start) || '::timestamptz', 'g'),
                     '\$2\M', quote_literal(window_end) || '::timestamptz', 'g'));
    EXECUTE format('ALTER TABLE analytics.%I ADD PRIMARY KEY (%s)', report.report_name,
      (SELECT string_agg(quote_ident(k), ', ') FROM unnest(report.key) AS k));
    done := done || report.report_name;
  END LOOP;
  IF cardinality(done) <> (SELECT count(*) FROM bizmetrics.pack_reports r WHERE r.pack = run_pack.pack) THEN
    RAISE EXCEPTION 'reports of pack % wait for each other', pack;
  END IF;
END
$$;
-- rows_are(query, rows, description): the query's rows as text, in its order.
CREATE FUNCTION pg_temp.rows_are(query text, wanted text[], description text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  got text[];
BEGIN
  EXECUTE format('SELECT coalesce(array_agg(q::text), ''{}'') FROM (%s) AS q', query) INTO got;
  RETURN is(got, wanted, description);
END
$$;
