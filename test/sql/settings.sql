-- Every setting: its name, context, type, bounds, default and description.
LOAD 'bizmetrics';
\a
SELECT name, context, vartype, unit, min_val, max_val, enumvals, boot_val, short_desc, extra_desc
FROM pg_settings WHERE name LIKE 'bizmetrics.%' ORDER BY name;
\a
SET bizmetrics.no_such_setting = 1;
SET bizmetrics.partition_interval = 'week';
CREATE ROLE regress_plain;
SET ROLE regress_plain;
SET bizmetrics.allow_superuser_reports = on;
RESET ROLE;
DROP ROLE regress_plain;
