# Promise: every run comes to an end: what is permanent is not tried again, a slot that comes before the
# next attempt replaces the run, whoever may cancels, time that is up ends also what does not want to
# end, and a report that crashes is let alone for a while, then for good. The end is told of, with why.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('main', [ 'restart_after_crash = on', 'bizmetrics_test.keep_clock = on' ]);

sub status
{
	my ($name, $columns) = @_;
	return sql($node, "SET timezone = 'UTC'; SELECT $columns FROM bizmetrics.report_status WHERE report_name = '$name'");
}

sub reason
{
	my ($name) = @_;
	return sql($node, "SELECT reason FROM bizmetrics.report_runs WHERE report_name = '$name' ORDER BY run_id DESC LIMIT 1");
}

sub run_id
{
	my ($name) = @_;
	return sql($node, "SELECT max(run_id) FROM bizmetrics.report_runs WHERE report_name = '$name' AND state <> 'skipped'");
}

# The process that runs a report, once it sleeps.
sub asleep
{
	my ($name) = @_;
	my $runner = "SELECT pid FROM pg_stat_activity WHERE application_name = 'bizmetrics:$name' AND wait_event = 'PgSleep'";
	wait_for($node, "EXISTS ($runner)", "report $name runs");
	return sql($node, $runner);
}

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);
my $fails = "DO \$\$ BEGIN RAISE EXCEPTION USING ERRCODE = '%s', MESSAGE = 'as told'; END \$\$";

# ---- which errors are tried again ----

my %ends = (
	'all_unique' => ['23505', 'all', 'retrying', ''],
	'all_syntax' => ['42601', 'all', 'waiting', 'permanent'],
	'all_internal' => ['XX000', 'all', 'retrying', ''],
	'transient_unique' => ['23505', 'transient', 'waiting', 'permanent'],
	'transient_lock' => ['55P03', 'transient', 'retrying', ''],
	'transient_serialization' => ['40001', 'transient', 'retrying', ''],
	'transient_memory' => ['53200', 'transient', 'retrying', ''],
	'transient_io' => ['58030', 'transient', 'retrying', '']);
make_report($node, $_, query => sprintf($fails, $ends{$_}[0]), schedule => '0 13 * * *',
	more => "retry_on => '$ends{$_}[1]', max_attempts => 2")
  for sort keys %ends;
set_clock($node, '2031-03-03 13:00:00+00');
for my $name (sort keys %ends)
{
	wait_for_run($node, $name, 1);
	is(status($name, 'state'), $ends{$name}[2], "$name: $ends{$name}[0]");
	is(reason($name), $ends{$name}[3], 'and why');
}
set_clock($node, '2031-03-03 13:02:00+00');
wait_for_run($node, 'all_unique', 2);
is(reason('all_unique'), 'max_attempts', 'the last attempt says that it is the last');
sql($node, "SELECT bizmetrics.drop_report('$_')") for keys %ends;

# ---- a slot before the next attempt ----

make_report($node, 'minutely', query => sprintf($fails, '23505'), more => "backoff => '{10min}'");
set_clock($node, '2031-03-03 13:03:00+00');
wait_for_run($node, 'minutely', 1);
is(reason('minutely'), 'superseded', 'a slot that comes before the next attempt replaces the run');
is(status('minutely', 'state, consecutive_failures, attempt'), 'waiting|1|0', 'which has failed');
set_clock($node, '2031-03-03 13:04:00+00');
wait_for_run($node, 'minutely', 2);
is(last_run($node, 'minutely'), '13:04|1|schedule|failed|23505', 'and the slot begins anew');
sql($node, "SELECT bizmetrics.drop_report('minutely')");
make_report($node, 'each', query => sprintf($fails, '23505'), more => "backoff => '{150s}', misfire => 'each', max_attempts => 2");
set_clock($node, '2031-03-03 13:05:00+00');
wait_for_run($node, 'each', 1);
is(status('each', 'state'), 'retrying', 'unless each slot is run');
set_clock($node, '2031-03-03 13:08:00+00');
wait_for_run($node, 'each', 3);
is((split /\n/, runs($node, 'each'))[$_], ('13:05|1|schedule|failed|23505', '13:05|2|schedule|failed|23505', '13:06|1|schedule|failed|23505')[$_],
	"each slot has its attempts: $_") for 0 .. 2;
sql($node, "SELECT bizmetrics.drop_report('each')");

# ---- cancelled ----

sql($node, 'CREATE ROLE stranger LOGIN; CREATE ROLE signaller LOGIN; GRANT pg_signal_backend TO signaller; GRANT USAGE ON SCHEMA bizmetrics TO stranger; GRANT EXECUTE ON FUNCTION bizmetrics.cancel_run(bigint) TO stranger');
make_report($node, 'long', schedule => '@hourly', query => 'SELECT now(), pg_sleep(600)::text');
my $hour = 14;
for my $user (undef, 'author', 'signaller')
{
	set_clock($node, "2031-03-03 $hour:00:00+00");
	asleep('long');
	my $run = run_id('long');
	is(sql_state($node, "SELECT bizmetrics.cancel_run($run)", user => 'stranger'), '42501', 'a stranger cancels nothing');
	is(sql($node, "SELECT bizmetrics.cancel_run($run)", $user ? (user => $user) : ()), 't', 'cancel_run() as ' . ($user // 'superuser'));
	wait_for_run($node, 'long', $hour - 13);
	is(last_run($node, 'long'), "$hour:00|1|schedule|cancelled|57014", 'ends the run');
	is(status('long', 'state, attempt') . reason('long'), 'waiting|0cancelled', 'for good');
	is(sql($node, "SELECT bizmetrics.cancel_run($run)"), 'f', 'once');
	$hour++;
}
is(sql_state($node, 'SELECT bizmetrics.cancel_run(0)'), '42704', 'no such run');
is(sql_state($node, 'SELECT bizmetrics.cancel_run(NULL)'), '22004', 'nor NULL');

# One that runs by hand, in another session.
my $session = $node->background_psql('postgres', extra_params => [ '-U', 'author' ], on_error_stop => 0);
$session->query_until(qr/begun/, "\\echo begun\nSELECT state FROM bizmetrics.run_report('long');\n\\echo ended\n");
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE query ~ '^SELECT state FROM bizmetrics.run_report' AND wait_event = 'PgSleep')", 'a report runs by hand');
my $by_hand = sql($node, 'SELECT last_value FROM bizmetrics.run_id_seq');
is(sql($node, "SELECT bizmetrics.cancel_run($by_hand)", user => 'signaller'), 't', 'it can be cancelled too');
wait_for($node, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')", 'and ends');
$session->quit;
sql($node, "SELECT bizmetrics.drop_report('long')");

# One that waits for its next attempt.
make_report($node, 'waits', schedule => '@hourly', query => sprintf($fails, '23505'));
set_clock($node, '2031-03-03 17:00:00+00');
wait_for_run($node, 'waits', 1);
is(sql($node, 'SELECT bizmetrics.cancel_run(' . run_id('waits') . ')', user => 'author'), 't', 'the wait for an attempt is cancelled');
is(status('waits', 'state, consecutive_failures') . reason('waits'), 'waiting|1cancelled', 'and the run has failed');
set_clock($node, '2031-03-03 17:05:00+00');
settle($node);
is(runs($node, 'waits'), '17:00|1|schedule|failed|23505', 'there is no other attempt');
set_clock($node, '2031-03-03 18:00:00+00');
wait_for_run($node, 'waits', 2);
sql($node, "SELECT bizmetrics.reset_report('waits')", user => 'author');
is(status('waits', 'state, consecutive_failures, next_slot'), 'waiting|0|2031-03-03 19:00:00+00', 'reset_report() forgets where it stands');
sql($node, "SELECT bizmetrics.drop_report('waits')");

# ---- a lock that is not to be had ----

sql($node, 'CREATE TABLE analytics.locked (n int); GRANT ALL ON analytics.locked TO author');
make_report($node, 'timeouts', schedule => '@hourly', query => "SELECT now(), current_setting('lock_timeout')");
make_report($node, 'locks', schedule => '@hourly', query => 'SELECT now(), count(*)::text FROM analytics.locked');
set_clock($node, '2031-03-03 19:00:00+00');
wait_for_run($node, 'timeouts', 1);
wait_for_run($node, 'locks', 1);
is(sql($node, 'SELECT value FROM analytics.timeouts'), '30s', 'a report does not wait for a lock for ever');
sql($node, "ALTER ROLE author SET lock_timeout = '50ms'");
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK analytics.locked');
set_clock($node, '2031-03-03 20:00:00+00');
wait_for_run($node, 'locks', 2);
is(last_run($node, 'locks'), '20:00|1|schedule|failed|55P03', 'the role says how long');
is(status('locks', 'state'), 'retrying', 'and it is tried again');
$locker->quit;
sql($node, 'ALTER ROLE author RESET lock_timeout');
sql($node, "SELECT bizmetrics.drop_report(n) FROM unnest('{locks,timeouts}'::text[]) n");

# ---- what catches its cancel is terminated ----

sql($node, <<'SQL', user => 'author');
CREATE TABLE analytics.stubborn_caught (n int);
CREATE FUNCTION analytics.never_ends() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  LOOP
    BEGIN
      PERFORM pg_sleep(600);
    EXCEPTION WHEN query_canceled OR OTHERS THEN
      RAISE LOG 'never_ends() goes on';
    END;
  END LOOP;
END $$
SQL
make_report($node, 'stubborn', schedule => '0 21 * * *', query => 'SELECT now(), analytics.never_ends()',
	more => "timeout => '10 minutes', max_attempts => 2");
make_report($node, 'beside');
set_clock($node, '2031-03-03 21:00:00+00');
my $runner = asleep('stubborn');
my $offset = -s $node->logfile;
set_clock($node, '2031-03-03 21:09:59+00');
settle($node, busy => 1);
is(log_count($node, 'never_ends\(\) goes on', $offset), 0, 'nobody cancels it before its time is up');
set_clock($node, '2031-03-03 21:10:01+00');
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	last if log_count($node, 'never_ends\(\) goes on', $offset) > 0;
	select undef, undef, undef, 0.1;
}
is(log_count($node, 'never_ends\(\) goes on', $offset), 1, 'then it is cancelled, which it catches');
set_clock($node, '2031-03-03 21:10:29+00');
settle($node, busy => 1);
is(sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $runner"), 1, 'it has half a minute to end');
is(log_count($node, 'never_ends\(\) goes on', $offset), 1, 'and is cancelled once');
set_clock($node, '2031-03-03 21:10:31+00');
wait_for($node, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $runner)", 'then it is terminated');
wait_for_run($node, 'stubborn', 1);
is(runs($node, 'stubborn'), '21:00|1|schedule|timed_out|57014', 'and has timed out');
is(status('stubborn', 'state, consecutive_failures'), 'retrying|0', 'which is tried again');
is(log_count($node, 'report "stubborn" is terminated', $offset), 1, 'the log tells');
wait_for_slot($node, 'beside', '2031-03-03 21:11:00+00', name => 'others run on');
sql($node, "SELECT bizmetrics.drop_report(n) FROM unnest('{stubborn,beside}'::text[]) n");

# ---- crashes ----

make_report($node, 'crash', query => 'SELECT now(), pg_sleep(600)::text', more => "backoff => '{1s}', max_attempts => 2");
my $begin = '2031-03-03 22:00:00+00';
for my $crash (1 .. 3)
{
	set_clock($node, $begin);
	kill 'KILL', asleep('crash');
	poll($node, 'postgres', "SELECT count(*) = 0 FROM bizmetrics.report_runs WHERE state = 'running'");
	is((last_run($node, 'crash') =~ /(crashed.*)/)[0], 'crashed|57P02', "crash $crash");
	last if $crash == 3;
	cmp_ok(status('crash', 'extract(epoch FROM next_attempt_at - bizmetrics_test.clock())'), '>=', 300, 'is followed by five minutes of peace');
	set_clock($node, status('crash', "next_attempt_at - interval '3 s'"));
	settle($node);
	is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'crash' AND state <> 'skipped'"), $crash, 'also for its slots');
	$begin = status('crash', "date_trunc('minute', next_attempt_at + interval '1 min')");
}
is(status('crash', 'state') . reason('crash'), 'quarantinedquarantined', 'three in a row are enough');
is(log_count($node, 'report "crash" is in quarantine'), 1, 'the log tells');
set_clock($node, '2031-03-03 23:00:00+00');
settle($node);
is(runs($node, 'crash') =~ tr/\n//, 2, 'it does not run any more');
is(sql_state($node, "SELECT bizmetrics.request_run('crash')"), '55000', 'nor when asked for');
sql($node, "SELECT bizmetrics.alter_report('crash', query => 'INSERT INTO analytics.crash SELECT now(), 1', misfire => 'once')", user => 'author');
wait_for_run($node, 'crash', 4);
is(last_run($node, 'crash'), '23:00|1|schedule|succeeded|', 'until it is altered');
is(sql($node, "SELECT consecutive_crashes FROM bizmetrics.report_state s JOIN bizmetrics.reports USING (report_id) WHERE report_name = 'crash'"), 0, 'and the count begins anew');
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE state = 'running' OR finished_at IS NULL"), 0, 'no run is open in the end');

$node->stop;
done_testing();
