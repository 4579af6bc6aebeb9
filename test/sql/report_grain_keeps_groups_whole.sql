-- A grain narrows what is computed only where events of its values are groups by themselves: what puts
-- others into the same group makes that no grain.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-03-01', '2026-04-01') >= 0;
CREATE COLLATION public.regress_any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
INSERT INTO public.business_events (event_name, occurred_at, company_id) VALUES
  ('mix', '2026-03-02 10:00Z', NULL), ('mix', '2026-03-02 11:00Z', 'acme'), ('mix', '2026-03-02 12:00Z', ''), ('mix', '2026-03-02 12:00Z', 'other'), ('mix', '2026-03-03 11:00Z', 'acme');
-- NULL as a word that a company may have: its events are those of the company, too.
SELECT bizmetrics.create_report('mix_word', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, 'acme') AS company, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'mix' GROUP BY 1, 2$$, schedule => :never, key => '{day,company}', bucket => '1 day');
-- NULL as nothing: both are the grain's empty value.
SELECT bizmetrics.create_report('mix_empty', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, '') AS company, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'mix' GROUP BY 1, 2$$, schedule => :never, key => '{day,company}', bucket => '1 day');
SELECT bizmetrics.create_report('mix_cast', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, '')::varchar AS company, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'mix' GROUP BY 1, 2$$, schedule => :never, key => '{day,company}', bucket => '1 day');
SELECT bizmetrics.create_report('mix_bpchar', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, '')::bpchar AS company, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'mix' GROUP BY 1, 2$$, schedule => :never, key => '{day,company}', bucket => '1 day');
SELECT bizmetrics.create_report('mix_two', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, actor_user_id, '') AS company, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'mix' GROUP BY 1, 2$$, schedule => :never, key => '{day,company}', bucket => '1 day');
-- Groups that vanish: three are too many.
SELECT bizmetrics.create_report('mix_having', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, 'none') AS company, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'mix' GROUP BY 1, 2 HAVING count(*) < 3$$, schedule => :never, key => '{day,company}', bucket => '1 day');
-- Names that are equal, whatever their case.
SELECT bizmetrics.create_report('mix_case', query => $$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n FROM public.business_events WHERE event_name = 'MIX' COLLATE public.regress_any_case GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT r, line FROM unnest('{mix_word,mix_empty,mix_cast,mix_bpchar,mix_two,mix_having,mix_case}'::text[]) r, bizmetrics.explain_report(r) line WHERE line ~ '^(Grain|Events)';
SELECT format('SELECT state FROM bizmetrics.run_report(%L)', r) FROM unnest('{mix_word,mix_empty,mix_cast,mix_bpchar,mix_two,mix_having,mix_case}'::text[]) r \gexec
SELECT * FROM analytics.mix_having ORDER BY 1, 2;
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES
  ('mix', '2026-03-02 13:00Z', 'acme', NULL), ('mix', '2026-03-02 14:00Z', NULL, 'acme'), ('mix', '2026-03-02 14:00Z', NULL, 'other');
SELECT r, line FROM unnest('{mix_word,mix_empty,mix_two}'::text[]) r, bizmetrics.explain_report(r) line WHERE line ~ '^Window';
SELECT format('SELECT state FROM bizmetrics.run_report(%L)', r) FROM unnest('{mix_word,mix_empty,mix_cast,mix_bpchar,mix_two,mix_having,mix_case}'::text[]) r \gexec
SELECT * FROM analytics.mix_word ORDER BY 1, 2;
SELECT * FROM analytics.mix_empty ORDER BY 1, 2;
SELECT count(*) AS differ FROM (TABLE analytics.mix_empty EXCEPT TABLE analytics.mix_cast) d;
SELECT * FROM analytics.mix_bpchar ORDER BY 1, 2;
SELECT * FROM analytics.mix_two ORDER BY 1, 2;
SELECT * FROM analytics.mix_having ORDER BY 1, 2;
SELECT * FROM analytics.mix_case ORDER BY 1;
-- A grain that is given must be one.
SELECT pg_temp.error_of(format($$SELECT bizmetrics.create_report('mix_given', query => 'SELECT date_trunc(''day'', occurred_at) AS day, %s AS company, count(DISTINCT id) AS n FROM public.business_events GROUP BY 1, 2', schedule => '0 0 29 2 *', key => '{day,company}', bucket => '1 day', grain => 'company_id')$$, company)) FROM unnest(ARRAY['coalesce(company_id, ''''none'''')', 'coalesce(company_id, actor_user_id)', 'upper(company_id)', 'coalesce(actor_user_id, '''''''')', 'coalesce(company_id, '''''''')']) company;
-- A grain is asked for where windows are, so counts that could be added up are computed by windows, too.
SELECT bizmetrics.create_report('mix_counts', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, '') AS company, count(*) AS n FROM public.business_events WHERE event_name = 'mix' GROUP BY 1, 2$$, schedule => :never, key => '{day,company}', bucket => '1 day', grain => 'company_id');
SELECT line FROM bizmetrics.explain_report('mix_counts') line WHERE line ~ '^(Strategy|Grain)';
-- Where all rows of a bucket are of some values that changed, its events are not looked at for them: a row that
-- somebody deleted is back. Else it is not.
SELECT count(bizmetrics.log_event('mix', company_id => company, occurred_at => '2026-03-05')) FROM unnest('{a,b,c,d}'::text[]) AS company;
SELECT state, row_count FROM bizmetrics.run_report('mix_counts');
DELETE FROM analytics.mix_counts WHERE company = 'd';
SELECT count(bizmetrics.log_event('mix', company_id => company, occurred_at => '2026-03-05')) FROM unnest('{a,b}'::text[]) AS company;
SELECT state, row_count FROM bizmetrics.run_report('mix_counts');
SELECT company, n FROM analytics.mix_counts WHERE day >= '2026-03-05' ORDER BY 1;
SELECT count(bizmetrics.log_event('mix', company_id => company, occurred_at => '2026-03-05')) FROM unnest('{a,b,c}'::text[]) AS company;
SELECT state, row_count FROM bizmetrics.run_report('mix_counts');
SELECT company, n FROM analytics.mix_counts WHERE day >= '2026-03-05' ORDER BY 1;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
DROP COLLATION public.regress_any_case;
