\set ECHO none
-- Reloads the configuration and waits until this session sees it: value is what :setting becomes.
-- A session reads it between commands only, so the waiting is done in many of them.
\o /dev/null
SELECT pg_reload_conf();
SELECT format('SELECT pg_sleep(CASE WHEN current_setting(%L) = %L THEN 0 ELSE 0.01 END)', :'setting', :'value')
FROM generate_series(1, 1000) \gexec
\o
\set ECHO all
SELECT current_setting(:'setting') = :'value' AS in_force;
