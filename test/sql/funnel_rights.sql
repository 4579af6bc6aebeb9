-- A funnel reads events with the caller's rights: whole tables, single columns, rows of policies.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
CREATE ROLE regress_funnel_author;
CREATE ROLE regress_funnel_columns;
CREATE ROLE regress_funnel_nobody;
SELECT bizmetrics.grant_author('regress_funnel_author');
GRANT USAGE ON SCHEMA bizmetrics TO regress_funnel_columns, regress_funnel_nobody;
GRANT EXECUTE ON FUNCTION bizmetrics.funnel(text[], interval, timestamptz, timestamptz, text, text, text, text, jsonb), bizmetrics.funnel_counts(jsonb, interval, timestamptz[], text, text, text, text, jsonb) TO regress_funnel_columns, regress_funnel_nobody;
GRANT SELECT (event_name, occurred_at, actor_user_id) ON public.business_events TO regress_funnel_columns;
SELECT count(bizmetrics.log_event(e, actor_user_id => n % 3, company_id => n % 2, occurred_at => timestamptz '2164-01-01' + n * interval '1 s')) FROM generate_series(1, 12) AS n, unnest('{fg_a,fg_b}'::text[]) AS e;
\set funnel 'array_agg(actors ORDER BY step) FROM bizmetrics.funnel(ARRAY[''fg_a'', ''fg_b''], ''1 h'', ''2164-01-01'', ''2164-02-01'''
SELECT :funnel);
SET ROLE regress_funnel_author;
SELECT :funnel);
SELECT :funnel, subject => 'company');
SET ROLE regress_funnel_nobody;
SELECT pg_temp.error_of($$SELECT bizmetrics.funnel(ARRAY['fg_a'], '1 h')$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.funnel(ARRAY['fg_a'], '1 h', '1900-01-01', '1900-01-01')$$);
SET ROLE regress_funnel_columns;
SELECT :funnel);
SELECT pg_temp.error_of($$SELECT bizmetrics.funnel(ARRAY['fg_a'], '1 h', subject => 'company')$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.funnel(ARRAY['fg_a'], '1 h', breakdown => 'properties.plan')$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.funnel(ARRAY['fg_a'], '1 h', filter => '{"company_id": "1"}')$$);
RESET ROLE;
-- Row security: the policy decides, whoever the table's owner is, and workers change nothing.
ALTER TABLE public.business_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_company ON public.business_events FOR SELECT TO regress_funnel_author USING (company_id = current_setting('app.company', true));
SET min_parallel_table_scan_size = 0;
SET ROLE regress_funnel_author;
SELECT :funnel);
SET app.company = '1';
SELECT :funnel);
SELECT :funnel, subject => 'company');
SELECT :funnel, breakdown => 'company_id');
RESET ROLE;
SELECT :funnel, subject => 'company');
DROP POLICY own_company ON public.business_events;
ALTER TABLE public.business_events DISABLE ROW LEVEL SECURITY;
SELECT bizmetrics.revoke_author('regress_funnel_author');
REVOKE ALL ON public.business_events FROM regress_funnel_columns;
DROP OWNED BY regress_funnel_columns, regress_funnel_nobody, regress_funnel_author;
DROP ROLE regress_funnel_author, regress_funnel_columns, regress_funnel_nobody;
DROP TABLE bizmetrics.business_events_2164_01;
