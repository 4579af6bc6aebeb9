-- Rules for Grafana's alerting. Each asks for one or more figures, now; a string column is a label.

-- alert bizmetrics-alert-fires operations gt 0 for=1m severity=critical: An alert of bizmetrics fires
-- The thresholds are those of create_alert() and create_default_alerts(); this rule passes on what they say.
SELECT now() AS "time", alert_name AS alert, severity AS of_severity, firing::double precision AS value
FROM bizmetrics.scraped_alerts;

-- alert bizmetrics-alert-blind operations gt 0 for=10m severity=warning: An alert of bizmetrics cannot be looked at
-- Its query fails: see the column message of bizmetrics.alert_status.
SELECT now() AS "time", alert_name AS alert, (failing_since IS NOT NULL)::integer::double precision AS value
FROM bizmetrics.scraped_alerts;

-- alert bizmetrics-report-fails operations gt 2 for=0s severity=critical: A report fails again and again
-- Three runs in a row or more: see the column message of bizmetrics.report_runs.
SELECT now() AS "time", report_name AS report, coalesce(consecutive_failures, 0)::double precision AS value
FROM bizmetrics.scraped_reports;

-- alert bizmetrics-report-broken operations gt 0 for=0s severity=critical: A report cannot run
-- The column broken_reason of bizmetrics.report_status says why.
SELECT now() AS "time", report_name AS report, coalesce(broken::integer, 0)::double precision AS value
FROM bizmetrics.scraped_reports;

-- alert bizmetrics-report-lag operations gt 3600 for=5m severity=warning: A report is more than an hour behind
-- The result of a slot is missing that was an hour ago or longer.
SELECT now() AS "time", report_name AS report, coalesce(extract(epoch FROM lag), 0)::double precision AS value
FROM bizmetrics.scraped_reports;

-- alert bizmetrics-worker-down operations gt 0 for=5m severity=critical: The worker does not run the reports
-- SELECT bizmetrics.worker_problem() says why.
SELECT now() AS "time", (bizmetrics.worker_problem() IS NOT NULL)::integer::double precision AS value;

-- alert bizmetrics-customer-churn bizmetrics gt 0.07 for=1h severity=critical: High churn
-- More than 7 % of the customers left in the last whole month.
SELECT now() AS "time", (sum(churned_customers)::numeric / nullif(sum(start_customers), 0))::double precision AS value
FROM analytics.customer_churn
WHERE month = (SELECT max(month) FROM analytics.customer_churn WHERE final_at <= now())
HAVING sum(start_customers) > 0;

-- alert bizmetrics-health-score bizmetrics lt 40 for=1h severity=critical: Customer health poor
-- The mean health score is in the lowest band.
SELECT now() AS "time", avg(score)::double precision AS value
FROM analytics.customer_health
HAVING count(score) > 0;

-- alert bizmetrics-refunds bizmetrics gt 0.1 for=1h severity=warning: Refunds high
-- More than a tenth of the gross sales of the last 30 days went back.
SELECT now() AS "time", currency, (sum(refunds) / nullif(sum(gross_sales), 0))::double precision AS value
FROM analytics.daily_sales
WHERE day > current_date - 30
GROUP BY currency
HAVING sum(gross_sales) > 0;
