-- dashboard bizmetrics-commerce: Commerce
-- A shop: sales, orders, products, customers, refunds, stock and fulfilment. Reads the pack commerce.
-- from: now-90d

-- variable currency: Currency
SELECT DISTINCT currency FROM analytics.daily_sales ORDER BY currency;

-- variable company multi: Company
SELECT DISTINCT company_id FROM analytics.daily_sales WHERE company_id <> '' ORDER BY company_id;

-- row: Sales

-- panel table 12x6: Sales up to now ($currency)
-- Of today, this week, this month and this year, against the period before up to the same point.
SELECT period, sum(sales) AS sales, sum(sales_before) AS sales_before, (sum(sales) - sum(sales_before)) / nullif(sum(sales_before), 0) AS sales_change_rate,
       sum(orders) AS orders, sum(orders_before) AS orders_before, (sum(orders) - sum(orders_before)) / nullif(sum(orders_before), 0) AS orders_change_rate
FROM analytics.sales_overview
WHERE currency = '$currency' AND [companies]
GROUP BY period, place
ORDER BY place;

-- panel stat 4x6: Net sales ($currency)
-- Of this time.
SELECT sum(net_sales) AS net_sales
FROM analytics.daily_sales
WHERE $__timeFilter(day) AND currency = '$currency' AND [companies];

-- panel stat 4x6 decimals=2: Average order value ($currency)
-- Of this time: revenue by paid orders.
SELECT sum(total_revenue) / nullif(sum(successful_orders), 0) AS average_order_value
FROM analytics.daily_kpis
WHERE $__timeFilter(day) AND currency = '$currency' AND [companies];

-- panel stat 4x6 unit=percentunit steps=green|0.05:orange|0.1:red: Refund rate ($currency)
-- Refunds by gross sales, of this time.
SELECT sum(refunds) / nullif(sum(gross_sales), 0) AS refund_rate
FROM analytics.daily_sales
WHERE $__timeFilter(day) AND currency = '$currency' AND [companies];

-- panel timeseries 12x8: Sales by day ($currency)
-- Gross sales, discounts, refunds, and what remains of them.
SELECT day::timestamp AS "time", sum(gross_sales) AS gross, - sum(discounts) AS discounts, - sum(refunds) AS refunds, sum(net_sales) AS net
FROM analytics.daily_sales
WHERE $__timeFilter(day) AND currency = '$currency' AND [companies]
GROUP BY day
ORDER BY day;

-- panel timeseries 12x8 bars: Orders by day ($currency)
-- Paid orders and those that came to nothing.
SELECT day::timestamp AS "time", sum(successful_orders) AS paid, sum(failed_orders) AS failed
FROM analytics.daily_kpis
WHERE $__timeFilter(day) AND currency = '$currency' AND [companies]
GROUP BY day
ORDER BY day;

-- panel timeseries 12x8 bars: Net sales by hour ($currency)
-- The hours of this time for which there are orders.
SELECT hour AS "time", sum(net_sales) AS net_sales
FROM analytics.hourly_sales
WHERE $__timeFilter(hour) AND currency = '$currency' AND [companies]
GROUP BY hour
ORDER BY hour;

-- panel timeseries 12x8 stack legend=category: Sales by category ($currency)
-- Gross sales less discounts on the items.
SELECT day::timestamp AS "time", CASE category WHEN '' THEN 'no category' ELSE category END AS category, sum(gross_sales - discounts) AS sales
FROM analytics.daily_category_sales
WHERE $__timeFilter(day) AND currency = '$currency' AND [companies]
GROUP BY day, category
ORDER BY day, category;

-- row: Products

-- panel table 12x9: Top products, 30 days ($currency)
-- With the highest net sales.
SELECT product_id, max(product_name) AS product, max(category) AS category, sum(units) AS units, sum(gross_sales) AS gross_sales, sum(refunds) AS refunds, sum(net_sales) AS net_sales
FROM analytics.top_products
WHERE currency = '$currency' AND [companies]
GROUP BY product_id
ORDER BY net_sales DESC, product_id
LIMIT 20;

-- panel table 12x9: Stock that needs attention
-- What is out of stock or soon will be, the shortest cover first.
SELECT company_id, product_id, product_name, status, on_hand, reorder_point, days_of_cover, units_sold_30d, stock_out_rate, last_sold_on
FROM analytics.inventory_health
WHERE [companies]
ORDER BY on_hand > 0, days_of_cover NULLS LAST, product_id
LIMIT 50;

-- panel piechart 8x8: Products by state of stock
-- As of now.
SELECT coalesce(status, 'unknown') AS status, count(*) AS products
FROM analytics.inventory_health
WHERE [companies]
GROUP BY inventory_health.status
ORDER BY products DESC, status;

-- panel stat 8x8: Value of the stock ($currency)
-- At what one unit costs the shop.
SELECT sum(stock_value) AS stock_value
FROM analytics.inventory_levels
WHERE currency = '$currency' AND [companies];

-- panel timeseries 8x8: Turnover of the stock ($currency)
-- Times a month: cost of what was sold by the mean value of the stock.
SELECT month::timestamp AS "time", sum(cost_of_goods_sold) / nullif(sum(average_value), 0) AS turnover
FROM analytics.inventory_turnover
WHERE $__timeFilter(month) AND currency = '$currency' AND [companies]
GROUP BY month
ORDER BY month;

-- row: Customers

-- panel timeseries 12x8 bars stack: New and returning customers
-- Customers of the day who had ordered before, and who had not.
SELECT day::timestamp AS "time", sum(new_customers) AS new, sum(returning_customers) AS returning
FROM analytics.daily_customers
WHERE $__timeFilter(day) AND [companies]
GROUP BY day
ORDER BY day;

-- panel stat 6x8 unit=percentunit: Customers who ordered again
-- Of all who ever ordered.
SELECT sum(repeat_customers) / nullif(sum(customers), 0) AS repeat_rate
FROM analytics.customer_overview
WHERE [companies];

-- panel bargauge 6x8: Customers by segment ($currency)
-- By how recently and how often they ordered.
SELECT segment, sum(customers) AS customers
FROM analytics.customer_segments
WHERE currency = '$currency' AND [companies]
GROUP BY segment
ORDER BY customers DESC, segment;

-- panel table 12x9: Best customers ($currency)
-- By what they are worth up to now.
SELECT customer_id, company_id, orders, spent, lifetime_value, average_order_value, first_order_at, last_order_at
FROM analytics.customer_metrics
WHERE currency = '$currency' AND [companies]
ORDER BY lifetime_value DESC NULLS LAST, customer_id
LIMIT 20;

-- panel table 12x9: Lifetime value by cohort ($currency)
-- Of the customers of a month, what one was worth up to now.
SELECT to_char(cohort_month, 'YYYY-MM') AS cohort, sum(customers) AS customers, sum(cumulative_net_sales) AS net_sales, sum(cumulative_net_sales) / nullif(sum(customers), 0) AS lifetime_value
FROM analytics.customer_cohorts
WHERE month = (SELECT max(month) FROM analytics.customer_cohorts) AND currency = '$currency' AND [companies]
GROUP BY cohort_month
ORDER BY cohort_month DESC
LIMIT 24;

-- row: After the order

-- panel timeseries 12x8 unit=h: Time to ship and deliver
-- The mean of what was shipped and delivered on the day; to ship and to deliver are from the order on.
SELECT day::timestamp AS "time", sum(mean_seconds_to_ship * shipped_orders) / nullif(sum(shipped_orders), 0) / 3600 AS to_ship,
       sum(mean_seconds_in_transit * delivered_orders) / nullif(sum(delivered_orders), 0) / 3600 AS in_transit,
       sum(mean_seconds_to_deliver * delivered_orders) / nullif(sum(delivered_orders), 0) / 3600 AS to_deliver
FROM analytics.fulfilment_times
WHERE $__timeFilter(day) AND [companies]
GROUP BY day
ORDER BY day;

-- panel barchart 12x8: Refunds by reason ($currency)
-- Of this time.
SELECT CASE reason WHEN '' THEN 'no reason' ELSE reason END AS reason, sum(amount) AS amount
FROM analytics.daily_refunds
WHERE $__timeFilter(day) AND currency = '$currency' AND [companies]
GROUP BY daily_refunds.reason
ORDER BY amount DESC, reason;

-- panel barchart 12x8 unit=h: Time between statuses, 30 days
-- How long orders were in a status before they came into the next one: the mean of what happened in the last 30 days.
SELECT from_status || ' to ' || to_status AS step, sum(mean_seconds * transitions) / sum(transitions) / 3600 AS hours
FROM analytics.order_transitions
WHERE from_status <> 'start' AND is_allowed AND [companies]
GROUP BY from_status, to_status
ORDER BY hours DESC, step;

-- panel table 12x8: Orders that came where they should not, 30 days
-- What the parameter order_transitions does not allow; empty where all is well.
SELECT day, from_status, to_status, sum(transitions) AS orders
FROM analytics.order_transitions
WHERE NOT is_allowed AND [companies]
GROUP BY day, from_status, to_status
ORDER BY day DESC, orders DESC, from_status, to_status;

-- panel table 24x8: Where customers come from
-- Customers who were created in this time, by channel, and what part of them ordered since.
SELECT CASE channel WHEN '' THEN 'unknown' ELSE channel END AS channel, sum(customers) AS customers, sum(ordering_customers) AS ordered,
       sum(ordering_customers) / nullif(sum(customers), 0) AS ordering_rate
FROM analytics.customer_acquisition
WHERE $__timeFilter(day) AND [companies]
GROUP BY customer_acquisition.channel
ORDER BY sum(customers) DESC, channel;
