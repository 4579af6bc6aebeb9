-- What holds for every table of every pack, asked of the tables themselves: over a sample of all packs, with events
-- of two companies, two currencies, and one that names neither.
\i test/helpers/packs.sql
BEGIN;
SET LOCAL client_min_messages = warning;
-- Days that are not those of UTC.
SET LOCAL TimeZone = 'America/New_York';
SELECT no_plan();
CREATE ROLE pgtap_analyst LOGIN;
SELECT bizmetrics.grant_author('pgtap_analyst');
SELECT cmp_ok(bizmetrics.generate_sample(days => 100), '>', 10000::bigint, 'a sample');
SELECT bizmetrics.log_event('order_paid', '{"value": 10}', occurred_at => now() - interval '5 days', actor_user_id => 'nobody''s', entity_type => 'order', entity_id => 'alone'),
       bizmetrics.log_event('order_refunded', '{"amount": 3, "currency": "CHF"}', occurred_at => now() - interval '5 days'),
       bizmetrics.log_event('order_failed', '{"currency": "CHF"}', occurred_at => now() - interval '6 days', company_id => 'north', entity_type => 'order', entity_id => 'failed'),
       bizmetrics.log_event('marketing_spent', '{"amount": 3, "currency": "CHF", "channel": "fair"}', occurred_at => now() - interval '5 days', company_id => 'north');
SELECT is_empty($$SELECT a.pack FROM bizmetrics.available_packs a WHERE bizmetrics.install_pack(a.pack, owner => 'pgtap_analyst', timezone => 'America/New_York') = 0$$, 'all packs are installed');
-- What the reports were registered as; their tables are filled by hand, for a watermark does not run where events were logged.
CREATE TEMP TABLE registered AS
SELECT p.pack, p.report_name::text AS report_name, p.query AS written, p.key, p.columns, p.bucket AS has_bucket, r.query, r.strategy, r.timezone, p.after, p.source
FROM bizmetrics.pack_reports p JOIN bizmetrics.reports r USING (report_name);
SELECT is((SELECT count(*) FROM registered), (SELECT count(*) FROM bizmetrics.pack_reports), 'every report is registered');
SELECT lives_ok(format('SELECT pg_temp.run_pack(%L, %L, %L)', a.pack, date_trunc('month', now()) - interval '4 months', date_trunc('month', now()) + interval '1 month'), 'computed: ' || a.pack) FROM bizmetrics.available_packs a;
CREATE TEMP VIEW columns AS
SELECT r.report_name, a.attname::text AS name, a.atttypid::regtype AS type, c.value ->> 'unit' AS unit, c.value ->> 'meaning' AS meaning, a.attname = ANY (r.key) AS in_key
FROM registered r
JOIN pg_attribute a ON a.attrelid = format('analytics.%I', r.report_name)::regclass AND a.attnum > 0 AND NOT a.attisdropped
JOIN jsonb_each(r.columns) AS c ON c.key = a.attname;
SELECT cmp_ok((SELECT count(*) FROM columns), '>', 500::bigint, 'columns');
-- found(query for a column's table, with %1$I its table and %2$I the column): the columns of which it gives true.
CREATE FUNCTION pg_temp.found(report text, name text, condition text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  result boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM analytics.%1$I t WHERE ' || condition || ')', report, name) INTO result;
  RETURN result;
END
$$;

SELECT is_empty($$SELECT report_name FROM registered WHERE NOT pg_temp.found(report_name, '', 'true')$$, 'no table is empty');

-- Money
SELECT is_empty($$SELECT report_name, name, type FROM columns WHERE unit ~ '^currency' AND type <> 'numeric'::regtype$$, 'money is numeric');
SELECT is_empty($$SELECT report_name, name, unit FROM columns WHERE type IN ('double precision'::regtype, 'real'::regtype, 'money'::regtype) AND unit IS DISTINCT FROM 'seconds' AND unit IS DISTINCT FROM 'days'$$, 'only times are floating-point numbers');
SELECT is_empty($$SELECT m.report_name, m.name FROM columns m WHERE m.unit ~ '^currency' AND NOT EXISTS (SELECT FROM columns c WHERE c.report_name = m.report_name AND c.name = 'currency' AND c.type = 'text'::regtype)$$, 'a currency stands beside it');
SELECT set_eq($$SELECT DISTINCT m.report_name FROM columns m JOIN columns c ON c.report_name = m.report_name AND c.name = 'currency' AND NOT c.in_key WHERE m.unit ~ '^currency'$$,
  '{events_minute,events_hour,events_daily,inventory_snapshots,inventory_levels,inventory_health,inventory_turnover,subscription_log}'::text[], 'in the key, but where a row has one currency or none');
SELECT is_empty($$SELECT m.report_name, m.name FROM columns m JOIN columns c ON c.report_name = m.report_name AND c.name = 'currency' AND NOT c.in_key WHERE m.unit ~ '^currency' AND pg_temp.found(m.report_name, m.name, 't.%2$I IS NOT NULL AND t.currency IS NULL')$$, 'and those say no amount without it');
SELECT is_empty($$SELECT report_name FROM columns WHERE name = 'currency' AND pg_temp.found(report_name, name, 't.%2$I <> upper(t.%2$I)')$$, 'currencies are in capitals');
SELECT cmp_ok((SELECT count(*) FROM columns WHERE name = 'currency' AND pg_temp.found(report_name, name, 't.%2$I = ''CHF''')), '>', 3::bigint, 'one that only few events have is there too');

-- Companies
SELECT set_eq($$SELECT r.report_name FROM registered r WHERE NOT 'company_id' = ANY (r.key)$$, '{events_minute,events_hour,events_daily,subscription_log}'::text[], 'the company is part of the key; not of what counts companies, or has a row for each event');
SELECT is_empty($$SELECT report_name, type FROM columns WHERE name = 'company_id' AND (type <> 'text'::regtype OR pg_temp.found(report_name, name, 't.%2$I IS NULL'))$$, 'a text, and never NULL');
SELECT is_empty($$SELECT c.report_name FROM columns c JOIN registered r USING (report_name) WHERE c.name = 'company_id' AND r.pack IN ('commerce', 'support') AND r.report_name NOT LIKE 'inventory%'
  AND NOT (pg_temp.found(c.report_name, c.name, 't.%2$I = ''north''') AND pg_temp.found(c.report_name, c.name, 't.%2$I = ''south'''))$$, 'tables of shops have rows of both of them');
SELECT is_empty($$SELECT report_name FROM registered WHERE pack = 'commerce' AND query ~ 'business_events' AND query !~ 'company_id'$$, 'no query forgets it');

-- Ratios
SELECT is_empty($$SELECT report_name, name FROM columns WHERE unit = 'ratio from 0 to 1' AND pg_temp.found(report_name, name, 't.%2$I NOT BETWEEN 0 AND 1')$$, 'parts are from 0 to 1');
SELECT cmp_ok((SELECT count(*) FROM columns WHERE unit = 'ratio from 0 to 1' AND pg_temp.found(report_name, name, 't.%2$I > 0 AND t.%2$I < 1')), '>', 12::bigint, 'and in between');
SELECT is_empty($$SELECT report_name, name FROM columns WHERE name ~ 'percent|pct' OR unit ~ 'percent|%'$$, 'nothing is in per cent');
-- What its meaning says, a / b of two columns beside it: the quotient, and NULL where nothing would be divided by.
CREATE TEMP TABLE quotients AS
SELECT c.report_name, c.name, m.found[1] AS dividend, m.found[2] AS divisor, c.meaning ~ 'NULL where' AS says_more
FROM columns c
CROSS JOIN LATERAL (SELECT regexp_match(c.meaning, '^(?:[^:]*: )?(\w+) / (\w+)[.;,]') AS found) AS m
WHERE EXISTS (SELECT FROM columns o WHERE o.report_name = c.report_name AND o.name = m.found[1])
  AND EXISTS (SELECT FROM columns o WHERE o.report_name = c.report_name AND o.name = m.found[2]);
SELECT cmp_ok((SELECT count(*) FROM quotients), '>', 25::bigint, 'columns that are quotients of two others');
SELECT is_empty($$SELECT report_name, name FROM quotients WHERE NOT says_more AND pg_temp.found(report_name, name, format('(t.%%2$I IS NULL) <> (coalesce(t.%1$I, 0) = 0 OR t.%2$I IS NULL)', divisor, dividend))$$, 'are NULL where nothing would be divided by, and only there');
SELECT is_empty($$SELECT report_name, name FROM quotients WHERE pg_temp.found(report_name, name, format('abs(t.%%2$I - t.%2$I / nullif(t.%1$I, 0)::numeric) > power(10::numeric, -scale(t.%%2$I)) + abs(t.%%2$I) / 1000', divisor, dividend))$$, 'and those quotients');
SELECT cmp_ok((SELECT count(*) FROM quotients WHERE pg_temp.found(report_name, name, format('t.%1$I = 0 AND t.%%2$I IS NULL', divisor))), '>', 5::bigint, 'some of them have nothing to divide by');

-- Days
SELECT is_empty($$SELECT report_name, name, type FROM columns WHERE in_key AND name ~ '(^|_)(day|week|month)$' AND type <> 'date'::regtype$$, 'days, weeks and months are dates');
SELECT is_empty($$SELECT report_name, name FROM columns WHERE in_key AND name ~ '(^|_)week$' AND pg_temp.found(report_name, name, 'extract(isodow FROM t.%2$I) <> 1')$$, 'weeks begin on Monday');
SELECT is_empty($$SELECT report_name, name FROM columns WHERE in_key AND name ~ '(^|_)month$' AND pg_temp.found(report_name, name, 'extract(day FROM t.%2$I) <> 1')$$, 'months on their first day');
SELECT is_empty($$SELECT report_name, timezone FROM registered WHERE timezone <> 'America/New_York'$$, 'all are in the zone of the pack');
SELECT is_empty($$SELECT report_name FROM registered WHERE query ~* 'at time zone|timezone\(|''(UTC|GMT)'''$$, 'and no query has one of its own');
SELECT is_empty($$SELECT report_name, name FROM columns WHERE type = 'timestamp without time zone'::regtype$$, 'a time is an instant');
SELECT results_eq($$SELECT sum(successful_orders)::bigint FROM analytics.daily_kpis WHERE day = current_date - 20$$,
  $$SELECT count(DISTINCT coalesce(company_id, '') || ':' || entity_id) FROM public.business_events WHERE event_name = 'order_paid' AND occurred_at >= (current_date - 20)::timestamptz AND occurred_at < (current_date - 19)::timestamptz$$, 'a day is one of New York');

-- Increments
SELECT is_empty($$SELECT report_name, strategy FROM registered WHERE strategy NOT IN ('delta', 'merge', 'replace_window', 'append', 'full')$$, 'no report writes its table by itself');
SELECT is_empty($$SELECT report_name FROM registered WHERE has_bucket IS NULL AND strategy <> 'full' AND report_name <> 'health_daily'$$, 'what has no windows is brought up to date as a whole, but for a row a day');
SELECT set_eq($$SELECT report_name FROM registered WHERE strategy = 'full' AND query ~ 'business_events'$$, '{feature_adoption,customer_health,sales_overview}'::text[], 'which are small tables over tables of other reports, and three over what happened lately');
SELECT is_empty($$SELECT report_name FROM registered WHERE strategy <> 'full' AND query ~ 'business_events' AND query !~ '\$[13]'$$, 'what reads events reads those of a window, or of who changed');
SELECT is_empty($$SELECT report_name FROM registered WHERE strategy = 'full' AND query !~ 'business_events' AND after IS NULL AND source IS NULL$$, 'and follow what they read');
SELECT * FROM finish();
ROLLBACK;
