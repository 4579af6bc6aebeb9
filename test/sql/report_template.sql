-- report_template() gives a statement that runs as it is, and a report that works.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
SELECT bizmetrics.log_event('signed_up', actor_user_id => n) IS NOT NULL AS logged FROM generate_series(1, 2) n;
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT bizmetrics.report_template('Sign-ups, per "day"');
\set ECHO none
SELECT bizmetrics.report_template('Sign-ups, per "day"') \gexec
\set ECHO all
SELECT report_name, target, schedule FROM bizmetrics.report_status;
SELECT state FROM bizmetrics.run_report('Sign-ups, per "day"');
SELECT state FROM bizmetrics.run_report('Sign-ups, per "day"');
SELECT event_name, events, actors FROM analytics.sign_ups_per_day WHERE event_name = 'signed_up';
-- Names of any kind become tables.
SELECT (regexp_match(bizmetrics.report_template(name), 'target   => (\S+),'))[1] FROM unnest(ARRAY['select', '7 days', '$ddl$ $query$ %1$s', 'Ümsätze', '€', repeat('long ', 20)]) name;
\set ECHO none
SELECT bizmetrics.report_template(name) FROM unnest(ARRAY['select', '$ddl$ $query$ %1$s ''']) name \gexec
\set ECHO all
SELECT format('SELECT state FROM bizmetrics.run_report(%L)', name) FROM unnest(ARRAY['select', '$ddl$ $query$ %1$s ''']) name \gexec
-- What is there, or cannot be.
SELECT pg_temp.error_of(format('SELECT bizmetrics.report_template(%L)', name)) FROM unnest(ARRAY['select', 'SELECT', '', NULL, repeat('x', 101)]) name;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
SELECT bizmetrics.revoke_author('regress_author');
DROP OWNED BY regress_author;
DROP ROLE regress_author;
