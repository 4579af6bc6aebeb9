-- The shop's database: the extension and three plain roles. Run by a superuser in the database;
-- can be run again.
\set ON_ERROR_STOP on
SET client_min_messages = warning;

CREATE EXTENSION IF NOT EXISTS bizmetrics;

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest('{shop_app, analyst, grafana}'::text[]) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

SELECT bizmetrics.grant_writer('shop_app'),  -- the application: logs events
       bizmetrics.grant_author('analyst'),   -- reads events, registers reports and owns their tables
       bizmetrics.grant_reader('grafana')    -- the dashboard: reads the report tables, also those to come
\g (format=unaligned tuples_only=on) /dev/null
