-- The pack growth: where users come from, what they cost, and whether they stay.
--
-- acquired_users has a row a user, computed from all of the user's events, whatever the window, whenever one of
-- them is new: so $1 and $2 say nothing there, and the grain names the users. What is counted by cohort reads it
-- whole.
--
-- Shorthand in queries and descriptions of columns is that of the pack saas; [tenant] and [parameter name]
-- here, and
--   [first key]   a property of a user's first sign-up
--   [milestones]  the names of all events that acquired_users reads, and known to the planner
--   [of key]      a property of an e-mail's event
--   [funnel]      the steps of the funnel, a FROM item of step, name and event_name, as the events are called here
--   [levels]      a WITH of steps(names) and of levels(level, reached): which steps who is on a level has reached

INSERT INTO bizmetrics.available_packs (pack, title, description) VALUES ('growth', 'Growth and marketing',
'Sign-ups and where they come from, activation, the funnel, cohorts, spending and what it brings, campaigns, landing pages and referrals. The user is the event''s actor_user_id, and company_id the tenant whose user this is; where companies are the customers of a single business, set the parameter company to none. A user''s channel is that of the first sign-up. Currencies are kept apart. Ratios are from 0 to 1 and NULL where nothing is divided by; days, weeks and months are those of the pack''s time zone.');

INSERT INTO bizmetrics.pack_parameters (pack, name, standard, choices, most, meaning) VALUES
('growth', 'company', '"tenant"', '{tenant,none}', NULL, 'What company_id of an event is: the tenant, for each of whom there are rows, or none, for it is the user''s company.'),
('growth', 'currency', '"USD"', NULL, NULL, 'The currency of what names none.'),
('growth', 'activation_days', '7', NULL, 3660, 'Within how many days of the sign-up an activation counts.'),
('growth', 'funnel_days', '30', NULL, 3660, 'Within how many days of the sign-up the steps of the funnel count.'),
('growth', 'funnel_steps', '["user_signed_up", "user_activated", "trial_started", "payment_received"]', NULL, NULL, 'The events that are the steps of the funnel, the sign-up first, at most 32.'),
('growth', 'retention_months', '12', NULL, 120, 'How many months cohorts are followed.'),
('growth', 'organic_channels', '["organic", "direct", "search", "referral", "unknown"]', NULL, NULL, 'The channels that are not paid for.');

-- Events ---------------------------------------------------------------------------------------------

-- What both packs read is described once.
INSERT INTO bizmetrics.pack_events (pack, event_name, description, properties_schema)
SELECT 'growth', e.event_name, e.description, e.properties_schema
FROM bizmetrics.pack_events AS e
WHERE e.pack = 'saas' AND e.event_name IN ('user_signed_up', 'user_activated', 'user_logged_in', 'trial_started', 'marketing_spent');

INSERT INTO bizmetrics.pack_events (pack, event_name, description, properties_schema) VALUES
('growth', 'payment_received', 'A user paid; the actor is the user. What is paid back is a negative amount.', '{"type": "object", "required": ["amount"], "properties": {
  "amount": {"type": ["number", "string"], "description": "How much."},
  "currency": {"type": "string", "description": "ISO 4217; the parameter currency if missing."}}}'),
('growth', 'landing_page_visited', 'Somebody came to a page; the actor is the visitor, known or not.', '{"type": "object", "required": ["page"], "properties": {
  "page": {"type": "string", "description": "The page."}}}'),
('growth', 'referral_sent', 'A user invited somebody; the actor is the user.', '{"type": "object"}'),
('growth', 'referral_completed', 'Somebody accepted an invitation.', '{"type": "object"}'),
('growth', 'email_sent', 'An e-mail of a campaign was sent; the actor is who gets it.', '{"type": "object", "required": ["campaign"], "properties": {
  "campaign": {"type": "string", "description": "The campaign."},
  "recipient": {"type": "string", "description": "Who gets it, where that is no user."}}}'),
('growth', 'email_delivered', 'An e-mail of a campaign arrived.', '{"type": "object", "required": ["campaign"], "properties": {
  "campaign": {"type": "string", "description": "The campaign."},
  "recipient": {"type": "string", "description": "Who got it, where that is no user."}}}'),
('growth', 'email_opened', 'An e-mail of a campaign was opened.', '{"type": "object", "required": ["campaign"], "properties": {
  "campaign": {"type": "string", "description": "The campaign."},
  "recipient": {"type": "string", "description": "Who opened it, where that is no user."}}}'),
('growth', 'email_clicked', 'A link in an e-mail of a campaign was followed.', '{"type": "object", "required": ["campaign"], "properties": {
  "campaign": {"type": "string", "description": "The campaign."},
  "recipient": {"type": "string", "description": "Who followed it, where that is no user."}}}'),
('growth', 'email_converted', 'Who got an e-mail of a campaign did what it asked for.', '{"type": "object", "required": ["campaign"], "properties": {
  "campaign": {"type": "string", "description": "The campaign."},
  "recipient": {"type": "string", "description": "Who did it, where that is no user."}}}');

-- Reports --------------------------------------------------------------------------------------------

INSERT INTO bizmetrics.pack_reports (pack, report_name, description, key, bucket, schedule, strategy, events, after, grain, source, source_time, query, columns)
WITH raw (report_name, description, key, bucket, schedule, strategy, events, after, query, columns) AS (VALUES

('acquired_users', 'Each user: when and from where the user came, and how far. Other reports of the pack are computed from it.',
 '{company_id,user_id}'::text[], interval '1 day', '*/15 * * * *', 'merge', '{user_signed_up,user_activated,growth.funnel_steps}'::text[], NULL::text[], $query$
WITH steps AS MATERIALIZED (SELECT f.step, f.event_name FROM [funnel] AS f)
SELECT [tenant] AS company_id, b.actor_user_id AS user_id,
       min(b.occurred_at) FILTER (WHERE b.event_name = {{user_signed_up}}) AS signed_up_at,
       coalesce(nullif(lower([first channel]), ''), 'unknown') AS channel,
       coalesce([first campaign], '') AS campaign,
       coalesce([first landing_page], '') AS landing_page,
       [first referred_by] AS referred_by,
       (bizmetrics.window_funnel_times('100 years', b.occurred_at, b.event_name = {{user_signed_up}}, b.event_name = {{user_activated}}))[2] AS activated_at,
       bizmetrics.window_funnel(make_interval(days => [parameter funnel_days]::numeric::integer), b.occurred_at,
         VARIADIC (SELECT array_agg(b.event_name = f.event_name ORDER BY f.step) FROM steps AS f)) AS funnel_level
FROM public.business_events AS b
WHERE b.event_name = ANY ([milestones]) AND b.actor_user_id IS NOT NULL AND $1 < $2
GROUP BY 1, 2
HAVING count(*) FILTER (WHERE b.event_name = {{user_signed_up}}) > 0
$query$, $columns$
company_id
user_id | The user.
signed_up_at | When the user signed up first.
channel | The channel of that sign-up, in small letters; unknown: none was named.
campaign | Its campaign; empty: none was named.
landing_page | Its landing page; empty: none was named.
referred_by | Who referred the user; NULL: nobody.
activated_at | The first activation after that; NULL: none yet.
funnel_level | How many of funnel_steps the user did one after the other within funnel_days of the first of them.
$columns$),

('signups_by_channel', 'Sign-ups of a day by channel, and how many of them were activated within activation_days (7).',
 '{company_id,channel,day}', NULL, '*/15 * * * *', 'full', NULL, '{acquired_users}', $query$
SELECT u.company_id, u.channel, u.signed_up_at::date AS day,
       NOT [parameter organic_channels]::jsonb ? u.channel AS is_paid,
       count(*) AS signups,
       count(*) FILTER (WHERE u.activated_at <= u.signed_up_at + d.within) AS activated,
       round(count(*) FILTER (WHERE u.activated_at <= u.signed_up_at + d.within)::numeric / count(*), 6) AS activation_rate,
       (u.signed_up_at::date + 1)::timestamptz + d.within AS final_at
FROM analytics.acquired_users AS u,
     (SELECT make_interval(hours => 24 * [parameter activation_days]::numeric::integer)) AS d (within)
GROUP BY u.company_id, u.channel, u.signed_up_at::date, d.within
$query$, $columns$
company_id
channel | The channel that brought the users.
day | The day of the sign-up.
is_paid | Whether the channel is none of organic_channels.
signups | Users who signed up for the first time.
activated | Those of them who were activated within activation_days of 24 hours.
activation_rate | activated / signups. | ratio from 0 to 1 | D-22
final_at | When the last of them has had that time; activated may grow until then.
$columns$),

('signup_funnel', 'How far the users who signed up in a week came through funnel_steps within funnel_days (30) of the first of them: a row a step.',
 '{company_id,cohort_week,step}', NULL, '*/15 * * * *', 'full', NULL, '{acquired_users}', $query$
[levels],
entered AS (
  SELECT u.company_id, date_trunc('week', u.signed_up_at)::date AS cohort_week, bizmetrics.retention_count(l.reached) AS users
  FROM analytics.acquired_users AS u
  JOIN levels AS l ON l.level = u.funnel_level
  GROUP BY 1, 2
)
SELECT e.company_id, e.cohort_week, s.step, f.names[s.step] AS event, e.users[s.step] AS users,
       round(e.users[s.step]::numeric / nullif(e.users[s.step - 1], 0), 6) AS conversion_rate,
       round(e.users[s.step]::numeric / nullif(e.users[1], 0), 6) AS total_conversion_rate,
       (e.cohort_week + 7)::timestamptz + make_interval(hours => 24 * [parameter funnel_days]::numeric::integer) AS final_at
FROM entered AS e, steps AS f, generate_subscripts(f.names, 1) AS s (step)
$query$, $columns$
company_id
cohort_week | The Monday that begins the week of the sign-ups.
step | The number of the step, from 1.
event | What the step is.
users | Users who came at least as far, each step after the one before.
conversion_rate | users / users of the step before; NULL for the first. | ratio from 0 to 1
total_conversion_rate | users / users of the first step. | ratio from 0 to 1
final_at | When the last of them has had that time; users may grow until then.
$columns$),

('funnel_daily', 'How far the users who signed up on a day of the last two years came through funnel_steps within funnel_days (30) of the first of them: a row a step.',
 '{company_id,day,step}', NULL, '*/15 * * * *', 'full', NULL, '{acquired_users}', $query$
[levels],
entered AS (
  SELECT u.company_id, u.signed_up_at::date AS day, bizmetrics.retention_count(l.reached) AS users
  FROM analytics.acquired_users AS u
  JOIN levels AS l ON l.level = u.funnel_level
  WHERE u.signed_up_at >= current_date - 730
  GROUP BY 1, 2
)
SELECT e.company_id, e.day, s.step, f.names[s.step] AS event, e.users[s.step] AS users,
       round(e.users[s.step]::numeric / nullif(e.users[s.step - 1], 0), 6) AS conversion_rate,
       round(e.users[s.step]::numeric / nullif(e.users[1], 0), 6) AS total_conversion_rate,
       (e.day + 1)::timestamptz + make_interval(hours => 24 * [parameter funnel_days]::numeric::integer) AS final_at
FROM entered AS e, steps AS f, generate_subscripts(f.names, 1) AS s (step)
$query$, $columns$
company_id
day | The day of the sign-up.
step | The number of the step, from 1.
event | What the step is.
users | Users who came at least as far, each step after the one before.
conversion_rate | users / users of the step before; NULL for the first. | ratio from 0 to 1
total_conversion_rate | users / users of the first step. | ratio from 0 to 1
final_at | When the last of them has had that time; users may grow until then.
$columns$),

('active_months', 'The months in which each user logged in. cohort_retention and referrals are computed from it.',
 '{company_id,user_id,month}', '1 month', '*/15 * * * *', NULL, '{user_logged_in}', NULL, $query$
SELECT [tenant] AS company_id, actor_user_id AS user_id, date_trunc('month', occurred_at)::date AS month,
       count(*) AS logins,
       max(occurred_at) AS last_at
FROM public.business_events
WHERE event_name = {{user_logged_in}} AND occurred_at >= $1 AND occurred_at < $2 AND actor_user_id IS NOT NULL
GROUP BY 1, 2, 3
$query$, $columns$
company_id
user_id | The user.
month | The first day of the month.
logins | How often the user logged in.
last_at | When the last time was.
$columns$),

('cohort_retention', 'Of the users who signed up in a month, how many logged in so many months later: a row a cohort and period.',
 '{company_id,cohort_month,period}', NULL, '*/30 * * * *', 'full', NULL, '{acquired_users,active_months}', $query$
WITH users AS NOT MATERIALIZED (
  -- OFFSET computes each user's month once, and the planner still knows how many users there are.
  SELECT u.company_id, u.user_id, u.signed_up_at, date_trunc('month', u.signed_up_at)::date AS cohort_month
  FROM analytics.acquired_users AS u
  OFFSET 0
),
cohorts AS (
  SELECT u.company_id, u.cohort_month, count(*) AS size
  FROM users AS u
  GROUP BY 1, 2
),
returned AS (
  SELECT u.company_id, u.cohort_month, a.month, count(*) AS users
  FROM users AS u
  JOIN analytics.active_months AS a ON a.company_id = u.company_id AND a.user_id = u.user_id AND a.last_at >= u.signed_up_at
  GROUP BY 1, 2, 3
),
-- Months and their states are the same for all companies.
periods AS MATERIALIZED (
  SELECT m.cohort_month, m.period, m.month,
         CASE WHEN m.month > current_date THEN 'future' WHEN m.month + interval '1 month' > localtimestamp THEN 'in_progress' ELSE 'complete' END AS state
  FROM (SELECT c.cohort_month, p.period, (c.cohort_month + make_interval(months => p.period))::date AS month
        FROM (SELECT DISTINCT d.cohort_month FROM cohorts AS d) AS c, generate_series(0, [parameter retention_months]::numeric::integer) AS p (period)) AS m
)
SELECT c.company_id, c.cohort_month, p.period, c.size,
       CASE WHEN p.state <> 'future' THEN coalesce(r.users, 0) END AS retained,
       CASE WHEN p.state <> 'future' THEN round(coalesce(r.users, 0)::numeric / c.size, 6) END AS retention_rate,
       p.state
FROM cohorts AS c
JOIN periods AS p USING (cohort_month)
LEFT JOIN returned AS r ON r.company_id = c.company_id AND r.cohort_month = c.cohort_month AND r.month = p.month
$query$, $columns$
company_id
cohort_month | The first day of the month of the sign-ups.
period | How many calendar months later; 0: in the month itself, after the sign-up.
size | Users who signed up for the first time.
retained | Those of them who logged in in that month; NULL: it is yet to come.
retention_rate | retained / size. | ratio from 0 to 1
state | complete, in_progress: the month lasts, or future.
$columns$),

-- What comes in
('user_revenue', 'What each user paid on a day. revenue_by_channel and channel_performance are computed from it.',
 '{company_id,currency,user_id,day}', '1 day', '*/15 * * * *', NULL, '{payment_received}', NULL, $query$
SELECT [tenant] AS company_id,
       upper(coalesce(properties ->> {{payment_received.currency}}, [parameter currency])) AS currency,
       coalesce(actor_user_id, '') AS user_id,
       occurred_at::date AS day,
       count(*) AS payments,
       sum(bizmetrics.number_in(properties, {{payment_received.amount}})) AS revenue
FROM public.business_events
WHERE event_name = {{payment_received}} AND occurred_at >= $1 AND occurred_at < $2
  AND bizmetrics.number_in(properties, {{payment_received.amount}}) IS NOT NULL
GROUP BY 1, 2, 3, 4
$query$, $columns$
company_id
currency
user_id | The user; empty: the payment named none.
day | The day.
payments | Payments.
revenue | What they add up to. | currency
$columns$),

('revenue_by_channel', 'Revenue of a day by the channel that brought the users who paid.',
 '{company_id,currency,channel,day}', NULL, '*/15 * * * *', 'full', NULL, '{user_revenue,acquired_users}', $query$
SELECT r.company_id, r.currency, coalesce(u.channel, 'unknown') AS channel, r.day,
       sum(r.payments)::bigint AS payments, count(*) AS payers, sum(r.revenue) AS revenue
FROM analytics.user_revenue AS r
LEFT JOIN analytics.acquired_users AS u ON u.company_id = r.company_id AND u.user_id = r.user_id
GROUP BY 1, 2, 3, 4
$query$, $columns$
company_id
currency
channel | The channel of the first sign-up; unknown: none was named, or the user never signed up.
day | The day of the payments.
payments | Payments.
payers | Users who paid.
revenue | What they paid. | currency
$columns$),

('marketing_spend', 'What was spent on marketing on a day, by channel and campaign.',
 '{company_id,currency,channel,campaign,day}', '1 day', '*/15 * * * *', NULL, '{marketing_spent}', NULL, $query$
SELECT [tenant] AS company_id,
       upper(coalesce(properties ->> {{marketing_spent.currency}}, [parameter currency])) AS currency,
       coalesce(nullif(lower(properties ->> {{marketing_spent.channel}}), ''), 'unknown') AS channel,
       coalesce(properties ->> {{marketing_spent.campaign}}, '') AS campaign,
       occurred_at::date AS day,
       sum(coalesce(bizmetrics.number_in(properties, {{marketing_spent.amount}}), 0)) AS spend,
       sum(bizmetrics.number_in(properties, {{marketing_spent.impressions}})) AS impressions,
       sum(bizmetrics.number_in(properties, {{marketing_spent.clicks}})) AS clicks
FROM public.business_events
WHERE event_name = {{marketing_spent}} AND occurred_at >= $1 AND occurred_at < $2
GROUP BY 1, 2, 3, 4, 5
$query$, $columns$
company_id
currency
channel | The channel, in small letters; unknown: none was named.
campaign | The campaign; empty: none was named.
day | The day.
spend | What was spent. | currency
impressions | How often it was seen; NULL: nobody said.
clicks | How often it was clicked; NULL: nobody said.
$columns$),

('channel_performance', 'What a channel cost and brought in a month, by currency. Sign-ups and customers have no currency: with spending in two, each is set against all of them.',
 '{company_id,currency,channel,month}', NULL, '*/15 * * * *', 'full', NULL, '{marketing_spend,revenue_by_channel,signups_by_channel}', $query$
WITH spent AS (
  SELECT m.company_id, m.currency, m.channel, date_trunc('month', m.day)::date AS month, sum(m.spend) AS spend
  FROM analytics.marketing_spend AS m
  GROUP BY 1, 2, 3, 4
),
earned AS (
  SELECT r.company_id, r.currency, r.channel, date_trunc('month', r.day)::date AS month, sum(r.revenue) AS revenue
  FROM analytics.revenue_by_channel AS r
  GROUP BY 1, 2, 3, 4
),
signed_up AS (
  SELECT s.company_id, s.channel, date_trunc('month', s.day)::date AS month, sum(s.signups)::bigint AS signups
  FROM analytics.signups_by_channel AS s
  GROUP BY 1, 2, 3
),
customers AS (
  SELECT f.company_id, coalesce(u.channel, 'unknown') AS channel, date_trunc('month', f.first_day)::date AS month, count(*) AS new_customers
  FROM (SELECT r.company_id, r.user_id, min(r.day) AS first_day FROM analytics.user_revenue AS r WHERE r.revenue > 0 AND r.user_id <> '' GROUP BY 1, 2) AS f
  LEFT JOIN analytics.acquired_users AS u ON u.company_id = f.company_id AND u.user_id = f.user_id
  GROUP BY 1, 2, 3
),
joined AS (
  SELECT company_id, currency, channel, month, s.spend, e.revenue
  FROM spent AS s FULL JOIN earned AS e USING (company_id, currency, channel, month)
)
SELECT company_id, j.currency, channel, month, coalesce(j.spend, 0) AS spend, coalesce(j.revenue, 0) AS revenue,
       coalesce(s.signups, 0) AS signups, coalesce(c.new_customers, 0) AS new_customers,
       round(j.spend / nullif(s.signups, 0), 4) AS cpa,
       round(j.spend / nullif(c.new_customers, 0), 4) AS cac,
       round((coalesce(j.revenue, 0) - j.spend) / nullif(j.spend, 0), 6) AS roi,
       round(coalesce(j.revenue, 0) / nullif(j.spend, 0), 6) AS roas
FROM joined AS j
LEFT JOIN signed_up AS s USING (company_id, channel, month)
LEFT JOIN customers AS c USING (company_id, channel, month)
$query$, $columns$
company_id
currency
channel | The channel.
month | The first day of the month.
spend | What was spent on it. | currency
revenue | What users paid whom it had brought, whenever that was. | currency
signups | Users whom it brought.
new_customers | Users whom it had brought and who paid for the first time, in any currency.
cpa | Cost per acquisition: spend / signups; NULL where nothing was logged as spent. | currency | D-28
cac | Cost of acquiring a customer: spend / new_customers; NULL where nothing was logged as spent. | currency | D-15
roi | Return on investment: (revenue - spend) / spend. | ratio | D-28
roas | Return on advertising spend: revenue / spend. | ratio | D-28
$columns$),

-- Campaigns and pages
('campaign_recipients', 'What happened to the e-mails of a campaign on a day, by recipient. campaigns is computed from it.',
 '{company_id,campaign,recipient,day}', '1 day', '*/15 * * * *', NULL, '{email_sent,email_delivered,email_opened,email_clicked,email_converted}', NULL, $query$
SELECT [tenant] AS company_id, [of campaign] AS campaign, coalesce([of recipient], actor_user_id) AS recipient, occurred_at::date AS day,
       count(*) FILTER (WHERE event_name = {{email_sent}}) AS sent,
       count(*) FILTER (WHERE event_name = {{email_delivered}}) AS delivered,
       count(*) FILTER (WHERE event_name = {{email_opened}}) AS opened,
       count(*) FILTER (WHERE event_name = {{email_clicked}}) AS clicked,
       count(*) FILTER (WHERE event_name = {{email_converted}}) AS converted
FROM public.business_events
WHERE event_name IN ({{email_sent}}, {{email_delivered}}, {{email_opened}}, {{email_clicked}}, {{email_converted}}) AND occurred_at >= $1 AND occurred_at < $2
  AND [of campaign] IS NOT NULL AND coalesce([of recipient], actor_user_id) IS NOT NULL
GROUP BY 1, 2, 3, 4
$query$, $columns$
company_id
campaign | The campaign.
recipient | Who got them.
day | The day.
sent | E-mails sent.
delivered | E-mails that arrived.
opened | How often one was opened.
clicked | How often a link was followed.
converted | How often the recipient did what they asked for.
$columns$),

('campaigns', 'What became of the e-mails of each campaign. A recipient is counted once, whatever the day, and only if an e-mail was sent.',
 '{company_id,campaign}', '1 day', '*/15 * * * *', 'merge', NULL, NULL, $query$
WITH changed AS (
  SELECT DISTINCT r.company_id, r.campaign
  FROM analytics.campaign_recipients AS r
  WHERE r.day >= (SELECT $1::date) AND r.day < (SELECT $2::date)
),
counted AS (
  SELECT c.company_id, c.campaign, min(r.sent_on) AS first_sent_on, sum(r.sent)::bigint AS sent, sum(r.delivered)::bigint AS delivered, count(*) AS recipients,
         count(*) FILTER (WHERE r.has_opened) AS opened, count(*) FILTER (WHERE r.has_clicked) AS clicked, count(*) FILTER (WHERE r.has_converted) AS converted
  FROM changed AS c
  CROSS JOIN LATERAL (
    SELECT min(r.day) FILTER (WHERE r.sent > 0) AS sent_on, sum(r.sent) AS sent, sum(r.delivered) AS delivered,
           sum(r.opened) > 0 AS has_opened, sum(r.clicked) > 0 AS has_clicked, sum(r.converted) > 0 AS has_converted
    FROM analytics.campaign_recipients AS r
    WHERE r.company_id = c.company_id AND r.campaign = c.campaign
    GROUP BY r.recipient
    HAVING sum(r.sent) > 0) AS r
  GROUP BY 1, 2
)
SELECT c.*,
       round(c.opened::numeric / c.sent, 6) AS open_rate,
       round(c.clicked::numeric / c.sent, 6) AS click_rate,
       round(c.converted::numeric / c.sent, 6) AS conversion_rate,
       round(c.opened::numeric / nullif(c.delivered, 0), 6) AS delivered_open_rate,
       round(c.clicked::numeric / nullif(c.opened, 0), 6) AS click_to_open_rate
FROM counted AS c
$query$, $columns$
company_id
campaign | The campaign.
first_sent_on | The day on which the first e-mail was sent.
sent | E-mails sent.
delivered | E-mails that arrived.
recipients | Different recipients.
opened | Recipients who opened one.
clicked | Recipients who followed a link.
converted | Recipients who did what it asked for.
open_rate | opened / sent. | ratio | D-29
click_rate | clicked / sent. | ratio | D-29
conversion_rate | converted / sent. | ratio | D-29
delivered_open_rate | opened / delivered; NULL where no arrivals are logged. | ratio | D-29
click_to_open_rate | clicked / opened. | ratio
$columns$),

('landing_pages', 'Visits of a landing page on a day, and the sign-ups that came from it.',
 '{company_id,page,day}', '1 day', '*/15 * * * *', NULL, '{landing_page_visited,user_signed_up}', NULL, $query$
WITH pages AS (
  SELECT [tenant] AS company_id, properties ->> {{landing_page_visited.page}} AS page, occurred_at::date AS day, actor_user_id, true AS is_visit
  FROM public.business_events
  WHERE event_name = {{landing_page_visited}} AND occurred_at >= $1 AND occurred_at < $2
  UNION ALL
  SELECT [tenant], properties ->> {{user_signed_up.landing_page}}, occurred_at::date, actor_user_id, false
  FROM public.business_events
  WHERE event_name = {{user_signed_up}} AND occurred_at >= $1 AND occurred_at < $2
)
SELECT p.company_id, p.page, p.day,
       count(*) FILTER (WHERE p.is_visit) AS visits,
       count(DISTINCT p.actor_user_id) FILTER (WHERE p.is_visit) AS visitors,
       count(*) FILTER (WHERE NOT p.is_visit) AS conversions,
       round(count(*) FILTER (WHERE NOT p.is_visit)::numeric / nullif(count(*) FILTER (WHERE p.is_visit), 0), 6) AS conversion_rate
FROM pages AS p
WHERE p.page IS NOT NULL
GROUP BY 1, 2, 3
$query$, $columns$
company_id
page | The page.
day | The day.
visits | How often it was visited.
visitors | Different visitors who were known; not to be added over days.
conversions | Sign-ups that named it as theirs.
conversion_rate | conversions / visits; over several days, add both up before. | ratio
$columns$),

-- Referrals
('referral_counts', 'Invitations of a month. referrals is computed from it.',
 '{company_id,month}', '1 month', '*/15 * * * *', NULL, '{referral_sent,referral_completed}', NULL, $query$
SELECT [tenant] AS company_id, date_trunc('month', occurred_at)::date AS month,
       count(*) FILTER (WHERE event_name = {{referral_sent}}) AS invitations,
       count(DISTINCT actor_user_id) FILTER (WHERE event_name = {{referral_sent}}) AS inviters,
       count(*) FILTER (WHERE event_name = {{referral_completed}}) AS accepted
FROM public.business_events
WHERE event_name IN ({{referral_sent}}, {{referral_completed}}) AND occurred_at >= $1 AND occurred_at < $2
GROUP BY 1, 2
$query$, $columns$
company_id
month | The first day of the month.
invitations | Invitations sent.
inviters | Different users who sent one.
accepted | Invitations accepted, whenever they were sent.
$columns$),

('referrals', 'Invitations of a month and how far they carry.',
 '{company_id,month}', NULL, '*/15 * * * *', 'full', NULL, '{referral_counts,active_months,acquired_users}', $query$
WITH active AS (
  SELECT a.company_id, a.month, count(*) AS active_users
  FROM analytics.active_months AS a
  GROUP BY 1, 2
),
referred AS (
  SELECT u.company_id, date_trunc('month', u.signed_up_at)::date AS month, count(*) AS referred_signups
  FROM analytics.acquired_users AS u
  WHERE u.referred_by IS NOT NULL
  GROUP BY 1, 2
),
counted AS (
  SELECT company_id, month, coalesce(c.invitations, 0) AS invitations, coalesce(c.inviters, 0) AS inviters, coalesce(c.accepted, 0) AS accepted,
         coalesce(r.referred_signups, 0) AS referred_signups, coalesce(a.active_users, 0) AS active_users
  FROM analytics.referral_counts AS c
  FULL JOIN referred AS r USING (company_id, month)
  LEFT JOIN active AS a USING (company_id, month)
)
SELECT c.*,
       round(c.invitations::numeric / nullif(c.active_users, 0), 6) AS invitations_per_user,
       round(c.accepted::numeric / nullif(c.invitations, 0), 6) AS acceptance_rate,
       round(c.invitations::numeric / nullif(c.active_users, 0) * c.accepted / nullif(c.invitations, 0), 6) AS k_factor
FROM counted AS c
$query$, $columns$
company_id
month | The first day of the month.
invitations | Invitations sent.
inviters | Different users who sent one.
accepted | Invitations accepted, whenever they were sent.
referred_signups | Users who signed up and name who referred them.
active_users | Users who logged in.
invitations_per_user | invitations / active_users. | ratio | D-27
acceptance_rate | accepted / invitations. | ratio | D-27
k_factor | invitations_per_user x acceptance_rate: how many users a user brings. | ratio | D-27
$columns$)

)
SELECT 'growth', r.report_name, r.description, r.key, r.bucket, r.schedule, r.strategy, r.events, r.after, CASE WHEN r.strategy = 'merge' AND 'user_id' = ANY (r.key) THEN 'actor_user_id' END,
       w.source, w.source_time, btrim(q.query, E'\n'),
       (SELECT jsonb_object_agg(btrim(c.parts[1]), CASE
           WHEN c.parts[2] IS NOT NULL THEN jsonb_strip_nulls(jsonb_build_object('meaning', btrim(c.parts[2]), 'unit', nullif(btrim(c.parts[3]), ''),
                                                                                 'definition', nullif(btrim(c.parts[4]), ''), 'source', nullif(btrim(c.parts[5]), '')))
           WHEN btrim(c.parts[1]) = 'currency' THEN '{"meaning": "The currency of the amounts, which are not to be added over currencies.", "unit": "ISO 4217"}'
           ELSE '{"meaning": "The tenant; empty: the events named none."}' END)
        FROM regexp_split_to_table(btrim(r.columns, E'\n'), '\n') AS l (line), string_to_array(l.line, '|') AS c (parts))
FROM raw AS r
-- Tables of reports that are followed by the days that change in them
LEFT JOIN (VALUES ('campaigns', 'analytics.campaign_recipients', 'day')) AS w (report_name, source, source_time) USING (report_name),
LATERAL (SELECT replace(replace(replace(replace(r.query,
  -- Users are counted for all steps at once, as an array: nothing is to be sorted then.
  '[levels]', $levels$WITH steps AS MATERIALIZED (
  SELECT array_agg(f.name ORDER BY f.step) AS names
  FROM [funnel] AS f
),
levels AS (
  SELECT l.level, array_agg(l.level >= s.step ORDER BY s.step) AS reached
  FROM generate_series(0, 32) AS l (level), steps AS f, generate_subscripts(f.names, 1) AS s (step)
  GROUP BY 1
)$levels$),
  '[milestones]', $names$ARRAY[{{user_signed_up}}, {{user_activated}}, {{trial_started}}, {{payment_received}}]::text[] || translate([parameter funnel_steps], '[]', '{}')::text[]$names$),
  '[funnel]', $funnel$(
  SELECT f.step, f.name, coalesce(n.own_name, f.name) AS event_name
  FROM jsonb_array_elements_text([parameter funnel_steps]::jsonb) WITH ORDINALITY AS f (name, step)
  LEFT JOIN (VALUES ('user_signed_up', {{user_signed_up}}), ('user_activated', {{user_activated}}), ('trial_started', {{trial_started}}),
                    ('payment_received', {{payment_received}})) AS n (name, own_name) ON n.name = f.name)$funnel$),
  '[tenant]', $tenant$CASE WHEN [parameter company] = 'tenant' THEN coalesce(company_id, '') ELSE '' END$tenant$) AS query) AS t,
LATERAL (SELECT regexp_replace(t.query, '\[first (\w+)\]', '(array_agg(b.properties ->> {{user_signed_up.\1}} ORDER BY b.occurred_at, b.id) FILTER (WHERE b.event_name = {{user_signed_up}}))[1]', 'g') AS query) AS f,
LATERAL (SELECT regexp_replace(f.query, '\[of (\w+)\]',
  'properties ->> CASE event_name WHEN {{email_sent}} THEN {{email_sent.\1}} WHEN {{email_delivered}} THEN {{email_delivered.\1}} WHEN {{email_opened}} THEN {{email_opened.\1}}
            WHEN {{email_clicked}} THEN {{email_clicked.\1}} ELSE {{email_converted.\1}} END', 'g') AS query) AS o,
LATERAL (SELECT regexp_replace(o.query, '\[parameter (\w+)\]', '{{growth.\1}}', 'g') AS query) AS q;

-- Metrics --------------------------------------------------------------------------------------------

INSERT INTO bizmetrics.pack_metrics (pack, metric_name, type, help, labels, query) VALUES
('growth', 'marketing_spend_total', 'counter', 'What was spent on marketing, by channel.', '{currency,channel}',
 'SELECT m.currency, m.channel, sum(m.spend) AS value FROM analytics.marketing_spend AS m GROUP BY 1, 2'),
('growth', 'revenue_by_channel', 'gauge', 'Revenue of the last 30 days, by the channel that brought who paid.', '{currency,channel}',
 'SELECT r.currency, r.channel, sum(r.revenue) AS value FROM analytics.revenue_by_channel AS r WHERE r.day > current_date - 30 GROUP BY 1, 2'),
('growth', 'cost_per_acquisition', 'gauge', 'Spending by sign-ups, of the last whole month, by channel.', '{currency,channel}',
 'SELECT p.currency, p.channel, sum(p.spend) / sum(p.signups) AS value FROM analytics.channel_performance AS p WHERE p.cpa IS NOT NULL AND p.month = (date_trunc(''month'', current_date) - interval ''1 month'')::date GROUP BY 1, 2'),
('growth', 'return_on_investment_ratio', 'gauge', 'Revenue less spending by spending, of the last whole month, by channel.', '{currency,channel}',
 'SELECT p.currency, p.channel, (sum(p.revenue) - sum(p.spend)) / sum(p.spend) AS value FROM analytics.channel_performance AS p WHERE p.spend > 0 AND p.month = (date_trunc(''month'', current_date) - interval ''1 month'')::date GROUP BY 1, 2'),
('growth', 'users_signups_total', 'counter', 'Sign-ups by channel.', '{channel}',
 'SELECT s.channel, sum(s.signups) AS value FROM analytics.signups_by_channel AS s GROUP BY 1'),
('growth', 'users_registered', 'gauge', 'Users who ever signed up.', '{}',
 'SELECT sum(s.signups) AS value FROM analytics.signups_by_channel AS s HAVING count(*) > 0'),
('growth', 'users_activated_total', 'counter', 'Users who were activated in time after the sign-up.', '{}',
 'SELECT sum(s.activated) AS value FROM analytics.signups_by_channel AS s HAVING count(*) > 0'),
('growth', 'signup_funnel_users_total', 'counter', 'Users who reached each step of the funnel.', '{step}',
 'SELECT f.event AS step, sum(f.users) AS value FROM analytics.signup_funnel AS f GROUP BY 1'),
('growth', 'cohort_retention_ratio', 'gauge', 'Users of a month''s cohort who were active so many months later by its size, of the last twelve cohorts.', '{cohort,period}',
 'SELECT to_char(r.cohort_month, ''YYYY-MM'') AS cohort, r.period::text AS period, sum(r.retained) / sum(r.size) AS value FROM analytics.cohort_retention AS r WHERE r.state = ''complete'' AND r.period IN (0, 1, 3, 6, 12) AND r.cohort_month > current_date - interval ''13 months'' GROUP BY 1, 2'),
('growth', 'referrals_sent_total', 'counter', 'Invitations sent.', '{}',
 'SELECT sum(r.invitations) AS value FROM analytics.referrals AS r HAVING count(*) > 0'),
('growth', 'referrals_completed_total', 'counter', 'Invitations accepted.', '{}',
 'SELECT sum(r.accepted) AS value FROM analytics.referrals AS r HAVING count(*) > 0'),
('growth', 'referral_k_factor', 'gauge', 'How many users a user brought in the last whole month.', '{}',
 'SELECT sum(r.accepted) / nullif(sum(r.active_users), 0) AS value FROM analytics.referrals AS r WHERE r.month = (date_trunc(''month'', current_date) - interval ''1 month'')::date HAVING sum(r.active_users) > 0 AND sum(r.invitations) > 0'),
('growth', 'landing_page_visits_total', 'counter', 'Visits of each landing page.', '{page}',
 'SELECT p.page, sum(p.visits) AS value FROM analytics.landing_pages AS p GROUP BY 1'),
('growth', 'landing_page_conversions_total', 'counter', 'Sign-ups that came from each landing page.', '{page}',
 'SELECT p.page, sum(p.conversions) AS value FROM analytics.landing_pages AS p GROUP BY 1');

INSERT INTO bizmetrics.pack_metrics (pack, metric_name, type, help, labels, query)
SELECT 'growth', format('email_campaign_%s_total', m.what), 'counter', m.help, '{campaign}', format('SELECT c.campaign, sum(c.%I) AS value FROM analytics.campaigns AS c GROUP BY 1', m.what)
FROM (VALUES ('sent', 'E-mails sent, by campaign.'), ('opened', 'Recipients who opened an e-mail, by campaign.'),
             ('clicked', 'Recipients who followed a link, by campaign.'), ('converted', 'Recipients who did what was asked for, by campaign.')) AS m (what, help);

-- A sample company -------------------------------------------------------------------------------------

-- As generate_sample_saas(): who comes on a day depends on the day and the seed alone.
CREATE FUNCTION bizmetrics.generate_sample_growth(days integer, seed integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET jit = off AS $$
DECLARE
  batch jsonb;
  made bigint := 0;
BEGIN
  PERFORM bizmetrics.check_sample(days, seed);
  FOR batch IN
    WITH channels (channel, visits, signs_up, activates, pays, daily_spend, currency, page) AS (
      VALUES ('ads', 30, 0.05, 0.45, 0.12, 60, 'USD', '/pricing'), ('social', 14, 0.05, 0.4, 0.08, 20, 'USD', '/'), ('search', 24, 0.07, 0.6, 0.18, 0, 'USD', '/'),
             ('content', 12, 0.06, 0.6, 0.2, 15, 'EUR', '/guide'), ('email', 6, 0.1, 0.7, 0.25, 5, 'USD', '/offer'), ('direct', 10, 0.08, 0.65, 0.2, 0, 'USD', '/')
    ),
    sample_days AS (
      SELECT d.day::date AS day FROM generate_series(current_date - days, current_date, interval '1 day') AS d (day)
    ),
    visits AS (
      SELECT c.*, d.day, format('visitor-%s-%s-%s', c.channel, to_char(d.day, 'YYMMDD'), n) AS visitor,
             d.day + interval '24 hours' * bizmetrics.sample_random(seed, c.channel || d.day || 'visit' || n) AS at
      FROM channels AS c, sample_days AS d,
           generate_series(1, floor(c.visits * (0.5 + bizmetrics.sample_random(seed, c.channel || d.day)))::integer) AS n
    ),
    drawn AS (
      SELECT v.*, replace(v.visitor, 'visitor', 'user') AS member, v.at + interval '10 minutes' AS joined_at,
             bizmetrics.sample_random(seed, v.visitor || 'activates') < v.activates AS is_activated,
             bizmetrics.sample_random(seed, v.visitor || 'tries') < 0.6 AS tries,
             bizmetrics.sample_random(seed, v.visitor || 'pays') < v.pays / 0.4 AS is_payer,
             -- Whoever is not activated is gone after days, of the others one in seven each month.
             CASE WHEN bizmetrics.sample_random(seed, v.visitor || 'activates') < v.activates
                  THEN 30 * (1 + floor(ln(1 - bizmetrics.sample_random(seed, v.visitor || 'stays')) / ln(0.86))::integer) ELSE 5 END AS stays
      FROM visits AS v
      WHERE bizmetrics.sample_random(seed, v.visitor) < v.signs_up
    ),
    users AS (
      SELECT d.*, d.joined_at + interval '6 days' * bizmetrics.sample_random(seed, d.member || 'activated at') AS activated_at,
             d.is_activated AND d.tries AND d.is_payer AS pays_later
      FROM drawn AS d
    ),
    invitations AS (
      SELECT u.member, u.activated_at + interval '1 day' * n AS at, n, bizmetrics.sample_random(seed, u.member || 'accepted' || n) < 0.35 AS accepted
      FROM users AS u, generate_series(1, floor(3 * bizmetrics.sample_random(seed, u.member || 'invites'))::integer) AS n
      WHERE u.is_activated
    ),
    mailings AS (
      SELECT format('newsletter %s', to_char(d.day, 'YYYY-MM')) AS campaign, d.day + interval '9 hours' AS at, u.member,
             bizmetrics.sample_random(seed, u.member || d.day || 'mail') AS draw
      FROM sample_days AS d
      JOIN users AS u ON u.joined_at < d.day AND u.joined_at > d.day - interval '200 days'
      WHERE extract(day FROM d.day) = 10
    ),
    events (event_name, at, member, properties) AS (
      SELECT 'landing_page_visited', v.at, v.visitor, jsonb_build_object('page', v.page, 'channel', v.channel) FROM visits AS v
      UNION ALL
      SELECT 'user_signed_up', u.joined_at, u.member, jsonb_build_object('channel', u.channel, 'landing_page', u.page) FROM users AS u
      UNION ALL
      SELECT 'user_activated', u.activated_at, u.member, '{}' FROM users AS u WHERE u.is_activated
      UNION ALL
      SELECT 'trial_started', u.activated_at + interval '2 hours', u.member, '{"plan": "basic"}' FROM users AS u WHERE u.is_activated AND u.tries
      UNION ALL
      SELECT 'payment_received', u.activated_at + interval '14 days' + n * interval '30 days', u.member, jsonb_build_object('amount', 29, 'currency', u.currency)
      FROM users AS u, generate_series(0, u.stays / 30) AS n WHERE u.pays_later
      UNION ALL
      SELECT 'user_logged_in', date_trunc('day', d.at) + interval '20 hours' + interval '3 hours' * bizmetrics.sample_random(seed, u.member || 'login' || d.at::date), u.member, '{}'
      FROM users AS u, generate_series(u.joined_at, least(u.joined_at + u.stays * interval '1 day', now()), interval '1 day') AS d (at)
      WHERE bizmetrics.sample_random(seed, u.member || 'active' || d.at::date) < 0.25 AND date_trunc('day', d.at) + interval '20 hours' >= u.joined_at
      UNION ALL
      SELECT 'referral_sent', i.at, i.member, '{}' FROM invitations AS i
      UNION ALL
      SELECT 'referral_completed', i.at + interval '2 days', i.member, '{}' FROM invitations AS i WHERE i.accepted
      UNION ALL
      SELECT 'user_signed_up', i.at + interval '2 days', format('friend-%s-of-%s', i.n, i.member), jsonb_build_object('channel', 'referral', 'referred_by', i.member)
      FROM invitations AS i WHERE i.accepted
      UNION ALL
      SELECT m.event_name, m.at, m.member, jsonb_build_object('campaign', m.campaign)
      FROM (SELECT s.event_name, g.at + s.after AS at, g.member, g.campaign
            FROM mailings AS g, (VALUES ('email_sent', interval '0', 1.0), ('email_delivered', interval '1 minute', 0.97), ('email_opened', interval '5 hours', 0.38),
                                        ('email_clicked', interval '5 hours 2 minutes', 0.09), ('email_converted', interval '6 hours', 0.02)) AS s (event_name, after, share)
            WHERE g.draw < s.share) AS m
      UNION ALL
      SELECT 'marketing_spent', d.day + interval '6 hours', NULL,
             jsonb_build_object('channel', c.channel, 'campaign', c.channel || ' always on', 'currency', c.currency, 'impressions', c.visits * 90,
               'clicks', c.visits, 'amount', round((c.daily_spend * (0.5 + bizmetrics.sample_random(seed, 'spent' || c.channel || d.day)))::numeric, 2))
      FROM sample_days AS d, channels AS c WHERE c.daily_spend > 0
    ),
    numbered AS (
      SELECT e.*, (row_number() OVER (ORDER BY e.at, e.event_name, e.member, e.properties) - 1) / 1000 AS batch
      FROM events AS e
      WHERE e.at < date_trunc('hour', now())
    )
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('event_name', n.event_name, 'occurred_at', n.at, 'actor_user_id', n.member, 'properties', n.properties,
             'dedupe_key', format('sample:growth:%s:%s', seed, md5(concat_ws(':', n.event_name, n.at, n.member, n.properties))))) ORDER BY n.at)
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
COMMENT ON FUNCTION bizmetrics.generate_sample_growth(integer, integer) IS
'Logs what happened in the last days around the users and the marketing of a company that does not exist, up to the current hour, and returns how many events that are. A seed always gives the same: events that are there already, by their dedupe keys, are not stored again. Errors: 22004 NULL; 22023 days is not from 1 to 3660; 42501 no right to log; those of log_events().';
