-- Bad input to log_event(): a clear error with its SQLSTATE and hint, and nothing stored.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(NULL)');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event('''')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(repeat(''n'', 101))');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(repeat(''é'', 101))');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', ''[1, 2]'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', ''"text"'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', ''42'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', ''true'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', ''null'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', ''{'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', occurred_at => ''infinity'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', occurred_at => ''-infinity'')');
-- Times whose month the type cannot hold.
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', occurred_at => ''294276-12-31 00:00+00'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', occurred_at => ''4714-11-24 00:00+00 BC'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', dedupe_key => repeat(''k'', 501))');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event()');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', no_such => 1)');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(42)');
-- An id that no index can hold is an error too, and leaves nothing.
SELECT left(pg_temp.error_of('SELECT bizmetrics.log_event(''bad'', actor_user_id => (SELECT string_agg(md5(n::text), '''') FROM generate_series(1, 1000) n))'), 5);

-- At the limits all is well, characters counted and not bytes.
BEGIN;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(repeat(''é'', 100), dedupe_key => repeat(''é'', 500))');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''x'', dedupe_key => '''')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''x'', ''{}'', occurred_at => ''294276-11-30 00:00+00'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''x'', ''{}'', occurred_at => ''4713-01-01 00:00+00 BC'')');
ROLLBACK;

BEGIN READ ONLY;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'')');
SELECT pg_temp.error_of('SELECT bizmetrics.ensure_partitions(''2021-01-01'', ''2021-02-01'')');
ROLLBACK;
SET default_transaction_read_only = on;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''bad'')');
SET default_transaction_read_only = off;

-- INSERT is held to the same rules.
BEGIN;
SELECT bizmetrics.ensure_partitions('2021-01-01', '2021-02-01');
\set insert 'INSERT INTO public.business_events (occurred_at, event_name, properties, dedupe_key) VALUES '
\set ON_ERROR_ROLLBACK on
\set VERBOSITY sqlstate
:insert ('2021-01-01', NULL, '{}', NULL);
:insert ('2021-01-01', '', '{}', NULL);
:insert ('2021-01-01', repeat('n', 101), '{}', NULL);
:insert ('2021-01-01', 'bad', '[]', NULL);
:insert ('2021-01-01', 'bad', NULL, NULL);
:insert (NULL, 'bad', '{}', NULL);
:insert ('infinity', 'bad', '{}', NULL);
:insert ('2021-01-01', 'bad', '{}', repeat('k', 501));
:insert ('2021-02-01', 'bad', '{}', NULL);
ROLLBACK;
SELECT count(*) FROM public.business_events WHERE event_name = 'bad';
