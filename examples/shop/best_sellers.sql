-- A report more: what sold best, by month.
SELECT bizmetrics.create_report(
  name     => 'best_sellers',
  target   => 'analytics.best_sellers',
  schedule => '*/5 * * * *',
  bucket   => '1 month',
  lookback => '1 year',
  ddl      => $$CREATE TABLE IF NOT EXISTS analytics.best_sellers (
                  month date, sku text, orders bigint, revenue numeric, PRIMARY KEY (month, sku))$$,
  query    => $$INSERT INTO analytics.best_sellers
                SELECT date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date, properties->>'sku',
                       count(*), sum((properties->>'value')::numeric)
                FROM business_events
                WHERE event_name = 'order_paid' AND properties ? 'sku'
                  AND occurred_at >= $1 AND occurred_at < $2
                GROUP BY 1, 2
                ON CONFLICT (month, sku) DO UPDATE
                SET orders = excluded.orders, revenue = excluded.revenue$$);
