# Promise: one process runs the reports of a role one after the other, and each finds what it would
# find in a session of its own; a process that is no longer what a login would give, or that has
# loaded a library, is not used again. Roles and databases that wait get their turn.
#
# Only one runner is allowed. A report waits in it for advisory lock 1 while the test asks for another
# one and changes the world; which process ran what is in bizmetrics.runs.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main', ['bizmetrics.max_runners = 1']);
my $gate;

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);

sub ask
{
	sql($node, "SELECT bizmetrics.request_run('$_')") for @_;
	return;
}

# The process of a report's last run that ended.
sub pid_of
{
	my ($name, %params) = @_;
	return sql($node, <<"SQL", %params);
SELECT pid FROM bizmetrics.runs JOIN bizmetrics.reports USING (report_id)
WHERE report_name = '$name' ORDER BY run_id DESC LIMIT 1
SQL
}

sub wait_until_at_gate
{
	my ($name) = @_;
	poll($node, 'postgres',
		"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:$name' AND wait_event = 'advisory')")
	  or die "report $name does not wait";
	return;
}

sub ended_runs
{
	my ($name) = @_;
	return sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = '$name' AND finished_at IS NOT NULL AND state <> 'skipped'");
}

# While the first report waits in its runner, asks for the second and does something; then lets both
# end. Says whether one process ran both.
sub run_both
{
	my ($first, $second, $meanwhile) = @_;
	my $count = 1 + ended_runs($second);

	$gate = block($node);
	ask($first);
	wait_until_at_gate($first);
	ask($second);
	$meanwhile->() if $meanwhile;
	$gate->quit;
	poll($node, 'postgres',
		"SELECT count(*) >= $count FROM bizmetrics.report_runs WHERE report_name = '$second' AND finished_at IS NOT NULL AND state <> 'skipped'")
	  or die "report $second does not run";
	return pid_of($first) == pid_of($second) ? 'same' : 'another';
}

my $wait = 'SELECT pg_advisory_lock_shared(1)';

# ---- what a report leaves ----

sql($node, 'CREATE SEQUENCE numbers; GRANT ALL ON SEQUENCE numbers TO author; CREATE ROLE other; GRANT other TO author');
my $random = sql($node, 'SELECT setseed(0.5) IS NULL; SELECT random()') =~ s/.*\n//r;
make_report($node, 'leaver', query => "INSERT INTO analytics.leaver VALUES (now()); $_") for join '; ',
  'CREATE TEMP TABLE left_over AS SELECT 1 AS n',
  'PREPARE left_over AS SELECT 1',
  'DECLARE left_over CURSOR WITH HOLD FOR SELECT generate_series(1, 3)',
  'SELECT pg_advisory_lock(77), pg_advisory_lock_shared(1, 77)',
  "SET work_mem = '7MB'",
  "SELECT set_config('left.over', 'yes', false), set_config('application_name', 'left over', false)",
  q{SELECT nextval('public.numbers'), setseed(0.5)},
  'SET default_transaction_read_only = on',
  'SET search_path = pg_temp',
  'SET ROLE other',
  q{SELECT pg_catalog.set_config('application_name', 'bizmetrics:leaver', false)},
  $wait;
make_report($node, 'finder', query => <<"SQL");
SELECT now(), concat_ws(', ', to_regclass('pg_temp.left_over'),
  (SELECT string_agg(name, ' ') FROM pg_prepared_statements),
  (SELECT string_agg(name, ' ') FROM pg_cursors),
  (SELECT string_agg(objid::text, ' ') FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objsubid < 3),
  current_setting('work_mem'), nullif(current_setting('left.over', true), ''), current_setting('application_name'),
  current_setting('search_path'), current_setting('default_transaction_read_only'), session_user, current_user,
  CASE WHEN random() = $random THEN 'the same numbers' END)
SQL
my $found = 'SELECT value FROM analytics.finder ORDER BY slot DESC LIMIT 1';
ask('finder');
wait_for_run($node, 'finder', 1, name => 'a report runs alone');
my $alone = sql($node, $found);
like($alone, qr/^4MB, .*, off, author, author$/, 'and finds a session of its own');
is(run_both('leaver', 'finder'), 'same', 'one process runs two reports');
is(sql($node, $found), $alone, 'the second finds nothing of the first');

make_report($node, 'waiter', query => "INSERT INTO analytics.waiter VALUES (now()); $wait");
make_report($node, 'counter', query => 'SELECT now(), lastval()');
is(run_both('leaver', 'counter'), 'same', 'the same where the second fails');
is(last_run($node, 'counter'), '|1|request|failed|55000', 'for it finds no number of the first');
make_report($node, 'listener', query => 'LISTEN left_over');
is(run_both('leaver', 'listener'), 'same', 'and once more');
is(last_run($node, 'listener'), '|1|request|failed|0A000', 'LISTEN is nothing for a report');
is(run_both('leaver', 'leaver'), 'same', 'what was left is in the way of nobody');
is(sql($node, "SELECT count(*) FROM pg_locks WHERE objid = 77"), 0, 'nor held while the process waits for more');

# ---- when a process is not used again ----

make_report($node, 'second');
is(run_both('waiter', 'second'), 'same', 'a process is used again');
make_report($node, 'speaker', query => "DO 'BEGIN PERFORM pg_advisory_lock_shared(1); END'");
is(run_both('speaker', 'second'), 'same', 'PL/pgSQL notwithstanding');
make_report($node, 'loader', query => "SELECT now(), to_tsvector('english', 'libraries'); $wait");
is(run_both('loader', 'second'), 'another', 'not where a library was loaded');

my %changes = (
	'a setting of the role' => [ "ALTER ROLE author SET work_mem = '5MB'", 'ALTER ROLE author RESET ALL' ],
	'a setting of the database' => [ "ALTER DATABASE postgres SET work_mem = '5MB'", 'ALTER DATABASE postgres RESET ALL' ],
	'a setting of the role here' => [ "ALTER ROLE author IN DATABASE postgres SET work_mem = '5MB'", 'ALTER ROLE author IN DATABASE postgres RESET ALL' ],
	'a setting of all roles' => [ "ALTER ROLE ALL SET work_mem = '5MB'", 'ALTER ROLE ALL RESET ALL' ],
	'an attribute of the role' => [ 'ALTER ROLE author CREATEDB', 'ALTER ROLE author NOCREATEDB' ],
	'a grant on the database' => [ 'GRANT TEMPORARY ON DATABASE postgres TO other', 'REVOKE ALL ON DATABASE postgres FROM other' ]);
for my $change (sort keys %changes)
{
	my ($do, $undo) = @{ $changes{$change} };
	is(run_both('waiter', 'finder', sub { sql($node, $do) }), 'another', "$change changed");
	like(sql($node, $found), $do =~ /work_mem/ ? qr/^5MB/ : qr/^4MB/, 'the new one has it as it is');
	is(run_both('waiter', 'finder', sub { sql($node, $undo) }), 'another', "$change changed back");
	like(sql($node, $found), qr/^4MB/, 'which the new one has again');
}
is(run_both('waiter', 'finder', sub { sql($node, "ALTER SYSTEM SET work_mem = '6MB'"); $node->reload; poll($node, 'postgres', "SELECT current_setting('work_mem') = '6MB'") }), 'same',
	"the server's settings are read again");
like(sql($node, $found), qr/^6MB/, 'and in force');
sql($node, 'ALTER SYSTEM RESET work_mem');
$node->reload;

# With these the second report may not run at all: as nobody, least of all as a superuser.
my %obstacles = (
	'may not log in' => [ 'ALTER ROLE author NOLOGIN', 'ALTER ROLE author LOGIN' ],
	'is a superuser' => [ 'ALTER ROLE author SUPERUSER', 'ALTER ROLE author NOSUPERUSER' ],
	'may not connect' => [ 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC', 'GRANT CONNECT ON DATABASE postgres TO PUBLIC' ],
	'does not exist' => [ 'ALTER ROLE author RENAME TO writer', 'ALTER ROLE writer RENAME TO author' ]);
for my $obstacle (sort keys %obstacles)
{
	my ($do, $undo) = @{ $obstacles{$obstacle} };
	my ($waited, $ran) = (ended_runs('waiter'), ended_runs('second'));

	$gate = block($node);
	ask('waiter');
	wait_until_at_gate('waiter');
	ask('second');
	sql($node, $do);
	$gate->quit;
	wait_for($node, "SELECT broken_reason LIKE '%$obstacle%' FROM bizmetrics.report_status WHERE report_name = 'second'",
		"a role that $obstacle");
	is(ended_runs('waiter'), $waited + 1, 'what was running ends');
	is(ended_runs('second'), $ran, 'what was waiting is not run');
	wait_until_idle($node);
	sql($node, $undo);
	sql($node, "SELECT bizmetrics.request_run('probe')");
	wait_for_run($node, 'second', $ran + 1, name => 'until the role may run it again');
}

# ---- what becomes due meanwhile ----

# Of reports that wait in a lane, the ends of the first ones are known before the last one's.
make_report($node, "slow$_", query => "SELECT now(), pg_sleep(0.3)::text", schedule => '@hourly') for 1 .. 10;
make_report($node, 'failing', query => 'SELECT now(), 1 / (count(*) - count(*)) FROM pg_class', schedule => '@hourly', more => "backoff => '{0s}', max_attempts => 2");
set_clock($node, '2031-03-03 13:00:00+00');
wait_for_run($node, 'failing', 2, name => 'a report is tried again');
wait_for($node, "SELECT count(*) = 10 FROM bizmetrics.report_runs WHERE report_name LIKE 'slow%' AND state = 'succeeded'", 'among others of its role');
sql($node, "SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.reports WHERE report_name LIKE 'slow%' OR report_name = 'failing'");

# ---- a process that dies ----

my $before = ended_runs('second');
$gate = block($node);
ask('waiter');
wait_until_at_gate('waiter');
ask('second');
sql($node, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bizmetrics:waiter'");
wait_for_run($node, 'second', $before + 1, name => 'a process that is terminated loses no report that waits');
is(sql($node, "SELECT attempt, state FROM bizmetrics.report_runs WHERE report_name = 'waiter' AND sqlstate = '57P01'"), '1|failed', 'its own is told of');
$gate->quit;

# ---- a turn for everybody ----

sql($node, "SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.reports WHERE report_name <> 'probe'");
make_author($node, name => 'another');
make_database($node, 'elsewhere');
make_author($node, db => 'elsewhere');
make_report($node, "flood$_", query => 'SELECT now(), pg_sleep(0.05)::text', schedule => '@hourly') for 1 .. 100;
make_report($node, 'other_role', owner => 'another', schedule => '1 * * * *');
make_report($node, 'other_database', db => 'elsewhere', schedule => '1 * * * *');
set_clock($node, '2031-03-03 14:00:00+00');
wait_for($node, "SELECT count(*) > 0 FROM bizmetrics.report_runs WHERE report_name LIKE 'flood%' AND state = 'succeeded'", 'a flood of one role has begun');
set_clock($node, '2031-03-03 14:01:00+00');
wait_for_run($node, 'other_role', 1, name => 'another role gets a turn');
wait_for_run($node, 'other_database', 1, name => 'and another database', db => 'elsewhere');
my $rest = sql($node, "SELECT count(*) FROM bizmetrics.reports WHERE report_name LIKE 'flood%'"
  . " AND NOT EXISTS (SELECT FROM bizmetrics.runs u WHERE u.report_id = reports.report_id)");
cmp_ok($rest, '>', 0, 'before the flood is over');
wait_for($node, "SELECT count(*) = 100 FROM bizmetrics.report_runs WHERE report_name LIKE 'flood%' AND state = 'succeeded'", 'which runs to its end');
cmp_ok(sql($node, "SELECT count(DISTINCT pid) FROM bizmetrics.runs"), '<', 60, 'in few processes');

$node->stop;
done_testing();
