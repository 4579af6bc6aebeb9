# Promise: whatever dies whenever, each slot succeeds exactly once, and no run is left open. A hundred
# rounds: at a random moment of some runs a random process is killed, or all of the server's are, or it is stopped
# the hard way; then the runs are let go on to their end.
#
# The seed is in the output, and BM_SEED=n repeats the choices, though not the moments.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $rounds = $ENV{BM_ROUNDS} // 100;
my $seed = $ENV{BM_SEED} // time;
my @victims = ('runner', 'runner', 'scheduler', 'launcher', 'checkpointer', 'client backend', 'stop', 'server');
my @reports = ('a', 'b', 'c');

my $node = make_node('main',
	[ 'restart_after_crash = on', 'bizmetrics_test.keep_clock = on', 'fsync = off', 'log_statement = none', 'shared_buffers = 2MB',
	  'max_connections = 15', 'bgwriter_lru_maxpages = 0', 'autovacuum = off', 'jit = off' ]);

# The process ids of a kind of process.
sub pids
{
	my ($kind) = @_;
	return split /\n/, eval { sql($node,
		"SELECT pid FROM pg_stat_activity WHERE backend_type ~ '^(bizmetrics )?$kind\$' AND pid <> pg_backend_pid()") } // '';
}

# Kills the postmaster, and whatever it has started: as when the machine loses its power, but for what is on disk.
sub kill_server
{
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	my @children = map { m{^/proc/(\d+)/} } grep { eval { slurp_file($_) =~ /^PPid:\t$postmaster$/m } } glob '/proc/[0-9]*/status';

	kill 'KILL', $postmaster, @children;
	$node->{_pid} = undef; # which stop() would wait for
	for (1 .. 10_000)
	{
		return if !grep { -e "/proc/$_" } $postmaster, @children;
		Time::HiRes::usleep(1_000);
	}
	unlink $node->data_dir . '/postmaster.pid'; # nobody reaps them here: they are dead all the same
	return;
}

# The server answers again, also after the crash of what was asked before.
sub wait_for_server
{
	for (1 .. 1000)
	{
		my ($status) = eval { $node->psql('postgres', 'SELECT 1') };
		return 1 if defined $status && $status == 0;
		Time::HiRes::usleep(10_000);
	}
	die 'the server does not come back';
}

# Has all runs end, moving the clock on as far as they want: after a crash five minutes.
sub finish_runs
{
	my ($slot) = @_;

	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my $left = eval { sql($node, <<"SQL") } // 'no answer';
WITH open AS (SELECT * FROM bizmetrics.report_status WHERE report_name <> 'probe'
                AND (state <> 'waiting' OR next_attempt_at IS NOT NULL OR last_slot IS NULL OR last_slot < $slot))
SELECT CASE WHEN bool_or(state = 'running' OR next_attempt_at IS NULL) THEN 'wait' ELSE min(next_attempt_at)::text END FROM open
SQL
		return 1 if $left eq '';
		eval { set_clock($node, $left) } if $left =~ /^2031/;
		wait_for_server() if $left eq 'no answer';
		Time::HiRes::usleep(5_000);
	}
	return 0;
}

srand $seed;
note "BM_SEED=$seed";
set_clock($node, '2031-01-01 00:30:00+00');
make_database($node, 'postgres');
make_author($node);

# Some milliseconds of work in the middle of which something may die. The slot is the row's key.
make_report($node, $_, schedule => '@hourly', more => "max_attempts => 100, misfire => 'each'",
	query => "SELECT current_setting('bizmetrics.scheduled_for')::timestamptz, count(pg_sleep(0.002))::text FROM generate_series(1, 20)")
  for @reports;
sql($node, "ALTER TABLE analytics.$_ ADD UNIQUE (slot)") for @reports;
my $begun = sql($node, "SELECT bizmetrics_test.clock()");
my %killed;

for my $round (1 .. $rounds)
{
	my $slot = "timestamptz '$begun' + interval '$round hours' - interval '30 min'";
	my $victim = $victims[ rand @victims ];

	sql($node, "SELECT bizmetrics_test.set_clock($slot)");
	Time::HiRes::usleep(rand 120_000);
	if ($victim eq 'stop')
	{
		$node->stop('immediate');
		Time::HiRes::usleep(rand 5_000);
		$node->start;
		$killed{$victim}++;
	}
	elsif ($victim eq 'server')
	{
		kill_server();
		$node->start;
		$killed{$victim}++;
	}
	else
	{
		my @pids = pids($victim);
		@pids = (pids('launcher'), pids('scheduler'), pids('runner')) if !@pids;
		$killed{$victim} += kill 'KILL', $pids[ rand @pids ] if @pids;
	}
	wait_for_server();

	if (!finish_runs($slot))
	{
		fail("round $round comes to an end after a kill of the $victim");
		diag sql($node, 'SELECT * FROM bizmetrics.report_status');
		diag sql($node, 'SELECT * FROM bizmetrics.report_runs ORDER BY run_id DESC LIMIT 10');
		last;
	}
}

note join ', ', map { "$_: $killed{$_}" } sort keys %killed;
cmp_ok(scalar keys %killed, '>=', 6, 'processes of every kind were killed, and the server') if $rounds >= 100;
my $slots = "generate_series(timestamptz '$begun' + interval '30 min', timestamptz '$begun' + interval '$rounds hours', '1 hour') AS slot";
for my $name (@reports)
{
	is( sql($node, <<"SQL"), $rounds, "report $name: each slot succeeded exactly once");
SELECT count(*) FROM $slots
WHERE (SELECT count(*) FROM bizmetrics.report_runs r WHERE r.report_name = '$name' AND r.slot = slot.slot AND r.state = 'succeeded') = 1
SQL
	is(sql($node, "SELECT count(*) FROM analytics.$name"), $rounds, 'and left its row');
}
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE state = 'running' OR finished_at IS NULL"), 0, 'no run is open');
my $crashed = sql($node, "SELECT count(*) FROM bizmetrics.runs WHERE state = 'crashed'");
cmp_ok($crashed, '>', 0, "$crashed attempts were interrupted");

$node->stop;
done_testing();
