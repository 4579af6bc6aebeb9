# Promise: a database owner who is no superuser creates the extension and owns what it makes, but for
# the registry and its guard; his writers log, his authors report; and neither the registry nor a
# table of his that the worker reads gives him the rights of anybody else.
#
# The second half attacks: the worker keeps its books with more rights than he has, in tables that
# are his. Whatever he does to them, the server stays up, and no SQL runs as another role.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main');
my @owned = (db => 'app');
my @boss = (db => 'app', user => 'boss');

sql($node, 'CREATE ROLE boss LOGIN');
sql($node, 'CREATE ROLE writer LOGIN');
sql($node, 'CREATE ROLE author LOGIN');
sql($node, 'CREATE ROLE victim LOGIN');
sql($node, 'CREATE ROLE reader LOGIN');
sql($node, 'CREATE DATABASE app OWNER boss');
set_clock($node, '2031-03-03 12:00:30+00');

# ---- creating it ----

is(sql_state($node, 'CREATE EXTENSION bizmetrics', @boss), '', 'a database owner creates the extension');
is( sql($node, <<'SQL', @owned), 'boss:f', 'what it made is his');
SELECT string_agg(DISTINCT owner || ':' || is_superuser, ',') FROM (
  SELECT r.rolname AS owner, r.rolsuper::text::char(1) AS is_superuser
  FROM pg_depend d
  CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS i
  JOIN (
    SELECT 'pg_class'::regclass AS classid, oid, relowner AS owner FROM pg_class
    UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc
    UNION ALL SELECT 'pg_type'::regclass, oid, typowner FROM pg_type
    UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace) o
    ON o.classid = d.classid AND o.oid = d.objid
  JOIN pg_roles r ON r.oid = o.owner
  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    AND NOT (d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_depend part WHERE part.classid = d.classid AND part.objid = d.objid AND part.deptype = 'i'))
    AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'bizmetrics')
    AND i.identity NOT IN ('bizmetrics.guard_report()', 'bizmetrics.reports', 'bizmetrics.report_state', 'bizmetrics.runs',
      'bizmetrics.report_watermarks', 'bizmetrics.pending_windows', 'bizmetrics.report_changes', 'bizmetrics.report_backfills',
      'bizmetrics.pruned_runs', 'bizmetrics.run_requests', 'bizmetrics.grants', 'bizmetrics.dedupe_keys', 'bizmetrics.event_types', 'bizmetrics.guard_event_type()',
      'bizmetrics.event_mappings', 'bizmetrics.event_rejects', 'bizmetrics.maintenance', 'bizmetrics.pruned_events', 'bizmetrics.event_retentions',
      'bizmetrics.metrics', 'bizmetrics.metric_state', 'bizmetrics.metric_series', 'bizmetrics.guard_metric()', 'bizmetrics.alerts', 'bizmetrics.alert_checks', 'bizmetrics.alert_states', 'bizmetrics.alert_changes')
) AS members
SQL
is( sql($node, <<'SQL', @owned), 't|t', 'but for the tables that C code keeps, and the guard');
SELECT (SELECT bool_and(r.rolsuper) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
        WHERE c.oid IN ('bizmetrics.reports'::regclass, 'bizmetrics.report_state'::regclass, 'bizmetrics.report_watermarks'::regclass, 'bizmetrics.pending_windows'::regclass,
          'bizmetrics.report_changes'::regclass, 'bizmetrics.report_backfills'::regclass, 'bizmetrics.runs'::regclass, 'bizmetrics.pruned_runs'::regclass,
          'bizmetrics.run_requests'::regclass, 'bizmetrics.grants'::regclass, 'bizmetrics.dedupe_keys'::regclass,
          'bizmetrics.event_types'::regclass, 'bizmetrics.event_mappings'::regclass, 'bizmetrics.event_rejects'::regclass,
          'bizmetrics.maintenance'::regclass, 'bizmetrics.pruned_events'::regclass, 'bizmetrics.event_retentions'::regclass,
          'bizmetrics.metrics'::regclass, 'bizmetrics.metric_state'::regclass, 'bizmetrics.metric_series'::regclass, 'bizmetrics.alerts'::regclass, 'bizmetrics.alert_checks'::regclass, 'bizmetrics.alert_states'::regclass, 'bizmetrics.alert_changes'::regclass)),
  (SELECT rolsuper FROM pg_roles WHERE oid = (SELECT proowner FROM pg_proc WHERE oid = 'bizmetrics.guard_report()'::regprocedure))
SQL
is(sql($node, "SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'analytics'", @owned),
	'boss', 'analytics is his, too');

# ---- using it ----

sql($node, "SELECT bizmetrics.grant_writer('writer'), bizmetrics.grant_author('author'), bizmetrics.grant_author('victim'), bizmetrics.grant_reader('reader')", @boss);
like(sql($node, "SELECT bizmetrics.log_event('order_paid', occurred_at => '2031-02-01')", @owned, user => 'writer'),
	qr/^[0-9a-f-]{36}$/, 'a writer logs');
is( sql($node, "SELECT string_agg(DISTINCT relowner::regrole::text, ',') FROM pg_class WHERE relnamespace = 'bizmetrics'::regnamespace AND relname LIKE 'business_events_2%'", @owned),
	'boss',
	'the partition he needs is made as the owner');
is(sql_state($node, 'SELECT count(*) FROM business_events', @owned, user => 'writer'), '42501', 'a writer does not read');
make_report($node, 'probe', @owned, schedule => '@yearly', query => 'SELECT 1');
make_report($node, 'sales', @owned, query => 'SELECT now(), count(*)::text FROM business_events');
wait_for_slot($node, 'sales', '2031-03-03 12:01:00+00', @owned, name => "an author's report runs");
is(sql($node, 'SELECT value FROM analytics.sales', @owned, user => 'reader'), 1, 'a reader sees its table');
is(sql_state($node, 'SELECT count(*) FROM business_events', @owned, user => 'reader'), '42501', 'and no event');
is(sql($node, 'SELECT count(*) FROM bizmetrics.report_status', @boss), 2, 'the owner sees every report');

# ---- reports that run as somebody else ----

my $row = sub {
	my (%value) = @_;
	my %all = (report_id => q{nextval('bizmetrics.report_id_seq')}, report_name => q{'forged'}, owner_name => q{'victim'},
		target => q{'analytics.forged'}, ddl => 'NULL', query => q{'CREATE TABLE analytics.stolen AS SELECT current_user'},
		schedule => q{'* * * * *'}, timezone => q{'UTC'}, bucket => 'NULL', lookback => 'NULL', max_attempts => 1,
		backoff => q{'{60s}'}, timeout => 'NULL', search_path => q{'public'}, target_has_key => 'false',
		created_at => 'now()', %value);
	my @columns = sort keys %all;
	return 'INSERT INTO bizmetrics.reports (' . join(',', @columns) . ') VALUES ('
	  . join(',', map { $all{$_} } @columns) . ')';
};
my %forbidden = (
	'storing a report of another role' => $row->(),
	'storing a report of a superuser' => $row->(owner_name => q{'postgres'}),
	'storing a report of nobody' => $row->(owner_name => q{'nobody'}),
	'changing a report' => q{UPDATE bizmetrics.reports SET owner_name = 'victim'},
	'deleting a report' => q{DELETE FROM bizmetrics.reports},
	'disabling the guard' => q{ALTER TABLE bizmetrics.reports DISABLE TRIGGER reports_guard},
	'disabling all triggers' => q{ALTER TABLE bizmetrics.reports DISABLE TRIGGER ALL},
	'dropping the guard' => q{DROP TRIGGER reports_guard ON bizmetrics.reports},
	'replacing the guard' => q{CREATE OR REPLACE FUNCTION bizmetrics.guard_report() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'},
	'a rule on the registry' => q{CREATE RULE r AS ON INSERT TO bizmetrics.reports DO INSTEAD NOTHING},
	'a trigger on the registry' => q{CREATE TRIGGER zzz BEFORE INSERT ON bizmetrics.reports FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()},
	'taking the registry' => q{ALTER TABLE bizmetrics.reports OWNER TO boss},
	'replica mode' => q{SET session_replication_role = replica},
	'create_report() for another role' => q{SELECT bizmetrics.create_report('forged', 'analytics.sales', 'SELECT 1', '* * * * *', owner => 'victim')},
	'run_report() of another role' => q{SELECT bizmetrics.run_report('sales')},
);
is(sql_state($node, $forbidden{$_}, @boss), '42501', "refused: $_") for sort keys %forbidden;
is( sql_state($node, 'COPY bizmetrics.reports FROM STDIN', db => 'app', user => 'author'), '42501', 'refused: a plain author who writes the registry');
is(sql_state($node, $row->(owner_name => q{'author'}), @owned, user => 'author'), '42501', 'even a row of his own');

# The registry's rows name a table, too: what the readers get is granted as that table's owner.
sql($node, 'CREATE TABLE public.secret AS SELECT 42 AS n', @owned);
sql($node, $row->(report_name => "'share$_->[0]'", owner_name => q{'boss'}, target => "'$_->[1]'", query => q{'SELECT 1'}), @boss)
  for [ 1, 'pg_catalog.pg_authid' ], [ 2, 'public.secret' ];
sql_state($node, "SELECT bizmetrics.grant_reader('reader')", @boss);
is( sql($node, "SELECT has_table_privilege('reader', 'pg_catalog.pg_authid', 'SELECT'), has_table_privilege('reader', 'public.secret', 'SELECT')", @owned),
	'f|f',
	"grant_reader() shares no table that is not a report's");
sql_state($node, "SELECT bizmetrics.drop_report('share$_')", @boss) for 1, 2;
sql($node, 'REVOKE ALL ON pg_catalog.pg_authid, public.secret FROM reader', @owned);

# A schema of the same name that is wholly his.
sql($node, 'ALTER SCHEMA bizmetrics RENAME TO aside', @boss);
sql($node, <<'SQL', @boss);
CREATE SCHEMA bizmetrics;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'aside'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('CREATE TABLE bizmetrics.%1$I (LIKE aside.%1$I INCLUDING ALL)', name);
  END LOOP;
END $$;
CREATE SEQUENCE bizmetrics.run_id_seq;
INSERT INTO bizmetrics.report_state SELECT * FROM aside.report_state;
SQL
sql($node, $row->(report_id => q{(SELECT max(report_id) FROM aside.reports)}), @boss);
my $offset = -s $node->logfile;
set_clock($node, '2031-03-03 12:03:00+00');
ok($node->wait_for_log(qr/must belong to a superuser/, $offset), 'a registry of his own is not read');
ok(wait_until_idle($node, db => 'app'), 'by nobody');
is(sql($node, "SELECT to_regclass('analytics.stolen') IS NULL", @owned), 't', 'and nothing ran');
sql($node, 'DROP SCHEMA bizmetrics CASCADE; ALTER SCHEMA aside RENAME TO bizmetrics', @boss);
set_clock($node, '2031-03-03 12:10:00+00');
wait_for_slot($node, 'sales', '2031-03-03 12:11:00+00', @owned, name => 'the reports run on afterwards');

# ---- tables whose columns are not what they were ----

# Reading them as they were meant would be reading memory that is not there, so they are nobody's to
# alter but a superuser's.
for my $change (
	'CREATE INDEX odd ON bizmetrics.runs ((lower(state)))',
	'ALTER TABLE bizmetrics.report_state ALTER chain_trigger TYPE bigint USING 42',
	'ALTER TABLE bizmetrics.runs ADD more text',
	'ALTER INDEX bizmetrics.runs_report_id_slot_attempt_key RENAME TO aside',
	'ALTER TABLE bizmetrics.run_requests ADD more text',
	'ALTER TABLE bizmetrics.pruned_runs ALTER durations TYPE text',
	'ALTER TABLE bizmetrics.grants ALTER role_name TYPE bigint USING hashtext(role_name)',
	'ALTER TABLE bizmetrics.dedupe_keys ALTER event_id TYPE text')
{
	is(sql_state($node, $change, @boss), '42501', $change);
}

# A superuser who makes an index that our code would not keep up to date is told.
sql($node, 'CREATE INDEX odd ON bizmetrics.runs ((lower(state)))', db => 'app');
is(sql_state($node, "SELECT bizmetrics.run_report('sales')", @owned, user => 'author'), '55000', 'an index on an expression is refused');
sql($node, q{DROP INDEX bizmetrics.odd; CREATE INDEX odd ON bizmetrics.runs (report_id) WHERE state = 'failed'}, db => 'app');
is(sql_state($node, "SELECT bizmetrics.run_report('sales')", @owned, user => 'author'), '55000', 'a partial index too');
sql($node, 'DROP INDEX bizmetrics.odd; CREATE INDEX plain ON bizmetrics.runs (started_at)', db => 'app');
is(sql_state($node, "SELECT bizmetrics.run_report('sales')", @owned, user => 'author'), '', 'a plain one is kept');

$node->stop;
done_testing();
