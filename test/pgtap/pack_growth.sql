-- The pack growth: its definitions, on cases that were computed by hand.
\i test/helpers/packs.sql
BEGIN;
SET LOCAL TimeZone = 'UTC';
SELECT no_plan();

-- A story for each tenant, so that they do not meet.
CREATE FUNCTION pg_temp.log(story text, who text, event text, at timestamptz, more jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
  SELECT bizmetrics.log_event(event, more, actor_user_id => who, company_id => story, occurred_at => at)
$$;

-- Channels: the first sign-up counts; activated within seven days of 24 hours, not before.
SELECT pg_temp.log('channels', 'ann', 'user_signed_up', '2024-01-10 10:00', '{"channel": "Ads"}'), pg_temp.log('channels', 'ann', 'user_signed_up', '2024-01-12', '{"channel": "email"}'), pg_temp.log('channels', 'ann', 'user_activated', '2024-01-17 10:00');
SELECT pg_temp.log('channels', 'ben', 'user_signed_up', '2024-01-10 11:00', '{"channel": "ads"}'), pg_temp.log('channels', 'ben', 'user_activated', '2024-01-17 11:00:01'), pg_temp.log('channels', 'ben', 'user_activated', '2024-01-10 10:00');
SELECT pg_temp.log('channels', 'cid', 'user_signed_up', '2024-01-10 11:00'), pg_temp.log('channels', 'cid', 'user_activated', '2024-01-10 11:00'), pg_temp.log('channels', 'dora', 'user_activated', '2024-01-10 11:00');
-- A funnel: ann goes through, ben pays before he tries, cid tries without being activated, dora is 30 days and a second late, eve is in time.
SELECT pg_temp.log('funnel', w.who, 'user_signed_up', '2024-01-10') FROM unnest('{ann,ben,cid,dora,eve,fay}'::text[]) AS w (who);
SELECT pg_temp.log('funnel', f.who, f.event, f.at) FROM (VALUES ('ann', 'user_activated', timestamptz '2024-01-11'), ('ann', 'trial_started', '2024-01-12'), ('ann', 'payment_received', '2024-01-13'),
  ('ben', 'user_activated', '2024-01-11'), ('ben', 'payment_received', '2024-01-12'), ('ben', 'trial_started', '2024-01-13'), ('cid', 'trial_started', '2024-01-12'),
  ('dora', 'user_activated', '2024-02-09 00:00:01'), ('eve', 'user_activated', '2024-02-09')) AS f (who, event, at);
-- The same by day: ann gets to the third step, ben nowhere, cid is of two years ago, dora of a day before that.
SELECT pg_temp.log('funnel by day', f.who, f.event, f.at) FROM (VALUES ('ann', 'user_signed_up', current_date - 40 + interval '1 hour'), ('ann', 'user_activated', current_date - 39 + interval '0'), ('ann', 'trial_started', current_date - 38 + interval '0'),
  ('ben', 'user_signed_up', current_date - 40 + interval '23 hours'), ('cid', 'user_signed_up', current_date - 730 + interval '0'), ('dora', 'user_signed_up', current_date - 731 + interval '23 hours')) AS f (who, event, at);
-- Cohorts: a login before the sign-up is none; on the last evening of December and in January; a leap day.
SELECT pg_temp.log('cohorts', c.who, c.event, c.at) FROM (VALUES ('r07', 'user_signed_up', timestamptz '2024-12-31 23:59'), ('r07', 'user_logged_in', '2025-01-01 00:00'), ('r07', 'user_logged_in', '2025-01-20'),
  ('r09', 'user_signed_up', '2024-02-29'), ('r09', 'user_logged_in', '2025-02-28'), ('r09', 'user_logged_in', '2024-02-29 12:00'),
  ('r10', 'user_signed_up', '2024-02-10 12:00'), ('r10', 'user_logged_in', '2024-02-10 11:59'), ('r10', 'user_logged_in', '2024-01-10'), ('nobody', 'user_logged_in', '2024-02-11')) AS c (who, event, at);
SELECT pg_temp.log('cohorts now', 'ann', 'user_signed_up', date_trunc('month', now())), pg_temp.log('cohorts now', 'ann', 'user_logged_in', date_trunc('month', now()));
-- Money: 300 spent on ads for three sign-ups, one of whom pays 450 in all; euros are not dollars.
SELECT pg_temp.log('money', w.who, 'user_signed_up', '2024-01-10', jsonb_build_object('channel', w.channel)) FROM (VALUES ('ann', 'ads'), ('ben', 'ads'), ('cid', 'ads'), ('dora', 'direct')) AS w (who, channel);
SELECT pg_temp.log('money', m.who, m.event, m.at, m.more) FROM (VALUES (NULL, 'marketing_spent', timestamptz '2024-01-05', '{"channel": "ads", "amount": 200, "campaign": "a", "clicks": 40, "impressions": "900"}'::jsonb),
  (NULL, 'marketing_spent', '2024-01-06', '{"channel": "Ads", "amount": "100.00", "campaign": "b"}'), (NULL, 'marketing_spent', '2024-01-06', '{"channel": "ads", "amount": 50, "currency": "eur"}'), (NULL, 'marketing_spent', '2024-01-06', '{"channel": "fair", "amount": 70}'),
  ('ann', 'payment_received', '2024-01-20', '{"amount": 400}'), ('ann', 'payment_received', '2024-01-20', '{"amount": 50, "currency": "usd"}'), ('dora', 'payment_received', '2024-01-21', '{"amount": 10}'), ('dora', 'payment_received', '2024-02-21', '{"amount": -4}'),
  ('stranger', 'payment_received', '2024-01-22', '{"amount": 7}'), ('ben', 'payment_received', '2024-01-22', '{"amount": "nothing"}'), (NULL, 'payment_received', '2024-01-22', '{"amount": 1}')) AS m (who, event, at, more);
-- A campaign: four e-mails to three; ann opens twice, ben on the next day; zoe never got one.
SELECT pg_temp.log('mail', m.who, m.event, m.at, '{"campaign": "spring"}' || m.more) FROM (VALUES ('ann', 'email_sent', timestamptz '2024-01-10', '{}'::jsonb), ('ann', 'email_sent', '2024-01-12', '{}'), ('ben', 'email_sent', '2024-01-10', '{}'), (NULL, 'email_sent', '2024-01-10', '{"recipient": "c@x"}'),
  ('ann', 'email_delivered', '2024-01-10', '{}'), ('ben', 'email_delivered', '2024-01-10', '{}'), ('ann', 'email_opened', '2024-01-10', '{}'), ('ann', 'email_opened', '2024-01-11', '{}'), ('ben', 'email_opened', '2024-01-11', '{}'), ('zoe', 'email_opened', '2024-01-11', '{}'),
  ('ben', 'email_clicked', '2024-01-11', '{}'), ('ben', 'email_converted', '2024-01-13', '{}')) AS m (who, event, at, more);
SELECT pg_temp.log('mail', 'ann', 'email_opened', '2024-01-10', '{"campaign": "only opened"}'), pg_temp.log('mail', 'ann', 'email_sent', '2024-01-10', '{"campaign": "only sent"}');
-- Pages
SELECT pg_temp.log('pages', p.who, p.event, p.at, p.more) FROM (VALUES ('v1', 'landing_page_visited', timestamptz '2024-01-10 08:00', '{"page": "/a"}'::jsonb), ('v1', 'landing_page_visited', '2024-01-10 09:00', '{"page": "/a"}'), (NULL, 'landing_page_visited', '2024-01-10 09:00', '{"page": "/a"}'),
  ('v2', 'landing_page_visited', '2024-01-11 09:00', '{"page": "/a"}'), ('v2', 'user_signed_up', '2024-01-10 09:05', '{"landing_page": "/a"}'), ('v3', 'user_signed_up', '2024-01-10 09:05', '{"landing_page": "/b"}'), ('v4', 'user_signed_up', '2024-01-10 09:05', '{}')) AS p (who, event, at, more);
-- Referrals: of 10 active users two send 5 invitations, of which 2 are accepted.
SELECT pg_temp.log('referrals', 'u' || n, 'user_logged_in', '2024-01-10') FROM generate_series(1, 10) AS n;
SELECT pg_temp.log('referrals', 'u' || n % 2, 'referral_sent', '2024-01-11') FROM generate_series(1, 5) AS n;
SELECT pg_temp.log('referrals', 'u1', 'referral_completed', '2024-01-12'), pg_temp.log('referrals', 'u0', 'referral_completed', '2024-01-13'), pg_temp.log('referrals', 'new', 'user_signed_up', '2024-01-13', '{"referred_by": "u0"}');
SELECT pg_temp.log('referrals', 'u1', 'referral_completed', '2024-02-12');
-- Midnight in Berlin
SELECT pg_temp.log('midnight', 'march', 'user_signed_up', '2024-03-31 21:59:59+00'), pg_temp.log('midnight', 'april', 'user_signed_up', '2024-03-31 22:00:00+00');

SELECT lives_ok($$SELECT pg_temp.run_pack('growth', '2024-01-01', now() + interval '1 day')$$, 'the reports');

SELECT results_eq($$SELECT channel, day, is_paid, signups, activated, activation_rate, final_at FROM analytics.signups_by_channel WHERE company_id = 'channels' ORDER BY channel$$,
  $$VALUES ('ads', date '2024-01-10', true, 2::bigint, 1::bigint, 0.500000, timestamptz '2024-01-18'), ('unknown', '2024-01-10', false, 1, 1, 1.000000, '2024-01-18')$$, 'sign-ups, the first of a user, by channel; activated in seven days to the second, not before');
SELECT results_eq($$SELECT cohort_week, step, event, users, conversion_rate, total_conversion_rate FROM analytics.signup_funnel WHERE company_id = 'funnel' ORDER BY step$$,
  $$VALUES (date '2024-01-08', 1, 'user_signed_up', 6::bigint, NULL::numeric, 1.000000), ('2024-01-08', 2, 'user_activated', 3, 0.500000, 0.500000), ('2024-01-08', 3, 'trial_started', 2, 0.666667, 0.333333), ('2024-01-08', 4, 'payment_received', 1, 0.500000, 0.166667)$$, 'the steps in their order, within 30 days');
-- The same users two years ago: what is older than that is in no row.
SELECT results_eq($$SELECT current_date - day, step, event, users, conversion_rate, total_conversion_rate, final_at - day FROM analytics.funnel_daily WHERE company_id = 'funnel by day' ORDER BY day, step$$,
  $$VALUES (730, 1, 'user_signed_up', 1::bigint, NULL::numeric, 1.000000, interval '31 days'), (730, 2, 'user_activated', 0, 0.000000, 0.000000, '31 days'), (730, 3, 'trial_started', 0, NULL, 0.000000, '31 days'), (730, 4, 'payment_received', 0, NULL, 0.000000, '31 days'),
           (40, 1, 'user_signed_up', 2, NULL, 1.000000, '31 days'), (40, 2, 'user_activated', 1, 0.500000, 0.500000, '31 days'), (40, 3, 'trial_started', 1, 1.000000, 0.500000, '31 days'), (40, 4, 'payment_received', 0, 0.000000, 0.000000, '31 days')$$, 'the steps by day of the sign-up, of two years');
SELECT is((SELECT ROW(size, retained, state)::text FROM analytics.cohort_retention WHERE company_id = 'cohorts' AND cohort_month = '2024-12-01' AND period = 0), '(1,0,complete)', 'nobody came back in the month');
SELECT is((SELECT ROW(size, retained, retention_rate)::text FROM analytics.cohort_retention WHERE company_id = 'cohorts' AND cohort_month = '2024-12-01' AND period = 1), '(1,1,1.000000)', 'a minute later is the next month; twice is once');
SELECT results_eq($$SELECT period, size, retained, retention_rate FROM analytics.cohort_retention WHERE company_id = 'cohorts' AND cohort_month = '2024-02-01' AND period IN (0, 1, 12) ORDER BY 1$$,
  $$VALUES (0, 2::bigint, 1::bigint, 0.500000), (1, 2, 0, 0.000000), (12, 2, 1, 0.500000)$$, 'from the leap day to the 28th are twelve months; before the sign-up is no return');
SELECT is((SELECT count(*) FROM analytics.cohort_retention WHERE company_id = 'cohorts'), 26::bigint, 'periods 0 to 12 of two cohorts, and no other');
SELECT results_eq($$SELECT period, size, retained, state FROM analytics.cohort_retention WHERE company_id = 'cohorts now' AND period < 2 ORDER BY 1$$, $$VALUES (0, 1::bigint, 1::bigint, 'in_progress'), (1, 1, NULL, 'future')$$, 'what is yet to come is NULL, what lasts is told');
SELECT results_eq($$SELECT currency, channel, trim_scale(spend), trim_scale(revenue), signups, new_customers, trim_scale(cpa), trim_scale(cac), trim_scale(roi), trim_scale(roas) FROM analytics.channel_performance WHERE company_id = 'money' AND month = '2024-01-01' ORDER BY 1, 2$$,
  $$VALUES ('EUR', 'ads', 50::numeric, 0::numeric, 3::bigint, 1::bigint, 16.6667, 50::numeric, -1::numeric, 0::numeric), ('USD', 'ads', 300, 450, 3, 1, 100, 300, 0.5, 1.5), ('USD', 'direct', 0, 10, 1, 1, NULL, NULL, NULL, NULL),
           ('USD', 'fair', 70, 0, 0, 0, NULL, NULL, -1, 0), ('USD', 'unknown', 0, 8, 0, 1, NULL, NULL, NULL, NULL)$$, 'cost per sign-up and customer, return by its two names, NULL where nothing is divided by');
SELECT results_eq($$SELECT channel, day, payments, payers, revenue FROM analytics.revenue_by_channel WHERE company_id = 'money' AND channel = 'direct' ORDER BY day$$, $$VALUES ('direct', date '2024-01-21', 1::bigint, 1::bigint, 10::numeric), ('direct', '2024-02-21', 1, 1, -4)$$, 'what is paid back is taken off on its own day');
SELECT is((SELECT new_customers FROM analytics.channel_performance WHERE company_id = 'money' AND channel = 'direct' AND month = '2024-02-01'), 0::bigint, 'and brings no customer');
SELECT is((SELECT ROW(spend, impressions, clicks)::text FROM analytics.marketing_spend WHERE company_id = 'money' AND campaign = 'a'), '(200,900,40)', 'spending of a campaign');
SELECT is((SELECT ROW(first_sent_on, sent, delivered, recipients, opened, clicked, converted, open_rate, click_rate, conversion_rate, delivered_open_rate, click_to_open_rate)::text FROM analytics.campaigns WHERE company_id = 'mail' AND campaign = 'spring'),
  '(2024-01-10,4,2,3,2,1,1,0.500000,0.250000,0.250000,1.000000,0.500000)', 'recipients once, whatever the day, by e-mails sent');
SELECT is((SELECT ROW(sent, opened, open_rate, delivered_open_rate, click_to_open_rate)::text FROM analytics.campaigns WHERE company_id = 'mail' AND campaign = 'only sent'), '(1,0,0.000000,,)', 'NULL where nothing arrived or was opened');
SELECT is_empty($$SELECT * FROM analytics.campaigns WHERE campaign = 'only opened'$$, 'what was not sent is no campaign');
SELECT results_eq($$SELECT page, day, visits, visitors, conversions, conversion_rate FROM analytics.landing_pages WHERE company_id = 'pages' ORDER BY 1, 2$$,
  $$VALUES ('/a', date '2024-01-10', 3::bigint, 1::bigint, 1::bigint, 0.333333), ('/a', '2024-01-11', 1, 1, 0, 0.000000), ('/b', '2024-01-10', 0, 0, 1, NULL)$$, 'visits, known visitors and sign-ups of a page');
SELECT is((SELECT ROW(invitations, inviters, accepted, referred_signups, active_users, trim_scale(invitations_per_user), trim_scale(acceptance_rate), trim_scale(k_factor))::text FROM analytics.referrals WHERE company_id = 'referrals' AND month = '2024-01-01'), '(5,2,2,1,10,0.5,0.4,0.2)', 'half an invitation a user, of which 40 % are accepted: 0.2');
SELECT is((SELECT ROW(invitations, accepted, active_users, acceptance_rate, k_factor)::text FROM analytics.referrals WHERE company_id = 'referrals' AND month = '2024-02-01'), '(0,1,0,,)', 'NULL without invitations and users');
SELECT is_empty($$SELECT * FROM analytics.acquired_users WHERE company_id = 'nobody'$$, 'no users, no rows');

-- Late events, parameters, zones
SELECT pg_temp.log('channels', 'ann', 'user_signed_up', '2024-01-05', '{"channel": "fair"}'), bizmetrics.set_pack_parameter('growth', 'funnel_steps', '["user_signed_up", "trial_started"]'), bizmetrics.set_pack_parameter('growth', 'activation_days', '30'), bizmetrics.set_pack_parameter('growth', 'retention_months', '1');
SET LOCAL TimeZone = 'Europe/Berlin';
SELECT pg_temp.run_pack('growth', '2024-01-01', now() + interval '1 day');
SELECT results_eq($$SELECT channel, day, signups, activated FROM analytics.signups_by_channel WHERE company_id = 'channels' ORDER BY channel$$,
  $$VALUES ('ads', date '2024-01-10', 1::bigint, 1::bigint), ('fair', '2024-01-05', 1, 1), ('unknown', '2024-01-10', 1, 1)$$, 'a sign-up that comes late is the first one; thirty days to be activated');
SELECT results_eq($$SELECT step, event, users FROM analytics.signup_funnel WHERE company_id = 'funnel' ORDER BY step$$, $$VALUES (1, 'user_signed_up', 6::bigint), (2, 'trial_started', 3)$$, 'another funnel');
SELECT is((SELECT max(period) FROM analytics.cohort_retention), 1, 'cohorts are followed for a month');
SELECT results_eq($$SELECT day FROM analytics.signups_by_channel WHERE company_id = 'midnight' ORDER BY day$$, $$VALUES (date '2024-03-31'), ('2024-04-01')$$, 'midnight in Berlin');
SELECT is((SELECT count(DISTINCT cohort_month) FROM analytics.cohort_retention WHERE company_id = 'midnight'), 2::bigint, 'where another month begins');
SELECT bizmetrics.set_pack_parameter('growth', 'company', '"none"');
SELECT pg_temp.run_pack('growth', '2024-01-01', now() + interval '1 day');
SELECT results_eq($$SELECT DISTINCT company_id COLLATE "default" FROM analytics.acquired_users$$, $$VALUES ('')$$, 'companies of a single business are no tenants');

SELECT * FROM finish();
ROLLBACK;
