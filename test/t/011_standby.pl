# Promise: a standby runs no report and says so; once it is promoted it finds the run that the
# primary left open, closes and repeats it, and goes on with the schedule.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $primary = make_node('primary', [], allows_streaming => 1);
set_clock($primary, '2031-03-03 12:00:30+00');
make_database($primary, 'postgres');
make_author($primary);
sql($primary, 'CREATE TABLE analytics.go (n int); GRANT SELECT ON analytics.go TO author');
make_report($primary, 'minutely');
make_report($primary, 'nap', schedule => '2 * * * *',
	query => 'SELECT now(), pg_sleep(CASE WHEN EXISTS (SELECT FROM analytics.go) THEN 0 ELSE 600 END)::text');
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# ---- a standby ----

is(sql($standby, "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'bizmetrics%'"), 0, 'a standby has no worker');
set_clock($standby, '2031-03-03 12:01:00+00');
wait_for_slot($primary, 'minutely', '2031-03-03 12:01:00+00', name => 'the primary runs the reports');
settle($primary);
$primary->wait_for_catchup($standby);
is(runs($standby, 'minutely'), '12:01|1|schedule|succeeded|', 'the standby shows the runs of the primary alone');
is(sql_state($standby, "SELECT bizmetrics.$_", user => 'author'), '25006', "$_ is refused there")
  for "request_run('minutely')", "run_report('minutely')", "drop_report('minutely')";
is(sql_state($standby, "SELECT bizmetrics.$_('x')"), '25006', "$_() too") for 'log_event', 'log_event_async';

# ---- promoted in the middle of a run ----

set_clock($primary, '2031-03-03 12:02:00+00');
wait_for($primary, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:nap' AND wait_event = 'PgSleep')",
	'a report runs on the primary');
sql($primary, 'INSERT INTO analytics.go VALUES (1)');
$primary->wait_for_catchup($standby);
is(last_run($standby, 'nap'), '12:02|1|schedule|running|', 'the standby knows');
$primary->stop('immediate');
set_clock($standby, '2031-03-03 12:02:30+00');
$standby->promote;
wait_for($standby, "EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'bizmetrics launcher')", 'the worker starts');
wait_for_run($standby, 'nap', 1);
is(runs($standby, 'nap'), '12:02|1|schedule|crashed|57P02', 'the run is marked crashed');
set_clock($standby, '2031-03-03 12:08:00+00');
wait_for_run($standby, 'nap', 2);
is(last_run($standby, 'nap'), '12:02|2|schedule|succeeded|', 'and tried again');
wait_for_slot($standby, 'minutely', '2031-03-03 12:09:00+00', name => 'the schedule goes on');
is( sql($standby, 'SELECT count(*) - count(DISTINCT (report_id, slot)) FROM bizmetrics.runs WHERE state = \'succeeded\' AND slot IS NOT NULL'),
	0,
	'no slot ran twice');
is( sql($standby, "SELECT slot = '2031-03-03 12:02+00', count(*) FROM bizmetrics.report_runs WHERE report_name = 'nap' AND state = 'succeeded' GROUP BY 1"),
	't|1',
	'the run that was interrupted succeeded once');
is(sql($standby, 'SELECT count(*) FROM analytics.nap'), 1, 'and its rows are there once');
is(sql($standby, "SELECT count(*) FROM bizmetrics.report_runs WHERE state = 'running' OR finished_at IS NULL"), 0, 'no run is open');

$standby->stop;
done_testing();
