# Promise: where the server has no process left for a runner, a report stays due and uses no attempt,
# its status and one line of the log say so, and it runs as soon as a process can be had. Nobody's
# clients are in its way.
#
# Of four worker processes PostgreSQL's own replication launcher, our launcher and a scheduler take
# three: one report runs at a time.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main', [ 'max_worker_processes = 4', 'max_connections = 12', 'superuser_reserved_connections = 3' ]);

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);

# ---- no worker process ----

my $gate = block($node);
make_report($node, 'first', query => 'SELECT now(), pg_advisory_lock_shared(1)::text');
set_clock($node, '2031-03-03 12:01:00+00');
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:first' AND wait_event = 'advisory')",
	'one report has the last process');
make_report($node, 'second');
set_clock($node, '2031-03-03 12:02:00+00');
ok($node->wait_for_log(qr/no process is free for the reports of role "author"/), 'the log says that another one cannot begin');
# For five minutes.
for my $minute (3 .. 7)
{
	set_clock($node, "2031-03-03 12:0$minute:00+00");
	wait_for($node, "SELECT wake_ups > " . sql($node, "SELECT wake_ups FROM bizmetrics.worker_status WHERE process = 'scheduler' AND database_name = 'postgres'")
		. " FROM bizmetrics.worker_status WHERE process = 'scheduler' AND database_name = 'postgres'", "the scheduler looks again at 12:0$minute");
}
is(runs($node, 'second'), '', 'it used no attempt');
is( sql($node, "SELECT next_slot <= bizmetrics_test.clock() FROM bizmetrics.report_status WHERE report_name = 'second'"),
	't', 'and is due');
$gate->quit;
wait_for($node, "SELECT count(*) = 1 FROM bizmetrics.report_runs WHERE report_name = 'second' AND slot = '2031-03-03 12:07+00' AND attempt = 1 AND state = 'succeeded'",
	'it runs when a process can be had');
is(log_count($node, 'no process is free for the reports of role "author"'), 1, 'the log said so once');
is(skipped($node, 'second'), '12:06|missed|5', 'and what fired meanwhile is one row');
ok(wait_until_idle($node), 'the processes leave');

# ---- no connection ----

my @clients;
for (1 .. 9)
{
	push @clients, $node->background_psql('postgres', extra_params => [ '-U', 'author' ]);
}
like(sql_state($node, 'SELECT 1', user => 'author'), qr/connection slots|too many/, 'no client can connect any more');
wait_for_slot($node, 'second', '2031-03-03 12:10:00+00', name => 'reports run');
$_->quit for @clients;

# ---- more due reports than processes ----

# Each ends at once and leaves its process to the next one, which must not wait out a backoff.
sql($node, "SELECT bizmetrics.drop_report(n) FROM unnest('{first,second}'::text[]) n");
make_report($node, "many$_", schedule => '@hourly') for 1 .. 8;
wait_until_idle($node);
my $begun = sql($node, 'SELECT clock_timestamp()');
set_clock($node, '2031-03-03 13:00:00+00');
wait_for($node, "SELECT count(*) = 8 FROM bizmetrics.report_runs WHERE report_name LIKE 'many%' AND state = 'succeeded'",
	'eight reports that share one process all run');
cmp_ok(sql($node, "SELECT extract(epoch FROM clock_timestamp() - '$begun')"), '<', 10, 'one after the other, without long pauses');

$node->stop;
done_testing();
