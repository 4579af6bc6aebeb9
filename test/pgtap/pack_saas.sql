-- The pack saas: its definitions, on cases that were computed by hand.
\i test/helpers/packs.sql
BEGIN;
SET LOCAL TimeZone = 'UTC';
SELECT no_plan();

-- A story for each tenant, so that they do not meet.
SELECT lives_ok($$SELECT bizmetrics.set_pack_parameter('saas', 'company', '"tenant"')$$, 'the company is the tenant');
CREATE FUNCTION pg_temp.log(story text, customer text, event text, at timestamptz, amount numeric DEFAULT NULL, more jsonb DEFAULT '{}', subscription text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
  SELECT bizmetrics.log_event(event, jsonb_strip_nulls(jsonb_build_object('amount', amount)) || more, actor_user_id => customer, company_id => story,
    entity_type => CASE WHEN subscription IS NOT NULL THEN 'subscription' END, entity_id => subscription, occurred_at => at)
$$;
CREATE FUNCTION pg_temp.month(story text, month date, of_currency text DEFAULT 'USD') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT format('%s +%s +%s +%s -%s -%s = %s', trim_scale(m.start_mrr), trim_scale(m.new_mrr), trim_scale(m.expansion_mrr), trim_scale(m.reactivation_mrr), trim_scale(m.contraction_mrr), trim_scale(m.churned_mrr), trim_scale(m.end_mrr))
          FROM analytics.mrr AS m WHERE m.company_id = story AND m.month = $2 AND m.currency = of_currency);
END
$$;

-- The worked check: in February 100 of recurring revenue, then 20 new, 10 of expansion, 5 back, 10 of contraction, 10 churned.
SELECT pg_temp.log('worked', c.name, 'subscription_started', '2024-01-10', c.amount) FROM (VALUES ('stays', 40), ('grows', 30), ('shrinks', 20), ('leaves', 10), ('returns', 5)) AS c (name, amount);
SELECT pg_temp.log('worked', 'returns', 'subscription_cancelled', '2024-01-20');
SELECT pg_temp.log('worked', 'fresh', 'subscription_started', '2024-02-05', 20);
SELECT pg_temp.log('worked', 'grows', 'subscription_changed', '2024-02-06', 40);
SELECT pg_temp.log('worked', 'returns', 'subscription_started', '2024-02-07', 5);
SELECT pg_temp.log('worked', 'shrinks', 'subscription_changed', '2024-02-08', 10);
SELECT pg_temp.log('worked', 'leaves', 'subscription_cancelled', '2024-02-09');
-- The examples of ChartMogul: of 100, 10 churned and 10 contracted, 10 expanded; an average of 100 with a churn of 5 % is worth 2 000.
SELECT pg_temp.log('chartmogul', 'c' || n, 'subscription_started', '2024-01-10', 10) FROM generate_series(1, 10) AS n;
SELECT pg_temp.log('chartmogul', 'c1', 'subscription_cancelled', '2024-02-10');
SELECT pg_temp.log('chartmogul', 'c2', 'subscription_changed', '2024-02-10', 5), pg_temp.log('chartmogul', 'c3', 'subscription_changed', '2024-02-10', 5), pg_temp.log('chartmogul', 'c4', 'subscription_changed', '2024-02-10', 20);
SELECT pg_temp.log('lifetime', 'c' || n, 'subscription_started', '2024-01-10', 100) FROM generate_series(1, 20) AS n;
SELECT pg_temp.log('lifetime', 'c1', 'subscription_cancelled', '2024-02-10');
-- Intervals
SELECT pg_temp.log('intervals', i.every, 'subscription_started', '2024-01-10', i.amount, jsonb_build_object('interval', i.every) || i.more)
FROM (VALUES ('year', 2000, '{}'::jsonb), ('quarter', 30, '{}'), ('week', 12, '{}'), ('month', 60, '{"interval_count": 6}'), ('day', 12, '{}')) AS i (every, amount, more);
-- What is no recurring revenue, and what is
SELECT pg_temp.log('excluded', c.name, 'subscription_started', '2024-01-10', 10, c.more)
FROM (VALUES ('trial', '{"status": "trialing"}'::jsonb), ('metered', '{"billing": "metered"}'), ('once', '{"billing": "one_off"}'), ('unpaid', '{"status": "unpaid"}'), ('free', '{"amount": 0}'),
             ('late', '{"status": "past_due"}'), ('paid', '{"quantity": 3}'), ('text', '{"amount": "7.50"}'), ('broken', '{"amount": "a lot"}'), ('negative', '{"amount": -4}')) AS c (name, more);
SELECT pg_temp.log('excluded', 'only a trial', 'trial_started', '2024-01-10', 50);
-- Discounts
SELECT pg_temp.log('discounts', c.name, 'subscription_started', '2024-01-10', 100, c.more)
FROM (VALUES ('forever', '{"discount": 10, "discount_duration": "forever"}'::jsonb), ('once', '{"discount": 10, "discount_duration": "once"}'), ('ratio', '{"discount_ratio": 0.25}'),
             ('year', '{"interval": "year", "amount": 120, "discount": 12}'), ('too much', '{"discount": 130}')) AS c (name, more);
-- Reactivation
SELECT pg_temp.log('reactivated', 'same month', 'subscription_started', '2024-01-10', 100), pg_temp.log('reactivated', 'same month', 'subscription_cancelled', '2024-02-05'), pg_temp.log('reactivated', 'same month', 'subscription_started', '2024-02-20', 120);
SELECT pg_temp.log('reactivated', 'same first month', 'subscription_started', '2024-01-10', 7), pg_temp.log('reactivated', 'same first month', 'subscription_cancelled', '2024-01-15'), pg_temp.log('reactivated', 'same first month', 'subscription_started', '2024-01-20', 8);
SELECT pg_temp.log('reactivated', 'came and went', 'subscription_started', '2024-01-10', 9), pg_temp.log('reactivated', 'came and went', 'subscription_cancelled', '2024-01-15'), pg_temp.log('reactivated', 'came and went', 'subscription_started', '2024-03-20', 11);
-- Several subscriptions of a customer
SELECT pg_temp.log('several', 'ann', 'subscription_started', '2024-01-10', 50, '{}', 's1'), pg_temp.log('several', 'ann', 'subscription_started', '2024-02-10', 30, '{}', 's2'),
       pg_temp.log('several', 'ann', 'subscription_cancelled', '2024-03-10', NULL, '{}', 's1'), pg_temp.log('several', 'ann', 'subscription_cancelled', '2024-04-10', NULL, '{}', 's2');
SELECT pg_temp.log('several', 'ben', 'subscription_started', '2024-02-10', 10, '{}', 's1'), pg_temp.log('several', 'ben', 'subscription_started', '2024-02-11', 10, '{}', 's2');
-- One subscription replaced by another in a month: only the difference is a movement.
SELECT pg_temp.log('replaced', 'ann', 'subscription_started', '2024-01-10', 50, '{}', 's1'), pg_temp.log('replaced', 'ann', 'subscription_cancelled', '2024-02-10', NULL, '{}', 's1'), pg_temp.log('replaced', 'ann', 'subscription_started', '2024-02-12', 45, '{}', 's2');
-- Two currencies
SELECT pg_temp.log('currencies', 'ann', 'subscription_started', '2024-01-10', 50, '{"currency": "eur"}', 's1'), pg_temp.log('currencies', 'ann', 'subscription_started', '2024-02-10', 30, '{"currency": "USD"}', 's2'),
       pg_temp.log('currencies', 'ben', 'subscription_started', '2024-01-10', 20, '{"currency": "EUR"}', 's3'), pg_temp.log('currencies', 'ben', 'subscription_changed', '2024-02-10', 22, '{"currency": "USD"}', 's3');
-- The end of what is cancelled
SELECT pg_temp.log('ends', 'later', 'subscription_started', '2024-01-10', 10), pg_temp.log('ends', 'later', 'subscription_cancelled', '2024-02-10', NULL, '{"ends_at": "2024-03-10T00:00:00Z"}');
SELECT pg_temp.log('ends', 'taken back', 'subscription_started', '2024-01-10', 20), pg_temp.log('ends', 'taken back', 'subscription_cancelled', '2024-02-10', NULL, '{"ends_at": "2024-03-10"}'), pg_temp.log('ends', 'taken back', 'subscription_changed', '2024-02-20', 20);
SELECT pg_temp.log('ends', 'never', 'subscription_started', '2024-01-10', 30), pg_temp.log('ends', 'never', 'subscription_cancelled', '2024-02-10', NULL, '{"ends_at": "2999-01-01"}');
SELECT pg_temp.log('ends', 'twice', 'subscription_started', '2024-01-10', 40), pg_temp.log('ends', 'twice', 'subscription_cancelled', '2024-02-10', NULL, '{"ends_at": 1709424000}'), pg_temp.log('ends', 'twice', 'subscription_cancelled', '2024-03-03');
SELECT pg_temp.log('ends', 'no time', 'subscription_started', '2024-01-10', 50), pg_temp.log('ends', 'no time', 'subscription_cancelled', '2024-02-10', NULL, '{"ends_at": "2024-02-31"}');
-- 100 customers, 40 of whom left long ago; 6 of the others leave now.
SELECT pg_temp.log('x10', 'c' || n, 'subscription_started', '2024-01-10', 1) FROM generate_series(1, 100) AS n;
SELECT pg_temp.log('x10', 'c' || n, 'subscription_cancelled', CASE WHEN n <= 40 THEN timestamptz '2024-02-10' ELSE '2024-04-10' END) FROM generate_series(1, 46) AS n;
-- A second before and after midnight in Berlin, where April begins on the 31st of March at 22:00 UTC.
SELECT pg_temp.log('midnight', 'march', 'subscription_started', '2024-03-31 21:59:59+00', 1), pg_temp.log('midnight', 'april', 'subscription_started', '2024-03-31 22:00:00+00', 2);
-- Plans
SELECT pg_temp.log('plans', 'ann', 'subscription_started', '2024-01-10 08:00', 10, '{"plan": "small"}'), pg_temp.log('plans', 'ann', 'subscription_changed', '2024-01-12 08:00', 30, '{"plan": "large"}'),
       pg_temp.log('plans', 'ben', 'subscription_started', '2024-01-11 08:00', 10, '{"plan": "small"}', 's1'), pg_temp.log('plans', 'ben', 'subscription_started', '2024-01-11 09:00', 11, '{"plan": "small"}', 's2');
-- Costs
SELECT pg_temp.log('costs', 'c' || n, 'subscription_started', '2024-02-10', 50) FROM generate_series(1, 4) AS n;
SELECT pg_temp.log('costs', NULL, 'marketing_spent', '2024-02-01', 300), pg_temp.log('costs', NULL, 'marketing_spent', '2024-02-29', 100), pg_temp.log('costs', NULL, 'marketing_spent', '2024-03-01', 10), pg_temp.log('costs', NULL, 'marketing_spent', '2024-02-03', 70, '{"currency": "EUR"}');
-- Trials
SELECT pg_temp.log('trials', 'c' || n, 'trial_started', '2024-01-10') FROM generate_series(1, 5) AS n;
SELECT pg_temp.log('trials', 'c1', 'subscription_started', '2024-01-24', 10, '{}', 's1'), pg_temp.log('trials', 'c2', 'subscription_started', '2024-03-10', 10), pg_temp.log('trials', 'c3', 'subscription_started', '2024-01-24', 0), pg_temp.log('trials', 'never tried', 'subscription_started', '2024-01-24', 10);
SELECT pg_temp.log('trials', 'c6', 'subscription_started', '2024-02-10', 10, '{"status": "trialing"}', 's1'), pg_temp.log('trials', 'c6', 'subscription_changed', '2024-02-20', 10, '{}', 's1');
SELECT pg_temp.log('trials', 'c7', 'subscription_started', '2024-02-01', 10, '{}', 's1'), pg_temp.log('trials', 'c7', 'trial_started', '2024-02-10', NULL, '{}', 's2'), pg_temp.log('trials', 'c7', 'subscription_changed', '2024-02-15', 12, '{}', 's1');

SELECT lives_ok($$SELECT pg_temp.run_pack('saas', '2023-12-01', '2024-08-01')$$, 'the reports');

-- Recurring revenue and its movements
SELECT is(pg_temp.month('worked', '2024-01-01'), '0 +100 +0 +0 -0 -0 = 100', 'the first month: all is new, who left in it is not counted');
SELECT is(pg_temp.month('worked', '2024-02-01'), '100 +20 +10 +5 -10 -10 = 115', 'the worked check');
SELECT is((SELECT ROW(trim_scale(growth_rate), trim_scale(gross_churn_rate), trim_scale(net_churn_rate), trim_scale(grr), trim_scale(nrr), trim_scale(nrr_with_reactivation), trim_scale(quick_ratio))::text FROM analytics.mrr WHERE company_id = 'worked' AND month = '2024-02-01'),
  '(0.15,0.2,0.05,0.8,0.9,0.95,1.75)', 'growth, gross and net churn, GRR, NRR, NRR with reactivation, quick ratio');
SELECT is((SELECT ROW(arr, start_customers, new_customers, reactivated_customers, churned_customers, end_customers, trim_scale(customer_churn_rate), trim_scale(arpa), ltv)::text FROM analytics.mrr WHERE company_id = 'worked' AND month = '2024-02-01'),
  '(1380.0000,4,1,1,1,5,0.25,23,)', 'ARR is twelve months, ARPA 115 of five; no lifetime value while nobody has left before');
SELECT is((SELECT ROW(growth_rate, gross_churn_rate, net_churn_rate, grr, nrr, quick_ratio, customer_churn_rate, ltv)::text FROM analytics.mrr WHERE company_id = 'worked' AND month = '2024-01-01'), '(,,,,,,,)', 'in the first month nothing can be divided by');
SELECT is((SELECT trim_scale(ltv) FROM analytics.mrr WHERE company_id = 'worked' AND month = '2024-03-01'), 92::numeric, 'lifetime value by the mean of the months before: 23 / 0.25');
SELECT is((SELECT ROW(trim_scale(gross_churn_rate), trim_scale(net_churn_rate))::text FROM analytics.mrr WHERE company_id = 'chartmogul' AND month = '2024-02-01'), '(0.2,0.1)', 'ChartMogul''s example of churn');
SELECT is((SELECT ROW(trim_scale(customer_churn_rate), trim_scale(arpa), ltv)::text FROM analytics.mrr WHERE company_id = 'lifetime' AND month = '2024-02-01'), '(0.05,100,)', 'churn of 5 %, in the month in which it happens');
SELECT is((SELECT trim_scale(ltv) FROM analytics.mrr WHERE company_id = 'lifetime' AND month = '2024-03-01'), 2000::numeric, 'ChartMogul''s example of lifetime value');
SELECT is((SELECT trim_scale(ltv) FROM analytics.mrr WHERE company_id = 'lifetime' AND month = '2024-04-01'), 4000::numeric, 'it is the mean of the months before');
SELECT is((SELECT ltv FROM analytics.mrr WHERE company_id = 'lifetime' AND month = '2024-09-01'), NULL, 'and NULL when nobody left in six months');
SELECT isnt((SELECT ltv FROM analytics.mrr WHERE company_id = 'lifetime' AND month = '2024-08-01'), NULL, 'but not yet after the sixth');
SELECT is_empty($$SELECT * FROM analytics.mrr WHERE start_mrr + new_mrr + expansion_mrr + reactivation_mrr - contraction_mrr - churned_mrr <> end_mrr$$, 'the identity, always');
SELECT is_empty($$SELECT * FROM (SELECT start_mrr, lag(end_mrr) OVER w AS before, start_customers, lag(end_customers) OVER w AS customers_before FROM analytics.mrr WINDOW w AS (PARTITION BY company_id, currency ORDER BY month)) AS m WHERE start_mrr <> before OR start_customers <> customers_before$$, 'a month begins as the one before ended');
SELECT is_empty($$SELECT * FROM analytics.mrr WHERE grr > 1 OR end_mrr < 0 OR end_customers < 0$$, 'gross retention is never above 1');
SELECT set_eq($$SELECT customer_id, trim_scale(mrr) FROM analytics.subscription_log WHERE company_id = 'intervals'$$, $$VALUES ('year', 166.666667), ('quarter', 10), ('week', 52), ('month', 10), ('day', 365)$$, 'a month of each interval: $2 000 a year are 166.67');
SELECT is((SELECT arr FROM analytics.mrr WHERE company_id = 'intervals' AND month = '2024-01-01'), 7244.0000, 'twelve months of it are the year again: 2000 + 120 + 624 + 120 + 4380');
SELECT set_eq($$SELECT customer_id, trim_scale(mrr) FROM analytics.subscription_log WHERE company_id = 'excluded' AND mrr > 0$$, $$VALUES ('late', 10), ('paid', 30), ('text', 7.5)$$, 'no trial, metered, one-off, unpaid, free or broken one; past due ones, as many as are paid, numbers in text');
SELECT is(pg_temp.month('excluded', '2024-01-01'), '0 +47.5 +0 +0 -0 -0 = 47.5', 'and nothing else');
SELECT is((SELECT trim_scale(end_mrr) FROM analytics.mrr WHERE company_id = 'discounts' AND month = '2024-01-01'), 90 + 100 + 75 + 9::numeric, 'discounts that never end lower it, others do not');
SELECT is(pg_temp.month('reactivated', '2024-01-01'), '0 +108 +0 +0 -0 -0 = 108', 'who left and came back in the first month is new');
SELECT is(pg_temp.month('reactivated', '2024-02-01'), '108 +0 +20 +0 -0 -0 = 128', 'in a later one the difference is a movement, and no churn');
SELECT is(pg_temp.month('reactivated', '2024-03-01'), '128 +0 +0 +11 -0 -0 = 139', 'who had come and gone within a month is no new customer later');
SELECT is(pg_temp.month('several', '2024-02-01'), '50 +20 +30 +0 -0 -0 = 100', 'an additional subscription is expansion, of a new customer all is new');
SELECT is(pg_temp.month('several', '2024-03-01'), '100 +0 +0 +0 -50 -0 = 50', 'one of several cancelled is contraction');
SELECT is(pg_temp.month('several', '2024-04-01'), '50 +0 +0 +0 -0 -30 = 20', 'the last one is churn');
SELECT is(pg_temp.month('replaced', '2024-02-01'), '50 +0 +0 +0 -5 -0 = 45', 'a subscription in place of another is neither churn nor new');
SELECT is(pg_temp.month('currencies', '2024-02-01', 'EUR'), '70 +0 +0 +0 -0 -20 = 50', 'euros');
SELECT is(pg_temp.month('currencies', '2024-02-01', 'USD'), '0 +52 +0 +0 -0 -0 = 52', 'and dollars are books of their own');
SELECT is((SELECT ROW(start_customers, new_customers, churned_customers, end_customers)::text FROM analytics.customer_churn WHERE company_id = 'currencies' AND month = '2024-02-01'), '(2,0,0,2)', 'while customers are counted over both');
SELECT results_eq($$SELECT trim_scale(end_mrr) FROM analytics.mrr WHERE company_id = 'ends' AND month BETWEEN '2024-01-01' AND '2024-03-01' ORDER BY month$$, $$VALUES (150::numeric), (100), (50)$$, 'what is cancelled ends at ends_at, an event before it takes that back, a time that is none is at once');
SELECT is((SELECT trim_scale(churned_mrr) FROM analytics.mrr WHERE company_id = 'ends' AND month = '2024-03-01'), 50::numeric, 'a second cancellation changes nothing');
SELECT is_empty($$SELECT * FROM analytics.mrr WHERE company_id = 'nobody'$$, 'no customers, no rows');
SELECT is((SELECT max(month) FROM analytics.mrr), date_trunc('month', now())::date, 'months up to the current one');
SELECT is((SELECT count(*) FROM analytics.mrr WHERE final_at <= month), 0::bigint, 'which is not final yet');

-- Customers
SELECT is((SELECT ROW(start_customers, churned_customers, churn_rate)::text FROM analytics.customer_churn WHERE company_id = 'x10' AND month = '2024-04-01'), '(60,6,0.100000)', 'six of the sixty who are left, not of the hundred that ever came');
SELECT is((SELECT churn_rate FROM analytics.customer_churn WHERE company_id = 'x10' AND month = '2024-01-01'), NULL, 'no churn where nobody was before');
SELECT is((SELECT ROW(start_customers, churned_customers, end_customers)::text FROM analytics.customer_churn WHERE company_id = 'several' AND month = '2024-03-01'), '(2,0,2)', 'one of several subscriptions cancelled loses nobody');
SELECT is((SELECT ROW(new_customers, reactivated_customers)::text FROM analytics.customer_churn WHERE company_id = 'reactivated' AND month = '2024-03-01'), '(0,1)', 'who returns is not new');

-- Plans
SELECT results_eq($$SELECT plan, day, trim_scale(mrr), subscriptions, customers FROM analytics.mrr_by_plan WHERE company_id = 'plans' AND day <= '2024-01-12' ORDER BY plan, day$$,
  $$VALUES ('large', date '2024-01-12', 30::numeric, 1::bigint, 1::bigint), ('small', '2024-01-10', 10, 1, 1), ('small', '2024-01-11', 31, 3, 2), ('small', '2024-01-12', 21, 2, 1)$$, 'revenue, subscriptions and customers by plan at the end of each day');

-- Costs
SELECT is((SELECT ROW(trim_scale(spend), new_customers, trim_scale(cac), trim_scale(arpa), ltv, ltv_cac_ratio, trim_scale(payback_months))::text FROM analytics.unit_economics WHERE company_id = 'costs' AND currency = 'USD' AND month = '2024-02-01'), '(400,4,100,50,,,2)', '400 for four customers who pay 50 a month: paid back in two');
SELECT is((SELECT ROW(trim_scale(spend), new_customers, cac, payback_months)::text FROM analytics.unit_economics WHERE company_id = 'costs' AND currency = 'USD' AND month = '2024-03-01'), '(10,0,,)', 'no cost of a customer where none came');
SELECT is((SELECT ROW(trim_scale(spend), new_customers, cac)::text FROM analytics.unit_economics WHERE company_id = 'costs' AND currency = 'EUR'), '(70,0,)', 'another currency is not mixed in');
SELECT is((SELECT ROW(spend, new_customers, cac)::text FROM analytics.unit_economics WHERE company_id = 'x10' AND month = '2024-01-01'), '(,100,)', 'no cost where no spending was logged');

-- Trials
SELECT is((SELECT ROW(trials, converted, trim_scale(conversion_rate), trim_scale(median_seconds))::text FROM analytics.trial_conversion WHERE company_id = 'trials' AND cohort_month = '2024-01-01'), '(5,2,0.4,3196800)', 'of five trials one is paid in the month and one later; who starts for nothing or never tried does not count');
SELECT is((SELECT ROW(trials, converted)::text FROM analytics.trial_conversion WHERE company_id = 'trials' AND cohort_month = '2024-02-01'), '(2,1)', 'a status of trialing is a trial; a payment for another subscription is no conversion');

-- Late events and parameters
SELECT pg_temp.log('worked', 'early', 'subscription_started', '2023-12-15', 1000);
SELECT bizmetrics.set_pack_parameter('saas', 'discounts', '"none"'), bizmetrics.set_pack_parameter('saas', 'churn_at', '"cancel"'), bizmetrics.set_pack_parameter('saas', 'gross_margin', '0.5'), bizmetrics.set_pack_parameter('saas', 'cac_lag_months', '1');
SELECT pg_temp.run_pack('saas', '2023-12-01', '2024-08-01');
SELECT is(pg_temp.month('worked', '2024-02-01'), '1100 +20 +10 +5 -10 -10 = 1115', 'an event that comes late changes all later months');
SELECT is((SELECT trim_scale(end_mrr) FROM analytics.mrr WHERE company_id = 'discounts' AND month = '2024-01-01'), 100 + 100 + 100 + 10 + 100::numeric, 'no discounts');
SELECT results_eq($$SELECT trim_scale(end_mrr) FROM analytics.mrr WHERE company_id = 'ends' AND month BETWEEN '2024-01-01' AND '2024-03-01' ORDER BY month$$, $$VALUES (150::numeric), (20), (20)$$, 'what is cancelled ends when it is cancelled');
SELECT is((SELECT trim_scale(ltv) FROM analytics.mrr WHERE company_id = 'lifetime' AND month = '2024-03-01'), 1000::numeric, 'half of what customers pay is left');
SELECT is((SELECT ROW(trim_scale(spend), cac)::text FROM analytics.unit_economics WHERE company_id = 'costs' AND currency = 'USD' AND month = '2024-03-01'), '(400,)', 'costs of the month before');
SELECT bizmetrics.set_pack_parameter('saas', p.name, NULL) FROM bizmetrics.pack_parameters AS p WHERE p.pack = 'saas' AND p.name <> 'company';
SELECT is_empty($$SELECT name FROM bizmetrics.pack_settings WHERE name <> 'company'$$, 'NULL sets the standard again');
SELECT is(bizmetrics.pack_parameter('saas', 'churn_at'), '"end"', 'which holds then');

-- Time zones
SELECT results_eq($$SELECT month, trim_scale(new_mrr) FROM analytics.mrr WHERE company_id = 'midnight' AND month < '2024-05-01' ORDER BY month$$, $$VALUES (date '2024-03-01', 3::numeric), ('2024-04-01', 0)$$, 'midnight in UTC');
SET LOCAL TimeZone = 'Europe/Berlin';
SELECT pg_temp.run_pack('saas', '2023-12-01', '2024-08-01');
SELECT results_eq($$SELECT month, trim_scale(new_mrr) FROM analytics.mrr WHERE company_id = 'midnight' AND month < '2024-05-01' ORDER BY month$$, $$VALUES (date '2024-03-01', 1::numeric), ('2024-04-01', 2)$$, 'midnight in Berlin');
SELECT is((SELECT final_at FROM analytics.mrr WHERE company_id = 'midnight' AND month = '2024-03-01'), timestamptz '2024-03-31 22:00+00', 'where March ends at 22:00 UTC');
SET LOCAL TimeZone = 'UTC';

-- Users
SELECT pg_temp.log('users', 'ann', 'user_signed_up', '2024-01-08'), pg_temp.log('users', 'ann', 'user_activated', '2024-01-15'), pg_temp.log('users', 'ann', 'value_reached', '2024-01-09'), pg_temp.log('users', 'ann', 'value_reached', '2024-01-20');
SELECT pg_temp.log('users', 'ben', 'user_signed_up', '2024-01-09'), pg_temp.log('users', 'ben', 'user_signed_up', '2024-02-09'), pg_temp.log('users', 'ben', 'user_activated', '2024-01-16 00:00:01'), pg_temp.log('users', 'ben', 'value_reached', '2024-01-12');
SELECT pg_temp.log('users', 'cid', 'user_signed_up', '2024-01-14 23:59'), pg_temp.log('users', 'cid', 'user_activated', '2024-01-14 12:00'), pg_temp.log('users', 'cid', 'user_activated', '2024-01-21 12:00'), pg_temp.log('users', 'cid', 'value_reached', '2024-01-21 23:59');
SELECT pg_temp.log('users', 'dora', 'user_signed_up', '2024-01-15'), pg_temp.log('users', 'eve', 'user_activated', '2024-01-15');
-- Answers
SELECT pg_temp.log('answers', NULL, 'nps_answered', '2024-01-01', NULL, jsonb_build_object('score', s)) FROM unnest('{10,9,9,8,7,6,0}'::integer[]) AS s;
SELECT pg_temp.log('answers', NULL, 'nps_answered', '2024-03-30', NULL, '{"score": "3"}'), pg_temp.log('answers', NULL, 'nps_answered', '2024-03-30', NULL, '{"score": 11}'), pg_temp.log('answers', NULL, 'nps_answered', '2024-03-30', NULL, '{"score": 8.5}'), pg_temp.log('answers', NULL, 'nps_answered', '2024-03-30', NULL, '{}');
SELECT pg_temp.log('answers', NULL, 'csat_answered', '2024-01-01', NULL, jsonb_build_object('score', s)) FROM unnest('{5,5,4,3,1,0,6}'::integer[]) AS s;
-- Sessions: two on the 1st, of which one goes on after midnight, and one at noon on the 2nd
SELECT pg_temp.log('sessions', 'ann', e.event, e.at, NULL, '{"feature": "x"}') FROM (VALUES ('user_logged_in', timestamptz '2024-01-01 08:00'), ('feature_used', '2024-01-01 08:30'), ('user_logged_in', '2024-01-01 23:50'), ('feature_used', '2024-01-02 00:10'), ('user_logged_in', '2024-01-02 12:00')) AS e (event, at);
SELECT pg_temp.log('features', u.name, 'feature_used', '2024-01-01', NULL, '{"feature": "export"}') FROM (VALUES ('ann'), ('ann'), ('ben')) AS u (name);
SELECT pg_temp.run_pack('saas', '2023-12-01', '2024-08-01');
SELECT results_eq($$SELECT cohort_week, signups, activated, trim_scale(activation_rate), final_at FROM analytics.activation_rate WHERE company_id = 'users' ORDER BY cohort_week$$,
  $$VALUES (date '2024-01-08', 3::bigint, 2::bigint, 0.666667, timestamptz '2024-01-22'), ('2024-01-15', 1, 0, 0, '2024-01-29')$$, 'activated within seven days to the second, after the sign-up, the first of which counts');
SELECT is((SELECT ROW(signups, reached, reached_rate, median_seconds, trim_scale(mean_seconds))::text FROM analytics.time_to_first_value WHERE company_id = 'users' AND cohort_month = '2024-01-01'), '(4,3,0.750000,259200.000,316800)', 'one, three and seven days: a median of 3, a mean of 11/3');
SELECT is((SELECT ROW(responses, promoters, passives, detractors, round(nps, 2))::text FROM analytics.nps WHERE company_id = 'answers' AND day = '2024-01-01'), '(7,3,2,2,14.29)', 'promoters less detractors');
SELECT is((SELECT ROW(responses, detractors, nps)::text FROM analytics.nps WHERE company_id = 'answers' AND day = '2024-03-30'), '(8,3,0.0000)', 'an answer is in the 90 days up to the 30th of March; scores that are none are not');
SELECT is((SELECT ROW(responses, nps)::text FROM analytics.nps WHERE company_id = 'answers' AND day = '2024-03-31'), '(1,-100.0000)', 'and not in those up to the 31st');
SELECT is((SELECT ROW(responses, nps)::text FROM analytics.nps WHERE company_id = 'answers' AND day = '2024-06-28'), '(0,)', 'NULL without answers');
SELECT is((SELECT ROW(responses, satisfied, mean_score, satisfied_rate)::text FROM analytics.csat WHERE company_id = 'answers' AND day = '2024-01-30'), '(5,3,3.6000,0.600000)', 'satisfied are 4 and 5');
SELECT is((SELECT ROW(responses, mean_score, satisfied_rate)::text FROM analytics.csat WHERE company_id = 'answers' AND day = '2024-01-31'), '(0,,)', 'and only for 30 days');
SELECT results_eq($$SELECT day, users, logins, sessions, actions, mean_seconds, actions_per_session, sessions_per_user FROM analytics.sessions_daily WHERE company_id = 'sessions' ORDER BY day$$,
  $$VALUES (date '2024-01-01', 1::bigint, 2::bigint, 2::bigint, 3::bigint, 900.000, 1.500000, 2.000000), ('2024-01-02', 1, 1, 2, 2, 0.000, 1.000000, 2.000000)$$, 'a session ends with the day');
SELECT is((SELECT ROW(uses, users)::text FROM analytics.feature_usage WHERE company_id = 'features' AND feature = 'export'), '(3,2)', 'uses and users of a feature');
SELECT is_empty($$SELECT * FROM analytics.feature_adoption WHERE company_id = 'features'$$, 'none in the last 30 days');

-- The customer's company, without tenants
SELECT bizmetrics.set_pack_parameter('saas', 'company', NULL);
SELECT bizmetrics.log_event('subscription_started', '{"amount": 10}', actor_user_id => 'alice', company_id => 'acme', occurred_at => '2022-01-10'), bizmetrics.log_event('subscription_started', '{"amount": 10}', actor_user_id => 'alice', occurred_at => '2022-01-10'),
       bizmetrics.log_event('subscription_started', '{"amount": 10, "customer_id": "their"}', actor_user_id => 'alice', company_id => 'acme', occurred_at => '2022-01-10'), bizmetrics.log_event('subscription_started', '{"amount": 10}', occurred_at => '2022-01-10');
SELECT pg_temp.run_pack('saas', '2022-01-01', '2022-02-01');
SELECT set_eq($$SELECT company_id, customer_id FROM analytics.subscription_log$$, $$VALUES ('', 'acme'), ('', 'alice'), ('', 'their')$$, 'the customer is who the event names, or its company, or its user, or nobody');

-- Health
SELECT is(bizmetrics.health_score('{"usage": 50, "adoption": 40, "support": 80, "payment": 100, "engagement": 60}', bizmetrics.pack_parameter('saas', 'health_weights')), 61.00, '15 + 10 + 12 + 15 + 9');
SELECT is(bizmetrics.health_score('{"adoption": 40, "support": 80, "payment": 100, "engagement": null}', bizmetrics.pack_parameter('saas', 'health_weights')), 67.27, 'a missing component leaves its weight: 37 / 0.55');
SELECT is(bizmetrics.health_score('{}', bizmetrics.pack_parameter('saas', 'health_weights')), NULL, 'no components, no score');
SELECT is(bizmetrics.health_score('{"usage": 50}', '{"usage": 0}'), NULL, 'nor without weight');
SELECT throws_ok($$SELECT bizmetrics.health_score('{}', '{"usage": "much"}')$$, '22023', 'weight "usage" is not a number of 0 or more: "much"', 'a weight is a number');
SELECT throws_ok($$SELECT bizmetrics.set_pack_parameter('saas', 'health_weights', '{"usage": -1}')$$, '22023', NULL, 'of 0 or more');
SELECT throws_ok($$SELECT bizmetrics.set_pack_parameter('saas', 'gross_margin', '"half"')$$, '22023', 'parameter "gross_margin" of pack "saas" is not a JSON number: "half"', 'a value is of its type');
SELECT throws_ok($$SELECT bizmetrics.set_pack_parameter('saas', 'churn_at', '"never"')$$, '22023', 'parameter "churn_at" of pack "saas" cannot be "never"', 'and one of the choices');
SELECT throws_ok($$SELECT bizmetrics.set_pack_parameter('saas', 'margin', '1')$$, '42704', 'pack "saas" has no parameter "margin"', 'a parameter that is');
SELECT throws_ok($$SELECT bizmetrics.pack_parameter('saas', 'margin')$$, '42704', 'pack "saas" has no parameter "margin"', 'also to read it');
-- Two users with 20 logins in all of 2 x 20; 4 features of 10; a ticket; a failed payment; both users of two, 5 of 10 items, active this week: 20 + 10 + 20 of 60 points of three signals
CREATE FUNCTION pg_temp.recent(customer text, who text, event text, days integer, many integer DEFAULT 1, more jsonb DEFAULT '{}') RETURNS bigint LANGUAGE sql AS $$
  SELECT count(bizmetrics.log_event(event, more || CASE event WHEN 'feature_used' THEN jsonb_build_object('feature', 'f' || n) ELSE '{}' END, actor_user_id => who, company_id => customer, occurred_at => now() - make_interval(days => days) - make_interval(mins => n))) FROM generate_series(1, many) AS n
$$;
SELECT pg_temp.recent('good', 'ann', 'user_logged_in', 3, 15), pg_temp.recent('good', 'ben', 'user_logged_in', 20, 5), pg_temp.recent('good', 'ben', 'user_logged_in', 31, 50), pg_temp.recent('good', 'ann', 'feature_used', 4, 4), pg_temp.recent('good', 'ann', 'feature_used', 35, 9),
       pg_temp.recent('good', 'ann', 'ticket_created', 5), pg_temp.recent('good', 'ann', 'ticket_created', 40), pg_temp.recent('good', NULL, 'payment_failed', 80), pg_temp.recent('good', NULL, 'payment_failed', 91), pg_temp.recent('good', 'ann', 'item_created', 200, 5);
SELECT pg_temp.recent('silent', NULL, 'subscription_started', 300, 1, '{"amount": 5}'), pg_temp.recent('left', NULL, 'subscription_started', 300, 1, '{"amount": 5}'), pg_temp.recent('left', NULL, 'subscription_cancelled', 100), pg_temp.recent('left', 'zoe', 'user_logged_in', 50),
       pg_temp.recent('angry', 'tom', 'ticket_created', 1, 9), pg_temp.recent('angry', 'tom', 'user_logged_in', 60);
SELECT pg_temp.run_pack('saas', now() - interval '400 days', now() + interval '1 day');
SELECT results_eq($$SELECT customer_id COLLATE "default", usage, adoption, support, payment, engagement, score, band FROM analytics.customer_health WHERE customer_id IN ('good', 'silent', 'left', 'angry') ORDER BY customer_id$$,
  $$VALUES ('angry', 0.00, 0.00, 0::numeric, 100::numeric, 0.00, 15.00, 'critical'), ('good', 50.00, 40.00, 80, 75, 83.33, 60.75, 'fair'), ('silent', NULL, 0.00, 100, 100, 0.00, 42.86, 'at_risk')$$, 'components and scores; who left is not there, who pays in silence is');
SELECT is((SELECT ROW(users, logins, features, tickets, failures, pays)::text FROM analytics.customer_health WHERE customer_id = 'good'), '(2,20,4,1,1,f)', 'what they are made of');
SELECT is((SELECT ROW(customers, critical, fair)::text FROM analytics.health_daily WHERE day = current_date), (SELECT ROW(count(*), count(*) FILTER (WHERE score < 40), count(*) FILTER (WHERE score >= 60 AND score < 80))::text FROM analytics.customer_health), 'counted by day');
SELECT is_empty($$SELECT * FROM analytics.customer_health WHERE score IS DISTINCT FROM bizmetrics.health_score(jsonb_build_object('usage', usage, 'adoption', adoption, 'support', support, 'payment', payment, 'engagement', engagement), bizmetrics.pack_parameter('saas', 'health_weights'))$$, 'the score is that of health_score()');
SELECT is((SELECT ROW(uses, users, customers, active_users, adoption_rate)::text FROM analytics.feature_adoption WHERE feature = 'f1'), '(1,1,1,2,0.500000)', 'of two users who were active in 30 days one used it');
SELECT bizmetrics.set_pack_parameter('saas', 'health_signals', '[{"event": "ticket_created", "measure": "events", "days": 7, "target": 1, "points": 5}]'), bizmetrics.set_pack_parameter('saas', 'health_weights', '{"usage": 1, "engagement": 1}');
SELECT pg_temp.run_pack('saas', now() - interval '400 days', now() + interval '1 day');
SELECT results_eq($$SELECT customer_id COLLATE "default", engagement, score FROM analytics.customer_health WHERE customer_id IN ('good', 'silent', 'angry') ORDER BY customer_id$$, $$VALUES ('angry', 100.00, 50.00), ('good', 100.00, 75.00), ('silent', 0.00, 0.00)$$, 'other signals and weights');

SELECT * FROM finish();
ROLLBACK;
