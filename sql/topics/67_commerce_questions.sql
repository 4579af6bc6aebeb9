-- Questions to the tables of the pack commerce: over days that are asked for, of one product or category, for a
-- day, week or month. They read what the reports keep, with the caller's rights, and never an event. docs/packs.md
-- is their manual.

CREATE VIEW bizmetrics.allowed_order_transitions AS
SELECT t.key AS from_status, s.status AS to_status
FROM bizmetrics.pack_parameters p
LEFT JOIN bizmetrics.pack_settings o ON o.pack OPERATOR(pg_catalog.=) p.pack AND o.name OPERATOR(pg_catalog.=) p.name
CROSS JOIN LATERAL pg_catalog.jsonb_each(coalesce(o.value, p.standard)) AS t
CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(t.value) AS s (status)
WHERE p.pack OPERATOR(pg_catalog.=) 'commerce' AND p.name OPERATOR(pg_catalog.=) 'order_transitions';
COMMENT ON VIEW bizmetrics.allowed_order_transitions IS
'Into which statuses an order may come from which: the parameter order_transitions of the pack commerce, a row each. For readers, writers and authors.';
COMMENT ON COLUMN bizmetrics.allowed_order_transitions.from_status IS 'The status before; start: there was none.';
COMMENT ON COLUMN bizmetrics.allowed_order_transitions.to_status IS 'The status that may follow.';

CREATE FUNCTION bizmetrics.is_order_transition_allowed(from_status text, to_status text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  unknown text;
BEGIN
  SELECT s.status INTO unknown
  FROM unnest(ARRAY[from_status, to_status]) WITH ORDINALITY AS s (status, place)
  WHERE NOT EXISTS (SELECT FROM bizmetrics.allowed_order_transitions t WHERE s.status IN (t.from_status, t.to_status))
  ORDER BY s.place LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = CASE WHEN unknown IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
      MESSAGE = coalesce(format('unknown status "%s" of an order', unknown), 'from_status and to_status must not be NULL'),
      HINT = format('The statuses are: %s; start stands for none before.',
                    (SELECT string_agg(DISTINCT t.to_status, ', ' ORDER BY t.to_status) FROM bizmetrics.allowed_order_transitions t));
  END IF;
  RETURN EXISTS (SELECT FROM bizmetrics.allowed_order_transitions t
                 WHERE t.from_status = is_order_transition_allowed.from_status AND t.to_status = is_order_transition_allowed.to_status);
END
$$;
COMMENT ON FUNCTION bizmetrics.is_order_transition_allowed(text, text) IS
'Whether an order may come from one status into another, as the parameter order_transitions of the pack commerce says: to ask before the event is logged. from_status start is before the first. Errors: 22004 NULL; 22023 a status that the parameter does not name.';

-- What every question begins with: where its days are, and that there is something to read.
CREATE FUNCTION bizmetrics.pack_table_timezone(report text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF to_regclass(format('analytics.%I', report)) IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('relation "analytics.%s" does not exist', report),
      HINT = 'It is a table of the pack commerce: see bizmetrics.install_pack().';
  END IF;
  RETURN coalesce((SELECT t.timezone FROM bizmetrics.report_tables t WHERE t.report_name = report), 'UTC');
END
$$;
COMMENT ON FUNCTION bizmetrics.pack_table_timezone(text) IS
'The time zone of the days of a report''s table. Errors: 42P01 there is no such table.';

CREATE FUNCTION bizmetrics.check_days(from_date date, to_date date) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF from_date IS NULL OR to_date IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = format('%s must not be NULL', CASE WHEN from_date IS NULL THEN 'from_date' ELSE 'to_date' END),
      HINT = 'Give the first and the last day, such as ''2024-03-01'' and ''2024-03-31''.';
  ELSIF NOT isfinite(from_date) OR NOT isfinite(to_date) THEN
    RAISE EXCEPTION USING ERRCODE = 'datetime_field_overflow',
      MESSAGE = format('%s must be finite', CASE WHEN isfinite(from_date) THEN 'to_date' ELSE 'from_date' END),
      HINT = 'Give the first and the last day, such as ''2024-03-01'' and ''2024-03-31''.';
  ELSIF from_date > to_date THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('invalid range of days: "%s" to "%s"', from_date, to_date),
      HINT = 'Both days are included; give the earlier one first.';
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.check_days(date, date) IS
'Raises where two days are no range of whole days. Errors: 22004 one is NULL; 22008 one is infinite; 22023 the first is after the second.';

CREATE FUNCTION bizmetrics.report_sales(
  from_date date,
  to_date date,
  granularity text DEFAULT 'daily',
  category text DEFAULT NULL,
  product bizmetrics.identifier DEFAULT NULL,
  company bizmetrics.identifier DEFAULT NULL
) RETURNS TABLE (period_start timestamptz, company_id text, currency text, orders bigint, units numeric,
                 gross_sales numeric, discounts numeric, refunds numeric, net_sales numeric)
LANGUAGE plpgsql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  zone text;
  unit text;
BEGIN
  PERFORM bizmetrics.check_days(from_date, to_date);
  PERFORM bizmetrics.check_choice('granularity', granularity, '{hourly,daily,weekly,monthly}');
  unit := CASE granularity WHEN 'hourly' THEN 'hour' WHEN 'daily' THEN 'day' WHEN 'weekly' THEN 'week' ELSE 'month' END;
  IF unit = 'hour' AND (category IS NOT NULL OR product IS NOT NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'hourly sales are not kept by category and product',
      HINT = 'Ask for daily, weekly or monthly ones.';
  END IF;
  zone := bizmetrics.pack_table_timezone(CASE WHEN unit = 'hour' THEN 'hourly_sales' WHEN product IS NOT NULL THEN 'daily_product_sales'
                                              WHEN category IS NOT NULL THEN 'daily_category_sales' ELSE 'daily_sales' END);
  RETURN QUERY EXECUTE
    CASE
      WHEN unit = 'hour' THEN $query$
        SELECT h.hour, h.company_id, h.currency, h.orders, NULL::numeric, h.gross_sales, h.discounts, h.refunds, h.net_sales
        FROM analytics.hourly_sales h
        WHERE h.hour >= $1::timestamp AT TIME ZONE $3 AND h.hour < ($2 + 1)::timestamp AT TIME ZONE $3
          AND ($7 IS NULL OR h.company_id = $7)
        ORDER BY h.hour, h.company_id, h.currency $query$
      WHEN product IS NOT NULL THEN $query$
        SELECT date_trunc($4, d.day::timestamp) AT TIME ZONE $3, d.company_id, d.currency, sum(d.orders)::bigint, sum(d.units),
               sum(d.gross_sales), sum(d.discounts), sum(d.refunds), sum(d.net_sales)
        FROM analytics.daily_product_sales d
        WHERE d.day BETWEEN $1 AND $2 AND d.product_id = $6 AND ($7 IS NULL OR d.company_id = $7)
          -- A day on which it only came back does not say its category.
          AND ($5 IS NULL OR coalesce(d.category, (
                 SELECT o.category FROM analytics.daily_product_sales o
                 WHERE o.company_id = d.company_id AND o.product_id = d.product_id AND o.category IS NOT NULL
                 ORDER BY o.day DESC LIMIT 1)) = $5)
        GROUP BY 1, 2, 3
        ORDER BY 1, 2, 3 $query$
      WHEN category IS NOT NULL THEN $query$
        WITH sold AS (
          SELECT date_trunc($4, d.day::timestamp) AS period, d.company_id, d.currency, d.orders, d.units, d.gross_sales, d.discounts, 0 AS refunds
          FROM analytics.daily_category_sales d
          WHERE d.day BETWEEN $1 AND $2 AND d.category = $5
          UNION ALL
          SELECT date_trunc($4, d.day::timestamp), d.company_id, d.currency, 0, 0, 0, 0, d.refunds
          FROM analytics.daily_product_sales d
          WHERE d.day BETWEEN $1 AND $2 AND d.refunds <> 0
            AND coalesce(d.category, (
                  SELECT o.category FROM analytics.daily_product_sales o
                  WHERE o.company_id = d.company_id AND o.product_id = d.product_id AND o.category IS NOT NULL
                  ORDER BY o.day DESC LIMIT 1)) = $5
        )
        SELECT s.period AT TIME ZONE $3, s.company_id, s.currency, sum(s.orders)::bigint, sum(s.units),
               sum(s.gross_sales), sum(s.discounts), sum(s.refunds), sum(s.gross_sales) - sum(s.discounts) - sum(s.refunds)
        FROM sold s
        WHERE $7 IS NULL OR s.company_id = $7
        GROUP BY s.period, 2, 3
        ORDER BY s.period, 2, 3 $query$
      ELSE $query$
        SELECT date_trunc($4, d.day::timestamp) AT TIME ZONE $3, d.company_id, d.currency, sum(d.orders)::bigint, NULL::numeric,
               sum(d.gross_sales), sum(d.discounts), sum(d.refunds), sum(d.net_sales)
        FROM analytics.daily_sales d
        WHERE d.day BETWEEN $1 AND $2 AND ($7 IS NULL OR d.company_id = $7)
        GROUP BY 1, 2, 3
        ORDER BY 1, 2, 3 $query$
    END
  USING from_date, to_date, zone, unit, category, product::text, company::text;
END
$$;
COMMENT ON FUNCTION bizmetrics.report_sales(date, date, text, text, bizmetrics.identifier, bizmetrics.identifier) IS
'Sales from the first day to the last, both included, by hour, day, week or month (granularity hourly, daily, weekly or monthly), company and currency, of all that was sold or of a category or product, from the tables of the pack commerce. period_start is when the period begins in their time zone; of a week or month that the days cut only these days count. orders are different ones day by day, of a category those with an item of it; units are counted where a category or product is asked for, and discounts on whole orders and refunds that name no product are in neither. Money is in the currency. Errors: 22004 NULL; 22008 an infinite day; 22023 no range, another granularity, or a category or product by hour; 42P01 the pack is not installed; 42501 no right to read its tables.';

CREATE FUNCTION bizmetrics.report_products(
  from_date date,
  to_date date,
  category text DEFAULT NULL,
  company bizmetrics.identifier DEFAULT NULL,
  max_rows integer DEFAULT 100
) RETURNS TABLE (company_id text, currency text, rank bigint, product_id text, product_name text, product_category text, orders bigint,
                 units numeric, gross_sales numeric, units_refunded numeric, refunds numeric, net_sales numeric, share numeric)
LANGUAGE plpgsql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM bizmetrics.check_days(from_date, to_date);
  PERFORM bizmetrics.check_count('max_rows', max_rows, 10000);
  PERFORM bizmetrics.pack_table_timezone('daily_product_sales');
  RETURN QUERY EXECUTE $query$
    WITH summed AS (
      SELECT d.company_id, d.currency, d.product_id,
             (array_agg(d.product_name ORDER BY d.day DESC) FILTER (WHERE d.product_name IS NOT NULL))[1] AS product_name,
             (array_agg(d.category ORDER BY d.day DESC) FILTER (WHERE d.category IS NOT NULL))[1] AS category,
             sum(d.orders)::bigint AS orders, sum(d.units) AS units, sum(d.gross_sales) AS gross_sales,
             sum(d.units_refunded) AS units_refunded, sum(d.refunds) AS refunds, sum(d.net_sales) AS net_sales
      FROM analytics.daily_product_sales d
      WHERE d.day BETWEEN $1 AND $2 AND ($4 IS NULL OR d.company_id = $4)
      GROUP BY 1, 2, 3
    ), ranked AS (
      SELECT s.*, rank() OVER w AS rank,
             row_number() OVER (PARTITION BY s.company_id, s.currency ORDER BY s.net_sales DESC, s.product_id) AS place,
             round(s.net_sales / nullif(sum(s.net_sales) OVER (PARTITION BY s.company_id, s.currency), 0), 6) AS share
      FROM summed s
      WHERE $3 IS NULL OR s.category = $3
      WINDOW w AS (PARTITION BY s.company_id, s.currency ORDER BY s.net_sales DESC)
    )
    SELECT r.company_id, r.currency, r.rank, r.product_id, r.product_name, r.category, r.orders, r.units,
           r.gross_sales, r.units_refunded, r.refunds, r.net_sales, r.share
    FROM ranked r
    WHERE r.place <= $5
    ORDER BY r.company_id, r.currency, r.place $query$
  USING from_date, to_date, category, company::text, max_rows;
END
$$;
COMMENT ON FUNCTION bizmetrics.report_products(date, date, text, bizmetrics.identifier, integer) IS
'The max_rows products with the highest net sales from the first day to the last, both included, of each company and currency, of all or of a category, from the tables of the pack commerce. Equal ones share a rank and are in the order of their ids; share is of all that were asked for. orders are different ones day by day. Errors: 22004 NULL; 22008 an infinite day; 22023 no range, or max_rows is not from 1 to 10000; 42P01 the pack is not installed; 42501 no right to read its tables.';

CREATE FUNCTION bizmetrics.report_customers(
  from_date date,
  to_date date,
  company bizmetrics.identifier DEFAULT NULL
) RETURNS TABLE (company_id text, currency text, customers bigint, new_customers bigint, returning_customers bigint, repeat_customers bigint,
                 orders bigint, spent numeric, average_order_value numeric, lifetime_value numeric)
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  zone text;
BEGIN
  PERFORM bizmetrics.check_days(from_date, to_date);
  PERFORM bizmetrics.pack_table_timezone('customer_metrics');
  zone := bizmetrics.pack_table_timezone('customer_leaderboard');
  RETURN QUERY EXECUTE $query$
    WITH ordering AS (
      SELECT l.company_id, l.currency, l.customer_id, sum(l.orders)::bigint AS orders, sum(l.total) AS spent
      FROM analytics.customer_leaderboard l
      WHERE l.day BETWEEN $1 AND $2 AND ($3 IS NULL OR l.company_id = $3)
      GROUP BY 1, 2, 3
    ), known AS (
      SELECT o.*, m.first_order_at >= $1::timestamp AT TIME ZONE $4 AS is_new, m.lifetime_value
      FROM ordering o
      LEFT JOIN analytics.customer_metrics m ON m.company_id = o.company_id AND m.currency = o.currency AND m.customer_id = o.customer_id
    )
    SELECT k.company_id, k.currency,
           count(*) FILTER (WHERE k.orders > 0),
           count(*) FILTER (WHERE k.orders > 0 AND k.is_new),
           count(*) FILTER (WHERE k.orders > 0 AND NOT k.is_new),
           count(*) FILTER (WHERE k.orders > 1),
           sum(k.orders)::bigint, sum(k.spent),
           round(sum(k.spent) / nullif(sum(k.orders), 0), 4),
           round(avg(k.lifetime_value) FILTER (WHERE k.orders > 0), 4)
    FROM known k
    GROUP BY 1, 2
    ORDER BY 1, 2 $query$
  USING from_date, to_date, company::text, zone;
END
$$;
COMMENT ON FUNCTION bizmetrics.report_customers(date, date, bizmetrics.identifier) IS
'Customers who ordered from the first day to the last, both included, by company and currency, each counted once: how many, how many for the first time in this currency and how many who had before, how many twice or more in these days, what they ordered and spent net of refunds, and what they brought in up to now on average (lifetime_value), from the tables of the pack commerce. Errors: 22004 NULL; 22008 an infinite day; 22023 no range; 42P01 the pack is not installed; 42501 no right to read its tables.';

CREATE FUNCTION bizmetrics.report_inventory(
  company bizmetrics.identifier DEFAULT NULL,
  status text DEFAULT NULL
) RETURNS TABLE (company_id text, product_id text, product_name text, product_category text, stock_status text, on_hand numeric,
                 stock_value numeric, currency text, units_sold_30d numeric, days_of_cover numeric, stock_out_rate numeric,
                 turnover numeric, days_of_inventory numeric)
LANGUAGE plpgsql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF status IS NOT NULL THEN
    PERFORM bizmetrics.check_choice('status', status, '{out of stock,reorder,dead stock,low,ok}');
  END IF;
  PERFORM bizmetrics.pack_table_timezone('inventory_health'), bizmetrics.pack_table_timezone('inventory_turnover');
  RETURN QUERY EXECUTE $query$
    SELECT h.company_id, h.product_id, h.product_name, h.category, h.status, h.on_hand, h.stock_value, h.currency,
           h.units_sold_30d, h.days_of_cover, h.stock_out_rate, t.turnover, t.days_of_inventory
    FROM analytics.inventory_health h
    LEFT JOIN LATERAL (
      SELECT i.turnover, i.days_of_inventory
      FROM analytics.inventory_turnover i
      WHERE i.company_id = h.company_id AND i.product_id = h.product_id
        AND i.month = (SELECT max(m.month) FROM analytics.inventory_turnover m)) AS t ON true
    WHERE ($1 IS NULL OR h.company_id = $1) AND ($2 IS NULL OR h.status = $2)
    ORDER BY h.company_id, h.product_id $query$
  USING company::text, status;
END
$$;
COMMENT ON FUNCTION bizmetrics.report_inventory(bizmetrics.identifier, text) IS
'What is in stock now, by company and product, all locations together: how much, what it cost, for how long it lasts, how often it was out of stock in 30 days, and how often it was turned over in the current month, of all or of those in a status (out of stock, reorder, dead stock, low, ok), from the tables of the pack commerce. Errors: 22023 another status; 42P01 the pack is not installed; 42501 no right to read its tables.';

-- Leaderboards ------------------------------------------------------------------------------------------

-- The days of the period that a day is in, as far as there are any.
CREATE FUNCTION bizmetrics.period_days(on_date date, period text) RETURNS daterange
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM bizmetrics.check_days(on_date, on_date);
  PERFORM bizmetrics.check_choice('period', period, '{day,week,month,all}');
  RETURN CASE period
    WHEN 'day' THEN daterange(on_date, on_date + 1)
    WHEN 'all' THEN daterange('-infinity', on_date + 1)
    ELSE daterange(date_trunc(period, on_date::timestamp)::date, (date_trunc(period, on_date::timestamp) + ('1 ' || period)::interval)::date) END;
END
$$;
COMMENT ON FUNCTION bizmetrics.period_days(date, text) IS
'The days of the day, week (from Monday) or month that a day is in, or all days up to it. Errors: 22004 NULL; 22008 an infinite day; 22023 another period.';

CREATE FUNCTION bizmetrics.ranked_customers(days daterange, company text, in_currency text)
RETURNS TABLE (company_id text, currency text, rank bigint, place bigint, customer_id text, orders bigint, total numeric, customers bigint)
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM bizmetrics.pack_table_timezone('customer_leaderboard');
  RETURN QUERY EXECUTE $query$
    SELECT s.company_id, s.currency, rank() OVER (PARTITION BY s.company_id, s.currency ORDER BY s.total DESC),
           row_number() OVER (PARTITION BY s.company_id, s.currency ORDER BY s.total DESC, s.customer_id), s.customer_id, s.orders, s.total,
           count(*) OVER (PARTITION BY s.company_id, s.currency)
    FROM (SELECT l.company_id, l.currency, l.customer_id, sum(l.orders)::bigint AS orders, sum(l.total) AS total
          FROM analytics.customer_leaderboard l
          WHERE l.day >= lower($1) AND l.day < upper($1) AND ($2 IS NULL OR l.company_id = $2) AND ($3 IS NULL OR l.currency = upper($3))
          GROUP BY 1, 2, 3) AS s $query$
  USING days, company, in_currency;
END
$$;
COMMENT ON FUNCTION bizmetrics.ranked_customers(daterange, text, text) IS
'Customers by what they spent net of refunds in some days, by company and currency. Behind top_customers() and customer_rank(). Errors: 42P01 the pack commerce is not installed; 42501 no right to read its tables.';

CREATE FUNCTION bizmetrics.top_customers(
  on_date date,
  period text DEFAULT 'day',
  max_rows integer DEFAULT 10,
  company bizmetrics.identifier DEFAULT NULL,
  in_currency text DEFAULT NULL
) RETURNS TABLE (company_id text, currency text, rank bigint, place bigint, customer_id text, orders bigint, total numeric)
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM bizmetrics.check_count('max_rows', max_rows, 10000);
  RETURN QUERY
    SELECT r.company_id, r.currency, r.rank, r.place, r.customer_id, r.orders, r.total
    FROM bizmetrics.ranked_customers(bizmetrics.period_days(on_date, period), company::text, in_currency) r
    WHERE r.place <= max_rows
    ORDER BY r.company_id, r.currency, r.place;
END
$$;
COMMENT ON FUNCTION bizmetrics.top_customers(date, text, integer, bizmetrics.identifier, text) IS
'The max_rows customers who spent most, net of refunds, on the day, in its week (from Monday) or month, or up to it (period day, week, month or all), of each company and currency, from the tables of the pack commerce. Equal ones share a rank; place is by their ids then. Errors: 22004 NULL; 22008 an infinite day; 22023 another period, or max_rows is not from 1 to 10000; 42P01 the pack is not installed; 42501 no right to read its tables.';

CREATE FUNCTION bizmetrics.customer_rank(
  customer bizmetrics.identifier,
  on_date date,
  period text DEFAULT 'day',
  company bizmetrics.identifier DEFAULT NULL,
  in_currency text DEFAULT NULL
) RETURNS TABLE (company_id text, currency text, rank bigint, orders bigint, total numeric, customers bigint)
LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF customer IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'customer must not be NULL';
  END IF;
  RETURN QUERY
    SELECT r.company_id, r.currency, r.rank, r.orders, r.total, r.customers
    FROM bizmetrics.ranked_customers(bizmetrics.period_days(on_date, period), company::text, in_currency) r
    WHERE r.customer_id = customer::text
    ORDER BY r.company_id, r.currency;
END
$$;
COMMENT ON FUNCTION bizmetrics.customer_rank(bizmetrics.identifier, date, text, bizmetrics.identifier, text) IS
'The rank of a customer among all customers on the leaderboard of the same day and period as in top_customers(), a row for each company and currency in which he is on it, and none where he is on none; what he ordered and spent, and of how many customers. Errors: as there.';

-- A day's report ------------------------------------------------------------------------------------------

CREATE FUNCTION bizmetrics.daily_report(
  on_date date DEFAULT NULL,
  company bizmetrics.identifier DEFAULT NULL,
  max_rows integer DEFAULT 10
) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  zone text := bizmetrics.pack_table_timezone('daily_kpis');
  the_day date := coalesce(on_date, (now() AT TIME ZONE zone)::date - 1);
  kpis jsonb;
  leaderboard jsonb;
BEGIN
  PERFORM bizmetrics.check_days(the_day, the_day);
  EXECUTE $query$
    SELECT coalesce(jsonb_agg(to_jsonb(k) - 'day' ORDER BY k.company_id, k.currency), '[]')
    FROM analytics.daily_kpis k
    WHERE k.day = $1 AND ($2 IS NULL OR k.company_id = $2) $query$
  INTO kpis USING the_day, company::text;
  SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.company_id, t.currency, t.place), '[]') INTO leaderboard
  FROM bizmetrics.top_customers(the_day, max_rows => max_rows, company => company) t;
  RETURN jsonb_build_object('date', the_day, 'timezone', zone, 'generated_at', now(), 'kpis', kpis, 'leaderboard', leaderboard);
END
$$;
COMMENT ON FUNCTION bizmetrics.daily_report(date, bizmetrics.identifier, integer) IS
'What there is to tell of a day, by default yesterday in the time zone of the pack commerce: an object of date, timezone, generated_at, kpis, the rows of daily_kpis, and leaderboard, the max_rows customers of each company and currency who spent most. Errors: 22008 an infinite day; 22004 and 22023 max_rows is not from 1 to 10000; 42P01 the pack is not installed; 42501 no right to read its tables.';

CREATE FUNCTION bizmetrics.export_daily_report(on_date date DEFAULT NULL, format text DEFAULT 'json') RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  zone text := bizmetrics.pack_table_timezone('daily_kpis');
  the_day date := coalesce(on_date, (now() AT TIME ZONE zone)::date - 1);
BEGIN
  PERFORM bizmetrics.check_choice('format', format, '{json,csv}');
  PERFORM bizmetrics.check_days(the_day, the_day);
  IF format = 'json' THEN
    RETURN NEXT jsonb_pretty(bizmetrics.daily_report(the_day));
  ELSE
    RETURN QUERY SELECT bizmetrics.export_report('daily_kpis', 'csv', the_day::timestamp AT TIME ZONE zone, (the_day + 1)::timestamp AT TIME ZONE zone);
  END IF;
END
$$;
COMMENT ON FUNCTION bizmetrics.export_daily_report(date, text) IS
'A day''s report as text: json, as daily_report() has it, or csv, the rows of daily_kpis with a header, a line each. Errors: as there; 22004 and 22023 another format.';
