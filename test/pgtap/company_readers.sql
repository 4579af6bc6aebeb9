-- Tables of packs say whose their rows are, and a reader of one company sees no row of another, in tables and whatever the packs' functions tell.
BEGIN;
SELECT no_plan();
SELECT set_eq($$SELECT report_name FROM bizmetrics.pack_reports WHERE NOT columns ? 'company_id'$$, ARRAY['events_minute', 'events_hour', 'events_daily'],
  'every table has a column company_id but those that count the events of all companies together');
SELECT ok(columns ? 'company_id', 'and company_events_daily has these by company') FROM bizmetrics.pack_reports WHERE report_name = 'company_events_daily';
CREATE ROLE pgtap_owner LOGIN;
CREATE ROLE pgtap_north;
CREATE ROLE pgtap_reader;
SELECT bizmetrics.grant_author('pgtap_owner'), bizmetrics.grant_reader('pgtap_reader');
SELECT bizmetrics.install_pack(pack, owner => 'pgtap_owner', timezone => 'UTC') FROM bizmetrics.available_packs;
-- Tables are what matters here: two companies in each, under the owner's rights, as a run would write them.
CREATE FUNCTION pg_temp.fill(tab regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  names text;
  fields text;
BEGIN
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum),
         string_agg(CASE WHEN attname = 'company_id' THEN 'c' WHEN atttypid = 'uuid'::regtype THEN 'gen_random_uuid()' ELSE CASE typcategory WHEN 'N' THEN '1' WHEN 'D' THEN format('%L', now()::timestamp(0)) WHEN 'B' THEN 'true' WHEN 'T' THEN $i$'1 day'$i$ WHEN 'A' THEN $i$'{}'$i$ WHEN 'U' THEN $i$'{}'$i$ ELSE $i$'x'$i$ END
                         || '::' || format_type(atttypid, atttypmod) END, ', ' ORDER BY attnum)
  INTO names, fields FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE attrelid = tab AND attnum > 0 AND NOT attisdropped;
  EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM unnest(ARRAY[''north'', ''south'', '''']) AS c ON CONFLICT DO NOTHING', tab, names, fields);
END $$;
SELECT pg_temp.fill(('analytics.' || quote_ident(report_name))::regclass) FROM bizmetrics.pack_reports WHERE columns ? 'company_id';
SELECT lives_ok($$SELECT bizmetrics.grant_company_reader('pgtap_north', 'north')$$, 'granted');
SELECT set_eq($$SELECT relname::text FROM pg_class WHERE relnamespace = 'analytics'::regnamespace AND relkind = 'r' AND NOT relrowsecurity AND has_table_privilege('pgtap_north', oid, 'SELECT')$$, '{}'::text[], 'no table is readable without row security');
SELECT set_eq($$SELECT report_name FROM bizmetrics.pack_reports WHERE has_table_privilege('pgtap_north', 'analytics.' || quote_ident(report_name), 'SELECT')$$,
  $$SELECT report_name FROM bizmetrics.pack_reports WHERE columns ? 'company_id'$$, 'tables that say whose their rows are, and no others');
CREATE FUNCTION pg_temp.companies(report text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  found text[];
BEGIN
  EXECUTE format('SELECT array_agg(DISTINCT company_id ORDER BY company_id) FROM analytics.%I', report) INTO found;
  RETURN found;
END $$;
CREATE TEMP TABLE reports AS SELECT report_name FROM bizmetrics.pack_reports WHERE columns ? 'company_id';
GRANT SELECT ON reports TO PUBLIC;
SET ROLE pgtap_reader;
SELECT is_empty($$SELECT report_name, pg_temp.companies(report_name) FROM reports WHERE pg_temp.companies(report_name) IS DISTINCT FROM '{"",north,south}'$$, 'a reader sees all');
SET ROLE pgtap_north;
SELECT is_empty($$SELECT report_name, pg_temp.companies(report_name) FROM reports WHERE pg_temp.companies(report_name) IS DISTINCT FROM '{north}'$$, 'a company reader its own, in each of them');
SELECT is_empty($$SELECT report_name, line FROM reports, bizmetrics.export_report(report_name, 'jsonl') AS line WHERE line::jsonb ->> 'company_id' <> 'north'$$, 'and in each export');
SELECT is((SELECT count(*) FROM reports, bizmetrics.export_report(report_name, 'jsonl')), (SELECT count(*) FROM reports), 'which has it');
SELECT is_empty($$SELECT report_name, q FROM reports, bizmetrics.query_metric(jsonb_build_object('source', report_name, 'measures', '["count"]'::jsonb, 'dimensions', '["company_id"]'::jsonb)) AS q WHERE q <> '{"count": 1, "company_id": "north"}'$$, 'and by query_metric()');
SELECT set_eq($$SELECT company_id FROM bizmetrics.report_sales(current_date - 1, current_date + 1, 'daily')$$, ARRAY['north'], 'report_sales()');
SELECT set_eq($$SELECT company_id FROM bizmetrics.report_products(current_date - 1, current_date + 1)$$, ARRAY['north'], 'report_products()');
SELECT set_eq($$SELECT company_id FROM bizmetrics.report_customers(current_date - 1, current_date + 1)$$, ARRAY['north'], 'report_customers()');
SELECT set_eq($$SELECT DISTINCT company_id FROM analytics.sales_overview$$, ARRAY['north'], 'sales_overview');
SELECT throws_ok('SELECT count(*) FROM analytics.events_daily', '42501', NULL, 'what counts all companies together is not for it');
SELECT throws_ok('SELECT count(*) FROM public.business_events', '42501', NULL, 'nor are events');
RESET ROLE;
SELECT lives_ok($$SELECT bizmetrics.revoke_company_reader('pgtap_north')$$, 'revoked');
SELECT is_empty($$SELECT oid::regclass FROM pg_class WHERE relnamespace = 'analytics'::regnamespace AND relkind = 'r' AND relrowsecurity$$, 'and tables are as they were');
SELECT * FROM finish();
ROLLBACK;
