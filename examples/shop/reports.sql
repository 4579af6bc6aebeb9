-- Three reports of the shop. Run by an author, who owns them and their tables:
--
--   psql -U analyst -d shop -1 -f reports.sql
--
-- Each is a SELECT with a key: its table is made from it and holds what it gives over all events. A run
-- computes the buckets of which events changed; the first run, all there are.
\set ON_ERROR_STOP on

-- Sales by day.
SELECT bizmetrics.create_report(
  name     => 'daily_sales',
  schedule => '* * * * *',
  bucket   => '1 day',
  key      => '{day}',
  query    => $query$
    SELECT occurred_at::date AS day,
           count(*) AS orders,
           sum((properties->>'value')::numeric) AS revenue,
           count(DISTINCT actor_user_id) AS customers,
           round(avg((properties->>'value')::numeric), 2) AS average_order
    FROM business_events
    WHERE event_name = 'order_paid'
    GROUP BY 1
  $query$,
  description => 'Paid orders by day (UTC).',
  columns  => '{
    "day": "The day.",
    "orders": "Paid orders.",
    "revenue": "Sum of the paid orders, in EUR.",
    "customers": "Different customers who paid an order.",
    "average_order": "revenue / orders, in EUR."
  }'
);

-- Activation: of those who signed up in a week, how many were active within seven days of it. The
-- sign-ups are those of [$1, $2); what they did later is looked for after $2 too. So an event changes
-- the week that holds it, and that of seven days before: its reach.
SELECT bizmetrics.create_report(
  name     => 'activation_rate',
  schedule => '* * * * *',
  bucket   => '1 week',
  key      => '{cohort_week}',
  events   => '{user_signed_up,user_activated}',
  reach    => '7 days',
  query    => $query$
    SELECT date_trunc('week', s.at)::date AS cohort_week,
           count(*) AS signups,
           count(a.at) AS activated,
           round(count(a.at)::numeric / count(*), 4) AS activation_rate
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
  $query$,
  description => 'Sign-ups by week (UTC) and how many of them were activated within 7 days. The current week and the one before still change.',
  columns  => '{
    "cohort_week": "The Monday that begins the week.",
    "signups": "Who signed up in it.",
    "activated": "Of these: was activated within 7 days.",
    "activation_rate": "activated / signups, 0 to 1."
  }'
);

-- Funnel: how far those who signed up in a week came within 30 days, each step after the one
-- before it.
SELECT bizmetrics.create_report(
  name     => 'signup_funnel',
  schedule => '* * * * *',
  bucket   => '1 week',
  key      => '{cohort_week}',
  events   => '{user_signed_up,product_viewed,cart_added,order_paid}',
  reach    => '30 days',
  query    => $query$
    SELECT date_trunc('week', s.at)::date AS cohort_week,
           count(*) AS signed_up,
           count(v.at) AS viewed,
           count(c.at) AS carted,
           count(p.at) AS purchased,
           round(count(v.at)::numeric / count(*), 4) AS view_rate,
           round(count(c.at)::numeric / nullif(count(v.at), 0), 4) AS cart_rate,
           round(count(p.at)::numeric / nullif(count(c.at), 0), 4) AS purchase_rate,
           round(count(p.at)::numeric / count(*), 4) AS conversion_rate
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
  $query$,
  description => 'From sign-up to purchase within 30 days, by week of sign-up (UTC). A week changes until 30 days after its end.',
  columns  => '{
    "cohort_week": "The Monday that begins the week.",
    "signed_up": "Who signed up in it.",
    "viewed": "Of signed_up: viewed a product.",
    "carted": "Of viewed: then put one into the cart.",
    "purchased": "Of carted: then paid an order.",
    "view_rate": "viewed / signed_up, 0 to 1.",
    "cart_rate": "carted / viewed, 0 to 1.",
    "purchase_rate": "purchased / carted, 0 to 1.",
    "conversion_rate": "purchased / signed_up, 0 to 1."
  }'
);
