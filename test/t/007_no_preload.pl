# Promise: without shared_preload_libraries everything but the worker works, what needs the worker
# says what to set, and once it is set the reports that were registered run.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
sql($node, 'CREATE EXTENSION bizmetrics; CREATE EXTENSION bizmetrics_test');
sql($node, 'CREATE ROLE writer LOGIN');
sql($node, "SELECT bizmetrics.grant_writer('writer')");
make_author($node);

like(sql($node, "SELECT bizmetrics.log_event('order_paid', '{\"value\": 1}')", user => 'writer'),
	qr/^[0-9a-f-]{36}$/, 'log_event() works');
make_report($node, 'sales', query => 'SELECT now(), count(*)::text FROM business_events');
is(sql($node, "SELECT state, row_count FROM bizmetrics.run_report('sales')", user => 'author'),
	'succeeded|1', 'create_report() and run_report() work');
is(runs($node, 'sales'), '|1|manual|succeeded|', 'the run is recorded');

my ($state, $error) = sql_state($node, "SELECT bizmetrics.request_run('sales')", user => 'author');
is($state, '55000', 'request_run() needs the worker');
like($error, qr/HINT:.*shared_preload_libraries = 'bizmetrics'/, 'and says what to set');

is(sql($node, 'SELECT process, pid, state FROM bizmetrics.worker_status'), 'launcher||not preloaded', 'worker_status says so too');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'bizmetrics,bizmetrics_test'");
$node->restart;
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'bizmetrics launcher')",
	'with it the launcher runs');
set_clock($node, '2031-03-03 12:01:00+00');
wait_for($node, "SELECT count(*) = 1 FROM bizmetrics.report_runs WHERE report_name = 'sales' AND trigger = 'schedule' AND state = 'succeeded'",
	'and the report');
is(sql_state($node, "SELECT bizmetrics.request_run('sales')", user => 'author'), '', 'request_run() is content');
wait_for($node, "SELECT count(*) = 1 FROM bizmetrics.report_runs WHERE report_name = 'sales' AND trigger = 'request' AND state = 'succeeded'",
	'and runs it');

$node->stop;
done_testing();
