# Promise: an orderly stop of the server, smart or fast, loses no event of log_event_async(), also in
# the middle of a load; a crash loses no more than what was not stored yet, and invents nothing.
#
# Each transaction of the load notes its event's id in a table of its own, so that what was committed
# is known whatever its client heard of it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('main', ['fsync = off', 'restart_after_crash = on', 'wal_level = replica', 'max_wal_senders = 1', 'synchronous_commit = local', "synchronous_standby_names = 'nobody'"]);
make_database($node, $_) for qw(postgres two);
my %script = (
	statement => q{INSERT INTO calls SELECT bizmetrics.log_event_async('load', '{"value": 1}', actor_user_id => 1);},
	rolled_back => q{BEGIN;
INSERT INTO calls SELECT bizmetrics.log_event_async('load');
SAVEPOINT s;
SELECT bizmetrics.log_event_async('no load');
ROLLBACK TO s;
INSERT INTO calls SELECT bizmetrics.log_event_async('load', dedupe_key => md5(random()::text));
COMMIT;},
	bare => q{SELECT bizmetrics.log_event_async('bare');});
my $folder = PostgreSQL::Test::Utils::tempdir();

for my $name (keys %script)
{
	append_to_file("$folder/$name.sql", "$script{$name}\n");
}
sql($node, 'CREATE TABLE calls (id uuid)', db => $_) for qw(postgres two);

# Clients in both databases for half a minute, or until the server stops.
sub start_load
{
	return map {
		my $database = $_;
		my ($out, $errors) = ('', '');
		IPC::Run::start(
			[ 'pgbench', '-n', '-c', '4', '-T', '30', '-h', $node->host, '-p', $node->port, '-U', sql($node, 'SELECT current_user'),
				(map { ('-f', "$folder/$_.sql") } sort keys %script), $database ],
			'>', \$out, '2>', \$errors)
	} qw(postgres two);
}

sub wait_for_load
{
	wait_for($node, "SELECT queued > 500 FROM bizmetrics.buffer_status", "$_: events come in", db => $_) for qw(postgres two);
	return;
}

# What the transactions say that there is, and what there is.
sub compare
{
	my ($how) = @_;
	for my $database (qw(postgres two))
	{
		is( sql($node, <<'SQL', db => $database), '0|0|0', "$how: each committed event of $database is there, and no other");
SELECT (SELECT count(*) FROM calls WHERE id NOT IN (SELECT id FROM business_events WHERE event_name = 'load')),
  (SELECT count(*) FROM business_events WHERE event_name = 'load' AND id NOT IN (SELECT id FROM calls)),
  (SELECT count(*) FROM business_events WHERE event_name = 'no load')
SQL
		cmp_ok(sql($node, 'SELECT count(*) FROM calls', db => $database), '>', 0, 'and there were some');
	}
	return;
}

for my $mode (qw(fast fast smart))
{
	my @load = start_load();

	wait_for_load();
	# A smart stop waits for the clients: the load is ended, in the middle of whatever it does.
	if ($mode eq 'smart') { $_->signal('INT') for @load; }
	$node->stop($mode);
	$_->finish for @load;
	$node->start;
	compare($mode);
}

# ---- a stop with events that wait, and with a transaction that has reserved room ----

sub wait_for_flusher
{
	for (1 .. 1000)
	{
		sql($node, q{SELECT bizmetrics.log_event_async('warm up')});
		return if sql($node, 'SELECT queued > 0 FROM bizmetrics.buffer_status') eq 't';
	}
	die 'no flusher comes';
}

sql($node, q{ALTER SYSTEM SET bizmetrics.flush_interval = '1min'});
$node->reload;
wait_for_flusher();
my $open = $node->background_psql('postgres', on_error_stop => 0);
$open->query_safe(q{BEGIN; SELECT bizmetrics.log_event_async('never committed')});
sql($node, q{SELECT bizmetrics.log_event_async('waiting') FROM generate_series(1, 1000)});
is(sql($node, q{SELECT count(*) FROM business_events WHERE event_name = 'waiting'}), 0, 'events wait');
$node->stop('fast');
eval { $open->quit };
$node->start;
is(sql($node, q{SELECT count(*) FROM business_events WHERE event_name = 'waiting'}), 1000, 'a stop stores them');
is(sql($node, q{SELECT count(*) FROM business_events WHERE event_name = 'never committed'}), 0, 'and not what was not committed');

# ---- a stop while a transaction that has reserved room is committing ----

# It waits for a standby that there is not, and is stopped there, so that it hands over when all else has ended.
wait_for_flusher();
sql($node, q{SELECT bizmetrics.log_event_async('warm up')});
my $used = sql($node, 'SELECT used_bytes FROM bizmetrics.buffer_status');
my $committing = $node->background_psql('postgres', on_error_stop => 0);
my $backend = $committing->query_safe('SELECT pg_backend_pid()');
$committing->query_until(qr/committing/, <<'SQL');
SET synchronous_commit = on;
\echo committing
INSERT INTO calls SELECT bizmetrics.log_event_async('promised');
SQL
wait_for($node, "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $backend", 'a transaction is committing');
is(sql($node, 'SELECT used_bytes FROM bizmetrics.buffer_status') - $used, 8192, 'for which room is reserved');
kill 'STOP', $backend;
my $last = IPC::Run::start([ $^X, '-e', 'select undef, undef, undef, 0.01 while kill 0, $ARGV[0]; kill "CONT", $ARGV[1]', worker_pids($node, 'launcher'), $backend ]);
$node->stop('fast');
$last->finish;
eval { $committing->quit };
$node->start;
is(sql($node, q{SELECT count(*) FROM business_events WHERE event_name = 'promised'}), 1, 'the stop waits for it, and stores its event');

# ---- a stop while somebody's trigger does not end ----

wait_for_flusher();
sql($node, <<'SQL');
CREATE FUNCTION endless() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;
CREATE TRIGGER endless BEFORE INSERT ON public.business_events FOR EACH ROW WHEN (new.event_name = 'endless') EXECUTE FUNCTION endless();
SELECT bizmetrics.log_event_async(CASE WHEN n IN (3, 7) THEN 'endless' ELSE 'beside it' END) FROM generate_series(1, 10) n;
SQL
my $begun = time;
$node->stop('fast');
cmp_ok(time - $begun, '<', 30, 'a stop does not wait for it');
$node->start;
is(sql($node, q{SELECT count(*) FROM business_events WHERE event_name = 'beside it'}), 8, 'the other events are stored');
is(sql($node, q{SELECT payload->>'event_name', sqlstate, message, hint FROM bizmetrics.event_rejects}),
	join("\n", ('endless|57014|storing it took too long|See what triggers on business_events do.') x 2), 'and those of the trigger are rejects');
sql($node, 'DROP TRIGGER endless ON public.business_events');
is(sql($node, 'SELECT bizmetrics.replay_rejects()'), 2, 'which can be stored once it is gone');

# One that handles what would cancel it: its batch is lost, and the server stops.
wait_for_flusher();
sql($node, <<'SQL');
CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  LOOP
    BEGIN
      PERFORM pg_sleep(0.01);
    EXCEPTION WHEN query_canceled THEN NULL;
    END;
  END LOOP;
END $$;
CREATE TRIGGER stubborn BEFORE INSERT ON public.business_events FOR EACH ROW WHEN (new.event_name = 'stubborn') EXECUTE FUNCTION stubborn();
SELECT bizmetrics.log_event_async('stubborn');
SQL
$begun = time;
my $offset = -s $node->logfile;
$node->stop('fast');
cmp_ok(time - $begun, '<', 30, 'nor does it wait for one that does not let itself be cancelled');
like(slurp_file($node->logfile, $offset), qr/LOG:  \d+ events of log_event_async\(\) could not be stored/, 'whose batch is lost, which the log says');
$node->start;
sql($node, 'DROP TRIGGER stubborn ON public.business_events');

# ---- a crash ----

wait_for_flusher();
sql($node, q{SELECT bizmetrics.log_event('durable')});
sql($node, q{SELECT bizmetrics.log_event_async('lost') FROM generate_series(1, 10)});
is(sql($node, 'SELECT waiting >= 10 FROM bizmetrics.buffer_status'), 't', 'events wait');
$node->stop('immediate');
$node->start;
is(sql($node, q{SELECT string_agg(event_name, ' ') FROM business_events WHERE event_name IN ('durable', 'lost')}),
	'durable', 'a crash loses what waits, as documented, and nothing else');
is(sql($node, 'SELECT waiting, used_bytes FROM bizmetrics.buffer_status'), '0|0', 'the buffer is empty');

# A process that dies restarts the server, and logging goes on.
wait_for_flusher();
my ($flusher) = worker_pids($node, 'flusher');
kill 'KILL', $flusher;
poll($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $flusher)");
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'bizmetrics launcher')", 'the server is back');
sql($node, q{ALTER SYSTEM RESET bizmetrics.flush_interval});
$node->reload;
wait_for_flusher();
sql($node, q{SELECT bizmetrics.log_event_async('after the crash')});
wait_for($node, q{SELECT count(*) = 1 FROM business_events WHERE event_name = 'after the crash'}, 'and stores events');

$node->stop;
done_testing();
