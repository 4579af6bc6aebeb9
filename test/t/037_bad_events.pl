# Promise: an event that cannot be added up keeps no other from a delta, by the worker, with its retries, and by pg_cron; a
# runner that is killed while it goes by windows neither loses an event nor adds one twice. Where there are no buckets
# the history names the event, and another query for what is new lets it through.
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
CREATE TABLE analytics.mood (bad int[] NOT NULL, slow int NOT NULL);
INSERT INTO analytics.mood VALUES ('{3}', 0);
-- It is not, but says so: the days on which it fails are changed by the test.
CREATE FUNCTION analytics.value_of(at timestamptz) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE
  mood analytics.mood;
BEGIN
  SELECT * INTO mood FROM analytics.mood;
  IF extract(day FROM at) = mood.slow THEN PERFORM pg_advisory_lock_shared(1); END IF;
  RETURN 1 / CASE WHEN extract(day FROM at) = ANY (mood.bad) THEN 0 ELSE 1 END;
END $$;
SELECT bizmetrics.create_report('days', query => $q$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, sum(analytics.value_of(occurred_at)) AS v FROM business_events WHERE event_name = 'sale' GROUP BY 1$q$,
  key => '{day}', bucket => '1 day', strategy => 'delta', timezone => 'UTC', schedule => '0 * * * *', backoff => '{0s}', max_attempts => 2);
SELECT bizmetrics.create_report('ever', query => $q$SELECT coalesce(company_id, '') AS company, count(*) AS n, sum((properties ->> 'v')::int) AS v FROM business_events WHERE event_name = 'order' GROUP BY 1$q$,
  key => '{company}', timezone => 'UTC', schedule => '0 * * * *', max_attempts => 1);
SQL

sub log_on { my ($days) = @_; sql($node, "SELECT count(bizmetrics.log_event('sale', occurred_at => timestamptz '2031-02-01 10:00+00' + (d - 1) * interval '1 day')) FROM unnest('{$days}'::int[]) d"); return; }
sub days { return sql($node, q{SELECT string_agg(extract(day FROM day) || '*' || n, ' ' ORDER BY day) FROM analytics.days}); }
sub pending { my ($report) = @_; return sql($node, "SELECT pending_windows, new_events FROM bizmetrics.report_status WHERE report_name = '$report'"); }
sub ends_of { my ($report, $slot) = @_; return sql($node, "SELECT string_agg(attempt || ' ' || state || ' ' || coalesce(sqlstate, '') || ' ' || coalesce(reason, ''), ', ' ORDER BY attempt) FROM bizmetrics.report_runs WHERE report_name = '$report' AND slot = '$slot' AND state <> 'running'"); }
sub detail { my ($report) = @_; return sql($node, "SELECT detail FROM bizmetrics.report_runs WHERE report_name = '$report' AND state = 'failed' ORDER BY run_id DESC LIMIT 1"); }
sub wait_for_end
{
	my ($report, $slot, $attempts) = @_;

	wait_for($node, "SELECT count(*) = $attempts FROM bizmetrics.report_runs WHERE report_name = '$report' AND slot = '$slot' AND state NOT IN ('running', 'skipped')", "the slot of $slot");
	return ends_of($report, $slot);
}

# ---- by the worker ----

my @failed = ('1 failed 22012 , 2 failed 22012 max_attempts');
log_on('1,2,3,4,5,20');
sql($node, q{SELECT bizmetrics.log_event('order', '{"v": 2}', company_id => 'c', occurred_at => '2031-02-01 10:00+00')});
set_clock($node, '2031-03-03 13:00:00+00');
is(wait_for_end('days', '2031-03-03 13:00:00+00', 2), $failed[0], 'a slot fails, and is tried again');
is(days(), '1*1 2*1 4*1 5*1 20*1', 'the other days are there');
is(pending('days'), '1|0', 'one is pending, and nothing is new');
like(detail('days'), qr/^The bucket from 2031-02-03 00:00:00\S* to 2031-02-04 00:00:00\S* is not complete\.$/, 'the history says which');
is(wait_for_end('ever', '2031-03-03 13:00:00+00', 1), '1 succeeded  ', 'the report without buckets has nothing against its events');
log_on('4,21');
my $bad = sql($node, q{SELECT bizmetrics.log_event('order', '{"v": "x"}', company_id => 'c', occurred_at => '2031-02-02 10:00+00')});
sql($node, q{SELECT bizmetrics.log_event('order', '{"v": 3}', company_id => 'c', occurred_at => '2031-02-03 10:00+00')});
set_clock($node, '2031-03-03 14:00:00+00');
is(wait_for_end('days', '2031-03-03 14:00:00+00', 2), $failed[0], 'so does the next one');
is(days(), '1*1 2*1 4*2 5*1 20*1 21*1', 'with what is new');
is(wait_for_end('ever', '2031-03-03 14:00:00+00', 1), '1 failed 22P02 max_attempts', 'and the report without buckets, for another event');
is(detail('ever'), "It fails for the event $bad of 2031-02-02 10:00:00+00.", 'which is named');
is(pending('ever'), '0|2', 'what is new to it waits');
sql($node, q{SELECT bizmetrics.alter_report('ever', recompute => false, query => $q$SELECT coalesce(company_id, '') AS company, count(*) AS n, sum(bizmetrics.number_in(properties, 'v')::int) AS v FROM business_events WHERE event_name = 'order' GROUP BY 1$q$)}, user => 'author');

# ---- a runner that is killed while it goes by windows ----

sql($node, q{UPDATE analytics.mood SET bad = '{3,7}', slow = 22}, user => 'author');
log_on('6,7,22');
my $waits = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND application_name = 'bizmetrics:days'";
my $gate = block($node);
set_clock($node, '2031-03-03 15:00:00+00');
wait_for($node, "EXISTS ($waits)", 'a day after the bad ones is being computed');
is(days(), '1*1 2*1 4*2 5*1 6*1 20*1 21*1', 'what was computed before it can be read');
kill 'KILL', sql($node, $waits);
poll($node, 'postgres', 'SELECT true');
eval { $gate->quit };
wait_for($node, "EXISTS (SELECT FROM bizmetrics.report_runs WHERE report_name = 'days' AND slot = '2031-03-03 15:00:00+00' AND attempt = 1 AND state = 'crashed')", 'it is a crash');
is(days(), '1*1 2*1 4*2 5*1 6*1 20*1 21*1', 'what was computed before it stays');
is(pending('days'), '3|0', 'three days are pending');
is(sql($node, 'SELECT n, v FROM analytics.ever'), '3|5', 'the other report has gone on by its other query');

# ---- by pg_cron ----

sql($node, q{ALTER SYSTEM SET bizmetrics.databases = 'none'});
$node->restart;
sql($node, 'UPDATE analytics.mood SET slow = 0', user => 'author');
log_on('6,8');
set_clock($node, '2031-03-03 18:00:00+00');
sql($node, 'CALL bizmetrics.run_due_reports()', user => 'author') for 1 .. 2;
is(ends_of('days', '2031-03-03 18:00:00+00'), $failed[0], 'run_due_reports() goes on, too');
is(days(), '1*1 2*1 4*2 5*1 6*2 8*1 20*1 21*1 22*1', 'adds what is new, and computes the day that was not to blame');
is(pending('days'), '2|0', 'the bad ones are pending');
sql($node, q{UPDATE analytics.mood SET bad = '{}'}, user => 'author');
set_clock($node, '2031-03-03 19:00:00+00');
sql($node, 'CALL bizmetrics.run_due_reports()', user => 'author');
is(ends_of('days', '2031-03-03 19:00:00+00'), '1 succeeded  ', 'until they can be computed');
is(days(), '1*1 2*1 3*1 4*2 5*1 6*2 7*1 8*1 20*1 21*1 22*1', 'and it is right');
is(pending('days'), '0|0', 'nothing is pending');

$node->stop;
done_testing();
