# Promise: doctor() finds what is wrong with a server, which a session alone cannot bring about: that nothing runs
# the reports, and why; too few processes; a watermark that is behind; transactions that stay open. Each finding
# says what to do, and once that is done it is gone.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_prepared_transactions = 2\nmax_worker_processes = 20");
$node->start;
sql($node, 'CREATE EXTENSION bizmetrics; CREATE EXTENSION bizmetrics_test');

# What is found, a line each, with the settings and statements that its remedy names.
sub findings
{
	my ($columns, %params) = @_;
	return sql($node, "SELECT $columns FROM bizmetrics.doctor()", %params);
}

sub restart_with
{
	$node->append_conf('postgresql.conf', join "\n", @_);
	$node->restart;
	return;
}

# ---- who runs the reports ----

is(findings('severity, subject, problem'), 'error|worker|nothing runs the reports of this database: bizmetrics is not in shared_preload_libraries', 'not preloaded');
like(findings('remedy'), qr/^Set shared_preload_libraries = 'bizmetrics' and restart the server, or SELECT bizmetrics.use_pg_cron\(\)\.$/, 'says what to set');
my $launched = "EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'bizmetrics launcher')";
restart_with("shared_preload_libraries = 'bizmetrics,bizmetrics_test'");
wait_for($node, $launched, 'that is done');
is(findings('problem'), '', 'and all is well');

sql($node, q{ALTER SYSTEM SET bizmetrics.databases = 'other'});
$node->reload;
wait_for($node, q{EXISTS (SELECT FROM bizmetrics.doctor() WHERE subject = 'worker' AND severity = 'error' AND problem LIKE '%bizmetrics.databases%' AND remedy LIKE 'Add this database to bizmetrics.databases%')},
	'a database that the settings leave out');
sql($node, 'ALTER SYSTEM RESET bizmetrics.databases');
$node->reload;
wait_for($node, 'NOT EXISTS (SELECT FROM bizmetrics.doctor())', 'and all is well again');

# ---- too few processes ----

restart_with('max_worker_processes = 6', 'bizmetrics.max_runners = 5');
wait_for($node, $launched, 'fewer processes');
is(findings('severity, subject, problem'), 'warning|max_worker_processes|6 processes are too few: launcher, scheduler, 5 runners and what else runs need 8', 'are too few');
my ($needed) = findings('remedy') =~ /^Raise max_worker_processes to (\d+) or more and restart the server, or lower bizmetrics.max_runners\.$/;
restart_with("max_worker_processes = $needed");
wait_for($node, $launched, 'as many as it says');
is(findings('problem'), '', 'are enough');

# ---- watermarks ----

make_author($node);
sql($node, q{SELECT bizmetrics.ensure_partitions(now() - interval '3 days', now() + interval '1 day')});
sql($node, q{SELECT bizmetrics.create_report('sales', query => 'SELECT event_name, count(*) AS n FROM business_events GROUP BY 1', key => '{event_name}', strategy => 'delta', schedule => '0 0 29 2 *')},
	user => 'author');
sql($node, q{SELECT bizmetrics.log_event('sale')});
sql($node, q{SELECT bizmetrics.run_report('sales')}, user => 'author');
sql($node, q{SELECT bizmetrics.log_event('sale')});
is(findings('problem'), '', 'an event that is new is no trouble');
# Stored by a transaction that began two days ago, and committed after the last run.
sql($node, q{INSERT INTO public.business_events (event_name, recorded_at) VALUES ('sale', now() - interval '2 days 1 minute')});
is( findings('severity, subject, problem'),
	'warning|report sales|its watermark is 2 days 00:01:00 behind: 2 events that were stored before its last success are not in it',
	'a watermark that is behind');
like(findings('remedy'), qr/see oldest_writer of bizmetrics.report_status, and run it with request_run\(\)/, 'says what to do');
sql($node, q{SELECT bizmetrics.request_run('sales')});
wait_for_run($node, 'sales', 2);
is(findings('problem'), '', 'which is done');

# ---- transactions that stay open ----

# An hour is too long for a test: the same definitions with a shorter limit.
for my $part (qw(watermarks events))
{
	my $definition = sql($node, "SELECT pg_get_functiondef('bizmetrics.doctor_$part'::regproc)");
	like($definition, qr/interval '1 hour'/, "doctor_$part() has a limit of an hour");
	sql($node, $definition =~ s/interval '1 hour'/interval '0'/r);
}
is(findings('problem'), '', 'nothing is open');
my $writer = $node->background_psql('postgres');
my $pid = $writer->query_safe(q{BEGIN; SELECT FROM bizmetrics.log_event('sale')}) . $writer->query_safe('SELECT pg_backend_pid()');
is(findings('severity, subject, problem'), "warning|process $pid|its transaction has logged events and been open for more than an hour: what it logged is in no report", 'a writer');
is(findings('remedy'), "Let it commit, or end it: pg_terminate_backend($pid).", 'says how to end it');
sql($node, "SELECT pg_terminate_backend($pid, 10000)");
eval { $writer->quit };
is(findings('problem'), '', 'which is done');
sql($node, q{BEGIN; SELECT bizmetrics.log_event('sale'); PREPARE TRANSACTION 'forgotten'});
is(findings('severity, subject'), 'warning|prepared transaction forgotten', 'a prepared transaction');
like(findings('remedy'), qr/^COMMIT PREPARED 'forgotten' or ROLLBACK PREPARED 'forgotten'\.$/, 'says how to end it');
sql($node, q{COMMIT PREPARED 'forgotten'});
is(findings('problem'), '', 'which is done');

# ---- vacuum ----

restart_with('autovacuum = off');
wait_for($node, $launched, 'without autovacuum');
is(findings('severity, subject, remedy'), 'warning|autovacuum|Turn autovacuum on.', 'that is told of');

$node->stop;
done_testing();
