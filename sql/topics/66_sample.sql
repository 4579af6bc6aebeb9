-- A sample company: a plausible history, so that every table and dashboard has something to show. What happens
-- on a day depends on the day and the seed alone: a history may be made longer later, and what is there
-- already is not stored again.

CREATE FUNCTION bizmetrics.generate_sample_core(days integer, seed integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
  batch jsonb;
  made bigint := 0;
BEGIN
  PERFORM bizmetrics.check_sample(days, seed);
  FOR batch IN
    WITH visits AS (
      SELECT d.day, n, format('visitor-%s', floor(400 * power(bizmetrics.sample_random(seed, 'who' || d.day::date || n), 2))::integer) AS visitor,
             d.day + interval '6 hours' + interval '16 hours' * bizmetrics.sample_random(seed, 'when' || d.day::date || n) AS at
      FROM generate_series(current_date - days, current_date, interval '1 day') AS d (day),
           generate_series(1, CASE WHEN extract(isodow FROM d.day) > 5 THEN 12 ELSE 20 END
                              + floor(15 * bizmetrics.sample_random(seed, 'visits' || d.day::date))::integer) AS n
    ), events AS (
      SELECT 'page_viewed' AS event_name, v.at + p * interval '40 seconds' AS at, v.visitor,
             jsonb_build_object('page', (ARRAY['/', '/pricing', '/docs', '/blog', '/about'])
                                          [1 + floor(5 * bizmetrics.sample_random(seed, 'page' || v.day::date || v.n || p))::integer]) AS properties
      FROM visits v, generate_series(1, 1 + floor(4 * bizmetrics.sample_random(seed, 'pages' || v.day::date || v.n))::integer) AS p
    ), numbered AS (
      SELECT e.*, (row_number() OVER (ORDER BY e.at, e.visitor) - 1) / 1000 AS batch
      FROM events e
      WHERE e.at < date_trunc('hour', now())
    )
    SELECT jsonb_agg(jsonb_build_object('event_name', n.event_name, 'occurred_at', n.at, 'actor_user_id', n.visitor, 'properties', n.properties,
             'dedupe_key', format('sample:core:%s:%s', seed, md5(concat_ws(':', n.at, n.visitor)))) ORDER BY n.at, n.visitor)
    FROM numbered n
    GROUP BY n.batch
    ORDER BY n.batch
  LOOP
    PERFORM bizmetrics.log_events(batch);
    made := made + jsonb_array_length(batch);
  END LOOP;
  RETURN made;
END
$$;
COMMENT ON FUNCTION bizmetrics.generate_sample_core(integer, integer) IS
'Logs page views of the last days at a company that does not exist, up to the current hour, and returns how many events that are. Behind generate_sample(), which tells more.';

-- Two shops, north that sells in EUR and south that sells in USD, with the same products.
CREATE FUNCTION bizmetrics.generate_sample_commerce(days integer, seed integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
  batch jsonb;
  made bigint := 0;
BEGIN
  PERFORM bizmetrics.check_sample(days, seed);
  FOR batch IN
    WITH products AS MATERIALIZED (
      SELECT p AS product, format('sku-%s', lpad(p::text, 3, '0')) AS product_id,
             (ARRAY['Books', 'Garden', 'Kitchen', 'Music', 'Sports', 'Toys'])[1 + p % 6] AS category,
             round((3 + 90 * power(bizmetrics.sample_random(seed, 'price' || p), 2))::numeric, 2) AS price,
             20 + floor(30 * bizmetrics.sample_random(seed, 'cycle' || p))::integer AS cycle,
             40 + floor(160 * bizmetrics.sample_random(seed, 'fill' || p))::integer AS fill
      FROM generate_series(1, 40) AS p
    ), shops (shop, currency, tax_rate, share) AS (
      VALUES ('north', 'EUR', 0.19, 1.0), ('south', 'USD', 0.08, 0.5)
    ), slots AS (
      -- More on Mondays, less at weekends, much more before Christmas.
      SELECT s.*, d.day, n, format('%s-%s-%s', s.shop, to_char(d.day, 'YYMMDD'), n) AS order_id
      FROM generate_series(current_date - days, current_date, interval '1 day') AS d (day),
           shops s,
           generate_series(1, greatest(1, round(s.share::double precision * (6 + 8 * bizmetrics.sample_random(seed, s.shop || d.day::date))
             * (ARRAY[1.3, 1.1, 1.0, 1.0, 1.1, 0.7, 0.6])[extract(isodow FROM d.day)::integer]
             * CASE WHEN extract(month FROM d.day) = 12 AND extract(day FROM d.day) < 22 THEN 1.8 ELSE 1 END))::integer) AS n
    ), drawn AS (
      SELECT s.*, s.day + interval '7 hours' + interval '15 hours' * bizmetrics.sample_random(seed, s.order_id || 'at') AS at,
             bizmetrics.sample_random(seed, s.order_id || 'new') < 0.4 AS is_new,
             -- An old customer is one who came some weeks ago.
             s.day - interval '1 day' * ceil(-70 * ln(1 - bizmetrics.sample_random(seed, s.order_id || 'back'))) AS joined,
             1 + floor(4 * bizmetrics.sample_random(seed, s.order_id || 'which'))::integer AS which,
             bizmetrics.sample_random(seed, s.order_id || 'fails') < 0.05 AS fails,
             bizmetrics.sample_random(seed, s.order_id || 'refund') AS refund_draw,
             bizmetrics.sample_random(seed, s.order_id || 'discount') < 0.2 AS has_discount,
             interval '4 hours' + interval '50 hours' * bizmetrics.sample_random(seed, s.order_id || 'ships') AS ships_in,
             interval '18 hours' + interval '80 hours' * bizmetrics.sample_random(seed, s.order_id || 'travels') AS travels
      FROM slots s
    ), orders AS (
      SELECT d.*,
             format('%s-customer-%s-%s', d.shop, to_char(CASE WHEN d.is_new THEN d.day ELSE d.joined END, 'YYMMDD'), CASE WHEN d.is_new THEN 10 + d.n ELSE d.which END) AS customer,
             d.at + d.ships_in AS shipped_at, d.at + d.ships_in + d.travels AS delivered_at,
             i.items, i.gross, CASE WHEN d.has_discount THEN round(i.gross * 0.1, 2) ELSE 0 END AS discount,
             CASE WHEN i.gross < 50 THEN 4.90 ELSE 0 END AS shipping,
             i.first_item
      FROM drawn d
      CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('product_id', p.product_id, 'name', 'Sample ' || p.product_id, 'category', p.category, 'quantity', x.quantity, 'unit_price', p.price) ORDER BY x.line) AS items,
               sum(x.quantity * p.price) AS gross,
               (array_agg(jsonb_build_object('product_id', p.product_id, 'quantity', x.quantity, 'amount', x.quantity * p.price) ORDER BY x.line))[1] AS first_item
        FROM (SELECT l AS line,
                     1 + floor(40 * power(bizmetrics.sample_random(seed, d.order_id || 'product' || l), 1.6))::integer AS product,
                     1 + floor(3 * power(bizmetrics.sample_random(seed, d.order_id || 'quantity' || l), 3))::integer AS quantity
              FROM generate_series(1, 1 + floor(4 * power(bizmetrics.sample_random(seed, d.order_id || 'lines'), 2))::integer) AS l) AS x
        JOIN products p ON p.product = x.product) AS i
    ), paid AS (
      SELECT o.*, round((o.gross - o.discount) * o.tax_rate, 2) AS tax,
             o.gross - o.discount + o.shipping + round((o.gross - o.discount) * o.tax_rate, 2) AS value
      FROM orders o
    ), stock AS (
      -- Sold off in a cycle that is a product's own, and at its end sometimes not there for a day or two.
      SELECT s.shop, s.currency, d.day, p.*,
             greatest(0, ceil(p.fill * (1 - ((d.day::date - date '2020-01-01' + p.product * 7) % p.cycle) / (p.cycle - 2.0))))::integer AS on_hand,
             (d.day::date - date '2020-01-01' + p.product * 7) % p.cycle = 0 AS comes_in
      FROM generate_series(current_date - days, current_date, interval '1 day') AS d (day), shops s, products p
      WHERE (d.day::date - date '2020-01-01' + p.product * 7) % p.cycle IN (0, p.cycle - 2)
         OR (d.day::date - date '2020-01-01' + p.product) % 4 = 0
    ), events (event_name, at, shop, customer, entity_type, entity_id, properties) AS (
      SELECT 'customer_created', o.at - interval '10 minutes', o.shop, o.customer, NULL, NULL,
             jsonb_build_object('channel', (ARRAY['search', 'ads', 'referral', 'direct'])[1 + floor(4 * bizmetrics.sample_random(seed, o.customer || 'channel'))::integer])
      FROM paid o WHERE o.is_new
      UNION ALL
      SELECT 'order_created', o.at, o.shop, o.customer, 'order', o.order_id, jsonb_build_object('value', o.value, 'currency', o.currency) FROM paid o
      UNION ALL
      SELECT 'order_process_started', o.at + interval '5 seconds', o.shop, NULL, 'order', o.order_id, '{}' FROM paid o
      UNION ALL
      SELECT CASE WHEN o.fails AND o.n % 2 = 0 THEN 'stock_reservation_failed' ELSE 'stock_reserved' END, o.at + interval '20 seconds', o.shop, NULL, 'order', o.order_id,
             CASE WHEN o.fails AND o.n % 2 = 0 THEN '{"reason": "out of stock"}'::jsonb ELSE '{}' END
      FROM paid o
      UNION ALL
      SELECT 'order_failed', o.at + interval '1 minute', o.shop, o.customer, 'order', o.order_id,
             jsonb_build_object('value', o.value, 'currency', o.currency, 'reason', (ARRAY['out of stock', 'card declined'])[1 + o.n % 2])
      FROM paid o WHERE o.fails
      UNION ALL
      SELECT 'order_paid', o.at + interval '1 minute', o.shop, o.customer, 'order', o.order_id,
             jsonb_build_object('value', o.value, 'currency', o.currency, 'discount', o.discount, 'shipping', o.shipping, 'tax', o.tax, 'items', o.items)
      FROM paid o WHERE NOT o.fails
      UNION ALL
      SELECT 'order_shipped', o.shipped_at, o.shop, o.customer, 'order', o.order_id, '{"carrier": "Sample Parcels"}' FROM paid o WHERE NOT o.fails
      UNION ALL
      SELECT 'order_delivered', o.delivered_at, o.shop, o.customer, 'order', o.order_id, '{"carrier": "Sample Parcels"}' FROM paid o WHERE NOT o.fails
      UNION ALL
      SELECT 'order_completed', o.delivered_at + interval '14 days', o.shop, NULL, 'order', o.order_id, '{}' FROM paid o WHERE NOT o.fails
      UNION ALL
      SELECT 'order_refunded', o.delivered_at + interval '14 days' * bizmetrics.sample_random(seed, o.order_id || 'returns'), o.shop, o.customer, 'order', o.order_id,
             jsonb_build_object('currency', o.currency, 'reason', (ARRAY['damaged', 'not as described', 'changed mind'])[1 + o.n % 3])
             || CASE WHEN o.refund_draw < 0.02 THEN jsonb_build_object('amount', o.value)
                     ELSE jsonb_build_object('amount', o.first_item -> 'amount', 'items', jsonb_build_array(o.first_item)) END
      FROM paid o WHERE NOT o.fails AND o.refund_draw < 0.06
      UNION ALL
      SELECT 'stock_changed', k.day + interval '5 hours', k.shop, NULL, 'product', k.product_id,
             jsonb_build_object('on_hand', k.on_hand, 'location', 'main', 'unit_cost', round(k.price * 0.6, 2), 'currency', k.currency,
                                'reorder_point', round(k.fill * 0.15), 'name', 'Sample ' || k.product_id, 'category', k.category)
      FROM stock k
      UNION ALL
      SELECT 'stock_received', k.day + interval '4 hours', k.shop, NULL, 'product', k.product_id,
             jsonb_build_object('quantity', k.fill, 'location', 'main', 'supplier', 'Sample Supplies')
      FROM stock k WHERE k.comes_in
    ), numbered AS (
      SELECT e.*, (row_number() OVER (ORDER BY e.at, e.event_name, e.shop, e.entity_id, e.customer) - 1) / 1000 AS batch
      FROM events e
      WHERE e.at < date_trunc('hour', now())
    )
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('event_name', n.event_name, 'occurred_at', n.at, 'company_id', n.shop, 'actor_user_id', n.customer,
             'entity_type', n.entity_type, 'entity_id', n.entity_id, 'properties', n.properties,
             'dedupe_key', format('sample:commerce:%s:%s', seed, md5(concat_ws(':', n.event_name, n.at, n.shop, n.entity_id, n.customer)))))
             ORDER BY n.at, n.event_name, n.shop, n.entity_id, n.customer)
    FROM numbered n
    GROUP BY n.batch
    ORDER BY n.batch
  LOOP
    PERFORM bizmetrics.log_events(batch);
    made := made + jsonb_array_length(batch);
  END LOOP;
  RETURN made;
END
$$;
COMMENT ON FUNCTION bizmetrics.generate_sample_commerce(integer, integer) IS
'Logs what happened in the last days at two shops that do not exist, up to the current hour, and returns how many events that are. Behind generate_sample(), which tells more.';

CREATE FUNCTION bizmetrics.generate_sample_support(days integer, seed integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
  batch jsonb;
  made bigint := 0;
BEGIN
  PERFORM bizmetrics.check_sample(days, seed);
  FOR batch IN
    WITH drawn AS (
      SELECT d.day, n, format('ticket-%s-%s', to_char(d.day, 'YYMMDD'), n) AS ticket,
             (ARRAY['north', 'south'])[1 + n % 2] AS company,
             d.day + interval '7 hours' + interval '12 hours' * bizmetrics.sample_random(seed, 'ticket' || d.day::date || n) AS at,
             bizmetrics.sample_random(seed, 'priority' || d.day::date || n) AS priority_draw,
             bizmetrics.sample_random(seed, 'answer' || d.day::date || n) AS answer_draw,
             bizmetrics.sample_random(seed, 'solve' || d.day::date || n) AS solve_draw,
             bizmetrics.sample_random(seed, 'reopen' || d.day::date || n) AS reopen_draw
      FROM generate_series(current_date - days, current_date, interval '1 day') AS d (day),
           generate_series(1, 2 + floor(5 * bizmetrics.sample_random(seed, 'tickets' || d.day::date))::integer) AS n
    ), timed AS (
      SELECT d.*,
             CASE WHEN d.priority_draw < 0.1 THEN 'urgent' WHEN d.priority_draw < 0.3 THEN 'high' WHEN d.priority_draw < 0.8 THEN 'normal' ELSE 'low' END AS priority,
             -- What is urgent is answered and solved sooner.
             interval '5 minutes' + interval '20 hours' * d.answer_draw * d.priority_draw AS answered_in,
             interval '30 minutes' + interval '20 hours' * d.answer_draw * d.priority_draw + interval '120 hours' * power(d.solve_draw, 2) * (0.2 + d.priority_draw) AS solved_in
      FROM drawn d
    ), events (event_name, at, company, actor, ticket, properties) AS (
      SELECT 'ticket_created', t.at, t.company, format('requester-%s', floor(150 * t.solve_draw)::integer), t.ticket,
             jsonb_build_object('priority', t.priority, 'channel', (ARRAY['email', 'chat', 'phone'])[1 + t.n % 3],
                                'category', (ARRAY['billing', 'bug', 'how to', 'delivery'])[1 + floor(4 * t.answer_draw)::integer])
      FROM timed t
      UNION ALL
      SELECT 'ticket_replied', t.at + t.answered_in, t.company, 'agent-' || t.n, t.ticket, '{}' FROM timed t
      UNION ALL
      SELECT 'ticket_resolved', t.at + t.solved_in, t.company, 'agent-' || t.n, t.ticket, '{}' FROM timed t WHERE t.solve_draw < 0.97
      UNION ALL
      SELECT 'ticket_reopened', t.at + t.solved_in + interval '9 hours', t.company, NULL, t.ticket, '{}' FROM timed t WHERE t.solve_draw < 0.97 AND t.reopen_draw < 0.08
      UNION ALL
      SELECT 'ticket_resolved', t.at + t.solved_in + interval '30 hours', t.company, 'agent-' || t.n, t.ticket, '{}' FROM timed t WHERE t.solve_draw < 0.97 AND t.reopen_draw < 0.08
    ), numbered AS (
      SELECT e.*, (row_number() OVER (ORDER BY e.at, e.event_name, e.ticket) - 1) / 1000 AS batch
      FROM events e
      WHERE e.at < date_trunc('hour', now())
    )
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('event_name', n.event_name, 'occurred_at', n.at, 'company_id', n.company, 'actor_user_id', n.actor,
             'entity_type', 'ticket', 'entity_id', n.ticket, 'properties', n.properties,
             'dedupe_key', format('sample:support:%s:%s', seed, md5(concat_ws(':', n.event_name, n.at, n.ticket))))) ORDER BY n.at, n.event_name, n.ticket)
    FROM numbered n
    GROUP BY n.batch
    ORDER BY n.batch
  LOOP
    PERFORM bizmetrics.log_events(batch);
    made := made + jsonb_array_length(batch);
  END LOOP;
  RETURN made;
END
$$;
COMMENT ON FUNCTION bizmetrics.generate_sample_support(integer, integer) IS
'Logs support tickets of the last days at two companies that do not exist, up to the current hour, and returns how many events that are. Behind generate_sample(), which tells more.';

CREATE FUNCTION bizmetrics.generate_sample(pack text DEFAULT NULL, days integer DEFAULT 365, seed integer DEFAULT 1) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one text;
  made bigint := 0;
  more bigint;
BEGIN
  IF pack IS NOT NULL THEN
    PERFORM bizmetrics.check_pack(pack);
  END IF;
  FOR one IN
    SELECT a.pack FROM bizmetrics.available_packs a
    WHERE a.pack = coalesce(generate_sample.pack, a.pack)
    ORDER BY a.pack
  LOOP
    EXECUTE format('SELECT bizmetrics.generate_sample_%s($1, $2)', one) INTO more USING days, seed;
    made := made + more;
  END LOOP;
  RETURN made;
END
$$;
COMMENT ON FUNCTION bizmetrics.generate_sample(text, integer, integer) IS
'Logs the history of a sample company for a pack, or for all of them: what happened in the last days up to the current hour, so that tables and dashboards have something to show. The same seed gives the same history: events that are there already are known by their dedupe_key, as long as bizmetrics.dedupe_retention, and not stored again. Returns how many events the history has. For a database to try things in: events cannot be deleted one by one. Errors: 22004 days or seed is NULL; 22023 days is not from 1 to 3660; 42704 no such pack; those of log_events().';
