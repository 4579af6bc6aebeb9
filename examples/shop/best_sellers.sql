-- A report more: what sold best, by month. Counts and sums alone: new events are added to what is there.
SELECT bizmetrics.create_report(
  name     => 'best_sellers',
  schedule => '*/5 * * * *',
  bucket   => '1 month',
  key      => '{month,sku}',
  query    => $$SELECT date_trunc('month', occurred_at)::date AS month, properties->>'sku' AS sku,
                       count(*) AS orders, sum((properties->>'value')::numeric) AS revenue
                FROM business_events
                WHERE event_name = 'order_paid' AND properties ? 'sku'
                GROUP BY 1, 2$$);
