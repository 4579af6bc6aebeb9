-- The extension's owner may add rows to the registries of metrics and alerts, for a restore: none that
-- would be asked as a role he could not become, and no figure but by a restore of his own.
CREATE ROLE regress_dbo LOGIN;
CREATE ROLE regress_victim LOGIN;
CREATE ROLE regress_friend LOGIN;
GRANT regress_friend TO regress_dbo;
CREATE DATABASE regression_bizmetrics_metrics OWNER regress_dbo;
\c regression_bizmetrics_metrics regress_dbo
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE EXTENSION bizmetrics;
CREATE FUNCTION pg_temp.add_metric(owner text, name text) RETURNS text LANGUAGE sql AS $$
  SELECT pg_temp.error_of(format('INSERT INTO bizmetrics.metrics VALUES (%2$L, ''gauge'', ''Help.'', ''{}'', ''SELECT 1 AS value'', %1$L, ''1 minute'', ''1 minute'', 10, NULL, ''public'', false, now())', owner, name))
$$;
CREATE FUNCTION pg_temp.add_alert(owner text, name text) RETURNS text LANGUAGE sql AS $$
  SELECT pg_temp.error_of(format('INSERT INTO bizmetrics.alerts VALUES (%2$L, %1$L, NULL, NULL, ''SELECT 1 AS value'', ''>'', 0, 0, ''0'', ''1 minute'', ''warning'', NULL, ''1 minute'', ''public'', now())', owner, name))
$$;
SELECT pg_temp.add_metric(owner, 'shop_' || owner), pg_temp.add_alert(owner, owner) FROM unnest('{regress_victim,postgres,regress_nobody,regress_friend,regress_dbo}'::text[]) owner;
SELECT pg_temp.error_of(format(command, 'metrics')), pg_temp.error_of(format(command, 'alerts'))
FROM unnest(ARRAY['UPDATE bizmetrics.%s SET owner_name = ''regress_victim''', 'DELETE FROM bizmetrics.%s', 'ALTER TABLE bizmetrics.%s DISABLE TRIGGER ALL', 'TRUNCATE bizmetrics.%s']) command;
SELECT pg_temp.error_of('UPDATE bizmetrics.metric_series SET numbers = ''{1}'''), pg_temp.error_of('DELETE FROM bizmetrics.alert_changes'), pg_temp.error_of('INSERT INTO bizmetrics.metric_state DEFAULT VALUES');
-- He may create for who he can become; what is asked is asked as the one who asks.
SELECT bizmetrics.grant_author('regress_friend');
SELECT bizmetrics.create_metric('shop_of_friend', 'gauge', 'Help.', '{who}', 'SELECT current_user AS who, 1 AS value', owner => 'regress_friend');
SELECT pg_temp.error_of($$SELECT bizmetrics.create_metric('shop_of_victim', 'gauge', 'Help.', '{}', 'SELECT 1 AS value', owner => 'regress_victim')$$);
SELECT bizmetrics.refresh_metrics(true), bizmetrics.check_alerts(true);
SELECT metric_name, labels FROM bizmetrics.metric_values WHERE metric_name <> 'shop_of_friend' AND metric_name <> 'shop_regress_friend';
SELECT report_name, owner_name FROM bizmetrics.report_status;
\c postgres postgres
DROP DATABASE regression_bizmetrics_metrics WITH (FORCE);
DROP ROLE regress_dbo, regress_victim, regress_friend;
