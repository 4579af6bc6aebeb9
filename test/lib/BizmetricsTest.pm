# What the TAP tests of this project share: a server with the worker, its clock, and waiting.
#
# The worker's clock is stopped at a time and moved from slot to slot, so that a test takes no
# longer than its runs do. Nothing sleeps: what is awaited is polled for. That something does not
# happen is shown by settle(): the worker was made to look at every report, and has nothing left
# to do.
package BizmetricsTest;

use strict;
use warnings;

use Exporter 'import';
use File::Basename;
use File::Copy qw(copy);
use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(make_node make_database make_author sql sql_state wait_for set_clock
  make_report poll runs skipped last_run wait_for_run wait_for_slot wait_until_idle settle block log_count worker_pids install_privately);

# A promise that is not kept ends the wait for it in a reasonable time.
$PostgreSQL::Test::Utils::timeout_default = $ENV{PG_TEST_TIMEOUT_DEFAULT} // 60;

my $processes = "backend_type IN ('bizmetrics scheduler', 'bizmetrics runner')";

# A server that preloads the extension and the clock, with lines of postgresql.conf, started; the
# named parameters go to init(). Its database postgres has the clock.
sub make_node
{
	my ($name, $lines, %params) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(%params);
	$node->append_conf('postgresql.conf',
		join "\n", "shared_preload_libraries = 'bizmetrics,bizmetrics_test'",
		'max_worker_processes = 32', 'max_connections = 40', @{ $lines // [] });
	$node->start;
	sql($node, 'CREATE EXTENSION bizmetrics_test');
	return $node;
}

# The extension in a database, made where it is not there yet.
sub make_database
{
	my ($node, $database) = @_;

	sql($node, "CREATE DATABASE $database") if $database ne 'postgres';
	sql($node, 'CREATE EXTENSION bizmetrics', db => $database);
	return;
}

# A plain role that may create reports, and a report of his for settle().
sub make_author
{
	my ($node, %params) = @_;
	my $author = $params{name} // 'author';

	sql($node, "CREATE ROLE $author LOGIN")
	  if sql($node, "SELECT count(*) FROM pg_roles WHERE rolname = '$author'") == 0;
	sql($node, "SELECT bizmetrics.grant_author('$author')", %params);
	make_report($node, 'probe', %params, schedule => '@yearly', query => 'SELECT 1')
	  unless $author ne 'author';
	return;
}

# Runs SQL in database db (postgres) as role user (the superuser) and dies where it fails.
sub sql
{
	my ($node, $sql, %params) = @_;

	return $node->safe_psql(
		$params{db} // 'postgres', $sql,
		timeout => $PostgreSQL::Test::Utils::timeout_default,
		extra_params => $params{user} ? [ '-U', $params{user} ] : []);
}

# The SQLSTATE that SQL raises, and its whole text where wanted; '' where it raises none.
sub sql_state
{
	my ($node, $sql, %params) = @_;
	my (undef, undef, $errors) = $node->psql(
		$params{db} // 'postgres',
		$sql,
		timeout => $PostgreSQL::Test::Utils::timeout_default,
		extra_params =>
		  [ '-v', 'VERBOSITY=verbose', $params{user} ? ('-U', $params{user}) : () ]);
	my ($state) = $errors =~ /(?:ERROR|FATAL):  ([0-9A-Z]{5}):/;

	return wantarray ? ($state // $errors, $errors) : $state // $errors;
}

# Polls until a query says true; false where it does not in time. A psql that found no server, for
# it is just restarting, may be gone before it read the query.
sub poll
{
	my ($node, $database, $query) = @_;

	for (1 .. 100)
	{
		my $result = eval { $node->poll_query_until($database, $query) };

		return $result if $@ eq '';
		die $@ if $@ !~ /Broken pipe/;
	}
	return 0;
}

# The same as a test of its own.
sub wait_for
{
	my ($node, $query, $name, %params) = @_;

	return ok(poll($node, $params{db} // 'postgres', "SELECT ($query)"), $name);
}

# Stops the worker's clock at a time, and wakes the worker.
sub set_clock
{
	my ($node, $time) = @_;

	sql($node, "SELECT bizmetrics_test.set_clock('$time')");
	return;
}

# Registers a report whose target is a table of its name with columns slot and value. The query
# stands after "INSERT INTO its target" unless it begins with a command of its own.
sub make_report
{
	my ($node, $name, %params) = @_;
	my $query = $params{query} // 'SELECT now(), 1';
	my $more = $params{more} ? ", $params{more}" : '';
	my $schedule = $params{schedule} // '* * * * *';

	$query = "INSERT INTO analytics.$name $query" if $name ne 'probe' && $query =~ /^SELECT/;
	sql($node, <<"SQL", %params, user => $params{owner} // 'author');
SELECT bizmetrics.create_report('$name', 'analytics.$name', \$q\$$query\$q\$, '$schedule',
  ddl => 'CREATE TABLE IF NOT EXISTS analytics.$name (slot timestamptz, value text)' $more)
SQL
	return;
}

# Every attempt of a report, oldest first, a line each: slot|attempt|trigger|state|sqlstate. Slots
# that were skipped are left out: see skipped(). Slots are in UTC, without date and zone where they are of the day that the tests begin with.
sub runs
{
	my ($node, $name, %params) = @_;

	return sql($node, <<"SQL", %params);
SET timezone = 'UTC';
SELECT replace(to_char(slot, 'MM-DD HH24:MI'), '03-03 ', ''), attempt, trigger, state, sqlstate
FROM bizmetrics.report_runs WHERE report_name = '$name' AND state <> 'skipped' ORDER BY run_id
SQL
}

# What was skipped, oldest first, a line each: slot|reason|missed_count.
sub skipped
{
	my ($node, $name, %params) = @_;

	return sql($node, <<"SQL", %params);
SET timezone = 'UTC';
SELECT replace(to_char(slot, 'MM-DD HH24:MI'), '03-03 ', ''), reason, missed_count
FROM bizmetrics.report_runs WHERE report_name = '$name' AND state = 'skipped' ORDER BY run_id
SQL
}

sub last_run
{
	return (split /\n/, runs(@_))[-1] // '';
}

# Waits until a report has so many attempts that ended.
sub wait_for_run
{
	my ($node, $name, $count, %params) = @_;

	return wait_for($node, <<"SQL", $params{name} // "report $name ended $count times", %params);
SELECT count(*) >= $count FROM bizmetrics.report_runs
WHERE report_name = '$name' AND finished_at IS NOT NULL AND state <> 'skipped'
SQL
}

# Moves the clock to a time and waits for a report's run of that slot to succeed.
sub wait_for_slot
{
	my ($node, $name, $slot, %params) = @_;

	set_clock($node, $slot);
	return wait_for($node, <<"SQL", $params{name} // "report $name runs at $slot", %params);
SELECT EXISTS (SELECT FROM bizmetrics.report_runs
  WHERE report_name = '$name' AND slot = '$slot' AND state = 'succeeded')
SQL
}

# Waits until the launcher is the worker's only process, in one database or in all.
sub wait_until_idle
{
	my ($node, %params) = @_;
	my $database = $params{db} ? "datname = '$params{db}'" : 'true';

	return poll($node, 'postgres',
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE $processes AND $database");
}

# Makes the worker look at every report of a database once more, and waits until it has nothing to
# do there. What did not happen by then does not happen at this time of the clock.
sub settle
{
	my ($node, %params) = @_;
	my $succeeded = "SELECT count(*) FROM bizmetrics.report_runs"
	  . " WHERE report_name = 'probe' AND state = 'succeeded'";
	my $before = sql($node, $succeeded, %params);

	sql($node, "SELECT bizmetrics.request_run('probe')", %params);
	poll($node, $params{db} // 'postgres', "SELECT ($succeeded) > $before")
	  or die 'the worker does not run the probe';
	return if $params{busy};
	wait_until_idle($node, db => $params{db} // 'postgres') or die 'the worker does not leave';
	return;
}

# A session that holds advisory lock 1, on which reports of tests wait; quit() lets them go on.
sub block
{
	my ($node, %params) = @_;
	my $session = $node->background_psql($params{db} // 'postgres');

	$session->query_safe('SELECT pg_advisory_lock(1)');
	return $session;
}

# How many lines of the server's log match, from an offset on.
sub log_count
{
	my ($node, $pattern, $offset) = @_;
	my $count = () = slurp_file($node->logfile, $offset // 0) =~ /$pattern/g;

	return $count;
}

# The process ids of the worker's processes of a kind: launcher, scheduler or runner.
sub worker_pids
{
	my ($node, $kind) = @_;

	return split /\n/, sql($node,
		"SELECT pid FROM pg_stat_activity WHERE backend_type = 'bizmetrics $kind' ORDER BY pid");
}

# A copy of PostgreSQL's folders, to add scripts of extensions to. PostgreSQL looks for its folders from where its
# programs are, so those are copied and the rest is linked to. Says where it is, and where its extensions are.
sub install_privately
{
	my %path = map { my ($out) = run_command([ 'pg_config', "--$_" ]); $_ => $out } qw(bindir sharedir pkglibdir libdir);
	my $top = PostgreSQL::Test::Utils::tempdir;
	my ($common) = "$path{bindir}\n$path{sharedir}" =~ m{^(/(?:.*/)?).*\n\1} or die 'bindir and sharedir have nothing in common';
	my %copy = map { $_ => "$top/" . $path{$_} =~ s/^\Q$common\E//r } keys %path;

	make_path($copy{bindir}, "$copy{sharedir}/extension", dirname($copy{pkglibdir}));
	for my $program (glob "$path{bindir}/*")
	{
		copy($program, "$copy{bindir}/") or die "$program: $!";
		chmod 0755, "$copy{bindir}/" . basename($program);
	}
	for my $item (grep { !/\/extension$/ } glob("$path{sharedir}/*"), glob "$path{sharedir}/extension/*")
	{
		symlink $item, "$copy{sharedir}/" . $item =~ s/^\Q$path{sharedir}\E.//r or die "$item: $!";
	}
	symlink $path{pkglibdir}, $copy{pkglibdir} unless -e $copy{pkglibdir};
	return (dirname($copy{bindir}), "$copy{sharedir}/extension");
}

1;
