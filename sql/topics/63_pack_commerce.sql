-- Pack commerce: orders, sales, products, customers, refunds, stock and fulfilment.
--
-- An order counts in the bucket in which its order_paid or order_failed occurred, a refund in that of its
-- order_refunded. The value of an order is what the customer paid: gross sales are value + discount -
-- shipping - tax, so that the parts always add up to it. A report whose rows depend on what happened in
-- other buckets (who is new, how long something took) also computes the later ones that an event of the
-- window changes: those exist where events come late. The events of an order are found by index, order by order:
-- without OFFSET, the planner reads those of all orders once a window has some thousand of them.

INSERT INTO bizmetrics.available_packs VALUES
('commerce', 'A shop', 'Orders and sales by hour, day, week and month, by category and product; customers and what they are worth; refunds, stock and fulfilment. Log each order once, with dedupe_key; the actor of its events is the customer, and entity_id the order. An order belongs to the day on which order_paid occurred: log it with occurred_at => the time at which the order was placed, if days are to be counted so. Amounts of different currencies are never added.');

INSERT INTO bizmetrics.pack_events VALUES
('commerce', 'order_created', 'A customer placed an order: entity_type order, entity_id the order, actor_user_id the customer. Not needed where order_paid follows at once.', '{
  "type": "object", "properties": {
    "value": {"type": "number", "description": "What the customer is to pay for it, in all."},
    "currency": {"type": "string", "description": "Its currency, such as EUR."}}}'),
('commerce', 'order_process_started', 'Somebody or something began to work on an order: entity_type order, entity_id the order. Needed by those who look at the workflow of orders alone, as the next two are.', '{"type": "object", "properties": {}}'),
('commerce', 'stock_reserved', 'What an order asks for was put aside: entity_type order, entity_id the order.', '{"type": "object", "properties": {}}'),
('commerce', 'stock_reservation_failed', 'What an order asks for is not there: entity_type order, entity_id the order.', '{
  "type": "object", "properties": {"reason": {"type": "string", "description": "Why."}}}'),
('commerce', 'order_paid', 'An order was paid: entity_type order, entity_id the order, actor_user_id the customer.', '{
  "type": "object", "required": ["value"], "properties": {
    "value": {"type": "number", "description": "What the customer paid for it, in all: after discounts, with shipping and tax."},
    "currency": {"type": "string", "description": "Its currency, such as EUR."},
    "discount": {"type": "number", "description": "All discounts together, those of items too."},
    "shipping": {"type": "number", "description": "What of value is for shipping."},
    "tax": {"type": "number", "description": "What of value is tax."},
    "items": {"type": "array", "description": "What was bought.", "items": {"type": "object", "properties": {
      "product_id": {"type": ["string", "number"], "description": "The product."},
      "name": {"type": ["string", "null"], "description": "What it is called."},
      "category": {"type": ["string", "null"], "description": "Its category."},
      "quantity": {"type": "number", "description": "How many units."},
      "unit_price": {"type": "number", "description": "The price of one, before discounts."},
      "discount": {"type": "number", "description": "The discount on all units of this item."}}}}}}'),
('commerce', 'order_failed', 'An order came to nothing: its payment failed, or what it asks for is out of stock. The columns are those of order_paid.', '{
  "type": "object", "properties": {
    "value": {"type": "number", "description": "What the customer was to pay."},
    "currency": {"type": "string", "description": "Its currency, such as EUR."},
    "reason": {"type": "string", "description": "Why."}}}'),
('commerce', 'order_shipped', 'An order left for the customer: entity_type order, entity_id the order.', '{
  "type": "object", "properties": {"carrier": {"type": "string", "description": "Who carries it."}}}'),
('commerce', 'order_delivered', 'An order reached the customer: entity_type order, entity_id the order.', '{
  "type": "object", "properties": {"carrier": {"type": "string", "description": "Who carried it."}}}'),
('commerce', 'order_completed', 'All is done about an order: entity_type order, entity_id the order.', '{"type": "object", "properties": {}}'),
('commerce', 'order_cancelled', 'An order was called off: entity_type order, entity_id the order.', '{
  "type": "object", "properties": {"reason": {"type": "string", "description": "Why."}}}'),
('commerce', 'order_status_changed', 'An order came into a status that no other event tells, one of your own: entity_type order, entity_id the order.', '{
  "type": "object", "required": ["status"], "properties": {"status": {"type": "string", "description": "The status it is in from now on, a word of the parameter order_transitions."}}}'),
('commerce', 'order_refunded', 'Money went back to the customer, for an order or a part of it: entity_type order, entity_id the order, actor_user_id the customer, occurred_at when the refund was processed. One event a refund, with dedupe_key => its id.', '{
  "type": "object", "required": ["amount"], "properties": {
    "amount": {"type": "number", "description": "What went back; a correction of a refund is negative."},
    "currency": {"type": "string", "description": "Its currency, such as EUR."},
    "reason": {"type": "string", "description": "Why."},
    "items": {"type": "array", "description": "What of it is for which product.", "items": {"type": "object", "properties": {
      "product_id": {"type": ["string", "number"], "description": "The product."},
      "quantity": {"type": "number", "description": "How many units came back."},
      "amount": {"type": "number", "description": "What went back for them."}}}}}}'),
('commerce', 'customer_created', 'Somebody became a customer: actor_user_id the customer.', '{
  "type": "object", "properties": {"channel": {"type": "string", "description": "Where from."}}}'),
('commerce', 'stock_changed', 'There is more or less of a product in stock than before: entity_type product, entity_id the product.', '{
  "type": "object", "required": ["on_hand"], "properties": {
    "on_hand": {"type": "number", "description": "How many units there are now."},
    "location": {"type": "string", "description": "Where, if there are several places."},
    "unit_cost": {"type": "number", "description": "What one costs the shop."},
    "currency": {"type": "string", "description": "The currency of unit_cost."},
    "reorder_point": {"type": "number", "description": "At how many units more is to be ordered."},
    "name": {"type": "string", "description": "What the product is called."},
    "category": {"type": "string", "description": "Its category."}}}'),
('commerce', 'stock_received', 'Units of a product came in: entity_type product, entity_id the product. The new level is told by stock_changed.', '{
  "type": "object", "required": ["quantity"], "properties": {
    "quantity": {"type": "number", "description": "How many."},
    "location": {"type": "string", "description": "Where."},
    "supplier": {"type": "string", "description": "From whom."}}}');

INSERT INTO bizmetrics.pack_parameters (pack, name, standard, choices, most, meaning) VALUES
('commerce', 'order_transitions', '{
  "start": ["created", "processing", "paid", "failed"],
  "created": ["processing", "reserved", "unavailable", "paid", "failed", "cancelled"],
  "processing": ["reserved", "unavailable", "paid", "failed", "cancelled"],
  "reserved": ["paid", "failed", "cancelled"],
  "unavailable": ["processing", "reserved", "failed", "cancelled"],
  "failed": ["processing", "reserved", "paid", "cancelled"],
  "paid": ["shipped", "completed", "refunded", "cancelled"],
  "shipped": ["delivered", "completed", "refunded"],
  "delivered": ["completed", "refunded"],
  "completed": ["refunded"],
  "refunded": ["shipped", "delivered", "completed"],
  "cancelled": ["refunded"]}', NULL, NULL,
 'Into which statuses an order may come from which; start is before its first. The events order_created (created), order_process_started (processing), stock_reserved (reserved), stock_reservation_failed (unavailable), order_paid (paid), order_failed (failed), order_shipped (shipped), order_delivered (delivered), order_completed (completed), order_refunded (refunded, also for a part) and order_cancelled (cancelled) tell of them, and order_status_changed of any other.');

-- Orders by day, week and month. ---------------------------------------------------------------------------

INSERT INTO bizmetrics.pack_reports (pack, report_name, description, query, key, bucket, lookback, schedule, strategy, events, after, source, source_time, retention, retention_column, columns)
SELECT 'commerce', p.report_name, format('Key figures of orders by %s, company and currency.', p.period),
  replace($query$
WITH happened AS (
  SELECT e.occurred_at, coalesce(e.company_id, '') AS company_id,
         upper(coalesce(e.properties ->> {{order_paid.currency}}, '')) AS currency,
         coalesce(e.entity_id, e.id::text) AS order_id, e.actor_user_id AS customer_id,
         true AS is_paid, coalesce(bizmetrics.number_in(e.properties, {{order_paid.value}}), 0) AS paid, 0 AS refunded
  FROM public.business_events e
  WHERE e.event_name = {{order_paid}} AND e.occurred_at >= $1 AND e.occurred_at < $2
  UNION ALL
  SELECT e.occurred_at, coalesce(e.company_id, ''),
         upper(coalesce(e.properties ->> {{order_failed.currency}}, '')),
         coalesce(e.entity_id, e.id::text), NULL, false, 0, 0
  FROM public.business_events e
  WHERE e.event_name = {{order_failed}} AND e.occurred_at >= $1 AND e.occurred_at < $2
  UNION ALL
  SELECT e.occurred_at, coalesce(e.company_id, ''),
         upper(coalesce(e.properties ->> {{order_refunded.currency}}, '')),
         NULL, NULL, NULL, 0, coalesce(bizmetrics.number_in(e.properties, {{order_refunded.amount}}), 0)
  FROM public.business_events e
  WHERE e.event_name = {{order_refunded}} AND e.occurred_at >= $1 AND e.occurred_at < $2
), summed AS (
  SELECT date_trunc('PERIOD', h.occurred_at)::date AS "PERIOD", h.company_id, h.currency,
         count(DISTINCT h.order_id) AS order_count,
         count(DISTINCT h.order_id) FILTER (WHERE h.is_paid) AS successful_orders,
         sum(h.paid) - sum(h.refunded) AS total_revenue,
         count(DISTINCT h.customer_id) AS unique_customers,
         sum(h.refunded) AS refund_amount
  FROM happened h
  GROUP BY 1, 2, 3
)
SELECT s."PERIOD", s.company_id, s.currency, s.order_count, s.successful_orders,
       s.order_count - s.successful_orders AS failed_orders,
       s.total_revenue,
       round(s.total_revenue / nullif(s.successful_orders, 0), 4) AS average_order_value,
       round(s.successful_orders::numeric / nullif(s.order_count, 0), 6) AS conversion_rate,
       s.unique_customers,
       s.refund_amount
FROM summed s$query$, 'PERIOD', p.period),
  ARRAY[p.period, 'company_id', 'currency'], p.bucket, NULL, p.schedule, NULL,
  '{order_paid,order_failed,order_refunded}', NULL, NULL, NULL, NULL, NULL,
  jsonb_build_object(p.period, jsonb_build_object('meaning', p.meaning)) || '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "order_count": {"meaning": "Different orders that were paid or failed.", "unit": "orders", "source": "order_paid, order_failed"},
  "successful_orders": {"meaning": "Different orders that were paid.", "unit": "orders", "source": "order_paid"},
  "failed_orders": {"meaning": "Orders that failed and were not paid within the same bucket.", "unit": "orders", "source": "order_failed"},
  "total_revenue": {"meaning": "What was paid less what was refunded.", "unit": "currency", "source": "order_paid.value, order_refunded.amount"},
  "average_order_value": {"meaning": "total_revenue / successful_orders.", "unit": "currency", "definition": "D-43"},
  "conversion_rate": {"meaning": "successful_orders / order_count.", "unit": "ratio from 0 to 1", "definition": "D-44"},
  "unique_customers": {"meaning": "Different customers of paid orders; never sum it over buckets.", "unit": "customers", "definition": "D-46"},
  "refund_amount": {"meaning": "Refunds that were processed, of whatever orders.", "unit": "currency", "definition": "D-52", "source": "order_refunded.amount"}}'
FROM (VALUES
  ('daily_kpis', 'day', interval '1 day', '*/5 * * * *', 'The day, in the report''s time zone.'),
  ('weekly_kpis', 'week', interval '1 week', '3-59/15 * * * *', 'The Monday on which the week begins, in the report''s time zone.'),
  ('monthly_kpis', 'month', interval '1 month', '8-59/30 * * * *', 'The first day of the month, in the report''s time zone.')
) AS p (report_name, period, bucket, schedule, meaning);

-- Sales by hour and day: where the money is from. -----------------------------------------------------------

INSERT INTO bizmetrics.pack_reports (pack, report_name, description, query, key, bucket, lookback, schedule, strategy, events, after, source, source_time, retention, retention_column, columns)
SELECT 'commerce', p.report_name, format('Sales by %s, company and currency, and what they are made of.', p.period),
  replace(replace($query$
WITH happened AS (
  SELECT e.occurred_at, coalesce(e.company_id, '') AS company_id,
         upper(coalesce(e.properties ->> {{order_paid.currency}}, '')) AS currency,
         coalesce(e.entity_id, e.id::text) AS order_id, e.actor_user_id AS customer_id,
         coalesce(bizmetrics.number_in(e.properties, {{order_paid.value}}), 0) AS paid,
         coalesce(bizmetrics.number_in(e.properties, {{order_paid.discount}}), 0) AS discount,
         coalesce(bizmetrics.number_in(e.properties, {{order_paid.shipping}}), 0) AS shipping,
         coalesce(bizmetrics.number_in(e.properties, {{order_paid.tax}}), 0) AS tax,
         0 AS refunds, 0 AS refunded
  FROM public.business_events e
  WHERE e.event_name = {{order_paid}} AND e.occurred_at >= $1 AND e.occurred_at < $2
  UNION ALL
  SELECT e.occurred_at, coalesce(e.company_id, ''),
         upper(coalesce(e.properties ->> {{order_refunded.currency}}, '')),
         NULL, NULL, 0, 0, 0, 0, 1, coalesce(bizmetrics.number_in(e.properties, {{order_refunded.amount}}), 0)
  FROM public.business_events e
  WHERE e.event_name = {{order_refunded}} AND e.occurred_at >= $1 AND e.occurred_at < $2
), summed AS (
  SELECT EXPRESSION AS "PERIOD", h.company_id, h.currency,
         count(DISTINCT h.order_id) AS orders, count(DISTINCT h.customer_id) AS customers,
         sum(h.paid) + sum(h.discount) - sum(h.shipping) - sum(h.tax) AS gross_sales,
         sum(h.discount) AS discounts, sum(h.refunds)::bigint AS refund_count, sum(h.refunded) AS refunds,
         sum(h.shipping) AS shipping, sum(h.tax) AS tax
  FROM happened h
  GROUP BY 1, 2, 3
)
SELECT s."PERIOD", s.company_id, s.currency, s.orders, s.customers,
       s.gross_sales, s.discounts, s.refund_count, s.refunds,
       s.gross_sales - s.discounts - s.refunds AS net_sales,
       s.shipping, s.tax,
       s.gross_sales - s.discounts - s.refunds + s.shipping + s.tax AS total_sales,
       round(s.refunds / nullif(s.gross_sales, 0), 6) AS refund_rate
FROM summed s$query$, 'PERIOD', p.period), 'EXPRESSION', p.expression),
  ARRAY[p.period, 'company_id', 'currency'], p.bucket, NULL, p.schedule, NULL,
  '{order_paid,order_refunded}', NULL, NULL, NULL, NULL, NULL,
  jsonb_build_object(p.period, jsonb_build_object('meaning', p.meaning)) || '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "orders": {"meaning": "Different orders that were paid.", "unit": "orders", "source": "order_paid"},
  "customers": {"meaning": "Different customers who paid; never sum it over buckets.", "unit": "customers", "definition": "D-46"},
  "gross_sales": {"meaning": "Prices of what was sold, before discounts, refunds, shipping and tax.", "unit": "currency", "definition": "D-40", "source": "order_paid: value + discount - shipping - tax"},
  "discounts": {"meaning": "All discounts.", "unit": "currency", "source": "order_paid.discount"},
  "refund_count": {"meaning": "Refunds that were processed.", "unit": "refunds", "source": "order_refunded"},
  "refunds": {"meaning": "Refunds that were processed, of whatever orders.", "unit": "currency", "definition": "D-52", "source": "order_refunded.amount"},
  "net_sales": {"meaning": "gross_sales - discounts - refunds.", "unit": "currency", "definition": "D-41"},
  "shipping": {"meaning": "Paid for shipping.", "unit": "currency", "source": "order_paid.shipping"},
  "tax": {"meaning": "Paid as tax.", "unit": "currency", "source": "order_paid.tax"},
  "total_sales": {"meaning": "net_sales + shipping + tax.", "unit": "currency", "definition": "D-42"},
  "refund_rate": {"meaning": "refunds / gross_sales of the same bucket; over 1 where more went back than was sold.", "unit": "ratio", "definition": "D-52"}}'
FROM (VALUES
  ('hourly_sales', 'hour', interval '1 hour', '*/5 * * * *', $$date_trunc('hour', h.occurred_at)$$, 'When the hour begins.'),
  ('daily_sales', 'day', interval '1 day', '*/5 * * * *', 'h.occurred_at::date', 'The day, in the report''s time zone.')
) AS p (report_name, period, bucket, schedule, expression, meaning);

-- Sales by product and category. ----------------------------------------------------------------------------
--
-- What an order says of itself is read once, and not with each of its items: large properties are compressed.

INSERT INTO bizmetrics.pack_reports (pack, report_name, description, query, key, bucket, lookback, schedule, strategy, events, after, source, source_time, retention, retention_column, columns) VALUES
('commerce', 'daily_product_sales', 'Sales by day, company, currency and product.', $query$
WITH orders AS MATERIALIZED (
  SELECT e.occurred_at, e.id, coalesce(e.company_id, '') AS company_id,
         upper(coalesce(e.properties ->> {{order_paid.currency}}, '')) AS currency,
         coalesce(e.entity_id, e.id::text) AS order_id, e.properties
  FROM public.business_events e
  WHERE e.event_name = {{order_paid}} AND e.occurred_at >= $1 AND e.occurred_at < $2
), refunds AS MATERIALIZED (
  SELECT e.occurred_at, e.id, coalesce(e.company_id, '') AS company_id,
         upper(coalesce(e.properties ->> {{order_refunded.currency}}, '')) AS currency, e.properties
  FROM public.business_events e
  WHERE e.event_name = {{order_refunded}} AND e.occurred_at >= $1 AND e.occurred_at < $2
), lines AS (
  SELECT o.occurred_at, o.id, o.company_id, o.currency, o.order_id,
         coalesce(i.item ->> {{order_paid.items.product_id}}, '') AS product_id,
         i.item ->> {{order_paid.items.name}} AS product_name,
         i.item ->> {{order_paid.items.category}} AS category,
         coalesce(bizmetrics.number_in(i.item, {{order_paid.items.quantity}}), 1) AS units,
         coalesce(bizmetrics.number_in(i.item, {{order_paid.items.quantity}}), 1)
           * coalesce(bizmetrics.number_in(i.item, {{order_paid.items.unit_price}}), 0) AS gross,
         coalesce(bizmetrics.number_in(i.item, {{order_paid.items.discount}}), 0) AS discount,
         0 AS units_refunded, 0 AS refunded
  FROM orders o
  CROSS JOIN LATERAL bizmetrics.items_in(o.properties, {{order_paid.items}}) AS i (item)
  UNION ALL
  SELECT r.occurred_at, r.id, r.company_id, r.currency, NULL,
         coalesce(i.item ->> {{order_refunded.items.product_id}}, ''),
         NULL, NULL, 0, 0, 0,
         coalesce(bizmetrics.number_in(i.item, {{order_refunded.items.quantity}}), 0),
         coalesce(bizmetrics.number_in(i.item, {{order_refunded.items.amount}}), 0)
  FROM refunds r
  CROSS JOIN LATERAL bizmetrics.items_in(r.properties, {{order_refunded.items}}) AS i (item)
)
SELECT l.occurred_at::date AS day, l.company_id, l.currency, l.product_id,
       (array_agg(l.product_name ORDER BY l.occurred_at DESC, l.id DESC) FILTER (WHERE l.product_name IS NOT NULL))[1] AS product_name,
       (array_agg(l.category ORDER BY l.occurred_at DESC, l.id DESC) FILTER (WHERE l.category IS NOT NULL))[1] AS category,
       count(DISTINCT l.order_id) AS orders,
       sum(l.units) AS units,
       sum(l.gross) AS gross_sales,
       sum(l.discount) AS discounts,
       sum(l.units_refunded) AS units_refunded,
       sum(l.refunded) AS refunds,
       sum(l.gross) - sum(l.discount) - sum(l.refunded) AS net_sales
FROM lines l
GROUP BY 1, 2, 3, 4$query$,
 '{day,company_id,currency,product_id}', '1 day', NULL, '2-59/10 * * * *', NULL, '{order_paid,order_refunded}', NULL, NULL, NULL, NULL, NULL, '{
  "day": {"meaning": "The day, in the report''s time zone."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "product_id": {"meaning": "The product; empty where an item names none.", "source": "order_paid.items.product_id"},
  "product_name": {"meaning": "What it was called last on the day.", "source": "order_paid.items.name"},
  "category": {"meaning": "Its category, the last one of the day.", "source": "order_paid.items.category"},
  "orders": {"meaning": "Different paid orders with it.", "unit": "orders"},
  "units": {"meaning": "Units sold; an item without a quantity is one.", "unit": "units", "definition": "D-48", "source": "order_paid.items.quantity"},
  "gross_sales": {"meaning": "Unit price times quantity, before discounts.", "unit": "currency", "definition": "D-40", "source": "order_paid.items"},
  "discounts": {"meaning": "Discounts on the items; those on whole orders are in no product.", "unit": "currency", "source": "order_paid.items.discount"},
  "units_refunded": {"meaning": "Units that came back.", "unit": "units", "source": "order_refunded.items.quantity"},
  "refunds": {"meaning": "Refunds for it, processed on the day.", "unit": "currency", "definition": "D-52", "source": "order_refunded.items.amount"},
  "net_sales": {"meaning": "gross_sales - discounts - refunds.", "unit": "currency", "definition": "D-41"}}'),

('commerce', 'daily_category_sales', 'Sales by day, company, currency and category.', $query$
WITH orders AS MATERIALIZED (
  SELECT e.occurred_at::date AS day, coalesce(e.company_id, '') AS company_id,
         upper(coalesce(e.properties ->> {{order_paid.currency}}, '')) AS currency,
         coalesce(e.entity_id, e.id::text) AS order_id, e.properties
  FROM public.business_events e
  WHERE e.event_name = {{order_paid}} AND e.occurred_at >= $1 AND e.occurred_at < $2
)
SELECT o.day, o.company_id, o.currency,
       coalesce(i.item ->> {{order_paid.items.category}}, '') AS category,
       count(DISTINCT o.order_id) AS orders,
       sum(coalesce(bizmetrics.number_in(i.item, {{order_paid.items.quantity}}), 1)) AS units,
       sum(coalesce(bizmetrics.number_in(i.item, {{order_paid.items.quantity}}), 1)
           * coalesce(bizmetrics.number_in(i.item, {{order_paid.items.unit_price}}), 0)) AS gross_sales,
       sum(coalesce(bizmetrics.number_in(i.item, {{order_paid.items.discount}}), 0)) AS discounts
FROM orders o
CROSS JOIN LATERAL bizmetrics.items_in(o.properties, {{order_paid.items}}) AS i (item)
GROUP BY 1, 2, 3, 4$query$,
 '{day,company_id,currency,category}', '1 day', NULL, '4-59/10 * * * *', NULL, '{order_paid}', NULL, NULL, NULL, NULL, NULL, '{
  "day": {"meaning": "The day, in the report''s time zone."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "category": {"meaning": "The category of the items; empty where they name none.", "source": "order_paid.items.category"},
  "orders": {"meaning": "Different paid orders with such an item; an order may count in several categories.", "unit": "orders"},
  "units": {"meaning": "Units sold.", "unit": "units", "source": "order_paid.items.quantity"},
  "gross_sales": {"meaning": "Unit price times quantity, before discounts.", "unit": "currency", "definition": "D-40", "source": "order_paid.items"},
  "discounts": {"meaning": "Discounts on the items.", "unit": "currency", "source": "order_paid.items.discount"}}'),

('commerce', 'product_metrics', 'Products by month: what was sold, what came back, and their share and rank.', $query$
WITH summed AS (
  SELECT date_trunc('month', s.day::timestamptz)::date AS month, s.company_id, s.currency, s.product_id,
         (array_agg(s.product_name ORDER BY s.day DESC) FILTER (WHERE s.product_name IS NOT NULL))[1] AS product_name,
         (array_agg(s.category ORDER BY s.day DESC) FILTER (WHERE s.category IS NOT NULL))[1] AS category,
         sum(s.orders)::bigint AS orders, sum(s.units) AS units, sum(s.gross_sales) AS gross_sales,
         sum(s.units_refunded) AS units_refunded, sum(s.refunds) AS refunds, sum(s.net_sales) AS net_sales
  FROM analytics.daily_product_sales s
  WHERE s.day >= $1::date AND s.day < $2::date
  GROUP BY 1, 2, 3, 4
)
SELECT s.month, s.company_id, s.currency, s.product_id, s.product_name, s.category,
       s.orders, s.units, s.gross_sales, s.units_refunded, s.refunds, s.net_sales,
       round(s.net_sales / nullif(sum(s.net_sales) OVER (PARTITION BY s.month, s.company_id, s.currency), 0), 6) AS share,
       rank() OVER (PARTITION BY s.month, s.company_id, s.currency ORDER BY s.net_sales DESC) AS rank
FROM summed s$query$,
 '{month,company_id,currency,product_id}', '1 month', NULL, '6-59/20 * * * *', NULL, NULL, NULL, 'analytics.daily_product_sales', 'day', NULL, NULL, '{
  "month": {"meaning": "The first day of the month, in the report''s time zone."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "product_id": {"meaning": "The product."},
  "product_name": {"meaning": "What it was called last in the month."},
  "category": {"meaning": "Its category, the last one of the month."},
  "orders": {"meaning": "Different paid orders with it, day by day.", "unit": "orders"},
  "units": {"meaning": "Units sold.", "unit": "units", "definition": "D-48"},
  "gross_sales": {"meaning": "Unit price times quantity, before discounts.", "unit": "currency", "definition": "D-40"},
  "units_refunded": {"meaning": "Units that came back.", "unit": "units"},
  "refunds": {"meaning": "Refunds for it, processed in the month.", "unit": "currency", "definition": "D-52"},
  "net_sales": {"meaning": "Gross sales less discounts on items and refunds.", "unit": "currency", "definition": "D-41"},
  "share": {"meaning": "net_sales / those of all products of the month.", "unit": "ratio", "definition": "D-48"},
  "rank": {"meaning": "1 for the product with the highest net_sales of the month; equal ones share a rank.", "definition": "D-48"}}'),

('commerce', 'top_products', 'The hundred products with the highest net sales of the last 30 days, today included, by company and currency.', $query$
WITH summed AS (
  SELECT s.company_id, s.currency, s.product_id,
         (array_agg(s.product_name ORDER BY s.day DESC) FILTER (WHERE s.product_name IS NOT NULL))[1] AS product_name,
         (array_agg(s.category ORDER BY s.day DESC) FILTER (WHERE s.category IS NOT NULL))[1] AS category,
         sum(s.units) AS units, sum(s.gross_sales) AS gross_sales, sum(s.refunds) AS refunds, sum(s.net_sales) AS net_sales
  FROM analytics.daily_product_sales s
  WHERE s.day > now()::date - 30 AND s.day <= now()::date
  GROUP BY 1, 2, 3
), ranked AS (
  SELECT s.*,
         round(s.net_sales / nullif(sum(s.net_sales) OVER (PARTITION BY s.company_id, s.currency), 0), 6) AS share,
         rank() OVER (PARTITION BY s.company_id, s.currency ORDER BY s.net_sales DESC) AS rank,
         row_number() OVER (PARTITION BY s.company_id, s.currency ORDER BY s.net_sales DESC, s.product_id) AS place
  FROM summed s
)
SELECT r.company_id, r.currency, r.place, r.rank, r.product_id, r.product_name, r.category,
       r.units, r.gross_sales, r.refunds, r.net_sales, r.share
FROM ranked r
WHERE r.place <= 100$query$,
 '{company_id,currency,place}', NULL, NULL, '7-59/10 * * * *', 'full', NULL, '{daily_product_sales}', NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "place": {"meaning": "1 to 100: by net_sales, of equal ones by product_id."},
  "rank": {"meaning": "The same, but equal ones share a rank.", "definition": "D-48"},
  "product_id": {"meaning": "The product."},
  "product_name": {"meaning": "What it was called last."},
  "category": {"meaning": "Its category."},
  "units": {"meaning": "Units sold.", "unit": "units"},
  "gross_sales": {"meaning": "Unit price times quantity, before discounts.", "unit": "currency", "definition": "D-40"},
  "refunds": {"meaning": "Refunds for it, processed in these days.", "unit": "currency", "definition": "D-52"},
  "net_sales": {"meaning": "Gross sales less discounts on items and refunds.", "unit": "currency", "definition": "D-41"},
  "share": {"meaning": "net_sales / those of all products of these days.", "unit": "ratio", "definition": "D-48"}}');

-- Customers. -----------------------------------------------------------------------------------------------

INSERT INTO bizmetrics.pack_reports (pack, report_name, description, query, key, bucket, lookback, schedule, strategy, events, after, source, source_time, retention, retention_column, columns) VALUES
-- An order that comes late makes the customer's next one no first order any more: its day is computed too.
('commerce', 'daily_customers', 'Customers by day and company: who ordered for the first time, and who again, decided at the order.', $query$
WITH first_of_day AS (
  SELECT coalesce(e.company_id, '') AS company_id, e.actor_user_id AS customer_id, min(e.occurred_at) AS ordered_at
  FROM public.business_events e
  WHERE e.event_name = {{order_paid}} AND e.occurred_at >= $1 AND e.occurred_at < $2 AND e.actor_user_id IS NOT NULL
  GROUP BY 1, 2
), days AS (
  SELECT d.day::date AS day
  FROM generate_series($1, $2 - interval '1 microsecond', interval '1 day') AS d (day)
  UNION
  SELECT next_order.occurred_at::date
  FROM first_of_day f
  CROSS JOIN LATERAL (
    SELECT e.occurred_at
    FROM public.business_events e
    WHERE e.event_name = {{order_paid}} AND e.actor_user_id = f.customer_id
      AND coalesce(e.company_id, '') = f.company_id AND e.occurred_at >= $2
    ORDER BY e.occurred_at
    LIMIT 1) AS next_order
), orders AS (
  SELECT d.day, coalesce(e.company_id, '') AS company_id, e.actor_user_id AS customer_id,
         count(DISTINCT coalesce(e.entity_id, e.id::text)) AS orders, min(e.occurred_at) AS ordered_at
  FROM days d
  JOIN public.business_events e ON e.occurred_at >= d.day::timestamptz AND e.occurred_at < (d.day + 1)::timestamptz
  WHERE e.event_name = {{order_paid}} AND e.actor_user_id IS NOT NULL
    AND e.occurred_at >= $1
  GROUP BY 1, 2, 3
), decided AS (
  SELECT o.day, o.company_id, o.orders,
         NOT EXISTS (SELECT FROM public.business_events b
                     WHERE b.event_name = {{order_paid}} AND b.actor_user_id = o.customer_id
                       AND coalesce(b.company_id, '') = o.company_id AND b.occurred_at < o.day::timestamptz) AS is_new
  FROM orders o
), ordering AS (
  SELECT d.day, d.company_id, count(*) AS customers,
         count(*) FILTER (WHERE d.is_new) AS new_customers,
         sum(d.orders)::bigint AS orders
  FROM decided d
  GROUP BY 1, 2
), registered AS (
  SELECT e.occurred_at::date AS day, coalesce(e.company_id, '') AS company_id, count(DISTINCT e.actor_user_id) AS customers
  FROM public.business_events e
  JOIN days d ON d.day = e.occurred_at::date
  WHERE e.event_name = {{customer_created}} AND e.occurred_at >= $1
  GROUP BY 1, 2
)
SELECT day, company_id,
       coalesce(o.customers, 0) AS customers,
       coalesce(o.new_customers, 0) AS new_customers,
       coalesce(o.customers - o.new_customers, 0) AS returning_customers,
       coalesce(o.new_customers, 0) AS first_orders,
       coalesce(o.orders - o.new_customers, 0) AS repeat_orders,
       coalesce(r.customers, 0) AS registered_customers
FROM ordering o
FULL JOIN registered r USING (day, company_id)$query$,
 '{day,company_id}', '1 day', NULL, '9-59/15 * * * *', 'merge', '{order_paid,customer_created}', NULL, NULL, NULL, NULL, NULL, '{
  "day": {"meaning": "The day, in the report''s time zone."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "customers": {"meaning": "Different customers who paid an order; orders without an actor are not counted here.", "unit": "customers", "definition": "D-46", "source": "order_paid"},
  "new_customers": {"meaning": "Those who had paid no order before the day.", "unit": "customers", "definition": "D-45"},
  "returning_customers": {"meaning": "Those who had: customers - new_customers.", "unit": "customers", "definition": "D-45"},
  "first_orders": {"meaning": "Orders that were their customer''s first, as it was when they were placed.", "unit": "orders", "definition": "D-45"},
  "repeat_orders": {"meaning": "All others, a second order on the first day too.", "unit": "orders", "definition": "D-45"},
  "registered_customers": {"meaning": "Different actors of customer_created.", "unit": "customers", "source": "customer_created"}}'),

('commerce', 'customer_origins', 'Customers: when each was created, where from, and when he ordered first.', $query$
WITH touched AS (
  SELECT DISTINCT coalesce(e.company_id, '') AS company_id, e.actor_user_id AS customer_id
  FROM public.business_events e
  WHERE e.event_name IN ({{customer_created}}, {{order_paid}}) AND e.occurred_at >= $1 AND e.occurred_at < $2 AND e.actor_user_id IS NOT NULL
)
SELECT t.company_id, t.customer_id, c.occurred_at AS created_at, c.occurred_at::date AS day,
       coalesce(c.channel, '') AS channel, o.occurred_at AS first_order_at
FROM touched t
CROSS JOIN LATERAL (
  SELECT e.occurred_at, e.properties ->> {{customer_created.channel}} AS channel
  FROM public.business_events e
  WHERE e.event_name = {{customer_created}} AND e.actor_user_id = t.customer_id AND coalesce(e.company_id, '') = t.company_id
  ORDER BY e.occurred_at, e.id
  LIMIT 1) AS c
LEFT JOIN LATERAL (
  SELECT e.occurred_at
  FROM public.business_events e
  WHERE e.event_name = {{order_paid}} AND e.actor_user_id = t.customer_id AND coalesce(e.company_id, '') = t.company_id
  ORDER BY e.occurred_at
  LIMIT 1) AS o ON true$query$,
 '{company_id,customer_id}', '1 day', NULL, '11-59/15 * * * *', 'merge', '{order_paid,customer_created}', NULL, NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "customer_id": {"meaning": "The customer: the actor of customer_created; who was never created is in no row."},
  "created_at": {"meaning": "When he was created first.", "source": "customer_created"},
  "day": {"meaning": "The day of that, in the report''s time zone."},
  "channel": {"meaning": "Where from; empty where the event says nothing.", "source": "customer_created.channel"},
  "first_order_at": {"meaning": "When he paid an order first; NULL: never.", "source": "order_paid"}}'),

('commerce', 'customer_acquisition', 'Customers by the day on which they were created, company and channel: how many, and how many of them ever ordered.', $query$
SELECT o.day, o.company_id, o.channel,
       count(*) AS customers,
       count(o.first_order_at) AS ordering_customers,
       round(count(o.first_order_at)::numeric / nullif(count(*), 0), 6) AS ordering_rate
FROM analytics.customer_origins o
GROUP BY 1, 2, 3$query$,
 '{day,company_id,channel}', NULL, NULL, '41 * * * *', 'full', NULL, '{customer_origins}', NULL, NULL, NULL, NULL, '{
  "day": {"meaning": "The day on which they were created first, in the report''s time zone."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "channel": {"meaning": "Where from; empty where the event says nothing.", "source": "customer_created.channel"},
  "customers": {"meaning": "Customers who were created on the day.", "unit": "customers", "definition": "D-46", "source": "customer_created"},
  "ordering_customers": {"meaning": "Those of them who paid an order, up to now.", "unit": "customers", "source": "order_paid"},
  "ordering_rate": {"meaning": "ordering_customers / customers.", "unit": "ratio from 0 to 1"}}'),

-- What new events add up to is added. The key begins with the customer, so that his months are found by index.
('commerce', 'customer_months', 'Customers by company, currency and month: what each ordered and spent.', $query$
SELECT coalesce(e.company_id, '') AS company_id,
       upper(coalesce(e.properties ->> CASE e.event_name WHEN {{order_paid}} THEN {{order_paid.currency}} ELSE {{order_refunded.currency}} END, '')) AS currency,
       e.actor_user_id AS customer_id,
       date_trunc('month', e.occurred_at)::date AS month,
       count(*) FILTER (WHERE e.event_name = {{order_paid}}) AS orders,
       min(e.occurred_at) FILTER (WHERE e.event_name = {{order_paid}}) AS first_order_at,
       max(e.occurred_at) FILTER (WHERE e.event_name = {{order_paid}}) AS last_order_at,
       sum(CASE e.event_name WHEN {{order_paid}} THEN coalesce(bizmetrics.number_in(e.properties, {{order_paid.value}}), 0) ELSE 0 END) AS paid,
       sum(CASE e.event_name WHEN {{order_refunded}} THEN coalesce(bizmetrics.number_in(e.properties, {{order_refunded.amount}}), 0) ELSE 0 END) AS refunded,
       sum(CASE e.event_name WHEN {{order_paid}} THEN coalesce(bizmetrics.number_in(e.properties, {{order_paid.value}}), 0)
                ELSE -coalesce(bizmetrics.number_in(e.properties, {{order_refunded.amount}}), 0) END) AS spent,
       sum(CASE e.event_name WHEN {{order_paid}} THEN coalesce(bizmetrics.number_in(e.properties, {{order_paid.value}}), 0)
                - coalesce(bizmetrics.number_in(e.properties, {{order_paid.shipping}}), 0)
                - coalesce(bizmetrics.number_in(e.properties, {{order_paid.tax}}), 0)
                ELSE -coalesce(bizmetrics.number_in(e.properties, {{order_refunded.amount}}), 0) END) AS net_sales
FROM public.business_events e
WHERE e.event_name IN ({{order_paid}}, {{order_refunded}}) AND e.actor_user_id IS NOT NULL
  AND e.occurred_at >= $1 AND e.occurred_at < $2
GROUP BY 1, 2, 3, 4$query$,
 '{company_id,currency,customer_id,month}', '1 month', NULL, '*/15 * * * *', 'delta', '{order_paid,order_refunded}', NULL, NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "customer_id": {"meaning": "The customer: the actor of the orders."},
  "month": {"meaning": "The first day of the month, in the report''s time zone."},
  "orders": {"meaning": "Paid orders; 0 in a month with refunds alone.", "unit": "orders", "source": "order_paid"},
  "first_order_at": {"meaning": "When the first one of the month was paid."},
  "last_order_at": {"meaning": "When the last one of the month was paid."},
  "paid": {"meaning": "What was paid.", "unit": "currency", "source": "order_paid.value"},
  "refunded": {"meaning": "What went back in the month, as far as the refunds name the customer as their actor.", "unit": "currency", "definition": "D-52", "source": "order_refunded.amount"},
  "spent": {"meaning": "paid - refunded.", "unit": "currency"},
  "net_sales": {"meaning": "The same without shipping and tax.", "unit": "currency", "definition": "D-41"}}'),

('commerce', 'customer_metrics', 'Customers by company and currency: what each ordered and is worth, up to now.', $query$
WITH changed AS (
  SELECT DISTINCT m.company_id, m.currency, m.customer_id
  FROM analytics.customer_months m
  WHERE m.month >= $1::date AND m.month < $2::date
)
SELECT m.company_id, m.currency, m.customer_id,
       min(m.first_order_at) AS first_order_at,
       max(m.last_order_at) AS last_order_at,
       sum(m.orders)::bigint AS orders,
       sum(m.paid) AS paid,
       sum(m.refunded) AS refunded,
       sum(m.spent) AS spent,
       sum(m.net_sales) AS lifetime_value,
       round(sum(m.spent) / nullif(sum(m.orders), 0), 4) AS average_order_value
FROM changed c
JOIN analytics.customer_months m ON m.company_id = c.company_id AND m.currency = c.currency AND m.customer_id = c.customer_id
GROUP BY 1, 2, 3$query$,
 '{company_id,currency,customer_id}', '1 month', NULL, '*/15 * * * *', 'merge', NULL, NULL, 'analytics.customer_months', 'month', NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "customer_id": {"meaning": "The customer: the actor of the orders."},
  "first_order_at": {"meaning": "When the first order in this currency was paid."},
  "last_order_at": {"meaning": "When the last one was."},
  "orders": {"meaning": "Paid orders.", "unit": "orders", "source": "order_paid"},
  "paid": {"meaning": "What was paid in all.", "unit": "currency", "source": "order_paid.value"},
  "refunded": {"meaning": "What went back, as far as the refunds name the customer as their actor.", "unit": "currency", "definition": "D-52", "source": "order_refunded.amount"},
  "spent": {"meaning": "paid - refunded.", "unit": "currency"},
  "lifetime_value": {"meaning": "Net sales up to now: paid less shipping, tax and refunds.", "unit": "currency", "definition": "D-47"},
  "average_order_value": {"meaning": "spent / orders.", "unit": "currency", "definition": "D-43"}}'),

('commerce', 'customer_leaderboard', 'Customers by day, company and currency, with their rank by what they spent. Who is not in it has no rank.', $query$
WITH happened AS (
  SELECT e.occurred_at::date AS day, coalesce(e.company_id, '') AS company_id, e.actor_user_id AS customer_id,
         upper(coalesce(e.properties ->> {{order_paid.currency}}, '')) AS currency,
         coalesce(e.entity_id, e.id::text) AS order_id,
         coalesce(bizmetrics.number_in(e.properties, {{order_paid.value}}), 0) AS total
  FROM public.business_events e
  WHERE e.event_name = {{order_paid}} AND e.occurred_at >= $1 AND e.occurred_at < $2 AND e.actor_user_id IS NOT NULL
  UNION ALL
  SELECT e.occurred_at::date, coalesce(e.company_id, ''), e.actor_user_id,
         upper(coalesce(e.properties ->> {{order_refunded.currency}}, '')),
         NULL, -coalesce(bizmetrics.number_in(e.properties, {{order_refunded.amount}}), 0)
  FROM public.business_events e
  WHERE e.event_name = {{order_refunded}} AND e.occurred_at >= $1 AND e.occurred_at < $2 AND e.actor_user_id IS NOT NULL
), summed AS (
  SELECT h.day, h.company_id, h.currency, h.customer_id, count(DISTINCT h.order_id) AS orders, sum(h.total) AS total
  FROM happened h
  GROUP BY 1, 2, 3, 4
)
SELECT s.day, s.company_id, s.currency, s.customer_id, s.orders, s.total,
       rank() OVER w AS rank,
       row_number() OVER (PARTITION BY s.day, s.company_id, s.currency ORDER BY s.total DESC, s.customer_id) AS place
FROM summed s
WINDOW w AS (PARTITION BY s.day, s.company_id, s.currency ORDER BY s.total DESC)$query$,
 '{day,company_id,currency,customer_id}', '1 day', NULL, '*/5 * * * *', NULL, '{order_paid,order_refunded}', NULL, NULL, NULL, NULL, NULL, '{
  "day": {"meaning": "The day, in the report''s time zone."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "customer_id": {"meaning": "The customer: the actor of the orders."},
  "orders": {"meaning": "Different paid orders of the day.", "unit": "orders"},
  "total": {"meaning": "Paid less refunded on the day.", "unit": "currency", "source": "order_paid.value, order_refunded.amount"},
  "rank": {"meaning": "1 for the highest total; equal ones share a rank."},
  "place": {"meaning": "The same, of equal ones by customer_id: no two share a place."}}'),

('commerce', 'customer_rfm', 'Customers in fifths by how recently, how often and for how much they ordered, by company and currency.', $query$
WITH customers AS (
  -- In the order of the primary key, so that what is left to sort is each company's customers, and not all of them
  SELECT m.company_id, m.currency, m.customer_id, m.last_order_at, m.orders, m.lifetime_value
  FROM analytics.customer_metrics m
  WHERE m.orders > 0
  ORDER BY m.company_id, m.currency, m.customer_id
), scored AS (
  SELECT c.company_id, c.currency, c.customer_id, now()::date - c.last_order_at::date AS days_since_order,
         c.orders, c.lifetime_value,
         ntile(5) OVER (PARTITION BY c.company_id, c.currency ORDER BY c.last_order_at, c.customer_id) AS recency,
         ntile(5) OVER (PARTITION BY c.company_id, c.currency ORDER BY c.orders, c.customer_id) AS frequency,
         ntile(5) OVER (PARTITION BY c.company_id, c.currency ORDER BY c.lifetime_value, c.customer_id) AS monetary
  FROM customers c
)
SELECT s.company_id, s.currency, s.customer_id, s.days_since_order, s.orders, s.lifetime_value,
       s.recency, s.frequency, s.monetary,
       CASE WHEN s.recency >= 4 THEN CASE WHEN s.frequency >= 4 THEN 'champions' WHEN s.frequency >= 2 THEN 'potential loyalists' WHEN s.recency = 5 THEN 'new customers' ELSE 'promising' END
            WHEN s.recency = 3 THEN CASE WHEN s.frequency >= 4 THEN 'loyal customers' WHEN s.frequency = 3 THEN 'need attention' ELSE 'about to sleep' END
            WHEN s.frequency = 5 THEN 'cannot lose them' WHEN s.frequency >= 3 THEN 'at risk' ELSE 'hibernating' END AS segment
FROM scored s$query$,
 '{company_id,currency,customer_id}', NULL, NULL, '31 3 * * *', 'full', NULL, '{customer_metrics}', NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "customer_id": {"meaning": "The customer."},
  "days_since_order": {"meaning": "Days from the last order to the run.", "unit": "days"},
  "orders": {"meaning": "Different paid orders.", "unit": "orders"},
  "lifetime_value": {"meaning": "Net sales up to now.", "unit": "currency", "definition": "D-47"},
  "recency": {"meaning": "5 for the fifth of the customers whose last order is the latest, 1 for the fifth whose is the earliest; of equal ones by customer_id.", "definition": "D-51"},
  "frequency": {"meaning": "5 for the fifth with most orders.", "definition": "D-51"},
  "monetary": {"meaning": "5 for the fifth with the highest lifetime value.", "definition": "D-51"},
  "segment": {"meaning": "What recency and frequency together say: champions (4-5, 4-5), potential loyalists (4-5, 2-3), new customers (5, 1), promising (4, 1), loyal customers (3, 4-5), need attention (3, 3), about to sleep (3, 1-2), cannot lose them (1-2, 5), at risk (1-2, 3-4), hibernating (1-2, 1-2).", "definition": "D-51"}}'),

('commerce', 'customer_segments', 'How many customers are in each segment of customer_rfm, by company and currency.', $query$
SELECT r.company_id, r.currency, r.segment,
       count(*) AS customers,
       sum(r.lifetime_value) AS lifetime_value,
       round(count(*) / sum(count(*)) OVER (PARTITION BY r.company_id, r.currency), 6) AS share
FROM analytics.customer_rfm r
GROUP BY 1, 2, 3$query$,
 '{company_id,currency,segment}', NULL, NULL, '31 3 * * *', 'full', NULL, '{customer_rfm}', NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "segment": {"meaning": "The segment.", "definition": "D-51"},
  "customers": {"meaning": "How many customers are in it.", "unit": "customers"},
  "lifetime_value": {"meaning": "What they are worth up to now, together.", "unit": "currency", "definition": "D-47"},
  "share": {"meaning": "customers / those of all segments.", "unit": "ratio from 0 to 1"}}'),

('commerce', 'customer_overview', 'All customers of a company, up to now: how many ordered again.', $query$
WITH customers AS (
  SELECT m.company_id, m.customer_id, sum(m.orders) AS orders, max(m.last_order_at) AS last_order_at
  FROM analytics.customer_metrics m
  GROUP BY 1, 2
  HAVING sum(m.orders) > 0
)
SELECT c.company_id,
       count(*) AS customers,
       count(*) FILTER (WHERE c.orders >= 2) AS repeat_customers,
       round(count(*) FILTER (WHERE c.orders >= 2)::numeric / nullif(count(*), 0), 6) AS repeat_rate,
       count(*) FILTER (WHERE c.last_order_at >= now() - interval '90 days') AS active_customers,
       round(sum(c.orders) / nullif(count(*), 0), 4) AS orders_per_customer
FROM customers c
GROUP BY 1$query$,
 '{company_id}', NULL, NULL, '13-59/15 * * * *', 'full', NULL, '{customer_metrics}', NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "customers": {"meaning": "Different customers who ever paid an order, in whatever currency.", "unit": "customers"},
  "repeat_customers": {"meaning": "Those with two orders or more.", "unit": "customers", "definition": "D-45"},
  "repeat_rate": {"meaning": "repeat_customers / customers.", "unit": "ratio from 0 to 1", "definition": "D-45"},
  "active_customers": {"meaning": "Those with an order in the last 90 days.", "unit": "customers"},
  "orders_per_customer": {"meaning": "Orders / customers.", "unit": "orders"}}'),

('commerce', 'customer_cohorts', 'Lifetime value by cohort: customers by the month of their first order, and what they brought in up to each month since.', $query$
WITH months AS (
  SELECT m.company_id, m.currency, m.month, m.orders, m.net_sales,
         min(m.month) FILTER (WHERE m.orders > 0) OVER (PARTITION BY m.company_id, m.currency, m.customer_id) AS cohort_month
  FROM analytics.customer_months m
), sums AS (
  SELECT m.company_id, m.currency, m.cohort_month, m.month,
         count(*) FILTER (WHERE m.orders > 0) AS active_customers, sum(m.orders)::bigint AS orders, sum(m.net_sales) AS net_sales
  FROM months m
  WHERE m.cohort_month IS NOT NULL
  GROUP BY 1, 2, 3, 4
), spine AS (
  -- A cohort's customers are those who ordered in its month.
  SELECT s.company_id, s.currency, s.cohort_month, s.active_customers AS customers, n.month_number,
         (s.cohort_month + make_interval(months => n.month_number))::date AS month
  FROM sums s
  CROSS JOIN LATERAL generate_series(0,
    ((extract(year FROM now()) - extract(year FROM s.cohort_month)) * 12
     + extract(month FROM now()) - extract(month FROM s.cohort_month))::integer) AS n (month_number)
  WHERE s.month = s.cohort_month
)
SELECT s.cohort_month, s.month_number, s.company_id, s.currency, s.month, s.customers,
       coalesce(x.active_customers, 0) AS active_customers,
       coalesce(x.orders, 0) AS orders,
       coalesce(x.net_sales, 0) AS net_sales,
       sum(coalesce(x.net_sales, 0)) OVER w AS cumulative_net_sales,
       round(sum(coalesce(x.net_sales, 0)) OVER w / nullif(s.customers, 0), 4) AS lifetime_value
FROM spine s
LEFT JOIN sums x ON x.company_id = s.company_id AND x.currency = s.currency
                AND x.cohort_month = s.cohort_month AND x.month = s.month
WINDOW w AS (PARTITION BY s.company_id, s.currency, s.cohort_month ORDER BY s.month_number)$query$,
 '{cohort_month,month_number,company_id,currency}', NULL, NULL, '36 3 * * *', 'full', NULL, '{customer_months}', NULL, NULL, NULL, NULL, '{
  "cohort_month": {"meaning": "The month of the customers'' first order in this currency, its first day, in the report''s time zone."},
  "month_number": {"meaning": "Months since then: 0 is the month of the first order. Each month up to the current one has a row.", "unit": "months", "definition": "D-47"},
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "month": {"meaning": "That month, its first day."},
  "customers": {"meaning": "How many customers the cohort has.", "unit": "customers"},
  "active_customers": {"meaning": "Those who paid an order in the month.", "unit": "customers"},
  "orders": {"meaning": "Their orders in the month.", "unit": "orders"},
  "net_sales": {"meaning": "Their net sales in the month; what went back before their first order is in none.", "unit": "currency", "definition": "D-41"},
  "cumulative_net_sales": {"meaning": "Their net sales up to the end of the month.", "unit": "currency", "definition": "D-47"},
  "lifetime_value": {"meaning": "cumulative_net_sales / customers.", "unit": "currency", "definition": "D-47"}}'),

-- Refunds and fulfilment -----------------------------------------------------------------------------------

('commerce', 'daily_refunds', 'Refunds by the day on which they were processed, company, currency and reason.', $query$
SELECT e.occurred_at::date AS day, coalesce(e.company_id, '') AS company_id,
       upper(coalesce(e.properties ->> {{order_refunded.currency}}, '')) AS currency,
       coalesce(e.properties ->> {{order_refunded.reason}}, '') AS reason,
       count(*) AS refunds,
       count(DISTINCT coalesce(e.entity_id, e.id::text)) AS orders,
       sum(coalesce(bizmetrics.number_in(e.properties, {{order_refunded.amount}}), 0)) AS amount
FROM public.business_events e
WHERE e.event_name = {{order_refunded}} AND e.occurred_at >= $1 AND e.occurred_at < $2
GROUP BY 1, 2, 3, 4$query$,
 '{day,company_id,currency,reason}', '1 day', NULL, '*/10 * * * *', NULL, '{order_refunded}', NULL, NULL, NULL, NULL, NULL, '{
  "day": {"meaning": "The day on which they were processed, in the report''s time zone, however old the orders are.", "definition": "D-52"},
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "reason": {"meaning": "Why; empty where the event says nothing.", "source": "order_refunded.reason"},
  "refunds": {"meaning": "How many refunds.", "unit": "refunds"},
  "orders": {"meaning": "For how many different orders.", "unit": "orders"},
  "amount": {"meaning": "What went back.", "unit": "currency", "source": "order_refunded.amount"}}'),

('commerce', 'order_fulfilment', 'Orders: when each was placed, paid, shipped and delivered, and how long that took.', $query$
WITH touched AS (
  SELECT DISTINCT e.entity_id
  FROM public.business_events e
  WHERE e.event_name IN ({{order_created}}, {{order_paid}}, {{order_failed}}, {{order_shipped}}, {{order_delivered}}, {{order_refunded}})
    AND e.occurred_at >= $1 AND e.occurred_at < $2 AND e.entity_id IS NOT NULL
), happened AS (
  SELECT coalesce(e.company_id, '') AS company_id, e.entity_id AS order_id, e.event_name, e.occurred_at, e.actor_user_id
  FROM touched t
  CROSS JOIN LATERAL (
    SELECT e.id, e.event_name, e.occurred_at, e.company_id, e.actor_user_id, e.entity_id, e.properties
    FROM public.business_events e
    WHERE e.entity_id = t.entity_id AND e.event_name IN ({{order_created}}, {{order_paid}}, {{order_failed}}, {{order_shipped}}, {{order_delivered}}, {{order_refunded}})
    OFFSET 0) AS e
), orders AS (
  SELECT h.company_id, h.order_id,
         coalesce(min(h.occurred_at) FILTER (WHERE h.event_name = {{order_created}}),
                  min(h.occurred_at) FILTER (WHERE h.event_name IN ({{order_paid}}, {{order_failed}}))) AS created_at,
         min(h.occurred_at) FILTER (WHERE h.event_name = {{order_paid}}) AS paid_at,
         min(h.occurred_at) FILTER (WHERE h.event_name = {{order_shipped}}) AS shipped_at,
         max(h.occurred_at) FILTER (WHERE h.event_name = {{order_delivered}}) AS delivered_at,
         max(h.occurred_at) FILTER (WHERE h.event_name = {{order_refunded}}) AS refunded_at,
         bool_or(h.event_name = {{order_failed}}) AS has_failed,
         max(h.actor_user_id) FILTER (WHERE h.event_name IN ({{order_created}}, {{order_paid}}, {{order_failed}})) AS customer_id
  FROM happened h
  GROUP BY 1, 2
)
SELECT o.company_id, o.order_id, o.customer_id,
       CASE WHEN o.delivered_at IS NOT NULL THEN 'delivered'
            WHEN o.shipped_at IS NOT NULL THEN 'shipped'
            WHEN o.paid_at IS NOT NULL THEN 'paid'
            WHEN o.has_failed THEN 'failed'
            ELSE 'created' END AS status,
       o.created_at, o.paid_at, o.shipped_at, o.delivered_at, o.refunded_at,
       extract(epoch FROM o.shipped_at - o.created_at) AS seconds_to_ship,
       extract(epoch FROM o.delivered_at - o.shipped_at) AS seconds_in_transit,
       extract(epoch FROM o.delivered_at - o.created_at) AS seconds_to_deliver
FROM orders o$query$,
 '{company_id,order_id}', '1 day', NULL, '14-59/15 * * * *', 'merge',
 '{order_created,order_paid,order_failed,order_shipped,order_delivered,order_refunded}', NULL, NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "order_id": {"meaning": "The order: entity_id of the events; those without one are in no row."},
  "customer_id": {"meaning": "The actor of its events."},
  "status": {"meaning": "How far it got: created, failed, paid, shipped or delivered."},
  "created_at": {"meaning": "When it was placed: order_created, or else the first order_paid or order_failed."},
  "paid_at": {"meaning": "When it was paid first.", "source": "order_paid"},
  "shipped_at": {"meaning": "When the first parcel left.", "source": "order_shipped"},
  "delivered_at": {"meaning": "When the last parcel arrived.", "source": "order_delivered"},
  "refunded_at": {"meaning": "When money went back last.", "source": "order_refunded"},
  "seconds_to_ship": {"meaning": "From placed to shipped.", "unit": "seconds", "definition": "D-53"},
  "seconds_in_transit": {"meaning": "From shipped to delivered.", "unit": "seconds", "definition": "D-53"},
  "seconds_to_deliver": {"meaning": "From placed to delivered.", "unit": "seconds", "definition": "D-53"}}'),

-- By the day on which it was shipped or delivered, for what was placed today may be delivered next month.
('commerce', 'fulfilment_times', 'How long it took to ship and deliver orders, by the day on which that was done and company.', $query$
WITH timed AS (
  -- Of the parcels of a day the first to leave and the last to arrive
  SELECT DISTINCT ON (s.day, s.company_id, s.order_id, s.status)
         s.day, s.company_id, s.status = 'shipped' AS is_shipment, s.seconds_since_placed AS since_created,
         CASE WHEN s.status = 'delivered' THEN s.seconds_since_shipped END AS since_shipped
  FROM analytics.order_steps s
  WHERE s.day >= $1::date AND s.day < $2::date AND s.status IN ('shipped', 'delivered')
  ORDER BY s.day, s.company_id, s.order_id, s.status, CASE s.status WHEN 'shipped' THEN s.place ELSE -s.place END
)
SELECT t.day, t.company_id,
       count(*) FILTER (WHERE t.is_shipment) AS shipped_orders,
       round(avg(t.since_created) FILTER (WHERE t.is_shipment)) AS mean_seconds_to_ship,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY t.since_created::double precision) FILTER (WHERE t.is_shipment) AS median_seconds_to_ship,
       count(*) FILTER (WHERE NOT t.is_shipment) AS delivered_orders,
       round(avg(t.since_shipped)) AS mean_seconds_in_transit,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY t.since_shipped::double precision) AS median_seconds_in_transit,
       round(avg(t.since_created) FILTER (WHERE NOT t.is_shipment)) AS mean_seconds_to_deliver,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY t.since_created::double precision) FILTER (WHERE NOT t.is_shipment) AS median_seconds_to_deliver
FROM timed t
GROUP BY 1, 2$query$,
 '{day,company_id}', '1 day', NULL, '19-59/20 * * * *', NULL, NULL, NULL, 'analytics.order_steps', 'day', NULL, NULL, '{
  "day": {"meaning": "The day on which orders were shipped or delivered, in the report''s time zone."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "shipped_orders": {"meaning": "Orders of which a parcel left.", "unit": "orders", "source": "order_shipped"},
  "mean_seconds_to_ship": {"meaning": "From placed (order_created, or else order_paid) to shipped, the mean of the orders shipped on the day.", "unit": "seconds", "definition": "D-53"},
  "median_seconds_to_ship": {"meaning": "The same, the median.", "unit": "seconds", "definition": "D-53"},
  "delivered_orders": {"meaning": "Orders of which a parcel arrived.", "unit": "orders", "source": "order_delivered"},
  "mean_seconds_in_transit": {"meaning": "From shipped to delivered, the mean of the orders delivered on the day.", "unit": "seconds", "definition": "D-53"},
  "median_seconds_in_transit": {"meaning": "The same, the median.", "unit": "seconds", "definition": "D-53"},
  "mean_seconds_to_deliver": {"meaning": "From placed to delivered, the mean of the orders delivered on the day.", "unit": "seconds", "definition": "D-53"},
  "median_seconds_to_deliver": {"meaning": "The same, the median.", "unit": "seconds", "definition": "D-53"}}'),

-- How orders go from status to status. A row for each event, which keeps its key whatever comes late: what was
-- before it is told anew with all events of the order, and no row ever has to go.
('commerce', 'order_steps', 'Orders step by step: an event after the other, and the status that each brought.', $query$
WITH touched AS (
  SELECT DISTINCT e.entity_id
  FROM public.business_events e
  WHERE e.event_name IN ({{order_created}}, {{order_process_started}}, {{stock_reserved}}, {{stock_reservation_failed}}, {{order_paid}}, {{order_failed}}, {{order_shipped}}, {{order_delivered}}, {{order_completed}}, {{order_refunded}}, {{order_cancelled}}, {{order_status_changed}}) AND e.occurred_at >= $1 AND e.occurred_at < $2 AND e.entity_id IS NOT NULL
), told AS (
  SELECT coalesce(e.company_id, '') AS company_id, e.entity_id AS order_id, e.id AS event_id, e.occurred_at,
         CASE e.event_name
           WHEN {{order_created}} THEN 'created'
           WHEN {{order_process_started}} THEN 'processing'
           WHEN {{stock_reserved}} THEN 'reserved'
           WHEN {{stock_reservation_failed}} THEN 'unavailable'
           WHEN {{order_paid}} THEN 'paid'
           WHEN {{order_failed}} THEN 'failed'
           WHEN {{order_shipped}} THEN 'shipped'
           WHEN {{order_delivered}} THEN 'delivered'
           WHEN {{order_completed}} THEN 'completed'
           WHEN {{order_refunded}} THEN 'refunded'
           WHEN {{order_cancelled}} THEN 'cancelled'
           ELSE e.properties ->> {{order_status_changed.status}} END AS status
  FROM touched t
  CROSS JOIN LATERAL (
    SELECT e.id, e.event_name, e.occurred_at, e.company_id, e.actor_user_id, e.entity_id, e.properties
    FROM public.business_events e
    WHERE e.entity_id = t.entity_id AND e.event_name IN ({{order_created}}, {{order_process_started}}, {{stock_reserved}}, {{stock_reservation_failed}}, {{order_paid}}, {{order_failed}}, {{order_shipped}}, {{order_delivered}}, {{order_completed}}, {{order_refunded}}, {{order_cancelled}}, {{order_status_changed}})
    OFFSET 0) AS e
), steps AS (
  SELECT t.*, row_number() OVER w AS place, coalesce(lag(t.status) OVER w, 'start') AS from_status,
         extract(epoch FROM t.occurred_at - lag(t.occurred_at) OVER w) AS seconds_since,
         extract(epoch FROM t.occurred_at - coalesce(min(t.occurred_at) FILTER (WHERE t.status = 'created') OVER u,
                                                     min(t.occurred_at) FILTER (WHERE t.status = 'paid') OVER u)) AS seconds_since_placed,
         extract(epoch FROM t.occurred_at - min(t.occurred_at) FILTER (WHERE t.status = 'shipped') OVER u) AS seconds_since_shipped
  FROM told t
  WHERE t.status IS NOT NULL
  WINDOW w AS (PARTITION BY t.company_id, t.order_id ORDER BY t.occurred_at, t.event_id),
         u AS (PARTITION BY t.company_id, t.order_id ORDER BY t.occurred_at)
)
SELECT s.occurred_at::date AS day, s.company_id, s.order_id, s.event_id, s.place, s.occurred_at,
       s.from_status, s.status, s.seconds_since, s.seconds_since_placed, s.seconds_since_shipped,
       s.from_status = s.status OR coalesce({{commerce.order_transitions}}::jsonb -> s.from_status ? s.status, false) AS is_allowed
FROM steps s$query$,
 '{day,company_id,order_id,event_id}', '1 day', NULL, '5-59/15 * * * *', 'merge',
 '{order_created,order_process_started,stock_reserved,stock_reservation_failed,order_paid,order_failed,order_shipped,order_delivered,order_completed,order_refunded,order_cancelled,order_status_changed}', NULL, NULL, NULL, NULL, NULL, '{
  "day": {"meaning": "The day of the event, in the report''s time zone."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "order_id": {"meaning": "The order: entity_id of the events; those without one are in no row."},
  "event_id": {"meaning": "The event."},
  "place": {"meaning": "1 for the order''s first event, 2 for the next and so on."},
  "occurred_at": {"meaning": "When it happened."},
  "from_status": {"meaning": "The status before it; start for the first."},
  "status": {"meaning": "The status that it brought; the same as before where the event tells it once more, as a second parcel or refund does.", "source": "the event''s name, order_status_changed.status"},
  "seconds_since": {"meaning": "Time since the event before it; NULL for the first.", "unit": "seconds"},
  "seconds_since_placed": {"meaning": "Time since the order was placed, by order_created or else by order_paid; NULL where neither was yet.", "unit": "seconds", "definition": "D-53"},
  "seconds_since_shipped": {"meaning": "Time since its first parcel left; NULL where none had.", "unit": "seconds", "definition": "D-53"},
  "is_allowed": {"meaning": "Whether an order may come from the one into the other, as the parameter order_transitions says; staying where it is always is."}}'),

('commerce', 'order_transitions', 'Orders that came from one status into another, by the day on which they did: how many, whether they may, and how long they had been where they were.', $query$
SELECT s.day, s.company_id, s.from_status, s.status AS to_status,
       count(*) AS transitions,
       count(DISTINCT s.order_id) AS orders,
       bool_and(s.is_allowed) AS is_allowed,
       round(avg(s.seconds_since)) AS mean_seconds,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY s.seconds_since::double precision) AS median_seconds
FROM analytics.order_steps s
WHERE s.from_status <> s.status AND s.day >= $1::date AND s.day < $2::date
GROUP BY 1, 2, 3, 4$query$,
 '{day,company_id,from_status,to_status}', '1 day', NULL, '21 * * * *', NULL, NULL, NULL, 'analytics.order_steps', 'day', NULL, NULL, '{
  "day": {"meaning": "The day on which they did, in the report''s time zone."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "from_status": {"meaning": "The status that they left; start where there was none."},
  "to_status": {"meaning": "The status that they came into."},
  "transitions": {"meaning": "How often that was.", "unit": "transitions"},
  "orders": {"meaning": "Of how many different orders; never sum it over rows.", "unit": "orders"},
  "is_allowed": {"meaning": "Whether an order may, as the parameter order_transitions says."},
  "mean_seconds": {"meaning": "How long they had been in from_status, or since its last event, the mean.", "unit": "seconds"},
  "median_seconds": {"meaning": "The same, the median.", "unit": "seconds"}}'),

-- Stock ------------------------------------------------------------------------------------------------------

-- The key begins with the product, so that the last snapshot before a day is found by index.
('commerce', 'inventory_snapshots', 'Stock at the end of each day on which it changed, by company, product and location.', $query$
WITH changes AS (
  SELECT e.occurred_at, e.id, coalesce(e.company_id, '') AS company_id, e.entity_id AS product_id,
         coalesce(e.properties ->> {{stock_changed.location}}, '') AS location,
         bizmetrics.number_in(e.properties, {{stock_changed.on_hand}}) AS on_hand,
         bizmetrics.number_in(e.properties, {{stock_changed.unit_cost}}) AS unit_cost,
         upper(coalesce(e.properties ->> {{stock_changed.currency}}, '')) AS currency,
         bizmetrics.number_in(e.properties, {{stock_changed.reorder_point}}) AS reorder_point,
         e.properties ->> {{stock_changed.name}} AS product_name,
         e.properties ->> {{stock_changed.category}} AS category
  FROM public.business_events e
  WHERE e.event_name = {{stock_changed}} AND e.occurred_at >= $1 AND e.occurred_at < $2 AND e.entity_id IS NOT NULL
    AND bizmetrics.number_in(e.properties, {{stock_changed.on_hand}}) IS NOT NULL
), received AS (
  SELECT coalesce(e.company_id, '') AS company_id, e.entity_id AS product_id,
         coalesce(e.properties ->> {{stock_received.location}}, '') AS location, e.occurred_at::date AS day,
         sum(coalesce(bizmetrics.number_in(e.properties, {{stock_received.quantity}}), 0)) AS units
  FROM public.business_events e
  WHERE e.event_name = {{stock_received}} AND e.occurred_at >= $1 AND e.occurred_at < $2 AND e.entity_id IS NOT NULL
  GROUP BY 1, 2, 3, 4
), days AS (
  SELECT c.company_id, c.product_id, c.location, c.occurred_at::date AS day,
         (array_agg(c.on_hand ORDER BY c.occurred_at DESC, c.id DESC))[1] AS on_hand,
         min(c.on_hand) AS lowest,
         (array_agg(c.unit_cost ORDER BY c.occurred_at DESC, c.id DESC) FILTER (WHERE c.unit_cost IS NOT NULL))[1] AS unit_cost,
         (array_agg(c.currency ORDER BY c.occurred_at DESC, c.id DESC) FILTER (WHERE c.unit_cost IS NOT NULL))[1] AS currency,
         (array_agg(c.reorder_point ORDER BY c.occurred_at DESC, c.id DESC) FILTER (WHERE c.reorder_point IS NOT NULL))[1] AS reorder_point,
         (array_agg(c.product_name ORDER BY c.occurred_at DESC, c.id DESC) FILTER (WHERE c.product_name IS NOT NULL))[1] AS product_name,
         (array_agg(c.category ORDER BY c.occurred_at DESC, c.id DESC) FILTER (WHERE c.category IS NOT NULL))[1] AS category,
         max(c.occurred_at) AS changed_at,
         count(*) AS changes
  FROM changes c
  GROUP BY 1, 2, 3, 4
)
SELECT d.company_id, d.product_id, d.location, d.day,
       d.on_hand, d.lowest, d.changes, coalesce(r.units, 0) AS units_received,
       d.unit_cost, d.on_hand * d.unit_cost AS stock_value, d.currency,
       d.reorder_point, d.product_name, d.category, d.changed_at
FROM days d
LEFT JOIN received r ON r.company_id = d.company_id AND r.product_id = d.product_id AND r.location = d.location AND r.day = d.day$query$,
 '{company_id,product_id,location,day}', '1 day', NULL, '*/10 * * * *', NULL, '{stock_changed,stock_received}', NULL, NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "product_id": {"meaning": "The product: entity_id of the events."},
  "location": {"meaning": "Where; empty where events name no place."},
  "day": {"meaning": "The day, in the report''s time zone. On a day without a row nothing changed: the row before it holds."},
  "on_hand": {"meaning": "Units there are at the end of the day.", "unit": "units", "source": "stock_changed.on_hand"},
  "lowest": {"meaning": "The lowest that the day''s events say.", "unit": "units"},
  "changes": {"meaning": "How often it changed.", "unit": "events"},
  "units_received": {"meaning": "Units that came in.", "unit": "units", "source": "stock_received.quantity"},
  "unit_cost": {"meaning": "What one costs, as the day''s last event says that says so.", "unit": "currency", "source": "stock_changed.unit_cost"},
  "stock_value": {"meaning": "on_hand times unit_cost.", "unit": "currency"},
  "currency": {"meaning": "The currency of unit_cost in capitals."},
  "reorder_point": {"meaning": "At how many units more is to be ordered.", "unit": "units", "source": "stock_changed.reorder_point"},
  "product_name": {"meaning": "What it is called.", "source": "stock_changed.name"},
  "category": {"meaning": "Its category.", "source": "stock_changed.category"},
  "changed_at": {"meaning": "When the last event of the day occurred."}}'),

('commerce', 'inventory_levels', 'What is in stock now, by company, product and location.', $query$
WITH changed AS (
  SELECT DISTINCT i.company_id, i.product_id, i.location
  FROM analytics.inventory_snapshots i
  WHERE i.day >= $1::date AND i.day < $2::date
)
SELECT c.company_id, c.product_id, c.location, l.on_hand, l.unit_cost, l.stock_value, l.currency,
       l.reorder_point, l.product_name, l.category, l.changed_at
FROM changed c
CROSS JOIN LATERAL (
  SELECT i.*
  FROM analytics.inventory_snapshots i
  WHERE i.company_id = c.company_id AND i.product_id = c.product_id AND i.location = c.location
  ORDER BY i.day DESC
  LIMIT 1) AS l$query$,
 '{company_id,product_id,location}', '1 day', NULL, '*/10 * * * *', 'merge', NULL, NULL, 'analytics.inventory_snapshots', 'day', NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "product_id": {"meaning": "The product."},
  "location": {"meaning": "Where; empty where events name no place."},
  "on_hand": {"meaning": "Units there are, as the latest event says.", "unit": "units", "source": "stock_changed.on_hand"},
  "unit_cost": {"meaning": "What one costs.", "unit": "currency", "source": "stock_changed.unit_cost"},
  "stock_value": {"meaning": "on_hand times unit_cost.", "unit": "currency"},
  "currency": {"meaning": "The currency of unit_cost in capitals."},
  "reorder_point": {"meaning": "At how many units more is to be ordered.", "unit": "units", "source": "stock_changed.reorder_point"},
  "product_name": {"meaning": "What it is called.", "source": "stock_changed.name"},
  "category": {"meaning": "Its category.", "source": "stock_changed.category"},
  "changed_at": {"meaning": "When the latest event occurred."}}'),

('commerce', 'inventory_health', 'How stock is doing, by company and product, all locations together: how long it lasts, and what needs attention.', $query$
WITH period AS (
  -- Known once, and not for each row
  SELECT now()::date - 29 AS first_day, now()::date AS last_day
), levels AS (
  SELECT l.company_id, l.product_id, max(l.product_name) AS product_name, max(l.category) AS category,
         sum(l.on_hand) AS on_hand, sum(l.reorder_point) AS reorder_point,
         CASE WHEN min(l.currency) = max(l.currency) THEN sum(l.on_hand * l.unit_cost) END AS stock_value,
         CASE WHEN min(l.currency) = max(l.currency) THEN min(l.currency) END AS currency,
         max(l.changed_at) AS changed_at
  FROM analytics.inventory_levels l
  GROUP BY 1, 2
), sold AS (
  SELECT s.company_id, s.product_id,
         sum(s.units) FILTER (WHERE s.day >= (SELECT p.first_day FROM period p)) AS units_sold_30d,
         max(s.day) FILTER (WHERE s.units > 0) AS last_sold_on
  FROM analytics.daily_product_sales s
  WHERE s.day <= (SELECT p.last_day FROM period p)
  GROUP BY 1, 2
), told AS (
  -- What each location had when the 30 days began, and has had since
  SELECT l.company_id, l.product_id, l.location, p.first_day AS day, held.on_hand
  FROM period p
  CROSS JOIN analytics.inventory_levels l
  CROSS JOIN LATERAL (
    SELECT i.on_hand
    FROM analytics.inventory_snapshots i
    WHERE i.company_id = l.company_id AND i.product_id = l.product_id AND i.location = l.location AND i.day <= p.first_day
    ORDER BY i.day DESC
    LIMIT 1) AS held
  UNION ALL
  SELECT i.company_id, i.product_id, i.location, i.day, i.on_hand
  FROM analytics.inventory_snapshots i
  WHERE i.day > (SELECT p.first_day FROM period p) AND i.day <= (SELECT p.last_day FROM period p)
), changes AS (
  SELECT t.company_id, t.product_id, t.day,
         t.on_hand - coalesce(lag(t.on_hand) OVER (PARTITION BY t.company_id, t.product_id, t.location ORDER BY t.day), 0) AS change
  FROM told t
), held AS (
  SELECT c.company_id, c.product_id, c.day,
         coalesce(lead(c.day) OVER w, p.last_day + 1) - c.day AS days,
         sum(sum(c.change)) OVER w AS on_hand
  FROM changes c, period p
  GROUP BY c.company_id, c.product_id, c.day, p.last_day
  WINDOW w AS (PARTITION BY c.company_id, c.product_id ORDER BY c.day)
), empty_days AS (
  SELECT h.company_id, h.product_id, coalesce(sum(h.days) FILTER (WHERE h.on_hand <= 0), 0) AS days_out, sum(h.days) AS days_known
  FROM held h
  GROUP BY 1, 2
), joined AS (
  SELECT l.*, coalesce(s.units_sold_30d, 0) AS units_sold_30d, s.last_sold_on, e.days_out, e.days_known
  FROM levels l
  LEFT JOIN sold s ON s.company_id = l.company_id AND s.product_id = l.product_id
  LEFT JOIN empty_days e ON e.company_id = l.company_id AND e.product_id = l.product_id
)
SELECT j.company_id, j.product_id, j.product_name, j.category, j.on_hand, j.stock_value, j.currency,
       j.units_sold_30d,
       round(j.units_sold_30d / 30, 4) AS mean_daily_units,
       round(j.on_hand / nullif(j.units_sold_30d / 30, 0), 1) AS days_of_cover,
       round(j.units_sold_30d / nullif(j.units_sold_30d + j.on_hand, 0), 6) AS sell_through,
       coalesce(j.days_out, 0) AS days_out_of_stock,
       round(j.days_out::numeric / nullif(j.days_known, 0), 6) AS stock_out_rate,
       j.last_sold_on,
       j.reorder_point,
       CASE WHEN j.on_hand <= 0 THEN 'out of stock'
            WHEN j.on_hand <= j.reorder_point THEN 'reorder'
            WHEN j.last_sold_on IS NULL OR j.last_sold_on <= now()::date - 90 THEN 'dead stock'
            WHEN j.on_hand < 14 * j.units_sold_30d / 30 THEN 'low'
            ELSE 'ok' END AS status
FROM joined j$query$,
 '{company_id,product_id}', NULL, NULL, '29 * * * *', 'full', NULL, '{inventory_levels,inventory_snapshots,daily_product_sales}', NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "product_id": {"meaning": "The product."},
  "product_name": {"meaning": "What it is called."},
  "category": {"meaning": "Its category."},
  "on_hand": {"meaning": "Units there are now.", "unit": "units"},
  "stock_value": {"meaning": "What they cost; NULL where unit costs are of several currencies.", "unit": "currency"},
  "currency": {"meaning": "The currency of stock_value in capitals."},
  "units_sold_30d": {"meaning": "Units sold in the last 30 days, today included.", "unit": "units"},
  "mean_daily_units": {"meaning": "units_sold_30d / 30.", "unit": "units a day"},
  "days_of_cover": {"meaning": "on_hand / mean_daily_units; NULL where nothing was sold.", "unit": "days", "definition": "D-50"},
  "sell_through": {"meaning": "Sold in 30 days / (sold + on_hand).", "unit": "ratio from 0 to 1", "definition": "D-50"},
  "days_out_of_stock": {"meaning": "Of the last 30 days, those that ended without stock.", "unit": "days", "definition": "D-50"},
  "stock_out_rate": {"meaning": "days_out_of_stock / the days of the last 30 for which stock is known.", "unit": "ratio from 0 to 1", "definition": "D-50"},
  "last_sold_on": {"meaning": "The last day on which it was sold; NULL: never."},
  "reorder_point": {"meaning": "At how many units more is to be ordered.", "unit": "units"},
  "status": {"meaning": "The first that holds: out of stock; reorder (at the reorder point or below); dead stock (not sold for 90 days); low (lasts less than 14 days); ok."}}'),

-- What stood at the beginning of a month comes from the last snapshot before it; a late event changes all
-- months that follow.
('commerce', 'inventory_turnover', 'How often stock was turned over, by month, company and product, all locations together.', $query$
WITH months AS (
  SELECT m.from_time, least(m.from_time + interval '1 month', now()) AS to_time
  FROM generate_series(date_trunc('month', $1), now(), interval '1 month') AS m (from_time)
  WHERE m.from_time < now()
), carried AS (
  SELECT m.from_time, m.to_time, l.company_id, l.product_id, l.location, m.from_time AS at, held.on_hand, held.unit_cost, held.currency, '' AS id
  FROM months m
  CROSS JOIN analytics.inventory_levels l
  CROSS JOIN LATERAL (
    SELECT i.on_hand, i.unit_cost, i.currency
    FROM analytics.inventory_snapshots i
    WHERE i.company_id = l.company_id AND i.product_id = l.product_id AND i.location = l.location
      AND i.day < m.from_time::date
    ORDER BY i.day DESC
    LIMIT 1) AS held
), told AS (
  SELECT c.* FROM carried c
  UNION ALL
  SELECT m.from_time, m.to_time, coalesce(e.company_id, ''), e.entity_id,
         coalesce(e.properties ->> {{stock_changed.location}}, ''), e.occurred_at,
         bizmetrics.number_in(e.properties, {{stock_changed.on_hand}}),
         bizmetrics.number_in(e.properties, {{stock_changed.unit_cost}}),
         CASE WHEN bizmetrics.number_in(e.properties, {{stock_changed.unit_cost}}) IS NOT NULL
              THEN upper(coalesce(e.properties ->> {{stock_changed.currency}}, '')) END,
         e.id::text
  FROM months m
  JOIN public.business_events e ON e.occurred_at >= m.from_time AND e.occurred_at < m.to_time
  WHERE e.event_name = {{stock_changed}} AND e.entity_id IS NOT NULL
    AND e.occurred_at >= date_trunc('month', $1) AND e.occurred_at < now()
    AND bizmetrics.number_in(e.properties, {{stock_changed.on_hand}}) IS NOT NULL
), held AS (
  SELECT t.from_time, t.to_time, t.company_id, t.product_id, t.location,
         bizmetrics.time_weighted_avg(t.on_hand, t.at, t.to_time) AS average_units,
         bizmetrics.time_weighted_avg(t.on_hand * t.unit_cost, t.at, t.to_time) AS average_value,
         (array_agg(t.unit_cost ORDER BY t.at DESC, t.id DESC) FILTER (WHERE t.unit_cost IS NOT NULL))[1] AS unit_cost,
         (array_agg(t.currency ORDER BY t.at DESC, t.id DESC) FILTER (WHERE t.unit_cost IS NOT NULL))[1] AS currency
  FROM told t
  GROUP BY 1, 2, 3, 4, 5
), stock AS (
  SELECT h.from_time, h.to_time, h.company_id, h.product_id, sum(h.average_units) AS average_units,
         CASE WHEN min(h.currency) = max(h.currency) THEN sum(h.average_value) END AS average_value,
         CASE WHEN min(h.currency) = max(h.currency) THEN avg(h.unit_cost) END AS unit_cost,
         CASE WHEN min(h.currency) = max(h.currency) THEN min(h.currency) END AS currency
  FROM held h
  GROUP BY 1, 2, 3, 4
), sold AS (
  SELECT date_trunc('month', s.day::timestamptz) AS from_time, s.company_id, s.product_id, sum(s.units) - sum(s.units_refunded) AS units
  FROM analytics.daily_product_sales s
  WHERE s.day >= date_trunc('month', $1)::date
  GROUP BY 1, 2, 3
), figures AS (
  SELECT k.*, coalesce(s.units, 0) AS units_sold, coalesce(s.units, 0) * k.unit_cost AS cost_of_goods_sold,
         extract(epoch FROM k.to_time - k.from_time) / 86400 AS days
  FROM stock k
  LEFT JOIN sold s ON s.from_time = k.from_time AND s.company_id = k.company_id AND s.product_id = k.product_id
)
SELECT f.from_time::date AS month, f.company_id, f.product_id,
       f.units_sold, round(f.average_units, 4) AS average_units,
       round(f.units_sold / nullif(f.average_units, 0), 6) AS unit_turnover,
       f.currency, round(f.cost_of_goods_sold, 4) AS cost_of_goods_sold, round(f.average_value, 4) AS average_value,
       round(f.cost_of_goods_sold / nullif(f.average_value, 0), 6) AS turnover,
       round(f.days / nullif(f.cost_of_goods_sold / nullif(f.average_value, 0), 0), 1) AS days_of_inventory
FROM figures f$query$,
 '{month,company_id,product_id}', '1 month', '1 day', '33 * * * *', 'merge', '{stock_changed,order_paid,order_refunded}', '{inventory_levels,inventory_snapshots,daily_product_sales}', NULL, NULL, NULL, NULL, '{
  "month": {"meaning": "The first day of the month, in the report''s time zone; the current month up to now."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "product_id": {"meaning": "The product."},
  "units_sold": {"meaning": "Units sold less units that came back.", "unit": "units"},
  "average_units": {"meaning": "Units in stock, averaged over the time for which they are known.", "unit": "units", "definition": "D-49"},
  "unit_turnover": {"meaning": "units_sold / average_units.", "unit": "times a month"},
  "currency": {"meaning": "The currency of unit costs in capitals; NULL where there is none, or several."},
  "cost_of_goods_sold": {"meaning": "units_sold times the last unit cost of the month.", "unit": "currency", "source": "order_paid.items, stock_changed.unit_cost"},
  "average_value": {"meaning": "What the stock costs, averaged over time.", "unit": "currency", "definition": "D-49"},
  "turnover": {"meaning": "cost_of_goods_sold / average_value.", "unit": "times a month", "definition": "D-49"},
  "days_of_inventory": {"meaning": "Days of the month / turnover.", "unit": "days", "definition": "D-49"}}'),

-- Today, this week, this month and this year against the same part of the ones before: whole days from
-- daily_sales, the parts of days from the events.
('commerce', 'sales_overview', 'Sales of today, this week, this month and this year up to now, against yesterday, last week, last month and last year up to the same point, by company and currency.', $query$
WITH periods AS (
  SELECT p.period, p.place, date_trunc(p.period, now()) AS begins,
         date_trunc(p.period, now()) - p.length AS begins_before,
         least((now()::timestamp - (date_trunc(p.period, now()::timestamp) - (date_trunc(p.period, now()::timestamp) - p.length)))::timestamptz, date_trunc(p.period, now())) AS ends_before
  FROM (VALUES ('day', 1, interval '1 day'), ('week', 2, interval '1 week'), ('month', 3, interval '1 month'), ('year', 4, interval '1 year')) AS p (period, place, length)
), ranges AS (
  SELECT p.period, date_trunc('day', now()) AS from_time, now() AS to_time, true AS is_current FROM periods p
  UNION ALL
  SELECT p.period, date_trunc('day', p.ends_before), p.ends_before, false FROM periods p
), parts AS (
  SELECT p.period, d.company_id, d.currency, d.orders, d.total_sales AS sales, d.day >= p.begins::date AS is_current
  FROM periods p
  JOIN analytics.daily_sales d ON (d.day >= p.begins::date AND d.day < now()::date)
                               OR (d.day >= p.begins_before::date AND d.day < p.ends_before::date)
  -- LATERAL has each range's events found by index, where a join would read those of all time.
  UNION ALL
  SELECT r.period, o.company_id, o.currency, o.orders, o.sales, r.is_current
  FROM ranges r
  CROSS JOIN LATERAL (
    SELECT coalesce(e.company_id, '') AS company_id, upper(coalesce(e.properties ->> {{order_paid.currency}}, '')) AS currency,
           count(DISTINCT coalesce(e.entity_id, e.id::text)) AS orders, coalesce(sum(bizmetrics.number_in(e.properties, {{order_paid.value}})), 0) AS sales
    FROM public.business_events e
    WHERE e.event_name = {{order_paid}} AND e.occurred_at >= r.from_time AND e.occurred_at < r.to_time
    GROUP BY 1, 2) AS o
  UNION ALL
  SELECT r.period, b.company_id, b.currency, 0, -b.refunded, r.is_current
  FROM ranges r
  CROSS JOIN LATERAL (
    SELECT coalesce(e.company_id, '') AS company_id, upper(coalesce(e.properties ->> {{order_refunded.currency}}, '')) AS currency,
           coalesce(sum(bizmetrics.number_in(e.properties, {{order_refunded.amount}})), 0) AS refunded
    FROM public.business_events e
    WHERE e.event_name = {{order_refunded}} AND e.occurred_at >= r.from_time AND e.occurred_at < r.to_time
    GROUP BY 1, 2) AS b
), summed AS (
  SELECT p.company_id, p.currency, p.period,
         coalesce(sum(p.sales) FILTER (WHERE p.is_current), 0) AS sales,
         coalesce(sum(p.sales) FILTER (WHERE NOT p.is_current), 0) AS sales_before,
         coalesce(sum(p.orders) FILTER (WHERE p.is_current), 0)::bigint AS orders,
         coalesce(sum(p.orders) FILTER (WHERE NOT p.is_current), 0)::bigint AS orders_before
  FROM parts p
  GROUP BY 1, 2, 3
)
SELECT n.company_id, n.currency, q.period, q.place, q.begins AS begins_at,
       coalesce(s.sales, 0) AS sales, coalesce(s.sales_before, 0) AS sales_before,
       round((s.sales - s.sales_before) / nullif(s.sales_before, 0), 6) AS sales_change,
       coalesce(s.orders, 0) AS orders, coalesce(s.orders_before, 0) AS orders_before,
       round((s.orders - s.orders_before)::numeric / nullif(s.orders_before, 0), 6) AS orders_change
FROM (SELECT DISTINCT x.company_id, x.currency FROM summed x) AS n
CROSS JOIN periods q
LEFT JOIN summed s ON s.company_id = n.company_id AND s.currency = n.currency AND s.period = q.period$query$,
 '{company_id,currency,period}', NULL, NULL, '*/5 * * * *', 'full', NULL, '{daily_sales}', NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "currency": {"meaning": "The currency in capitals; empty where events name none."},
  "period": {"meaning": "day, week (from Monday), month or year, in the report''s time zone."},
  "place": {"meaning": "1 for day to 4 for year: to sort by."},
  "begins_at": {"meaning": "When the current one began."},
  "sales": {"meaning": "Paid less refunded since then.", "unit": "currency", "definition": "D-42"},
  "sales_before": {"meaning": "The same of the one before, up to the same point of it.", "unit": "currency", "definition": "D-42"},
  "sales_change": {"meaning": "(sales - sales_before) / sales_before.", "unit": "ratio"},
  "orders": {"meaning": "Paid orders since then.", "unit": "orders"},
  "orders_before": {"meaning": "Those of the one before, up to the same point of it.", "unit": "orders"},
  "orders_change": {"meaning": "(orders - orders_before) / orders_before.", "unit": "ratio"}}');

INSERT INTO bizmetrics.pack_metrics VALUES
('commerce', 'shop_orders_total', 'counter', 'Paid orders.', '{}',
 'SELECT coalesce(sum(k.successful_orders), 0) AS value FROM analytics.daily_kpis k'),
('commerce', 'shop_sales_total', 'counter', 'What customers paid, with shipping and tax, before refunds.', '{currency}',
 'SELECT s.currency, sum(s.total_sales + s.refunds) AS value FROM analytics.daily_sales s GROUP BY 1'),
('commerce', 'shop_refunds_total', 'counter', 'What went back to customers.', '{currency}',
 'SELECT s.currency, sum(s.refunds) AS value FROM analytics.daily_sales s GROUP BY 1'),
('commerce', 'shop_customers', 'gauge', 'Customers who ever paid an order, the companies added up.', '{}',
 'SELECT coalesce(sum(o.customers), 0) AS value FROM analytics.customer_overview o'),
('commerce', 'shop_products_out_of_stock', 'gauge', 'Products of which nothing is in stock.', '{}',
 $$SELECT count(*) AS value FROM analytics.inventory_health h WHERE h.status = 'out of stock'$$);
