# Promise: where bizmetrics is not preloaded, pg_cron drives the reports with the same guarantees: as
# their owners, each slot once, with retries and history; and when the worker appears beside it, no slot
# runs twice and pg_cron's jobs do nothing any more.
#
# pg_cron looks at the real clock: its jobs run every minute. What they call is called by hand too, so
# that only what needs pg_cron waits for it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $share = `pg_config --sharedir`;
chomp $share;
plan skip_all => 'pg_cron is not installed' unless -e "$share/extension/pg_cron.control";

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'pg_cron,bizmetrics_test'
cron.use_background_workers = on
cron.database_name = 'postgres'
max_worker_processes = 32
CONF
$node->start;
sql($node, 'CREATE EXTENSION bizmetrics; CREATE EXTENSION bizmetrics_test');
make_author($node);
make_author($node, name => 'other');

my $call = 'CALL bizmetrics.run_due_reports()';

# ---- by hand: what a job of pg_cron calls ----

is((sql_state($node, 'SELECT bizmetrics.use_pg_cron()'))[0], '55000', 'without pg_cron there is nothing to use');
sql($node, 'CREATE EXTENSION pg_cron');

set_clock($node, '2031-03-03 12:00:30+00');
make_report($node, 'mine');
make_report($node, 'theirs', owner => 'other', query => "SELECT now(), current_user || '/' || session_user");
sql($node, $call, user => 'author');
is(runs($node, 'mine'), '', 'nothing runs before its slot');
set_clock($node, '2031-03-03 12:01:00+00');
sql($node, $call, user => 'author');
is(runs($node, 'mine'), '12:01|1|schedule|succeeded|', 'the due report runs, as from the worker');
is(runs($node, 'theirs'), '', 'and nobody else\'s');
sql($node, $call, user => 'author');
is(runs($node, 'mine'), '12:01|1|schedule|succeeded|', 'once a slot');
sql($node, $call, user => 'other');
is(sql($node, 'SELECT DISTINCT value FROM analytics.theirs'), 'other/other', 'each runs as its owner');

is(sql_state($node, "BEGIN; $call; COMMIT", user => 'author'), '25001', 'not in a transaction block');
is(sql_state($node, "SET ROLE author; $call"), '42501', 'and not as somebody else');
is(sql_state($node, $call), '', 'a superuser runs nobody\'s');

# Failures: recorded, retried, and no others' affair.
make_report($node, 'fails', schedule => '2 * * * *', query => 'SELECT now(), (1 / 0)::text', more => "max_attempts => 2, backoff => '{60s}'");
sql($node, 'CREATE TABLE analytics.deferred (slot timestamptz, value text, UNIQUE (value) DEFERRABLE INITIALLY DEFERRED); ALTER TABLE analytics.deferred OWNER TO author');
make_report($node, 'deferred', query => "SELECT now(), 'x' FROM generate_series(1, 2)", more => 'max_attempts => 1');
sql($node, "ALTER ROLE author SET default_transaction_isolation = 'serializable'");
make_report($node, 'unlocks', query => 'SELECT now(), pg_advisory_unlock_all()::text');
make_report($node, 'slow', schedule => '2 * * * *', query => 'SELECT now(), pg_sleep(60)::text', more => "timeout => '0.1 s', max_attempts => 1");
set_clock($node, '2031-03-03 12:02:00+00');
my ($state, $warnings) = sql_state($node, $call, user => 'author');
unlike($warnings, qr/ERROR/, 'reports that fail do not fail the job');
like($warnings, qr/WARNING:  22012: report "fails" failed: division by zero/, 'but warn');
is(runs($node, 'fails'), '12:02|1|schedule|failed|22012', 'a failure is recorded');
is(runs($node, 'deferred'), '12:02|1|schedule|failed|23505', 'one at commit too');
is(runs($node, 'slow'), '12:02|1|schedule|timed_out|57014', 'one whose time is up, too');
is(runs($node, 'unlocks'), '12:02|1|schedule|succeeded|', 'a report that drops all locks');
is(last_run($node, 'mine'), '12:02|1|schedule|succeeded|', 'and the others run');
is(sql($node, 'SELECT count(*) FROM analytics.deferred'), 0, 'what failed left nothing');
set_clock($node, '2031-03-03 12:03:30+00');
sql($node, $call, user => 'author');
like(runs($node, 'fails'), qr/^12:02\|2\|schedule\|failed\|22012$/m, 'it is tried again');
sql($node, q{ALTER ROLE author SET default_transaction_read_only = on});
set_clock($node, '2031-03-03 12:04:00+00');
sql($node, $call, user => 'author');
is(last_run($node, 'mine'), '12:04|1|schedule|failed|25006', 'read-only by default: recorded all the same');
sql($node, q{ALTER ROLE author RESET default_transaction_read_only});

# One whose session is terminated in the middle, as by a restart, says so, is tried again at once, and is not
# taken for crashed, however often that happens.
my $gate = block($node);
make_report($node, 'killed', schedule => '5 * * * *', query => 'SELECT now(), pg_advisory_lock_shared(1)::text', more => "backoff => '{1h}', max_attempts => 6");
sql($node, "SELECT bizmetrics.drop_report(n) FROM unnest('{fails,deferred,unlocks,slow,mine}'::text[]) n");
set_clock($node, '2031-03-03 12:05:00+00');

# Has a session call it, until it waits in the report.
sub begin_killed
{
	my $session = $node->background_psql('postgres', extra_params => [ '-U', 'author' ], on_error_stop => 0);
	$session->query_until(qr//, "$call;\n");
	wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:killed' AND wait_event = 'advisory')",
		'pg_stat_activity names the report');
	return $session;
}
my $terminate = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'bizmetrics:killed'";
my $expected = '';
for my $attempt (1 .. 4)
{
	my $session = begin_killed();
	sql($node, $call, user => 'author');
	is(last_run($node, 'killed'), "12:05|$attempt|schedule|running|", 'a second job leaves it alone');
	sql($node, $terminate);
	$expected .= ($expected eq '' ? '' : "\n") . "12:05|$attempt|schedule|failed|57P01";
	is(runs($node, 'killed'), $expected, 'one that is terminated has failed');
	is(sql($node, "SELECT state, next_attempt_at <= bizmetrics_test.clock() FROM bizmetrics.report_status WHERE report_name = 'killed'"), 'retrying|t', 'and need not wait');
	eval { $session->quit };
}

# Where that cannot be recorded, because somebody locks the books, it is found by the next.
my $session = begin_killed();
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE bizmetrics.report_state IN SHARE MODE');
sql($node, $terminate);
$locker->query_safe('ROLLBACK');
$locker->quit;
eval { $session->quit };
$gate->quit;
sql($node, $call, user => 'author');
is(last_run($node, 'killed'), '12:05|5|schedule|crashed|57P02', 'a crash is found by the next');
set_clock($node, '2031-03-03 13:12:00+00');
sql($node, $call, user => 'author');
like(runs($node, 'killed'), qr/^13:05\|1\|schedule\|succeeded\|$/m, 'and its next slot succeeds');
sql($node, "SELECT bizmetrics.drop_report('killed')");

# ---- pg_cron itself ----

is(sql($node, 'SELECT bizmetrics.use_pg_cron()'), 2, 'a superuser makes a job for each owner');
is(sql($node, 'SELECT bizmetrics.use_pg_cron()'), 2, 'again: the same ones');
is( sql($node, 'SELECT username, schedule, command, database FROM cron.job ORDER BY 1'),
	"author|* * * * *|$call|postgres\nother|* * * * *|$call|postgres", 'which run as their owners');
is(sql($node, "SELECT count(*) FROM bizmetrics.doctor() WHERE subject = 'worker'"), 0, 'doctor() is content');
is(sql_state($node, 'SELECT bizmetrics.use_pg_cron()', user => 'author'), '42501', 'who may not use pg_cron makes none');
sql($node, 'GRANT USAGE ON SCHEMA cron TO author');
is(sql($node, 'SELECT bizmetrics.use_pg_cron()', user => 'author'), 1, 'who may makes his own');
is(sql($node, 'SELECT count(*) FROM cron.job'), 2, 'which he had');
is(sql($node, 'SELECT bizmetrics.use_pg_cron(false)', user => 'author'), 1, 'and takes it away');
is(sql($node, 'SELECT bizmetrics.use_pg_cron()'), 2, 'it comes back');

# From here on the clock runs, as pg_cron's does: every second a slot, for both to meet.
sql($node, 'SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status');
sql($node, 'SELECT bizmetrics_test.set_clock(NULL)');
sql($node, 'CREATE TABLE analytics.both (slot timestamptz, value text); ALTER TABLE analytics.both OWNER TO author');
make_report($node, 'both', schedule => '5 seconds', query => 'SELECT now(), pg_backend_pid()::text');
local $PostgreSQL::Test::Utils::timeout_default = 150;
wait_for($node, "EXISTS (SELECT FROM bizmetrics.report_runs WHERE report_name = 'both' AND state = 'succeeded')", 'pg_cron runs the report');
is(sql($node, "SELECT count(*) FROM cron.job_run_details WHERE status = 'failed'"), 0, 'its jobs succeed');

# The worker appears while the jobs go on.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron,bizmetrics,bizmetrics_test'");
$node->restart;
my $before = sql($node, 'SELECT coalesce(max(run_id), 0) FROM bizmetrics.report_runs');
my $jobs = sql($node, 'SELECT count(*) FROM cron.job_run_details');
wait_for($node, "SELECT count(*) >= 3 FROM bizmetrics.report_runs WHERE report_name = 'both' AND run_id > $before AND state = 'succeeded'",
	'the worker runs the report');
wait_for($node, "SELECT count(*) >= $jobs + 2 FROM cron.job_run_details WHERE status = 'succeeded'", 'and pg_cron calls as before');

# The worker lets go of the database, and takes it again, while sessions call all the time.
my @callers = map { $node->background_psql('postgres', extra_params => [ '-U', 'author' ]) } 1 .. 2;
for my $databases (qw(none * none *))
{
	sql($node, "ALTER SYSTEM SET bizmetrics.databases = '$databases'; SELECT pg_reload_conf()");
	my $slots = sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE state = 'succeeded'");
	my $until = time + 60;
	$_->query_safe($call) for (@callers) x 20;
	while (time < $until && sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE state = 'succeeded'") < $slots + 1)
	{
		$_->query_safe($call) for @callers;
	}
}
$_->quit for @callers;
wait_for($node, "SELECT count(*) = 0 FROM bizmetrics.report_runs WHERE state = 'running'", 'all came to an end');
is( sql($node, "SELECT count(*) - count(DISTINCT slot) FROM bizmetrics.report_runs WHERE report_name = 'both' AND state = 'succeeded' AND slot IS NOT NULL"),
	0, 'no slot ran twice');
is( sql($node, "SELECT (SELECT count(*) FROM analytics.both) - (SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'both' AND state = 'succeeded')"),
	0, 'and there is one row for each that succeeded');
is((sql_state($node, 'SELECT bizmetrics.use_pg_cron()'))[0], '55000', 'where the worker serves there is no need of pg_cron');
is(sql($node, 'SELECT bizmetrics.use_pg_cron(false)'), 2, 'whose jobs can be taken away');
is(sql($node, 'SELECT count(*) FROM cron.job'), 0, 'and are gone');

$node->stop;
done_testing();
