-- Three reports of the shop. Run by an author, who owns them and their tables:
--
--   psql -U analyst -d shop -1 -f reports.sql
--
-- A report with a bucket gets $1 and $2, the bounds of whole buckets: from the oldest one that
-- its lookback touches to the end of the current one. As no bucket is ever seen in part, the
-- upsert may overwrite. The lookback has to reach back as far as a row may still change. Here it
-- is the whole year, so that the first run fills the tables from all the events there are.
\set ON_ERROR_STOP on

-- Sales by day. A day changes while it lasts: '1 day' would do from the second run on.
SELECT bizmetrics.create_report(
  name     => 'daily_sales',
  target   => 'analytics.daily_sales',
  schedule => '* * * * *',
  bucket   => '1 day',
  lookback => '54 weeks',
  ddl      => $ddl$
    CREATE TABLE IF NOT EXISTS analytics.daily_sales (
      day date PRIMARY KEY,
      orders bigint NOT NULL,
      revenue numeric NOT NULL,
      customers bigint NOT NULL,
      average_order numeric NOT NULL
    );
    COMMENT ON TABLE analytics.daily_sales IS 'Paid orders by day (UTC).';
    COMMENT ON COLUMN analytics.daily_sales.revenue IS 'Sum of the paid orders, in EUR.';
    COMMENT ON COLUMN analytics.daily_sales.customers IS 'Different customers who paid an order.';
    COMMENT ON COLUMN analytics.daily_sales.average_order IS 'revenue / orders, in EUR.';
  $ddl$,
  query    => $query$
    INSERT INTO analytics.daily_sales AS t (day, orders, revenue, customers, average_order)
    SELECT (occurred_at AT TIME ZONE 'UTC')::date,
           count(*),
           sum((properties->>'value')::numeric),
           count(DISTINCT actor_user_id),
           round(avg((properties->>'value')::numeric), 2)
    FROM business_events
    WHERE event_name = 'order_paid' AND occurred_at >= $1 AND occurred_at < $2
    GROUP BY 1
    ON CONFLICT (day) DO UPDATE
    SET orders = excluded.orders,
        revenue = excluded.revenue,
        customers = excluded.customers,
        average_order = excluded.average_order
  $query$
);

-- Activation: of those who signed up in a week, how many were active within seven days of it.
-- The sign-ups are those of [$1, $2); what they did later is looked for after $2 too. A week's
-- row is final seven days after its end: '2 weeks' would do from the second run on.
SELECT bizmetrics.create_report(
  name     => 'activation_rate',
  target   => 'analytics.activation_rate',
  schedule => '* * * * *',
  bucket   => '1 week',
  lookback => '1 year',
  ddl      => $ddl$
    CREATE TABLE IF NOT EXISTS analytics.activation_rate (
      cohort_week date PRIMARY KEY,
      signups bigint NOT NULL,
      activated bigint NOT NULL,
      activation_rate numeric NOT NULL
    );
    COMMENT ON TABLE analytics.activation_rate IS
    'Sign-ups by week (UTC) and how many of them were activated within 7 days. The current week and the one before still change.';
    COMMENT ON COLUMN analytics.activation_rate.cohort_week IS 'The Monday that begins the week.';
    COMMENT ON COLUMN analytics.activation_rate.activation_rate IS 'activated / signups, 0 to 1.';
  $ddl$,
  query    => $query$
    INSERT INTO analytics.activation_rate AS t (cohort_week, signups, activated, activation_rate)
    SELECT date_trunc('week', s.at AT TIME ZONE 'UTC')::date,
           count(*),
           count(a.at),
           round(count(a.at)::numeric / count(*), 4)
    FROM (SELECT actor_user_id, min(occurred_at) AS at
          FROM business_events
          WHERE event_name = 'user_signed_up' AND occurred_at >= $1 AND occurred_at < $2
          GROUP BY actor_user_id) AS s
    CROSS JOIN LATERAL (
          SELECT min(occurred_at) AS at
          FROM business_events
          WHERE actor_user_id = s.actor_user_id AND event_name = 'user_activated'
            AND occurred_at >= s.at AND occurred_at < s.at + interval '7 days') AS a
    GROUP BY 1
    ON CONFLICT (cohort_week) DO UPDATE
    SET signups = excluded.signups,
        activated = excluded.activated,
        activation_rate = excluded.activation_rate
  $query$
);

-- Funnel: how far those who signed up in a week came within 30 days, each step after the one
-- before it. '6 weeks' would do from the second run on.
SELECT bizmetrics.create_report(
  name     => 'signup_funnel',
  target   => 'analytics.signup_funnel',
  schedule => '* * * * *',
  bucket   => '1 week',
  lookback => '1 year',
  ddl      => $ddl$
    CREATE TABLE IF NOT EXISTS analytics.signup_funnel (
      cohort_week date PRIMARY KEY,
      signed_up bigint NOT NULL,
      viewed bigint NOT NULL,
      carted bigint NOT NULL,
      purchased bigint NOT NULL,
      view_rate numeric NOT NULL,
      cart_rate numeric,
      purchase_rate numeric,
      conversion_rate numeric NOT NULL
    );
    COMMENT ON TABLE analytics.signup_funnel IS
    'From sign-up to purchase within 30 days, by week of sign-up (UTC). A week changes until 30 days after its end.';
    COMMENT ON COLUMN analytics.signup_funnel.cohort_week IS 'The Monday that begins the week.';
    COMMENT ON COLUMN analytics.signup_funnel.viewed IS 'Of signed_up: viewed a product.';
    COMMENT ON COLUMN analytics.signup_funnel.carted IS 'Of viewed: then put one into the cart.';
    COMMENT ON COLUMN analytics.signup_funnel.purchased IS 'Of carted: then paid an order.';
    COMMENT ON COLUMN analytics.signup_funnel.view_rate IS 'viewed / signed_up, 0 to 1.';
    COMMENT ON COLUMN analytics.signup_funnel.cart_rate IS 'carted / viewed, 0 to 1.';
    COMMENT ON COLUMN analytics.signup_funnel.purchase_rate IS 'purchased / carted, 0 to 1.';
    COMMENT ON COLUMN analytics.signup_funnel.conversion_rate IS 'purchased / signed_up, 0 to 1.';
  $ddl$,
  query    => $query$
    INSERT INTO analytics.signup_funnel AS t
      (cohort_week, signed_up, viewed, carted, purchased,
       view_rate, cart_rate, purchase_rate, conversion_rate)
    SELECT date_trunc('week', s.at AT TIME ZONE 'UTC')::date,
           count(*), count(v.at), count(c.at), count(p.at),
           round(count(v.at)::numeric / count(*), 4),
           round(count(c.at)::numeric / nullif(count(v.at), 0), 4),
           round(count(p.at)::numeric / nullif(count(c.at), 0), 4),
           round(count(p.at)::numeric / count(*), 4)
    FROM (SELECT actor_user_id, min(occurred_at) AS at
          FROM business_events
          WHERE event_name = 'user_signed_up' AND occurred_at >= $1 AND occurred_at < $2
          GROUP BY actor_user_id) AS s
    CROSS JOIN LATERAL (
          SELECT min(occurred_at) AS at
          FROM business_events
          WHERE actor_user_id = s.actor_user_id AND event_name = 'product_viewed'
            AND occurred_at >= s.at AND occurred_at < s.at + interval '30 days') AS v
    CROSS JOIN LATERAL (
          SELECT min(occurred_at) AS at
          FROM business_events
          WHERE actor_user_id = s.actor_user_id AND event_name = 'cart_added'
            AND occurred_at >= v.at AND occurred_at < s.at + interval '30 days') AS c
    CROSS JOIN LATERAL (
          SELECT min(occurred_at) AS at
          FROM business_events
          WHERE actor_user_id = s.actor_user_id AND event_name = 'order_paid'
            AND occurred_at >= c.at AND occurred_at < s.at + interval '30 days') AS p
    GROUP BY 1
    ON CONFLICT (cohort_week) DO UPDATE
    SET signed_up = excluded.signed_up,
        viewed = excluded.viewed,
        carted = excluded.carted,
        purchased = excluded.purchased,
        view_rate = excluded.view_rate,
        cart_rate = excluded.cart_rate,
        purchase_rate = excluded.purchase_rate,
        conversion_rate = excluded.conversion_rate
  $query$
);
