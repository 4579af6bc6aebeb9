-- The SELECT of a declarative report runs in parallel, though its result is written: it runs by itself. It gives here but
-- the rows that a worker reads: all of them, where the leader takes no part.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-03-01', '2026-04-01') >= 0;
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
CREATE FUNCTION analytics.in_worker(leader int) RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE STABLE AS $$ BEGIN RETURN pg_backend_pid() <> leader; END $$;
-- The process that runs the report is known to its SELECT by a setting, which workers have, too.
INSERT INTO public.business_events (event_name, occurred_at, actor_user_id) SELECT 'par', timestamptz '2026-03-02Z' + n * interval '1 minute', n % 10 FROM generate_series(1, 4000) n;
\set select 'SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n, count(DISTINCT actor_user_id) AS actors FROM public.business_events WHERE event_name = ''par'' AND analytics.in_worker(current_setting(''bm.leader'')::int) GROUP BY 1'
SELECT set_config('bm.leader', pg_backend_pid()::text, false) IS NOT NULL;
SELECT bizmetrics.create_report('par_' || s, query => :'select', schedule => :never, key => '{day}', bucket => CASE WHEN s <> 'full' THEN interval '1 day' END, strategy => s) FROM unnest('{replace_window,merge,full}'::text[]) s;
SELECT r, bool_or(line ~ 'Gather') AS gathers FROM unnest('{par_replace_window,par_merge,par_full}'::text[]) r, bizmetrics.explain_report(r) line GROUP BY 1 ORDER BY 1;
SELECT format('SELECT state, row_count, message FROM bizmetrics.run_report(%L)', r) FROM unnest('{par_replace_window,par_merge,par_full}'::text[]) r \gexec
SELECT * FROM analytics.par_replace_window ORDER BY 1;
SELECT * FROM analytics.par_merge ORDER BY 1;
SELECT * FROM analytics.par_full ORDER BY 1;
-- Without workers the leader reads all, and gives none.
SET max_parallel_workers_per_gather = 0;
UPDATE analytics.par_replace_window SET n = 0;
SELECT bizmetrics.reset_report('par_replace_window');
SELECT state, row_count, message FROM bizmetrics.run_report('par_replace_window');
SELECT * FROM analytics.par_replace_window ORDER BY 1;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
