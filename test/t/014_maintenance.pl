# Promise: the worker makes the partitions of the current interval and the next two, an hour after
# CREATE EXTENSION at the earliest and then hourly, where there are events; without keeping a
# connection to an idle database, after a crash and a failover too; and what fails is said once
# and keeps nothing else from being done.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = make_node('primary', ["bizmetrics.databases = 'postgres, shop, copy, unused'"], allows_streaming => 1);
my %shop = (db => 'shop');

sub partitions
{
	my ($on, %params) = @_;

	return sql($on, "SELECT string_agg(partition::text, ' ' ORDER BY from_time) FROM bizmetrics.partitions", %params) =~
	  s/bizmetrics.business_events_//gr;
}

sub task
{
	my ($columns) = @_;

	return "SELECT $columns FROM bizmetrics.maintenance WHERE task_name = 'make_partitions'";
}

# Waits until the task ran at this time of the clock.
sub wait_for_task
{
	my ($on, $time, %params) = @_;

	set_clock($on, $time);
	wait_for($on, task("last_run_at = '$time'"), "maintenance at $time", %params);
	wait_until_idle($on) or die 'the worker does not leave';
	return;
}

# ---- when it falls due ----

set_clock($node, '2031-03-03 12:00:00+00');
make_database($node, 'shop');
make_database($node, 'unused');
make_author($node, %shop);
sql($node, "SELECT bizmetrics.log_event('first', occurred_at => '2031-03-03')", %shop);
set_clock($node, '2031-03-03 12:59:59+00');
settle($node, %shop);
is(partitions($node, %shop), '2031_03', 'nothing is made within an hour of CREATE EXTENSION');
is(sql($node, task('last_run_at AT TIME ZONE \'UTC\''), %shop), '2031-03-03 12:00:00', 'from when the hour counts');
wait_for_task($node, '2031-03-03 13:00:00+00', %shop);
is(partitions($node, %shop), '2031_03 2031_04 2031_05', 'then the current month and two more');
set_clock($node, '2031-03-03 13:59:59+00');
settle($node, %shop);
is(sql($node, task('last_run_at AT TIME ZONE \'UTC\''), %shop), '2031-03-03 13:00:00', 'not again within the hour');
wait_for_task($node, '2031-03-03 14:00:00+00', %shop);
is(partitions($node, %shop), '2031_03 2031_04 2031_05', 'a second time makes no more');
is(sql($node, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'"), 0, 'no connection is kept');

# ---- with the indexes of the newest ----

sql($node, 'CREATE INDEX ON bizmetrics.business_events_2031_05 (request_id) WHERE request_id IS NOT NULL', %shop);
wait_for_task($node, '2031-04-01 00:00:00+00', %shop);
is(partitions($node, %shop), '2031_03 2031_04 2031_05 2031_06', 'a month later there is one more');
is( sql($node, "SELECT count(*) FROM pg_indexes WHERE tablename = 'business_events_2031_06' AND indexdef LIKE '%(request_id) WHERE (request_id IS NOT NULL)'", %shop),
	1, 'with the index that the newest was given');
is(sql($node, "SELECT count(*) FROM pg_indexes WHERE tablename = 'business_events_2031_06'", %shop), 7, 'and the others, once');

# ---- where there is nothing to do ----

is(partitions($node, db => 'unused'), '', 'an unused extension stays empty');
my $looked = sql($node, task('last_run_at'), db => 'unused');
set_clock($node, '2031-04-01 02:00:00+00');
settle($node, %shop);
is(sql($node, task('last_run_at'), db => 'unused'), $looked, 'and is not looked at hourly');
sql($node, "SELECT bizmetrics.log_event('first', occurred_at => '2031-04-01')", db => 'unused');
wait_for($node, task("last_run_at = '2031-04-01 02:00:00+00'"), 'until its first event', db => 'unused');
wait_until_idle($node);
is(partitions($node, db => 'unused'), '2031_04 2031_05 2031_06', 'which is when there is something to do');
make_database($node, 'dropped');
is(sql_state($node, 'DROP EXTENSION bizmetrics', db => 'dropped'), '', 'a database without events lets the extension go');

# ---- what fails ----

my $offset = -s $node->logfile;
sql($node, <<'SQL', %shop);
CREATE TABLE public.by_hand (LIKE public.business_events INCLUDING ALL);
ALTER TABLE public.business_events ATTACH PARTITION public.by_hand FOR VALUES FROM ('2031-07-01 UTC') TO ('2031-08-01 UTC')
SQL
wait_for_task($node, "2031-06-01 0$_:00:00+00", %shop) for 1 .. 3;
is(partitions($node, %shop), '2031_03 2031_04 2031_05 2031_06 by_hand', 'a partition without its key may be a restore\'s: none is made');
is(log_count($node, 'task "make_partitions" failed: partition "by_hand" has no primary key', $offset), 1, 'which is logged once');
is(sql($node, task('sqlstate, failing_since AT TIME ZONE \'UTC\''), %shop), '55000|2031-06-01 01:00:00', 'and seen since when');
settle($node, %shop);
is(last_run($node, 'probe', %shop) =~ /succeeded/ ? 1 : 0, 1, 'reports run all the while');
sql($node, 'ALTER TABLE public.by_hand ADD PRIMARY KEY (id)', %shop);
wait_for_task($node, '2031-06-01 05:00:00+00', %shop);
is(partitions($node, %shop), '2031_03 2031_04 2031_05 2031_06 by_hand 2031_08', 'once it has one, maintenance goes on');
is(sql($node, task('sqlstate IS NULL AND failing_since IS NULL'), %shop), 't', 'and nothing fails');

# Somebody keeps the table locked: it is tried again for a while, then in an hour.
my $holder = $node->background_psql('shop');
$holder->query_safe('BEGIN; LOCK TABLE public.business_events IN SHARE UPDATE EXCLUSIVE MODE');
set_clock($node, '2031-07-01 00:00:00+00');
wait_for($node, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'bizmetrics maintenance' AND wait_event_type = 'Lock')",
	'maintenance waits for a lock');
wait_for($node, task("sqlstate = '55P03'"), 'but not for ever', %shop);
$holder->quit;
wait_for_task($node, '2031-07-01 01:00:00+00', %shop);
is(partitions($node, %shop) =~ / 2031_09$/ ? 1 : 0, 1, 'the next time it is done');

# ---- other clocks and databases ----

sql($node, 'SELECT bizmetrics.postpone_maintenance()', %shop);
set_clock($node, '2031-07-01 01:30:00+00');
sql($node, 'SELECT bizmetrics.postpone_maintenance()', %shop);
set_clock($node, '2031-07-01 02:29:00+00');
settle($node, %shop);
is(sql($node, task('last_run_at AT TIME ZONE \'UTC\''), %shop), '2031-07-01 01:30:00', 'it can be put off');
set_clock($node, '2031-07-01 01:10:00+00');
settle($node, %shop);
is(sql($node, task('last_run_at AT TIME ZONE \'UTC\''), %shop), '2031-07-01 01:10:00', 'where the clock was set back, the hour begins anew');
wait_until_idle($node);
set_clock($node, '2031-07-01 01:50:00+00');
sql($node, 'CREATE DATABASE copy TEMPLATE shop');
set_clock($node, '2031-07-01 02:50:00+00');
wait_for($node, task("last_run_at = '2031-07-01 02:50:00+00'"), 'and so it does in a copy of a database, once it is found', db => 'copy');
wait_until_idle($node);
wait_for_task($node, '2031-07-01 03:50:00+00', db => 'copy');

# ---- crash and failover ----

$node->stop('immediate');
$node->start;
wait_for_task($node, '2031-08-01 00:00:00+00', %shop);
like(partitions($node, %shop), qr/ 2031_10$/, 'after a crash it goes on');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
set_clock($standby, '2031-09-01 00:00:00+00');
$node->wait_for_catchup($standby);
is(sql($standby, "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'bizmetrics%'"), 0, 'a standby maintains nothing');
$node->stop('immediate');
$standby->promote;
wait_for_task($standby, '2031-09-01 01:00:00+00', %shop);
like(partitions($standby, %shop), qr/ 2031_11$/, 'once promoted it does');

$standby->stop;
done_testing();
