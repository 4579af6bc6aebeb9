-- A delta adds up what each kind of aggregate gives, and is then what it would be if computed at once: NULLs
-- of groups without a value included.
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
SET lc_monetary = 'C';
\set select 'SELECT date_trunc(''day'', occurred_at) AS day, coalesce(company_id, '''') AS company, count(*) AS events, count(actor_user_id) AS with_actor, count(*) FILTER (WHERE properties ? ''x'') AS with_x, sum((properties ->> ''n'')::smallint) AS small, sum((properties ->> ''n'')::int) AS whole, sum((properties ->> ''n'')::bigint) AS big, sum((properties ->> ''n'')::numeric(10,2)) AS exact, sum((properties ->> ''n'')::numeric::money) AS cash, sum(((properties ->> ''n'') || '' minutes'')::interval) AS lasted, min((properties ->> ''n'')::int) AS least, max((properties ->> ''n'')::float) AS most, min(occurred_at) AS first_at, max(occurred_at::timestamp) AS last_at, min(event_name COLLATE "C") AS word, max(request_id) AS request, min(((properties ->> ''n'') || '' minutes'')::interval) AS shortest, max((properties ->> ''n'')::numeric::money) AS priciest, bool_and((properties ->> ''ok'')::boolean) AS all_ok, bool_or((properties ->> ''ok'')::boolean) AS some_ok, every((properties ->> ''ok'')::boolean) AS every_ok, max(ARRAY[(properties ->> ''n'')::int]) AS list, min(DISTINCT occurred_at::date) AS first_day, min(inet(''10.0.0.'' || (properties ->> ''n''))) AS address FROM public.business_events WHERE event_name = ''adds'' GROUP BY 1, 2'
SELECT bizmetrics.create_report('adds', query => :'select', schedule => :never, key => '{day,company}', bucket => '1 day');
SELECT line FROM bizmetrics.explain_report('adds') line WHERE line ~ '^Strategy';
CREATE TEMP VIEW truth AS :select;
CREATE FUNCTION pg_temp.differences() RETURNS bigint LANGUAGE sql AS 'SELECT (SELECT count(*) FROM (TABLE analytics.adds EXCEPT ALL TABLE truth) d) + (SELECT count(*) FROM (TABLE truth EXCEPT ALL TABLE analytics.adds) d)';
-- A group without any value; then with some; then with none again, beside NULL, negative and null ones.
INSERT INTO public.business_events (event_name, occurred_at, company_id) VALUES ('adds', '2026-03-02 10:00Z', 'a');
SELECT state, row_count FROM bizmetrics.run_report('adds');
\x on
SELECT * FROM analytics.adds;
\x off
SELECT pg_temp.differences();
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id, request_id, properties) VALUES
  ('adds', '2026-03-02 09:00Z', 'a', 'u', 'b', '{"n": 3, "ok": true, "x": 1}'), ('adds', '2026-03-02 11:00Z', 'a', NULL, 'é', '{"n": 2, "ok": true}'), ('adds', '2026-03-02 11:00Z', NULL, 'u', NULL, '{"n": 7, "ok": false}');
SELECT state, row_count FROM bizmetrics.run_report('adds');
SELECT pg_temp.differences();
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties) VALUES ('adds', '2026-03-02 12:00Z', 'a', '{"n": null}'), ('adds', '2026-03-02 08:00Z', 'a', '{"n": 1, "ok": false}'), ('adds', '2026-03-05 08:00Z', 'a', '{"n": 100, "ok": true}'), ('adds', '2026-03-02 08:00Z', '', '{"n": 9}');
SELECT state, row_count FROM bizmetrics.run_report('adds');
SELECT pg_temp.differences();
\x on
SELECT * FROM analytics.adds ORDER BY day, company;
\x off
-- Nothing that adds up: no row is written, and nothing is forgotten.
SELECT state, row_count FROM bizmetrics.run_report('adds');
-- Sums of 1 and -1 leave the row as it is; they are not added twice with the next ones.
SELECT bizmetrics.create_report('adds_nothing', query => $$SELECT date_trunc('day', occurred_at) AS day, sum((properties ->> 'n')::int) AS n FROM public.business_events WHERE event_name = 'adds_nothing' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
INSERT INTO public.business_events (event_name, occurred_at, properties) VALUES ('adds_nothing', '2026-03-02 10:00Z', '{"n": 5}');
SELECT state, row_count FROM bizmetrics.run_report('adds_nothing');
INSERT INTO public.business_events (event_name, occurred_at, properties) VALUES ('adds_nothing', '2026-03-02 10:00Z', '{"n": 1}'), ('adds_nothing', '2026-03-02 10:00Z', '{"n": -1}');
SELECT state, row_count FROM bizmetrics.run_report('adds_nothing');
INSERT INTO public.business_events (event_name, occurred_at, properties) VALUES ('adds_nothing', '2026-03-02 10:00Z', '{"n": 2}');
SELECT state, row_count FROM bizmetrics.run_report('adds_nothing');
SELECT * FROM analytics.adds_nothing;
-- Computed anew it is the same, and no row is written.
SELECT bizmetrics.reset_report('adds'), bizmetrics.reset_report('adds_nothing');
SELECT state, row_count FROM bizmetrics.run_report('adds');
SELECT state, row_count FROM bizmetrics.run_report('adds_nothing');
SELECT pg_temp.differences();
-- Without a bucket, and with nothing but a key.
SELECT bizmetrics.create_report('adds_ever', query => $$SELECT coalesce(company_id, '') AS company, count(*) AS n FROM public.business_events WHERE event_name = 'adds' GROUP BY 1$$, schedule => :never, key => '{company}');
SELECT bizmetrics.create_report('adds_known', query => $$SELECT coalesce(company_id, '') AS company FROM public.business_events WHERE event_name = 'adds' GROUP BY 1$$, schedule => :never, key => '{company}');
SELECT format('SELECT state, row_count FROM bizmetrics.run_report(%L)', r) FROM unnest('{adds_ever,adds_known}'::text[]) r, generate_series(1, 2) \gexec
INSERT INTO public.business_events (event_name, occurred_at, company_id) VALUES ('adds', '2026-03-02 10:00Z', 'a'), ('adds', '2026-03-02 10:00Z', 'new');
SELECT format('SELECT state, row_count FROM bizmetrics.run_report(%L)', r) FROM unnest('{adds_ever,adds_known}'::text[]) r \gexec
SELECT * FROM analytics.adds_ever ORDER BY 1;
SELECT * FROM analytics.adds_known ORDER BY 1;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
