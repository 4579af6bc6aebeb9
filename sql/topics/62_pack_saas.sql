-- The pack saas: what a business that sells subscriptions wants to know.
--
-- subscription_log has what each event says of a subscription, a row an event, so that an event that comes
-- late changes its own row alone, and events may be pruned. Whatever is a state over time (what is paid at
-- the end of a month) depends on all that came before: those reports read the log whole, which is small.
-- user_milestones has a row a user, computed from all of the user's events, whatever the window, whenever one
-- of them is new: so $1 and $2 say nothing there, and the grain names the users.
--
-- Queries are written in shorthand, spelt out when the rows are stored:
--   [tenant]              the tenant of an event
--   [customer event]      the customer of an event of this name
--   [price event]         what such an event says of a subscription's price
--   [parameter name]      a parameter of the pack, a literal when the report is made
--   [paid]                a WITH of changes(company_id, customer_id, subscription_id, currency, plan, at, change):
--                         what is paid a month, as additions and subtractions
-- Columns are described one a line: name | meaning | unit | definition | source.

INSERT INTO bizmetrics.available_packs (pack, title, description) VALUES ('saas', 'Subscriptions',
'Recurring revenue and what moves it, churn, unit economics, trials, and how customers fare. The customer of a subscription is the event''s property customer_id, or else its company_id, or else its actor_user_id; the subscription is the entity (entity_type subscription), and without one the customer has a single subscription. With the parameter company at tenant, company_id is the tenant instead whose customers these are, every table has rows for each of them, and the customer is customer_id or actor_user_id. Currencies are kept apart: who pays in two of them is a customer in each. Ratios are from 0 to 1 and NULL where nothing is divided by; months and days are those of the pack''s time zone.');

INSERT INTO bizmetrics.pack_parameters (pack, name, standard, choices, most, meaning) VALUES
('saas', 'company', '"customer"', '{customer,tenant}', NULL, 'What company_id of an event is: the customer, or the tenant whose customers customer_id and actor_user_id name.'),
('saas', 'currency', '"USD"', NULL, NULL, 'The currency of what names none.'),
('saas', 'churn_at', '"end"', '{end,cancel}', NULL, 'When a cancelled subscription ends: at its ends_at (end), or when it was cancelled (cancel).'),
('saas', 'discounts', '"forever"', '{forever,all,none}', NULL, 'Which discounts lower recurring revenue: those that never end (forever), all of them, or none.'),
('saas', 'gross_margin', '1', NULL, 1, 'Gross margin, 0 to 1, for lifetime value and payback.'),
('saas', 'cac_lag_months', '0', NULL, 120, 'How many months the costs of acquisition come before the customers they win.'),
('saas', 'activation_days', '7', NULL, 3660, 'Within how many days of the sign-up an activation counts.'),
('saas', 'health_weights', '{"usage": 0.30, "adoption": 0.25, "support": 0.15, "payment": 0.15, "engagement": 0.15}', NULL, NULL, 'The weights of the health score''s components.'),
('saas', 'health_logins', '20', NULL, NULL, 'How many logins a user and 30 days are full usage.'),
('saas', 'health_features', '10', NULL, NULL, 'How many different features in 30 days are full adoption.'),
('saas', 'health_ticket_points', '20', NULL, NULL, 'How many points of the component support a ticket of the last 30 days costs.'),
('saas', 'health_failure_points', '25', NULL, NULL, 'How many points of the component payment a failed payment of the last 90 days costs.'),
('saas', 'health_signals', '[
  {"event": "user_logged_in", "measure": "users",  "days": 30,  "target": 2,   "points": 20, "in_steps": true},
  {"event": "api_called",     "measure": "events", "days": 30,  "target": 101, "points": 20, "in_steps": true},
  {"event": "item_created",   "measure": "events", "days": 365, "target": 10,  "points": 20, "in_steps": false},
  {"event": "backup_created", "measure": "events", "days": 365, "target": 1,   "points": 20, "in_steps": true},
  {"event": "user_logged_in", "measure": "events", "days": 7,   "target": 1,   "points": 20, "in_steps": true}]', NULL, NULL,
 'The signals of the component engagement: each gives its points where a customer''s events of this name, or the different users in them, in the last so many days reach the target, and with in_steps false a share of them before. Signals whose event nobody has logged are left out, and what the others give is of 100.');

-- Events ---------------------------------------------------------------------------------------------

-- The price of a subscription, which two events tell.
INSERT INTO bizmetrics.pack_events (pack, event_name, description, properties_schema)
SELECT 'saas', e.event_name, e.description, jsonb_build_object('type', 'object', 'required', jsonb_build_array('amount'), 'properties', p.price)
FROM (VALUES
  ('subscription_started', 'A subscription begins to be paid for: a first one, one after a trial, or one that comes back. The customer is the company, or the user where there is none; the entity is the subscription.'),
  ('subscription_changed', 'The price, plan or status of a subscription is another from now on; its properties say all of it anew, as in subscription_started. An amount of 0 is a subscription that is free or paused.')
) AS e (event_name, description),
(VALUES ('{
  "amount": {"type": ["number", "string"], "description": "The price of an interval, for one of quantity, before discounts, without tax."},
  "quantity": {"type": ["number", "string"], "description": "How many are paid for, such as seats; 1 if missing."},
  "currency": {"type": "string", "description": "ISO 4217; the parameter currency if missing."},
  "interval": {"enum": ["day", "week", "month", "quarter", "year"], "description": "What the amount is paid for; month if missing."},
  "interval_count": {"type": ["number", "string"], "description": "How many intervals a payment is for; 1 if missing."},
  "plan": {"type": "string", "description": "The plan or tier."},
  "discount": {"type": ["number", "string"], "description": "What is taken off the price of an interval, all of quantity together."},
  "discount_ratio": {"type": ["number", "string"], "description": "What part of the price is taken off, 0 to 1."},
  "discount_duration": {"enum": ["forever", "repeating", "once"], "description": "How long the discount lasts; forever if missing."},
  "status": {"enum": ["active", "past_due", "trialing", "unpaid", "paused", "incomplete", "canceled"], "description": "active if missing; only active and past_due are paid for, and trialing begins a trial."},
  "billing": {"enum": ["recurring", "metered", "one_off"], "description": "recurring if missing; the others are no recurring revenue."},
  "subscription_id": {"type": "string", "description": "The subscription, where it is not the event''s entity."},
  "customer_id": {"type": "string", "description": "The customer, where it is neither the company nor the user."}
}'::jsonb)) AS p (price);

INSERT INTO bizmetrics.pack_events (pack, event_name, description, properties_schema) VALUES
('saas', 'trial_started', 'A trial begins; a subscription_started of the same subscription, or of the customer where the trial names none, is its success.', '{"type": "object", "properties": {
  "plan": {"type": "string", "description": "The plan or tier that is tried."},
  "subscription_id": {"type": "string", "description": "The subscription, where it is not the event''s entity."},
  "customer_id": {"type": "string", "description": "The customer, where it is neither the company nor the user."}}}'),
('saas', 'subscription_cancelled', 'A subscription is cancelled. An event of the same subscription after it and before ends_at takes that back.', '{"type": "object", "properties": {
  "ends_at": {"type": ["string", "number"], "description": "When it ends, in ISO 8601 or in seconds since 1970; at once if missing."},
  "reason": {"type": "string", "description": "Why."},
  "subscription_id": {"type": "string", "description": "The subscription, where it is not the event''s entity."},
  "customer_id": {"type": "string", "description": "The customer, where it is neither the company nor the user."}}}'),
('saas', 'marketing_spent', 'Money was spent on marketing or sales.', '{"type": "object", "required": ["amount"], "properties": {
  "amount": {"type": ["number", "string"], "description": "How much."},
  "currency": {"type": "string", "description": "ISO 4217; the parameter currency if missing."},
  "channel": {"type": "string", "description": "The channel, such as ads, content or events."},
  "campaign": {"type": "string", "description": "The campaign."},
  "impressions": {"type": ["number", "string"], "description": "How often it was seen."},
  "clicks": {"type": ["number", "string"], "description": "How often it was clicked."}}}'),
('saas', 'user_signed_up', 'A user signed up; the actor is the user.', '{"type": "object", "properties": {
  "channel": {"type": "string", "description": "The channel that brought the user; unknown if missing."},
  "campaign": {"type": "string", "description": "The campaign that brought the user."},
  "landing_page": {"type": "string", "description": "The page on which the user came."},
  "referred_by": {"type": "string", "description": "The user who referred this one."}}}'),
('saas', 'user_activated', 'A user did what shows that the product is in use, whatever that is here; the first one after the sign-up counts.', '{"type": "object"}'),
('saas', 'value_reached', 'A user got what the product is for, such as a first published page; the first one after the sign-up counts.', '{"type": "object"}'),
('saas', 'user_logged_in', 'A user logged in; the actor is the user.', '{"type": "object"}'),
('saas', 'feature_used', 'A user used a feature.', '{"type": "object", "required": ["feature"], "properties": {
  "feature": {"type": "string", "description": "The feature."}}}'),
('saas', 'nps_answered', 'Somebody said how likely a recommendation is.', '{"type": "object", "required": ["score"], "properties": {
  "score": {"type": ["number", "string"], "minimum": 0, "maximum": 10, "description": "0 to 10."}}}'),
('saas', 'csat_answered', 'Somebody said how satisfied he is.', '{"type": "object", "required": ["score"], "properties": {
  "score": {"type": ["number", "string"], "minimum": 1, "maximum": 5, "description": "1 to 5."}}}'),
('saas', 'payment_failed', 'A payment of a customer failed.', '{"type": "object", "properties": {
  "customer_id": {"type": "string", "description": "The customer, where it is neither the company nor the user."}}}'),
('saas', 'ticket_created', 'Somebody asked for help: entity_type ticket, entity_id the ticket, actor_user_id who asks.', '{
  "type": "object", "properties": {
    "priority": {"type": "string", "description": "How urgent it is, such as low, normal, high or urgent."},
    "channel": {"type": "string", "description": "How it came, such as email or chat."},
    "category": {"type": "string", "description": "What it is about."}}}'),
('saas', 'api_called', 'A customer''s program called an API: a signal of engagement.', '{"type": "object"}'),
('saas', 'item_created', 'A customer made one more of what the product is about, such as a site: a signal of engagement.', '{"type": "object"}'),
('saas', 'backup_created', 'A customer made a backup: a signal of engagement.', '{"type": "object"}');

-- Reports --------------------------------------------------------------------------------------------

INSERT INTO bizmetrics.pack_reports (pack, report_name, description, key, bucket, schedule, strategy, events, after, grain, query, columns)
WITH raw (report_name, description, key, bucket, schedule, strategy, events, after, query, columns) AS (VALUES

-- Recurring revenue
('subscription_log', 'What each event said of a subscription. Other reports of the pack are computed from it.',
 '{event_id}'::text[], interval '1 day', '*/5 * * * *', 'merge', '{trial_started,subscription_started,subscription_changed,subscription_cancelled}'::text[], NULL::text[], $query$
SELECT e.event_id, e.company_id, e.customer_id, e.subscription_id, e.at,
       CASE WHEN e.status = 'trialing' THEN 'trialing' WHEN e.status = 'canceled' THEN 'cancelled' ELSE e.kind END AS kind,
       coalesce(e.plan, '') AS plan,
       upper(coalesce(e.currency, [parameter currency])) AS currency,
       CASE WHEN e.counts THEN round(coalesce(e.price * e.months, 0), 6) ELSE 0 END AS mrr,
       CASE WHEN e.counts THEN round(coalesce(least(e.price, coalesce(e.discount, 0) + e.price * coalesce(e.discount_ratio, 0)) * e.months, 0), 6) ELSE 0 END AS discount,
       coalesce(e.discount_duration, 'forever') AS discount_duration,
       e.ends_at
FROM (
  SELECT s.*,
         coalesce(s.status, 'active') IN ('active', 'past_due') AND coalesce(s.billing, 'recurring') = 'recurring' AS counts,
         greatest(s.amount * coalesce(s.quantity, 1), 0) AS price,
         CASE coalesce(s.every, 'month') WHEN 'day' THEN 365 WHEN 'week' THEN 52 WHEN 'month' THEN 12 WHEN 'quarter' THEN 4 WHEN 'year' THEN 1 END
           / (12 * nullif(coalesce(s.every_count, 1), 0)) AS months
  FROM (
    SELECT id AS event_id, [tenant] AS company_id, [customer subscription_started] AS customer_id, [subscription subscription_started] AS subscription_id,
           occurred_at AS at, 'started' AS kind, NULL::timestamptz AS ends_at, [price subscription_started]
    FROM public.business_events
    WHERE event_name = {{subscription_started}} AND occurred_at >= $1 AND occurred_at < $2
    UNION ALL
    SELECT id, [tenant], [customer subscription_changed], [subscription subscription_changed],
           occurred_at, 'changed', NULL, [price subscription_changed]
    FROM public.business_events
    WHERE event_name = {{subscription_changed}} AND occurred_at >= $1 AND occurred_at < $2
    UNION ALL
    SELECT id, [tenant], [customer subscription_cancelled], [subscription subscription_cancelled],
           occurred_at, 'cancelled', bizmetrics.time_in(properties, {{subscription_cancelled.ends_at}}),
           NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM public.business_events
    WHERE event_name = {{subscription_cancelled}} AND occurred_at >= $1 AND occurred_at < $2
    UNION ALL
    SELECT id, [tenant], [customer trial_started], [subscription trial_started],
           occurred_at, 'trial', NULL,
           properties ->> {{trial_started.plan}}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM public.business_events
    WHERE event_name = {{trial_started}} AND occurred_at >= $1 AND occurred_at < $2
  ) AS s
) AS e
WHERE e.customer_id IS NOT NULL
$query$, $columns$
event_id | The event.
company_id
customer_id | The customer: customer_id of the event, or its company, or its user.
subscription_id | The subscription; empty: the customer's only one.
at | When it happened.
kind | trial, trialing, started, changed or cancelled.
plan | The plan; empty: none was named.
currency
mrr | What is paid a month from then on, before discounts: of a year a twelfth, of a quarter a third, of a week 52 twelfths; 0 where it is in trial, free, metered, one-off, paused or unpaid. | currency, a month | D-01 | docs.stripe.com glossary
discount | What discounts take off that. | currency, a month | D-01 | support.stripe.com billing analytics
discount_duration | forever, repeating or once.
ends_at | When a cancelled subscription ends; NULL: at once.
$columns$),

('mrr_movements', 'Monthly recurring revenue of each customer in the months in which it changed, and what kind of change that was: net, for each customer and month.',
 '{company_id,currency,customer_id,month}', NULL, '*/15 * * * *', 'full', NULL, '{subscription_log}', $query$
[paid],
monthly AS (
  SELECT c.company_id, c.currency, c.customer_id, date_trunc('month', c.at)::date AS month, sum(c.change) AS change
  FROM changes AS c
  GROUP BY 1, 2, 3, 4
),
firsts AS (
  SELECT c.company_id, c.currency, c.customer_id, min(c.at) AS first_paid_at
  FROM changes AS c
  GROUP BY 1, 2, 3
),
running AS (
  SELECT m.*, sum(m.change) OVER (PARTITION BY m.company_id, m.currency, m.customer_id ORDER BY m.month) AS end_mrr
  FROM monthly AS m
)
SELECT r.company_id, r.currency, r.customer_id, r.month,
       CASE WHEN r.end_mrr = 0 THEN 'churned'
            WHEN r.end_mrr > r.change AND r.change > 0 THEN 'expansion'
            WHEN r.end_mrr > r.change THEN 'contraction'
            WHEN f.first_paid_at < r.month::timestamptz THEN 'reactivation'
            ELSE 'new' END AS movement,
       r.end_mrr - r.change AS start_mrr,
       r.change,
       r.end_mrr
FROM running AS r
JOIN firsts AS f USING (company_id, currency, customer_id)
WHERE r.change <> 0
$query$, $columns$
company_id
currency
customer_id | The customer.
month | The first day of the month.
movement | new: the first ever payment; reactivation: a customer who had left returns; expansion and contraction: an existing customer pays more or less, an additional or one of several subscriptions included; churned: the last subscription ended. | | D-03 to D-06 | ChartMogul 203299912
start_mrr | Monthly recurring revenue when the month began. | currency, a month | D-01
change | end_mrr - start_mrr: positive for new, reactivation and expansion, negative for contraction and churned. | currency, a month | D-04
end_mrr | Monthly recurring revenue when the month ended, or now. | currency, a month | D-01
$columns$),

('mrr', 'Monthly recurring revenue, its movements and the ratios of them, for each month from the first payment on. start + new + expansion + reactivation - contraction - churned = end.',
 '{company_id,currency,month}', NULL, '*/15 * * * *', 'full', NULL, '{mrr_movements}', $query$
WITH monthly AS (
  SELECT m.company_id, m.currency, m.month,
         coalesce(sum(m.change) FILTER (WHERE m.movement = 'new'), 0) AS new_mrr,
         coalesce(sum(m.change) FILTER (WHERE m.movement = 'expansion'), 0) AS expansion_mrr,
         coalesce(sum(m.change) FILTER (WHERE m.movement = 'reactivation'), 0) AS reactivation_mrr,
         coalesce(-sum(m.change) FILTER (WHERE m.movement = 'contraction'), 0) AS contraction_mrr,
         coalesce(-sum(m.change) FILTER (WHERE m.movement = 'churned'), 0) AS churned_mrr,
         sum(m.change) AS change,
         count(*) FILTER (WHERE m.movement = 'new') AS new_customers,
         count(*) FILTER (WHERE m.movement = 'reactivation') AS reactivated_customers,
         count(*) FILTER (WHERE m.movement = 'churned') AS churned_customers
  FROM analytics.mrr_movements AS m
  GROUP BY 1, 2, 3
),
months AS (
  SELECT f.company_id, f.currency, g.month::date AS month
  FROM (SELECT m.company_id, m.currency, min(m.month) AS first_month FROM monthly AS m GROUP BY 1, 2) AS f,
       generate_series(f.first_month::timestamp, date_trunc('month', localtimestamp), interval '1 month') AS g (month)
),
running AS (
  SELECT company_id, currency, month,
         coalesce(m.new_mrr, 0) AS new_mrr, coalesce(m.expansion_mrr, 0) AS expansion_mrr, coalesce(m.reactivation_mrr, 0) AS reactivation_mrr,
         coalesce(m.contraction_mrr, 0) AS contraction_mrr, coalesce(m.churned_mrr, 0) AS churned_mrr,
         coalesce(m.change, 0) AS change,
         coalesce(m.new_customers, 0) AS new_customers, coalesce(m.reactivated_customers, 0) AS reactivated_customers, coalesce(m.churned_customers, 0) AS churned_customers,
         sum(coalesce(m.change, 0)) OVER w AS end_mrr,
         (sum(coalesce(m.new_customers + m.reactivated_customers - m.churned_customers, 0)) OVER w)::bigint AS end_customers
  FROM months LEFT JOIN monthly AS m USING (company_id, currency, month)
  WINDOW w AS (PARTITION BY company_id, currency ORDER BY month)
),
started AS (
  SELECT r.*,
         r.end_mrr - r.change AS start_mrr,
         r.end_customers - r.new_customers - r.reactivated_customers + r.churned_customers AS start_customers
  FROM running AS r
),
rated AS (
  SELECT s.*,
         s.churned_customers::numeric / nullif(s.start_customers, 0) AS churn,
         avg(s.churned_customers::numeric / nullif(s.start_customers, 0))
           OVER (PARTITION BY s.company_id, s.currency ORDER BY s.month ROWS BETWEEN 6 PRECEDING AND 1 PRECEDING) AS trailing_churn,
         s.end_mrr / nullif(s.end_customers, 0) AS average
  FROM started AS s
)
SELECT r.company_id, r.currency, r.month,
       r.start_mrr, r.new_mrr, r.expansion_mrr, r.reactivation_mrr, r.contraction_mrr, r.churned_mrr, r.end_mrr,
       round(r.end_mrr * 12, 4) AS arr,
       r.start_customers, r.new_customers, r.reactivated_customers, r.churned_customers, r.end_customers,
       round(r.change / nullif(r.start_mrr, 0), 6) AS growth_rate,
       round((r.churned_mrr + r.contraction_mrr) / nullif(r.start_mrr, 0), 6) AS gross_churn_rate,
       round((r.churned_mrr + r.contraction_mrr - r.expansion_mrr - r.reactivation_mrr) / nullif(r.start_mrr, 0), 6) AS net_churn_rate,
       round((r.start_mrr - r.contraction_mrr - r.churned_mrr) / nullif(r.start_mrr, 0), 6) AS grr,
       round((r.start_mrr + r.expansion_mrr - r.contraction_mrr - r.churned_mrr) / nullif(r.start_mrr, 0), 6) AS nrr,
       round((r.start_mrr + r.expansion_mrr + r.reactivation_mrr - r.contraction_mrr - r.churned_mrr) / nullif(r.start_mrr, 0), 6) AS nrr_with_reactivation,
       round((r.new_mrr + r.expansion_mrr + r.reactivation_mrr) / nullif(r.contraction_mrr + r.churned_mrr, 0), 6) AS quick_ratio,
       round(r.churn, 6) AS customer_churn_rate,
       round(r.average, 4) AS arpa,
       round(r.average * [parameter gross_margin]::numeric / nullif(r.trailing_churn, 0), 4) AS ltv,
       (r.month + interval '1 month')::timestamptz AS final_at
FROM rated AS r
$query$, $columns$
company_id
currency
month | The first day of the month; the current one is as of now.
start_mrr | Monthly recurring revenue when the month began. | currency, a month | D-01
new_mrr | Of customers who had never paid before. | currency, a month | D-03 | ChartMogul 203299912
expansion_mrr | What existing customers pay more, net for each customer. | currency, a month | D-04 | ChartMogul
reactivation_mrr | Of customers who had left and are back. | currency, a month | D-06 | ChartMogul
contraction_mrr | What existing customers pay less, net for each customer. | currency, a month | D-04 | ChartMogul
churned_mrr | What customers paid whose last subscription ended. | currency, a month | D-05 | ChartMogul, Stripe
end_mrr | Monthly recurring revenue when the month ended, or now. | currency, a month | D-01, D-07 | docs.stripe.com glossary
arr | end_mrr x 12. | currency, a year | D-02
start_customers | Customers who paid when the month began.
new_customers | Customers who paid for the first time. | | D-03
reactivated_customers | Customers who had left and are back. | | D-06
churned_customers | Customers of start_customers whose last subscription ended. | | D-05
end_customers | Customers who paid when the month ended, or now.
growth_rate | (end_mrr - start_mrr) / start_mrr. | ratio
gross_churn_rate | (churned_mrr + contraction_mrr) / start_mrr. | ratio | D-08 | ChartMogul 203359341
net_churn_rate | (churned_mrr + contraction_mrr - expansion_mrr - reactivation_mrr) / start_mrr; may be negative. | ratio | D-09 | ChartMogul
grr | Gross revenue retention: (start_mrr - contraction_mrr - churned_mrr) / start_mrr; never above 1. | ratio from 0 to 1 | D-10 | SaaS Metrics Standards Board
nrr | Net revenue retention, without customers who came back: (start_mrr + expansion_mrr - contraction_mrr - churned_mrr) / start_mrr. | ratio | D-11 | SaaS Metrics Standards Board
nrr_with_reactivation | The same with reactivation_mrr: 1 - net_churn_rate. | ratio | D-11 | ChartMogul
quick_ratio | (new_mrr + expansion_mrr + reactivation_mrr) / (contraction_mrr + churned_mrr). | ratio | D-17
customer_churn_rate | churned_customers / start_customers, of this currency; customer_churn has it over all currencies. | ratio from 0 to 1 | D-12 | Chargify
arpa | Average revenue per account: end_mrr / end_customers. | currency, a month | D-13 | ChartMogul
ltv | Lifetime value: arpa x gross_margin / the mean customer_churn_rate of the six months before; NULL where none left in them. | currency | D-14 | ChartMogul 203359061
final_at | When the month is over.
$columns$),

('mrr_by_plan', 'Monthly recurring revenue, subscriptions and customers of each plan at the end of each day. Revenue and subscriptions of plans may be added; a customer with two plans is one of each.',
 '{company_id,currency,plan,day}', NULL, '*/15 * * * *', 'full', NULL, '{subscription_log}', $query$
[paid],
daily AS (
  SELECT c.company_id, c.currency, c.plan, c.customer_id, c.at::date AS day, sum(c.change) AS change, sum(sign(c.change))::bigint AS subscriptions
  FROM changes AS c
  GROUP BY 1, 2, 3, 4, 5
),
of_customers AS (
  SELECT d.*, sum(d.subscriptions) OVER (PARTITION BY d.company_id, d.currency, d.plan, d.customer_id ORDER BY d.day) AS subscriptions_after
  FROM daily AS d
),
of_plans AS (
  SELECT o.company_id, o.currency, o.plan, o.day, sum(o.change) AS change, sum(o.subscriptions) AS subscriptions,
         sum((o.subscriptions_after > 0)::integer - (o.subscriptions_after > o.subscriptions)::integer) AS customers
  FROM of_customers AS o
  GROUP BY 1, 2, 3, 4
),
days AS (
  SELECT f.company_id, f.currency, f.plan, g.day::date AS day
  FROM (SELECT o.company_id, o.currency, o.plan, min(o.day) AS first_day FROM of_plans AS o GROUP BY 1, 2, 3) AS f,
       generate_series(f.first_day::timestamp, current_date::timestamp, interval '1 day') AS g (day)
)
SELECT company_id, currency, plan, day,
       sum(coalesce(o.change, 0)) OVER w AS mrr,
       (sum(coalesce(o.subscriptions, 0)) OVER w)::bigint AS subscriptions,
       (sum(coalesce(o.customers, 0)) OVER w)::bigint AS customers
FROM days LEFT JOIN of_plans AS o USING (company_id, currency, plan, day)
WINDOW w AS (PARTITION BY company_id, currency, plan ORDER BY day)
$query$, $columns$
company_id
currency
plan | The plan; empty: none was named.
day | The day; the last one is as of now.
mrr | Monthly recurring revenue at its end. | currency, a month | D-01 | docs.stripe.com glossary
subscriptions | Subscriptions that are paid for at its end.
customers | Customers with a subscription of this plan at its end.
$columns$),

('customer_churn', 'Customers who pay, over all currencies, and how many of them left, for each month from the first payment on. Only who paid when the month began can be lost in it.',
 '{company_id,month}', NULL, '*/15 * * * *', 'full', NULL, '{subscription_log}', $query$
[paid],
monthly AS (
  SELECT c.company_id, c.customer_id, date_trunc('month', c.at)::date AS month, sum(sign(c.change)) AS change
  FROM changes AS c
  GROUP BY 1, 2, 3
),
firsts AS (
  SELECT c.company_id, c.customer_id, min(c.at) AS first_paid_at
  FROM changes AS c
  GROUP BY 1, 2
),
running AS (
  SELECT m.*, sum(m.change) OVER (PARTITION BY m.company_id, m.customer_id ORDER BY m.month) AS subscriptions
  FROM monthly AS m
),
counted AS (
  SELECT r.company_id, r.month,
         count(*) FILTER (WHERE r.subscriptions > 0 AND r.subscriptions = r.change AND f.first_paid_at >= r.month::timestamptz) AS new_customers,
         count(*) FILTER (WHERE r.subscriptions > 0 AND r.subscriptions = r.change AND f.first_paid_at < r.month::timestamptz) AS reactivated_customers,
         count(*) FILTER (WHERE r.subscriptions = 0 AND r.change < 0) AS churned_customers
  FROM running AS r
  JOIN firsts AS f USING (company_id, customer_id)
  GROUP BY 1, 2
),
months AS (
  SELECT f.company_id, g.month::date AS month
  FROM (SELECT c.company_id, min(c.month) AS first_month FROM counted AS c GROUP BY 1) AS f,
       generate_series(f.first_month::timestamp, date_trunc('month', localtimestamp), interval '1 month') AS g (month)
),
totals AS (
  SELECT company_id, month,
         coalesce(c.new_customers, 0) AS new_customers, coalesce(c.reactivated_customers, 0) AS reactivated_customers, coalesce(c.churned_customers, 0) AS churned_customers,
         (sum(coalesce(c.new_customers + c.reactivated_customers - c.churned_customers, 0)) OVER (PARTITION BY company_id ORDER BY month))::bigint AS end_customers
  FROM months LEFT JOIN counted AS c USING (company_id, month)
),
started AS (
  SELECT t.*, t.end_customers - t.new_customers - t.reactivated_customers + t.churned_customers AS start_customers
  FROM totals AS t
)
SELECT s.company_id, s.month, s.start_customers, s.new_customers, s.reactivated_customers, s.churned_customers, s.end_customers,
       round(s.churned_customers::numeric / nullif(s.start_customers, 0), 6) AS churn_rate,
       (s.month + interval '1 month')::timestamptz AS final_at
FROM started AS s
$query$, $columns$
company_id
month | The first day of the month; the current one is as of now.
start_customers | Customers who paid when the month began.
new_customers | Customers who paid for the first time ever.
reactivated_customers | Customers who had left and are back.
churned_customers | Customers of start_customers who do not pay any more when the month ends, or now.
end_customers | Customers who paid when the month ended, or now.
churn_rate | churned_customers / start_customers. | ratio from 0 to 1 | D-12 | Chargify
final_at | When the month is over.
$columns$),

('acquisition_costs', 'What was spent on marketing and sales in a month.',
 '{company_id,currency,month}', '1 month', '*/15 * * * *', NULL, '{marketing_spent}', NULL, $query$
SELECT [tenant] AS company_id,
       upper(coalesce(properties ->> {{marketing_spent.currency}}, [parameter currency])) AS currency,
       date_trunc('month', occurred_at)::date AS month,
       sum(bizmetrics.number_in(properties, {{marketing_spent.amount}})) AS spend
FROM public.business_events
WHERE event_name = {{marketing_spent}} AND occurred_at >= $1 AND occurred_at < $2
  AND bizmetrics.number_in(properties, {{marketing_spent.amount}}) IS NOT NULL
GROUP BY 1, 2, 3
$query$, $columns$
company_id
currency
month | The first day of the month.
spend | What was spent. | currency
$columns$),

('unit_economics', 'What a customer costs and is worth, for each month.',
 '{company_id,currency,month}', NULL, '*/15 * * * *', 'full', NULL, '{mrr,acquisition_costs}', $query$
WITH costs AS (
  SELECT a.company_id, a.currency, (a.month + make_interval(months => [parameter cac_lag_months]::numeric::integer))::date AS month, a.spend
  FROM analytics.acquisition_costs AS a
),
joined AS (
  SELECT company_id, currency, month, c.spend, coalesce(m.new_customers, 0) AS new_customers, m.arpa, m.ltv,
         c.spend / nullif(m.new_customers, 0) AS cac
  FROM costs AS c FULL JOIN analytics.mrr AS m USING (company_id, currency, month)
)
SELECT j.company_id, j.currency, j.month, j.spend, j.new_customers,
       round(j.cac, 4) AS cac, j.arpa, j.ltv,
       round(j.ltv / nullif(j.cac, 0), 6) AS ltv_cac_ratio,
       round(j.cac / nullif(j.arpa * [parameter gross_margin]::numeric, 0), 4) AS payback_months
FROM joined AS j
$query$, $columns$
company_id
currency
month | The first day of the month in which the customers came.
spend | What was spent on marketing and sales in it, or cac_lag_months before; NULL: nothing was logged. | currency
new_customers | Customers who paid for the first time.
cac | Cost of acquiring a customer: spend / new_customers. | currency | D-15
arpa | Average revenue per account. | currency, a month | D-13 | ChartMogul
ltv | Lifetime value, as in mrr. | currency | D-14 | ChartMogul 203359061
ltv_cac_ratio | ltv / cac. | ratio | D-16
payback_months | How long a customer takes to earn what it cost: cac / (arpa x gross_margin). | months | D-16
$columns$),

('trial_conversion', 'Trials that began in a month and how many of them became paid, whenever that was.',
 '{company_id,cohort_month}', NULL, '*/15 * * * *', 'full', NULL, '{subscription_log}', $query$
WITH trials AS (
  SELECT l.company_id, l.customer_id, l.subscription_id, min(l.at) AS started_at
  FROM analytics.subscription_log AS l
  WHERE l.kind IN ('trial', 'trialing')
  GROUP BY 1, 2, 3
),
followed AS (
  SELECT t.company_id, t.customer_id, t.subscription_id, t.started_at, min(l.at) AS paid_at
  FROM trials AS t
  LEFT JOIN analytics.subscription_log AS l
    ON l.company_id = t.company_id AND l.customer_id = t.customer_id AND l.mrr > 0 AND l.at >= t.started_at
   AND (l.subscription_id = t.subscription_id OR '' IN (l.subscription_id, t.subscription_id))
  GROUP BY 1, 2, 3, 4
)
SELECT f.company_id, date_trunc('month', f.started_at)::date AS cohort_month,
       count(*) AS trials,
       count(f.paid_at) AS converted,
       round(count(f.paid_at)::numeric / count(*), 6) AS conversion_rate,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM f.paid_at - f.started_at)))::numeric, 3) AS median_seconds
FROM followed AS f
GROUP BY 1, 2
$query$, $columns$
company_id
cohort_month | The first day of the month in which the trials began.
trials | Trials that began; one for each customer and subscription.
converted | Those of them that were paid for later.
conversion_rate | converted / trials; grows as long as trials of the month are open. | ratio from 0 to 1 | D-18
median_seconds | The median time from the trial's beginning to the payment. | seconds
$columns$),

-- Users
('user_milestones', 'When each user signed up, was activated and first got value. Other reports of the pack are computed from it.',
 '{company_id,user_id}', '1 day', '*/15 * * * *', 'merge', '{user_signed_up,user_activated,value_reached}', NULL, $query$
SELECT [tenant] AS company_id, actor_user_id AS user_id,
       min(occurred_at) FILTER (WHERE event_name = {{user_signed_up}}) AS signed_up_at,
       (bizmetrics.window_funnel_times('100 years', occurred_at, event_name = {{user_signed_up}}, event_name = {{user_activated}}))[2] AS activated_at,
       (bizmetrics.window_funnel_times('100 years', occurred_at, event_name = {{user_signed_up}}, event_name = {{value_reached}}))[2] AS value_reached_at
FROM public.business_events
WHERE event_name IN ({{user_signed_up}}, {{user_activated}}, {{value_reached}}) AND actor_user_id IS NOT NULL AND $1 < $2
GROUP BY 1, 2
HAVING count(*) FILTER (WHERE event_name = {{user_signed_up}}) > 0
$query$, $columns$
company_id
user_id | The user.
signed_up_at | When the user signed up first.
activated_at | The first activation after that; NULL: none yet.
value_reached_at | When the user first got value after that; NULL: not yet. | | D-23
$columns$),

('activation_rate', 'Sign-ups of a week and how many of them were activated within activation_days (7).',
 '{company_id,cohort_week}', NULL, '*/15 * * * *', 'full', NULL, '{user_milestones}', $query$
SELECT u.company_id, date_trunc('week', u.signed_up_at)::date AS cohort_week,
       count(*) AS signups,
       count(*) FILTER (WHERE u.activated_at <= u.signed_up_at + d.within) AS activated,
       round(count(*) FILTER (WHERE u.activated_at <= u.signed_up_at + d.within)::numeric / count(*), 6) AS activation_rate,
       (date_trunc('week', u.signed_up_at)::date + interval '7 days')::timestamptz + d.within AS final_at
FROM analytics.user_milestones AS u,
     (SELECT make_interval(hours => 24 * [parameter activation_days]::numeric::integer)) AS d (within)
GROUP BY 1, 2, d.within
$query$, $columns$
company_id
cohort_week | The Monday that begins the week.
signups | Users who signed up for the first time.
activated | Those of them who were activated within activation_days of 24 hours.
activation_rate | activated / signups. | ratio from 0 to 1 | D-22
final_at | When the last of them has had that time; the figures may grow until then.
$columns$),

('time_to_first_value', 'How long the users who signed up in a month took to get value.',
 '{company_id,cohort_month}', NULL, '*/15 * * * *', 'full', NULL, '{user_milestones}', $query$
SELECT u.company_id, date_trunc('month', u.signed_up_at)::date AS cohort_month,
       count(*) AS signups,
       count(u.value_reached_at) AS reached,
       round(count(u.value_reached_at)::numeric / count(*), 6) AS reached_rate,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM u.value_reached_at - u.signed_up_at)))::numeric, 3) AS median_seconds,
       round(avg(extract(epoch FROM u.value_reached_at - u.signed_up_at)), 3) AS mean_seconds
FROM analytics.user_milestones AS u
GROUP BY 1, 2
$query$, $columns$
company_id
cohort_month | The first day of the month.
signups | Users who signed up for the first time.
reached | Those of them who got value since.
reached_rate | reached / signups. | ratio from 0 to 1
median_seconds | The median time from the sign-up to the first value, of those who reached it. | seconds | D-23
mean_seconds | The mean of it. | seconds | D-23
$columns$),

-- A day's sessions depend on the day's events alone: an event that comes late may join two, or be the first of one.
('sessions_daily', 'Sessions of users: logins and uses of features with no gap of more than 30 minutes. A session ends with the day.',
 '{company_id,day}', '1 day', '*/15 * * * *', NULL, '{user_logged_in,feature_used}', NULL, $query$
WITH numbered AS (
  SELECT [tenant] AS company_id, actor_user_id AS user_id, occurred_at::date AS day, occurred_at AS at, event_name = {{user_logged_in}} AS is_login,
         bizmetrics.sessionize(occurred_at, '30 min') OVER (PARTITION BY [tenant], actor_user_id, occurred_at::date ORDER BY occurred_at) AS session
  FROM public.business_events
  WHERE event_name IN ({{user_logged_in}}, {{feature_used}}) AND actor_user_id IS NOT NULL
    AND occurred_at >= $1 AND occurred_at < $2
),
sessions AS (
  SELECT n.company_id, n.day, n.user_id, max(n.at) - min(n.at) AS duration, count(*) AS actions, count(*) FILTER (WHERE n.is_login) AS logins
  FROM numbered AS n
  GROUP BY n.company_id, n.day, n.user_id, n.session
)
SELECT s.company_id, s.day,
       count(DISTINCT s.user_id) AS users,
       sum(s.logins)::bigint AS logins,
       count(*) AS sessions,
       sum(s.actions)::bigint AS actions,
       round(avg(extract(epoch FROM s.duration)), 3) AS mean_seconds,
       round(sum(s.actions) / count(*), 6) AS actions_per_session,
       round(count(*)::numeric / count(DISTINCT s.user_id), 6) AS sessions_per_user
FROM sessions AS s
GROUP BY 1, 2
$query$, $columns$
company_id
day | The day of the sessions.
users | Users with a session.
logins | Logins in the sessions.
sessions | Sessions.
actions | Logins and uses of features in them.
mean_seconds | The mean time from a session's first action to its last. | seconds
actions_per_session | actions / sessions. | ratio
sessions_per_user | sessions / users. | ratio
$columns$),

-- What customers say
('nps_daily', 'Answers of a day to how likely a recommendation is.',
 '{company_id,day}', '1 day', '*/15 * * * *', NULL, '{nps_answered}', NULL, $query$
SELECT a.company_id, a.day,
       count(*) AS responses,
       count(*) FILTER (WHERE a.score >= 9) AS promoters,
       count(*) FILTER (WHERE a.score IN (7, 8)) AS passives,
       count(*) FILTER (WHERE a.score <= 6) AS detractors,
       round(bizmetrics.nps(a.score::integer), 4) AS nps
FROM (
  SELECT [tenant] AS company_id, occurred_at::date AS day, bizmetrics.number_in(properties, {{nps_answered.score}}) AS score
  FROM public.business_events
  WHERE event_name = {{nps_answered}} AND occurred_at >= $1 AND occurred_at < $2
) AS a
WHERE a.score BETWEEN 0 AND 10 AND a.score = trunc(a.score)
GROUP BY 1, 2
$query$, $columns$
company_id
day | The day of the answers.
responses | Answers of 0 to 10; others are not counted.
promoters | Answers of 9 or 10.
passives | Answers of 7 or 8.
detractors | Answers of 0 to 6.
nps | 100 x (promoters - detractors) / responses. | -100 to 100 | D-24
$columns$),

('nps', 'Net promoter score of the 90 days up to each day.',
 '{company_id,day}', NULL, '*/15 * * * *', 'full', NULL, '{nps_daily}', $query$
WITH days AS (
  SELECT f.company_id, g.day::date AS day
  FROM (SELECT n.company_id, min(n.day) AS first_day FROM analytics.nps_daily AS n GROUP BY 1) AS f,
       generate_series(f.first_day::timestamp, current_date::timestamp, interval '1 day') AS g (day)
),
recent AS (
  SELECT company_id, day,
         (sum(coalesce(n.responses, 0)) OVER w)::bigint AS responses, (sum(coalesce(n.promoters, 0)) OVER w)::bigint AS promoters,
         (sum(coalesce(n.passives, 0)) OVER w)::bigint AS passives, (sum(coalesce(n.detractors, 0)) OVER w)::bigint AS detractors
  FROM days LEFT JOIN analytics.nps_daily AS n USING (company_id, day)
  WINDOW w AS (PARTITION BY company_id ORDER BY day ROWS 89 PRECEDING)
)
SELECT t.*, round(100 * (t.promoters - t.detractors)::numeric / nullif(t.responses, 0), 4) AS nps
FROM recent AS t
$query$, $columns$
company_id
day | The last of the 90 days.
responses | Answers in them.
promoters | Answers of 9 or 10.
passives | Answers of 7 or 8.
detractors | Answers of 0 to 6.
nps | 100 x (promoters - detractors) / responses. | -100 to 100 | D-24
$columns$),

('csat_daily', 'Answers of a day to how satisfied a customer is.',
 '{company_id,day}', '1 day', '*/15 * * * *', NULL, '{csat_answered}', NULL, $query$
SELECT a.company_id, a.day,
       count(*) AS responses,
       count(*) FILTER (WHERE a.score >= 4) AS satisfied,
       sum(a.score)::bigint AS score_sum,
       round(avg(a.score), 4) AS mean_score,
       round(bizmetrics.csat(a.score::integer), 6) AS satisfied_rate
FROM (
  SELECT [tenant] AS company_id, occurred_at::date AS day, bizmetrics.number_in(properties, {{csat_answered.score}}) AS score
  FROM public.business_events
  WHERE event_name = {{csat_answered}} AND occurred_at >= $1 AND occurred_at < $2
) AS a
WHERE a.score BETWEEN 1 AND 5 AND a.score = trunc(a.score)
GROUP BY 1, 2
$query$, $columns$
company_id
day | The day of the answers.
responses | Answers of 1 to 5; others are not counted.
satisfied | Answers of 4 or 5.
score_sum | The sum of the answers.
mean_score | The mean answer. | 1 to 5 | D-25
satisfied_rate | satisfied / responses. | ratio from 0 to 1 | D-25
$columns$),

('csat', 'Satisfaction of the 30 days up to each day.',
 '{company_id,day}', NULL, '*/15 * * * *', 'full', NULL, '{csat_daily}', $query$
WITH days AS (
  SELECT f.company_id, g.day::date AS day
  FROM (SELECT n.company_id, min(n.day) AS first_day FROM analytics.csat_daily AS n GROUP BY 1) AS f,
       generate_series(f.first_day::timestamp, current_date::timestamp, interval '1 day') AS g (day)
),
recent AS (
  SELECT company_id, day,
         (sum(coalesce(n.responses, 0)) OVER w)::bigint AS responses, (sum(coalesce(n.satisfied, 0)) OVER w)::bigint AS satisfied,
         (sum(coalesce(n.score_sum, 0)) OVER w)::bigint AS score_sum
  FROM days LEFT JOIN analytics.csat_daily AS n USING (company_id, day)
  WINDOW w AS (PARTITION BY company_id ORDER BY day ROWS 29 PRECEDING)
)
SELECT t.company_id, t.day, t.responses, t.satisfied,
       round(t.score_sum::numeric / nullif(t.responses, 0), 4) AS mean_score,
       round(t.satisfied::numeric / nullif(t.responses, 0), 6) AS satisfied_rate
FROM recent AS t
$query$, $columns$
company_id
day | The last of the 30 days.
responses | Answers in them.
satisfied | Answers of 4 or 5.
mean_score | The mean answer. | 1 to 5 | D-25
satisfied_rate | satisfied / responses. | ratio from 0 to 1 | D-25
$columns$),

-- What customers use
('feature_usage', 'Uses of each feature on a day.',
 '{company_id,feature,day}', '1 day', '*/15 * * * *', NULL, '{feature_used}', NULL, $query$
SELECT [tenant] AS company_id, properties ->> {{feature_used.feature}} AS feature, occurred_at::date AS day,
       count(*) AS uses,
       count(DISTINCT actor_user_id) AS users
FROM public.business_events
WHERE event_name = {{feature_used}} AND occurred_at >= $1 AND occurred_at < $2
  AND properties ->> {{feature_used.feature}} IS NOT NULL
GROUP BY 1, 2, 3
$query$, $columns$
company_id
feature | The feature.
day | The day.
uses | How often it was used.
users | Different users of it on the day; not to be added over days.
$columns$),

('feature_adoption', 'Who used each feature in the last 30 days, today included.',
 '{company_id,feature}', NULL, '7 * * * *', 'full', NULL, NULL, $query$
WITH used AS (
  SELECT [tenant] AS company_id, properties ->> {{feature_used.feature}} AS feature,
         count(*) AS uses,
         count(DISTINCT actor_user_id) AS users,
         count(DISTINCT [customer]) AS customers
  FROM public.business_events
  WHERE event_name = {{feature_used}} AND occurred_at >= current_date - 29 AND occurred_at < current_date + 1
    AND properties ->> {{feature_used.feature}} IS NOT NULL
  GROUP BY 1, 2
),
active AS (
  SELECT [tenant] AS company_id, count(DISTINCT actor_user_id) AS users
  FROM public.business_events
  WHERE event_name IN ({{feature_used}}, {{user_logged_in}}) AND occurred_at >= current_date - 29 AND occurred_at < current_date + 1
  GROUP BY 1
)
SELECT company_id, u.feature, u.uses, u.users, u.customers,
       a.users AS active_users,
       round(u.users::numeric / nullif(a.users, 0), 6) AS adoption_rate
FROM used AS u
JOIN active AS a USING (company_id)
$query$, $columns$
company_id
feature | The feature.
uses | How often it was used.
users | Different users of it.
customers | Different customers whose users used it.
active_users | Users who logged in or used any feature.
adoption_rate | users / active_users. | ratio from 0 to 1
$columns$),

('customer_health', 'How each customer does: who pays, or has never paid and used the product in the last 90 days.',
 '{company_id,customer_id}', NULL, '23 * * * *', 'full', NULL, '{subscription_log}', $query$
[paid],
paying AS (
  SELECT c.company_id, c.customer_id, sum(sign(c.change)) > 0 AS pays
  FROM changes AS c
  GROUP BY 1, 2
),
signals AS MATERIALIZED (
  SELECT s.place, s.signal ->> 'measure' = 'users' AS of_users, (s.signal ->> 'target')::numeric AS target, (s.signal ->> 'points')::numeric AS points,
         coalesce((s.signal ->> 'in_steps')::boolean, true) AS in_steps, coalesce((s.signal ->> 'days')::integer, 30) AS days,
         coalesce(n.own_name, s.signal ->> 'event') AS event_name
  FROM jsonb_array_elements([parameter health_signals]::jsonb) WITH ORDINALITY AS s (signal, place)
  LEFT JOIN (VALUES ('user_logged_in', {{user_logged_in}}), ('feature_used', {{feature_used}}), ('api_called', {{api_called}}),
                    ('item_created', {{item_created}}), ('backup_created', {{backup_created}})) AS n (name, own_name)
    ON n.name = s.signal ->> 'event'
),
-- How far back each event is looked for
limits AS MATERIALIZED (
  SELECT l.event_name, max(l.days) AS days
  FROM (SELECT s.event_name, s.days FROM signals AS s
        UNION ALL
        SELECT m.event_name, 90 FROM unnest(ARRAY[{{user_logged_in}}, {{feature_used}}, {{ticket_created}}, {{payment_failed}}]::text[]) AS m (event_name)) AS l
  GROUP BY 1
),
-- OFFSET makes it an index scan for each, and no scan of all events.
recent AS MATERIALIZED (
  SELECT b.*
  FROM limits AS l
  CROSS JOIN LATERAL (
    SELECT [tenant] AS company_id,
           CASE WHEN event_name = {{payment_failed}} THEN [customer payment_failed] ELSE [customer] END AS customer_id,
           actor_user_id AS user_id, event_name, occurred_at AS at,
           CASE WHEN event_name = {{feature_used}} THEN properties ->> {{feature_used.feature}} END AS feature
    FROM public.business_events
    WHERE event_name = l.event_name AND occurred_at > now() - make_interval(days => l.days) AND occurred_at <= now()
    OFFSET 0) AS b
),
-- What is counted is counted by user first, for different users are fewer than events, and need no sorting.
activity AS MATERIALIZED (
  SELECT r.company_id, r.customer_id, r.user_id, r.event_name, r.feature,
         count(*) FILTER (WHERE r.at > now() - interval '30 days') AS events_30,
         count(*) FILTER (WHERE r.at > now() - interval '90 days') AS events_90,
         max(r.at) AS last_at
  FROM recent AS r
  GROUP BY 1, 2, 3, 4, 5
),
counted AS (
  SELECT a.company_id, a.customer_id,
         coalesce(sum(a.events_30) FILTER (WHERE a.event_name = {{user_logged_in}}), 0) AS logins,
         count(DISTINCT a.user_id) FILTER (WHERE a.event_name IN ({{user_logged_in}}, {{feature_used}}) AND a.events_90 > 0) AS users,
         count(DISTINCT a.feature) FILTER (WHERE a.events_30 > 0) AS features,
         coalesce(sum(a.events_30) FILTER (WHERE a.event_name = {{ticket_created}}), 0) AS tickets,
         coalesce(sum(a.events_90) FILTER (WHERE a.event_name = {{payment_failed}}), 0) AS failures,
         max(a.last_at) FILTER (WHERE a.event_name IN ({{user_logged_in}}, {{feature_used}})) AS last_active_at,
         bool_or(a.event_name IN ({{user_logged_in}}, {{feature_used}}) AND a.events_90 > 0) AS is_active
  FROM activity AS a
  WHERE a.customer_id IS NOT NULL
  GROUP BY 1, 2
),
-- What a tenant has never logged says nothing about its customers.
tracked AS (
  SELECT e.company_id, bool_or(e.event_name = {{feature_used}}) AS features, sum(s.points) AS points
  FROM (SELECT DISTINCT a.company_id, a.event_name FROM activity AS a) AS e
  LEFT JOIN signals AS s USING (event_name)
  GROUP BY 1
),
customers AS (
  SELECT company_id, customer_id, coalesce(p.pays, false) AS pays,
         coalesce(c.logins, 0)::bigint AS logins, coalesce(c.users, 0) AS users, coalesce(c.features, 0) AS features,
         coalesce(c.tickets, 0)::bigint AS tickets, coalesce(c.failures, 0)::bigint AS failures, c.last_active_at
  FROM paying AS p FULL JOIN counted AS c USING (company_id, customer_id)
  WHERE p.pays OR (p.pays IS NULL AND c.is_active)
),
reached AS (
  SELECT u.company_id, u.customer_id, s.points, s.in_steps, s.target, CASE WHEN s.of_users THEN count(u.user_id) ELSE sum(u.events) END AS reached
  FROM (SELECT r.company_id, r.customer_id, s.place, r.user_id, count(*) AS events
        FROM signals AS s
        JOIN recent AS r ON r.event_name = s.event_name AND r.at > now() - make_interval(days => s.days)
        GROUP BY 1, 2, 3, 4) AS u
  JOIN signals AS s USING (place)
  GROUP BY u.company_id, u.customer_id, s.place, s.of_users, s.points, s.in_steps, s.target
),
engaged AS (
  SELECT r.company_id, r.customer_id,
         sum(r.points * CASE WHEN r.reached >= r.target THEN 1 WHEN r.in_steps THEN 0 ELSE r.reached / r.target END) AS points
  FROM reached AS r
  GROUP BY 1, 2
),
components AS (
  SELECT c.*,
         CASE WHEN c.users * [parameter health_logins]::numeric > 0 THEN round(least(100, 100 * c.logins / (c.users * [parameter health_logins]::numeric)), 2) END AS usage,
         CASE WHEN t.features AND [parameter health_features]::numeric > 0 THEN round(least(100, 100 * c.features / [parameter health_features]::numeric), 2) END AS adoption,
         greatest(100 - [parameter health_ticket_points]::numeric * c.tickets, 0) AS support,
         greatest(100 - [parameter health_failure_points]::numeric * c.failures, 0) AS payment,
         round(100 * CASE WHEN t.points > 0 THEN coalesce(e.points, 0) / t.points END, 2) AS engagement
  FROM customers AS c
  LEFT JOIN tracked AS t USING (company_id)
  LEFT JOIN engaged AS e USING (company_id, customer_id)
),
weights AS MATERIALIZED (
  SELECT coalesce((w.weights ->> 'usage')::numeric, 0) AS usage, coalesce((w.weights ->> 'adoption')::numeric, 0) AS adoption,
         coalesce((w.weights ->> 'support')::numeric, 0) AS support, coalesce((w.weights ->> 'payment')::numeric, 0) AS payment,
         coalesce((w.weights ->> 'engagement')::numeric, 0) AS engagement
  FROM (SELECT [parameter health_weights]::jsonb AS weights) AS w
),
-- What health_score() gives, without taking objects apart for each customer
scored AS (
  SELECT c.*,
         round((coalesce(w.usage * c.usage, 0) + coalesce(w.adoption * c.adoption, 0) + w.support * c.support + w.payment * c.payment + coalesce(w.engagement * c.engagement, 0))
               / nullif(CASE WHEN c.usage IS NULL THEN 0 ELSE w.usage END + CASE WHEN c.adoption IS NULL THEN 0 ELSE w.adoption END + w.support + w.payment
                        + CASE WHEN c.engagement IS NULL THEN 0 ELSE w.engagement END, 0), 2) AS score
  FROM components AS c
  CROSS JOIN weights AS w
)
SELECT s.company_id, s.customer_id, s.score,
       CASE WHEN s.score < 40 THEN 'critical' WHEN s.score < 60 THEN 'at_risk' WHEN s.score < 80 THEN 'fair' WHEN s.score >= 80 THEN 'healthy' END AS band,
       s.usage, s.adoption, s.support, s.payment, s.engagement,
       s.users, s.logins, s.features, s.tickets, s.failures, s.pays, s.last_active_at
FROM scored AS s
$query$, $columns$
company_id
customer_id | The customer.
score | The mean of the components by health_weights; a component that is NULL leaves its weight to the others. | 0 to 100 | D-26
band | critical below 40, at_risk below 60, fair below 80, healthy from 80 on. | | D-26
usage | logins / (users x health_logins), at most 100; NULL without users. | 0 to 100 | D-26
adoption | features / health_features, at most 100; NULL where the tenant logs no uses of features. | 0 to 100 | D-26
support | 100 - health_ticket_points x tickets, at least 0. | 0 to 100 | D-26
payment | 100 - health_failure_points x failures, at least 0. | 0 to 100 | D-26
engagement | The points of health_signals in percent of those that can be had; NULL where the tenant logs none of their events. | 0 to 100 | D-26
users | Different users who logged in or used a feature in the last 90 days.
logins | Logins in the last 30 days.
features | Different features used in the last 30 days.
tickets | Tickets opened in the last 30 days.
failures | Payments that failed in the last 90 days.
pays | Whether a subscription is paid for.
last_active_at | The last login or use of a feature; NULL: none that is remembered.
$columns$),

('health_daily', 'How many customers were in each band of health on each day, as it was known at that day''s last run.',
 '{company_id,day}', NULL, '37 * * * *', 'merge', NULL, '{customer_health,sessions_daily}', $query$
-- A tenant that has lost all customers during the day has a row of before.
WITH tenants AS (
  SELECT h.company_id FROM analytics.customer_health AS h
  UNION
  SELECT l.company_id FROM analytics.subscription_log AS l
  UNION
  SELECT s.company_id FROM analytics.sessions_daily AS s WHERE s.day >= current_date - 91
)
SELECT t.company_id, current_date AS day,
       count(h.customer_id) AS customers,
       count(*) FILTER (WHERE h.band = 'critical') AS critical,
       count(*) FILTER (WHERE h.band = 'at_risk') AS at_risk,
       count(*) FILTER (WHERE h.band = 'fair') AS fair,
       count(*) FILTER (WHERE h.band = 'healthy') AS healthy,
       round(avg(h.score), 2) AS mean_score,
       round(avg(h.engagement), 2) AS mean_engagement
FROM tenants AS t
LEFT JOIN analytics.customer_health AS h ON h.company_id = t.company_id
GROUP BY 1
$query$, $columns$
company_id
day | The day.
customers | Customers with a row in customer_health.
critical | Those with a score below 40. | | D-26
at_risk | Those with a score from 40 and below 60. | | D-26
fair | Those with a score from 60 and below 80. | | D-26
healthy | Those with a score from 80 on. | | D-26
mean_score | The mean score. | 0 to 100 | D-26
mean_engagement | The mean of the component engagement. | 0 to 100
$columns$)

)
SELECT 'saas', r.report_name, r.description, r.key, r.bucket, r.schedule, r.strategy, r.events, r.after, CASE WHEN r.strategy = 'merge' AND 'user_id' = ANY (r.key) THEN 'actor_user_id' END, btrim(q.query, E'\n'),
       (SELECT jsonb_object_agg(btrim(c.parts[1]), CASE
           WHEN c.parts[2] IS NOT NULL THEN jsonb_strip_nulls(jsonb_build_object('meaning', btrim(c.parts[2]), 'unit', nullif(btrim(c.parts[3]), ''),
                                                                                 'definition', nullif(btrim(c.parts[4]), ''), 'source', nullif(btrim(c.parts[5]), '')))
           WHEN btrim(c.parts[1]) = 'currency' THEN '{"meaning": "The currency of the amounts, which are not to be added over currencies.", "unit": "ISO 4217"}'
           ELSE '{"meaning": "The tenant; empty: there is one."}' END)
        FROM regexp_split_to_table(btrim(r.columns, E'\n'), '\n') AS l (line), string_to_array(l.line, '|') AS c (parts))
FROM raw AS r,
LATERAL (SELECT replace(r.query, '[paid]', $paid$WITH log AS (
  SELECT l.company_id, l.customer_id, l.subscription_id, l.event_id, l.at, l.currency, l.plan,
         CASE WHEN l.kind = 'cancelled' AND [parameter churn_at] = 'end' THEN greatest(l.at, l.ends_at) ELSE l.at END AS holds_from,
         CASE WHEN l.kind IN ('cancelled', 'trialing') THEN 0
              ELSE greatest(l.mrr - CASE WHEN [parameter discounts] = 'all' OR ([parameter discounts] = 'forever' AND l.discount_duration = 'forever')
                                         THEN l.discount ELSE 0 END, 0) END AS mrr,
         lead(l.at) OVER (PARTITION BY l.company_id, l.customer_id, l.subscription_id ORDER BY l.at, l.event_id) AS next_at
  FROM analytics.subscription_log AS l
  WHERE l.kind <> 'trial'
),
states AS (
  SELECT l.*, lead(l.holds_from) OVER (PARTITION BY l.company_id, l.customer_id, l.subscription_id ORDER BY l.at, l.event_id) AS holds_to
  FROM log AS l
  WHERE l.holds_from <= now() AND (l.next_at IS NULL OR l.holds_from <= l.next_at)
),
changes AS (
  SELECT s.company_id, s.customer_id, s.subscription_id, s.currency, s.plan, s.holds_from AS at, s.mrr AS change
  FROM states AS s WHERE s.mrr > 0
  UNION ALL
  SELECT s.company_id, s.customer_id, s.subscription_id, s.currency, s.plan, s.holds_to, -s.mrr
  FROM states AS s WHERE s.mrr > 0 AND s.holds_to IS NOT NULL
)$paid$) AS query) AS p,
LATERAL (SELECT regexp_replace(p.query, '\[price (\w+)\]', $price$properties ->> {{\1.plan}} AS plan, properties ->> {{\1.currency}} AS currency,
           bizmetrics.number_in(properties, {{\1.amount}}) AS amount, bizmetrics.number_in(properties, {{\1.quantity}}) AS quantity,
           properties ->> {{\1.interval}} AS every, bizmetrics.number_in(properties, {{\1.interval_count}}) AS every_count,
           bizmetrics.number_in(properties, {{\1.discount}}) AS discount, bizmetrics.number_in(properties, {{\1.discount_ratio}}) AS discount_ratio,
           properties ->> {{\1.discount_duration}} AS discount_duration, properties ->> {{\1.status}} AS status, properties ->> {{\1.billing}} AS billing$price$, 'g') AS query) AS a,
LATERAL (SELECT regexp_replace(a.query, '\[customer (\w+)\]', 'coalesce(properties ->> {{\1.customer_id}}, [customer])', 'g') AS query) AS b,
LATERAL (SELECT regexp_replace(b.query, '\[subscription (\w+)\]', $subscription$coalesce(properties ->> {{\1.subscription_id}}, CASE WHEN entity_type = 'subscription' THEN entity_id END, '')$subscription$, 'g') AS query) AS d,
LATERAL (SELECT replace(replace(d.query, '[customer]', $customer$CASE WHEN [parameter company] = 'customer' THEN coalesce(company_id, actor_user_id) ELSE actor_user_id END$customer$),
                        '[tenant]', $tenant$CASE WHEN [parameter company] = 'tenant' THEN coalesce(company_id, '') ELSE '' END$tenant$) AS query) AS e,
LATERAL (SELECT regexp_replace(e.query, '\[parameter (\w+)\]', '{{saas.\1}}', 'g') AS query) AS q;

-- Metrics --------------------------------------------------------------------------------------------

-- A currency becomes part of the name, for sums over labels mean something; a metric without rows has no series.
INSERT INTO bizmetrics.pack_metrics (pack, metric_name, type, help, labels, query) VALUES
('saas', 'revenue_mrr', 'gauge', 'Monthly recurring revenue by plan.', '{currency,plan}',
 'SELECT m.currency, m.plan, sum(m.mrr) AS value FROM analytics.mrr_by_plan AS m WHERE m.day = (SELECT max(n.day) FROM analytics.mrr_by_plan AS n) GROUP BY 1, 2'),
('saas', 'revenue_arr', 'gauge', 'Annual recurring revenue.', '{currency}',
 'SELECT m.currency, sum(m.arr) AS value FROM analytics.mrr AS m WHERE m.month = (SELECT max(n.month) FROM analytics.mrr AS n) GROUP BY 1'),
('saas', 'revenue_arpa', 'gauge', 'Monthly recurring revenue of a paying customer, on average.', '{currency}',
 'SELECT m.currency, sum(m.end_mrr) / nullif(sum(m.end_customers), 0) AS value FROM analytics.mrr AS m WHERE m.month = (SELECT max(n.month) FROM analytics.mrr AS n) GROUP BY 1 HAVING sum(m.end_customers) > 0'),
('saas', 'revenue_gross_churn_ratio', 'gauge', 'Churned and contracted by starting monthly recurring revenue, of the last whole month.', '{currency}',
 'SELECT m.currency, sum(m.churned_mrr + m.contraction_mrr) / nullif(sum(m.start_mrr), 0) AS value FROM analytics.mrr AS m WHERE m.month = (SELECT max(n.month) FROM analytics.mrr AS n WHERE n.final_at <= now()) GROUP BY 1 HAVING sum(m.start_mrr) > 0'),
('saas', 'revenue_net_retention_ratio', 'gauge', 'Net revenue retention, of the last whole month.', '{currency}',
 'SELECT m.currency, sum(m.start_mrr + m.expansion_mrr - m.contraction_mrr - m.churned_mrr) / nullif(sum(m.start_mrr), 0) AS value FROM analytics.mrr AS m WHERE m.month = (SELECT max(n.month) FROM analytics.mrr AS n WHERE n.final_at <= now()) GROUP BY 1 HAVING sum(m.start_mrr) > 0'),
('saas', 'revenue_gross_retention_ratio', 'gauge', 'Gross revenue retention, of the last whole month.', '{currency}',
 'SELECT m.currency, sum(m.start_mrr - m.contraction_mrr - m.churned_mrr) / nullif(sum(m.start_mrr), 0) AS value FROM analytics.mrr AS m WHERE m.month = (SELECT max(n.month) FROM analytics.mrr AS n WHERE n.final_at <= now()) GROUP BY 1 HAVING sum(m.start_mrr) > 0'),
('saas', 'customer_acquisition_cost', 'gauge', 'Spending by new customers, of the last whole month.', '{currency}',
 'SELECT u.currency, sum(u.spend) / nullif(sum(u.new_customers), 0) AS value FROM analytics.unit_economics AS u WHERE u.month = (date_trunc(''month'', current_date) - interval ''1 month'')::date GROUP BY 1 HAVING sum(u.new_customers) > 0 AND sum(u.spend) IS NOT NULL'),
('saas', 'customer_lifetime_value', 'gauge', 'Lifetime value of a customer, of the current month; the mean of the tenants.', '{currency}',
 'SELECT m.currency, avg(m.ltv) AS value FROM analytics.mrr AS m WHERE m.month = (SELECT max(n.month) FROM analytics.mrr AS n) GROUP BY 1 HAVING count(m.ltv) > 0'),
('saas', 'customer_lifetime_value_by_cost_ratio', 'gauge', 'Lifetime value by cost of acquisition of a customer, of the last whole month.', '{currency}',
 'SELECT u.currency, avg(u.ltv) / nullif(sum(u.spend) / nullif(sum(u.new_customers), 0), 0) AS value FROM analytics.unit_economics AS u WHERE u.month = (date_trunc(''month'', current_date) - interval ''1 month'')::date GROUP BY 1 HAVING count(u.ltv) > 0'),
('saas', 'customers_active', 'gauge', 'Customers who pay for a subscription.', '{}',
 'SELECT sum(c.end_customers) AS value FROM analytics.customer_churn AS c WHERE c.month = (SELECT max(d.month) FROM analytics.customer_churn AS d) HAVING count(*) > 0'),
('saas', 'customers_new_total', 'counter', 'Customers who paid for the first time.', '{}',
 'SELECT sum(c.new_customers) AS value FROM analytics.customer_churn AS c HAVING count(*) > 0'),
('saas', 'customers_churned_total', 'counter', 'Customers whose last subscription ended.', '{}',
 'SELECT sum(c.churned_customers) AS value FROM analytics.customer_churn AS c HAVING count(*) > 0'),
('saas', 'customer_churn_ratio', 'gauge', 'Customers lost by customers at the beginning, of the last whole month.', '{}',
 'SELECT sum(c.churned_customers) / nullif(sum(c.start_customers), 0) AS value FROM analytics.customer_churn AS c WHERE c.month = (SELECT max(d.month) FROM analytics.customer_churn AS d WHERE d.final_at <= now()) HAVING sum(c.start_customers) > 0'),
('saas', 'trial_conversion_ratio', 'gauge', 'Trials that were paid by trials, of those that began in the last whole month.', '{}',
 'SELECT sum(t.converted) / sum(t.trials) AS value FROM analytics.trial_conversion AS t WHERE t.cohort_month = (date_trunc(''month'', current_date) - interval ''1 month'')::date HAVING sum(t.trials) > 0'),
('saas', 'activation_ratio', 'gauge', 'Activated users by sign-ups, of the last week that is final.', '{}',
 'SELECT sum(a.activated) / sum(a.signups) AS value FROM analytics.activation_rate AS a WHERE a.cohort_week = (SELECT max(b.cohort_week) FROM analytics.activation_rate AS b WHERE b.final_at <= now()) HAVING sum(a.signups) > 0'),
('saas', 'time_to_first_value_seconds', 'gauge', 'The median time from sign-up to first value, of the sign-ups of the last 90 days.', '{}',
 'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM u.value_reached_at - u.signed_up_at)) AS value FROM analytics.user_milestones AS u WHERE u.signed_up_at > now() - interval ''90 days'' HAVING count(u.value_reached_at) > 0'),
('saas', 'nps_score', 'gauge', 'Net promoter score of the last 90 days, -100 to 100.', '{}',
 'SELECT 100 * sum(n.promoters - n.detractors) / sum(n.responses) AS value FROM analytics.nps AS n WHERE n.day = (SELECT max(m.day) FROM analytics.nps AS m) HAVING sum(n.responses) > 0'),
('saas', 'nps_responses', 'gauge', 'Answers of the last 90 days by category.', '{category}',
 'SELECT c.category, sum(c.answers) AS value FROM analytics.nps AS n CROSS JOIN LATERAL (VALUES (''promoter'', n.promoters), (''passive'', n.passives), (''detractor'', n.detractors)) AS c (category, answers) WHERE n.day = (SELECT max(m.day) FROM analytics.nps AS m) GROUP BY 1'),
('saas', 'csat_score', 'gauge', 'The mean satisfaction of the last 30 days, 1 to 5.', '{}',
 'SELECT sum(c.mean_score * c.responses) / sum(c.responses) AS value FROM analytics.csat AS c WHERE c.day = (SELECT max(d.day) FROM analytics.csat AS d) HAVING sum(c.responses) > 0'),
('saas', 'csat_satisfied_ratio', 'gauge', 'Answers of 4 or 5 by answers, of the last 30 days.', '{}',
 'SELECT sum(c.satisfied) / sum(c.responses) AS value FROM analytics.csat AS c WHERE c.day = (SELECT max(d.day) FROM analytics.csat AS d) HAVING sum(c.responses) > 0'),
('saas', 'feature_users', 'gauge', 'Different users of each feature in the last 30 days.', '{feature}',
 'SELECT f.feature, sum(f.users) AS value FROM analytics.feature_adoption AS f GROUP BY 1'),
('saas', 'feature_uses_total', 'counter', 'Uses of each feature.', '{feature}',
 'SELECT f.feature, sum(f.uses) AS value FROM analytics.feature_usage AS f GROUP BY 1'),
('saas', 'user_logins_total', 'counter', 'Logins.', '{}',
 'SELECT sum(s.logins) AS value FROM analytics.sessions_daily AS s HAVING count(*) > 0'),
('saas', 'session_duration_seconds', 'gauge', 'The mean duration of the sessions of yesterday.', '{}',
 'SELECT sum(s.mean_seconds * s.sessions) / sum(s.sessions) AS value FROM analytics.sessions_daily AS s WHERE s.day = current_date - 1 HAVING sum(s.sessions) > 0'),
('saas', 'session_actions', 'gauge', 'Actions of a session of yesterday, on average.', '{}',
 'SELECT sum(s.actions) / sum(s.sessions) AS value FROM analytics.sessions_daily AS s WHERE s.day = current_date - 1 HAVING sum(s.sessions) > 0'),
('saas', 'customer_health_score', 'gauge', 'The health score of the 20 customers who have the lowest, 0 to 100.', '{tenant,customer}',
 'SELECT h.company_id AS tenant, h.customer_id AS customer, h.score AS value FROM analytics.customer_health AS h WHERE h.score IS NOT NULL ORDER BY h.score, h.company_id, h.customer_id LIMIT 20'),
('saas', 'customer_health_score_average', 'gauge', 'The mean health score of the customers, 0 to 100.', '{}',
 'SELECT avg(h.score) AS value FROM analytics.customer_health AS h HAVING count(h.score) > 0'),
('saas', 'customer_engagement_score_average', 'gauge', 'The mean of the component engagement of the customers, 0 to 100.', '{}',
 'SELECT avg(h.engagement) AS value FROM analytics.customer_health AS h HAVING count(h.engagement) > 0'),
('saas', 'customers_by_health', 'gauge', 'Customers by the band of their health score.', '{band}',
 'SELECT h.band, count(*) AS value FROM analytics.customer_health AS h WHERE h.band IS NOT NULL GROUP BY 1');

-- A sample company -------------------------------------------------------------------------------------

-- Who comes on a day depends on the day and the seed alone, so a history may be made longer later, and one
-- that is there already is not stored again.
CREATE FUNCTION bizmetrics.generate_sample_saas(days integer, seed integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET jit = off AS $$
DECLARE
  batch jsonb;
  made bigint := 0;
BEGIN
  PERFORM bizmetrics.check_sample(days, seed);
  FOR batch IN
    WITH customers AS (
      SELECT format('customer-%s-%s', to_char(d.day, 'YYMMDD'), n) AS customer, d.day + interval '8 hours' * bizmetrics.sample_random(seed, d.day::date || 'hour' || n) + interval '8 hours' AS came_at
      FROM generate_series(current_date - days, current_date, interval '1 day') AS d (day),
           generate_series(1, floor(bizmetrics.sample_random(seed, 'customers' || d.day::date) * 2)::integer) AS n
    ),
    drawn AS (
      SELECT c.*, bizmetrics.sample_random(seed, c.customer || 'plan') AS plan_draw,
             CASE WHEN bizmetrics.sample_random(seed, c.customer || 'currency') < 0.3 THEN 'EUR' ELSE 'USD' END AS currency,
             c.came_at + interval '14 days' AS due_at,
             bizmetrics.sample_random(seed, c.customer || 'converts') < 0.5 AS converts,
             -- Of those who pay, one in 20 leaves each month.
             1 + floor(ln(1 - bizmetrics.sample_random(seed, c.customer || 'months')) / ln(0.95))::integer AS months,
             1 + floor(bizmetrics.sample_random(seed, c.customer || 'users') * 4)::integer AS users,
             (ARRAY['search', 'ads', 'content', 'referral', 'direct'])[1 + floor(bizmetrics.sample_random(seed, c.customer || 'channel') * 5)::integer] AS channel
      FROM customers AS c
    ),
    planned AS (
      SELECT d.*, d.due_at + d.months * interval '30 days' AS left_at,
             CASE WHEN d.plan_draw < 0.5 THEN 'basic' WHEN d.plan_draw < 0.85 THEN 'team' ELSE 'business' END AS plan,
             CASE WHEN d.plan_draw < 0.5 THEN 29 WHEN d.plan_draw < 0.85 THEN 99 WHEN d.plan_draw < 0.93 THEN 299 ELSE 2990 END AS amount,
             CASE WHEN d.plan_draw < 0.93 THEN 'month' ELSE 'year' END AS every
      FROM drawn AS d
    ),
    members AS (
      SELECT p.*, format('%s-user-%s', p.customer, u) AS member, p.came_at + (u - 1) * interval '30 hours' AS joined_at,
             CASE WHEN p.converts THEN p.left_at ELSE p.due_at END AS gone_at
      FROM planned AS p, generate_series(1, p.users) AS u
    ),
    days_of_members AS (
      SELECT m.customer, m.member, m.joined_at, m.converts, m.due_at,
             date_trunc('day', d.at) + interval '7 hours' + interval '11 hours' * bizmetrics.sample_random(seed, m.member || d.at::date) AS at
      FROM members AS m, generate_series(m.joined_at, least(m.gone_at, now()), interval '1 day') AS d (at)
      WHERE bizmetrics.sample_random(seed, m.member || 'active' || d.at::date) < CASE WHEN m.converts THEN 0.35 ELSE 0.2 END
    ),
    visits AS (
      SELECT v.* FROM days_of_members AS v WHERE v.at >= v.joined_at
    ),
    events (event_name, at, customer, member, subscription, properties) AS (
      SELECT 'trial_started', p.came_at, p.customer, p.customer || '-user-1', p.customer || '-1', jsonb_build_object('plan', p.plan) FROM planned AS p
      UNION ALL
      SELECT 'subscription_started', p.due_at, p.customer, p.customer || '-user-1', p.customer || '-1',
             jsonb_build_object('plan', p.plan, 'amount', p.amount, 'interval', p.every, 'currency', p.currency)
      FROM planned AS p WHERE p.converts
      UNION ALL
      SELECT 'subscription_changed', p.due_at + c.months * interval '30 days', p.customer, p.customer || '-user-1', p.customer || '-1',
             jsonb_build_object('plan', p.plan, 'amount', p.amount, 'quantity', c.quantity, 'interval', p.every, 'currency', p.currency)
      FROM planned AS p, (VALUES ('grows', 2, 0.5, 2), ('shrinks', 4, 0.3, 1), ('grows again', 7, 0.3, 3)) AS c (name, months, share, quantity)
      WHERE p.converts AND c.months < p.months AND bizmetrics.sample_random(seed, p.customer || c.name) < c.share
      UNION ALL
      SELECT 'subscription_cancelled', p.left_at - interval '5 days', p.customer, p.customer || '-user-1', p.customer || '-1',
             jsonb_build_object('ends_at', to_char(p.left_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
      FROM planned AS p WHERE p.converts
      UNION ALL
      SELECT 'subscription_started', p.left_at + interval '50 days', p.customer, p.customer || '-user-1', p.customer || '-2',
             jsonb_build_object('plan', p.plan, 'amount', p.amount, 'interval', p.every, 'currency', p.currency)
      FROM planned AS p WHERE p.converts AND bizmetrics.sample_random(seed, p.customer || 'returns') < 0.15
      UNION ALL
      SELECT 'user_signed_up', m.joined_at, m.customer, m.member, NULL, jsonb_build_object('channel', m.channel) FROM members AS m
      UNION ALL
      SELECT f.event_name, m.joined_at + interval '1 day' * f.within * bizmetrics.sample_random(seed, m.member || f.event_name || 'at'), m.customer, m.member, NULL, '{}'
      FROM members AS m, (VALUES ('user_activated', 0.6, 10), ('value_reached', 0.5, 20)) AS f (event_name, share, within)
      WHERE bizmetrics.sample_random(seed, m.member || f.event_name) < f.share
      UNION ALL
      SELECT 'user_logged_in', v.at, v.customer, v.member, NULL, '{}' FROM visits AS v
      UNION ALL
      SELECT 'feature_used', v.at + n * interval '7 minutes', v.customer, v.member, NULL,
             jsonb_build_object('feature', (ARRAY['editor', 'search', 'export', 'share', 'comments', 'calendar', 'reports', 'api keys', 'audit log', 'themes', 'import', 'webhooks'])
                                             [1 + floor(12 * bizmetrics.sample_random(seed, v.member || n || v.at) * bizmetrics.sample_random(seed, v.member || v.at::date || n))::integer])
      FROM visits AS v, generate_series(1, floor(4 * bizmetrics.sample_random(seed, v.member || 'uses' || v.at::date))::integer) AS n
      UNION ALL
      SELECT o.event_name, v.at + interval '20 minutes', v.customer, v.member, NULL,
             CASE o.event_name
               WHEN 'nps_answered' THEN jsonb_build_object('score', least(10, 4 + floor(8 * bizmetrics.sample_random(seed, v.member || 'score' || v.at))::integer))
               WHEN 'csat_answered' THEN jsonb_build_object('score', least(5, 2 + floor(5 * bizmetrics.sample_random(seed, v.member || 'score' || v.at))::integer))
               ELSE '{}' END
      FROM visits AS v, (VALUES ('nps_answered', 0.02), ('csat_answered', 0.03), ('ticket_created', 0.04), ('item_created', 0.08), ('backup_created', 0.02), ('api_called', 0.15), ('payment_failed', 0.004)) AS o (event_name, share)
      WHERE bizmetrics.sample_random(seed, v.member || o.event_name || v.at::date) < o.share
      UNION ALL
      SELECT 'marketing_spent', d.day + interval '6 hours', NULL, NULL, NULL,
             jsonb_build_object('channel', c.channel, 'currency', c.currency, 'amount', round((c.daily * (0.5 + bizmetrics.sample_random(seed, 'spent' || c.channel || d.day::date)))::numeric, 2))
      FROM generate_series(current_date - days, current_date, interval '1 day') AS d (day),
           (VALUES ('ads', 'USD', 40), ('content', 'USD', 15), ('ads', 'EUR', 12)) AS c (channel, currency, daily)
    ),
    numbered AS (
      SELECT e.*, (row_number() OVER (ORDER BY e.at, e.event_name, e.customer, e.member, e.properties) - 1) / 1000 AS batch
      FROM events AS e
      WHERE e.at < date_trunc('hour', now())
    )
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('event_name', n.event_name, 'occurred_at', n.at, 'company_id', n.customer, 'actor_user_id', n.member,
             'entity_type', CASE WHEN n.subscription IS NOT NULL THEN 'subscription' END, 'entity_id', n.subscription, 'properties', n.properties,
             'dedupe_key', format('sample:saas:%s:%s', seed, md5(concat_ws(':', n.event_name, n.at, n.customer, n.member, n.properties))))) ORDER BY n.at)
    FROM numbered AS n
    GROUP BY n.batch
    ORDER BY n.batch
  LOOP
    PERFORM bizmetrics.log_events(batch);
    made := made + jsonb_array_length(batch);
  END LOOP;
  RETURN made;
END
$$;
COMMENT ON FUNCTION bizmetrics.generate_sample_saas(integer, integer) IS
'Logs what happened in the last days at a company that sells subscriptions and does not exist, up to the current hour, and returns how many events that are. A seed always gives the same: events that are there already, by their dedupe keys, are not stored again. Errors: 22004 NULL; 22023 days is not from 1 to 3660; 42501 no right to log; those of log_events().';
