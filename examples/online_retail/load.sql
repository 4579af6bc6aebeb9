-- The CSV on standard input becomes one event an invoice: see the script "load".
\set ON_ERROR_STOP on

BEGIN;

-- The CSV's lines as they are, in a table of this session alone.
CREATE TEMP TABLE retail_lines (
    line bigint GENERATED ALWAYS AS IDENTITY,
    invoice_no text NOT NULL,
    stock_code text NOT NULL,
    description text,
    quantity integer NOT NULL,
    invoice_date timestamp NOT NULL,    -- wall time in London
    unit_price numeric NOT NULL,        -- GBP
    customer_id numeric,                -- written as 17850.0; empty where it is not known
    country text NOT NULL
);

\copy retail_lines (invoice_no, stock_code, description, quantity, invoice_date, unit_price, customer_id, country) FROM PSTDIN (FORMAT csv, HEADER)

-- An invoice has one customer, one country and one day; where its lines differ in the minute, the
-- earliest counts. The dedupe_key makes this safe to repeat.
SELECT count(bizmetrics.log_event(
           event_name    => CASE left(invoice_no, 1)
                                WHEN 'C' THEN 'order_cancelled'
                                WHEN 'A' THEN 'order_adjusted'
                                ELSE 'order_paid'
                            END,
           properties    => jsonb_build_object('value', value, 'currency', 'GBP', 'country', country,
                                               'line_count', line_count, 'lines', lines),
           actor_user_id => customer_id,
           entity_type   => 'invoice',
           entity_id     => invoice_no,
           occurred_at   => invoice_date AT TIME ZONE 'Europe/London',
           dedupe_key    => 'invoice:' || invoice_no)) AS invoices
FROM (
    SELECT invoice_no,
           min(invoice_date) AS invoice_date,
           min(customer_id)::bigint AS customer_id,
           min(country) AS country,
           sum(quantity * unit_price) AS value,
           count(*) AS line_count,
           jsonb_agg(jsonb_build_object('stock_code', stock_code, 'description', description,
                                        'quantity', quantity, 'unit_price', unit_price)
                     ORDER BY line) AS lines
    FROM retail_lines
    GROUP BY invoice_no
    ORDER BY min(invoice_date), invoice_no
) AS invoice;

DROP TABLE retail_lines;

COMMIT;
