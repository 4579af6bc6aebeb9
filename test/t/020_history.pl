# Promise: the history of runs does not grow without bound, without anybody's doing, and what it loses
# lives on in the sums; a report that runs while its history is pruned is not in the way.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main', [ 'bizmetrics.history_runs = 3' ]);

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);
make_report($node, 'often');
make_report($node, 'fails', query => 'SELECT now(), (1 / 0)::text', more => 'max_attempts => 1');
for my $minute (1 .. 12)
{
	wait_for_slot($node, 'often', sprintf '2031-03-03 12:%02d:00+00', $minute);
	wait_for_run($node, 'fails', 1);
	wait_until_idle($node);
}
# Maintenance falls due an hour after CREATE EXTENSION.
sql($node, 'SELECT bizmetrics.pause_reports()');
set_clock($node, '2031-03-03 13:30:00+00');
wait_for($node, "SELECT count(*) = 3 FROM bizmetrics.report_runs WHERE report_name = 'often'", 'of 12 successes 3 are kept');
wait_for($node, "SELECT count(*) <= 3 FROM bizmetrics.report_runs WHERE report_name = 'fails'", 'of the failures no more');
is(sql($node, "SELECT succeeded, row_count FROM bizmetrics.report_stats WHERE report_name = 'often'"), '12|12', 'all are in the sums');
is( sql($node, "SELECT string_agg(to_char(slot AT TIME ZONE 'UTC', 'HH24:MI'), ' ' ORDER BY run_id) FROM bizmetrics.report_runs WHERE report_name = 'often'"),
	'12:10 12:11 12:12', 'the last ones are kept');

set_clock($node, '2031-03-03 12:12:40+00');
sql($node, 'SELECT bizmetrics.resume_reports()');

# A slot is known to have run although its row is gone.
sql($node, 'UPDATE bizmetrics.report_state SET next_slot = last_slot');
settle($node);
is(sql($node, "SELECT succeeded FROM bizmetrics.report_stats WHERE report_name = 'often'"), 12, 'no slot runs again');

# While a report runs, the history of others and its own is pruned.
my $gate = block($node);
make_report($node, 'long', schedule => '@yearly', query => 'SELECT now(), pg_advisory_lock_shared(1)::text');
sql($node, "SELECT bizmetrics.request_run('long')");
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:long' AND wait_event = 'advisory')", 'one is under way');
sql($node, 'SELECT bizmetrics_test.prune_history()');
is(runs($node, 'long'), '|1|request|running|', 'its row stays');
$gate->quit;
wait_for_run($node, 'long', 1);
is(runs($node, 'long'), '|1|request|succeeded|', 'and it ends as it should');

$node->stop;
done_testing();
