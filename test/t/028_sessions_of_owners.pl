# Promise: whatever the owners of reports have set for their sessions, the books are kept; and a
# runner that is still logging in when its scheduler ends harms nobody.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main');

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);

# ---- serializable ----

make_author($node, name => 'strict');
sql($node, "ALTER ROLE strict SET default_transaction_isolation = 'serializable'");
make_report($node, "strict$_", owner => 'strict', schedule => '@hourly', more => 'max_attempts => 1') for 1 .. 60;
set_clock($node, '2031-03-03 13:00:00+00');
wait_for($node, "SELECT count(*) = 60 FROM bizmetrics.report_runs WHERE report_name LIKE 'strict%' AND finished_at IS NOT NULL",
	'reports of a role whose transactions are serializable run');
is(sql($node, "SELECT state, sqlstate, count(*) FROM bizmetrics.report_runs WHERE report_name LIKE 'strict%' GROUP BY 1, 2"),
	'succeeded||60', 'and their books are in the way of none');
is(log_count($node, 'could not serialize access'), 0, 'nor of each other');
sql($node, "SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.reports WHERE report_name LIKE 'strict%'");

# ---- a cancel that comes while the end of a run is recorded ----

my $waiting = 'SELECT now(), pg_advisory_lock_shared(1)::text';
my $gate = block($node);
make_report($node, 'ends', schedule => '@yearly',
	query => "INSERT INTO analytics.ends $waiting; INSERT INTO analytics.ends SELECT now(), (1 / (count(*) - count(*)))::text FROM pg_class",
	more => 'max_attempts => 1');
sql($node, "SELECT bizmetrics.request_run('ends')");
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:ends' AND wait_event = 'advisory')", 'a report is about to fail');
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; LOCK TABLE bizmetrics.runs IN EXCLUSIVE MODE');
$gate->quit;
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:ends' AND wait_event = 'relation')", 'its end is being recorded');
sql($node, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'bizmetrics:ends'");
$session->query_safe('COMMIT');
wait_for_run($node, 'ends', 1);
is(last_run($node, 'ends'), '|1|request|failed|22012', 'which a cancel does not prevent');
$session->quit;

# ---- read-only ----

$gate = block($node);
make_author($node, name => 'looker');
sql($node, 'ALTER ROLE looker SET default_transaction_read_only = on');
sql($node, <<'SQL', user => 'looker');
SET default_transaction_read_only = off;
SELECT bizmetrics.create_report('look', 'analytics.look', 'SELECT pg_advisory_lock_shared(1)', '@hourly', ddl => 'CREATE TABLE analytics.look (n integer)', timeout => NULL);
SQL
set_clock($node, '2031-03-03 14:00:00+00');
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:look' AND wait_event = 'advisory')",
	'a report that writes nothing runs in a read-only transaction');
set_clock($node, '2031-03-03 15:00:30+00');
$gate->quit;
wait_for_run($node, 'look', 1);
is(last_run($node, 'look'), '14:00|1|schedule|succeeded|', 'and succeeds');
is(skipped($node, 'look'), '15:00|overlap|1', 'with what it kept from running');

# ---- a standby that does not answer ----

{
	local $ENV{PGOPTIONS} = '-c synchronous_commit=local';
	make_author($node, name => 'leaver');
	make_report($node, 'left', owner => 'leaver');
	make_report($node, 'goes_on', schedule => '@hourly');
	sql($node, 'ALTER ROLE leaver NOLOGIN; ALTER ROLE author SET synchronous_commit = local');
	sql($node, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	$node->reload;
	wait_for($node, "current_setting('synchronous_standby_names') = 'nobody'", 'a standby is waited for');
	set_clock($node, '2031-03-03 16:00:00+00');
	wait_for_run($node, 'goes_on', 1, name => 'reports are run that do not wait for it');
	is(sql($node, "SELECT state FROM bizmetrics.report_status WHERE report_name = 'left'"), 'broken', 'and what becomes of others is noted');
	sql($node, 'ALTER SYSTEM RESET synchronous_standby_names; ALTER ROLE author RESET synchronous_commit');
	$node->reload;
	sql($node, "SELECT bizmetrics.drop_report(name) FROM unnest('{left,goes_on}'::text[]) AS name");
}

# ---- a scheduler that ends while its runner logs in ----

make_author($node, name => 'late');
make_report($node, 'late', owner => 'late', schedule => '@yearly');
make_report($node, 'waits', schedule => '@yearly', query => $waiting);
$gate = block($node);
sql($node, "SELECT bizmetrics.request_run('waits')");
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:waits' AND wait_event = 'advisory')", 'a scheduler is there');
$session = $node->background_psql('postgres');
# A login reads it.
$session->query_safe('BEGIN; LOCK TABLE pg_db_role_setting IN ACCESS EXCLUSIVE MODE');
$gate->query_safe("SELECT bizmetrics.request_run('late')");
$gate->query_safe(<<'SQL');
DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'pg_db_role_setting'::regclass AND NOT granted) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$
SQL
$gate->query_safe("SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE backend_type = 'bizmetrics scheduler'");
$session->query_safe('COMMIT');
$session->quit;
# By a stopped clock the launcher would wait for ever before it starts another one.
set_clock($node, '2031-03-03 16:01:00+00');
wait_for_run($node, 'late', 1);
is(log_count($node, 'terminated by signal'), 0, 'no process crashes');
$gate->quit;

$node->stop;
done_testing();
