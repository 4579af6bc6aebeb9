# Promise: whatever writers do, each committed event is in each incremental report exactly once. Sixteen
# of them log in every way there is, with delays, savepoints, rollbacks, prepared transactions and old
# times, while the reports run all the time, as request_run() and by hand, beside VACUUM and backfills; in
# some rounds the runner or the whole server is killed in the middle. After each round every row of every
# report is compared with the truth.
#
# Each round has a seed of its own, the first that of BM_SEED=n: with BM_ROUNDS=1 it repeats the choices of that round,
# though not the moments. By default there are 20.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Utils;
use IPC::Run;
use Test::More;
use Time::HiRes ();

my $rounds = $ENV{BM_ROUNDS} // 20;
my $seed = $ENV{BM_SEED} // time;
my $writers = 16;
my %db = (db => 'shop');
my %killed;
my $node = make_node('main',
	[ 'restart_after_crash = on', 'fsync = off', 'max_connections = 60', 'max_prepared_transactions = 64', 'log_statement = none', 'jit = off',
	  'autovacuum_naptime = 1s', 'bizmetrics.flush_interval = 20ms' ]);
my $dir = PostgreSQL::Test::Utils::tempdir;

# ---- the reports, and what each must hold ----

# Its arguments, and the truth as a query.
my %report = (
	recomputed => [ q{query => 'SELECT date_trunc(''day'', occurred_at) AS day, event_name, count(*) AS n, count(DISTINCT actor_user_id) AS actors, sum((properties->>''v'')::numeric) AS v FROM business_events GROUP BY 1, 2',
		key => '{day,event_name}', bucket => '1 day'},
		q{SELECT date_trunc('day', occurred_at, 'UTC'), event_name, count(*), count(DISTINCT actor_user_id), sum((properties->>'v')::numeric) FROM public.business_events GROUP BY 1, 2} ],
	by_company => [ q{query => 'SELECT date_trunc(''week'', occurred_at) AS week, coalesce(company_id, '''') AS company, count(*) AS n, string_agg(id::text, '','' ORDER BY id) AS ids FROM business_events WHERE event_name = ''paid'' GROUP BY 1, 2',
		key => '{week,company}', bucket => '1 week', timezone => 'America/New_York', grain => 'company_id'},
		q{SELECT date_trunc('week', occurred_at, 'America/New_York'), coalesce(company_id, ''), count(*), string_agg(id::text, ',' ORDER BY id) FROM public.business_events WHERE event_name = 'paid' GROUP BY 1, 2} ],
	delta => [ q{query => 'SELECT date_trunc(''day'', occurred_at) AS day, event_name, count(*) AS n, sum((properties->>''v'')::numeric) AS v, min(occurred_at) AS first, max(actor_user_id) AS last FROM business_events GROUP BY 1, 2',
		key => '{day,event_name}', bucket => '1 day', strategy => 'delta'},
		q{SELECT date_trunc('day', occurred_at, 'UTC'), event_name, count(*), sum((properties->>'v')::numeric), min(occurred_at), max(actor_user_id) FROM public.business_events GROUP BY 1, 2} ],
	merged => [ q{query => 'SELECT date_trunc(''day'', occurred_at) AS day, count(*) AS n, count(DISTINCT actor_user_id) AS actors FROM business_events GROUP BY 1',
		key => '{day}', bucket => '1 day', strategy => 'merge'},
		q{SELECT date_trunc('day', occurred_at, 'UTC'), count(*), count(DISTINCT actor_user_id) FROM public.business_events GROUP BY 1} ],
	ranked => [ q{query => 'SELECT date_trunc(''day'', occurred_at) AS day, actor_user_id AS actor, count(*) AS n FROM business_events WHERE actor_user_id IS NOT NULL GROUP BY 1, 2 ORDER BY n DESC, actor LIMIT 3',
		key => '{day,actor}', bucket => '1 day'},
		q{SELECT day, actor_user_id, n FROM (SELECT date_trunc('day', occurred_at, 'UTC') AS day, actor_user_id, count(*) AS n, row_number() OVER (PARTITION BY date_trunc('day', occurred_at, 'UTC') ORDER BY count(*) DESC, actor_user_id) AS place FROM public.business_events WHERE actor_user_id IS NOT NULL GROUP BY 1, 2) r WHERE place <= 3} ],
	whole => [ q{query => 'SELECT coalesce(company_id, '''') AS company, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS place FROM business_events GROUP BY 1', key => '{company}'},
		q{SELECT coalesce(company_id, ''), count(*), rank() OVER (ORDER BY count(*) DESC) FROM public.business_events GROUP BY 1} ],
	windows => [ q{ddl => 'CREATE TABLE analytics.windows (day timestamptz PRIMARY KEY, n bigint, actors bigint)', bucket => '1 day',
		query => 'DELETE FROM analytics.windows WHERE day >= $1 AND day < $2; INSERT INTO analytics.windows SELECT date_trunc(''day'', occurred_at), count(*), count(DISTINCT actor_user_id) FROM business_events WHERE occurred_at >= $1 AND occurred_at < $2 GROUP BY 1'},
		q{SELECT date_trunc('day', occurred_at, 'UTC'), count(*), count(DISTINCT actor_user_id) FROM public.business_events GROUP BY 1} ],
	# In some rounds it cannot add up some events, while the others are.
	moody => [ q{query => 'SELECT date_trunc(''day'', occurred_at) AS day, event_name, count(*) AS n, sum(analytics.value_of(properties)) AS v FROM business_events GROUP BY 1, 2',
		key => '{day,event_name}', bucket => '1 day', strategy => 'delta', max_attempts => 2},
		q{SELECT date_trunc('day', occurred_at, 'UTC'), event_name, count(*), sum((properties->>'v')::numeric) FROM public.business_events GROUP BY 1, 2} ],
	appended => [ q{query => 'SELECT id, occurred_at, event_name FROM business_events', strategy => 'append', key => '{id}'},
		q{SELECT id, occurred_at, event_name FROM public.business_events} ],
	follower => [ q{query => 'SELECT date_trunc(''month'', day) AS month, sum(n) AS n, sum(v) AS v FROM analytics.recomputed WHERE day >= $1 AND day < $2 GROUP BY 1',
		key => '{month}', bucket => '1 month', source => 'analytics.recomputed'},
		q{SELECT date_trunc('month', occurred_at, 'UTC'), count(*), sum((properties->>'v')::numeric) FROM public.business_events GROUP BY 1} ],
	of_delta => [ q{query => 'SELECT date_trunc(''month'', day) AS month, sum(n) AS n FROM analytics.delta WHERE day >= $1 AND day < $2 GROUP BY 1',
		key => '{month}', bucket => '1 month', source => 'analytics.delta'},
		q{SELECT date_trunc('month', occurred_at, 'UTC'), count(*) FROM public.business_events GROUP BY 1} ],
	own => [ q{ddl => 'CREATE TABLE analytics.own (hour timestamptz PRIMARY KEY, n bigint, v numeric)',
		query => 'INSERT INTO analytics.own AS t SELECT date_trunc(''hour'', occurred_at), count(*), sum((properties->>''v'')::numeric) FROM bizmetrics.new_events() GROUP BY 1 ON CONFLICT (hour) DO UPDATE SET n = t.n + excluded.n, v = t.v + excluded.v'},
		q{SELECT date_trunc('hour', occurred_at, 'UTC'), count(*), sum((properties->>'v')::numeric) FROM public.business_events GROUP BY 1} ],
	in_with => [ q{ddl => 'CREATE TABLE analytics.in_with (name text PRIMARY KEY, n bigint)',
		query => 'WITH added AS (INSERT INTO analytics.in_with AS t SELECT event_name, count(*) FROM bizmetrics.new_events() GROUP BY 1 ON CONFLICT (name) DO UPDATE SET n = t.n + excluded.n RETURNING 1) SELECT count(*) FROM added'},
		q{SELECT event_name, count(*) FROM public.business_events GROUP BY 1} ]);
my @reports = ((sort grep { !/^(follower|of_delta)$/ } keys %report), 'follower', 'of_delta');

sub make_shop
{
	sql($node, 'CREATE ROLE boss LOGIN; CREATE ROLE author LOGIN; CREATE ROLE writer LOGIN');
	sql($node, 'CREATE DATABASE shop OWNER boss');
	sql($node, 'CREATE EXTENSION bizmetrics', %db, user => 'boss');
	sql($node, q{SELECT bizmetrics.grant_author('author'), bizmetrics.grant_writer('writer')}, %db, user => 'boss');
	sql($node, q{SELECT bizmetrics.ensure_partitions('2030-11-01 00:00+00', '2031-04-01 00:00+00')}, %db, user => 'boss');
	sql($node, <<'SQL', %db, user => 'author');
CREATE TABLE analytics.mood (bad int[] NOT NULL);
INSERT INTO analytics.mood VALUES ('{}');
CREATE FUNCTION analytics.value_of(properties jsonb) RETURNS numeric IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT (properties ->> 'v')::int = ANY (bad) FROM analytics.mood) THEN RAISE 'it cannot be' USING ERRCODE = '22012'; END IF;
  RETURN properties ->> 'v';
END $$;
SQL
	sql($node, "SET timezone = 'UTC'; SELECT bizmetrics.create_report('$_', schedule => '\@yearly', backoff => '{0s}', "
		  . ($report{$_}[0] =~ /max_attempts/ ? '' : 'max_attempts => 20, ')
		  . ($report{$_}[0] =~ /timezone/ ? '' : "timezone => 'UTC', ") . "$report{$_}[0])", %db, user => 'author')
	  for @reports;
	return;
}

# ---- a writer's transactions ----

sub pick { return $_[ rand @_ ]; }

# Most are of some weeks, some far older or newer.
sub occurred_at
{
	return sprintf "timestamptz '2031-01-01 00:00+00' + interval '%d minutes'", rand() < 0.1 ? rand(120 * 1440) - 50 * 1440 : rand(20 * 1440);
}

sub values_of
{
	return (pick(qw(paid seen added)), int rand 100, pick("'c1'", "'c2'", 'NULL'), 'u' . int rand 20, occurred_at());
}

sub call_of
{
	my ($function) = @_;
	my ($name, $v, $company, $actor, $at) = values_of();

	return "SELECT bizmetrics.$function('$name', '{\"v\": $v}', actor_user_id => '$actor', company_id => $company, occurred_at => $at);\n";
}

sub statement
{
	my $kind = int rand 7;
	my ($name, $v, $company, $actor, $at) = values_of();

	return call_of('log_event') if $kind <= 1;
	return call_of('log_event_async') if $kind == 2;
	return 'SELECT bizmetrics.log_events(jsonb_agg(jsonb_build_object(' . "'event_name', '$name', 'properties', jsonb_build_object('v', n), 'occurred_at', $at + n * interval '7 hours', 'actor_user_id', '$actor')))"
	  . " FROM generate_series(1, 5) n;\n" if $kind == 3;
	return "INSERT INTO business_events (event_name, properties, company_id, actor_user_id, occurred_at) SELECT '$name', jsonb_build_object('v', n), $company, '$actor', $at + n * interval '1 day' FROM generate_series(1, 3) n;\n"
	  if $kind == 4;
	if ($kind == 5)
	{
		my $time = sprintf '2031-02-%02d 12:00+00', 1 + rand 28;
		return "COPY business_events (event_name, properties, occurred_at) FROM stdin;\n$name\t{\"v\": $v}\t$time\n$name\t{\"v\": 1}\t2030-12-31 23:59:59+00\n\\.\n";
	}
	# A subtransaction of PL/pgSQL that is undone.
	return "DO \$\$ BEGIN PERFORM bizmetrics.log_event('$name', '{\"v\": 5}', occurred_at => $at); RAISE 'undone'; EXCEPTION WHEN raise_exception THEN PERFORM bizmetrics.log_event('added', '{\"v\": 1}', occurred_at => $at); END \$\$;\n";
}

sub nap { return rand() < 0.5 ? '' : sprintf "SELECT pg_sleep(%.4f);\n", rand() * rand() * 0.06; }

sub transaction
{
	my ($gid) = @_;
	my $sql = "BEGIN;\n";
	my $end = rand;

	return nap() . statement() if rand() < 0.3;
	for (0 .. rand 4)
	{
		my $how = rand;

		$sql .= nap();
		$sql .= $how < 0.5 ? statement() : "SAVEPOINT s;\n" . statement() . nap() . ($how < 0.75 ? "ROLLBACK TO s;\n" : "RELEASE s;\n");
	}
	$sql .= nap();
	return $sql . "PREPARE TRANSACTION '$gid';\n" . nap() . ($end < 0.1 ? 'ROLLBACK' : 'COMMIT') . " PREPARED '$gid';\n" if $end < 0.25;
	return $sql . ($end < 0.4 ? "ROLLBACK;\n" : "COMMIT;\n");
}

# ---- a round ----

sub psql
{
	my ($user, $errors, @arguments) = @_;

	return IPC::Run::start([ 'psql', '-XAtq', '-U', $user, '-d', $node->connstr('shop'), @arguments ],
		'<', \undef, '>', '/dev/null', '2>', $errors);
}

# Sessions that do the same again and again, until they are killed.
sub start_drivers
{
	my ($kind) = @_;
	my @loops = ([ 'boss', 'SELECT bizmetrics.request_runs()', 0.03 ],
		[ 'author', "SELECT n, (bizmetrics.run_report(n)).state FROM (VALUES ('" . pick(@reports) . "')) r (n)", 0.07 ]);

	push @loops, [ 'boss', 'VACUUM public.business_events', 0.2 ] if $kind % 4 == 1;
	push @loops, [ 'author', "CALL bizmetrics.backfill_report('" . pick(qw(delta recomputed)) . "', '2031-01-01', '2031-01-20')", 0.05 ] if $kind % 4 == 3;
	return map {
		my $errors = '';
		psql($_->[0], \$errors, '-c', 'SET client_min_messages = error', '-c', "DO ''", '-f', write_script("loop_$_->[0]_" . int(rand 1e9), "$_->[1] \\watch $_->[2]\n"))
	} @loops;
}

sub write_script
{
	my ($name, $text) = @_;

	append_to_file("$dir/$name.sql", $text);
	return "$dir/$name.sql";
}

sub wait_for_server
{
	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my ($status) = eval { $node->psql('shop', 'SELECT 1') };
		return if defined $status && $status == 0;
		Time::HiRes::usleep(10_000);
	}
	die 'the server does not come back';
}

sub kill_something
{
	my ($what) = @_;

	if ($what eq 'runner')
	{
		my @pids = eval { split /\n/, sql($node, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'bizmetrics runner'") };
		kill 'KILL', $pids[0] if @pids;
		return scalar @pids;
	}
	$node->kill9;
	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $node->start(fail_ok => 1);
		$node->stop('fast', fail_ok => 1);
		Time::HiRes::usleep(10_000);
	}
	die 'the server does not start';
}

# By hand, for after a crash the worker waits for minutes.
sub finish_reports
{
	sql($node, 'ALTER ROLE author RESET default_transaction_isolation');
	sql($node, "UPDATE analytics.mood SET bad = '{}'", %db, user => 'author');
	poll($node, 'shop', 'SELECT waiting = 0 FROM bizmetrics.buffer_status') or die 'events stay in the buffer';
	for my $gid (split /\n/, sql($node, 'SELECT gid FROM pg_prepared_xacts', %db))
	{
		sql($node, (rand() < 0.5 ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$gid'", %db);
	}
	for my $report (@reports)
	{
		my $result = '';
		for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
		{
			my (undef, $output, $errors) = $node->psql('shop', "SELECT state, message FROM bizmetrics.run_report('$report')", extra_params => [ '-U', 'author' ]);
			$result = "$output$errors";
			last if $result !~ /is running/;
			Time::HiRes::usleep(100_000);
		}
		like($result, qr/^succeeded/, "$report runs") if $result !~ /^succeeded/;
	}
	return;
}

# Rows that are not as they should be.
sub differences
{
	my ($report) = @_;
	my $truth = $report{$report}[1];

	return sql($node, <<"SQL", %db);
SELECT count(*) FROM (
  (SELECT * FROM analytics.$report EXCEPT ALL ($truth)) UNION ALL (($truth) EXCEPT ALL SELECT * FROM analytics.$report)) d
SQL
}

sub do_round
{
	my ($round) = @_;
	srand($seed + $round - 1);
	my $isolation = pick('read committed', 'read committed', 'repeatable read', 'serializable');
	my $kind = ($seed + $round - 1) % 20;
	my $victim = $kind % 5 == 2 ? 'runner' : $kind % 5 == 4 ? 'postmaster' : '';
	my $runs = sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE state = 'succeeded'", %db);
	my @errors = ('') x $writers;
	my @sessions;
	my @drivers;

	sql($node, "ALTER ROLE author SET default_transaction_isolation = '$isolation'");
	sql($node, "UPDATE analytics.mood SET bad = '{" . (rand() < 0.6 ? join ',', map { int rand 100 } 1 .. 3 : '') . "}'", %db, user => 'author');
	for my $writer (0 .. $writers - 1)
	{
		my $script = join '', map { transaction("r$round w$writer t$_") } 1 .. 8;
		push @sessions, psql('writer', \$errors[$writer], '-f', write_script("round${round}_writer$writer", $script));
	}
	@drivers = start_drivers($kind);
	if ($victim)
	{
		Time::HiRes::usleep(100_000 + rand 300_000);
		$killed{$victim} += kill_something($victim);
		wait_for_server();
		$_->kill_kill for @drivers;
		@drivers = start_drivers($kind);
	}
	$_->finish for @sessions;
	$_->kill_kill for @drivers;
	if (!$victim)
	{
		my $errors = join '', grep { /ERROR|FATAL|PANIC/ } @errors;
		is($errors, '', "round $round: no writer failed") if $errors ne '';
	}
	$runs = sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE state = 'succeeded'", %db) - $runs;
	finish_reports();
	my @wrong = grep { differences($_) != 0 } @reports;
	is("@wrong", '', "round $round: every row of every report is the truth, after $runs runs in $isolation" . ($victim ? " and a kill of the $victim" : ''));
	diag sprintf "BM_SEED=%d BM_ROUNDS=1", $seed + $round - 1 if @wrong;
	return $runs;
}

note "BM_SEED=$seed";
make_shop();
my $runs = 0;
$runs += do_round($_) for 1 .. $rounds;
cmp_ok($runs, '>', 10 * $rounds, "$runs runs met writers");
my $events = sql($node, 'SELECT count(*) FROM public.business_events', %db);
cmp_ok($events, '>', 100 * $rounds, "$events events");
is(sql($node, 'SELECT count(*) FROM bizmetrics.event_rejects', %db), 0, 'and none was rejected');
if ($rounds >= 20)
{
	cmp_ok($killed{$_} // 0, '>', 0, "the $_ was killed") for qw(runner postmaster);
}

$node->stop;
done_testing();
