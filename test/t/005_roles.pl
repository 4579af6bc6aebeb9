# Promise: a report runs as its owner or not at all. What keeps its owner from running it is said in
# its status, and once in the log; every other report runs on; and when the cause is gone the report
# runs again at its next slot, without help. Nobody can make SQL run as somebody else.
#
# Each cause has a role and a report of its own, all due every minute, and "steady" beside them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main');
my $minute = 0;

sub next_minute { return sprintf '2031-03-03 13:%02d:00+00', ++$minute; }

# Lets some slots come: the steady report shows that they are served.
sub pass_slots
{
	my ($count) = @_;
	wait_for_slot($node, 'steady', next_minute(), name => 'the steady report runs on') for 1 .. $count;
	settle($node);
	return;
}

sub status
{
	my ($name, $columns) = @_;
	return sql($node, "SELECT $columns FROM bizmetrics.report_status WHERE report_name = '$name'");
}

# A cause and its remedy, both SQL, and how the log and the status tell of it.
sub broken_until
{
	my ($name, $cause, $remedy, $reason) = @_;

	wait_for_slot($node, $name, next_minute(), name => "$name runs");
	sql($node, $cause);
	my $runs = runs($node, $name);
	pass_slots(3);
	is(status($name, 'state, broken_reason'), "broken|$reason", "$name: its status says why");
	is(runs($node, $name), $runs, "$name: it did not run, and used no attempt");
	is(log_count($node, "report \"$name\" cannot run: "), 1, "$name: the log says so once");
	sql($node, $remedy);
	wait_for_slot($node, $name, next_minute(), name => "$name: it recovers at its next slot");
	is(status($name, 'state, broken_reason IS NULL'), 'waiting|t', "$name: and its status says so");
	return;
}

set_clock($node, '2031-03-03 13:00:30+00');
make_database($node, 'postgres');
make_author($node);
make_report($node, 'steady');
for my $role (qw(nologin dropped elevated unconnected limited readonly disguised))
{
	make_author($node, name => $role);
	make_report($node, $role, owner => $role, query => 'SELECT now(), current_user');
}

# ---- what keeps an owner from running it ----

broken_until('nologin', 'ALTER ROLE nologin NOLOGIN', 'ALTER ROLE nologin LOGIN',
	'role "nologin" may not log in');

broken_until(
	'dropped',
	'REASSIGN OWNED BY dropped TO author; DROP OWNED BY dropped; DROP ROLE dropped',
	q{CREATE ROLE dropped LOGIN; SELECT bizmetrics.grant_author('dropped'); ALTER TABLE analytics.dropped OWNER TO dropped},
	'role "dropped" does not exist');

broken_until('elevated', 'ALTER ROLE elevated SUPERUSER', 'ALTER ROLE elevated NOSUPERUSER',
	'role "elevated" is a superuser');

broken_until(
	'unconnected',
	'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC; GRANT CONNECT ON DATABASE postgres TO author, nologin, dropped, elevated, limited',
	'GRANT CONNECT ON DATABASE postgres TO PUBLIC',
	'role "unconnected" may not connect to this database');

# PostgreSQL counts client connections only: a limit of none need not keep the worker out. Either
# way the report must not fail, and must run once the limit is gone.
sql($node, 'ALTER ROLE limited CONNECTION LIMIT 0');
pass_slots(2);
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'limited' AND state NOT IN ('succeeded', 'skipped')"),
	0, 'a connection limit fails no run');
sql($node, 'ALTER ROLE limited CONNECTION LIMIT -1');
wait_for_slot($node, 'limited', next_minute(), name => 'and without it the report runs');

# ---- a superuser's report ----

my $create = q{SELECT bizmetrics.create_report('root', 'analytics.root', 'INSERT INTO analytics.root SELECT now(), current_user',
  '* * * * *', ddl => 'CREATE TABLE IF NOT EXISTS analytics.root (slot timestamptz, value text)')};
my ($state, $error) = sql_state($node, $create);
is($state, '42501', 'a superuser cannot register a report that runs as himself');
like($error, qr/HINT:.*owner =>/, 'and is told what to do');
sql($node, 'ALTER SYSTEM SET bizmetrics.allow_superuser_reports = on');
$node->reload;
is(sql_state($node, $create), '', 'unless the server allows it');
wait_for_slot($node, 'root', next_minute(), name => 'and then it runs');
sql($node, 'ALTER SYSTEM RESET bizmetrics.allow_superuser_reports');
$node->reload;
my $runs = runs($node, 'root');
pass_slots(2);
is(status('root', 'state'), 'broken', 'until the server does not');
is(runs($node, 'root'), $runs, 'from then on it does not run');
sql($node, "SELECT bizmetrics.drop_report('root')");

# ---- rows that create_report() would have refused ----

# Only a superuser, or a dump that somebody edited, brings such rows.
my %garbage = (
	schedule => q{'61 * * * *'},
	timezone => q{'Nowhere/Land'},
	target => q{''},
	bucket => q{interval '0'},
	lookback => q{interval '-100000 years'},
	backoff => q{'{}'::interval[]},
	timeout => q{interval '-1 hour'},
	max_attempts => q{-1},
	query => q{'SELECT 1/0; garbage'},
	search_path => q{'"""'},
	owner_name => q{''},
	ddl => q{repeat('x', 100000)});
my $columns = sql($node, q{SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns
	WHERE table_schema = 'bizmetrics' AND table_name = 'reports'});
for my $column (sort keys %garbage)
{
	my %value = (report_id => q{nextval('bizmetrics.report_id_seq')}, report_name => "'garbage_$column'",
		$column => $garbage{$column});
	$value{bucket} //= q{interval '1 day'} if $column eq 'lookback';
	$value{query} //= q{'SELECT 1/(count(*) - count(*)) FROM analytics.steady'} if $column eq 'backoff';
	my $values = join ',', map { $value{$_} // $_ } split /,/, $columns;
	is(sql_state($node, "INSERT INTO bizmetrics.reports ($columns) SELECT $values FROM bizmetrics.reports WHERE report_name = 'steady'"),
		'', "a row with a bad $column");
}
my $offset = -s $node->logfile;
for (1 .. 8)
{
	wait_for_slot($node, 'steady', next_minute(), name => 'the steady report runs on');
	settle($node, busy => 1);
}
is(log_count($node, 'terminated by signal|was terminated', $offset), 0, 'no process died of them');
is( sql($node, <<'SQL'),
SELECT string_agg(r.report_name, ',' ORDER BY r.report_name) FROM bizmetrics.report_status r
WHERE r.report_name LIKE 'garbage\_%' AND r.state <> 'broken'
AND NOT EXISTS (SELECT FROM bizmetrics.report_runs u WHERE u.report_name = r.report_name)
SQL
	'',
	'each is told to be broken, or has runs that tell');
cmp_ok(log_count($node, 'ERROR:.*', $offset), '<=', 4 * keys(%garbage), 'and none floods the log');
is( sql($node, "SELECT count(*) FROM bizmetrics.report_status WHERE report_name = 'garbage_backoff' AND next_attempt_at < bizmetrics_test.clock()"),
	0,
	'an empty backoff is no wait of an odd length');

ok(wait_until_idle($node), 'nor does one keep the scheduler from leaving');

# A row that is mended is a report again.
is(log_count($node, 'report "garbage_schedule" cannot run: ', $offset), 1, 'a row that is not valid is told of once');
like(status('garbage_schedule', 'broken_reason'), qr/schedule/, 'its status says why');
sql($node, q{UPDATE bizmetrics.reports SET schedule = '* * * * *' WHERE report_name = 'garbage_schedule'});
settle($node);
wait_for_slot($node, 'garbage_schedule', next_minute(), name => 'mended, it runs at its next slot');
is(status('garbage_schedule', 'state, broken_reason IS NULL'), 'waiting|t', 'and its status says so');

# ---- settings of a role ----

# Settings of a role are in force in its runners, too. What they forbid is a failure or a broken
# report: no report may be due for ever and say nothing.
sql($node, 'CREATE ROLE disguise; GRANT disguise TO disguised');
my %setting = (readonly => 'default_transaction_read_only = on', disguised => q{role = 'disguise'});
for my $role (sort keys %setting)
{
	wait_for_slot($node, $role, next_minute(), name => "$role runs");
	sql($node, "ALTER ROLE $role SET $setting{$role}");
	my $slot = next_minute();
	wait_for_slot($node, 'steady', $slot, name => 'the steady report runs on');
	wait_for($node, <<"SQL", "with $setting{$role} its report is told to fail, or runs");
SELECT EXISTS (SELECT FROM bizmetrics.report_runs WHERE report_name = '$role' AND slot = '$slot' AND finished_at IS NOT NULL)
  OR EXISTS (SELECT FROM bizmetrics.report_status WHERE report_name = '$role' AND state = 'broken')
SQL
	is(sql($node, "SELECT count(*) FROM analytics.$role WHERE value <> '$role'"), 0, 'as nobody else');
	sql($node, "ALTER ROLE $role RESET ALL");
	sql($node, "SELECT bizmetrics.drop_report('$role')");
}

$node->stop;
done_testing();
