# Promise: a run that fails is tried again as the report says, at times that are stored and not
# slept; a permanent error, a cancel or a success ends it; and no other report notices.
#
# The reports divide by the number of rows in analytics.fuel: empty, they fail with 22012; filled,
# they succeed. Whether a retry comes too early is seen two seconds before its time: closer, the
# scheduler would stay for it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main');

sub fill { return sql($node, 'INSERT INTO analytics.fuel VALUES (1)', user => 'author'); }
sub drain { return sql($node, 'TRUNCATE analytics.fuel', user => 'author'); }

sub status
{
	my ($name, $columns) = @_;
	return sql($node, "SELECT $columns FROM bizmetrics.report_status WHERE report_name = '$name'");
}

# Moves the clock to when a report is tried again, less some seconds.
sub to_retry
{
	my ($name, $seconds) = @_;
	return set_clock($node, status($name, "next_attempt_at - interval '$seconds s'"));
}

# Is the next attempt so many seconds ahead, give or take a tenth?
sub delay_is
{
	my ($name, $seconds, $text) = @_;
	my $delay = status($name, 'extract(epoch FROM next_attempt_at - bizmetrics_test.clock())');

	cmp_ok($delay, '>=', 0.9 * $seconds, "$text: not before");
	cmp_ok($delay, '<=', 1.1 * $seconds, "$text: not after");
	return;
}

set_clock($node, '2031-03-03 12:05:30+00');
make_database($node, 'postgres');
make_author($node);
sql($node, 'CREATE TABLE analytics.fuel (n int)', user => 'author');
my $divide = 'SELECT now(), (1 / count(*))::text FROM analytics.fuel';
make_report($node, 'bad', schedule => '*/10 * * * *', query => $divide);
make_report($node, 'good', schedule => '*/5 * * * *');

# ---- three attempts ----

set_clock($node, '2031-03-03 12:10:00+00');
wait_for_run($node, 'bad', 1);
is(runs($node, 'bad'), '12:10|1|schedule|failed|22012', 'the attempt failed');
is(status('bad', 'state, attempt, consecutive_failures'), 'retrying|1|0', 'the run is open');
is( sql($node, "SELECT message, row_count IS NULL, finished_at = started_at FROM bizmetrics.report_runs WHERE report_name = 'bad'"),
	'division by zero|t|t',
	'and says why');
delay_is('bad', 60, 'the second attempt');

my $first_delay = status('bad', 'next_attempt_at');
to_retry('bad', 2);
settle($node);
is(runs($node, 'bad'), '12:10|1|schedule|failed|22012', 'no retry before its time');
to_retry('bad', 0);
wait_for_run($node, 'bad', 2);
delay_is('bad', 60, 'the third attempt');
to_retry('bad', 0);
wait_for_run($node, 'bad', 3);
is( runs($node, 'bad'),
	join("\n", map { "12:10|$_|schedule|failed|22012" } 1 .. 3),
	'three attempts of one slot');
is( status('bad', 'state, attempt, next_attempt_at IS NULL, consecutive_failures, last_success_at IS NULL'),
	'waiting|0|t|1|t',
	'then the run has failed');
set_clock($node, '2031-03-03 12:19:00+00');
settle($node);
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'bad' AND state <> 'skipped'"),
	3, 'and there is no fourth');
is( sql($node, "SELECT count(*) >= 2, bool_and(state = 'succeeded' AND attempt = 1) FROM bizmetrics.report_runs WHERE report_name = 'good'"),
	't|t',
	'another report ran on meanwhile');

# ---- the slots after it ----

set_clock($node, '2031-03-03 12:20:00+00');
wait_for_run($node, 'bad', 4);
is(last_run($node, 'bad'), '12:20|1|schedule|failed|22012', 'the next slot runs');
for my $count (5, 6)
{
	to_retry('bad', 0);
	wait_for_run($node, 'bad', $count);
}
is(status('bad', 'consecutive_failures'), 2, 'failed runs in a row are counted');
fill();
wait_for_slot($node, 'bad', '2031-03-03 12:30:00+00');
is(status('bad', 'state, consecutive_failures, last_success_at = bizmetrics_test.clock()'),
	'waiting|0|t', 'until one succeeds');

# ---- a success on the way ----

drain();
set_clock($node, '2031-03-03 12:40:00+00');
wait_for_run($node, 'bad', 8);
fill();
to_retry('bad', 0);
wait_for_run($node, 'bad', 9);
is( runs($node, 'bad') =~ s/.*(?=12:40\|1)//sr,
	"12:40|1|schedule|failed|22012\n12:40|2|schedule|succeeded|",
	'the second attempt succeeds');
is(status('bad', 'state, attempt, next_attempt_at IS NULL, consecutive_failures'),
	'waiting|0|t|0', 'and ends the run');
set_clock($node, '2031-03-03 12:49:00+00');
settle($node);
is(last_run($node, 'bad'), '12:40|2|schedule|succeeded|', 'for good');

# ---- a request during the wait ----

drain();
set_clock($node, '2031-03-03 12:50:00+00');
wait_for_run($node, 'bad', 10);
fill();
sql($node, "SELECT bizmetrics.request_run('bad')", user => 'author');
wait_for_run($node, 'bad', 11);
is(last_run($node, 'bad'), '12:50|2|schedule|succeeded|', 'a request ends the wait for a retry');
set_clock($node, '2031-03-03 12:59:00+00');
settle($node);
is(last_run($node, 'bad'), '12:50|2|schedule|succeeded|', 'and is answered by it');

# ---- backoff ----

drain();
make_report($node, 'slow', schedule => '@hourly', query => $divide,
	more => "max_attempts => 4, backoff => '{10s, 5min}'");
set_clock($node, '2031-03-03 13:00:00+00');
wait_for_run($node, 'slow', 1);
delay_is('slow', 10, 'the first item of backoff');
to_retry('slow', 0);
wait_for_run($node, 'slow', 2);
delay_is('slow', 300, 'the second item');
to_retry('slow', 0);
wait_for_run($node, 'slow', 3);
delay_is('slow', 300, 'which repeats');
to_retry('slow', 0);
wait_for_run($node, 'slow', 4);
is(status('slow', 'state, consecutive_failures'), 'waiting|1', 'max_attempts ends it');

# A wait beyond all time must not come out as one that is over. Twenty reports, for the jitter of
# one may happen to keep it in range.
my $state = sql_state($node, <<"SQL", user => 'author');
SELECT bizmetrics.create_report('huge' || n, 'analytics.bad', '$divide', '0 14 * * *', backoff => '{296000 years}')
FROM generate_series(1, 20) n
SQL
if ($state eq '')
{
	my $huge = "FROM bizmetrics.report_runs WHERE report_name LIKE 'huge%'";

	set_clock($node, '2031-03-03 14:00:00+00');
	wait_for($node, "SELECT count(*) >= 20 $huge AND attempt = 1 AND state = 'failed'",
		'reports with a wait beyond all time run');
	is(sql_state($node, 'SELECT * FROM bizmetrics.report_status'), '', 'report_status can be read');
	settle($node);
	is(sql($node, "SELECT count(*) $huge AND attempt > 1"), 0, 'none is tried again at once');
	sql($node, "SELECT bizmetrics.drop_report('huge' || n) FROM generate_series(1, 20) n");
}
else
{
	is($state, '22023', 'a wait beyond all time is refused');
}

# ---- errors that another try cannot mend ----

make_report($node, 'gone', schedule => '@hourly');
sql($node, 'CREATE TABLE public.secret (n int)');
make_report($node, 'denied', schedule => '@hourly', query => 'SELECT now(), n::text FROM public.secret');
sql($node, 'DROP TABLE analytics.gone');
set_clock($node, '2031-03-03 15:00:00+00');
wait_for_run($node, 'gone', 1);
wait_for_run($node, 'denied', 1);
is(runs($node, 'gone'), '15:00|1|schedule|failed|42P01', 'a table that was dropped');
is(runs($node, 'denied'), '15:00|1|schedule|failed|42501', 'no permission');
is(status($_, 'state, consecutive_failures'), 'waiting|1', "fails at once: $_") for qw(gone denied);

# ---- too slow, or cancelled ----

make_report($node, 'sleepy', schedule => '@hourly', query => 'SELECT now(), pg_sleep(600)::text',
	more => "timeout => '100 ms', max_attempts => 2");
set_clock($node, '2031-03-03 16:00:00+00');
wait_for_run($node, 'sleepy', 1);
delay_is('sleepy', 60, 'an attempt after a timeout');
to_retry('sleepy', 0);
wait_for_run($node, 'sleepy', 2);
is( runs($node, 'sleepy'),
	"16:00|1|schedule|timed_out|57014\n16:00|2|schedule|timed_out|57014",
	'a timeout ends an attempt');
is(status('sleepy', 'state, consecutive_failures'), 'waiting|1', 'and is a failure');

make_report($node, 'endless', schedule => '@hourly', query => 'SELECT now(), pg_sleep(600)::text');
set_clock($node, '2031-03-03 17:00:00+00');
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:endless' AND wait_event = 'PgSleep')",
	'a report runs');
sql($node, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'bizmetrics:endless'",
	user => 'author');
wait_for_run($node, 'endless', 1);
is(runs($node, 'endless'), '17:00|1|schedule|cancelled|57014', 'its owner can cancel it');
is(status('endless', 'state, attempt, next_attempt_at IS NULL'), 'waiting|0|t', 'which ends the run');

$node->stop;
done_testing();
