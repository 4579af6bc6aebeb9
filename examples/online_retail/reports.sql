-- Four reports on the invoices. Run by an author, who owns them and their tables:
--
--   psql -1 -f reports.sql
--
-- They write their tables themselves: without a bucket their queries have no $1 and $2, compute everything
-- anew from all events, and upsert the result. That does for data to which nothing is added. Where events
-- keep coming, let a SELECT with a key and a bucket follow them, as in examples/shop.
\set ON_ERROR_STOP on
\if :{?schedule}
\else
    \set schedule '@hourly'
\endif

SELECT bizmetrics.create_report(
  name     => 'retail_by_day',
  target   => 'analytics.retail_by_day',
  schedule => :'schedule',
  timezone => 'Europe/London',
  ddl      => $ddl$
    CREATE TABLE IF NOT EXISTS analytics.retail_by_day (
      day date PRIMARY KEY,
      orders bigint NOT NULL,
      cancellations bigint NOT NULL,
      adjustments bigint NOT NULL,
      customers bigint NOT NULL,
      lines bigint NOT NULL,
      cancelled_lines bigint NOT NULL,
      gross numeric NOT NULL,
      net numeric NOT NULL
    );
    COMMENT ON TABLE analytics.retail_by_day IS 'Invoices by day (London).';
    COMMENT ON COLUMN analytics.retail_by_day.customers IS 'Different known customers with an invoice of any kind.';
    COMMENT ON COLUMN analytics.retail_by_day.gross IS 'Sum of the orders, in GBP.';
    COMMENT ON COLUMN analytics.retail_by_day.net IS 'Sum of orders, cancellations and adjustments, in GBP.';
  $ddl$,
  query    => $query$
    INSERT INTO analytics.retail_by_day AS t
      (day, orders, cancellations, adjustments, customers, lines, cancelled_lines, gross, net)
    SELECT (occurred_at AT TIME ZONE 'Europe/London')::date,
           count(*) FILTER (WHERE event_name = 'order_paid'),
           count(*) FILTER (WHERE event_name = 'order_cancelled'),
           count(*) FILTER (WHERE event_name = 'order_adjusted'),
           count(DISTINCT actor_user_id),
           sum((properties->>'line_count')::bigint),
           coalesce(sum((properties->>'line_count')::bigint) FILTER (WHERE event_name = 'order_cancelled'), 0),
           coalesce(sum((properties->>'value')::numeric) FILTER (WHERE event_name = 'order_paid'), 0),
           sum((properties->>'value')::numeric)
    FROM business_events
    WHERE event_name IN ('order_paid', 'order_cancelled', 'order_adjusted') AND entity_type = 'invoice'
    GROUP BY 1
    ON CONFLICT (day) DO UPDATE
    SET orders = excluded.orders,
        cancellations = excluded.cancellations,
        adjustments = excluded.adjustments,
        customers = excluded.customers,
        lines = excluded.lines,
        cancelled_lines = excluded.cancelled_lines,
        gross = excluded.gross,
        net = excluded.net
  $query$
);

SELECT bizmetrics.create_report(
  name     => 'retail_by_product',
  target   => 'analytics.retail_by_product',
  schedule => :'schedule',
  timezone => 'Europe/London',
  ddl      => $ddl$
    CREATE TABLE IF NOT EXISTS analytics.retail_by_product (
      stock_code text PRIMARY KEY,
      description text,
      orders bigint NOT NULL,
      lines bigint NOT NULL,
      units_sold bigint NOT NULL,
      units_returned bigint NOT NULL,
      net numeric NOT NULL
    );
    COMMENT ON TABLE analytics.retail_by_product IS 'Invoice lines by product, of all time.';
    COMMENT ON COLUMN analytics.retail_by_product.description IS 'The one that most of its lines have.';
    COMMENT ON COLUMN analytics.retail_by_product.orders IS 'Different orders with it.';
    COMMENT ON COLUMN analytics.retail_by_product.units_sold IS 'Units in orders.';
    COMMENT ON COLUMN analytics.retail_by_product.units_returned IS 'Units in cancellations.';
    COMMENT ON COLUMN analytics.retail_by_product.net IS 'Sum of orders, cancellations and adjustments, in GBP.';
  $ddl$,
  query    => $query$
    INSERT INTO analytics.retail_by_product AS t
      (stock_code, description, orders, lines, units_sold, units_returned, net)
    SELECT line.stock_code,
           mode() WITHIN GROUP (ORDER BY line.description COLLATE "C"),
           count(DISTINCT entity_id) FILTER (WHERE event_name = 'order_paid'),
           count(*),
           coalesce(sum(line.quantity) FILTER (WHERE event_name = 'order_paid'), 0),
           coalesce(-sum(line.quantity) FILTER (WHERE event_name = 'order_cancelled'), 0),
           sum(line.quantity * line.unit_price)
    FROM business_events
    CROSS JOIN LATERAL jsonb_to_recordset(properties->'lines')
      AS line (stock_code text, description text, quantity bigint, unit_price numeric)
    WHERE event_name IN ('order_paid', 'order_cancelled', 'order_adjusted') AND entity_type = 'invoice'
    GROUP BY 1
    ON CONFLICT (stock_code) DO UPDATE
    SET description = excluded.description,
        orders = excluded.orders,
        lines = excluded.lines,
        units_sold = excluded.units_sold,
        units_returned = excluded.units_returned,
        net = excluded.net
  $query$
);

-- Invoices without a customer, a quarter of all lines, are in no row of this one.
SELECT bizmetrics.create_report(
  name     => 'retail_by_customer',
  target   => 'analytics.retail_by_customer',
  schedule => :'schedule',
  timezone => 'Europe/London',
  ddl      => $ddl$
    CREATE TABLE IF NOT EXISTS analytics.retail_by_customer (
      customer_id text PRIMARY KEY,
      orders bigint NOT NULL,
      cancellations bigint NOT NULL,
      lines bigint NOT NULL,
      first_invoice_at timestamptz NOT NULL,
      last_invoice_at timestamptz NOT NULL,
      gross numeric NOT NULL,
      net numeric NOT NULL
    );
    COMMENT ON TABLE analytics.retail_by_customer IS 'Invoices by known customer, of all time.';
    COMMENT ON COLUMN analytics.retail_by_customer.gross IS 'Sum of the orders, in GBP.';
    COMMENT ON COLUMN analytics.retail_by_customer.net IS 'Sum of orders and cancellations, in GBP.';
  $ddl$,
  query    => $query$
    INSERT INTO analytics.retail_by_customer AS t
      (customer_id, orders, cancellations, lines, first_invoice_at, last_invoice_at, gross, net)
    SELECT actor_user_id,
           count(*) FILTER (WHERE event_name = 'order_paid'),
           count(*) FILTER (WHERE event_name = 'order_cancelled'),
           sum((properties->>'line_count')::bigint),
           min(occurred_at),
           max(occurred_at),
           coalesce(sum((properties->>'value')::numeric) FILTER (WHERE event_name = 'order_paid'), 0),
           sum((properties->>'value')::numeric)
    FROM business_events
    WHERE event_name IN ('order_paid', 'order_cancelled', 'order_adjusted') AND entity_type = 'invoice'
      AND actor_user_id IS NOT NULL
    GROUP BY 1
    ON CONFLICT (customer_id) DO UPDATE
    SET orders = excluded.orders,
        cancellations = excluded.cancellations,
        lines = excluded.lines,
        first_invoice_at = excluded.first_invoice_at,
        last_invoice_at = excluded.last_invoice_at,
        gross = excluded.gross,
        net = excluded.net
  $query$
);

SELECT bizmetrics.create_report(
  name     => 'retail_by_country',
  target   => 'analytics.retail_by_country',
  schedule => :'schedule',
  timezone => 'Europe/London',
  ddl      => $ddl$
    CREATE TABLE IF NOT EXISTS analytics.retail_by_country (
      country text PRIMARY KEY,
      orders bigint NOT NULL,
      cancellations bigint NOT NULL,
      adjustments bigint NOT NULL,
      customers bigint NOT NULL,
      lines bigint NOT NULL,
      gross numeric NOT NULL,
      net numeric NOT NULL
    );
    COMMENT ON TABLE analytics.retail_by_country IS 'Invoices by country, of all time.';
    COMMENT ON COLUMN analytics.retail_by_country.customers IS 'Different known customers; a few have invoices in two countries.';
    COMMENT ON COLUMN analytics.retail_by_country.gross IS 'Sum of the orders, in GBP.';
    COMMENT ON COLUMN analytics.retail_by_country.net IS 'Sum of orders, cancellations and adjustments, in GBP.';
  $ddl$,
  query    => $query$
    INSERT INTO analytics.retail_by_country AS t
      (country, orders, cancellations, adjustments, customers, lines, gross, net)
    SELECT properties->>'country',
           count(*) FILTER (WHERE event_name = 'order_paid'),
           count(*) FILTER (WHERE event_name = 'order_cancelled'),
           count(*) FILTER (WHERE event_name = 'order_adjusted'),
           count(DISTINCT actor_user_id),
           sum((properties->>'line_count')::bigint),
           coalesce(sum((properties->>'value')::numeric) FILTER (WHERE event_name = 'order_paid'), 0),
           sum((properties->>'value')::numeric)
    FROM business_events
    WHERE event_name IN ('order_paid', 'order_cancelled', 'order_adjusted') AND entity_type = 'invoice'
    GROUP BY 1
    ON CONFLICT (country) DO UPDATE
    SET orders = excluded.orders,
        cancellations = excluded.cancellations,
        adjustments = excluded.adjustments,
        customers = excluded.customers,
        lines = excluded.lines,
        gross = excluded.gross,
        net = excluded.net
  $query$
);
