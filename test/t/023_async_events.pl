# Promise: an event of log_event_async() is stored soon after its commit, in its database, whatever
# keeps it from being stored at first; what cannot be stored is a reject; nobody waits for another's; and
# where there is no flusher, or no room, the event is stored at once.
#
# An open transaction that has reserved room keeps a flusher from leaving: so the tests know that
# there is one. Where events are to wait, the flush interval is a minute.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = make_node('main', ["bizmetrics.buffer_size = '128kB'", 'max_prepared_transactions = 5']);
make_database($node, $_) for qw(postgres two);

# A session in an open transaction that has reserved room in the buffer.
sub hold
{
	my (%params) = @_;
	my $session = $node->background_psql($params{db} // 'postgres');
	my $before = status('used_bytes', %params);

	log_async('warm up', %params);
	for (1 .. 1000)
	{
		$session->query_safe(q{BEGIN; SELECT bizmetrics.log_event_async('held')});
		return $session if status("used_bytes > $before", %params) eq 't';
		$session->query_safe('ROLLBACK');
	}
	die 'no flusher comes';
}

sub status
{
	my ($columns, %params) = @_;
	return sql($node, "SELECT $columns FROM bizmetrics.buffer_status", %params);
}

sub log_async
{
	my ($name, %params) = @_;
	my $more = $params{more} ? ", $params{more}" : '';
	return sql($node, "SELECT bizmetrics.log_event_async('$name'$more)", %params);
}

sub events
{
	my ($name, %params) = @_;
	return sql($node, "SELECT count(*) FROM business_events WHERE event_name = '$name'", %params);
}

sub wait_for_event
{
	my ($name, $count, $text, %params) = @_;
	return wait_for($node, "SELECT count(*) = $count FROM business_events WHERE event_name = '$name'", $text, %params);
}

sub set_interval
{
	my ($interval) = @_;
	sql($node, "ALTER SYSTEM SET bizmetrics.flush_interval = '$interval'");
	$node->reload;
	return;
}

sub rejects
{
	return sql($node, "SELECT payload ->> 'event_name', via, source, sqlstate FROM bizmetrics.event_rejects ORDER BY reject_id");
}

my $no_flusher = "NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'bizmetrics flusher')";

# ---- coming and going ----

is(sql($node, "SELECT $no_flusher"), 't', 'an idle server has no flusher');
my $first = log_async('first');
is(sql($node, "SELECT id FROM business_events WHERE event_name = 'first'"), $first, 'the first event is stored at once');
my $holder = hold();
my $second = log_async('second', more => "dedupe_key => 'second'");
wait_for_event('second', 1, 'and the next one soon');
is(sql($node, "SELECT id FROM business_events WHERE event_name = 'second'"), $second, 'with the id that was returned');
is(status('queued - stored - waiting'), 0, 'which the status counts');
$holder->query_safe('COMMIT');
$holder->quit;
wait_for_event('held', 1, 'a transaction that was open for long hands over too');
wait_for($node, $no_flusher, 'the flusher leaves');

# ---- two databases ----

my @holders = map { hold(db => $_) } qw(postgres two);
log_async("in $_", db => $_) for qw(postgres two);
wait_for_event("in $_", 1, "$_ has its event", db => $_) for qw(postgres two);
is(events('in two') + events('in postgres', db => 'two'), 0, 'and not the other one\'s');

# ---- full ----

my $kilobytes = "jsonb_build_object('long', string_agg(md5(i::text), '')) FROM generate_series(1, 256) AS i";
my $many = "SELECT bizmetrics.log_event_async('large', (SELECT $kilobytes)) FROM generate_series(1, 20)";
my $before = status('stored_at_once');
sql($node, $many);
wait_for_event('large', 20, 'a transaction with more than goes in');
is(status('stored_at_once') - $before, 17, 'stores what goes over a quarter of the buffer itself');
$before = status('stored_at_once');
sql($node, "SELECT bizmetrics.log_event_async('huge', (SELECT jsonb_build_object('long', repeat('x', 1000000))))");
is(events('huge'), 1, 'so it does with an event that is larger than the buffer');
my @open;
for (1 .. 3)
{
	push @open, $node->background_psql('postgres');
	$open[-1]->query_safe("BEGIN; $many");
}
cmp_ok(status('used_bytes'), '<=', 98304 + 8192, 'one database leaves some of the buffer to others');
log_async('in a full buffer');
is(events('in a full buffer'), 1, 'an event in a full buffer is stored at once');
$before = status('queued', db => 'two');
log_async('beside a full buffer', db => 'two');
is(status('queued', db => 'two') - $before, 1, 'and waits as usual in another database');
$_->query_safe('ROLLBACK') for @open;
$_->quit for @open;
is(status('used_bytes < 30000'), 't', 'what was reserved is free again');
is(events('large'), 20, 'and nothing came of what was rolled back');

# A session that dies gives back what it had.
my $dying = $node->background_psql('postgres', on_error_stop => 0);
$dying->query_safe("BEGIN; $many");
my $pid = $dying->query_safe('SELECT pg_backend_pid()');
sql($node, "SELECT pg_terminate_backend($pid)");
wait_for($node, 'SELECT used_bytes < 30000 FROM bizmetrics.buffer_status', 'so is what a session had that was terminated');
eval { $dying->quit };

# ---- rejects ----

sql($node, q{ALTER TABLE business_events ADD CONSTRAINT mine CHECK (event_name <> 'bad')});
sql($node, q{SELECT bizmetrics.log_event_async(n) FROM unnest('{good 1,bad,good 2}'::text[]) AS n});
wait_for_event($_, 1, "$_ is stored") for 'good 1', 'good 2';
is(rejects(), 'bad|log_event_async||23514', 'what a CHECK refuses is a reject');
sql($node, q{ALTER TABLE business_events DROP CONSTRAINT mine});
is(sql($node, 'SELECT bizmetrics.replay_rejects()'), 1, 'which can be tried again');
is(events('bad'), 1, 'and is stored then');
sql($node, q{ALTER SYSTEM SET bizmetrics.max_partitions = 1});
$node->reload;
wait_for($node, q{SELECT current_setting('bizmetrics.max_partitions') = '1'}, 'no more partitions');
sql($node, q{SELECT bizmetrics.log_event_async('far', occurred_at => t) FROM unnest('{2001-01-01,2002-01-01}'::timestamptz[]) AS t; SELECT bizmetrics.log_event_async('near')});
wait_for_event('near', 1, 'an event of now is stored');
is(rejects(), "far|log_event_async||53400\nfar|log_event_async||53400", 'those that there is no partition for are rejects');
is(status('rejected'), 3, 'and counted');
sql($node, q{ALTER SYSTEM RESET bizmetrics.max_partitions});
$node->reload;

# ---- triggers that are deferred ----

# They are fired with the event, and what they log is stored too, whoever stores it.
sql($node, q{DELETE FROM bizmetrics.event_rejects;
  CREATE FUNCTION public.follow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.event_name = 'refused' THEN RAISE 'no' USING ERRCODE = 'check_violation'; END IF;
    IF NEW.event_name LIKE 'step _' THEN PERFORM bizmetrics.log_event_async(NEW.event_name || '+', jsonb_build_object('long', repeat('x', 3000))); END IF;
    RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER follow AFTER INSERT ON business_events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.follow()});
$before = status('queued');
sql($node, q{SELECT bizmetrics.log_event_async(n) FROM unnest('{step 1,refused,not refused}'::text[]) AS n});
wait_for_event($_, 1, "$_ is stored") for 'step 1', 'step 1+', 'not refused';
is(rejects(), 'refused|log_event_async||23514', 'what a deferred trigger refuses is a reject');
is(sql_state($node, q{BEGIN; SELECT bizmetrics.log_event_async('refused'); PREPARE TRANSACTION 'deferred'}), '23514', 'or keeps its transaction from being prepared');
sql($node, q{BEGIN; SELECT bizmetrics.log_event_async(n) FROM unnest('{step 2,last}'::text[]) AS n; PREPARE TRANSACTION 'deferred'});
sql($node, q{COMMIT PREPARED 'deferred'});
is(join(',', map { events($_) } 'step 2', 'last', 'step 2+'), '1,1,1', 'one that is prepared has stored what its trigger logged');
is(status('queued') - $before, 4, 'and nothing else was queued');
sql($node, 'DROP TRIGGER follow ON business_events');

# ---- internal errors ----

# "tuple concurrently updated" is one: once with the batch, once alone, and then no more.
sql($node, q{DELETE FROM bizmetrics.event_rejects;
  CREATE SEQUENCE public.tries;
  CREATE FUNCTION public.stumble() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    IF NEW.event_name = 'stumbled' AND nextval('public.tries') <= 2 OR NEW.event_name = 'fallen' THEN RAISE 'tuple concurrently updated' USING ERRCODE = 'internal_error'; END IF;
    RETURN NEW; END $$;
  CREATE TRIGGER stumble BEFORE INSERT ON business_events FOR EACH ROW EXECUTE FUNCTION public.stumble()});
sql($node, q{SELECT bizmetrics.log_event_async(n) FROM unnest('{stumbled,fallen,walked}'::text[]) AS n});
wait_for_event($_, 1, "$_ is stored") for 'stumbled', 'walked';
is(rejects(), 'fallen|log_event_async||XX000', 'an internal error that comes again is a reject');
sql($node, 'DROP TRIGGER stumble ON business_events');

# ---- trouble that passes ----

my $offset = -s $node->logfile;
my $blocker = $node->background_psql('postgres');
set_interval('1min');
log_async('locked out') for 1 .. 5;
$blocker->query_safe('BEGIN; LOCK TABLE business_events IN ACCESS EXCLUSIVE MODE');
set_interval('10ms');
ok($node->wait_for_log(qr/LOG:  events of log_event_async\(\) cannot be stored at present: canceling statement due to lock timeout/, $offset), 'what keeps it is logged');
$blocker->query_safe('COMMIT');
wait_for_event('locked out', 5, 'and the events stored when it has passed');
ok($node->wait_for_log(qr/LOG:  events of log_event_async\(\) are stored again/, $offset), 'which is logged too');
is(log_count($node, 'cannot be stored at present', $offset), 1, 'once an episode');

# A key that somebody is claiming keeps its own event waiting and no other.
$blocker->query_safe(q{BEGIN; SELECT bizmetrics.log_event('claimed', dedupe_key => 'claimed')});
$before = status('stored');
sql($node, q{SELECT bizmetrics.log_event_async('claimed', dedupe_key => 'claimed'); SELECT bizmetrics.log_event_async('beside it')});
wait_for_event('beside it', 1, 'an event beside one whose key is being claimed');
is(status('waiting'), 1, 'which waits');
$before = status('stored_at_once');
log_async('later');
wait_for_event('later', 1, 'nor does it trouble those that come later');
is(status('stored_at_once'), $before, 'which wait for the flusher as usual');
$blocker->query_safe('ROLLBACK');
wait_for_event('claimed', 1, 'until the claim is decided');
$blocker->quit;

# ---- a flusher that is told to end ----

set_interval('1min');
$_->query_safe('COMMIT') for @holders;
log_async('before the end');
my ($flusher) = sql($node, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'bizmetrics flusher' AND datname = 'postgres'");
is(events('before the end'), 0, 'an event waits');
sql($node, "SELECT pg_terminate_backend($flusher)");
wait_for($node, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $flusher)", 'a flusher that is terminated ends');
is(events('before the end') . events('held'), '12', 'and has stored what waited');
$_->quit for @holders;

# ---- dropped ----

sub trouble
{
	my ($database) = @_;
	sql($node, q{CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.event_name LIKE 'stuck%' THEN RAISE 'not now' USING ERRCODE = 'disk_full'; END IF; RETURN NEW; END $$;
	  CREATE TRIGGER refuse BEFORE INSERT ON business_events FOR EACH ROW EXECUTE FUNCTION public.refuse()}, db => $database);
	return;
}

set_interval('1min');
make_database($node, 'gone');
$before = status('used_bytes');
$holder = hold(db => 'gone');
trouble('gone');
$holder->query_safe(q{SELECT bizmetrics.log_event_async('stuck'); COMMIT});
$holder->quit;
$offset = -s $node->logfile;
is(sql_state($node, 'DROP DATABASE gone WITH (FORCE)'), '', 'a database is dropped by force with events that cannot be stored');
ok($node->wait_for_log(qr/events of log_event_async\(\) were discarded: database \d+ was dropped/, $offset), 'they are discarded');
is(status('used_bytes'), $before, 'and keep no room');
@holders = hold();

log_async('without its extension');
is(status('waiting'), 1, 'an event waits');
sql($node, 'DROP VIEW bizmetrics.business_events_guard; DROP EXTENSION bizmetrics');
$offset = -s $node->logfile;
$holders[0]->query_safe('COMMIT');
set_interval('10ms');
ok($node->wait_for_log(qr/2 events of log_event_async\(\) were discarded: the extension was dropped/, $offset), 'so are those of an extension that was dropped');
sql($node, 'CREATE EXTENSION bizmetrics');
is(status('discarded, waiting, used_bytes'), '2|0|0', 'and counted');
$_->quit for @holders;

# ---- where the worker does not come ----

wait_for($node, $no_flusher, 'no flusher is left');
sql($node, q{ALTER SYSTEM SET bizmetrics.databases = 'two'});
$node->reload;
wait_for($node, q{SELECT current_setting('bizmetrics.databases') = 'two'}, 'the worker does not serve the database');
log_async('not served') for 1 .. 3;
is(events('not served'), 3, 'events are stored at once');
is(sql($node, "SELECT $no_flusher"), 't', 'and no flusher comes');
sql($node, q{ALTER SYSTEM RESET bizmetrics.databases});
$node->reload;
hold()->quit;
pass('it does when the database is named again');

# ---- without a buffer, and without the library ----

$node->append_conf('postgresql.conf', 'bizmetrics.buffer_size = 0');
$node->restart;
log_async('no buffer');
is(events('no buffer') . '|' . status('size_bytes, queued'), '1|0|0', 'without a buffer events are stored at once');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
log_async('no library');
is(events('no library') . '|' . status('size_bytes, queued'), '1|0|0', 'so they are where the library is not preloaded');

$node->stop;
done_testing();
