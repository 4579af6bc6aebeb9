-- The events of a small shop, from a year ago up to now. Run by a writer:
--
--   psql -U shop_app -d shop -v seed=1 -f events.sql
--
-- Every customer and every visit is a function of the seed and of its date, and every event has a
-- dedupe_key. So the same seed gives the same events, whenever it is run, but for where they end;
-- and to run it again stores what has happened since, and nothing twice.
\set ON_ERROR_STOP on
\if :{?seed}
\else
    \set seed 1
\endif

BEGIN;

-- Chance: the same number from 0 to 1 for the same words and seed, on every server.
CREATE FUNCTION pg_temp.roll(what text, seed bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE
RETURN (hashtextextended(what, seed) & 4294967295) / 4294967296.0::double precision;

-- The first event is in the week that held today's date a year ago. Who signed up in the quarter
-- before that comes back in it.
SELECT date_trunc('week', now() AT TIME ZONE 'UTC' - interval '1 year') AS first_day \gset

CREATE TEMP TABLE products ON COMMIT DROP AS
SELECT * FROM (VALUES
    (1, 'TEA-GREEN',   'Green tea, 250 g',     8.90),
    (2, 'TEA-BLACK',   'Black tea, 250 g',     7.50),
    (3, 'COFFEE-1KG',  'Coffee beans, 1 kg',  21.90),
    (4, 'COFFEE-250G', 'Coffee beans, 250 g',  6.90),
    (5, 'MUG',         'Mug',                 12.00),
    (6, 'TEAPOT',      'Teapot',              39.00),
    (7, 'GRINDER',     'Coffee grinder',      89.95),
    (8, 'FILTERS',     'Paper filters, 100',   4.49)
) AS p (product, sku, name, price);

-- A dozen sign-ups a day, more each year, most of them on Saturdays.
CREATE TEMP TABLE days ON COMMIT DROP AS
SELECT day::date AS day,
       round((12 + 4 * greatest(day::date - date '2025-01-01', 0) / 365.0)
             * (ARRAY[0.9, 0.8, 0.9, 1.0, 1.1, 1.4, 1.2])[extract(isodow FROM day)::integer]
             * (0.7 + 0.6 * pg_temp.roll('day ' || day::date, :seed)))::integer AS signups
FROM generate_series(:'first_day'::timestamp - interval '90 days', now() AT TIME ZONE 'UTC', '1 day') AS day;

CREATE TEMP TABLE customers ON COMMIT DROP AS
SELECT c.id, c.day,
       c.day + interval '7 hours' + interval '15 hours' * (r.early + r.late) / 2 AS signed_up_at,
       CASE WHEN r.store < 0.6 THEN 1 WHEN r.store < 0.9 THEN 2 ELSE 3 END AS store,
       CASE WHEN r.channel < 0.45 THEN 'search' WHEN r.channel < 0.7 THEN 'ads'
            WHEN r.channel < 0.85 THEN 'newsletter' ELSE 'friend' END AS channel,
       floor(-2.5 * ln(1 - r.loyalty))::integer AS more_visits,
       -- Six in ten complete their profile, most within a week; who came through a friend, more.
       CASE WHEN r.activation < CASE WHEN r.channel < 0.85 THEN 0.6 ELSE 0.8 END
            THEN interval '1 day' * -3 * ln(1 - r.delay) END AS activated_after
FROM (SELECT day, (day - date '2000-01-01') * 1000::bigint + n AS id
      FROM days, generate_series(1, signups) AS n) AS c
CROSS JOIN LATERAL (
    SELECT pg_temp.roll('early ' || id, :seed) AS early, pg_temp.roll('late ' || id, :seed) AS late,
           pg_temp.roll('store ' || id, :seed) AS store, pg_temp.roll('channel ' || id, :seed) AS channel,
           pg_temp.roll('loyalty ' || id, :seed) AS loyalty,
           pg_temp.roll('activation ' || id, :seed) AS activation, pg_temp.roll('delay ' || id, :seed) AS delay
) AS r;

-- Visit 0 follows the sign-up, the others come within three months; few come on a Tuesday.
CREATE TEMP TABLE visits ON COMMIT DROP AS
SELECT v.id || '-' || v.visit AS visit_id, v.id, v.store, v.at,
       1 + floor(3 * r.views)::integer AS views,
       -- How far it gets: 38 % put something into the cart, 27 % go to the checkout, 22 % pay.
       r.depth < 0.38 AS carts, r.depth < 0.27 AS checks_out, r.depth < 0.22 AS pays,
       1 + floor(3 * r.quantity * r.quantity)::integer AS quantity
FROM (
    SELECT id, store, visit,
           CASE visit WHEN 0 THEN signed_up_at + interval '3 minutes'
                ELSE day + interval '1 day' * ceil(90 * pow(pg_temp.roll('wait ' || id || visit, :seed), 1.7))
                     + interval '7 hours'
                     + interval '15 hours' * pg_temp.roll('time ' || id || visit, :seed) END AS at
    FROM customers, generate_series(0, more_visits) AS visit
) AS v
CROSS JOIN LATERAL (
    SELECT pg_temp.roll('views ' || id || visit, :seed) AS views,
           pg_temp.roll('depth ' || id || visit, :seed) AS depth,
           pg_temp.roll('quantity ' || id || visit, :seed) AS quantity
) AS r
WHERE pg_temp.roll('comes ' || id || visit, :seed)
      < (ARRAY[0.7, 0.6, 0.7, 0.75, 0.85, 1.0, 0.9])[extract(isodow FROM v.at)::integer];

-- One row an event, its time in UTC.
CREATE TEMP TABLE happened ON COMMIT DROP AS
SELECT 'user_signed_up' AS event_name, signed_up_at AS at, id AS customer, store,
       'customer' AS entity_type, id::text AS entity_id,
       jsonb_build_object('channel', channel) AS properties,
       'signed_up:' || id AS dedupe_key
FROM customers
UNION ALL
SELECT 'user_activated', signed_up_at + activated_after, id, store, 'customer', id::text, '{}',
       'activated:' || id
FROM customers
WHERE activated_after IS NOT NULL
UNION ALL
SELECT 'product_viewed', at + n * interval '2 minutes', id, store, 'product', sku,
       jsonb_build_object('price', price), 'viewed:' || visit_id || ':' || n
FROM visits, generate_series(1, views) AS n, products
WHERE product = 1 + floor(8 * pg_temp.roll('product ' || visit_id || n, :seed))
UNION ALL
-- What is bought is what was viewed first.
SELECT step.event_name, at + step.after, id, store,
       CASE step.event_name WHEN 'cart_added' THEN 'product' ELSE 'order' END,
       CASE step.event_name WHEN 'cart_added' THEN sku ELSE visit_id END,
       jsonb_build_object('value', price * quantity, 'currency', 'EUR', 'sku', sku, 'quantity', quantity),
       step.event_name || ':' || visit_id
FROM visits, products,
     LATERAL (VALUES ('cart_added', interval '8 minutes', carts),
                     ('checkout_started', interval '11 minutes', checks_out),
                     ('order_paid', interval '14 minutes', pays)) AS step (event_name, after, reached)
WHERE product = 1 + floor(8 * pg_temp.roll('product ' || visit_id || '1', :seed))
  AND step.reached;

-- An application logs one event at a time, in the transaction that changes its own tables. This
-- is the same call, for each row.
SELECT count(bizmetrics.log_event(
           event_name    => event_name,
           properties    => properties,
           actor_user_id => customer,
           company_id    => store,
           entity_type   => entity_type,
           entity_id     => entity_id,
           occurred_at   => date_trunc('second', at) AT TIME ZONE 'UTC',
           dedupe_key    => dedupe_key)) AS "events generated"
FROM (SELECT * FROM happened
      WHERE at >= :'first_day' AND at AT TIME ZONE 'UTC' < now()
      ORDER BY at) AS e;

COMMIT;
