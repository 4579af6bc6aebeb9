# Promise: the worker asks each owner's metrics and alerts as that owner, on the minute; a failing one
# keeps nobody waiting; a scrape shows what was asked last, also on a standby and after a restart; who
# listens is told of alerts once; and in a restored database counters go on where they were.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('main', [], allows_streaming => 1);
my $json = JSON::PP->new;

# The samples of a metric, one a line, without its header.
sub shown
{
	my ($name, %params) = @_;
	my $where = delete $params{node} // $node;

	return sql($where, "SELECT line FROM string_to_table(bizmetrics.metrics_text(), E'\\n') line WHERE line ~ '^$name\[{ ]'", %params);
}

sub minute
{
	my ($minute, $name, @reports) = @_;
	my $slot = sprintf '2031-03-03 %02d:%02d:00+00', 12 + int($minute / 60), $minute % 60;

	set_clock($node, $slot);
	wait_for($node, <<"SQL", "$name: $_") for @reports;
SELECT EXISTS (SELECT FROM bizmetrics.report_runs WHERE report_name = 'metrics of $_' AND slot = '$slot' AND state = 'succeeded')
SQL
	return;
}

sub order
{
	my ($plan, $count) = @_;

	sql($node, "SELECT count(bizmetrics.log_event('order_paid', jsonb_build_object('plan', '$plan'))) FROM generate_series(1, $count)",
		user => 'writer');
	return;
}

set_clock($node, '2031-03-03 12:00:30+00');
sql($node, 'CREATE ROLE writer LOGIN; CREATE ROLE scraper LOGIN; CREATE ROLE second LOGIN; GRANT USAGE ON SCHEMA bizmetrics_test TO PUBLIC');
make_database($node, 'postgres');
make_author($node);
make_author($node, name => 'second');
sql($node, "SELECT bizmetrics.grant_writer('writer'), bizmetrics.grant_scraper('scraper')");
order('pro', 3);

# ---- the worker asks ----

# All at once: the first run asks each of them.
sql($node, <<'SQL', user => 'author');
BEGIN;
SELECT bizmetrics.create_metric('shop_orders_total', 'counter', 'Paid orders.', '{plan}',
  $$SELECT properties ->> 'plan' AS plan, count(*) AS value FROM bizmetrics.events_since($1, $2) WHERE event_name = 'order_paid' GROUP BY 1$$);
SELECT bizmetrics.create_metric('shop_who', 'gauge', 'Who asks.', '{who}', 'SELECT current_user || ''/'' || session_user AS who, 1 AS value');
SELECT bizmetrics.create_metric('shop_minute', 'gauge', 'When.', '{}', $$SELECT extract(minute FROM bizmetrics_test.clock()) AS value$$, ttl => '5 minutes');
COMMIT;
SQL
wait_for($node, "SELECT count(*) = 1 FROM bizmetrics.report_runs WHERE state = 'succeeded' AND report_name = 'metrics of author'", 'asked at once');
is(shown('shop_orders_total', user => 'scraper'), 'shop_orders_total{plan="pro"} 3', 'a scraper sees what the events say');
is(shown('shop_who', user => 'scraper'), 'shop_who{who="author/author"} 1', 'asked as the owner, and as nobody else');
sql($node, <<'SQL', user => 'second');
SELECT bizmetrics.create_metric('other_who', 'gauge', 'Who asks.', '{who}', 'SELECT current_user AS who, 1 AS value');
SELECT bizmetrics.create_metric('other_slow', 'gauge', 'Waits for ever.', '{}', 'SELECT 1 AS value FROM pg_sleep(600)', timeout => '100 ms');
SELECT bizmetrics.create_metric('other_forbidden', 'gauge', 'Reads what it may not.', '{}', 'SELECT count(*) AS value FROM analytics.metrics_of_author');
SQL
wait_for_run($node, 'metrics of second', 1, name => 'the other owner is asked at once');
order('free', 2);
minute(1, 'every minute', 'author', 'second');
is(shown('shop_orders_total'), qq{shop_orders_total{plan="free"} 2\nshop_orders_total{plan="pro"} 3}, 'new events are added');
is(shown('other_who'), 'other_who{who="second"} 1', 'each owner is asked for himself');
is(sql($node, "SELECT string_agg(metric_name || ' ' || sqlstate, ', ' ORDER BY metric_name) FROM bizmetrics.metric_status WHERE failing_since IS NOT NULL"),
	'other_forbidden 42501, other_slow 57014', 'one that fails, or takes too long, keeps no other from being asked');
is(shown('bizmetrics_metric_up'), join("\n", map { my ($m, $up) = split / /; qq{bizmetrics_metric_up{metric="$m"} $up} }
	'other_forbidden 0', 'other_slow 0', 'other_who 1', 'shop_minute 1', 'shop_orders_total 1', 'shop_who 1'), 'and a scrape tells');
is(sql($node, "SELECT sample_name, labels, value FROM analytics.metrics_of_second", user => 'second'), 'other_who|{"who": "second"}|1',
	"its owner's table has the figures");
is(shown('shop_minute'), 'shop_minute 0', 'what is good for five minutes is not asked again');
minute(5, 'five minutes later', 'author');
is(shown('shop_minute'), 'shop_minute 5', 'but then');

# ---- alerts ----

my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN bizmetrics_alerts');

sub told
{
	my $output = $listener->query_safe('SELECT 1');

	return join ', ', map { my $m = $json->decode($_); join ' ', $m->{alert}, $m->{state}, $m->{value} // '-', $json->canonical->encode($m->{labels}) }
	  $output =~ /notification "bizmetrics_alerts" with payload "(.*)" received/g;
}

sql($node, <<'SQL', user => 'author');
SELECT bizmetrics.create_alert('Many "orders"', '>=', 5, metric => 'shop_orders_total', labels => '{"plan": "pro"}', hold => '2 minutes', description => E'Too\nmany.');
SELECT bizmetrics.create_alert('Fails', '>', 0, query => 'SELECT 1 / 0 AS value');
SQL
order('pro', 4);
minute(6, 'alerts', 'author');
is(told(), '', 'what is pending is told nobody');
is(sql($node, "SELECT state, value FROM bizmetrics.alert_status WHERE alert_name ~ 'Many'"), 'pending|7', 'but seen');
minute(7, 'alerts', 'author');
minute(8, 'alerts', 'author');
is(told(), 'Many "orders" firing 7 {"plan":"pro"}', 'after its time it fires, and is told once');
minute(9, 'alerts', 'author');
is(told(), '', 'and not again');
is(shown('bizmetrics_alert_firing'), qq{bizmetrics_alert_firing{alert="Fails",severity="warning"} 0\n}
	. qq{bizmetrics_alert_firing{alert="Many \\"orders\\"",severity="warning"} 1}, 'a scrape tells');
is(shown('bizmetrics_alert_up'), qq{bizmetrics_alert_up{alert="Fails",severity="warning"} 0\n}
	. qq{bizmetrics_alert_up{alert="Many \\"orders\\"",severity="warning"} 1}, 'also of the one that cannot be looked at');
sql($node, "SELECT bizmetrics.drop_metric('shop_orders_total')", user => 'author');
minute(10, 'alerts', 'author');
is(told(), 'Many "orders" resolved - {"plan":"pro"}', 'what is gone is resolved');
sql($node, "SELECT bizmetrics.drop_alert('Fails'), bizmetrics.drop_alert('Many \"orders\"')", user => 'author');

# ---- a restart, a standby ----

sql($node, <<'SQL', user => 'author');
SELECT bizmetrics.create_metric('shop_orders_total', 'counter', 'Paid orders.', '{}',
  $$SELECT count(*) AS value FROM bizmetrics.events_since($1, $2) WHERE event_name = 'order_paid'$$);
SELECT bizmetrics.create_metric('shop_all_orders_total', 'counter', 'Paid orders.', '{}',
  $$SELECT count(*) AS value FROM public.business_events WHERE event_name = 'order_paid'$$);
SQL
minute(11, 'a new metric', 'author');
is(shown('shop_orders_total'), 'shop_orders_total 9', 'a new counter begins with all events');
$listener->quit;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->stop('immediate');
$node->start;
set_clock($node, '2031-03-03 12:11:10+00');
is(shown('shop_orders_total'), 'shop_orders_total 9', 'figures outlive a crash');
order('pro', 1);
minute(12, 'after a crash', 'author');
is(shown('shop_orders_total') . ', ' . shown('shop_all_orders_total'), 'shop_orders_total 10, shop_all_orders_total 10', 'and go on');
$node->wait_for_catchup($standby);
is(shown('shop_orders_total', node => $standby, user => 'scraper'), 'shop_orders_total 10', 'a standby can be scraped');
is(shown('bizmetrics_in_recovery', node => $standby), 'bizmetrics_in_recovery 1', 'and says what it is');
is(sql($standby, "SELECT count(*) FROM string_to_table(bizmetrics.metrics_text(), E'\\n') line WHERE line ~ '^bizmetrics_scrape_part_up.* 1\$'"),
	6, 'every part of it');
is(sql_state($standby, 'SELECT bizmetrics.refresh_metrics()', user => 'author'), '25006', 'it asks nothing');

# ---- a part that fails ----

sql($node, 'ALTER VIEW bizmetrics.scraped_reports RENAME TO away');
is(shown('bizmetrics_scrape_part_up'), join("\n", map { qq{bizmetrics_scrape_part_up{part="$_"} } . ($_ eq 'reports' ? 0 : 1) }
	qw(alerts events metrics registered reports server)), 'a part that fails does not take the scrape along');
is(shown('shop_orders_total'), 'shop_orders_total 10', 'the figures are there');
sql($node, 'ALTER VIEW bizmetrics.away RENAME TO scraped_reports');

# ---- a dump, restored ----

my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, 'postgres' ], 'dumped');
sql($node, 'CREATE DATABASE restored');
order('pro', 5);
$node->command_ok([ 'pg_restore', '-e', '-d', 'restored', $dump ], 'restored');
my %restored = (db => 'restored');
is(shown('shop_orders_total', %restored), 'shop_orders_total 10', 'its figures are those of the dump');
sql($node, "SELECT bizmetrics.log_event('order_paid')", %restored);
# By hand, for a restored report waits a while for its grants: it takes up what is there, uncounted.
sql($node, 'SELECT bizmetrics.refresh_metrics(true)', %restored, user => 'author');
is(shown('shop_orders_total', %restored), 'shop_orders_total 10', 'no event of the dump is counted twice');
sql($node, "SELECT bizmetrics.log_event('order_paid')", %restored) for 1 .. 2;
sql($node, 'SELECT bizmetrics.refresh_metrics(true)', %restored, user => 'author');
is(shown('shop_orders_total', %restored), 'shop_orders_total 12', 'what comes is');
is(shown('shop_all_orders_total', %restored), 'shop_all_orders_total 13', 'one that reads all events goes on too');

done_testing;
