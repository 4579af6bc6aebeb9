-- What stands between a SELECT and its table is said in the report's words: keys that do not tell rows apart, a table that is
-- another report's. One that was dropped is made anew by alter_report(), and filled anew.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-02-01', '2026-03-01') >= 0;
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
SELECT count(bizmetrics.log_event('table' || n % 2, company_id => CASE WHEN n > 2 THEN 'c' END, occurred_at => timestamptz '2026-02-01 10:00Z' + n * interval '8 hours')) FROM generate_series(0, 5) n;
-- Of two rows of one key, and of NULL in it, the message says which columns.
SELECT bizmetrics.create_report('twice', query => $$SELECT date_trunc('day', occurred_at) AS day, event_name, count(DISTINCT id) AS n FROM public.business_events WHERE event_name ~ '^table' GROUP BY 1, 2$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT bizmetrics.create_report('nobody', query => $$SELECT date_trunc('day', occurred_at) AS day, company_id, count(DISTINCT id) AS n FROM public.business_events WHERE event_name ~ '^table' GROUP BY 1, 2$$, schedule => :never, key => '{day,company_id}', bucket => '1 day');
SELECT bizmetrics.create_report('nobody_ever', query => $$SELECT company_id, count(DISTINCT id) AS n FROM public.business_events WHERE event_name ~ '^table' GROUP BY 1$$, schedule => :never, key => '{company_id}');
SELECT state, sqlstate, message FROM bizmetrics.run_report('twice');
SELECT state, sqlstate, message FROM bizmetrics.run_report('nobody');
SELECT state, sqlstate, message FROM bizmetrics.run_report('nobody_ever');
-- An error of the same kind in a trigger is the trigger's.
CREATE TABLE analytics.triggered (day timestamptz PRIMARY KEY, n bigint);
CREATE FUNCTION analytics.too_many() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM (SELECT g FROM generate_series(1, 2) g); RETURN NEW; END $$;
CREATE TRIGGER too_many BEFORE INSERT ON analytics.triggered FOR EACH ROW EXECUTE FUNCTION analytics.too_many();
SELECT bizmetrics.create_report('triggered', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name ~ '^table' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT state, sqlstate, message FROM bizmetrics.run_report('triggered');
-- A table has one report that takes its rows for its own.
SELECT pg_temp.error_of($$SELECT bizmetrics.create_report('second', target => 'analytics.twice', query => 'SELECT date_trunc(''day'', occurred_at) AS day, event_name, count(DISTINCT id) AS n FROM public.business_events WHERE event_name ~ ''^table'' GROUP BY 1, 2', schedule => '@yearly', key => '{day}', bucket => '1 day')$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.create_report('second', target => 'analytics.twice', query => 'SELECT date_trunc(''day'', occurred_at) AS day, min(event_name) AS event_name, count(*) AS n FROM public.business_events WHERE event_name ~ ''^table'' GROUP BY 1', schedule => '@yearly', key => '{day}', strategy => 'full')$$);
-- Others may write into it, too: what they write is their business.
SELECT bizmetrics.create_report('second', target => 'analytics.twice', query => 'SELECT date_trunc(''day'', occurred_at) AS day, min(event_name) AS event_name, count(*) AS n FROM public.business_events WHERE event_name ~ ''^table'' GROUP BY 1', schedule => '@yearly', key => '{day}', bucket => '1 day', strategy => 'merge');
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_report('second', strategy => 'full')$$);
SELECT bizmetrics.alter_report('second', description => 'Of a day.');
-- Names that are as long as a table's may be are cut off by PostgreSQL: of two of them that are then the same, the second is refused.
SELECT bizmetrics.create_report(repeat('n', 63) || 'a', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n FROM public.business_events WHERE event_name ~ '^table' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT pg_temp.error_of($$SELECT bizmetrics.create_report(repeat('n', 63) || 'b', query => 'SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n FROM public.business_events WHERE event_name ~ ''^table'' GROUP BY 1', schedule => '@yearly', key => '{day}', bucket => '1 day')$$);
-- Dropped after it was filled.
SELECT bizmetrics.create_report('days', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name ~ '^table' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT bizmetrics.create_report('added', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n FROM public.business_events WHERE event_name ~ '^table' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT state, row_count FROM bizmetrics.run_report('days');
SELECT state, row_count FROM bizmetrics.run_report('added');
DROP TABLE analytics.days, analytics.added;
SELECT state, sqlstate, message FROM bizmetrics.run_report('days');
SELECT bizmetrics.alter_report('days', description => 'Made anew.'), bizmetrics.alter_report('added', retention => '90 years');
SELECT state, row_count FROM bizmetrics.run_report('days');
SELECT state, row_count FROM bizmetrics.run_report('added');
SELECT (SELECT sum(n) FROM analytics.days), (SELECT sum(n) FROM analytics.added), obj_description('analytics.days'::regclass);
SELECT state, row_count FROM bizmetrics.run_report('days');
-- What adds new events of its own choice cannot be computed anew by windows.
SELECT bizmetrics.create_report('own', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n FROM bizmetrics.new_events() WHERE event_name ~ '^table' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT state, row_count FROM bizmetrics.run_report('own');
CALL bizmetrics.backfill_report('own', '2026-02-01', '2026-02-06');
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
