# Promise: dedupe keys are pruned by the worker without their events, and a dump that has a key twice
# restores; events older than bizmetrics.event_retention leave by whole partitions, one after the
# other, but none that a report has still to read, and none while somebody reads; a dump made
# after that restores, and so do the records of what went.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('main', ["bizmetrics.dedupe_retention = '30d'"]);
my $dir = PostgreSQL::Test::Utils::tempdir;
my %shop = (db => 'shop');

sub partitions
{
	my (%params) = @_;

	return sql($node, "SELECT string_agg(substr(partition::text, 28), ' ' ORDER BY from_time) FROM bizmetrics.partitions", %params);
}

# Waits until a task ran at this time of the clock.
sub wait_for_task
{
	my ($task, $time, %params) = @_;

	set_clock($node, $time);
	wait_for($node, "SELECT last_run_at = '$time' FROM bizmetrics.maintenance WHERE task_name = '$task'", "$task at $time", %params);
	wait_until_idle($node) or die 'the worker does not leave';
	return;
}

sub failure
{
	my ($task) = @_;

	return sql($node, "SELECT sqlstate, message FROM bizmetrics.maintenance WHERE task_name = '$task'", %shop);
}

set_clock($node, '2031-03-03 12:00:00+00');
sql($node, 'CREATE ROLE boss LOGIN; CREATE ROLE author LOGIN; GRANT author TO boss; CREATE DATABASE shop OWNER boss');
sql($node, 'CREATE EXTENSION bizmetrics', %shop, user => 'boss');

# ---- dedupe keys ----

sql($node, <<'SQL', %shop);
SELECT count(bizmetrics.log_event('first', occurred_at => timestamptz '2031-01-05 UTC' + n % 90 * interval '1 day', dedupe_key => 'key' || n)) FROM generate_series(1, 25000) n;
UPDATE bizmetrics.dedupe_keys SET recorded_at = timestamptz '2031-03-01 00:00+00' + CASE WHEN dedupe_key = 'key7' THEN interval '3 days' ELSE '0' END
SQL
wait_for_task('prune_dedupe_keys', '2031-03-31 01:00:00+00', %shop);
wait_for($node, "SELECT count(*) = 1 FROM bizmetrics.dedupe_keys", 'keys that had their time are forgotten', %shop);
is(sql($node, 'SELECT dedupe_key FROM bizmetrics.dedupe_keys', %shop), 'key7', 'and the other one is not');
is(sql($node, 'SELECT count(*) FROM public.business_events', %shop), 25000, 'their events stay');
sql($node, "SELECT bizmetrics.log_event('second', occurred_at => '2031-01-06', dedupe_key => 'key' || n) FROM generate_series(1, 10) n", %shop);
is(sql($node, 'SELECT count(*) FROM public.business_events', %shop), 25009, 'a key that was forgotten can be used again');

# ---- a key that stands twice, dumped and restored ----

command_ok([ 'pg_dump', '-Fc', '-f', "$dir/shop.custom", '-d', $node->connstr('shop') ], 'pg_dump, custom format');
command_ok([ 'pg_dump', '-f', "$dir/shop.sql", '-d', $node->connstr('shop') ], 'pg_dump, plain');
sql($node, "CREATE DATABASE $_ OWNER boss") for qw(custom plain);
command_ok([ 'pg_restore', '-e', '-U', 'boss', '-d', $node->connstr('custom'), "$dir/shop.custom" ], 'pg_restore -e');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'boss', '-d', $node->connstr('plain'), '-f', "$dir/shop.sql" ], 'psql -f');
for my $database (qw(custom plain))
{
	is(sql($node, 'SELECT count(*), count(DISTINCT dedupe_key) FROM public.business_events', db => $database), '25009|25000',
		"$database: every event is there");
	is(sql($node, 'SELECT count(*) FROM bizmetrics.dedupe_keys', db => $database), 25000, "$database: and each key once");
	is(sql_state($node, "INSERT INTO public.business_events (event_name, occurred_at, dedupe_key) VALUES ('third', '2031-01-07', 'key1')", db => $database),
		'23505', "$database: which stands for new events");
	sql($node, "DROP DATABASE $database WITH (FORCE)");
}

# ---- events ----

is(sql($node, 'SELECT count(*) FROM bizmetrics.pruned_events', %shop), 0, 'no event is pruned by itself');
make_author($node, %shop);
my $window = "bucket => '1 month', lookback => '2 months'";
make_report($node, 'looks_back', %shop, schedule => '@monthly', query => 'SELECT $1, $2::text', more => $window);
set_clock($node, '2031-05-20 00:00:00+00');
settle($node, %shop);
sql($node, "ALTER SYSTEM SET bizmetrics.event_retention = '30d'");
$node->reload;
# looks_back runs first at the beginning of May: its window begins in March.
wait_for_run($node, 'looks_back', 1, %shop);
is(partitions(%shop), '2031_01 2031_02 2031_03 2031_04 2031_05 2031_06 2031_07', 'partitions of seven months');
my $offset = -s $node->logfile;
wait_for_task('prune_events', "2031-05-20 0$_:00:00+00", %shop) for 2 .. 4;
is(partitions(%shop), '2031_03 2031_04 2031_05 2031_06 2031_07', 'what is older than the retention goes');
is(failure('prune_events'), '55000|partition "business_events_2031_03" cannot be pruned: report "looks_back" has not read it',
	'but not what a report may still read, which the task says');
is(log_count($node, 'task "prune_events" failed', $offset), 1, 'and the log once');
is(log_count($node, 'pruned partition "business_events_2031_0[12]"', $offset), 2, 'as it tells of what went');
is(sql($node, "SELECT pruned_by IS NULL, partition_name FROM bizmetrics.pruned_events ORDER BY 2", %shop),
	"t|business_events_2031_01\nt|business_events_2031_02", 'which is recorded');
settle($node, %shop);
set_clock($node, '2031-06-15 00:00:00+00');
wait_for_run($node, 'looks_back', 2, %shop);
settle($node, %shop);
wait_for_task('prune_events', '2031-06-15 05:00:00+00', %shop);
is(partitions(%shop), '2031_04 2031_05 2031_06 2031_07 2031_08', 'once the report has gone on, so does pruning');

# Whoever reads is waited for in small pieces only, so that writers go on.
sql($node, "SELECT bizmetrics.drop_report('looks_back')", %shop);
my $reader = $node->background_psql('shop');
$reader->query_safe('BEGIN; SELECT count(*) FROM public.business_events');
set_clock($node, '2031-06-15 07:00:00+00');
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'bizmetrics maintenance' AND wait_event_type = 'Lock')",
	'pruning waits for a reader');
is(sql_state($node, "SET lock_timeout = '5s'; SELECT bizmetrics.log_event('beside', occurred_at => '2031-06-15')", %shop), '', 'and no writer for long');
$reader->quit;
wait_for($node, "SELECT NOT EXISTS (SELECT FROM bizmetrics.partitions WHERE to_time <= '2031-05-01 UTC')", 'it goes when the reader has ended', %shop);
wait_until_idle($node);

# ---- a type that is kept for less ----

sql($node, "SELECT bizmetrics.set_event_retention('brief', '10 days'), bizmetrics.log_event('brief', occurred_at => '2031-05-31')", %shop, user => 'boss');
wait_for_task('prune_event_types', '2031-06-17 00:00:00+00', %shop);
is(sql($node, "SELECT count(*) FROM public.business_events WHERE event_name = 'brief'", %shop), 0, 'events of a type that is kept for less go');
is(sql($node, "SELECT pruned_by IS NULL, partition_name, events FROM bizmetrics.pruned_events WHERE event_name = 'brief'", %shop),
	't|business_events_2031_05|1', 'which is recorded');

# ---- dumped and restored after it ----

command_ok([ 'pg_dump', '-Fc', '-f', "$dir/pruned.custom", '-d', $node->connstr('shop') ], 'pg_dump');
sql($node, 'CREATE DATABASE again OWNER boss');
sql($node, 'ALTER DEFAULT PRIVILEGES GRANT USAGE, CREATE ON SCHEMAS TO author', db => 'again', user => 'boss');
command_ok([ 'pg_restore', '-e', '-U', 'boss', '-d', $node->connstr('again'), "$dir/pruned.custom" ], 'pg_restore -e');
is(partitions(db => 'again'), partitions(%shop), 'the partitions that are left come back');
is(sql($node, 'SELECT count(*) FROM bizmetrics.pruned_events', db => 'again'), 5, 'and the record of those that went');

$node->stop;
done_testing();
