# Promise: a slot that nobody could run in time, that fired during a run or a pause, or whose schedule was
# altered, is run or passed over as the report says, and what is passed over is told of in one row; a
# report that runs after others runs once they have succeeded for its slot.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main', ['bizmetrics_test.keep_clock = on']);
my $gated = 'SELECT now(), pg_advisory_xact_lock_shared(1)::text';

sub status
{
	my ($name, $columns) = @_;
	return sql($node, "SET timezone = 'UTC'; SELECT $columns FROM bizmetrics.report_status WHERE report_name = '$name'");
}

sub wait_for_state
{
	my ($name, $state, $text) = @_;
	return wait_for($node, "SELECT state = '$state' FROM bizmetrics.report_status WHERE report_name = '$name'",
		$text // "report $name is $state");
}

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);

# ---- nobody was there: once, skip, each ----

make_report($node, 'once');
make_report($node, 'skip', more => "misfire => 'skip', misfire_grace => '2 minutes'", schedule => '*/5 * * * *');
make_report($node, 'each', more => "misfire => 'each', max_catchup => 4, bucket => '1 minute', lookback => '1 minute'",
	query => "SELECT \$1, current_setting('bizmetrics.scheduled_for')");
wait_for_slot($node, $_, '2031-03-03 12:05:00+00') for qw(once skip);
wait_for($node, "SELECT count(*) = 4 FROM bizmetrics.report_runs WHERE report_name = 'each' AND state = 'succeeded'",
	'max_catchup slots run');
settle($node);
is(runs($node, 'once'), '12:05|1|schedule|succeeded|', 'once: one run, for the latest slot');
is(skipped($node, 'once'), '12:04|missed|4', 'and one row for the others');
is(runs($node, 'skip'), '12:05|1|schedule|succeeded|', 'skip: a slot in time runs');
is( runs($node, 'each'),
	join("\n", map { "12:0$_|1|schedule|succeeded|" } 2 .. 5),
	'each: oldest first, as many as max_catchup');
is(skipped($node, 'each'), '12:01|max_catchup|1', 'and one row for those given up');
is( sql($node, "SET timezone = 'UTC'; SELECT to_char(slot, 'HH24:MI'), value FROM analytics.each ORDER BY 2"),
	join("\n", map { sprintf '12:0%d|2031-03-03 12:0%d:00+00', $_ - 1, $_ } 2 .. 5),
	'each has its own window and knows its slot');

set_clock($node, '2031-03-03 12:12:30+00');
wait_for_run($node, 'each', 8);
settle($node);
is(skipped($node, 'skip'), '12:10|late|1', 'skip: beyond its grace a slot does not run');
is(status('skip', 'next_slot'), '2031-03-03 12:15:00+00', 'and the next one is waited for');
is(runs($node, 'skip'), '12:05|1|schedule|succeeded|', 'nor does it run later');
wait_for_slot($node, 'skip', '2031-03-03 12:15:00+00');
settle($node);
is((split /\n/, skipped($node, 'each'))[-1], '12:08|max_catchup|3', 'each: the oldest are given up again')
  or diag skipped($node, 'each');
sql($node, "SELECT bizmetrics.drop_report(n) FROM unnest('{once,skip,each}'::text[]) n");

# ---- slots that fire during a run ----

my $gate = block($node);
make_report($node, 'overlap', query => $gated);
make_report($node, 'queue', query => $gated, more => "overlap => 'queue_one'");
set_clock($node, '2031-03-03 12:16:00+00');
wait_for_state('overlap', 'running');
wait_for_state('queue', 'running');
for my $minute (17 .. 20)
{
	set_clock($node, "2031-03-03 12:$minute:00+00");
	settle($node, busy => 1);
}
is(runs($node, $_), '12:16|1|schedule|running|', "one run at a time: $_") for qw(overlap queue);
is(skipped($node, $_), '', 'and no row for each slot') for qw(overlap queue);
$gate->quit;
wait_for_run($node, 'queue', 2);
wait_for_run($node, 'overlap', 1);
settle($node);
is(runs($node, 'overlap'), '12:16|1|schedule|succeeded|', 'skip: what fired meanwhile does not run');
is(skipped($node, 'overlap'), '12:20|overlap|4', 'and is one row');
is( runs($node, 'queue'),
	"12:16|1|schedule|succeeded|\n12:20|1|schedule|succeeded|",
	'queue_one: the latest runs afterwards');
is(skipped($node, 'queue'), '12:19|overlap|3', 'and the others are one row');
wait_for_slot($node, $_, '2031-03-03 12:21:00+00') for qw(overlap queue);
sql($node, "SELECT bizmetrics.drop_report(n) FROM unnest('{overlap,queue}'::text[]) n");

# ---- a crash in the middle of a run, and an outage after it ----

make_report($node, 'outage', query => $gated);
$gate = block($node);
set_clock($node, '2031-03-03 12:22:00+00');
wait_for_state('outage', 'running');
$node->stop('immediate');
eval { $gate->quit };
$node->start;
set_clock($node, '2031-03-03 12:23:30+00');
wait_for_run($node, 'outage', 1);
is(runs($node, 'outage'), '12:22|1|schedule|crashed|57P02', 'a run is interrupted');
set_clock($node, '2031-03-03 12:28:40+00');
wait_for_run($node, 'outage', 2);
is(last_run($node, 'outage'), '12:28|1|schedule|succeeded|', 'the latest slot makes up for it');
is(skipped($node, 'outage'), '12:27|missed|5', 'and for those missed since');
sql($node, "SELECT bizmetrics.drop_report('outage')");

# ---- at once ----

make_report($node, 'now', schedule => '@yearly', more => 'run_immediately => true');
wait_for_run($node, 'now', 1);
is(runs($node, 'now'), '|1|request|succeeded|', 'run_immediately');

# ---- paused ----

make_report($node, 'paused');
sql($node, "SELECT bizmetrics.pause_report('paused')", user => 'author');
is(status('paused', 'state'), 'paused', 'a report is paused');
set_clock($node, '2031-03-03 12:35:00+00');
settle($node);
is(runs($node, 'paused'), '', 'and does not run');
sql($node, "SELECT bizmetrics.request_run('paused')");
wait_for_run($node, 'paused', 1);
is(runs($node, 'paused'), '|1|request|succeeded|', 'unless it is asked for');
is(skipped($node, 'paused'), '', 'which passes over no slot that the pause kept back');
set_clock($node, '2031-03-03 12:38:10+00');
$node->restart;
set_clock($node, '2031-03-03 12:38:20+00');
settle($node);
is(last_run($node, 'paused'), '|1|request|succeeded|', 'also after a restart');
sql($node, "SELECT bizmetrics.resume_report('paused')", user => 'author');
wait_for_run($node, 'paused', 2);
is(last_run($node, 'paused'), '12:38|1|schedule|succeeded|', 'resumed, it makes up for what it missed');
is((split /\n/, skipped($node, 'paused'))[-1], '12:37|missed|9', 'as misfire says');
is(sql($node, 'SELECT bizmetrics.pause_reports()', user => 'author'), 3, 'all are paused at once');
is(sql($node, 'SELECT bizmetrics.pause_reports()', user => 'author'), 0, 'which says how many were not');
is(sql($node, 'SELECT bizmetrics.request_runs()', user => 'author'), 0, 'request_runs() leaves them alone');
is(sql($node, 'SELECT bizmetrics.resume_reports()'), 3, 'and resumed');
is(sql($node, 'SELECT bizmetrics.request_runs()', user => 'author'), 3, 'request_runs() has them all run');
wait_for($node, "SELECT count(*) = 0 FROM bizmetrics.run_requests", 'and they do');
settle($node);
sql($node, "SELECT bizmetrics.drop_report(n) FROM unnest('{paused,now}'::text[]) n");

# ---- another schedule ----

make_report($node, 'altered', schedule => '39 * * * *', query => $gated);
sql($node, "SELECT bizmetrics.alter_report('altered', schedule => '*/20 * * * *')", user => 'author');
is(status('altered', 'next_slot'), '2031-03-03 12:40:00+00', 'another schedule counts from now');
set_clock($node, '2031-03-03 12:39:30+00');
settle($node);
is(runs($node, 'altered'), '', 'the old one does not fire');
$gate = block($node);
set_clock($node, '2031-03-03 12:40:00+00');
wait_for_state('altered', 'running');
sql($node, "SELECT bizmetrics.alter_report('altered', schedule => '45 * * * *', timezone => 'Asia/Kolkata', timeout => '2 hours')", user => 'author');
is(last_run($node, 'altered'), '12:40|1|schedule|running|', 'an alteration leaves a run alone');
set_clock($node, '2031-03-03 12:41:00+00');
$gate->quit;
wait_for_run($node, 'altered', 1);
is(runs($node, 'altered'), '12:40|1|schedule|succeeded|', 'which ends as it would have');
settle($node);
is(status('altered', 'next_slot, timezone, schedule'), '2031-03-03 13:15:00+00|Asia/Kolkata|45 * * * *',
	'and then the new schedule counts');
sql($node, "SELECT bizmetrics.drop_report('altered')");

# ---- after others ----

sql($node, 'CREATE TABLE analytics.fuel (n int); GRANT SELECT ON analytics.fuel TO author; INSERT INTO analytics.fuel VALUES (1)');
make_report($node, 'first', schedule => '0 * * * *', query => $gated);
make_report($node, 'second', schedule => '*/30 * * * *', query => 'SELECT now(), (1 / count(*))::text FROM analytics.fuel',
	more => 'max_attempts => 1');
make_report($node, 'third', schedule => '0 * * * *', more => "after => '{first,second}'");
$gate = block($node);
set_clock($node, '2031-03-03 13:00:00+00');
wait_for_state('first', 'running');
wait_for_slot($node, 'second', '2031-03-03 13:00:00+00');
settle($node, busy => 1);
is(runs($node, 'third'), '', 'a report waits for those that it runs after');
set_clock($node, '2031-03-03 13:04:00+00');
$gate->quit;
wait_for_run($node, 'third', 1);
is(runs($node, 'third'), '13:00|1|schedule|succeeded|', 'and runs when they have succeeded for its slot');
is(sql($node, "SELECT t.started_at >= f.finished_at FROM bizmetrics.report_runs t, bizmetrics.report_runs f WHERE t.report_name = 'third' AND f.report_name = 'first'"),
	't', 'not before');

sql($node, 'DELETE FROM analytics.fuel');
set_clock($node, '2031-03-03 14:00:00+00');
wait_for_run($node, 'first', 2);
wait_for($node, "SELECT max(slot) = '2031-03-03 14:00+00' AND bool_and(finished_at IS NOT NULL) FROM bizmetrics.report_runs WHERE report_name = 'second'", 'one of them fails');
settle($node);
is(last_run($node, 'third'), '13:00|1|schedule|succeeded|', 'a report does not run after one that failed');
sql($node, 'INSERT INTO analytics.fuel VALUES (1)');
set_clock($node, '2031-03-03 14:30:00+00');
wait_for_run($node, 'third', 2);
is(last_run($node, 'third'), '14:00|1|schedule|succeeded|', 'but once that has made up for it');
sql($node, "SELECT bizmetrics.drop_report('first')");
set_clock($node, '2031-03-03 15:00:00+00');
wait_for_state('third', 'broken');
like(status('third', 'broken_reason'), qr/"first", which it runs after, does not exist/, 'without it a report is broken');
sql($node, "SELECT bizmetrics.alter_report('third', after => '{second}')", user => 'author');
wait_for_slot($node, 'third', '2031-03-03 15:00:00+00', name => 'until that is mended');
sql($node, 'DELETE FROM analytics.fuel');
set_clock($node, '2031-03-03 16:00:00+00');
wait_for($node, "SELECT max(slot) = '2031-03-03 16:00+00' AND bool_and(finished_at IS NOT NULL) FROM bizmetrics.report_runs WHERE report_name = 'second'", 'it fails again');
settle($node);
sql($node, 'INSERT INTO analytics.fuel VALUES (1)');
sql($node, "SELECT bizmetrics.run_report('second')", user => 'author');
wait_for_slot($node, 'third', '2031-03-03 16:00:00+00', name => 'a success by hand counts');
sql($node, "SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.reports WHERE report_name <> 'probe'");

# ---- runs that are fifty times as long as their period ----

$gate = block($node);
set_clock($node, '2031-03-03 16:59:30+00');
my %long = (long_skip => '', long_queue => "overlap => 'queue_one'", long_each => "misfire => 'each', max_catchup => 5");
make_report($node, $_, query => $gated, more => $long{$_}) for sort keys %long;
set_clock($node, '2031-03-03 17:00:00+00');
wait_for_state($_, 'running') for sort keys %long;
my ($most, $rows) = (0, 0);
for my $minute (1 .. 50)
{
	set_clock($node, sprintf '2031-03-03 17:%02d:00+00', $minute);
	settle($node, busy => 1) if $minute % 10 == 0;
	my ($busy, $now) = split /\|/, sql($node, <<'SQL');
SELECT (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'bizmetrics:long%'),
       (SELECT count(*) FROM bizmetrics.report_runs WHERE report_name LIKE 'long%')
SQL
	$most = $busy if $busy > $most;
	$rows = $now if $now > $rows;
}
is("$most|$rows", '3|3', 'fifty slots fire during a run: nothing queues, and nothing is written');
$gate->quit;
wait_for_run($node, 'long_skip', 1);
wait_for_run($node, 'long_queue', 2);
wait_for_run($node, 'long_each', 6);
settle($node);
is(runs($node, 'long_skip') . "\n" . skipped($node, 'long_skip'), "17:00|1|schedule|succeeded|\n17:50|overlap|50", 'skip: two rows in all');
is( runs($node, 'long_queue') . "\n" . skipped($node, 'long_queue'),
	"17:00|1|schedule|succeeded|\n17:50|1|schedule|succeeded|\n17:49|overlap|49",
	'queue_one: one run follows');
is( runs($node, 'long_each') . "\n" . skipped($node, 'long_each'),
	join("\n", map({ "17:$_|1|schedule|succeeded|" } qw(00 46 47 48 49 50)), '17:45|max_catchup|45'),
	'each: max_catchup of them');

$node->stop;
done_testing();
