# Promise: incremental reports are exact after whatever happens to the server or the database. In another
# database or cluster, and after pg_upgrade, the watermark means nothing: they are computed anew, once, and
# the log says so; buckets of which events were pruned stay as they are. After a crash or a promotion the
# watermark holds, and a long catch-up and a backfill go on where they stopped.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @lines = ('restart_after_crash = on', 'bizmetrics_test.keep_clock = on', 'max_connections = 40');
my $here = make_node('here', \@lines, allows_streaming => 1);
my $there = make_node('there');
my $dir = PostgreSQL::Test::Utils::tempdir;
my %shop = (db => 'shop');
my $now = '2031-03-03 12:00:30+00';

# ---- reports over three months ----

my %query = (
	computed => q{SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, count(DISTINCT actor_user_id) AS actors FROM business_events GROUP BY 1},
	added => q{SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, sum((properties->>'v')::int) AS v FROM business_events GROUP BY 1});
my @reports = sort keys %query;

sub make_shop
{
	sql($here, 'CREATE ROLE author LOGIN');
	sql($there, 'CREATE ROLE author LOGIN');
	set_clock($_, $now) for $here, $there;
	# Its transaction ids are far ahead of those of the other cluster.
	sql($here, 'DO $$ BEGIN FOR i IN 1 .. 5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$');
	make_database($here, 'shop');
	sql($here, q{SELECT bizmetrics.grant_author('author'), bizmetrics.grant_writer('author')}, %shop);
	sql($here, "SELECT bizmetrics.create_report('$_', query => \$q\$$query{$_}\$q\$, key => '{day}', bucket => '1 day', timezone => 'UTC', schedule => '0 0 29 2 *')",
		%shop, user => 'author')
	  for @reports;
	is(sql($here, "SELECT string_agg(strategy, ',' ORDER BY report_name) FROM bizmetrics.reports", %shop), 'delta,replace_window', 'a delta and one that computes anew');
	return;
}

# So many events, one every so many hours from a time on.
sub log_some
{
	my ($node, $from, $count, $hours, %params) = @_;

	sql($node, <<"SQL", %shop, %params);
SELECT count(bizmetrics.log_event('sale', jsonb_build_object('v', n), actor_user_id => n % 7, occurred_at => timestamptz '$from' + n * interval '$hours hours'))
FROM generate_series(1, $count) n
SQL
	return;
}

sub run_by_hand
{
	my ($node, %params) = @_;

	is(sql($node, "SELECT state FROM bizmetrics.run_report('$_')", %shop, user => 'author', %params), 'succeeded', "$_ runs")
	  for @reports;
	return;
}

sub content
{
	my ($node, %params) = @_;

	return join "\n", map { "$_:\n" . sql($node, "SET timezone = 'UTC'; SELECT * FROM analytics.$_ ORDER BY 1", %shop, %params) } @reports;
}

sub truth_of
{
	my ($node, $from, %params) = @_;

	return join "\n", map {
		my $query = $query{$_} =~ s/GROUP BY/WHERE occurred_at >= '$from' GROUP BY/r;
		"$_:\n" . sql($node, "SET timezone = 'UTC'; $query ORDER BY 1", %shop, %params)
	} @reports;
}

sub told { return log_count($_[0], qr/LOG:  report "(computed|added)" is computed anew/, $_[1]); }

make_shop();
log_some($here, '2031-01-01 00:00+00', 90, 16);
run_by_hand($here);
is(told($here), 0, 'a new report over a new table is not told of');
is(content($here), truth_of($here, '2031-01-01'), 'they are exact');
is(sql($here, "SELECT count(*) FROM bizmetrics.prune_events(timestamptz '2031-02-01 00:00+00') WHERE dropped", %shop), 1, 'January is pruned');
log_some($here, '2031-01-10 00:00+00', 3, 1);
log_some($here, '2031-02-10 00:00+00', 30, 5);
run_by_hand($here);
like(content($here), qr/added:\n2031-01-01 00:00:00\+00\|1\|1\n(.*\n)*2031-01-10 00:00:00\+00\|[45]\|/, 'January stands, and a delta adds to it');

# What no run has read yet, when it is dumped.
log_some($here, '2031-02-10 00:00+00', 20, 7);
command_ok([ 'pg_dump', '-Fc', '-f', "$dir/shop.dump", '-d', $here->connstr('shop') ], 'pg_dump');
wait_until_idle($here);
sql($here, 'CREATE DATABASE copy TEMPLATE shop');
run_by_hand($here);
my $content = content($here);
is(told($here), 0, 'nothing was computed anew so far');

# ---- restored ----

# The next runs compute everything anew, once, and give what the original gave.
sub check_restored
{
	my ($node, $database, $what) = @_;
	my $offset = -s $node->logfile;
	my %db = (db => $database);

	run_by_hand($node, %db);
	is(told($node, $offset), 2, "$what: both are computed anew, and the log says so");
	is(content($node, %db), $content, "$what: as in the original, pruned January included");
	run_by_hand($node, %db);
	is(told($node, $offset), 2, "$what: once");
	log_some($node, '2031-02-20 00:00+00', 5, 9, %db);
	run_by_hand($node, %db);
	is(told($node, $offset), 2, "$what: and no more");
	my ($all) = content($node, %db) =~ s/2031-01-.*\n//gr;
	is($all, truth_of($node, '2031-02-01', %db), "$what: then they go by what is new");
	return;
}

sql($_, 'CREATE DATABASE restored') for $here, $there;
for my $node ($here, $there)
{
	command_ok([ 'pg_restore', '-e', '-d', $node->connstr('restored'), "$dir/shop.dump" ], 'pg_restore');
	is( sql($node, 'SELECT count(*) FROM public.business_events WHERE xact_id >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint', db => 'restored'),
		0, 'no event has a transaction that is yet to come');
	check_restored($node, 'restored', 'restored ' . $node->name);
}
# The other cluster comes to the numbers that these events had in theirs.
sql($there, 'DO $$ BEGIN FOR i IN 1 .. 6000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$');
my $before = content($there, db => 'restored');
run_by_hand($there, db => 'restored');
is(content($there, db => 'restored'), $before, 'no event counts once more when its number of there is reached here');
check_restored($here, 'copy', 'a copy by CREATE DATABASE');

# ---- a catch-up of many windows, and a crash in the middle ----

sql($here, <<'SQL', %shop);
CREATE TABLE analytics.stop (during tstzrange);
CREATE FUNCTION analytics.slow(at timestamptz) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM analytics.stop WHERE at <@ during) THEN PERFORM pg_advisory_lock_shared(1); END IF;
  RETURN 1;
END $$;
GRANT SELECT ON analytics.stop TO author; GRANT CREATE, USAGE ON SCHEMA analytics TO author;
INSERT INTO analytics.stop VALUES ('[2030-08-20 00:00+00,2030-08-21 00:00+00)');
SQL
log_some($here, '2030-04-30 00:00+00', 300, 20);
my $slow = q{SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, max(analytics.slow(occurred_at)) AS one FROM business_events GROUP BY 1};
sql($here, "SELECT bizmetrics.create_report('slow', query => \$q\$$slow\$q\$, key => '{day}', bucket => '1 day', strategy => 'replace_window', timezone => 'UTC', schedule => '0 0 29 2 *', max_attempts => 5)",
	%shop, user => 'author');
sql($here, "SELECT bizmetrics.alter_report('slow', query => \$q\$$slow\$q\$)", %shop, user => 'author');
sql($here, "SELECT bizmetrics.drop_report('$_')", %shop) for @reports;

# As if nothing had been pruned: what follows is about older months.
sql($here, 'DELETE FROM bizmetrics.pruned_events', %shop);
my $offset = -s $here->logfile;
my $gate = block($here, %shop);
sql($here, q{SELECT bizmetrics.request_run('slow')}, %shop);
my $waits = "SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND wait_event = 'advisory'";
wait_for($here, "EXISTS ($waits)", 'a catch-up is in the middle', %shop);
my $progress = "SET timezone = 'UTC'; SELECT attempt, state, window_start, window_end FROM bizmetrics.report_runs WHERE report_name = 'slow' AND state <> 'skipped' ORDER BY run_id DESC LIMIT 1";
my $seen = sql($here, $progress, %shop);
like($seen, qr/^1\|running\|2030-04-30 00:00:00\+00\|2030-0[78]-\d\d 00:00:00\+00$/, 'how far it is can be seen');
my ($reached) = $seen =~ /\|([^|]*)$/;
my $rows = sql($here, 'SELECT count(*), max(day) < timestamptz \'2030-08-21 00:00+00\' FROM analytics.slow', %shop);
like($rows, qr/^[5-9]\d\|t$|^1\d\d\|t$/, 'and what is done is there');
cmp_ok(sql($here, 'SELECT count(*) FROM bizmetrics.pending_windows', %shop), '>', 0, 'the others are pending');
log_some($here, '2030-09-10 00:00+00', 4, 1);
kill 'KILL', sql($here, $waits, %shop);
$gate->quit if eval { $gate->query_safe('SELECT 1'); 1 };
poll($here, 'shop', 'SELECT true');
sql($here, 'TRUNCATE analytics.stop', %shop);
wait_for($here, q{EXISTS (SELECT FROM bizmetrics.report_status WHERE report_name = 'slow' AND state = 'retrying')}, 'the attempt is found to have crashed', %shop);
set_clock($here, sql($here, q{SELECT next_attempt_at FROM bizmetrics.report_status WHERE report_name = 'slow'}, %shop));
wait_for($here, q{EXISTS (SELECT FROM bizmetrics.report_runs WHERE report_name = 'slow' AND attempt = 2 AND state = 'succeeded')}, 'the next one', %shop);
my $slow_differs = "SELECT count(*) FROM ((TABLE analytics.slow EXCEPT ALL (SELECT date_trunc('day', occurred_at, 'UTC'), count(*), 1 FROM public.business_events GROUP BY 1)) UNION ALL ((SELECT date_trunc('day', occurred_at, 'UTC'), count(*), 1 FROM public.business_events GROUP BY 1) EXCEPT ALL TABLE analytics.slow)) d";
is(sql($here, $slow_differs, %shop), 0, 'comes to the truth');
is(sql($here, 'SELECT count(*) FROM bizmetrics.pending_windows', %shop), 0, 'nothing is pending');
like(sql($here, $progress, %shop), qr/^2\|succeeded\|\Q$reached\E\|/, 'it began where the first had stopped');
is(log_count($here, qr/report "slow" is computed anew/, $offset), 1, 'and told once that all is computed');

# ---- a backfill that is killed ----

sql($here, q{UPDATE analytics.slow SET n = 0; INSERT INTO analytics.stop VALUES ('[2030-08-20 00:00+00,2030-08-21 00:00+00)')}, %shop);
$gate = block($here, %shop);
my $call = q{CALL bizmetrics.backfill_report('slow', '2030-04-30 00:00+00', '2031-04-01 00:00+00', '20 days')};
my $session = $here->background_psql('shop', extra_params => [ '-U', 'author' ], on_error_stop => 0);
$session->query_until(qr//, "$call;\n");
wait_for($here, "EXISTS ($waits)", 'a backfill is in the middle', %shop);
my $state = q{SELECT state, done_buckets, total_buckets, started_at, window_start, window_end FROM bizmetrics.backfill_progress};
my $half = sql($here, $state, %shop);
my ($done, $total) = $half =~ /^running\|(\d+)\|(\d+)\|/;
cmp_ok($done, '>', 0, "$done of $total buckets are done");
cmp_ok($done, '<', $total, 'not all');
kill 'KILL', sql($here, $waits, %shop);
$_->finish for map { eval { $_->{run} } // () } $session, $gate;
poll($here, 'shop', 'SELECT true');
is(sql($here, $state, %shop), $half =~ s/^running/interrupted/r, 'that outlives a crash, and shows as interrupted');
sql($here, 'TRUNCATE analytics.stop', %shop);
my ($out, $err) = ('', '');
$here->psql('shop', $call, stdout => \$out, stderr => \$err, extra_params => [ '-U', 'author' ]);
my @batches = $err =~ /; (\d+) of $total buckets are done/g;
cmp_ok($batches[0], '>', $done, 'called again it goes on where it stopped');
is($batches[-1], $total, 'to its end');
is(sql($here, $slow_differs, %shop), 0, 'and all is right');
is(sql($here, "SELECT state FROM bizmetrics.backfill_progress", %shop), 'finished', 'which can be seen');

# ---- a standby that is promoted ----

log_some($here, '2030-09-10 00:00+00', 10, 9);
is(sql($here, "SELECT state FROM bizmetrics.run_report('slow')", %shop, user => 'author'), 'succeeded', 'a run on the primary');
$here->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($here, 'base', has_streaming => 1);
$standby->start;
log_some($here, '2030-09-20 00:00+00', 10, 9);
is(sql($here, "SELECT state FROM bizmetrics.run_report('slow')", %shop, user => 'author'), 'succeeded', 'another one');
log_some($here, '2030-09-21 00:00+00', 10, 9);
$here->wait_for_catchup($standby);
$here->stop('immediate');
$standby->promote;
log_some($standby, '2030-09-22 00:00+00', 10, 9);
is(sql($standby, "SELECT state FROM bizmetrics.run_report('slow')", %shop, user => 'author'), 'succeeded', 'a run on the promoted standby');
is(log_count($standby, qr/is computed anew/), 0, 'goes on from the watermark');
is(sql($standby, $slow_differs, %shop), 0, 'and is exact');
$standby->stop;
$here->start;

# ---- pg_upgrade ----

$there->stop;
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', "shared_preload_libraries = 'bizmetrics,bizmetrics_test'\nmax_worker_processes = 32");
my $bin = $new->config_data('--bindir');
command_ok([ 'pg_upgrade', '--no-sync', '-d', $there->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin,
		'-s', $new->host, '-p', $there->port, '-P', $new->port ], 'pg_upgrade');
$new->start;
set_clock($new, $now);
$offset = -s $new->logfile;
my $was = $before;
my $states = q{SELECT string_agg(DISTINCT state, ',') FROM bizmetrics.report_status};
sql($new, q{SELECT bizmetrics.request_run(r) FROM unnest('{computed,added}'::text[]) r}, db => 'restored');
# The worker's looks are some seconds apart by its clock.
for my $look (1 .. 20)
{
	set_clock($new, sprintf '2031-03-03 12:%02d:30+00', $look);
	wait_until_idle($new, db => 'restored') or die 'the worker does not leave';
	last if sql($new, $states, db => 'restored') eq 'waiting';
}
wait_for($new, q{SELECT count(*) = 2 FROM bizmetrics.report_runs WHERE trigger = 'request' AND state = 'succeeded'}, 'after pg_upgrade the worker adopts the reports, and runs what is asked for', db => 'restored');
is(sql($new, $states, db => 'restored'), 'waiting', 'and they wait for their slots');
is(told($new, $offset), 2, 'after pg_upgrade both are computed anew');
is(content($new, db => 'restored'), $was, 'to the same');
run_by_hand($new, db => 'restored');
is(told($new, $offset), 2, 'once');

$_->stop for $here, $new;
done_testing();
