# Promise: where the clock goes back and passes the same slots again, each of them runs once, whether its row of the
# history is there, was pruned, or is not kept at all; and slots that the clock had leapt over run when it comes to
# them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main', ['bizmetrics_test.keep_clock = on']);

# The slots that ran, in their order; each as often as its SQL was committed.
sub ran
{
	my ($name) = @_;
	return sql($node, "SELECT coalesce(string_agg(value, ' ' ORDER BY value), '') FROM analytics.$name");
}

sub pass_slots
{
	my (@minutes) = @_;

	for (@minutes)
	{
		set_clock($node, "2031-03-03 $_:00+00");
		settle($node);
	}
	return;
}

# Has whoever prunes do so; how many rows there are of successes.
sub prune
{
	sql($node, 'SELECT bizmetrics_test.prune_history()');
	return sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE state = 'succeeded' AND report_name = 'once'");
}

my $slot = "SELECT now(), to_char(current_setting('bizmetrics.scheduled_for')::timestamptz AT TIME ZONE 'UTC', 'HH24:MI')";

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);
make_report($node, 'each', query => $slot, more => "misfire => 'each', max_catchup => 1");
make_report($node, 'once', query => $slot);
my @reports = qw(each once);

pass_slots('12:01', '12:02', '12:03');
# The clock leaps ahead by two hours, and is set right.
pass_slots('14:00', '14:01', '14:02');
my @first = map { "12:0$_" } 1 .. 3;
my @ahead = map { "14:0$_" } 0 .. 2;
is(ran($_), "@first @ahead", "$_: the clock is ahead") for @reports;
set_clock($node, '2031-03-03 12:03:30+00');
settle($node);
pass_slots('12:04', '12:05', '13:59');
is(ran($_), "@first 12:04 12:05 13:59 @ahead", "$_: slots that it had leapt over run") for @reports;
pass_slots('14:00', '14:01', '14:02');
is(ran($_), "@first 12:04 12:05 13:59 @ahead", "$_: and those that have run do not") for @reports;
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE state NOT IN ('succeeded', 'skipped')"), 0, 'nor are they tried');
pass_slots('14:03');
is(ran($_), "@first 12:04 12:05 13:59 @ahead 14:03", "$_: the next one does") for @reports;

# Without their rows.
sql($node, "SELECT bizmetrics.drop_report(n) FROM unnest('{each,once}'::text[]) n; TRUNCATE analytics.each, analytics.once");
sql($node, "ALTER SYSTEM SET bizmetrics.log_runs = 'none'");
$node->restart;
set_clock($node, '2031-03-03 15:00:30+00');
make_report($node, 'each', query => $slot, more => "misfire => 'each', max_catchup => 1");
make_report($node, 'once', query => $slot);
pass_slots('15:01', '15:02', '15:03');
pass_slots('17:00', '17:01', '17:02');
@first = map { "15:0$_" } 1 .. 3;
@ahead = map { "17:0$_" } 0 .. 2;
is(prune(), 1, 'only the last success has a row');
set_clock($node, '2031-03-03 15:01:30+00');
settle($node);
pass_slots('15:02', '15:03', '15:04');
is(ran($_), "@first 15:04 @ahead", "$_: no slot before the leap runs again") for @reports;
is(prune(), 1, 'that row is pruned too');
sql($node, "SELECT bizmetrics.reset_report(n) FROM unnest('{each,once}'::text[]) n");
pass_slots('17:00', '17:01', '17:02');
is(ran($_), "@first 15:04 @ahead", "$_: nor after it, also of a report that was reset") for @reports;
pass_slots('17:03');
is(ran($_), "@first 15:04 @ahead 17:03", "$_: the next one does") for @reports;
is(sql($node, "SELECT succeeded, failed FROM bizmetrics.report_stats WHERE report_name = '$_'"), '8|0', "$_: all are in the sums") for @reports;

# ---- other rules of a time zone ----

# As if new rules had come with an update: the stored slot is not the schedule's.
make_report($node, 'daily', schedule => '30 9 * * *', more => "timezone => 'Europe/Berlin'");
my $next = "SET timezone = 'UTC'; SELECT next_slot FROM bizmetrics.report_status WHERE report_name = 'daily'";
is(sql($node, $next), '2031-03-04 08:30:00+00', 'half past nine in Berlin');
for my $hours (-1, 1)
{
	sql($node, "UPDATE bizmetrics.report_state SET next_slot = next_slot + interval '$hours hours' WHERE report_id = (SELECT report_id FROM bizmetrics.reports WHERE report_name = 'daily')");
	settle($node);
	is(sql($node, $next), '2031-03-04 08:30:00+00', "a slot that is by $hours hours off is set right");
}
is(runs($node, 'daily'), '', 'and nothing ran');

$node->stop;
done_testing();
