# Promise: worker_status and pg_stat_activity tell which processes there are and what each does, to
# whom that is due; a report may use parallel query; and a server where nothing is due wakes for
# nothing, and keeps its memory.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main', [ 'max_worker_processes = 24', 'bizmetrics.max_runners = 4' ]);

sub status
{
	my ($columns, $where, %params) = @_;
	return sql($node, "SELECT $columns FROM bizmetrics.worker_status WHERE $where ORDER BY process, database_name", %params);
}

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);
make_database($node, 'elsewhere');
make_author($node, db => 'elsewhere');
wait_until_idle($node);

# ---- who does what ----

is( status('process, database_name, state, pid IS NULL, wakes_at > bizmetrics_test.clock()', 'true'),
	"launcher||running|f|\nscheduler|elsewhere|away|t|t\nscheduler|postgres|away|t|t",
	'an idle server: the launcher, and when each database has something to do');
my $gate = block($node);
make_report($node, 'gated', query => "SELECT now(), concat('gate', pg_advisory_lock_shared(1))");
sql($node, "SELECT bizmetrics.request_run('gated')");
my $at_gate = "FROM pg_stat_activity WHERE application_name = 'bizmetrics:gated' AND wait_event = 'advisory'";
wait_for($node, "EXISTS (SELECT $at_gate)", 'a report runs');
is( status('process, role_name, report_name, state, since <= clock_timestamp(), wakes_at, attempts, memory > 0', "pid IN (SELECT pid $at_gate)"),
	'runner|author|gated|working|t||1|t', 'its runner');
is( status('process, state, since <= clock_timestamp(), wake_ups > 0, memory > 0', "database_name = 'postgres' AND process = 'scheduler'"),
	'scheduler|running|t|t|t', 'its scheduler');
is(sql($node, "SELECT datname, usename, backend_type, state, query $at_gate"),
	q{postgres|author|bizmetrics runner|active|INSERT INTO analytics.gated SELECT now(), concat('gate', pg_advisory_lock_shared(1))},
	'pg_stat_activity has its SQL');
is(status('report_name IS NULL, state', "process = 'runner'", db => 'elsewhere'), 't|working', 'another database is not told its name');

# ---- to whom ----

sql($node, 'CREATE ROLE watcher LOGIN IN ROLE pg_monitor; CREATE ROLE boss LOGIN; CREATE DATABASE owned OWNER boss');
sql($node, 'CREATE EXTENSION bizmetrics', db => 'owned', user => 'boss');
is(status('process, database_name', "database_name IS DISTINCT FROM 'owned'", user => 'watcher'),
	"launcher|\nrunner|postgres\nscheduler|elsewhere\nscheduler|postgres", 'pg_monitor sees all');
is(status('DISTINCT process, database_name', 'true', user => 'boss', db => 'owned') =~ /postgres|elsewhere/, '', "the extension's owner his database");
like(status('process', 'true', user => 'boss', db => 'owned'), qr/^launcher\b/, 'and the launcher');
is(sql_state($node, 'SELECT FROM bizmetrics.worker_status', user => 'author'), '42501', 'others nothing');
$gate->quit;
wait_for_run($node, 'gated', 1);

# ---- parallel query ----

# The function says that it may run in a worker, and tells in which process it does.
sql($node, <<'SQL');
CREATE TABLE many AS SELECT n FROM generate_series(1, 10000) AS n;
GRANT SELECT ON many TO author;
ALTER TABLE many SET (parallel_workers = 2);
CREATE FUNCTION here(n int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE COST 10000 AS 'BEGIN RETURN pg_catalog.pg_backend_pid(); END';
ALTER ROLE author SET parallel_setup_cost = 0;
ALTER ROLE author SET parallel_tuple_cost = 0;
ALTER ROLE author SET min_parallel_table_scan_size = 0;
ALTER ROLE author SET parallel_leader_participation = off;
SQL
make_report($node, 'parallel', query => 'CREATE TABLE analytics.pids AS SELECT public.here(n) AS pid FROM public.many GROUP BY 1');
sql($node, "SELECT bizmetrics.request_run('parallel')");
wait_for_run($node, 'parallel', 1);
is(last_run($node, 'parallel'), '|1|request|succeeded|', 'a report whose plan is parallel');
is( sql($node, 'SELECT count(*) > 0, bool_and(p.pid <> r.pid) FROM analytics.pids p, bizmetrics.runs r'
		. " WHERE r.report_id = (SELECT report_id FROM bizmetrics.reports WHERE report_name = 'parallel')"),
	't|t', 'its rows were computed by parallel workers');

# ---- settings that add up to too much ----

is(log_count($node, 'max_worker_processes is too low'), 0, 'enough processes: no warning');
sql($node, 'ALTER SYSTEM SET max_worker_processes = 6');
$node->restart;
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'bizmetrics launcher'", 'the launcher comes back');
ok($node->wait_for_log(qr/max_worker_processes is too low.*\n.*It is 6; 1 launcher, 3 schedulers \(one a database\) and 4 runners are up to 8/),
	'too few: the log has the arithmetic');
sql($node, 'ALTER SYSTEM RESET max_worker_processes');
$node->restart;

# ---- idle ----

sql($node, "SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.reports WHERE report_name <> 'probe'");
set_clock($node, '2031-03-04 00:00:30+00');
for my $n (1 .. 10)
{
	make_database($node, "idle$n");
	make_author($node, db => "idle$n");
	sql($node, 'CREATE TABLE analytics.noop (n int)', db => "idle$n", user => 'author');
	sql($node, "SELECT bizmetrics.create_report('noop' || n, 'analytics.noop', 'SELECT 1', '\@monthly') FROM generate_series(1, 100) AS n",
		db => "idle$n", user => 'author');
}
# Whatever the sessions above made the launcher do; then maintenance is an hour away, everywhere.
set_clock($node, '2031-03-04 01:30:00+00');
wait_until_idle($node);
for my $db (split /\n/, sql($node, 'SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate'))
{
	sql($node, 'SELECT bizmetrics.postpone_maintenance()', db => $db)
	  if sql($node, "SELECT count(*) FROM pg_extension WHERE extname = 'bizmetrics'", db => $db);
}
ok(wait_until_idle($node), 'a thousand reports in ten databases, and nothing due');
my $wake_ups = "SELECT wake_ups FROM bizmetrics.worker_status WHERE process = 'launcher'";
my $looks = "SELECT sum(wake_ups) FROM bizmetrics.worker_status WHERE process = 'scheduler'";
my $memory = "SELECT memory FROM bizmetrics.worker_status WHERE process = 'launcher'";
my ($woken, $looked, $bytes) = map { sql($node, $_) } $wake_ups, $looks, $memory;
for my $tick (1 .. 60)
{
	# Setting the clock wakes the launcher once.
	sql($node, "SELECT bizmetrics_test.set_clock(bizmetrics_test.clock() + interval '59 s')");
	poll($node, 'postgres', "SELECT ($wake_ups) >= $woken + $tick") or die 'the launcher does not wake';
}
is(sql($node, $wake_ups), $woken + 60, 'until then the launcher wakes when it is told to');
is(sql($node, $looks), $looked, 'no scheduler does');
is(sql($node, $memory), $bytes, 'and its memory is what it was');

$node->stop;
done_testing();
