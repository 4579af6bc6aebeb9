-- Installing, upgrading and uninstalling packs, and what every pack promises of its data.
\i test/helpers/packs.sql
BEGIN;
SET LOCAL TimeZone = 'UTC';
SELECT no_plan();
CREATE ROLE pgtap_analyst LOGIN;
CREATE ROLE pgtap_other LOGIN;
SELECT bizmetrics.grant_author('pgtap_analyst'), bizmetrics.grant_author('pgtap_other');

-- Data: placeholders name events and properties that the pack tells of, and what runs after others has them.
CREATE TEMP VIEW placeholders AS
SELECT q.pack, q.name, m[1] AS placeholder, split_part(m[1], '.', 1) AS event_name, substring(m[1] FROM position('.' IN m[1] || '.') + 1) AS property
FROM (SELECT pack, report_name AS name, query FROM bizmetrics.pack_reports UNION ALL SELECT pack, metric_name, query FROM bizmetrics.pack_metrics) AS q,
     regexp_matches(q.query, '\{\{(.*?)\}\}', 'g') AS m;
SELECT is_empty($$SELECT p.name, p.placeholder FROM placeholders p WHERE NOT EXISTS (SELECT FROM bizmetrics.pack_events e WHERE e.event_name = p.event_name AND e.pack = p.pack) AND p.event_name <> p.pack$$, 'queries read events of their pack');
SELECT is_empty($$SELECT p.name, p.placeholder FROM placeholders p WHERE p.property <> '' AND p.event_name <> p.pack AND NOT EXISTS (SELECT FROM bizmetrics.pack_events e, bizmetrics.schema_properties(e.properties_schema) s WHERE e.event_name = p.event_name AND s.property = p.property)$$, 'and properties that those have');
SELECT is_empty($$SELECT p.name, p.placeholder FROM placeholders p WHERE p.event_name = p.pack AND NOT EXISTS (SELECT FROM bizmetrics.pack_parameters a WHERE a.pack = p.pack AND a.name = p.property)$$, 'and parameters that the pack has');
SELECT is_empty($$SELECT e.pack, e.event_name, s.property FROM bizmetrics.pack_events e, bizmetrics.schema_properties(e.properties_schema) s WHERE coalesce(s.property_schema ->> 'description', '') !~ '\.$'$$, 'every property is described');
SELECT is_empty($$SELECT report_name, e FROM bizmetrics.pack_reports r, unnest(events) e WHERE NOT EXISTS (SELECT FROM bizmetrics.pack_events p WHERE p.event_name = e AND p.pack = r.pack) AND NOT EXISTS (SELECT FROM bizmetrics.pack_parameters p WHERE p.pack || '.' || p.name = e AND jsonb_typeof(p.standard) = 'array')$$, 'what changes a report is an event of the pack, or what a parameter lists');
SELECT is(bizmetrics.pack_event_names('{user_signed_up,growth.funnel_steps}'), '{payment_received,trial_started,user_activated,user_signed_up}', 'which are its items, each once');
SELECT is_empty($$SELECT r.report_name, a FROM bizmetrics.pack_reports r, unnest(r.after || substring(r.source FROM '^analytics\.(.*)')) a WHERE a IS NOT NULL AND NOT EXISTS (SELECT FROM bizmetrics.pack_reports o WHERE o.report_name = a AND o.pack = r.pack)$$, 'a report runs after reports of its pack');
CREATE TEMP VIEW followed AS
WITH RECURSIVE before AS (
  SELECT r.report_name::text COLLATE "C" AS report_name, a::text COLLATE "C" AS other FROM bizmetrics.pack_reports r, unnest(r.after || substring(r.source FROM '^analytics\.(.*)')) a
  UNION
  SELECT b.report_name, a::text FROM before b JOIN bizmetrics.pack_reports r ON r.report_name = b.other, unnest(r.after || substring(r.source FROM '^analytics\.(.*)')) a
) SELECT * FROM before WHERE other IS NOT NULL;
SELECT is_empty($$SELECT r.report_name, m[1] FROM bizmetrics.pack_reports r, regexp_matches(r.query, 'analytics\.(\w+)', 'g') m WHERE m[1] <> r.report_name AND NOT EXISTS (SELECT FROM followed f WHERE f.report_name = r.report_name AND f.other = m[1])$$, 'and after all that it reads');
SELECT is_empty($$SELECT * FROM followed WHERE report_name = other$$, 'and after none that runs after it');
SELECT is_empty($$SELECT report_name FROM bizmetrics.pack_reports WHERE query ~* '(from|join)\s+(business_events|daily_|events_)'$$, 'tables are named with their schema');
SELECT is_empty($$SELECT r.report_name, c.key FROM bizmetrics.pack_reports r, jsonb_each(r.columns) c WHERE coalesce(c.value ->> 'meaning', '') !~ '[.?]$' OR EXISTS (SELECT FROM jsonb_object_keys(c.value) k WHERE k <> ALL ('{meaning,unit,definition,source}'))$$, 'columns have a meaning');
SELECT is_empty($$SELECT report_name FROM bizmetrics.pack_reports WHERE description !~ '\.$'$$, 'reports are described');
SELECT is_empty($$SELECT metric_name FROM bizmetrics.pack_metrics WHERE (type = 'counter') <> (metric_name ~ '_total$') OR metric_name !~ '^[a-z][a-z0-9_]*$' OR help !~ '\.$'$$, 'counters, and they alone, end in _total');

-- Names
SELECT is(bizmetrics.render_pack_query('e = {{order_paid}} AND x ->> {{order_paid.items.quantity}} = {{order_paid.value}}{{order_paid}}'), $$e = 'order_paid' AND x ->> 'quantity' = 'value''order_paid'$$, 'placeholders become literals, of what is within items the last word');
SELECT lives_ok($$SELECT bizmetrics.map_event('order_paid', 'it''s {{order_paid.value}}'), bizmetrics.map_property('order_paid', 'items.quantity', 'qty')$$, 'a team has names of its own');
SELECT is(bizmetrics.render_pack_query('{{order_paid}} {{order_paid.items.quantity}} {{order_paid.items.name}}'), $$'it''s {{order_paid.value}}' 'qty' 'name'$$, 'which are read once, as they are');
SELECT lives_ok($$SELECT bizmetrics.map_event('order_paid', NULL), bizmetrics.map_property('order_paid', 'items.quantity', NULL)$$, 'and may take them back');
SELECT is_empty($$SELECT * FROM bizmetrics.pack_names$$, 'without a trace');
SELECT throws_ok($$SELECT bizmetrics.map_event('nothing', 'x')$$, '42704', 'no pack reads an event "nothing"', 'an event that no pack reads');
SELECT throws_ok($$SELECT bizmetrics.map_event(NULL, 'x')$$, '22004', 'pack_event must not be NULL', 'no event');
SELECT throws_ok($$SELECT bizmetrics.map_event('order_paid', '')$$, '22023', 'own_event must have 1 to 100 characters', 'an empty name');
SELECT throws_ok($$SELECT bizmetrics.map_property('order_paid', 'colour', 'x')$$, '42704', 'event "order_paid" of the packs has no property "colour"', 'a property that it does not have');
SELECT throws_ok($$SELECT bizmetrics.map_property('order_paid', NULL, 'x')$$, '22004', 'property must not be NULL', 'no property');
SELECT throws_ok($$SELECT bizmetrics.map_property('order_paid', 'value', '')$$, '22023', 'own_property must not be empty', 'an empty key');

-- Values of events
SELECT is(array_agg(bizmetrics.number_in(p, 'n') ORDER BY o), '{12.50,12.50,-3,0.5,7,NULL,NULL,NULL,NULL,NULL,NULL,NULL}'::numeric[], 'numbers, written as numbers or as strings')
FROM unnest(ARRAY['{"n": 12.50}', '{"n": " 12.50 "}', '{"n": "-3"}', '{"n": ".5"}', '{"n": "7."}', '{"n": "12,50"}', '{"n": "NaN"}', '{"n": ""}', '{"n": [1]}', '{"n": null}', '{"n": true}', '{}']::jsonb[]) WITH ORDINALITY AS x (p, o);
SELECT is((SELECT array_agg(i) FROM bizmetrics.items_in('{"i": [1, {"a": 2}]}', 'i') i), ARRAY['1', '{"a": 2}']::jsonb[], 'items');
SELECT is_empty($$SELECT bizmetrics.items_in(p, 'i') FROM unnest(ARRAY['{"i": {"a": 1}}', '{"i": "x"}', '{"i": null}', '{}']::jsonb[]) p$$, 'what is no array has none');
SELECT is((SELECT provolatile::text || ' ' || (proconfig IS NULL)::text || ' ' || proisstrict::text FROM pg_proc WHERE oid = 'bizmetrics.items_in(jsonb, text)'::regprocedure), 's true false', 'the planner sees through it');
SELECT is(bizmetrics.number_in('[12]', 'n'), NULL, 'an array has no number under a key');
SELECT is(bizmetrics.number_in(jsonb_build_object('n', repeat('9', 1001)), 'n'), NULL, 'a thousand digits are no amount');
SELECT is(bizmetrics.number_in(jsonb_build_object('n', p), 'n'), NULL, p || ' is no number') FROM unnest('{1e5,1.2.3,--1,.,-,1 2,0x10,١,Infinity}'::text[]) p;

-- Installing
SELECT throws_ok($$SELECT bizmetrics.install_pack('shop')$$, '42704', 'there is no pack "shop"', 'a pack that is none');
SELECT throws_ok($$SELECT bizmetrics.install_pack(NULL)$$, '22004', 'pack must not be NULL', 'no pack');
SELECT throws_ok($$SELECT bizmetrics.install_pack('support', owner => 'pgtap_analyst', schedules => '[]')$$, '22023', 'schedules must be a JSON object, not array', 'schedules that are no object');
SELECT throws_ok($$SELECT bizmetrics.install_pack('support', owner => 'pgtap_analyst', schedules => '{"support_daily": 5}')$$, '22023', 'the schedule of "support_daily" must be a string', 'a schedule that is no string');
SELECT throws_ok($$SELECT bizmetrics.install_pack('support', owner => 'pgtap_analyst', schedules => '{"daily_kpis": "* * * * *"}')$$, '42704', 'schedules names "daily_kpis", which is no report of pack "support"', 'a schedule of another pack''s report');
SELECT throws_ok($$SELECT bizmetrics.install_pack('support', owner => 'pgtap_analyst', skip => '{x}')$$, '42704', 'skip names "x", which is no report of pack "support"', 'a report that is none');
SELECT throws_ok($$SELECT bizmetrics.install_pack('saas', owner => 'pgtap_analyst', skip => '{sessions_daily}')$$, '2BP01', NULL, 'a report that others run after, and read');
SELECT throws_ok($$SELECT bizmetrics.install_pack('support', owner => 'pgtap_analyst', timezone => 'Mars/Olympus')$$, '22023', NULL, 'a zone that is none');
SELECT throws_ok($$SELECT bizmetrics.install_pack('support', owner => 'pgtap_analyst', restore => NULL)$$, '22004', 'restore must not be NULL', 'restore is NULL');
SELECT throws_ok($$SELECT bizmetrics.uninstall_pack('support')$$, '42704', 'pack "support" is not installed', 'a pack that is not installed');
SELECT is_empty($$SELECT * FROM bizmetrics.packs$$, 'nothing is installed after an error');
SET LOCAL client_min_messages = error;
SELECT bizmetrics.log_event('ticket_reopened', '{"anything": "goes"}') IS NOT NULL;
RESET client_min_messages;
SELECT is(bizmetrics.install_pack('support', owner => 'pgtap_analyst', timezone => 'Europe/Berlin', schedules => '{"support_daily": "1 2 3 4 5"}'), 4, 'a pack is installed: so many reports');
SELECT is(bizmetrics.install_pack('support', owner => 'pgtap_analyst', timezone => 'Europe/Berlin', schedules => '{"support_daily": "1 2 3 4 5"}'), 0, 'again: nothing changes');
SELECT is(bizmetrics.install_pack('support'), 0, 'without saying so again: neither');
SELECT pg_temp.rows_are($$SELECT report_name, owner_name, target, schedule, timezone FROM bizmetrics.report_status WHERE report_name LIKE 'support%' ORDER BY 1$$,
  '{"(support_backlog,pgtap_analyst,analytics.support_backlog,\"*/5 * * * *\",Europe/Berlin)","(support_daily,pgtap_analyst,analytics.support_daily,\"1 2 3 4 5\",Europe/Berlin)","(support_tickets,pgtap_analyst,analytics.support_tickets,\"*/5 * * * *\",Europe/Berlin)"}', 'its reports are those of the owner, in his zone');
SELECT pg_temp.rows_are($$SELECT event_name, properties_schema IS NOT NULL FROM bizmetrics.registered_event_types ORDER BY 1$$, '{"(ticket_created,t)","(ticket_reopened,f)","(ticket_replied,t)","(ticket_resolved,t)"}', 'its events are event types, with a schema where they were not logged before');
SELECT throws_ok($$SELECT bizmetrics.log_event('ticket_created', '{"priority": 1}')$$, '22023', NULL, 'and are checked');
SELECT throws_ok($$SELECT bizmetrics.install_pack('support', owner => 'pgtap_other')$$, '55000', 'pack "support" is installed for role "pgtap_analyst"', 'for another owner it is not installed over');
SELECT pg_temp.rows_are($$SELECT pack, installed_version = available_version, owner_name, timezone, reports, altered_reports, dropped_reports, outdated_reports, missing_events FROM bizmetrics.pack_status WHERE pack = 'support'$$,
  '{"(support,t,pgtap_analyst,Europe/Berlin,4,,,,\"{ticket_created,ticket_replied,ticket_resolved}\")"}', 'its status');
SELECT pg_temp.rows_are($$SELECT pack, installed_version, reports FROM bizmetrics.pack_status WHERE pack = 'core'$$, '{"(core,,0)"}', 'and that of a pack that is not installed');
SELECT throws_ok($$SET LOCAL ROLE pgtap_analyst; SELECT bizmetrics.install_pack('core')$$, '42501', NULL, 'an author installs no pack');
RESET ROLE;

-- What somebody alters stays.
SELECT lives_ok($$SELECT bizmetrics.alter_report('support_tickets', schedule => '@daily'), bizmetrics.drop_report('support_backlog')$$, 'reports are altered and dropped');
SELECT is(bizmetrics.install_pack('support'), 0, 'which installing does not change');
SELECT pg_temp.rows_are($$SELECT reports, altered_reports, dropped_reports, outdated_reports FROM bizmetrics.pack_status WHERE pack = 'support'$$, '{"(3,{support_tickets},{support_backlog},)"}', 'and the status tells');
-- Another version of the extension: a report that is another, one that is new, one that is no more.
UPDATE bizmetrics.pack_reports SET query = replace(query, 'AS reopened', 'AS reopened, count(*) AS happened'), columns = columns || '{"happened": {"meaning": "All of it.", "unit": "events"}}' WHERE report_name = 'support_daily';
UPDATE bizmetrics.pack_reports SET query = query || ' ' WHERE report_name = 'support_tickets';
UPDATE bizmetrics.pack_reports SET query = query || ' ' WHERE report_name = 'support_backlog';
INSERT INTO bizmetrics.pack_reports (pack, report_name, description, query, key, schedule, columns) SELECT pack, 'support_new', description, query, key, '@hourly', columns FROM bizmetrics.pack_reports WHERE report_name = 'support_backlog';
SELECT pg_temp.rows_are($$SELECT reports, altered_reports, dropped_reports, outdated_reports FROM bizmetrics.pack_status WHERE pack = 'support'$$, '{"(3,{support_tickets},{support_backlog},{support_daily})"}', 'what has a newer definition');
SELECT is(bizmetrics.install_pack('support'), 2, 'an upgrade changes what is outdated and nobody altered, and makes what is new');
SELECT is(bizmetrics.install_pack('support'), 0, 'once');
SELECT pg_temp.rows_are($$SELECT report_name, schedule FROM bizmetrics.report_status WHERE report_name LIKE 'support%' ORDER BY 1$$, '{"(support_daily,\"1 2 3 4 5\")","(support_new,@hourly)","(support_tickets,@daily)"}', 'what was altered and dropped stays so');
SELECT has_column('analytics', 'support_daily', 'happened', 'a column is added to the table');
SELECT is(col_description('analytics.support_daily'::regclass, (SELECT attnum FROM pg_attribute WHERE attrelid = 'analytics.support_daily'::regclass AND attname = 'happened')), 'All of it. Unit: events.', 'with its comment');
DELETE FROM bizmetrics.pack_reports WHERE report_name = 'support_new';
SELECT is(bizmetrics.install_pack('support'), 1, 'what a version has no more is dropped');
SELECT has_table('analytics', 'support_new', 'but for its table');
SELECT hasnt_table('analytics', 'support_old', 'nor is another one made');
SELECT is(bizmetrics.install_pack('support', restore => true), 2, 'restored: what was altered and what was dropped');
SELECT pg_temp.rows_are($$SELECT reports, altered_reports, dropped_reports, outdated_reports FROM bizmetrics.pack_status WHERE pack = 'support'$$, '{"(4,,,)"}', 'and all is as the pack has it');
SELECT is(bizmetrics.install_pack('support', timezone => 'Asia/Tokyo', schedules => '{}'), 4, 'another zone and the pack''s own schedules');
SELECT pg_temp.rows_are($$SELECT DISTINCT schedule, timezone FROM bizmetrics.report_status WHERE report_name LIKE 'support%'$$, '{"(\"*/5 * * * *\",Asia/Tokyo)"}', 'are those of all reports');
UPDATE bizmetrics.pack_reports SET key = '{day,company_id}', query = 'SELECT e.occurred_at::date AS day, coalesce(e.company_id, '''') AS company_id, max(''''::text) AS priority, count(*) AS created, count(*) AS resolved, count(*) AS first_responses, 1.0 AS mean_first_response_seconds, 1.0 AS mean_resolution_seconds FROM public.business_events e WHERE e.occurred_at >= $1 AND e.occurred_at < $2 GROUP BY 1, 2', columns = '{}' WHERE report_name = 'support_daily';
SELECT is(bizmetrics.install_pack('support'), 1, 'another key');
SELECT col_is_pk('analytics', 'support_daily', ARRAY['day', 'company_id'], 'is that of a new table');

-- Names of the team in installed reports
SELECT lives_ok($$SELECT bizmetrics.map_event('ticket_created', 'Issue opened'), bizmetrics.map_property('ticket_created', 'priority', 'urgency')$$, 'the team names its events');
SELECT ok((SELECT query LIKE '%''Issue opened''%''urgency''%' AND query NOT LIKE '%''ticket_created''%' AND events @> '{"Issue opened"}' FROM bizmetrics.reports WHERE report_name = 'support_tickets'), 'installed reports read them');
SELECT is(bizmetrics.install_pack('support'), 0, 'at once');
SELECT pg_temp.rows_are($$SELECT missing_events FROM bizmetrics.pack_status WHERE pack = 'support'$$, '{"(\"{ticket_created,ticket_replied,ticket_resolved}\")"}', 'what is missing goes by the team''s names');
SELECT bizmetrics.log_event('Issue opened') IS NOT NULL;
SELECT pg_temp.rows_are($$SELECT missing_events FROM bizmetrics.pack_status WHERE pack = 'support'$$, '{"(\"{ticket_replied,ticket_resolved}\")"}', 'until it is logged');

-- Uninstalling
SELECT throws_ok($$SELECT bizmetrics.uninstall_pack('support', NULL)$$, '22004', 'drop_tables must not be NULL', 'drop_tables is NULL');
SELECT is(bizmetrics.uninstall_pack('support'), 4, 'uninstalled: so many reports');
SELECT is_empty($$SELECT report_name FROM bizmetrics.report_status WHERE report_name LIKE 'support%'$$, 'they are gone');
SELECT has_table('analytics', 'support_tickets', 'their tables are not');
SELECT is_empty($$SELECT * FROM bizmetrics.packs UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM bizmetrics.pack_members$$, 'nothing is remembered');
SELECT is(bizmetrics.install_pack('support', owner => 'pgtap_analyst', skip => '{support_backlog}'), 3, 'installed over its tables, without one report');
SELECT is(bizmetrics.install_pack('support'), 0, 'which stays left out');
SELECT is(bizmetrics.install_pack('support', skip => '{}'), 1, 'until it is not');
SELECT is(bizmetrics.uninstall_pack('support', drop_tables => true), 4, 'uninstalled with its tables');
SELECT is_empty($$SELECT tablename FROM pg_tables WHERE schemaname = 'analytics' AND tablename IN ('support_tickets', 'support_daily', 'support_backlog')$$, 'which are gone');
SELECT lives_ok($$SELECT bizmetrics.create_report('daily_sales', key => '{day}', query => 'SELECT current_date AS day', schedule => '@daily', owner => 'pgtap_analyst')$$, 'a report of a name that a pack has');
SELECT throws_ok($$SELECT bizmetrics.install_pack('commerce', owner => 'pgtap_analyst')$$, '42710', 'report "daily_sales" exists already, and is none of pack "commerce"', 'keeps the pack from being installed');
SELECT throws_ok($$SELECT bizmetrics.install_pack('commerce', owner => 'pgtap_analyst', skip => '{daily_sales}')$$, '2BP01', 'report "daily_sales" of pack "commerce" cannot be left out, for its table is read by sales_overview', 'unless what reads it is left out as well');
SELECT is(bizmetrics.install_pack('commerce', owner => 'pgtap_analyst', skip => '{daily_sales,sales_overview}'), (SELECT count(*)::integer - 2 FROM bizmetrics.pack_reports WHERE pack = 'commerce'), 'then it is installed');
SELECT is_empty($$SELECT metric_name FROM bizmetrics.metrics WHERE query ~ 'daily_sales'$$, 'and no metric asks a table that is somebody''s own');
SELECT lives_ok($$SELECT bizmetrics.drop_report('daily_sales'); DROP TABLE analytics.daily_sales$$, 'without it');

-- All packs
SELECT is_empty($$SELECT a.pack FROM bizmetrics.available_packs a WHERE bizmetrics.install_pack(a.pack, owner => 'pgtap_analyst', skip => '{}') = 0$$, 'all packs are installed');
SELECT is_empty($$SELECT a.pack FROM bizmetrics.available_packs a WHERE bizmetrics.install_pack(a.pack) <> 0$$, 'once');
SELECT is_empty($$SELECT r.report_name, a.attname FROM bizmetrics.pack_reports r JOIN pg_attribute a ON a.attrelid = format('analytics.%I', r.report_name)::regclass AND a.attnum > 0 AND NOT a.attisdropped WHERE NOT r.columns ? a.attname AND r.report_name <> 'support_daily'$$, 'every column is described');
SELECT is_empty($$SELECT r.report_name, c FROM bizmetrics.pack_reports r, jsonb_object_keys(r.columns) c WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = format('analytics.%I', r.report_name)::regclass AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped)$$, 'and nothing else');
SELECT is_empty($$SELECT r.report_name FROM bizmetrics.pack_reports r WHERE obj_description(format('analytics.%I', r.report_name)::regclass, 'pg_class') IS DISTINCT FROM r.description$$, 'tables have their comments');
SELECT is_empty($$SELECT r.report_name, a.attname, a.atttypid::regtype FROM bizmetrics.pack_reports r JOIN pg_attribute a ON a.attrelid = format('analytics.%I', r.report_name)::regclass AND a.attnum > 0 WHERE r.columns -> a.attname ->> 'unit' ~ '^(currency|ratio)' AND a.atttypid <> 'numeric'::regtype$$, 'money and ratios are numeric');
SELECT is_empty($$SELECT r.report_name FROM bizmetrics.pack_reports r WHERE EXISTS (SELECT FROM jsonb_each(r.columns) c WHERE c.value ->> 'unit' = 'currency') AND NOT r.columns ? 'currency'$$, 'where there is money there is a currency');

-- Metrics
SELECT set_eq($$SELECT metric_name FROM bizmetrics.metrics WHERE owner_name = 'pgtap_analyst'$$, $$SELECT metric_name FROM bizmetrics.pack_metrics$$, 'the metrics of the packs are registered, for their owner');
SELECT lives_ok($$SELECT bizmetrics.alter_metric('support_open_tickets', help => 'Ours.'), bizmetrics.drop_metric('support_tickets_total')$$, 'metrics are altered and dropped');
UPDATE bizmetrics.pack_metrics SET help = 'Another.' WHERE metric_name IN ('support_open_tickets', 'support_tickets_total', 'support_tickets_resolved_total');
SELECT lives_ok($$SELECT bizmetrics.install_pack('support')$$, 'an upgrade');
SELECT pg_temp.rows_are($$SELECT metric_name, help FROM bizmetrics.metrics WHERE metric_name ~ '^support_(open_)?tickets' ORDER BY 1$$, '{"(support_open_tickets,Ours.)","(support_tickets_resolved_total,Another.)"}', 'leaves them as they are, and brings up the others');
SELECT lives_ok($$SELECT bizmetrics.install_pack('support', restore => true)$$, 'restored');
SELECT pg_temp.rows_are($$SELECT metric_name, help FROM bizmetrics.metrics WHERE metric_name ~ '^support_(open_)?tickets' ORDER BY 1$$, '{"(support_open_tickets,Another.)","(support_tickets_resolved_total,Another.)","(support_tickets_total,Another.)"}', 'all are as the pack has them');
SELECT lives_ok($$SELECT bizmetrics.uninstall_pack('support')$$, 'uninstalled');
SELECT is_empty($$SELECT metric_name FROM bizmetrics.metrics WHERE metric_name LIKE 'support%'$$, 'they are gone');
SELECT lives_ok($$DROP TABLE analytics.support_backlog; SELECT bizmetrics.install_pack('support', owner => 'pgtap_analyst', skip => '{support_backlog}')$$, 'without a report');
SELECT is_empty($$SELECT metric_name FROM bizmetrics.metrics WHERE metric_name = 'support_open_tickets'$$, 'there is no metric that would ask its table');
SELECT * FROM finish();
ROLLBACK;
