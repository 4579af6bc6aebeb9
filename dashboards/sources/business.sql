-- dashboard bizmetrics-business: Business KPIs
-- What a subscription business is worth and how it moves: recurring revenue, customers, unit economics, activity and trials. Reads the packs saas, core and growth.
-- from: now-1y

-- variable currency: Currency
SELECT DISTINCT currency FROM analytics.mrr ORDER BY currency;

-- variable company multi: Company
SELECT DISTINCT company_id FROM analytics.mrr WHERE company_id <> '' ORDER BY company_id;

-- variable plan multi: Plan
SELECT DISTINCT plan FROM analytics.mrr_by_plan WHERE plan <> '' ORDER BY plan;

-- row: Now

-- panel stat 4x4: MRR ($currency)
-- Monthly recurring revenue as of now.
SELECT sum(end_mrr) AS mrr
FROM analytics.mrr
WHERE month = (SELECT max(month) FROM analytics.mrr) AND currency = '$currency' AND [companies];

-- panel stat 4x4: ARR ($currency)
-- Annual recurring revenue as of now: MRR x 12.
SELECT sum(arr) AS arr
FROM analytics.mrr
WHERE month = (SELECT max(month) FROM analytics.mrr) AND currency = '$currency' AND [companies];

-- panel stat 4x4 unit=percentunit steps=red|0:orange|0.05:green: MRR growth, month over month
-- Of the last whole month: what MRR gained, by what it was when the month began.
SELECT (sum(end_mrr) - sum(start_mrr)) / nullif(sum(start_mrr), 0) AS growth
FROM analytics.mrr
WHERE month = (SELECT max(month) FROM analytics.mrr WHERE final_at <= now()) AND currency = '$currency' AND [companies];

-- panel stat 4x4: Revenue per customer ($currency)
-- MRR by paying customers, as of now (ARPA).
SELECT sum(end_mrr) / nullif(sum(end_customers), 0) AS arpa
FROM analytics.mrr
WHERE month = (SELECT max(month) FROM analytics.mrr) AND currency = '$currency' AND [companies];

-- panel stat 4x4 unit=percentunit steps=green|0.05:orange|0.07:red: Customer churn
-- Of the last whole month: customers who left, by those who paid when it began, over all currencies.
SELECT sum(churned_customers)::numeric / nullif(sum(start_customers), 0) AS churn
FROM analytics.customer_churn
WHERE month = (SELECT max(month) FROM analytics.customer_churn WHERE final_at <= now()) AND [companies];

-- panel stat 4x4 unit=percentunit steps=red|0.8:orange|0.9:green: Retention
-- Of the last whole month: customers kept, and gross and net revenue retention.
SELECT 1 - sum(churned_customers)::numeric / nullif(sum(start_customers), 0) AS customers,
       (sum(start_mrr) - sum(contraction_mrr) - sum(churned_mrr)) / nullif(sum(start_mrr), 0) AS gross_revenue,
       (sum(start_mrr) + sum(expansion_mrr) - sum(contraction_mrr) - sum(churned_mrr)) / nullif(sum(start_mrr), 0) AS net_revenue
FROM analytics.mrr
WHERE month = (SELECT max(month) FROM analytics.mrr WHERE final_at <= now()) AND currency = '$currency' AND [companies];

-- row: What a customer costs and is worth

-- panel stat 6x4: CAC ($currency)
-- Of the last whole month: what was spent to win customers, by the customers won.
SELECT sum(spend) / nullif(sum(new_customers), 0) AS cac
FROM analytics.unit_economics
WHERE month = (SELECT max(month) FROM analytics.mrr WHERE final_at <= now()) AND currency = '$currency' AND [companies];

-- panel stat 6x4: LTV ($currency)
-- Lifetime value of a customer, of the current month; the mean of the companies. Empty where nobody left in the six months before.
SELECT avg(ltv) AS ltv
FROM analytics.mrr
WHERE month = (SELECT max(month) FROM analytics.mrr) AND currency = '$currency' AND [companies];

-- panel gauge 6x4 min=0 max=6 steps=red|1:orange|3:green: LTV : CAC
-- Of the last whole month. Below 1 customers cost more than they bring; 3 is what many aim at.
SELECT avg(ltv) / nullif(sum(spend) / nullif(sum(new_customers), 0), 0) AS ratio
FROM analytics.unit_economics
WHERE month = (SELECT max(month) FROM analytics.mrr WHERE final_at <= now()) AND currency = '$currency' AND [companies];

-- panel stat 6x4 decimals=1 steps=green|12:orange|18:red: CAC payback (months)
-- Of the last whole month: how long a customer takes to earn what it cost; the mean of the companies.
SELECT avg(payback_months) AS months
FROM analytics.unit_economics
WHERE month = (SELECT max(month) FROM analytics.mrr WHERE final_at <= now()) AND currency = '$currency' AND [companies];

-- row: Recurring revenue

-- panel timeseries 12x8 stack legend=plan: MRR by plan ($currency)
-- Monthly recurring revenue at the end of each day.
SELECT day::timestamp AS "time", CASE plan WHEN '' THEN 'no plan' ELSE plan END AS plan, sum(mrr) AS mrr
FROM analytics.mrr_by_plan
WHERE $__timeFilter(day) AND currency = '$currency' AND [companies] AND (plan IN ($plan) OR '(all)' IN ($plan))
GROUP BY day, plan
ORDER BY day, plan;

-- panel timeseries 12x8 bars stack: Growth and churn ($currency)
-- The movements of MRR by month; with the MRR at the month's beginning they add up to that at its end.
SELECT month::timestamp AS "time", sum(new_mrr) AS new, sum(expansion_mrr) AS expansion, sum(reactivation_mrr) AS reactivation,
       - sum(contraction_mrr) AS contraction, - sum(churned_mrr) AS churned
FROM analytics.mrr
WHERE $__timeFilter(month) AND currency = '$currency' AND [companies]
GROUP BY month
ORDER BY month;

-- panel stat 24x4: MRR in 30 days ($currency)
-- MRR as of now, what it will be if it grows as in the last three whole months on average, and at 5 and at 15 per cent.
SELECT m.mrr AS now, m.mrr * (1 + g.growth) AS as_before, m.mrr * 1.05 AS at_5_percent, m.mrr * 1.15 AS at_15_percent
FROM (SELECT sum(end_mrr) AS mrr
      FROM analytics.mrr
      WHERE month = (SELECT max(month) FROM analytics.mrr) AND currency = '$currency' AND [companies]) AS m
CROSS JOIN (SELECT avg(r.growth) AS growth
            FROM (SELECT (sum(end_mrr) - sum(start_mrr)) / nullif(sum(start_mrr), 0) AS growth
                  FROM analytics.mrr
                  WHERE final_at <= now() AND currency = '$currency' AND [companies]
                  GROUP BY month
                  ORDER BY month DESC
                  LIMIT 3) AS r) AS g;

-- row: Activity and conversion

-- panel timeseries 12x8: DAU, WAU and MAU
-- Different actors of the day, and of the 7 and the 30 days that end with it; who is active in two companies counts in both.
SELECT day::timestamp AS "time", sum(dau) AS dau, sum(wau) AS wau, sum(mau) AS mau
FROM analytics.active_users
WHERE $__timeFilter(day) AND [companies]
GROUP BY day
ORDER BY day;

-- panel bargauge 6x8: Sign-up funnel, 30 days
-- Users of the weeks that began in the last 30 days, by how far they came.
SELECT event AS step, sum(users) AS users
FROM analytics.signup_funnel
WHERE cohort_week > current_date - 30 AND [companies]
GROUP BY step, event
ORDER BY signup_funnel.step;

-- panel bargauge 6x8 unit=percentunit min=0 max=1: Rates of the funnel, 30 days
-- Of those who came as far as the step before, how many took this one.
SELECT event AS step, users / nullif(before, 0) AS rate
FROM (SELECT f.step AS place, event, sum(users) AS users, lag(sum(users)) OVER (ORDER BY f.step) AS before
      FROM analytics.signup_funnel AS f
      WHERE cohort_week > current_date - 30 AND [companies]
      GROUP BY f.step, event) AS s
WHERE place > 1
ORDER BY place;

-- panel timeseries 12x8 unit=percentunit: Trial to paid
-- Trials that were paid for later, by the month in which they began; the latest months still grow.
SELECT cohort_month::timestamp AS "time", sum(converted) / nullif(sum(trials), 0) AS conversion
FROM analytics.trial_conversion
WHERE $__timeFilter(cohort_month) AND [companies]
GROUP BY cohort_month
ORDER BY cohort_month;

-- panel table 12x8: Key figures by month ($currency)
-- The current month is as of now.
SELECT month, sum(end_mrr) AS mrr, (sum(end_mrr) - sum(start_mrr)) / nullif(sum(start_mrr), 0) AS growth_rate, sum(end_customers) AS customers,
       sum(churned_customers)::numeric / nullif(sum(start_customers), 0) AS churn_rate,
       (sum(start_mrr) - sum(contraction_mrr) - sum(churned_mrr)) / nullif(sum(start_mrr), 0) AS gross_retention_rate,
       (sum(start_mrr) + sum(expansion_mrr) - sum(contraction_mrr) - sum(churned_mrr)) / nullif(sum(start_mrr), 0) AS net_retention_rate,
       sum(end_mrr) / nullif(sum(end_customers), 0) AS arpa,
       (sum(new_mrr) + sum(expansion_mrr) + sum(reactivation_mrr)) / nullif(sum(contraction_mrr) + sum(churned_mrr), 0) AS quick_ratio
FROM analytics.mrr
WHERE $__timeFilter(month) AND currency = '$currency' AND [companies]
GROUP BY month
ORDER BY month DESC;
