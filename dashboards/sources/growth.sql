-- dashboard bizmetrics-growth: Growth and marketing
-- Who comes, from where, at what cost, and who stays: sign-ups, activation, channels, campaigns, landing pages, cohorts and referrals. Reads the pack growth.
-- from: now-90d

-- variable currency: Currency
SELECT DISTINCT currency FROM analytics.channel_performance WHERE currency <> '' ORDER BY currency;

-- variable company multi: Company
SELECT DISTINCT company_id FROM analytics.signups_by_channel WHERE company_id <> '' ORDER BY company_id;

-- variable channel multi: Channel
SELECT DISTINCT channel FROM analytics.signups_by_channel ORDER BY channel;

-- variable cohort multi: Cohort
SELECT DISTINCT cohort_month::text FROM analytics.cohort_retention ORDER BY 1 DESC;

-- row: Now

-- panel stat 6x4: Users
-- All who ever signed up.
SELECT sum(signups) AS users
FROM analytics.signups_by_channel
WHERE [companies] AND [channels];

-- panel stat 6x4: Sign-ups, 7 days
-- Today and the six days before.
SELECT sum(signups) AS signups
FROM analytics.signups_by_channel
WHERE day > current_date - 7 AND [companies] AND [channels];

-- panel stat 6x4 unit=percentunit steps=red|0.2:orange|0.4:green: Activation, 7 days
-- Of the sign-ups of the last seven days whose time to be activated is over.
SELECT sum(activated) / nullif(sum(signups), 0) AS activation
FROM analytics.signups_by_channel
WHERE day IN (SELECT day FROM analytics.signups_by_channel WHERE final_at <= now() GROUP BY day ORDER BY day DESC LIMIT 7) AND [companies] AND [channels];

-- panel stat 6x4 decimals=2: CPA, 7 days ($currency)
-- What was spent today and in the six days before, by their sign-ups.
SELECT (SELECT sum(spend) FROM analytics.marketing_spend WHERE day > current_date - 7 AND currency = '$currency' AND [companies] AND [channels])
       / nullif((SELECT sum(signups) FROM analytics.signups_by_channel WHERE day > current_date - 7 AND [companies] AND [channels]), 0) AS cpa;

-- row: Where users come from

-- panel piechart 8x8: Acquisition by channel
-- Sign-ups of this time.
SELECT channel, sum(signups) AS signups
FROM analytics.signups_by_channel
WHERE $__timeFilter(day) AND [companies] AND [channels]
GROUP BY channel
ORDER BY signups DESC, channel;

-- panel timeseries 8x8: Sign-ups
-- By day.
SELECT day::timestamp AS "time", sum(signups) AS signups
FROM analytics.signups_by_channel
WHERE $__timeFilter(day) AND [companies] AND [channels]
GROUP BY day
ORDER BY day;

-- panel timeseries 8x8 bars stack: Organic and paid
-- Sign-ups by day; which channels are not paid for is the parameter organic_channels of the pack.
SELECT day::timestamp AS "time", coalesce(sum(signups) FILTER (WHERE NOT is_paid), 0) AS organic, coalesce(sum(signups) FILTER (WHERE is_paid), 0) AS paid
FROM analytics.signups_by_channel
WHERE $__timeFilter(day) AND [companies] AND [channels]
GROUP BY day
ORDER BY day;

-- row: Channels, campaigns and pages

-- panel barchart 12x8 decimals=2: CPA by channel ($currency)
-- What was spent on a channel by the sign-ups it brought, of the months that begin in this time.
SELECT channel, sum(spend) / nullif(sum(signups), 0) AS cpa
FROM analytics.channel_performance
WHERE $__timeFilter(month) AND currency = '$currency' AND [companies] AND [channels]
GROUP BY channel
HAVING sum(spend) > 0
ORDER BY cpa DESC NULLS LAST, channel;

-- panel barchart 12x8 unit=percentunit: ROI by channel ($currency)
-- What users paid whom a channel brought, less what was spent on it, by that, of the months that begin in this time.
SELECT channel, (sum(revenue) - sum(spend)) / nullif(sum(spend), 0) AS roi
FROM analytics.channel_performance
WHERE $__timeFilter(month) AND currency = '$currency' AND [companies] AND [channels]
GROUP BY channel
HAVING sum(spend) > 0
ORDER BY roi DESC NULLS LAST, channel;

-- panel table 12x8: E-mail campaigns
-- Recipients by what they did; rates are of those to whom something was sent.
SELECT campaign, min(first_sent_on) AS first_sent_on, sum(sent) AS sent, sum(recipients) AS recipients, sum(opened) AS opened, sum(clicked) AS clicked, sum(converted) AS converted,
       sum(opened) / nullif(sum(sent), 0) AS open_rate, sum(clicked) / nullif(sum(sent), 0) AS click_rate, sum(converted) / nullif(sum(sent), 0) AS conversion_rate
FROM analytics.campaigns
WHERE [companies]
GROUP BY campaign
ORDER BY min(first_sent_on) DESC NULLS LAST, campaign
LIMIT 100;

-- panel table 12x8: Landing pages, top ten
-- By visits in this time, with the sign-ups that named the page as theirs.
SELECT page, sum(visits) AS visits, sum(conversions) AS conversions, sum(conversions) / nullif(sum(visits), 0) AS conversion_rate
FROM analytics.landing_pages
WHERE $__timeFilter(day) AND [companies]
GROUP BY page
ORDER BY visits DESC, page
LIMIT 10;

-- row: Who stays

-- panel table 24x9 cells=percentunit: Retention by cohort
-- Of the users who signed up in a month, how many logged in so many calendar months later. A month that lasts still grows.
SELECT to_char(cohort_month, 'YYYY-MM') AS cohort, max(size) AS users,
       max(rate) FILTER (WHERE period = 0) AS month_0, max(rate) FILTER (WHERE period = 1) AS month_1, max(rate) FILTER (WHERE period = 2) AS month_2,
       max(rate) FILTER (WHERE period = 3) AS month_3, max(rate) FILTER (WHERE period = 4) AS month_4, max(rate) FILTER (WHERE period = 5) AS month_5,
       max(rate) FILTER (WHERE period = 6) AS month_6, max(rate) FILTER (WHERE period = 7) AS month_7, max(rate) FILTER (WHERE period = 8) AS month_8,
       max(rate) FILTER (WHERE period = 9) AS month_9, max(rate) FILTER (WHERE period = 10) AS month_10, max(rate) FILTER (WHERE period = 11) AS month_11,
       max(rate) FILTER (WHERE period = 12) AS month_12
FROM (SELECT cohort_month, period, sum(size) AS size, sum(retained) / nullif(sum(size) FILTER (WHERE retained IS NOT NULL), 0) AS rate
      FROM analytics.cohort_retention
      WHERE [companies] AND (cohort_month::text IN ($cohort) OR '(all)' IN ($cohort))
      GROUP BY cohort_month, period) AS c
GROUP BY cohort_month
ORDER BY cohort_month DESC
LIMIT 24;

-- row: Referrals

-- panel timeseries 12x8 bars: Referrals
-- By month: invitations sent and accepted, and users who signed up and name who referred them.
SELECT month::timestamp AS "time", sum(invitations) AS sent, sum(accepted) AS accepted, sum(referred_signups) AS signups
FROM analytics.referrals
WHERE $__timeFilter(month) AND [companies]
GROUP BY month
ORDER BY month;

-- panel stat 4x8 decimals=2 steps=red|0.2:orange|0.5:green: K-factor
-- How many users a user brings: invitations per active user times the share of them that is accepted, of the latest whole month.
SELECT sum(accepted) / nullif(sum(active_users), 0) AS k_factor
FROM analytics.referrals
WHERE month = (SELECT max(month) FROM analytics.referrals WHERE month < date_trunc('month', current_date)) AND [companies];

-- panel stat 4x8 decimals=2: Invitations per active user
-- Of the latest whole month.
SELECT sum(invitations) / nullif(sum(active_users), 0) AS invitations
FROM analytics.referrals
WHERE month = (SELECT max(month) FROM analytics.referrals WHERE month < date_trunc('month', current_date)) AND [companies];

-- panel stat 4x8 unit=percentunit: Referral conversion
-- Invitations accepted by invitations sent, of the latest whole month.
SELECT sum(accepted) / nullif(sum(invitations), 0) AS conversion
FROM analytics.referrals
WHERE month = (SELECT max(month) FROM analytics.referrals WHERE month < date_trunc('month', current_date)) AND [companies];

-- row: All figures

-- panel table 24x9: Channels by month ($currency)
-- What each cost and brought.
SELECT month, channel, sum(spend) AS spend, sum(revenue) AS revenue, sum(signups) AS signups, sum(new_customers) AS new_customers,
       sum(spend) / nullif(sum(signups), 0) AS cpa, sum(spend) / nullif(sum(new_customers), 0) AS cac,
       (sum(revenue) - sum(spend)) / nullif(sum(spend), 0) AS roi_rate, sum(revenue) / nullif(sum(spend), 0) AS roas
FROM analytics.channel_performance
WHERE $__timeFilter(month) AND currency = '$currency' AND [companies] AND [channels]
GROUP BY month, channel
ORDER BY month DESC, channel;
