# Promise: whoever listens to bizmetrics_runs is told of every run that failed for good, and of
# successes where that is asked for: once, when it is recorded, and not of what is rolled back. How
# far a report is behind is in its status, and create_report() says when it will run.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use JSON::PP;
use Test::More;

my $node = make_node('main');
my $json = JSON::PP->new;
my $heard = 0;

# What was told since the last call, each as "report state attempt sqlstate".
my $listener;
my @messages;

sub told
{
	my $output = $listener->query_safe('SELECT 1');
	my @new = map { $json->decode($_) } $output =~ /notification "bizmetrics_runs" with payload "(.*)" received/g;

	push @messages, @new;
	return join ', ', map { join ' ', map { $_ // '-' } @$_{qw(report state attempt sqlstate)} } @new;
}

sub status
{
	my ($name, $columns) = @_;
	return sql($node, "SET timezone = 'UTC'; SELECT $columns FROM bizmetrics.report_status WHERE report_name = '$name'");
}

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'postgres');
make_author($node);
$listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN bizmetrics_runs');

# ---- what create_report() says ----

my (undef, $notice) = sql_state($node, <<'SQL', user => 'author');
SET client_min_messages = notice;
SELECT bizmetrics.create_report('nightly', 'analytics.nightly', 'INSERT INTO analytics.nightly VALUES (1)', '30 2 * * *',
  ddl => 'CREATE TABLE analytics.nightly (n integer)', timezone => 'Europe/Berlin')
SQL
like($notice, qr/NOTICE: .*report "nightly" runs next at 2031-03-04 02:30:00\+01, 2031-03-05 02:30:00\+01, 2031-03-06 02:30:00\+01$/m,
	'create_report() says when the report will run, in its own time zone');

# ---- failures ----

make_report($node, 'broken', schedule => '1 * * * *', query => "SELECT now(), (1 / 0)::text", more => "max_attempts => 2, backoff => '{60s}'");
make_report($node, 'fine');
set_clock($node, '2031-03-03 12:01:00+00');
wait_for_run($node, 'broken', 1);
wait_for_run($node, 'fine', 1);
is(told(), '', 'nobody is told of a success, or of a failure that is tried again');
is(status('broken', 'expected_slot, lag'), '2031-03-03 12:01:00+00|00:00:00', 'the slot whose result is missing, and how long');
is(status('fine', 'expected_slot IS NULL, lag IS NULL'), 't|t', 'of a report that is up to date nothing');

set_clock($node, '2031-03-03 12:02:30+00');
wait_for_run($node, 'broken', 2);
is(told(), 'broken failed 2 22012', 'but of one whose last attempt failed');
is(join(',', sort keys %{ $messages[-1] }), 'attempt,message,report,rows,run_id,seconds,slot,sqlstate,state,trigger', 'with these facts');
is($messages[-1]{slot}, '2031-03-03T12:01:00+00:00', 'the slot in UTC');
is($messages[-1]{message}, 'division by zero', 'and what went wrong');
is(status('broken', "lag >= '90 s', consecutive_failures"), 't|1', 'a run that failed leaves the report behind');

# ---- all endings ----

sql($node, "ALTER DATABASE postgres SET bizmetrics.notify_runs = 'all'");
sql($node, "SELECT bizmetrics.drop_report('broken')");
settle($node);
told();
set_clock($node, '2031-03-03 12:04:00+00');
wait_for_slot($node, 'fine', '2031-03-03 12:04:00+00');
like(told(), qr/^fine succeeded 1 -$/, 'where asked for, of successes too');
is($messages[-1]{rows}, 1, 'with the rows');
is($messages[-1]{message}, undef, 'and no error');

make_report($node, 'slow', schedule => '@yearly', query => 'SELECT now(), pg_sleep(60)::text', more => "timeout => '0.1 s', max_attempts => 1");
sql($node, "SELECT bizmetrics.request_run('slow')");
wait_for_run($node, 'slow', 1);
is(told(), 'slow timed_out 1 57014', 'one that timed out');

# A run that waits for its next attempt and gets none: cancelled, or a slot came first.
sql($node, "SELECT bizmetrics.pause_report('fine')");
make_report($node, 'waits', query => 'SELECT now(), (1 / 0)::text', schedule => '10 * * * *', more => "backoff => '{60s}'");
set_clock($node, '2031-03-03 12:10:00+00');
wait_for_run($node, 'waits', 1);
settle($node);
told();
is(sql($node, "SELECT bizmetrics.cancel_run(max(run_id)) FROM bizmetrics.report_runs WHERE report_name = 'waits'"), 't', 'a run that waits is cancelled');
is(told(), 'waits failed 1 22012', 'which is told');
set_clock($node, '2031-03-03 13:10:00+00');
wait_for_run($node, 'waits', 2);
settle($node);
is(told() =~ s/probe succeeded 1 -(, )?//gr, '', 'one that waits once more is not yet told of');
sql($node, "SELECT bizmetrics.pause_report('waits')");
set_clock($node, '2031-03-03 14:10:00+00');
sql($node, "SELECT bizmetrics.resume_report('waits')");
wait_for_run($node, 'waits', 3);
settle($node);
is(told() =~ s/(, )?probe succeeded 1 -//gr, 'waits failed 1 22012', 'but when a slot came first');
is(sql($node, "SELECT string_agg(coalesce(reason, '-'), ' ' ORDER BY run_id) FROM bizmetrics.report_runs WHERE report_name = 'waits'"), 'cancelled superseded -', 'as the history has it');
sql($node, "SELECT bizmetrics.drop_report('waits')");
told();

my $gate = block($node);
make_report($node, 'crashes', schedule => '@yearly', query => 'SELECT now(), pg_advisory_lock_shared(1)::text', more => 'max_attempts => 1');
sql($node, "SELECT bizmetrics.request_run('crashes')");
wait_for($node, "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bizmetrics:crashes' AND wait_event = 'advisory')", 'one is under way');
sql($node, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bizmetrics:crashes'");
wait_for_run($node, 'crashes', 1);
like(told(), qr/^crashes failed 1 57P01$/, 'one whose runner was terminated');
$gate->quit;

# By hand: told when the caller's transaction commits, and not before.
my $author = $node->background_psql('postgres', extra_params => [ '-U', 'author' ]);
$author->query_safe('BEGIN');
$author->query_safe("SELECT bizmetrics.run_report('fine')");
is(told(), '', 'a run by hand is not told of while its transaction is open');
$author->query_safe('COMMIT');
is(told(), 'fine succeeded 1 -', 'but when it has committed');
$author->query_safe('BEGIN');
$author->query_safe("SELECT bizmetrics.run_report('fine')");
$author->query_safe('ROLLBACK');
is(told(), '', 'and never where it was rolled back');
$author->quit;

# A message of any length and any characters fits.
make_report($node, 'shouts', schedule => '@yearly',
	query => q{DO $$ BEGIN RAISE EXCEPTION '%', repeat(E'\x01"\\\\ä', 3000); END $$}, more => 'max_attempts => 1');
sql($node, "SELECT bizmetrics.request_run('shouts')");
wait_for_run($node, 'shouts', 1);
is(last_run($node, 'shouts'), '|1|request|failed|P0001', 'a message that is far too long is recorded');
is(sql($node, "SELECT length(message) FROM bizmetrics.report_runs WHERE report_name = 'shouts'"), 12000, 'whole');
like(told(), qr/^shouts failed 1 P0001$/, 'and told of, shortened');

# ---- a report that cannot run ----

make_author($node, name => 'leaver');
make_report($node, 'left', owner => 'leaver');
told();
sql($node, 'ALTER ROLE leaver NOLOGIN');
set_clock($node, '2031-03-03 14:16:00+00');
wait_for($node, "SELECT state = 'broken' FROM bizmetrics.report_status WHERE report_name = 'left'", 'a report cannot run');
settle($node);
is(scalar(grep { $_ eq 'left broken - -' } split /, /, told()), 1, 'which is told of once');

# ---- none ----

sql($node, "ALTER DATABASE postgres SET bizmetrics.notify_runs = 'none'");
sql($node, "SELECT bizmetrics.request_run('shouts')");
wait_for_run($node, 'shouts', 2);
settle($node);
told();
sql($node, "SELECT bizmetrics.request_run('shouts')");
wait_for_run($node, 'shouts', 3);
is(told(), '', 'nobody is told of anything where that is not wanted');

$listener->quit;
$node->stop;
done_testing();
