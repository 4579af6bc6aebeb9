# Promise: an upgrade needs no stop of the applications. ALTER EXTENSION UPDATE goes through in the middle of a run,
# which ends as it would have. Between the installation of a new version, the restart that loads its library and ALTER
# EXTENSION UPDATE in each database, the library may be newer than a database's objects, or older: then what does not
# fit is refused, by name and with what to do, no report runs there, the log says so once, events are logged, and the
# other databases are served. It goes on by itself.
#
# The versions beside the one at hand are of the test's making, in a private copy of PostgreSQL's folders.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($installation, $extensions) = install_privately();
my $node = PostgreSQL::Test::Cluster->new('private', install_path => $installation);
$node->init;
$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'bizmetrics,bizmetrics_test'
max_worker_processes = 32
fsync = off
CONF
$node->start;
sql($node, 'CREATE EXTENSION bizmetrics_test');
my $version = sql($node, "SELECT default_version FROM pg_available_extensions WHERE name = 'bizmetrics'");
my $script = slurp_file("$extensions/bizmetrics--$version.sql");

sub write_script
{
	my ($name, $text) = @_;

	append_to_file("$extensions/bizmetrics--$name.sql", $text);
	return;
}

# Says which version is installed, as a package that is upgraded does.
sub install_version
{
	my ($installed) = @_;
	my $control = slurp_file("$extensions/bizmetrics.control");

	unlink "$extensions/bizmetrics.control";
	append_to_file("$extensions/bizmetrics.control", $control =~ s/^default_version.*$/default_version = '$installed'/mr);
	return;
}

sub findings { my ($db) = @_; return sql($node, "SELECT severity, subject FROM bizmetrics.doctor() ORDER BY 1, 2", db => $db); }
sub told { return log_count($node, 'bizmetrics runs nothing in database "' . $_[0] . '"'); }

# The one before has a table with a column less, the next one a view more, and the one after that a column more.
write_script('before', $script . <<'SQL');
DROP TABLE bizmetrics.run_requests;
CREATE TABLE bizmetrics.run_requests (request_id bigint PRIMARY KEY, report_id bigint NOT NULL, requested_at timestamptz NOT NULL);
CREATE INDEX run_requests_report_id_idx ON bizmetrics.run_requests (report_id);
SQL
write_script("before--$version", 'ALTER TABLE bizmetrics.run_requests ADD COLUMN requested_by text NOT NULL;');
my $next = 'CREATE VIEW bizmetrics.new_view AS SELECT 1 AS one;';
write_script('next', $script . $next);
write_script("$version--next", $next);
my $after = 'ALTER TABLE bizmetrics.runs ADD COLUMN new_column text;';
write_script('after', $script . $next . $after);
write_script('next--after', $after);
write_script("$version--far", q{CREATE FUNCTION bizmetrics.new_function() RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'bizmetrics_of_a_newer_library';});

set_clock($node, '2031-03-03 12:00:30+00');
sql($node, 'CREATE DATABASE old');
sql($node, "CREATE EXTENSION bizmetrics VERSION 'before'", db => 'old');
make_database($node, 'postgres');
make_author($node);
make_report($node, 'minutely');

# ---- the library is newer than the objects ----

sql($node, "SELECT bizmetrics.grant_author('author')", db => 'old');
make_report($node, 'waits', db => 'old');
is(findings('old'), "error|worker\nwarning|extension", 'doctor() finds that the objects are older than the library');
is( sql($node, "SELECT problem, remedy FROM bizmetrics.doctor() WHERE subject = 'extension'", db => 'old'),
	"its objects in this database are of version before, and version $version is installed|ALTER EXTENSION bizmetrics UPDATE.", 'and says what to do');
my ($state, $error) = sql_state($node, "SELECT bizmetrics.request_run('waits')", db => 'old');
is($state, '55000', 'the worker cannot run a report');
like($error, qr/table "bizmetrics.run_requests" is not of the version of the library/, 'and why');
($state, $error) = sql_state($node, "SELECT bizmetrics.drop_report('waits')", db => 'old');
is($state, '55000', 'what does not fit is refused');
like($error, qr/HINT:  Use ALTER EXTENSION bizmetrics UPDATE\./, 'with what to do');
is(sql_state($node, "SELECT bizmetrics.log_event('sale', dedupe_key => 'x')", db => 'old'), '', 'events are logged');

for my $minute (1 .. 3)
{
	wait_for_slot($node, 'minutely', "2031-03-03 12:0$minute:00+00", name => 'another database is served');
	poll($node, 'postgres', 'SELECT ' . told('old') . ' > 0') if $minute == 1;
	wait_until_idle($node);
}
is(told('old'), 1, 'the log says once that nothing runs');
is(sql($node, "SELECT count(*) FROM bizmetrics.report_runs", db => 'old'), 0, 'and nothing does');
is(log_count($node, 'ERROR:  table "bizmetrics'), 1, 'nor does any process of ours fail');

sql($node, 'ALTER EXTENSION bizmetrics UPDATE', db => 'old');
is(findings('old'), '', 'with ALTER EXTENSION UPDATE all is well');
set_clock($node, '2031-03-03 12:05:00+00');
wait_for($node, "SELECT count(*) = 1 FROM bizmetrics.report_runs WHERE report_name = 'waits' AND state = 'succeeded'", 'within a minute the reports run', db => 'old');
is(skipped($node, 'waits', db => 'old'), '12:04|missed|4', 'and what fired meanwhile is made up for');
wait_until_idle($node);

# ---- an update in the middle of a run ----

sql($node, "SELECT bizmetrics.drop_report('minutely')");
my $gate = block($node);
make_report($node, 'long', schedule => '@hourly', query => 'SELECT now(), pg_advisory_lock_shared(1)::text');
my $runs = "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:long' AND wait_event = 'advisory')";
set_clock($node, '2031-03-03 13:00:00+00');
wait_for($node, $runs, 'a report is running');
install_version('next');
is(findings('postgres'), "warning|extension\nwarning|library", 'a new version is installed, and nothing of it is here yet');
is(sql($node, "SELECT remedy FROM bizmetrics.doctor() WHERE subject = 'extension'"), 'Restart the server; then ALTER EXTENSION bizmetrics UPDATE.', 'what to do, in this order');
is(sql_state($node, "ALTER EXTENSION bizmetrics UPDATE TO 'far'"), '42883', 'an update that needs the new library fails without it');
is(sql($node, "SELECT extversion FROM pg_extension WHERE extname = 'bizmetrics'"), $version, 'and has changed nothing');
is(sql_state($node, "ALTER EXTENSION bizmetrics UPDATE"), '', 'another one does not wait for the run');
wait_for($node, $runs, 'which goes on');
$gate->quit;
wait_for_run($node, 'long', 1);
is(runs($node, 'long'), '13:00|1|schedule|succeeded|', 'and succeeds');
set_clock($node, '2031-03-03 14:00:00+00');
wait_for_run($node, 'long', 2);
is(last_run($node, 'long'), '14:00|1|schedule|succeeded|', 'as do later ones');
wait_until_idle($node);

# ---- the library is older than the objects ----

$gate = block($node);
set_clock($node, '2031-03-03 15:00:00+00');
wait_for($node, $runs, 'a report is running again');
install_version('after');
sql($node, 'ALTER EXTENSION bizmetrics UPDATE');
like(findings('postgres'), qr/^error\|worker$/m, 'doctor() finds that nothing runs the reports');
like(findings('postgres'), qr/^warning\|library$/m, 'since the library is older than the objects');
($state, $error) = sql_state($node, "SELECT bizmetrics.drop_report('probe')");
is($state, '55000', 'what does not fit is refused');
like($error, qr/HINT:  Restart the server/, 'with what to do');
is(sql_state($node, "SELECT bizmetrics.log_event('sale', dedupe_key => 'x')"), '', 'events are logged');
$gate->quit;
wait_for($node, "NOT $runs", 'the run comes to an end');
wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'bizmetrics runner'", 'and its process leaves');
is(sql($node, "SELECT count(*) FROM analytics.long"), 2, 'with nothing of what it computed: it could not be recorded');
ok($node->wait_for_log(qr/bizmetrics runs nothing in database "postgres"/), 'the log says that nothing runs');
set_clock($node, '2031-03-03 15:01:00+00');
wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'bizmetrics %' AND backend_type <> 'bizmetrics launcher'", 'nobody stays');
set_clock($node, '2031-03-03 15:05:00+00');
wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'bizmetrics %' AND backend_type <> 'bizmetrics launcher'", 'nor later');
is(told('postgres'), 1, 'once');
set_clock($node, '2031-03-03 15:30:00+00');
wait_for($node, "EXISTS (SELECT FROM bizmetrics.report_runs WHERE report_name = 'waits' AND slot = '2031-03-03 15:30+00' AND state = 'succeeded')", 'other databases are served', db => 'old');

$node->stop;
done_testing();
