-- dashboard bizmetrics-customer-success: Customer success
-- How customers do: their health, what they answer, which features they use, and their tickets. Reads the packs saas and support.
-- from: now-90d

-- variable company multi: Company
SELECT company_id FROM analytics.customer_health WHERE company_id <> '' UNION SELECT company_id FROM analytics.support_backlog WHERE company_id <> '' ORDER BY company_id;

-- row: Now

-- panel gauge 6x5 min=0 max=100 steps=red|40:orange|60:yellow|80:green: Health score
-- The mean of all customers, 0 to 100.
SELECT avg(score) AS score
FROM analytics.customer_health
WHERE [companies];

-- panel gauge 6x5 min=-100 max=100 steps=red|0:orange|30:yellow|50:green: NPS
-- Net promoter score of the last 90 days.
SELECT 100 * (sum(promoters) - sum(detractors)) / nullif(sum(responses), 0) AS nps
FROM analytics.nps
WHERE day = (SELECT max(day) FROM analytics.nps) AND [companies];

-- panel gauge 6x5 unit=percentunit min=0 max=1 steps=red|0.6:orange|0.7:yellow|0.8:green: CSAT
-- Answers of 4 or 5 by all answers of the last 30 days.
SELECT sum(satisfied) / nullif(sum(responses), 0) AS satisfied
FROM analytics.csat
WHERE day = (SELECT max(day) FROM analytics.csat) AND [companies];

-- panel piechart 6x5: Customers by health
-- Critical below 40, at risk below 60, fair below 80, healthy from 80 on.
SELECT band, count(*) AS customers
FROM analytics.customer_health
WHERE band IS NOT NULL AND [companies]
GROUP BY band
ORDER BY min(score);

-- row: Usage

-- panel bargauge 12x8 unit=percentunit min=0 max=1: Feature adoption
-- Users of each feature by active users, of the last 30 days.
SELECT feature, sum(users) / nullif(sum(active_users), 0) AS adoption
FROM analytics.feature_adoption
WHERE [companies]
GROUP BY feature
ORDER BY adoption DESC NULLS LAST, feature
LIMIT 15;

-- panel bargauge 12x8: Top ten features
-- By users of the last 30 days.
SELECT feature, sum(users) AS users
FROM analytics.feature_adoption
WHERE [companies]
GROUP BY feature
ORDER BY users DESC, feature
LIMIT 10;

-- panel timeseries 12x8 min=0 max=100: Engagement
-- The mean of the component engagement of the customers' health, 0 to 100, from the day on which the pack was installed.
SELECT day::timestamp AS "time", sum(mean_engagement * customers) / nullif(sum(customers) FILTER (WHERE mean_engagement IS NOT NULL), 0) AS engagement
FROM analytics.health_daily
WHERE $__timeFilter(day) AND [companies]
GROUP BY day
ORDER BY day;

-- panel timeseries 12x8: Logins, minutes and actions of a session
-- Logins of the day, how long its sessions took on average, and what was done in one.
SELECT day::timestamp AS "time", sum(logins) AS logins,
       sum(mean_seconds * sessions) / nullif(sum(sessions), 0) / 60 AS minutes_per_session,
       sum(actions) / nullif(sum(sessions), 0) AS actions_per_session
FROM analytics.sessions_daily
WHERE $__timeFilter(day) AND [companies]
GROUP BY day
ORDER BY day;

-- panel timeseries 12x8: Sessions per user
-- How often a user of the day came on it.
SELECT day::timestamp AS "time", sum(sessions) / nullif(sum(users), 0) AS sessions_per_user
FROM analytics.sessions_daily
WHERE $__timeFilter(day) AND [companies]
GROUP BY day
ORDER BY day;

-- panel timeseries 12x8 unit=h: Time to first value
-- From the sign-up to the first value, by the month of the sign-up: the mean, and the median of the companies weighted by their users.
SELECT cohort_month::timestamp AS "time", sum(mean_seconds * reached) / nullif(sum(reached), 0) / 3600 AS mean,
       sum(median_seconds * reached) / nullif(sum(reached), 0) / 3600 AS median
FROM analytics.time_to_first_value
WHERE $__timeFilter(cohort_month) AND [companies]
GROUP BY cohort_month
ORDER BY cohort_month;

-- row: Support

-- panel timeseries 12x8 bars stack legend=priority: Tickets created
-- By priority.
SELECT day::timestamp AS "time", CASE priority WHEN '' THEN 'no priority' ELSE priority END AS priority, sum(created) AS tickets
FROM analytics.support_daily
WHERE $__timeFilter(day) AND [companies]
GROUP BY day, priority
ORDER BY day, priority;

-- panel barchart 6x8 unit=h: Time to resolve, by priority
-- The mean of the tickets that were solved in this time.
SELECT CASE priority WHEN '' THEN 'no priority' ELSE priority END AS priority, sum(mean_resolution_seconds * resolved) / nullif(sum(resolved), 0) / 3600 AS hours
FROM analytics.support_daily
WHERE $__timeFilter(day) AND [companies]
GROUP BY support_daily.priority
ORDER BY hours NULLS LAST;

-- panel barchart 6x8 unit=h: Time to the first response, by priority
-- The mean of the tickets that were answered for the first time in this time.
SELECT CASE priority WHEN '' THEN 'no priority' ELSE priority END AS priority, sum(mean_first_response_seconds * first_responses) / nullif(sum(first_responses), 0) / 3600 AS hours
FROM analytics.support_daily
WHERE $__timeFilter(day) AND [companies]
GROUP BY support_daily.priority
ORDER BY hours NULLS LAST;

-- panel stat 6x4: Open tickets
-- As of now, and those of them that the team never answered.
SELECT sum(open_tickets) AS open, sum(unanswered_tickets) AS unanswered
FROM analytics.support_backlog
WHERE [companies];

-- panel stat 6x4 decimals=2: Tickets per customer, 30 days
-- The mean of all customers with a health score.
SELECT sum(tickets) / nullif(count(*), 0)::numeric AS tickets
FROM analytics.customer_health
WHERE [companies];

-- row: What customers answer

-- panel timeseries 12x8 min=-100 max=100: NPS over time
-- Of the 90 days up to each day.
SELECT day::timestamp AS "time", 100 * (sum(promoters) - sum(detractors)) / nullif(sum(responses), 0) AS nps
FROM analytics.nps
WHERE $__timeFilter(day) AND [companies]
GROUP BY day
ORDER BY day;

-- panel timeseries 12x8 unit=percentunit min=0 max=1: CSAT over time
-- Answers of 4 or 5 by all answers of the 30 days up to each day.
SELECT day::timestamp AS "time", sum(satisfied) / nullif(sum(responses), 0) AS satisfied
FROM analytics.csat
WHERE $__timeFilter(day) AND [companies]
GROUP BY day
ORDER BY day;

-- row: Who needs attention

-- panel table 24x9: Customers with the lowest health
-- The hundred of them, and what the score is made of.
SELECT customer_id, company_id, score, band, usage, adoption, support, payment, engagement, users, logins, features, tickets, failures, pays, last_active_at
FROM analytics.customer_health
WHERE [companies]
ORDER BY score NULLS LAST, customer_id
LIMIT 100;
