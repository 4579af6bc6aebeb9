# Promise: a report runs at its slot, once, as its owner, in its own time zone, also when the server
# was away or the clock was set; and where there is nothing to do, the worker is not in the way.
#
# The clock is stopped and moved, so a day passes in a moment. That nothing runs a second time is
# shown by settle(), which makes the worker look at all reports.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main', [ 'bizmetrics.max_runners = 2', 'max_prepared_transactions = 2' ]);

sub next_slot
{
	my ($name) = @_;
	return sql($node,
		"SELECT to_char(next_slot AT TIME ZONE 'UTC', 'MM-DD HH24:MI') FROM bizmetrics.report_status WHERE report_name = '$name'"
	);
}

sub state_of
{
	my ($name) = @_;
	return sql($node,
		"SELECT state FROM bizmetrics.report_status WHERE report_name = '$name'");
}

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);

# ---- a slot ----

make_report($node, 'who', query => "SELECT now(), current_user || '/' || session_user FROM generate_series(1, 3)");
is(next_slot('who'), '03-03 12:01', 'the first slot is the next minute');
settle($node);
is(runs($node, 'who'), '', 'nothing runs before its slot');

wait_for_slot($node, 'who', '2031-03-03 12:01:00+00');
is(runs($node, 'who'), '12:01|1|schedule|succeeded|', 'its run is recorded');
is( sql($node, "SELECT row_count, window_start IS NULL, started_at = finished_at, message IS NULL"
		  . " FROM bizmetrics.report_runs WHERE report_name = 'who'"),
	'3|t|t|t',
	'with what it wrote');
is(next_slot('who'), '03-03 12:02', 'the next slot moved');
is(state_of('who'), 'waiting', 'and the report waits for it');
is(sql($node, 'SELECT DISTINCT value FROM analytics.who'), 'author/author',
	'it ran as its owner and nobody else');

set_clock($node, '2031-03-03 12:01:40+00');
settle($node);
is(runs($node, 'who'), '12:01|1|schedule|succeeded|', 'once a slot');

# ---- time zones, and two reports at the same slot ----

make_report($node, 'tokyo', schedule => '0 9 * * *', more => "timezone => 'Asia/Tokyo'");
make_report($node, 'kolkata', schedule => '30 5 * * *', more => "timezone => 'Asia/Kolkata'");
is(next_slot('tokyo'), '03-04 00:00', 'nine in Tokyo');
is(next_slot('kolkata'), '03-04 00:00', 'half past five in Kolkata, the same instant');
wait_for_slot($node, 'tokyo', '2031-03-04 00:00:00+00');
wait_for_slot($node, 'kolkata', '2031-03-04 00:00:00+00', name => 'both reports of a slot run');

# ---- catching up ----

wait_for_slot($node, 'who', '2031-03-04 00:00:00+00', name => 'after many slots');
is( runs($node, 'who'),
	"12:01|1|schedule|succeeded|\n03-04 00:00|1|schedule|succeeded|",
	'one run for the latest of many slots that were missed');

set_clock($node, '2031-03-06 07:07:07+00');
wait_for_run($node, 'who', 3);
is(last_run($node, 'who'), '03-06 07:07|1|schedule|succeeded|', 'a slot that is not now');
wait_for_run($node, 'tokyo', 2);
is(last_run($node, 'tokyo'), '03-06 00:00|1|schedule|succeeded|', 'one of hours ago too');
settle($node);
is(sql($node, 'SELECT count(*) FROM bizmetrics.report_runs WHERE report_name IN (\'who\', \'tokyo\') AND state = \'succeeded\''),
	5, 'and no more');

# ---- a clock that is set back ----

set_clock($node, '2031-03-06 07:05:00+00');
settle($node);
set_clock($node, '2031-03-06 07:07:30+00');
settle($node);
is( sql($node, "SELECT count(*), count(DISTINCT slot) FROM bizmetrics.report_runs WHERE report_name = 'who' AND state <> 'skipped'"),
	'3|3', 'a clock set back runs no slot again');
wait_for_slot($node, 'who', '2031-03-06 07:08:00+00', name => 'the next slot runs');
is(sql($node, "SELECT bizmetrics.drop_report(n) FROM unnest('{who,tokyo,kolkata}'::text[]) n"),
	"\n\n", 'the reports are dropped');

# ---- nobody there ----

ok(wait_until_idle($node), 'the processes leave when there is nothing to do');
is( sql($node, "SELECT backend_type || ' in ' || coalesce(datname, 'no database')"
		  . " FROM pg_stat_activity WHERE backend_type LIKE 'bizmetrics%'"),
	'bizmetrics launcher in no database',
	'but the launcher');
make_report($node, 'late');
ok(wait_until_idle($node), 'and again');
wait_for_slot($node, 'late', '2031-03-06 07:09:00+00',
	name => 'a report created while no scheduler was there is noticed');
sql($node, "SELECT bizmetrics.drop_report('late')");

# COMMIT PREPARED tells nobody, so such a transaction is refused rather than forgotten.
is( sql_state($node, <<'SQL', user => 'author'), '0A000', 'a report is not created by a prepared transaction');
BEGIN;
SELECT bizmetrics.create_report('prepared', 'analytics.late', 'SELECT 1', '* * * * *');
PREPARE TRANSACTION 'create';
SQL
is(state_of('prepared'), '', 'and does not exist');

# ---- an idle database is free ----

make_database($node, 'idle');
make_author($node, db => 'idle');
make_report($node, 'minutely', db => 'idle');
wait_for_slot($node, 'minutely', '2031-03-06 07:11:00+00', db => 'idle');
ok(wait_until_idle($node, db => 'idle'), 'the scheduler leaves the other database');
is(sql_state($node, 'CREATE DATABASE copy TEMPLATE idle'), '', 'which can be copied');
set_clock($node, '2031-03-06 07:11:10+00');
is(sql_state($node, 'DROP DATABASE idle'), '', 'and dropped');

# The copy knows the reports; where they stood is nothing to it.
sql($node, "SELECT bizmetrics.request_run('probe')", db => 'copy');
for my $minute (12 .. 16)
{
	set_clock($node, "2031-03-06 07:$minute:00+00");
	settle($node);
}
set_clock($node, '2031-03-06 07:17:00+00');
wait_for($node, <<'SQL', 'the reports of the copy run there', db => 'copy');
SELECT EXISTS (SELECT FROM bizmetrics.report_runs
  WHERE report_name = 'minutely' AND slot > '2031-03-06 07:11+00' AND state = 'succeeded')
SQL
is( sql($node, "SELECT count(*) - count(DISTINCT slot) FROM bizmetrics.report_runs WHERE report_name = 'minutely' AND state <> 'skipped'", db => 'copy'),
	0, 'each slot once');
sql($node, "SELECT bizmetrics.drop_report('minutely')", db => 'copy');

# ---- no more runners than allowed ----

my $gate = block($node);
make_report($node, "gated$_", query => 'SELECT now(), pg_advisory_lock_shared(1)::text') for 1 .. 5;
set_clock($node, '2031-03-06 08:00:00+00');
my $runners = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'bizmetrics runner' AND wait_event = 'advisory'";
wait_for($node, "($runners) = 2", 'bizmetrics.max_runners reports run at a time');
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE state = 'running'"),
	2, 'and no more have begun');
is(state_of('gated1') eq 'running' || state_of('gated1') eq 'waiting', 1, 'the others wait');
is( sql($node, "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^bizmetrics:gated[1-5]\$' AND usename = 'author'"),
	2, 'pg_stat_activity names the report and its owner');
$gate->quit;
wait_for($node, <<'SQL', 'the others follow');
SELECT count(*) = 5 FROM bizmetrics.report_runs WHERE report_name LIKE 'gated%' AND state = 'succeeded'
SQL

$node->stop;
done_testing();
