-- The row of the day in health_daily follows a tenant down to no customers.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
-- The worker is to leave them alone.
BEGIN;
SELECT bizmetrics.install_pack('saas', owner => 'regress_author') > 0;
SELECT bizmetrics.pause_reports() > 0;
DELETE FROM bizmetrics.run_requests;
COMMIT;
\c - regress_author
SET timezone = 'UTC';
\set run 'SELECT format(''SELECT state FROM bizmetrics.run_report(%L)'', r) FROM unnest(''{subscription_log,sessions_daily,customer_health,health_daily}''::text[]) AS r'
SELECT count(bizmetrics.log_event('subscription_started', '{"amount": 5}', company_id => 'only', occurred_at => now() - interval '10 days'));
:run \gexec
SELECT company_id, customers, critical + at_risk + fair + healthy AS in_bands FROM analytics.health_daily WHERE day = current_date;
SELECT count(bizmetrics.log_event('subscription_cancelled', company_id => 'only', occurred_at => now()));
:run \gexec
TABLE analytics.customer_health;
SELECT company_id, customers, critical, at_risk, fair, healthy, mean_score, mean_engagement FROM analytics.health_daily WHERE day = current_date;
\c - postgres
SELECT bizmetrics.uninstall_pack('saas', drop_tables => true) > 0;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP OWNED BY regress_author;
DROP ROLE regress_author;
