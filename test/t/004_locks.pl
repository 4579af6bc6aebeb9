# Promise: a report never runs twice at a time, and its lock is out of the reach of SQL: a report
# that drops every advisory lock it can keeps it, and nobody else can take it.
#
# Reports wait for advisory lock 1, which the test holds as long as it wants to look at them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $node = make_node('main');

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);
sql($node, 'CREATE ROLE mallory LOGIN');

# ---- a report that drops its locks ----

make_report($node, 'careless',
	query => 'SELECT now(), concat(pg_advisory_unlock_all(), pg_advisory_lock_shared(1))');
my $waiting = "SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:careless' AND wait_event = 'advisory'";
my $gate = block($node);
set_clock($node, '2031-03-03 12:01:00+00');
wait_for($node, "EXISTS ($waiting)", 'a report that called pg_advisory_unlock_all() runs on');
is( sql($node, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid NOT IN (1, 2) AND granted AND mode = 'ExclusiveLock'"),
	1,
	'and has its lock, which is of no kind that SQL takes');

is(sql_state($node, "SELECT bizmetrics.run_report('careless')", user => 'author'),
	'55006', 'its owner cannot run it beside');
is(sql_state($node, "SELECT bizmetrics.drop_report('careless')", user => 'author'),
	'55006', 'nor drop it');
sql($node, "SELECT bizmetrics.request_run('careless')", user => 'author');
sql($node, "SELECT bizmetrics.request_run('careless')", user => 'author');
set_clock($node, '2031-03-03 12:05:00+00');
settle($node, busy => 1);
is(runs($node, 'careless'), '12:01|1|schedule|running|', 'nor do a request or the next slots');

# A scheduler that did not start the runner must not take the run for a crashed one.
my ($scheduler) = worker_pids($node, 'scheduler');
sql($node, "SELECT pg_terminate_backend($scheduler)");
wait_for($node, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $scheduler)", 'the scheduler dies');
set_clock($node, '2031-03-03 12:06:00+00');
settle($node, busy => 1);
is(runs($node, 'careless'), '12:01|1|schedule|running|', 'nor another scheduler');

$gate->quit;
wait_for_run($node, 'careless', 1);
set_clock($node, '2031-03-03 12:06:40+00');
wait_for_run($node, 'careless', 2);
settle($node);
is( join("\n", sort split /\n/, runs($node, 'careless')),
	"12:01|1|schedule|succeeded|\n|1|request|succeeded|",
	'then one run for the requests, and none for slots that fired meanwhile');
is(sql($node, 'SELECT count(*) FROM analytics.careless'), 2, 'and the rows of each');
sql($node, "SELECT bizmetrics.drop_report('careless')");

# ---- the same, and an error after it ----

make_report($node, 'clumsy',
	query => 'SELECT now(), concat(pg_advisory_unlock_all(), 1 / (extract(epoch FROM now()) * 0))');
set_clock($node, '2031-03-03 12:07:00+00');
wait_for_run($node, 'clumsy', 1);
is(runs($node, 'clumsy'), '12:07|1|schedule|failed|22012', 'its failure is recorded as such');
sql($node, "SELECT bizmetrics.drop_report('clumsy')");

# ---- run_report() holds the lock until its transaction ends ----

make_report($node, 'manual');
my $session = $node->background_psql('postgres', extra_params => [ '-U', 'author' ]);
$session->query_safe('BEGIN');
$session->query_safe("SELECT bizmetrics.run_report('manual')");
$session->query_safe('SELECT pg_advisory_unlock_all()');
is(sql_state($node, "SELECT bizmetrics.run_report('manual')", user => 'author'),
	'55006', 'no second run_report() beside an open one');
set_clock($node, '2031-03-03 12:08:00+00');
settle($node, busy => 1);
is(runs($node, 'manual'), '', 'and no run of the worker');
$session->query_safe('ROLLBACK');
$session->quit;
wait_for_slot($node, 'manual', '2031-03-03 12:09:00+00', name => 'the slots run once it has ended');
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'manual' AND trigger = 'manual'"),
	0, 'what was rolled back never was');

# ---- another role that takes every advisory lock it can think of ----

$session = $node->background_psql('postgres', extra_params => [ '-U', 'mallory' ]);
$session->query_safe($_)
  for 'SELECT count(pg_advisory_lock(n)) FROM generate_series(-1, 50) n',
  'SELECT count(pg_advisory_lock_shared(n)) FROM generate_series(-1, 50) n',
  'SELECT count(pg_advisory_lock(a, n)) FROM unnest(ARRAY[0, 1, 2, 2834]) a, generate_series(-1, 50) n',
  'SELECT count(pg_advisory_lock(n, a)) FROM unnest(ARRAY[0, 1, 2, 2834]) a, generate_series(-1, 50) n',
  'SELECT count(pg_advisory_lock(oid::int, n)) FROM pg_database, generate_series(-1, 50) n',
  'SELECT count(pg_advisory_lock((2834::bigint << 32) + n)) FROM generate_series(-1, 50) n',
  'BEGIN', 'SELECT count(pg_advisory_xact_lock(n)) FROM generate_series(-1, 50) n',
  'SELECT count(pg_advisory_xact_lock_shared(0, n)) FROM generate_series(-1, 50) n';
wait_for_slot($node, 'manual', '2031-03-03 12:10:00+00', name => 'blocks no report');
is(sql_state($node, "SELECT bizmetrics.run_report('manual')", user => 'author'), '', 'nor run_report()');
is( sql($node, "SELECT DISTINCT objsubid FROM pg_locks WHERE locktype = 'advisory' ORDER BY 1"),
	"1\n2",
	'every lock that SQL takes is of kind 1 or 2');
$session->query_safe('ROLLBACK');
$session->quit;

$node->stop;
done_testing();
