# Promise: a writer that stays open for an hour delays no run, and what it logged is in the reports once, as
# soon as it has committed; report_status names it. A report that follows another one's table misses no change,
# whatever the isolation level of its owner. Reports that pg_cron drives are as exact as the worker's.
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
sql($node, q{SELECT bizmetrics.grant_writer('author'), bizmetrics.ensure_partitions('2031-03-01 00:00+00', '2031-04-01 00:00+00')});

sub log_one { return sql($node, q{SELECT bizmetrics.log_event('sale', occurred_at => '2031-03-03 11:00+00')}); }
sub counted { return sql($node, 'SELECT (SELECT sum(n) FROM analytics.computed), (SELECT sum(n) FROM analytics.added), (SELECT sum(n) FROM analytics.months)'); }

my $daily = q{SELECT date_trunc('day', occurred_at) AS day, count(*) AS n FROM business_events GROUP BY 1};
for my $report ([ computed => 'replace_window' ], [ added => 'delta' ])
{
	sql($node, "SELECT bizmetrics.create_report('$report->[0]', query => \$q\$$daily\$q\$, key => '{day}', bucket => '1 day', strategy => '$report->[1]', timezone => 'UTC', schedule => '* * * * *')",
		user => 'author');
}
sql($node, <<'SQL', user => 'author');
SELECT bizmetrics.create_report('months', query => $q$SELECT date_trunc('month', day) AS month, sum(n) AS n FROM analytics.computed WHERE day >= $1 AND day < $2 GROUP BY 1$q$,
  key => '{month}', bucket => '1 month', source => 'analytics.computed', timezone => 'UTC', schedule => '* * * * *')
SQL

# ---- a writer that is open for an hour ----

my $writer = $node->background_psql('postgres');
$writer->query_safe(q{BEGIN; SELECT bizmetrics.log_event('sale', occurred_at => '2031-03-03 10:00+00')});
my $pid = $writer->query_safe('SELECT pg_backend_pid()');
my $logged = 0;
for my $minute (1, 10, 30, 61)
{
	my $slot = sprintf '2031-03-03 %02d:%02d:00+00', 12 + int($minute / 60), $minute % 60;

	log_one();
	$logged++;
	set_clock($node, $slot);
	wait_for($node, "SELECT count(*) = 3 FROM bizmetrics.report_runs WHERE slot = '$slot' AND state = 'succeeded' AND report_name <> 'probe'",
		"minute $minute: the reports run in time");
	is(counted(), "$logged|$logged|$logged", 'with what is committed');
	is( sql($node, q{SELECT DISTINCT oldest_writer, oldest_writer_since = (SELECT xact_start FROM pg_stat_activity WHERE pid = oldest_writer), coalesce(new_events, 0) FROM bizmetrics.report_status WHERE report_name IN ('added', 'computed')}),
		"$pid|t|0", 'report_status names the writer');
}
is(sql($node, "SELECT max(attempt) FROM bizmetrics.report_runs WHERE slot IS NOT NULL AND state <> 'skipped'"), 1, 'in one attempt each');
$writer->query_safe('COMMIT');
is(sql($node, q{SELECT report_name, new_events, oldest_writer IS NULL FROM bizmetrics.report_status WHERE report_name IN ('added', 'computed') ORDER BY 1}),
	"added|1|t\ncomputed|1|t", 'it commits, and its event is new');
for my $minute (2, 3)
{
	wait_for_slot($node, $_, "2031-03-03 13:0$minute:00+00") for qw(added computed months);
	is(counted(), '5|5|5', 'which is counted once');
}

# ---- a follower whose snapshot is older than what it would follow ----

# The source is run by hand and not committed; the follower takes its snapshot and waits for the table of changes, behind
# who wants it for himself; the source commits, and the follower goes on.
sql($node, q{SELECT bizmetrics.pause_report(r) FROM unnest('{computed,added}'::text[]) r});
for my $isolation ('repeatable read', 'serializable', 'read committed')
{
	my $source = $node->background_psql('postgres', extra_params => [ '-U', 'author' ]);
	my $locker = $node->background_psql('postgres');
	my $follower = q{SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'months' AND trigger = 'request' AND state <> 'running'};
	my $ended = sql($node, $follower);

	log_one();
	sql($node, "ALTER ROLE author SET default_transaction_isolation = '$isolation'");
	$source->query_safe(q{BEGIN ISOLATION LEVEL READ COMMITTED; SELECT bizmetrics.run_report('computed')});
	$locker->query_until(qr//, "BEGIN; LOCK TABLE bizmetrics.report_changes IN ACCESS EXCLUSIVE MODE; COMMIT;\n");
	wait_for($node, q{EXISTS (SELECT FROM pg_locks WHERE relation = 'bizmetrics.report_changes'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted)},
		"$isolation: the changes are asked for");
	sql($node, q{SELECT bizmetrics.request_run('months')});
	wait_for($node, q{EXISTS (SELECT FROM pg_locks WHERE relation = 'bizmetrics.report_changes'::regclass AND mode = 'AccessShareLock' AND NOT granted)},
		'the follower waits');
	$source->query_safe('COMMIT');
	wait_for($node, "($follower) > $ended", 'and runs');
	$_->quit for $source, $locker;
	$ended++;
	sql($node, q{SELECT bizmetrics.request_run('months')});
	wait_for($node, "($follower) > $ended", 'once more');
	is(sql($node, 'SELECT (SELECT sum(n) FROM analytics.months) = (SELECT sum(n) FROM analytics.computed)'), 't', 'no change is missed');
}
sql($node, 'ALTER ROLE author RESET default_transaction_isolation');

# ---- a follower of a delta, which adds late events to months that were pruned ----

sql($node, <<'SQL', user => 'author');
SELECT bizmetrics.create_report('of_added', query => $q$SELECT date_trunc('month', day) AS month, sum(n) AS n FROM analytics.added WHERE day >= $1 AND day < $2 GROUP BY 1$q$,
  key => '{month}', bucket => '1 month', source => 'analytics.added', timezone => 'UTC', schedule => '0 0 29 2 *')
SQL
sub follow
{
	is(sql($node, "SELECT string_agg((bizmetrics.run_report('$_')).state, '')", user => 'author'), 'succeeded', "$_ runs") for @_;
	return sql($node, q{SET timezone = 'UTC'; SELECT month, n, (SELECT sum(n) FROM analytics.added WHERE date_trunc('month', day) = month) FROM analytics.of_added ORDER BY 1 LIMIT 1});
}
my $late = q{SELECT bizmetrics.log_event('sale', occurred_at => '2031-01-10 10:00+00')};
sql($node, $late);
is(follow('computed', 'added', 'months', 'of_added'), '2031-01-01 00:00:00+00|1|1', 'an event of January');
sql($node, q{SELECT bizmetrics.drop_report('probe')}); # it has read nothing
is(sql($node, q{SELECT partition FROM bizmetrics.prune_events(timestamptz '2031-02-01 00:00+00') WHERE dropped}), 'business_events_2031_01', 'is pruned');
sql($node, $late);
is(follow('added', 'of_added'), '2031-01-01 00:00:00+00|2|2', 'a later one counts in both');
sql($node, q{SELECT bizmetrics.drop_report('of_added')});

# ---- driven by pg_cron: what its jobs call ----

sql($node, q{SELECT bizmetrics.resume_report(r) FROM unnest('{computed,added}'::text[]) r});
sql($node, q{ALTER SYSTEM SET bizmetrics.databases = 'none'});
$node->restart;
my $call = 'CALL bizmetrics.run_due_reports()';
my $minute = 10;
for my $isolation ('read committed', 'repeatable read', 'serializable')
{
	$writer = $node->background_psql('postgres');
	$writer->query_safe(q{BEGIN; SELECT bizmetrics.log_event('sale', occurred_at => '2031-03-03 10:00+00')});
	sql($node, "ALTER ROLE author SET default_transaction_isolation = '$isolation'");
	for my $step (1 .. 3)
	{
		log_one();
		set_clock($node, sprintf '2031-03-03 13:%02d:00+00', $minute++);
		sql($node, $call, user => 'author') for 1 .. 2;
		$writer->query_safe('COMMIT') if $step == 2;
	}
	$writer->quit;
	my $events = sql($node, q{SELECT count(*) FROM public.business_events WHERE occurred_at >= '2031-03-01'});
	is(counted(), join('|', $events + 1, $events + 2, $events + 1), "run_due_reports() in $isolation: every event once");
}
is(sql($node, q{SELECT string_agg(DISTINCT state, ',') FROM bizmetrics.report_runs WHERE slot >= '2031-03-03 13:10+00' AND state <> 'skipped'}), 'succeeded', 'no run failed');

$node->stop;
done_testing();
