-- Compares the events and the report tables of Online Retail with what is known of the data, to
-- the last digit. Run by the author:  psql -At -f check.sql
-- Prints a line that begins with "ok" for each fact, and stops at the first that differs.
\set ON_ERROR_STOP on
\pset footer off

CREATE FUNCTION pg_temp.same(fact text, got numeric, wanted numeric) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
  IF got IS DISTINCT FROM wanted THEN
    RAISE EXCEPTION '%: % instead of %', fact, got, wanted;
  END IF;
  RETURN format('ok - %s: %s', fact, trim_scale(got));
END
$$;

CREATE TEMP VIEW invoices AS
SELECT event_name, actor_user_id, entity_id,
       (properties->>'value')::numeric AS value,
       (properties->>'line_count')::bigint AS line_count,
       properties->'lines' AS lines
FROM business_events
WHERE entity_type = 'invoice';

-- The events
SELECT pg_temp.same('events: invoices', count(*), 25900) FROM invoices;
SELECT pg_temp.same('events: different invoices', count(DISTINCT entity_id), 25900) FROM invoices;
SELECT pg_temp.same('events: order_paid', count(*), 22061) FROM invoices WHERE event_name = 'order_paid';
SELECT pg_temp.same('events: order_cancelled', count(*), 3836) FROM invoices WHERE event_name = 'order_cancelled';
SELECT pg_temp.same('events: order_adjusted', count(*), 3) FROM invoices WHERE event_name = 'order_adjusted';
SELECT pg_temp.same('events: customers', count(DISTINCT actor_user_id), 4372) FROM invoices;
SELECT pg_temp.same('events: lines', sum(line_count), 541909) FROM invoices;
SELECT pg_temp.same('events: items of the arrays of lines', sum(jsonb_array_length(lines)), 541909) FROM invoices;
SELECT pg_temp.same('events: lines without a customer', sum(line_count), 135080) FROM invoices WHERE actor_user_id IS NULL;
SELECT pg_temp.same('events: lines of cancellations', sum(line_count), 9288) FROM invoices WHERE event_name = 'order_cancelled';
SELECT pg_temp.same('events: sum of the values', sum(value), 9747747.934) FROM invoices;
SELECT pg_temp.same('events: sum of quantity times unit price', sum(l.quantity * l.unit_price), 9747747.934)
FROM invoices, jsonb_to_recordset(lines) AS l (quantity numeric, unit_price numeric);

-- By day
SELECT pg_temp.same('by day: order_paid', sum(orders), 22061) FROM analytics.retail_by_day;
SELECT pg_temp.same('by day: order_cancelled', sum(cancellations), 3836) FROM analytics.retail_by_day;
SELECT pg_temp.same('by day: order_adjusted', sum(adjustments), 3) FROM analytics.retail_by_day;
SELECT pg_temp.same('by day: invoices', sum(orders + cancellations + adjustments), 25900) FROM analytics.retail_by_day;
SELECT pg_temp.same('by day: lines', sum(lines), 541909) FROM analytics.retail_by_day;
SELECT pg_temp.same('by day: lines of cancellations', sum(cancelled_lines), 9288) FROM analytics.retail_by_day;
SELECT pg_temp.same('by day: net', sum(net), 9747747.934) FROM analytics.retail_by_day;

-- By product
SELECT pg_temp.same('by product: lines', sum(lines), 541909) FROM analytics.retail_by_product;
SELECT pg_temp.same('by product: net', sum(net), 9747747.934) FROM analytics.retail_by_product;

-- By customer: what has none is in the events alone.
SELECT pg_temp.same('by customer: customers', count(*), 4372) FROM analytics.retail_by_customer;
SELECT pg_temp.same('by customer: lines, and those without', sum(lines) + 135080, 541909) FROM analytics.retail_by_customer;
SELECT pg_temp.same('by customer: invoices, and those without', sum(orders + cancellations)
         + (SELECT count(*) FROM invoices WHERE actor_user_id IS NULL), 25900) FROM analytics.retail_by_customer;
SELECT pg_temp.same('by customer: net, and that without', sum(net)
         + (SELECT sum(value) FROM invoices WHERE actor_user_id IS NULL), 9747747.934) FROM analytics.retail_by_customer;

-- By country
SELECT pg_temp.same('by country: order_paid', sum(orders), 22061) FROM analytics.retail_by_country;
SELECT pg_temp.same('by country: order_cancelled', sum(cancellations), 3836) FROM analytics.retail_by_country;
SELECT pg_temp.same('by country: order_adjusted', sum(adjustments), 3) FROM analytics.retail_by_country;
SELECT pg_temp.same('by country: lines', sum(lines), 541909) FROM analytics.retail_by_country;
SELECT pg_temp.same('by country: net', sum(net), 9747747.934) FROM analytics.retail_by_country;
