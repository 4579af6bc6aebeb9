# Promise: one worker serves every database that has the extension, those made later too, and no
# other: bizmetrics.databases says which, templates are left alone, and a database that is dropped is
# forgotten. No database's reports wait for another one's.
#
# That a database is not visited is seen from its runs, after another database was served.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main', [ 'max_worker_processes = 40', 'bizmetrics.max_runners = 12' ]);
my $minute = 0;

# Moves the clock by some minutes, to the beginning of one.
sub next_minute
{
	my ($count) = @_;
	$minute += $count // 1;
	return sprintf '2031-03-03 %02d:%02d:00+00', 12 + int($minute / 60), $minute % 60;
}

sub runs_at
{
	my ($database, $slot, $name) = @_;
	return wait_for_slot($node, 'minutely', $slot, db => $database, name => $name);
}

set_clock($node, '2031-03-03 12:00:30+00');
sql($node, 'CREATE DATABASE plain');
for my $database (qw(one two))
{
	make_database($node, $database);
	make_author($node, db => $database);
	make_report($node, 'minutely', db => $database);
}

# ---- several ----

my $slot = next_minute();
runs_at('one', $slot, 'the reports of one database run');
runs_at('two', $slot, 'and those of another');
settle($node, db => $_) for qw(one two);
is(sql($node, 'SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = \'minutely\' AND state <> \'skipped\'', db => $_), 1, "$_: once")
  for qw(one two);

# ---- one that comes later ----

make_database($node, 'three');
make_author($node, db => 'three');
make_report($node, 'minutely', db => 'three');
runs_at('three', next_minute(), 'a database made later is noticed');
sql($node, 'CREATE EXTENSION bizmetrics', db => 'plain');
make_author($node, db => 'plain');
make_report($node, 'minutely', db => 'plain');
runs_at('plain', next_minute(), 'and one that gets the extension later');

# ---- bizmetrics.databases ----

sql($node, q{ALTER SYSTEM SET bizmetrics.databases = 'one, three'});
$node->reload;
# What the launcher is doing already may still be of before.
wait_until_idle($node);
$slot = next_minute(11);
runs_at('one', $slot, 'a database that bizmetrics.databases names');
runs_at('three', $slot, 'and another');
my ($state, $error) = sql_state($node, "SELECT bizmetrics.request_run('minutely')", db => 'two');
is($state, '55000', 'where the worker does not come, request_run() says so');
settle($node, db => $_) for qw(one three);
wait_until_idle($node);
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'minutely' AND slot = '$slot'", db => 'two'),
	0, 'no report of another database runs');
$slot = next_minute();
runs_at('one', $slot, 'the worker is there');
sql($node, 'ALTER SYSTEM RESET bizmetrics.databases');
$node->reload;
wait_for($node, "SELECT count(*) = 1 FROM bizmetrics.report_runs WHERE report_name = 'minutely' AND slot = '$slot'",
	'a reload that names it again is enough', db => 'two');
sql($node, "SELECT bizmetrics_test.set_clock('" . next_minute(11) . "')");
wait_for($node, "SELECT count(*) > 0 FROM bizmetrics.report_runs WHERE report_name = 'minutely' AND slot > '$slot'",
	'within ten minutes at the latest', db => 'two');

# ---- dropped and made again ----

wait_until_idle($node);
is(sql_state($node, 'DROP DATABASE two'), '', 'a database can be dropped under the worker');
make_database($node, 'two');
make_author($node, db => 'two');
make_report($node, 'minutely', db => 'two');
runs_at('two', next_minute(), 'and made again');

# With a run in it: the scheduler and its runner are thrown out.
make_report($node, 'asleep', db => 'two', query => 'SELECT now(), pg_sleep(600)::text');
set_clock($node, next_minute());
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:asleep')", 'a report runs');
is(sql_state($node, 'DROP DATABASE two WITH (FORCE)'), '', 'a database can be dropped by force in the middle of a run');
make_database($node, 'two');
make_author($node, db => 'two');
make_report($node, 'minutely', db => 'two');
runs_at('two', next_minute(), 'and made again once more');
runs_at('one', next_minute(), 'the others are served all the while');

# ---- templates, and databases that take no connections ----

sql($node, 'ALTER DATABASE three IS_TEMPLATE true');
sql($node, 'ALTER DATABASE plain ALLOW_CONNECTIONS false');
my $offset = -s $node->logfile;
$slot = next_minute(11);
runs_at('one', $slot, 'the worker looks for databases again');
wait_until_idle($node);
$slot = next_minute();
runs_at('one', $slot, 'and knows them now');
wait_until_idle($node);
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'minutely' AND state <> 'skipped' AND slot >= '$slot'", db => 'three'),
	0, 'a template is left alone');
my $minutes = $minute;
$offset = -s $node->logfile;
runs_at('one', next_minute(), 'time passes') for 1 .. 5;
cmp_ok(log_count($node, 'not currently accepting connections', $offset), '<=', 1,
	'a database that takes no connections is not tried again and again');
sql($node, 'ALTER DATABASE plain ALLOW_CONNECTIONS true');

# ---- nobody waits for another database ----

# Some schedulers stay for as long as their reports take.
my @busy = qw(busy1 busy2 busy3 busy4);
for my $database (@busy)
{
	make_database($node, $database);
	make_author($node, db => $database);
	make_report($node, 'long', db => $database, query => 'SELECT now(), pg_sleep(600)::text');
}
set_clock($node, next_minute());
wait_for($node, "SELECT count(*) = 4 FROM pg_stat_activity WHERE application_name = 'bizmetrics:long'",
	'four databases have a report that takes long');
runs_at('one', next_minute(), 'a fifth database is served beside them');

$node->stop('immediate');
done_testing();
