# Promise: whatever process dies in the middle of a run, the run ends, is told of, and its slot is
# done once: no row stays running, none succeeds twice, and the schedule goes on.
#
# Reports sleep for ten minutes while analytics.go is empty: the first attempt is caught in the
# middle, and the next one is quick. A crash of the server lets the stopped clock run again, in a
# year long before that of the test: nothing is due until the test stops it anew.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main', ['restart_after_crash = on']);
my $nap = 'SELECT now(), pg_sleep(CASE WHEN EXISTS (SELECT FROM analytics.go) THEN 0 ELSE 600 END)::text';
my $day = '2031-03-03';

# Moves the clock to a slot of the report and returns the process that sleeps in it.
sub begin_run
{
	my ($name, $time) = @_;
	my $runner = "SELECT pid FROM pg_stat_activity WHERE application_name = 'bizmetrics:$name' AND wait_event = 'PgSleep'";

	sql($node, 'DELETE FROM analytics.go');
	set_clock($node, "$day $time:00+00");
	wait_for($node, "EXISTS ($runner)", "report $name runs at $time");
	return sql($node, $runner);
}

# After an attempt of a slot crashed, or its runner was terminated: the next one, which is quick, and what is
# left of both.
sub finish_run
{
	my ($name, $time, $how, $cause) = @_;
	my $sqlstate = $how eq 'crashed' ? '57P02' : '57P01';

	wait_for($node, "SELECT state = '$how' FROM bizmetrics.report_runs WHERE report_name = '$name' AND slot = '$day $time+00' AND attempt = 1",
		"$cause: the run is marked $how");
	sql($node, 'INSERT INTO analytics.go VALUES (1)');
	set_clock($node, sql($node, "SELECT greatest(next_attempt_at, '$day $time:00+00') FROM bizmetrics.report_status WHERE report_name = '$name'"));
	wait_for($node, "SELECT state = 'succeeded' FROM bizmetrics.report_runs WHERE report_name = '$name' AND slot = '$day $time+00' AND attempt = 2",
		"$cause: and tried again");
	is( sql($node, <<"SQL"), 'f|1|1|0', "$cause: the slot is done once, and nothing is left open");
SELECT bool_or(finished_at IS NULL), count(*) FILTER (WHERE state = 'succeeded'), count(*) FILTER (WHERE state = '$how' AND sqlstate = '$sqlstate'), count(*) FILTER (WHERE state = 'running')
FROM bizmetrics.report_runs WHERE report_name = '$name' AND slot = '$day $time+00'
SQL
	return;
}

sub rows { return sql($node, "SELECT count(*) FROM analytics.$_[0]"); }

set_clock($node, "$day 12:00:30+00");
make_database($node, 'postgres');
make_author($node);
sql($node, 'CREATE TABLE analytics.go (n int); GRANT SELECT ON analytics.go TO author');
make_report($node, 'nap', schedule => '*/10 * * * *', query => $nap);
make_report($node, 'other');

# ---- the runner ----

my $runner = begin_run('nap', '12:10');
kill 'KILL', $runner;
finish_run('nap', '12:10', 'crashed', 'kill -9 of the runner');
is(log_count($node, 'terminated by signal 9'), 1, 'the server restarted');
is(rows('nap'), 1, 'the rows are there once');

# One that is terminated says so itself, and the next attempt need not wait.
$runner = begin_run('nap', '12:20');
sql($node, 'INSERT INTO analytics.go VALUES (1)');
is(sql($node, "SELECT pg_terminate_backend($runner)"), 't', 'the runner is terminated');
finish_run('nap', '12:20', 'failed', 'pg_terminate_backend of the runner');
is( sql($node, q{SELECT reason, message FROM bizmetrics.report_runs WHERE sqlstate = '57P01'}),
	'|the runner was terminated while the report ran', 'the history says so');
is(rows('nap'), 2, 'the rows are there once');

# ---- the scheduler: its runner goes on, and another scheduler comes ----

begin_run('nap', '12:30');
my ($scheduler) = worker_pids($node, 'scheduler');
sql($node, "SELECT pg_terminate_backend($scheduler)");
wait_for($node, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $scheduler)", 'the scheduler is gone');
wait_for_slot($node, 'other', "$day 12:31:00+00", name => 'another scheduler serves the other report');
is(last_run($node, 'nap'), '12:30|1|schedule|running|', 'the run of the first one is left alone');
set_clock($node, "$day 12:32:00+00");
settle($node, busy => 1);
is(last_run($node, 'nap'), '12:30|1|schedule|running|', 'for as long as it takes');
sql($node, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'bizmetrics:nap'");
wait_for_run($node, 'nap', 5);
is(last_run($node, 'nap'), '12:30|1|schedule|cancelled|57014', 'and its end is recorded by it');

# ---- scheduler and runner: the next scheduler finds the run within half a minute ----

$runner = begin_run('nap', '12:40');
($scheduler) = worker_pids($node, 'scheduler');
sql($node, 'INSERT INTO analytics.go VALUES (1)');
sql($node, "SELECT pg_terminate_backend($_)") for $scheduler, $runner;
wait_for($node, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid IN ($scheduler, $runner))", 'both are gone');
set_clock($node, "$day 12:40:35+00");
finish_run('nap', '12:40', 'failed', 'pg_terminate_backend of scheduler and runner');

# ---- a runner that is terminated while somebody locks the books: it waits for nobody ----

make_report($node, 'nap3', schedule => '42 12 * * *', query => $nap);
$runner = begin_run('nap3', '12:42');
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE bizmetrics.report_state IN SHARE MODE');
sql($node, "SELECT pg_terminate_backend($runner)");
wait_for($node, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $runner)", 'it is gone');
$locker->query_safe('ROLLBACK');
$locker->quit;
finish_run('nap3', '12:42', 'crashed', 'termination while the books are locked');
sql($node, "SELECT bizmetrics.drop_report('nap3')");

# ---- the launcher: another one comes, in 5 seconds ----

my ($launcher) = worker_pids($node, 'launcher');
begin_run('nap', '12:50');
sql($node, "SELECT pg_terminate_backend($launcher)");
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'bizmetrics launcher' AND pid <> $launcher)",
	'another launcher comes');
is(last_run($node, 'nap'), '12:50|1|schedule|running|', 'a run goes on meanwhile');
wait_for_slot($node, 'other', "$day 12:51:00+00", name => 'the reports run on');
settle($node, busy => 1);
is(last_run($node, 'nap'), '12:50|1|schedule|running|', 'also beside another scheduler');

# There may be two schedulers now, the old launcher's and the new one's. When the old one leaves,
# the new one must still hear of news: it has a run of its own to wait for.
make_report($node, 'nap2', schedule => '55 12 * * *', query => $nap);
begin_run('nap2', '12:55');
sql($node, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'bizmetrics:nap'");
wait_for_run($node, 'nap', 8);
wait_for($node, "SELECT count(*) <= 1 FROM pg_stat_activity WHERE backend_type = 'bizmetrics scheduler'",
	'a scheduler of the old launcher leaves');
sql($node, "SELECT bizmetrics.request_run('other')");
wait_for($node, "SELECT count(*) = 1 FROM bizmetrics.report_runs WHERE report_name = 'other' AND trigger = 'request'",
	'the scheduler that stays hears of a request');
sql($node, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'bizmetrics:nap2'");
wait_for_run($node, 'nap2', 1);
sql($node, "SELECT bizmetrics.drop_report('nap2')");
wait_until_idle($node);

# ---- the server ----

begin_run('nap', '13:00');
$node->stop('immediate');
$node->start;
finish_run('nap', '13:00', 'crashed', 'an immediate stop');

begin_run('nap', '13:10');
$node->restart;
finish_run('nap', '13:10', 'failed', 'a restart');

# Restarts are no crashes, however many there are of them.
make_report($node, 'patient', schedule => '15 13 * * *', query => $nap, more => "max_attempts => 5, backoff => '{1h}'");
begin_run('patient', '13:15');
for my $restart (1 .. 4)
{
	sql($node, 'INSERT INTO analytics.go VALUES (1)') if $restart == 4;
	$node->stop($restart % 2 ? 'fast' : 'smart');
	$node->start;
	wait_for($node, "SELECT count(*) = $restart FROM bizmetrics.report_runs WHERE report_name = 'patient' AND sqlstate = '57P01'", "restart $restart is told of");
	is( sql($node, "SELECT s.state, s.next_attempt_at - r.slot < interval '30 min' FROM bizmetrics.report_status s JOIN bizmetrics.report_runs r USING (report_name) WHERE report_name = 'patient' AND r.attempt = $restart"),
		'retrying|t', 'and another attempt follows at once');
	set_clock($node, sql($node, "SELECT next_attempt_at FROM bizmetrics.report_status WHERE report_name = 'patient'"));
	wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:patient' AND wait_event = 'PgSleep')", 'which begins') if $restart < 4;
}
wait_for($node, "SELECT string_agg(state, ' ' ORDER BY attempt) = 'failed failed failed failed succeeded' FROM bizmetrics.report_runs WHERE report_name = 'patient'", 'the run succeeds in the end');
is(sql($node, "SELECT state, consecutive_failures FROM bizmetrics.report_status WHERE report_name = 'patient'"), 'waiting|0', 'and nothing is left of it');
sql($node, "SELECT bizmetrics.drop_report('patient')");

# ---- what a restart keeps ----

sql($node, 'REVOKE SELECT ON analytics.go FROM author; DELETE FROM analytics.go');
make_report($node, 'bad', schedule => '20 13 * * *', query => "SELECT now(), (1 / count(*))::text FROM analytics.bad");
set_clock($node, "$day 13:20:00+00");
wait_for_run($node, 'bad', 1);
wait_for_run($node, 'nap', 13);
wait_until_idle($node);
# But for the slots, and for reports of every minute: the test's clock does not survive a restart, and
# schedules go on from ours.
my $of_bad = " WHERE report_id = (SELECT report_id FROM bizmetrics.reports WHERE report_name = 'bad')";
my $state = 'SELECT report_id, adopted, chain_trigger, chain_slot, attempt, next_attempt_at, run_id, consecutive_failures, last_success_at, broken_reason FROM bizmetrics.report_state' . $of_bad;
my $runs = 'SELECT * FROM bizmetrics.runs' . $of_bad . ' ORDER BY run_id';
my @before = map { sql($node, $_) } $state, $runs;
$node->restart;
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'bizmetrics launcher')", 'the launcher is back');
wait_until_idle($node);
is_deeply([ map { sql($node, $_) } $state, $runs ], \@before, 'a restart changes nothing');
set_clock($node, "$day 13:21:10+00");
wait_for_run($node, 'bad', 2, name => 'and the wait for a retry is kept');
is(last_run($node, 'bad'), '13:20|2|schedule|failed|22012', 'the attempt of the same slot');
wait_until_idle($node);
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE state = 'running' OR finished_at IS NULL"),
	0, 'no run is open in the end');
is( sql($node, "SELECT count(*) FROM (SELECT FROM bizmetrics.runs WHERE state = 'succeeded' AND slot IS NOT NULL GROUP BY report_id, slot HAVING count(*) > 1) AS twice"),
	0,
	'no slot succeeded twice');

$node->stop;
done_testing();
