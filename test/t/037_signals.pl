# Promise: what is meant for one attempt, a cancel or the watchdog's signal, reaches no other: not the next one of the
# same process, of the same report or another, and not what a session does when its own attempt has ended.
#
# The test stands where cancel_run() stands when it has found the process and has not signalled it yet: it holds
# the process's lock of signals, and is as slow as it likes.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main', ['bizmetrics.max_runners = 1']);
my $gate = $node->background_psql('postgres');
my $signaller = $node->background_psql('postgres');

# The process of a report whose attempt waits at the gate.
sub waiting
{
	my ($name) = @_;
	my $process = "SELECT pid FROM pg_stat_activity WHERE application_name = 'bizmetrics:$name' AND wait_event = 'advisory' AND state = 'active'";

	wait_for($node, "EXISTS ($process)", "report $name is at work");
	return sql($node, $process);
}

sub stand_by
{
	my ($pid) = @_;

	$signaller->query_safe("BEGIN; SELECT bizmetrics_test.lock_signals($pid)");
	return;
}

# The process has done with one attempt, and waits for the signaller before it makes another one.
sub wait_between
{
	my ($pid, $name) = @_;

	return wait_for($node, "EXISTS (SELECT FROM pg_locks WHERE pid = $pid AND NOT granted AND locktype = 'advisory' AND objsubid > 2)", $name);
}

sub open_gate { $gate->query_safe('SELECT pg_advisory_unlock(1)'); return; }
sub shut_gate { $gate->query_safe('SELECT pg_advisory_lock(1)'); return; }
sub runs_of { return sql($node, "SELECT string_agg(trigger || ' ' || state, ', ' ORDER BY run_id) FROM bizmetrics.report_runs WHERE report_name = '$_[0]'"); }

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);
make_report($node, $_, schedule => '@yearly', query => 'SELECT now(), pg_advisory_lock_shared(1)::text || pg_advisory_unlock_shared(1)::text') for qw(a b);
sql($node, 'CREATE TABLE analytics.other (n int); GRANT ALL ON analytics.other TO author');

# ---- a signal that is late, for the same report and for another one ----

for my $next (qw(a b))
{
	for my $signal (qw(INT TERM))
	{
		sql($node, "SELECT bizmetrics.reset_report(n) FROM unnest('{a,b}'::text[]) n; DELETE FROM bizmetrics.runs");
		shut_gate();
		sql($node, "SELECT bizmetrics.request_run('a')");
		my $runner = waiting('a');
		sql($node, "SELECT bizmetrics.request_run('$next')");
		stand_by($runner);
		open_gate();
		wait_between($runner, "the runner waits before it begins $next");
		is(runs_of('a'), 'request succeeded', 'the attempt that was meant has ended');
		shut_gate();
		kill $signal, $runner;
		$signaller->query_safe('ROLLBACK');
		waiting($next);
		open_gate();
		my $both = $next eq 'a' ? 'request succeeded, request succeeded' : 'request succeeded';
		wait_for($node, "SELECT string_agg(trigger || ' ' || state, ', ' ORDER BY run_id) = '$both' FROM bizmetrics.report_runs WHERE report_name = '$next'",
			"SIG$signal for a, too late, is nothing to the next attempt, of $next");
	}
}

# ---- a cancel_run() that is late ----

sql($node, "SELECT bizmetrics.reset_report(n) FROM unnest('{a,b}'::text[]) n; DELETE FROM bizmetrics.runs");
shut_gate();
sql($node, "SELECT bizmetrics.request_run('a')");
my $runner = waiting('a');
sql($node, "SELECT bizmetrics.request_run('a')");
my $run = sql($node, "SELECT run_id FROM bizmetrics.report_runs WHERE report_name = 'a' AND state = 'running'");
stand_by($runner);
my $canceller = $node->background_psql('postgres');
$canceller->query_until(qr/begun/, "\\echo begun\nSELECT bizmetrics.cancel_run($run) AS cancelled \\gset\n\\echo cancelled: :cancelled\n");
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT bizmetrics.cancel_run%' AND wait_event = 'advisory')", 'cancel_run() has found the process');
open_gate();
wait_for($node, "SELECT count(*) = 1 FROM bizmetrics.report_runs WHERE report_name = 'a' AND state = 'succeeded'", 'whose attempt ends');
shut_gate();
$signaller->query_safe('ROLLBACK');
waiting('a');
like($canceller->query_until(qr/cancelled: ./, ''), qr/cancelled: f/, 'it says that it was too late');
open_gate();
wait_for($node, "SELECT count(*) = 2 FROM bizmetrics.report_runs WHERE report_name = 'a' AND state = 'succeeded'", 'and the next attempt goes on');
$canceller->quit;

# ---- an attempt that a session makes ----

my $session = $node->background_psql('postgres', extra_params => [ '-U', 'author' ], on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
my $last_run = 'SELECT last_value FROM bizmetrics.run_id_seq';

# It has ended, and its transaction goes on.
is($session->query_safe("BEGIN; SELECT state FROM bizmetrics.run_report('a')"), 'succeeded', 'a report runs by hand');
shut_gate();
$session->query_until(qr/begun/, "\\echo begun\nINSERT INTO analytics.other SELECT 1 FROM pg_advisory_xact_lock(1);\nCOMMIT;\n\\echo ended\n");
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'advisory')", 'the transaction has more to do');
is(sql($node, "SELECT bizmetrics.cancel_run(($last_run))"), 'f', 'which is not the run, and is not cancelled');
open_gate();
$session->query_until(qr/ended/, '');
is(sql($node, 'SELECT count(*) FROM analytics.other'), 1, 'it ends as it would have');

# It ends while somebody is about to cancel it: the command is not over before that has come.
shut_gate();
$session->query_until(qr/begun/, "\\echo begun\nSELECT state FROM bizmetrics.run_report('a');\nINSERT INTO analytics.other VALUES (2);\n\\echo ended\n");
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'advisory')", 'a report runs by hand again');
stand_by($pid);
open_gate();
wait_between($pid, 'and waits, at its end, for who is about to cancel it');
kill 'INT', $pid;
$signaller->query_safe('ROLLBACK');
$session->query_until(qr/ended/, '');
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE run_id = ($last_run)"), 0, 'it is the command that is cancelled');
is(sql($node, 'SELECT count(*) FROM analytics.other WHERE n = 2'), 1, 'and not the next one');

# ---- the same as pg_cron has it made ----

sql($node, q{ALTER SYSTEM SET bizmetrics.databases = 'none'});
$node->reload;
wait_for($node, 'bizmetrics.worker_problem() IS NOT NULL', 'the worker does not come here');
sql($node, 'DELETE FROM bizmetrics.runs');
sql($node, "SELECT bizmetrics.alter_report(n, schedule => '* * * * *') FROM unnest('{a,b}'::text[]) n");
set_clock($node, '2031-03-03 12:02:00+00');
shut_gate();
$session->query_until(qr/begun/, "\\echo begun\nCALL bizmetrics.run_due_reports();\n\\echo ended\n");
waiting('a');
stand_by($pid);
open_gate();
wait_between($pid, 'the session waits before it begins the next report');
kill 'INT', $pid;
$signaller->query_safe('ROLLBACK');
$session->query_until(qr/ended/, '');
is(runs($node, 'a') . '/' . runs($node, 'b'), '12:02|1|schedule|succeeded|/', 'the one has succeeded, the other has not begun');
sql($node, 'CALL bizmetrics.run_due_reports()', user => 'author');
is(runs($node, 'b'), '12:02|1|schedule|succeeded|', 'and does, when it is called again');

$_->quit for $session, $gate, $signaller;
$node->stop;
done_testing();
