# Promise: business_events can be replicated logically into a database that has the extension: every
# event arrives, is stamped with the subscriber's own transaction (a publisher's number means nothing
# there, and reports find new events by it, so that incremental ones are exact), keys are remembered, and
# append-only holds.
#
# Partitions have names and bounds of their own on either side, so the publication needs
# publish_via_partition_root; without it the subscriber would look for the publisher's partitions by
# name. It needs publish = 'insert': there is nothing else to publish, and no replica identity. The
# subscriber makes its partitions ahead with ensure_partitions(), for no INSERT makes one.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use Test::More;

my $publisher = make_node('publisher', [], allows_streaming => 'logical');
my $subscriber = make_node('subscriber', [], allows_streaming => 'logical');

for my $node ($publisher, $subscriber)
{
	set_clock($node, '2031-03-03 12:00:30+00');
	make_database($node, 'postgres');
	make_author($node);
}
# Transaction ids of the two are far apart.
sql($publisher, 'DO $$ BEGIN FOR i IN 1 .. 500 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$');
my $old = sql($publisher, <<'SQL');
SELECT count(bizmetrics.log_event('signup', jsonb_build_object('n', n), occurred_at => timestamptz '2031-01-10 00:00+00' + n * interval '1 day', dedupe_key => 'old' || n))
FROM generate_series(1, 40) n
SQL
is($old, 40, 'events before the subscription');
sql($publisher, q{CREATE PUBLICATION events FOR TABLE public.business_events WITH (publish = 'insert', publish_via_partition_root)});

is(sql($subscriber, "SELECT bizmetrics.ensure_partitions('2031-01-01 00:00+00', '2031-04-01 00:00+00')"), 3, 'the subscriber has partitions');
# Incremental reports that are there before the first event is.
my %report = (
	added => q{SELECT date_trunc('day', occurred_at) AS day, count(*) AS n, min(event_name) AS first FROM business_events GROUP BY 1},
	computed => q{SELECT date_trunc('day', occurred_at) AS day, count(DISTINCT event_name) AS names, count(*) AS n FROM business_events GROUP BY 1});
sql($subscriber, "SELECT bizmetrics.create_report('$_', query => \$q\$$report{$_}\$q\$, key => '{day}', bucket => '1 day', timezone => 'UTC', schedule => '0 0 29 2 *')", user => 'author')
  for sort keys %report;
is(sql($subscriber, q{SELECT string_agg(strategy, ',' ORDER BY report_name) FROM bizmetrics.reports WHERE report_name IN ('added', 'computed')}), 'delta,replace_window', 'one adds, one computes');
sub check_reports
{
	my ($what) = @_;

	for my $report (sort keys %report)
	{
		is(sql($subscriber, "SELECT state, message FROM bizmetrics.run_report('$report')", user => 'author'), 'succeeded|', "$what: $report runs");
		is(sql($subscriber, "SET timezone = 'UTC'; SELECT count(*) FROM ((TABLE analytics.$report EXCEPT ALL ($report{$report})) UNION ALL (($report{$report}) EXCEPT ALL TABLE analytics.$report)) d"), 0, 'and is exact');
	}
	return;
}

my $limit = sql($subscriber, 'SELECT pg_snapshot_xmax(pg_current_snapshot())');
sql($subscriber, "CREATE SUBSCRIPTION events CONNECTION '" . $publisher->connstr . " dbname=postgres' PUBLICATION events");
$subscriber->wait_for_subscription_sync($publisher, 'events');

my $content = q{SELECT count(*), md5(string_agg(concat_ws('|', id, event_name, occurred_at, properties, dedupe_key, recorded_at), chr(10) ORDER BY id)) FROM public.business_events};
is(sql($subscriber, $content), sql($publisher, $content), 'they are copied');
check_reports('after the copy');
sql($publisher, <<'SQL');
SELECT count(bizmetrics.log_event('order_paid', occurred_at => timestamptz '2031-02-10 00:00+00' + n * interval '1 day', dedupe_key => 'new' || n))
FROM generate_series(1, 20) n
SQL
sql($publisher, q{INSERT INTO public.business_events (event_name, occurred_at, dedupe_key) VALUES ('by_hand', '2031-02-02 00:00+00', 'hand')});
$publisher->wait_for_catchup('events');
is(sql($subscriber, $content), sql($publisher, $content), 'later ones follow');
check_reports('after later ones');
my $copied = sql($subscriber, q{SELECT new_events FROM bizmetrics.report_status WHERE report_name = 'added'}, user => 'author');
is($copied, 0, 'which has read them all');

# Transactions of the publisher that end in another order than they began, are undone or prepared, while reports run
# on the subscriber, which has a writer of its own that stays open.
my $long = $publisher->background_psql('postgres');
my $own = $subscriber->background_psql('postgres');
$own->query_safe("BEGIN; SELECT bizmetrics.log_event('own', occurred_at => '2031-01-20')");
$long->query_safe("BEGIN; SELECT bizmetrics.log_event('long', occurred_at => '2031-01-20')");
for my $round (1 .. 3)
{
	sql($publisher, "SELECT bizmetrics.log_event('short', occurred_at => timestamptz '2031-01-20' + n * interval '$round days') FROM generate_series(0, 2) n");
	sql($publisher, "BEGIN; SELECT bizmetrics.log_event('undone', occurred_at => '2031-01-20'); SAVEPOINT s; SELECT bizmetrics.log_event('undone'); ROLLBACK TO s; ROLLBACK");
	sql($publisher, "BEGIN; SAVEPOINT s; SELECT bizmetrics.log_event('undone', occurred_at => '2031-01-20'); ROLLBACK TO s; SELECT bizmetrics.log_event('kept', occurred_at => '2031-01-20'); COMMIT");
	$publisher->wait_for_catchup('events');
	check_reports("round $round");
	$long->query_safe('COMMIT') if $round == 2;
	$own->query_safe('COMMIT') if $round == 1;
}
$_->quit for $long, $own;
is(sql($subscriber, "SELECT count(*) FROM public.business_events WHERE event_name = 'undone'"), 0, 'what was undone never came');
is(sql($subscriber, "SELECT count(*) FROM public.business_events WHERE event_name IN ('long', 'own')"), 2, 'what was long came');

my $stamps = 'SELECT bool_and(xact_id >= %s AND xact_id < pg_snapshot_xmax(pg_current_snapshot())::text::bigint) FROM public.business_events';
is(sql($subscriber, sprintf $stamps, $limit), 't', 'each has a transaction id of the subscriber');
is(sql($subscriber, "SELECT bool_and(e.xact_id = e.xmin::text::bigint) FROM public.business_events e"),
	't', 'its own');

# ---- keys ----

is(sql($subscriber, 'SELECT count(*) FROM bizmetrics.dedupe_keys'), 61, 'keys are remembered');
is( sql($subscriber, "SELECT bizmetrics.log_event('order_paid', dedupe_key => 'new7', occurred_at => '2031-02-02')"),
	sql($publisher, "SELECT id FROM public.business_events WHERE dedupe_key = 'new7'"),
	'and log_event() returns the event that has one');

# A key that the subscriber has for an event of its own does not stop replication.
sql($subscriber, "SELECT bizmetrics.log_event('local', dedupe_key => 'both', occurred_at => '2031-02-02')");
sql($publisher, "SELECT bizmetrics.log_event('remote', dedupe_key => 'both', occurred_at => '2031-02-02')");
sql($publisher, "SELECT bizmetrics.log_event('after', occurred_at => '2031-02-02')");
$publisher->wait_for_catchup('events');
is(sql($subscriber, "SELECT string_agg(event_name, ',' ORDER BY event_name) FROM public.business_events WHERE event_name IN ('local', 'remote', 'after')"),
	'after,local,remote', 'a key that stands on both sides stops nothing');

# ---- append-only, and reports ----

for my $command ('DELETE FROM public.business_events', 'TRUNCATE public.business_events', 'UPDATE bizmetrics.business_events_2031_02 SET event_name = NULL')
{
	is(sql_state($subscriber, $command), '55000', "$command is refused");
	is(sql_state($subscriber, "SET session_replication_role = replica; $command"), '55000', 'in replica mode, too');
}
make_report($subscriber, 'count', query => 'SELECT now(), count(*)::text FROM business_events');
wait_for_slot($subscriber, 'count', '2031-03-03 12:01:00+00', name => 'a report runs on the subscriber');
is(sql($subscriber, 'SELECT value FROM analytics.count'), 78, 'and sees the events');

# ---- a partition that is missing holds replication up, and nothing is lost ----

sql($publisher, "SELECT bizmetrics.log_event('late', occurred_at => '2031-05-05')");
ok($subscriber->wait_for_log(qr/no partition of relation "business_events" found for row/), 'a missing partition is told of');
sql($subscriber, "SELECT bizmetrics.ensure_partitions('2031-05-01 00:00+00', '2031-06-01 00:00+00')");
$publisher->wait_for_catchup('events');
is(sql($subscriber, "SELECT count(*) FROM public.business_events WHERE event_name = 'late'"), 1, 'once it is made the event arrives');
check_reports('in the end');

$_->stop for $subscriber, $publisher;
done_testing();
