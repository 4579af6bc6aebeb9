-- The pack commerce: its definitions, on cases that were computed by hand.
\i test/helpers/packs.sql
BEGIN;
SET LOCAL TimeZone = 'Europe/Berlin';
SELECT no_plan();

CREATE FUNCTION pg_temp.log(company text, customer text, event text, entity text, at timestamptz, properties jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
  SELECT bizmetrics.log_event(event, properties, actor_user_id => customer, company_id => company, entity_type => 'order', entity_id => entity, occurred_at => at)
$$;
CREATE FUNCTION pg_temp.paid(company text, customer text, entity text, at timestamptz, value numeric, more jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
  SELECT pg_temp.log(company, customer, 'order_paid', entity, at, jsonb_build_object('value', value, 'currency', 'EUR') || more)
$$;
CREATE FUNCTION pg_temp.stock(product text, at timestamptz, on_hand numeric, more jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
  SELECT bizmetrics.log_event('stock_changed', jsonb_build_object('on_hand', on_hand) || more, company_id => 'stock', entity_type => 'product', entity_id => product, occurred_at => at)
$$;

-- The first of March: three orders in EUR, one of them at its second attempt; one that failed; one in USD.
SELECT pg_temp.paid('c1', 'ann', 'o1', '2024-03-01 10:00+00', 129.90, '{"currency": "eur", "discount": 10, "shipping": 4.90, "tax": 20, "items": [
  {"product_id": "p1", "name": "Pen", "category": "Office", "quantity": 2, "unit_price": 50.00}, {"product_id": "p2", "name": "Book", "category": "Books", "unit_price": "15.00", "discount": 10}]}');
SELECT pg_temp.paid('c1', 'ben', 'o2', '2024-03-01 12:00+00', 20.10), pg_temp.log('c1', 'cid', 'order_failed', 'o3', '2024-03-01 12:30+00', '{"value": 9, "currency": "EUR"}');
SELECT pg_temp.log('c1', 'dan', 'order_failed', 'o4', '2024-03-01 13:00+00', '{"currency": "EUR"}'), pg_temp.paid('c1', 'dan', 'o4', '2024-03-01 14:00+00', 50), pg_temp.paid('c1', 'ann', 'o5', '2024-03-01 15:00+00', 7, '{"currency": "USD"}');
-- Half past midnight in Berlin.
SELECT pg_temp.paid('c1', 'ann', 'o6', '2024-03-01 23:30+00', 30);
-- A refund that is later than the order, for a part of it, and a day on which nothing else happens.
SELECT pg_temp.log('c1', 'ann', 'order_refunded', 'o1', '2024-03-10 10:00+00', '{"amount": 50, "currency": "EUR", "reason": "broken", "items": [{"product_id": "p1", "quantity": 1, "amount": 50}]}');
-- Of another company the same customer is another one.
SELECT pg_temp.paid('c2', 'ann', 'o1', '2024-03-01 10:00+00', 5);
SELECT bizmetrics.log_event('customer_created', '{}', actor_user_id => 'eve', company_id => 'c1', occurred_at => '2024-03-05 10:00+00');
-- The day of the reference: 118 of 125 orders succeed, for 15 234.50.
SELECT pg_temp.paid('reference', 'c' || n % 60, 'o' || n, '2024-03-01 10:00+00', CASE n WHEN 118 THEN 141.50 ELSE 129 END) FROM generate_series(1, 118) AS n;
SELECT pg_temp.log('reference', 'c' || n, 'order_failed', 'o' || n, '2024-03-01 10:00+00', '{"currency": "EUR"}') FROM generate_series(119, 125) AS n;
-- Equal customers, and one who is not there.
SELECT pg_temp.paid('tie', c, 'o' || c, '2024-03-01 10:00+00', v) FROM (VALUES ('b', 10), ('a', 10), ('c', 9)) AS t (c, v);
-- Cohorts
SELECT pg_temp.paid('cohorts', c, c || at, at, v, more) FROM (VALUES ('x', timestamptz '2024-01-10', 100, '{"tax": 10}'::jsonb), ('x', '2024-03-05', 50, '{}'), ('y', '2024-01-20', 30, '{}'), ('z', '2024-02-01', 8, '{}')) AS t (c, at, v, more);
-- Fifths: ten customers, each later, more often and for more than the one before, and five that are all alike.
SELECT pg_temp.paid('rfm', 'c' || lpad(c::text, 2, '0'), 'o' || c || '-' || n, timestamptz '2024-03-01' + c * interval '1 day', 10) FROM generate_series(1, 10) AS c, generate_series(1, c) AS n;
SELECT pg_temp.paid('alike', 'c' || c, 'o' || c, '2024-03-01', 10) FROM generate_series(1, 5) AS c;
-- Shipped after 24 and 4 hours; one delivered two days later; one whose parcels are two.
SELECT pg_temp.log('ship', 'ann', 'order_created', 'f1', '2024-03-03 10:00'), pg_temp.paid('ship', 'ann', 'f1', '2024-03-03 10:05', 1), pg_temp.log('ship', NULL, 'order_shipped', 'f1', '2024-03-04 10:00'), pg_temp.log('ship', NULL, 'order_delivered', 'f1', '2024-03-06 10:00');
SELECT pg_temp.paid('ship', 'ben', 'f2', '2024-03-04 08:00', 1), pg_temp.log('ship', NULL, 'order_shipped', 'f2', '2024-03-04 12:00'), pg_temp.log('ship', NULL, 'order_shipped', 'f2', '2024-03-04 20:00');
-- Stock: 20 for ten days of April and 5 for twenty, 15 sold and 5 of them back, at a cost of 2.
SELECT pg_temp.stock('turned', '2024-03-21', 20, '{"unit_cost": 2, "currency": "eur"}'), pg_temp.stock('turned', '2024-04-11', 5, '{"unit_cost": 2, "currency": "EUR"}');
SELECT pg_temp.paid('stock', 'ann', 's1', '2024-04-05', 150, '{"items": [{"product_id": "turned", "quantity": 15, "unit_price": 10}]}'), pg_temp.log('stock', 'ann', 'order_refunded', 's1', '2024-04-20', '{"amount": 50, "currency": "EUR", "items": [{"product_id": "turned", "quantity": 5, "amount": 50}]}');
-- An order that goes the whole way, its parcels two; one that is paid after it was cancelled; one in a status of its own; one that nobody began.
SELECT pg_temp.log('flow', NULL, e, 'w1', '2024-03-05 10:00+01'::timestamptz + s * interval '1 second') FROM (VALUES ('order_created', 0), ('order_process_started', 10), ('stock_reserved', 30), ('order_paid', 90), ('order_shipped', 3690), ('order_shipped', 7290), ('order_delivered', 86490), ('order_completed', 90090)) AS t (e, s);
SELECT pg_temp.log('flow', NULL, e, 'w2', '2024-03-05 12:00+01'::timestamptz + s * interval '1 second', p) FROM (VALUES ('order_created', 0, '{}'::jsonb), ('stock_reservation_failed', 20, '{"reason": "sold out"}'), ('order_cancelled', 50, '{}'), ('order_paid', 60, '{"value": 5, "currency": "EUR"}')) AS t (e, s, p);
SELECT pg_temp.log('flow', NULL, 'order_paid', 'w3', '2024-03-05 23:59:50+01', '{"value": 5, "currency": "EUR"}'), pg_temp.log('flow', NULL, 'order_status_changed', 'w3', '2024-03-06 00:00:10+01', '{"status": "gift wrapped"}'), pg_temp.log('flow', NULL, 'order_status_changed', 'w3', '2024-03-06 00:00:20+01', '{}');
SELECT pg_temp.log('flow', NULL, 'order_delivered', 'w4', '2024-03-06 09:00+01');
SELECT pg_temp.log('lately', NULL, e, o, current_date::timestamptz - d * interval '1 day' + interval '10 hours' + s * interval '1 second')
FROM (VALUES ('l1', 'order_created', 3, 0), ('l1', 'order_paid', 3, 60), ('l1', 'order_shipped', 2, 0), ('l1', 'order_shipped', 2, 600), ('l2', 'order_created', 3, 0), ('l2', 'order_paid', 3, 120), ('l2', 'order_shipped', 3, 180), ('l2', 'order_shipped', 3, 190), ('l2', 'order_paid', 3, 200), ('l2', 'order_cancelled', 3, 210), ('l3', 'order_created', 30, 0)) AS t (o, e, d, s);
-- From where customers came
SELECT bizmetrics.log_event('customer_created', p, actor_user_id => c, company_id => 'came', occurred_at => at)
FROM (VALUES ('a', '{"channel": "ads"}'::jsonb, timestamptz '2024-03-05 10:00'), ('b', '{"channel": "ads"}', '2024-03-05 11:00'), ('c', '{}', '2024-03-05 11:00'), ('d', '{"channel": "ads"}', '2024-03-06 00:30'), ('a', '{"channel": "ads"}', '2024-03-05 12:00')) AS t (c, p, at);
SELECT pg_temp.paid('came', 'a', 'came1', '2024-03-05 10:00', 1), pg_temp.paid('came', 'd', 'came2', '2024-04-20 10:00', 1), pg_temp.paid('elsewhere', 'b', 'came3', '2024-03-07', 1);
-- In the last days
SELECT pg_temp.stock(p, now() - d * interval '1 day', n, '{"unit_cost": 2, "currency": "EUR", "reorder_point": 2}') FROM (VALUES ('fine', 40, 30), ('gone', 40, 5), ('gone', 3, 0), ('dead', 40, 5), ('few', 40, 2), ('low', 40, 5)) AS t (p, d, n);
SELECT pg_temp.paid('stock', 'ann', 'n1', now() - interval '2 days', 1, '{"items": [{"product_id": "fine", "quantity": 60, "unit_price": 1}, {"product_id": "few", "quantity": 1, "unit_price": 60}, {"product_id": "low", "quantity": 30, "unit_price": 1}]}');
SELECT pg_temp.paid('overview', 'ann', 'v1', now() - interval '1 microsecond', 150), pg_temp.paid('overview', 'ann', 'v2', now() - interval '1 day 1 microsecond', 100), pg_temp.paid('overview', 'ann', 'v3', now() - interval '1 day' + interval '1 microsecond', 70);
SELECT pg_temp.paid('overview', 'ann', 'w' || d, now() - d * interval '1 day', d), pg_temp.log('overview', 'ann', 'order_refunded', 'w' || d, now() - d * interval '1 day', '{"amount": 0.5, "currency": "EUR"}') FROM generate_series(2, 800, 3) AS d;

SELECT lives_ok($$SELECT pg_temp.run_pack('commerce', '2024-01-01', date_trunc('month', now()) + interval '1 month')$$, 'the pack is computed');

-- Orders
SELECT pg_temp.rows_are($$SELECT day, currency, order_count, successful_orders, failed_orders, total_revenue, average_order_value, conversion_rate, unique_customers, refund_amount FROM analytics.daily_kpis WHERE company_id = 'c1' ORDER BY 1, 2$$,
  '{"(2024-03-01,EUR,4,3,1,200.00,66.6667,0.750000,3,0)","(2024-03-01,USD,1,1,0,7,7.0000,1.000000,1,0)","(2024-03-02,EUR,1,1,0,30,30.0000,1.000000,1,0)","(2024-03-10,EUR,0,0,0,-50,,,0,50)"}',
  'days end at midnight of the report''s zone; currencies apart; an order that succeeds at last is none that failed; refunds on their own day; NULL where nothing is divided by');
SELECT pg_temp.rows_are($$SELECT order_count, successful_orders, failed_orders, total_revenue, round(average_order_value, 2), round(conversion_rate * 100, 2), unique_customers FROM analytics.daily_kpis WHERE company_id = 'reference'$$,
  '{"(125,118,7,15234.50,129.11,94.40,60)"}', 'the figures of the reference');
SELECT pg_temp.rows_are($$SELECT week, order_count, total_revenue, unique_customers FROM analytics.weekly_kpis WHERE company_id = 'c1' AND currency = 'EUR' ORDER BY 1$$, '{"(2024-02-26,5,230.00,3)","(2024-03-04,0,-50,0)"}', 'weeks begin on Monday, and a customer counts once in each');
SELECT pg_temp.rows_are($$SELECT month, order_count, successful_orders, failed_orders, total_revenue, average_order_value, conversion_rate, unique_customers, refund_amount FROM analytics.monthly_kpis WHERE company_id = 'c1' AND currency = 'EUR'$$,
  '{"(2024-03-01,5,4,1,180.00,45.0000,0.800000,3,50)"}', 'months');
SELECT pg_temp.rows_are($$SELECT day, currency, orders, customers, gross_sales, discounts, refund_count, refunds, net_sales, shipping, tax, total_sales, refund_rate FROM analytics.daily_sales WHERE company_id = 'c1' ORDER BY 1, 2$$,
  '{"(2024-03-01,EUR,3,3,185.10,10,0,0,175.10,4.90,20,200.00,0.000000)","(2024-03-01,USD,1,1,7,0,0,0,7,0,0,7,0.000000)","(2024-03-02,EUR,1,1,30,0,0,0,30,0,0,30,0.000000)","(2024-03-10,EUR,0,0,0,0,1,50,-50,0,0,-50,)"}', 'gross, net and total sales');
SELECT is_empty($$SELECT * FROM analytics.daily_sales s JOIN analytics.daily_kpis k USING (day, company_id, currency) WHERE s.total_sales <> k.total_revenue OR s.orders <> k.successful_orders$$, 'total sales are the revenue');
SELECT pg_temp.rows_are($$SELECT hour AT TIME ZONE 'UTC', gross_sales FROM analytics.hourly_sales WHERE company_id = 'c1' AND currency = 'EUR' ORDER BY 1$$,
  '{"(\"2024-03-01 10:00:00\",115.00)","(\"2024-03-01 12:00:00\",20.10)","(\"2024-03-01 14:00:00\",50)","(\"2024-03-01 23:00:00\",30)","(\"2024-03-10 10:00:00\",0)"}', 'hours');

-- Products
SELECT pg_temp.rows_are($$SELECT day, product_id, product_name, category, orders, units, gross_sales, discounts, units_refunded, refunds, net_sales FROM analytics.daily_product_sales WHERE company_id = 'c1' ORDER BY 1, 2$$,
  '{"(2024-03-01,p1,Pen,Office,1,2,100.00,0,0,0,100.00)","(2024-03-01,p2,Book,Books,1,1,15.00,10,0,0,5.00)","(2024-03-10,p1,,,0,0,0,0,1,50,-50)"}', 'products; an item without a quantity is one');
SELECT pg_temp.rows_are($$SELECT category, orders, units, gross_sales, discounts FROM analytics.daily_category_sales WHERE company_id = 'c1' ORDER BY 1$$, '{"(Books,1,1,15.00,10)","(Office,1,2,100.00,0)"}', 'categories');
SELECT pg_temp.rows_are($$SELECT month, product_id, product_name, orders, units, units_refunded, refunds, net_sales, share, rank FROM analytics.product_metrics WHERE company_id = 'c1' ORDER BY rank$$,
  '{"(2024-03-01,p1,Pen,1,2,1,50,50.00,0.909091,1)","(2024-03-01,p2,Book,1,1,0,0,5.00,0.090909,2)"}', 'products by month');
SELECT pg_temp.rows_are($$SELECT place, rank, product_id, units, net_sales, share FROM analytics.top_products WHERE company_id = 'stock' ORDER BY place$$, '{"(1,1,few,1,60,0.400000)","(2,1,fine,60,60,0.400000)","(3,3,low,30,30,0.200000)"}', 'the top products of 30 days; equal ones share a rank and no place');

-- Customers
SELECT pg_temp.rows_are($$SELECT day, company_id, customers, new_customers, returning_customers, first_orders, repeat_orders, registered_customers FROM analytics.daily_customers WHERE company_id IN ('c1', 'c2') ORDER BY 1, 2$$,
  '{"(2024-03-01,c1,3,3,0,3,1,0)","(2024-03-01,c2,1,1,0,1,0,0)","(2024-03-02,c1,1,0,1,0,1,0)","(2024-03-05,c1,0,0,0,0,0,1)"}', 'new and returning are decided at the order');
SELECT pg_temp.rows_are($$SELECT currency, orders, paid, refunded, spent, lifetime_value, average_order_value, first_order_at AT TIME ZONE 'UTC', last_order_at AT TIME ZONE 'UTC' FROM analytics.customer_metrics WHERE company_id = 'c1' AND customer_id = 'ann' ORDER BY 1$$,
  '{"(EUR,2,159.90,50,109.90,85.00,54.9500,\"2024-03-01 10:00:00\",\"2024-03-01 23:30:00\")","(USD,1,7,0,7,7,7.0000,\"2024-03-01 15:00:00\",\"2024-03-01 15:00:00\")"}', 'what a customer is worth: net of shipping, tax and refunds');
SELECT pg_temp.rows_are($$SELECT customers, repeat_customers, repeat_rate FROM analytics.customer_overview WHERE company_id IN ('c1', 'c2') ORDER BY company_id$$, '{"(3,1,0.333333)","(1,0,0.000000)"}', 'who ordered again');
SELECT pg_temp.rows_are($$SELECT day, customer_id, orders, total, rank, place FROM analytics.customer_leaderboard WHERE company_id = 'c1' AND currency = 'EUR' ORDER BY day, place$$,
  '{"(2024-03-01,ann,1,129.90,1,1)","(2024-03-01,dan,1,50,2,2)","(2024-03-01,ben,1,20.10,3,3)","(2024-03-02,ann,1,30,1,1)","(2024-03-10,ann,0,-50,1,1)"}', 'the leaderboard, on which a refund counts against the day it was processed on');
SELECT pg_temp.rows_are($$SELECT customer_id, rank, place FROM analytics.customer_leaderboard WHERE company_id = 'tie' ORDER BY place$$, '{"(a,1,1)","(b,1,2)","(c,3,3)"}', 'equal ones share a rank, and stand in the order of their ids');
SELECT is((SELECT rank FROM analytics.customer_leaderboard WHERE company_id = 'tie' AND customer_id = 'nobody'), NULL, 'who is not on it has no rank');
SELECT pg_temp.rows_are($$SELECT cohort_month, month_number, month, customers, active_customers, orders, net_sales, cumulative_net_sales, lifetime_value FROM analytics.customer_cohorts WHERE company_id = 'cohorts' AND cohort_month = '2024-01-01' AND month_number < 4 ORDER BY 2$$,
  '{"(2024-01-01,0,2024-01-01,2,2,2,120,120,60.0000)","(2024-01-01,1,2024-02-01,2,0,0,0,120,60.0000)","(2024-01-01,2,2024-03-01,2,1,1,50,170,85.0000)","(2024-01-01,3,2024-04-01,2,0,0,0,170,85.0000)"}', 'cohorts: months count from 0, and a month without orders has a row');
SELECT is((SELECT max(month) FROM analytics.customer_cohorts WHERE company_id = 'cohorts'), date_trunc('month', now())::date, 'up to the current one');
SELECT pg_temp.rows_are($$SELECT customer_id, recency, frequency, monetary, segment FROM analytics.customer_rfm WHERE company_id = 'rfm' ORDER BY 1$$,
  '{"(c01,1,1,1,hibernating)","(c02,1,1,1,hibernating)","(c03,2,2,2,hibernating)","(c04,2,2,2,hibernating)","(c05,3,3,3,\"need attention\")","(c06,3,3,3,\"need attention\")","(c07,4,4,4,champions)","(c08,4,4,4,champions)","(c09,5,5,5,champions)","(c10,5,5,5,champions)"}', 'fifths');
SELECT pg_temp.rows_are($$SELECT customer_id, recency, frequency, monetary FROM analytics.customer_rfm WHERE company_id = 'alike' ORDER BY 1$$, '{"(c1,1,1,1)","(c2,2,2,2)","(c3,3,3,3)","(c4,4,4,4)","(c5,5,5,5)"}', 'of those that are alike, in the order of their ids');
SELECT pg_temp.rows_are($$SELECT segment, customers, lifetime_value, share FROM analytics.customer_segments WHERE company_id = 'rfm' ORDER BY 1$$, '{"(champions,4,340,0.400000)","(hibernating,4,100,0.400000)","(\"need attention\",2,110,0.200000)"}', 'segments');
SELECT is((SELECT count(*) FROM analytics.customer_rfm), (SELECT count(*) FROM analytics.customer_metrics WHERE orders > 0), 'whoever ordered is in one of them');

-- Refunds and fulfilment
SELECT pg_temp.rows_are($$SELECT day, currency, reason, refunds, orders, amount FROM analytics.daily_refunds WHERE company_id = 'c1'$$, '{"(2024-03-10,EUR,broken,1,1,50)"}', 'refunds, on the day on which they were processed');
SELECT pg_temp.rows_are($$SELECT order_id, customer_id, status, seconds_to_ship::integer, seconds_in_transit::integer, seconds_to_deliver::integer FROM analytics.order_fulfilment WHERE company_id = 'ship' ORDER BY 1$$,
  '{"(f1,ann,delivered,86400,172800,259200)","(f2,ben,shipped,14400,,)"}', 'orders; one that was never created was placed when it was paid');
SELECT pg_temp.rows_are($$SELECT order_id, status, refunded_at IS NOT NULL FROM analytics.order_fulfilment WHERE company_id = 'c1' ORDER BY 1$$, '{"(o1,paid,t)","(o2,paid,f)","(o3,failed,f)","(o4,paid,f)","(o5,paid,f)","(o6,paid,f)"}', 'how far they got');
SELECT pg_temp.rows_are($$SELECT day, shipped_orders, mean_seconds_to_ship, median_seconds_to_ship, delivered_orders, mean_seconds_in_transit, median_seconds_in_transit, mean_seconds_to_deliver, median_seconds_to_deliver FROM analytics.fulfilment_times WHERE company_id = 'ship' ORDER BY 1$$,
  '{"(2024-03-04,2,50400,50400,0,,,,)","(2024-03-06,0,,,1,172800,172800,259200,259200)"}', 'times to ship and deliver, on the day on which that was done');

SELECT pg_temp.rows_are($$SELECT order_id, place, from_status, status, seconds_since::integer, is_allowed FROM analytics.order_steps WHERE company_id = 'flow' ORDER BY order_id, place$$,
  '{"(w1,1,start,created,,t)","(w1,2,created,processing,10,t)","(w1,3,processing,reserved,20,t)","(w1,4,reserved,paid,60,t)","(w1,5,paid,shipped,3600,t)","(w1,6,shipped,shipped,3600,t)","(w1,7,shipped,delivered,79200,t)","(w1,8,delivered,completed,3600,t)","(w2,1,start,created,,t)","(w2,2,created,unavailable,20,t)","(w2,3,unavailable,cancelled,30,t)","(w2,4,cancelled,paid,10,f)","(w3,1,start,paid,,t)","(w3,2,paid,\"gift wrapped\",20,f)","(w4,1,start,delivered,,f)"}',
  'orders step by step; what no parameter allows is seen, and an event without a status is none');
SELECT pg_temp.rows_are($$SELECT current_date - day AS days_ago, from_status, to_status, transitions, orders, is_allowed, mean_seconds, median_seconds FROM analytics.order_transitions WHERE company_id = 'lately' ORDER BY 1, 2, 3$$,
  '{"(2,paid,shipped,1,1,t,86340,86340)","(3,created,paid,2,2,t,90,90)","(3,paid,cancelled,1,1,t,10,10)","(3,paid,shipped,1,1,t,60,60)","(3,shipped,paid,1,1,f,10,10)","(3,start,created,2,2,t,,)","(30,start,created,1,1,t,,)"}', 'by day; a step that tells the same status once more is no transition');
SELECT pg_temp.rows_are($$SELECT day, channel, customers, ordering_customers, ordering_rate FROM analytics.customer_acquisition WHERE company_id = 'came' ORDER BY 1, 2$$,
  '{"(2024-03-05,\"\",1,0,0.000000)","(2024-03-05,ads,2,1,0.500000)","(2024-03-06,ads,1,1,1.000000)"}', 'where customers came from, and who of them ordered, whenever and at the same company');

-- Stock
SELECT pg_temp.rows_are($$SELECT day, on_hand, lowest, changes, units_received, unit_cost, stock_value, currency FROM analytics.inventory_snapshots WHERE product_id = 'turned' ORDER BY 1$$, '{"(2024-03-21,20,20,1,0,2,40,EUR)","(2024-04-11,5,5,1,0,2,10,EUR)"}', 'stock at the end of days');
SELECT pg_temp.rows_are($$SELECT units_sold, average_units, unit_turnover, currency, cost_of_goods_sold, average_value, turnover, days_of_inventory FROM analytics.inventory_turnover WHERE product_id = 'turned' AND month = '2024-04-01'$$, '{"(10,10.0000,1.000000,EUR,20.0000,20.0000,1.000000,30.0)"}', 'turnover: the stock is averaged over time, with what stood when the month began');
SELECT pg_temp.rows_are($$SELECT units_sold, average_units, turnover, days_of_inventory FROM analytics.inventory_turnover WHERE product_id = 'turned' AND month = '2024-05-01'$$, '{"(0,5.0000,0.000000,)"}', 'a month in which nothing happens');
SELECT is_empty($$SELECT * FROM analytics.inventory_turnover WHERE product_id = 'turned' AND month < '2024-03-01'$$, 'and none before there was any stock');
SELECT pg_temp.rows_are($$SELECT product_id, on_hand, stock_value, units_sold_30d, days_of_cover, sell_through, days_out_of_stock, stock_out_rate, status FROM analytics.inventory_health WHERE product_id <> 'turned' ORDER BY 1$$,
  '{"(dead,5,10,0,,0.000000,0,0.000000,\"dead stock\")","(few,2,4,1,60.0,0.333333,0,0.000000,reorder)","(fine,30,60,60,15.0,0.666667,0,0.000000,ok)","(gone,0,0,0,,,4,0.133333,\"out of stock\")","(low,5,10,30,5.0,0.857143,0,0.000000,low)"}', 'what is in stock, for how long, and what needs attention');

-- Today against yesterday, and so on
SELECT pg_temp.rows_are($$SELECT sales, sales_before, sales_change, orders, orders_before, orders_change FROM analytics.sales_overview WHERE company_id = 'overview' AND period = 'day'$$, '{"(150,100,0.500000,1,1,0.000000)"}', 'today up to now against yesterday up to the same time');
SELECT pg_temp.rows_are($$SELECT period, sales, sales_before, orders, orders_before FROM analytics.sales_overview WHERE company_id = 'overview' ORDER BY place$$,
  (SELECT array_agg(format('(%s,%s,%s,%s,%s)', p.name, s.sales, s.sales_before, s.orders, s.orders_before) ORDER BY p.place)
   FROM (VALUES ('day', 1, interval '1 day'), ('week', 2, '1 week'), ('month', 3, '1 month'), ('year', 4, '1 year')) AS p (name, place, length)
   CROSS JOIN LATERAL (SELECT date_trunc(p.name, now()::timestamp) AS begins) AS b
   CROSS JOIN LATERAL (
     SELECT coalesce(sum(v.value) FILTER (WHERE v.at >= b.begins), 0) AS sales,
            coalesce(sum(v.value) FILTER (WHERE v.at >= b.begins - p.length AND v.at < b.begins AND v.at - (b.begins - p.length) < now()::timestamp - b.begins), 0) AS sales_before,
            count(*) FILTER (WHERE v.at >= b.begins AND v.value > 0) AS orders,
            count(*) FILTER (WHERE v.at >= b.begins - p.length AND v.at < b.begins AND v.at - (b.begins - p.length) < now()::timestamp - b.begins AND v.value > 0) AS orders_before
     FROM (SELECT e.occurred_at::timestamp AS at, coalesce((e.properties ->> 'value')::numeric, -(e.properties ->> 'amount')::numeric) AS value FROM business_events e WHERE e.company_id = 'overview' AND e.occurred_at < now()) AS v) AS s),
  'as every order and refund says');

-- Questions over any days, both included
SELECT pg_temp.rows_are($$SELECT period_start AT TIME ZONE 'UTC', currency, orders, units, gross_sales, discounts, refunds, net_sales FROM bizmetrics.report_sales('2024-03-01', '2024-03-10', company => 'c1')$$,
  '{"(\"2024-03-01 00:00:00\",EUR,3,,185.10,10,0,175.10)","(\"2024-03-01 00:00:00\",USD,1,,7,0,0,7)","(\"2024-03-02 00:00:00\",EUR,1,,30,0,0,30)","(\"2024-03-10 00:00:00\",EUR,0,,0,0,50,-50)"}', 'sales by day');
SELECT pg_temp.rows_are($$SELECT (period_start AT TIME ZONE 'UTC')::date, currency, orders, net_sales FROM bizmetrics.report_sales('2024-03-02', '2024-03-10', 'weekly', company => 'c1')$$, '{"(2024-02-26,EUR,1,30)","(2024-03-04,EUR,0,-50)"}', 'by week, of which only the days that were asked for count');
SELECT pg_temp.rows_are($$SELECT (period_start AT TIME ZONE 'UTC')::date, currency, orders, gross_sales, refunds FROM bizmetrics.report_sales('2024-03-01', '2024-03-31', 'monthly', company => 'c1')$$, '{"(2024-03-01,EUR,4,215.10,50)","(2024-03-01,USD,1,7,0)"}', 'by month');
SELECT pg_temp.rows_are($$SELECT period_start AT TIME ZONE 'UTC', orders, gross_sales FROM bizmetrics.report_sales('2024-03-01', '2024-03-01', 'hourly', company => 'c1') WHERE currency = 'EUR'$$,
  '{"(\"2024-03-01 10:00:00\",1,115.00)","(\"2024-03-01 12:00:00\",1,20.10)","(\"2024-03-01 14:00:00\",1,50)","(\"2024-03-01 23:00:00\",1,30)"}', 'by hour');
SELECT pg_temp.rows_are($$SELECT (period_start AT TIME ZONE 'UTC')::date, orders, units, gross_sales, discounts, refunds, net_sales FROM bizmetrics.report_sales('2024-03-01', '2024-03-31', 'monthly', category => 'Office', company => 'c1')$$, '{"(2024-03-01,1,2,100.00,0,50,50.00)"}', 'of a category, what came back of its products on a day without a sale included');
SELECT pg_temp.rows_are($$SELECT (period_start AT TIME ZONE 'UTC')::date, orders, units, refunds, net_sales FROM bizmetrics.report_sales('2024-03-01', '2024-03-31', product => 'p1', category => 'Office', company => 'c1')$$, '{"(2024-03-01,1,2,0,100.00)","(2024-03-10,0,0,50,-50)"}', 'of a product');
SELECT is_empty($$SELECT * FROM bizmetrics.report_sales('2024-03-01', '2024-03-31', product => 'p1', category => 'Books', company => 'c1')$$, 'which is in no other category');
SELECT throws_ok($$SELECT bizmetrics.report_sales('2024-03-02', '2024-03-01')$$, '22023', 'invalid range of days: "2024-03-02" to "2024-03-01"', 'no range');
SELECT throws_ok($$SELECT bizmetrics.report_sales(NULL, '2024-03-01')$$, '22004', 'from_date must not be NULL', 'no first day');
SELECT throws_ok($$SELECT bizmetrics.report_sales('2024-03-02', 'infinity')$$, '22008', 'to_date must be finite', 'no last day');
SELECT throws_ok($$SELECT bizmetrics.report_sales('2024-03-02', '2024-13-01')$$, '22008', NULL, 'a day that there is not');
SELECT throws_ok($$SELECT bizmetrics.report_sales('2024-03-02', '2024-03-02', 'yearly')$$, '22023', 'invalid granularity: "yearly"', 'another granularity');
SELECT throws_ok($$SELECT bizmetrics.report_sales('2024-03-02', '2024-03-02', 'hourly', product => 1)$$, '22023', 'hourly sales are not kept by category and product', 'a product by hour');
SELECT pg_temp.rows_are($$SELECT rank, product_id, product_name, product_category, orders, units, gross_sales, units_refunded, refunds, net_sales, share FROM bizmetrics.report_products('2024-03-01', '2024-03-31', company => 'c1')$$,
  '{"(1,p1,Pen,Office,1,2,100.00,1,50,50.00,0.909091)","(2,p2,Book,Books,1,1,15.00,0,0,5.00,0.090909)"}', 'products over some days');
SELECT pg_temp.rows_are($$SELECT rank, product_id, share FROM bizmetrics.report_products('2024-03-01', '2024-03-31', 'Books', 'c1')$$, '{"(1,p2,1.000000)"}', 'of a category');
SELECT pg_temp.rows_are($$SELECT rank, product_id FROM bizmetrics.report_products(current_date - 5, current_date, company => 'stock', max_rows => 2)$$, '{"(1,few)","(1,fine)"}', 'so many of them; equal ones share a rank');
SELECT throws_ok($$SELECT bizmetrics.report_products('2024-03-01', '2024-03-31', max_rows => 0)$$, '22023', 'invalid max_rows: "0"', 'none of them');
SELECT pg_temp.rows_are($$SELECT company_id, currency, customers, new_customers, returning_customers, repeat_customers, orders, spent, average_order_value, lifetime_value FROM bizmetrics.report_customers('2024-03-01', '2024-03-10', 'c1')$$,
  '{"(c1,EUR,3,3,0,1,4,180.00,45.0000,51.7000)","(c1,USD,1,1,0,0,1,7,7.0000,7.0000)"}', 'customers over some days, each once');
SELECT pg_temp.rows_are($$SELECT customers, new_customers, returning_customers, orders, spent FROM bizmetrics.report_customers('2024-03-02', '2024-03-10', 'c1')$$, '{"(1,0,1,1,-20)"}', 'who had ordered before is returning');
SELECT pg_temp.rows_are($$SELECT product_id, stock_status, on_hand, days_of_cover, turnover IS NOT NULL FROM bizmetrics.report_inventory('stock', 'low')$$, '{"(low,low,5,5.0,t)"}', 'stock in a status, with its turnover');
SELECT throws_ok($$SELECT bizmetrics.report_inventory(status => 'fine')$$, '22023', 'invalid status: "fine"', 'another status');
SELECT pg_temp.rows_are($$SELECT currency, rank, place, customer_id, orders, total FROM bizmetrics.top_customers('2024-03-03', 'week', company => 'c1')$$, '{"(EUR,1,1,ann,2,159.90)","(EUR,2,2,dan,1,50)","(EUR,3,3,ben,1,20.10)","(USD,1,1,ann,1,7)"}', 'the leaderboard of a week, which begins on Monday');
SELECT pg_temp.rows_are($$SELECT customer_id, orders, total FROM bizmetrics.top_customers('2024-03-31', 'month', 1, 'c1', 'eur')$$, '{"(ann,2,109.90)"}', 'of a month, net of a refund');
SELECT pg_temp.rows_are($$SELECT customer_id, rank, place FROM bizmetrics.top_customers('2024-03-01', company => 'tie')$$, '{"(a,1,1)","(b,1,2)","(c,3,3)"}', 'of a day; equal ones share a rank');
SELECT pg_temp.rows_are($$SELECT customer_id, total FROM bizmetrics.top_customers('2024-03-05', 'all', company => 'cohorts')$$, '{"(x,150)","(y,30)","(z,8)"}', 'of all days up to one');
SELECT pg_temp.rows_are($$SELECT currency, rank, orders, total, customers FROM bizmetrics.customer_rank('dan', '2024-03-01', company => 'c1')$$, '{"(EUR,2,1,50,3)"}', 'the rank of one');
SELECT pg_temp.rows_are($$SELECT rank FROM bizmetrics.customer_rank('c', '2024-03-07', 'month', 'tie')$$, '{(3)}', 'in a month');
SELECT is_empty($$SELECT * FROM bizmetrics.customer_rank('nobody', '2024-03-01')$$, 'who is not on it has none');
SELECT throws_ok($$SELECT bizmetrics.top_customers('2024-03-01', 'year')$$, '22023', 'invalid period: "year"', 'another period');
SELECT is(bizmetrics.daily_report('2024-03-01', 'reference', 1) - 'generated_at',
  '{"date": "2024-03-01", "timezone": "UTC", "kpis": [{"company_id": "reference", "currency": "EUR", "order_count": 125, "successful_orders": 118, "failed_orders": 7, "total_revenue": 15234.50, "average_order_value": 129.1059, "conversion_rate": 0.944000, "unique_customers": 60, "refund_amount": 0}],
    "leaderboard": [{"company_id": "reference", "currency": "EUR", "rank": 1, "place": 1, "customer_id": "c58", "orders": 2, "total": 270.50}]}', 'the report of a day');
SELECT is(bizmetrics.daily_report(company => 'c1') ->> 'date', to_char(now() AT TIME ZONE 'UTC' - interval '1 day', 'YYYY-MM-DD'), 'by default of yesterday');
SELECT is(bizmetrics.daily_report('1999-01-01') - 'generated_at', '{"date": "1999-01-01", "timezone": "UTC", "kpis": [], "leaderboard": []}', 'of a day on which nothing happened');
SELECT is((SELECT count(*) FROM (SELECT bizmetrics.export_daily_report('2024-03-01', 'json')) AS x), 1::bigint, 'as JSON');
SELECT throws_ok($$SELECT bizmetrics.export_daily_report('2024-03-01', 'pdf')$$, '22023', 'invalid format: "pdf"', 'no other format');
SELECT ok(bizmetrics.is_order_transition_allowed('start', 'created') AND bizmetrics.is_order_transition_allowed('paid', 'shipped') AND NOT bizmetrics.is_order_transition_allowed('paid', 'created'), 'what may follow what');
SELECT throws_ok($$SELECT bizmetrics.is_order_transition_allowed('paid', 'lost')$$, '22023', 'unknown status "lost" of an order', 'a status that there is not');
SELECT throws_ok($$SELECT bizmetrics.is_order_transition_allowed(NULL, 'paid')$$, '22004', NULL, 'none');
SELECT lives_ok($$SELECT bizmetrics.set_pack_parameter('commerce', 'order_transitions', '{"start": ["paid"], "paid": ["gift wrapped"], "gift wrapped": ["shipped"]}')$$, 'a team has statuses of its own');
SELECT ok(bizmetrics.is_order_transition_allowed('paid', 'gift wrapped') AND NOT bizmetrics.is_order_transition_allowed('paid', 'shipped'), 'and says what may follow what');
SELECT lives_ok($$SELECT pg_temp.run_pack('commerce', '2024-02-20', date_trunc('month', now()) + interval '1 month')$$, 'computed again');
SELECT pg_temp.rows_are($$SELECT place, is_allowed FROM analytics.order_steps WHERE order_id = 'w3' ORDER BY 1$$, '{"(1,t)","(2,t)"}', 'which the table goes by');
SELECT throws_ok($$SELECT bizmetrics.set_pack_parameter('commerce', 'order_transitions', '{"start": ["paid"], "paid": "shipped"}')$$, '22023', 'parameter "order_transitions" cannot have this for "paid": "shipped"', 'no list');
SELECT throws_ok($$SELECT bizmetrics.set_pack_parameter('commerce', 'order_transitions', '{"start": ["paid"], "paid": ["start"]}')$$, '22023', NULL, 'nothing comes before start');
SELECT throws_ok($$SELECT bizmetrics.set_pack_parameter('commerce', 'order_transitions', '{"paid": ["shipped"]}')$$, '22023', 'parameter "order_transitions" has no "start"', 'no beginning');
SELECT lives_ok($$SELECT bizmetrics.set_pack_parameter('commerce', 'order_transitions', NULL)$$, 'the standard again');

-- What comes late
SELECT pg_temp.paid('c1', 'ben', 'late', '2024-02-20 10:00+00', 5);
SELECT lives_ok($$SELECT pg_temp.run_pack('commerce', '2024-02-20', '2024-02-21')$$, 'the day of a late order');
SELECT pg_temp.rows_are($$SELECT day, customers, new_customers, returning_customers FROM analytics.daily_customers WHERE company_id = 'c1' ORDER BY 1$$, '{"(2024-02-20,1,1,0)","(2024-03-01,3,2,1)"}', 'gives the day, too, on which the customer is no new one any more');
SELECT pg_temp.log('ship', 'ben', 'order_created', 'f2', '2024-03-02 08:00');
SELECT lives_ok($$SELECT pg_temp.run_pack('commerce', '2024-03-02', '2024-03-03')$$, 'the day of a late creation');
SELECT pg_temp.rows_are($$SELECT day, order_id, status, seconds_since_placed::integer, seconds_since_shipped::integer FROM analytics.order_steps WHERE company_id = 'ship' ORDER BY order_id, place$$, '{"(2024-03-02,f2,created,0,)","(2024-03-04,f2,paid,172800,)","(2024-03-04,f2,shipped,187200,0)","(2024-03-04,f2,shipped,216000,28800)"}', 'gives all events of its order');
SELECT lives_ok($$SELECT pg_temp.run_pack('commerce', '2024-03-01', '2024-04-01')$$, 'and all days');
SELECT pg_temp.rows_are($$SELECT day, shipped_orders, mean_seconds_to_ship FROM analytics.fulfilment_times WHERE company_id = 'ship' AND shipped_orders > 0$$, '{"(2024-03-04,2,136800)"}', 'the one on which the order was shipped, too');
SELECT * FROM finish();
ROLLBACK;
