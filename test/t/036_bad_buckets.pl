# Promise: a bucket that cannot be computed keeps no other one from it, by the worker, with its retries, and by
# pg_cron; a cancel or a timeout ends the attempt nevertheless, and a runner that is killed in the middle loses nothing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main', [ 'restart_after_crash = on', 'bizmetrics_test.keep_clock = on' ]);
set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);
sql($node, q{SELECT bizmetrics.grant_writer('author'), bizmetrics.ensure_partitions('2031-01-01 00:00+00', '2031-04-01 00:00+00')});
sql($node, <<'SQL', user => 'author');
CREATE TABLE analytics.mood (bad int NOT NULL, slow int NOT NULL);
INSERT INTO analytics.mood VALUES (3, 0);
CREATE FUNCTION analytics.value_of(at timestamptz) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  mood analytics.mood;
BEGIN
  SELECT * INTO mood FROM analytics.mood;
  IF extract(day FROM at) = mood.slow THEN PERFORM pg_advisory_lock_shared(1); END IF;
  RETURN 1 / CASE WHEN extract(day FROM at) = mood.bad THEN 0 ELSE 1 END;
END $$;
SELECT bizmetrics.create_report('days', query => $q$SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT id) AS n, sum(analytics.value_of(occurred_at)) AS v FROM business_events WHERE event_name = 'sale' GROUP BY 1$q$,
  key => '{day}', bucket => '1 day', timezone => 'UTC', schedule => '0 * * * *', backoff => '{0s}', max_attempts => 2);
SQL

sub log_on { my ($days) = @_; sql($node, "SELECT count(bizmetrics.log_event('sale', occurred_at => timestamptz '2031-02-01 10:00+00' + (d - 1) * interval '1 day')) FROM unnest('{$days}'::int[]) d"); return; }
sub days { return sql($node, q{SELECT string_agg(extract(day FROM day) || '*' || n, ' ' ORDER BY day) FROM analytics.days}); }
sub pending { return sql($node, q{SELECT pending_windows, new_events FROM bizmetrics.report_status WHERE report_name = 'days'}); }
sub ends_of { my ($slot) = @_; return sql($node, "SELECT string_agg(attempt || ' ' || state || ' ' || coalesce(sqlstate, '') || ' ' || coalesce(reason, ''), ', ' ORDER BY attempt) FROM bizmetrics.report_runs WHERE report_name = 'days' AND slot = '$slot' AND state <> 'running'"); }
sub run_slot
{
	my ($slot, $attempts) = @_;

	set_clock($node, $slot);
	wait_for($node, "SELECT count(*) = $attempts FROM bizmetrics.report_runs WHERE report_name = 'days' AND slot = '$slot' AND state NOT IN ('running', 'skipped')", "the slot of $slot");
	return ends_of($slot);
}

# ---- by the worker ----

log_on('1,2,3,4,5,20');
is(run_slot('2031-03-03 13:00:00+00', 2), '1 failed 22012 , 2 failed 22012 max_attempts', 'a slot fails, and is tried again');
is(days(), '1*1 2*1 4*1 5*1 20*1', 'the other days are there');
is(pending(), '1|0', 'one is pending, and nothing is new');
like(sql($node, q{SELECT detail FROM bizmetrics.report_runs WHERE report_name = 'days' AND attempt = 1}), qr/^The bucket from 2031-02-03 00:00:00.* stays as it was; others were computed\.$/, 'the history says which');
is(sql($node, q{SELECT consecutive_failures, last_success_at IS NULL FROM bizmetrics.report_status WHERE report_name = 'days'}), '1|t', 'it has failed');
log_on('4,21');
is(run_slot('2031-03-03 14:00:00+00', 2), '1 failed 22012 , 2 failed 22012 max_attempts', 'so does the next one');
is(days(), '1*1 2*1 4*2 5*1 20*1 21*1', 'with what is new');

# ---- cancelled, out of time, and killed, after the bad day ----

# A day that waits for whoever holds the gate, until something ends it.
my $waits = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND application_name = 'bizmetrics:days'";
sql($node, 'UPDATE analytics.mood SET slow = 22', user => 'author');
sub end_slot
{
	my ($slot, $how, $end) = @_;
	my $gate = block($node);

	log_on('6,22');
	set_clock($node, $slot);
	wait_for($node, "EXISTS ($waits)", 'a day after the bad one is being computed');
	$end->();
	$gate->quit if eval { $gate->query_safe('SELECT 1'); 1 };
	poll($node, 'postgres', 'SELECT true');
	wait_for($node, "EXISTS (SELECT FROM bizmetrics.report_runs WHERE report_name = 'days' AND slot = '$slot' AND attempt = 1 AND state = '$how')", "it is $how");
	return days();
}

is( end_slot('2031-03-03 15:00:00+00', 'cancelled', sub { sql($node, q{SELECT bizmetrics.cancel_run(run_id) FROM bizmetrics.report_runs WHERE state = 'running' AND report_name = 'days'}); wait_for($node, "NOT EXISTS ($waits)", 'which ends it') }),
	'1*1 2*1 4*2 5*1 6*1 20*1 21*1', 'what was computed before it stays');
is(pending(), '2|0', 'two days are pending');
sql($node, q{SELECT bizmetrics.alter_report('days', timeout => '2 seconds', max_attempts => 1)}, user => 'author');
is( end_slot('2031-03-03 16:00:00+00', 'timed_out', sub { wait_for($node, "NOT EXISTS ($waits)", 'its time is up') }),
	'1*1 2*1 4*2 5*1 6*2 20*1 21*1', 'what was computed before that stays');
is(pending(), '2|0', 'two days are pending');
sql($node, q{SELECT bizmetrics.alter_report('days', unset => '{timeout}', max_attempts => 2)}, user => 'author');
is( end_slot('2031-03-03 17:00:00+00', 'crashed', sub { kill 'KILL', sql($node, $waits) }),
	'1*1 2*1 4*2 5*1 6*3 20*1 21*1', 'what was computed before a crash stays');
is(pending(), '2|0', 'two days are pending');

# ---- by pg_cron ----

sql($node, q{ALTER SYSTEM SET bizmetrics.databases = 'none'});
$node->restart;
sql($node, 'UPDATE analytics.mood SET slow = 0', user => 'author');
set_clock($node, '2031-03-03 18:00:00+00');
log_on('7');
sql($node, 'CALL bizmetrics.run_due_reports()', user => 'author') for 1 .. 2;
is(ends_of('2031-03-03 18:00:00+00'), '1 failed 22012 , 2 failed 22012 max_attempts', 'run_due_reports() goes on, too');
is(days(), '1*1 2*1 4*2 5*1 6*3 7*1 20*1 21*1 22*3', 'and computes the day that was not to blame');
is(pending(), '1|0', 'the bad one is pending');
sql($node, 'UPDATE analytics.mood SET bad = 0', user => 'author');
set_clock($node, '2031-03-03 19:00:00+00');
sql($node, 'CALL bizmetrics.run_due_reports()', user => 'author');
is(ends_of('2031-03-03 19:00:00+00'), '1 succeeded  ', 'until it can be computed');
is(days(), '1*1 2*1 3*1 4*2 5*1 6*3 7*1 20*1 21*1 22*3', 'and is right');
is(pending(), '0|0', 'nothing is pending');

$node->stop;
done_testing();
