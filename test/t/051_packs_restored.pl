# Promise: a dump has all that was said about packs, metrics and alerts. Restored into another server or database, by
# a superuser or by the owner, what is installed, named, set, altered and dropped is as it was; installing again
# changes nothing; the reports give what they gave; counters go on where they were and never down; alerts fire anew.
# A newer definition of a pack brings its reports up to it: one that is another, one that is new and one that is no
# more, and leaves alone what somebody altered.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Utils;
use Test::More;

# The worker is kept away until it is asked for: reports run by hand.
my @lines = ("bizmetrics.databases = 'postgres'", "timezone = 'UTC'");
my $here = make_node('here', \@lines);
my $there = make_node('there', \@lines);
my $dir = PostgreSQL::Test::Utils::tempdir;
my %shop = (db => 'shop');

sql($_, 'CREATE ROLE author LOGIN; CREATE ROLE boss LOGIN; CREATE ROLE scraper LOGIN; CREATE ROLE reader LOGIN; GRANT author TO boss') for $here, $there;

# ---- a shop with all packs ----

sql($here, 'CREATE DATABASE shop OWNER boss');
sql($here, <<'SQL', %shop, user => 'boss');
CREATE EXTENSION bizmetrics;
SELECT bizmetrics.grant_author('author'), bizmetrics.grant_scraper('scraper'), bizmetrics.grant_reader('reader');
SELECT bizmetrics.map_event('order_paid', 'checkout completed'), bizmetrics.map_property('order_paid', 'value', 'total'), bizmetrics.map_property('order_paid', 'items.product_id', 'sku');
SELECT bizmetrics.install_pack(pack, owner => 'author', timezone => 'Europe/Berlin', skip => CASE pack WHEN 'commerce' THEN '{customer_segments}'::text[] END,
                               schedules => CASE pack WHEN 'support' THEN '{"support_daily": "1 2 3 4 *"}'::jsonb END)
FROM bizmetrics.available_packs;
SELECT bizmetrics.set_pack_parameter('saas', 'gross_margin', '0.8'), bizmetrics.set_pack_parameter('commerce', 'order_transitions', '{"start": ["created", "paid"], "created": ["paid"]}');
SELECT bizmetrics.generate_sample(days => 40);
SELECT count(bizmetrics.log_event('checkout completed', jsonb_build_object('total', n, 'currency', (ARRAY['CHF', 'EUR'])[1 + n % 2], 'items', jsonb_build_array(jsonb_build_object('sku', 'p' || n % 3, 'unit_price', n))),
  actor_user_id => 'c' || n % 9, company_id => 'north', entity_type => 'order', entity_id => 'own' || n, occurred_at => now() - n * interval '9 hours')) FROM generate_series(1, 60) n;
SQL
sql($here, <<'SQL', %shop, user => 'author');
SELECT bizmetrics.alter_report('daily_kpis', schedule => '0 * * * *'), bizmetrics.drop_report('top_products');
SELECT bizmetrics.alter_metric('shop_customers', ttl => '5 minutes'), bizmetrics.drop_metric('shop_products_out_of_stock');
SELECT bizmetrics.create_alert('Orders', '>', 10, metric => 'shop_orders_total'), bizmetrics.create_alert('Sales', '>', 1, metric => 'shop_sales_total'), bizmetrics.create_default_alerts() > 0;
SQL

# In the order in which they read each other.
sub run_all
{
	my ($node, %params) = @_;
	my $reports = sql($node, <<'SQL', %params);
WITH RECURSIVE levels AS (
  SELECT r.report_name::text COLLATE "C" AS report_name, 0 AS level FROM bizmetrics.pack_reports r
  UNION
  SELECT r.report_name::text, l.level + 1
  FROM levels l
  JOIN bizmetrics.pack_reports r ON r.after @> ARRAY[l.report_name] OR r.source = 'analytics.' || l.report_name
)
SELECT l.report_name FROM levels l JOIN bizmetrics.reports r ON r.report_name = l.report_name GROUP BY 1 ORDER BY max(l.level), 1
SQL
	my @reports = split /\n/, $reports;

	is(sql($node, join("\n", map { "SELECT '$_', state, message FROM bizmetrics.run_report('$_') WHERE state <> 'succeeded';" } @reports), %params, user => 'author'),
		'', "$params{db}: all reports run");
	return scalar @reports;
}

# What is shown of counters: a hash of lines to figures.
sub counters
{
	my ($node, %params) = @_;
	my $text = sql($node, 'SELECT bizmetrics.metrics_text()', %params, user => 'scraper');

	return { map { /^((?!bizmetrics_)\S+_total(?:\{.*\})?) (\S+)$/ ? ($1 => $2) : () } split /\n/, $text };
}

sub ask
{
	my ($node, %params) = @_;

	sql($node, 'SELECT bizmetrics.refresh_metrics(true), bizmetrics.check_alerts(true)', %params, user => 'author');
	return sql($node, 'SELECT metric_name, message FROM bizmetrics.metric_status WHERE failing_since IS NOT NULL', %params, user => 'author');
}

my $firing = q{SELECT alert_name, labels ->> 'currency' FROM bizmetrics.alert_status WHERE alert_name IN ('Orders', 'Sales') AND state = 'firing' ORDER BY 1, 2};
my $status = 'SELECT pack, installed_version, available_version, owner_name, timezone, reports, altered_reports, dropped_reports, outdated_reports, missing_events FROM bizmetrics.pack_status ORDER BY pack';
# Tables that do not depend on when they are computed.
my @same = qw(daily_kpis daily_sales customer_months customer_metrics order_steps order_transitions inventory_levels mrr subscription_log support_tickets acquired_users company_events_daily);
my %content = (
	status => $status,
	names => 'SELECT * FROM bizmetrics.pack_names ORDER BY 1, 2',
	settings => 'SELECT * FROM bizmetrics.pack_settings ORDER BY 1, 2',
	packs => 'SELECT * FROM bizmetrics.packs ORDER BY 1',
	members => 'SELECT * FROM bizmetrics.pack_members ORDER BY kind, name',
	reports => 'SELECT r FROM bizmetrics.reports r ORDER BY report_id',
	metrics => 'SELECT m FROM bizmetrics.metrics m ORDER BY metric_name',
	series => 'SELECT * FROM bizmetrics.metric_series ORDER BY 1, 2',
	alerts => 'SELECT a FROM bizmetrics.alerts a ORDER BY alert_name',
	types => 'SELECT event_name, properties_schema FROM bizmetrics.registered_event_types ORDER BY 1');
my %tables = map { $_ => "SELECT count(*), md5(string_agg(t::text, chr(10) ORDER BY t)) FROM analytics.$_ t" } @same;

cmp_ok(run_all($here, %shop), '>', 60, 'reports of all packs');
is(ask($here, %shop), '', 'every metric can be asked');
is(sql($here, $firing, %shop, user => 'author'), "Orders|\nSales|CHF\nSales|EUR", 'alerts fire, of a metric by currency for each');
my $counted = counters($here, %shop);
is($counted->{shop_orders_total}, 60, 'the orders are counted by the name that the team gave them');
is($counted->{shop_sales_chf_total}, 930, 'and their sales by currency');
my %original = map { $_ => sql($here, { %content, %tables }->{$_}, %shop) } keys %content, keys %tables;
like($original{status}, qr/commerce\|.*\|\{daily_kpis\}\|\{top_products\}\|\|/, 'what was altered and dropped is told');
command_ok([ 'pg_dump', '-Fc', '-f', "$dir/shop.custom", '-d', $here->connstr('shop') ], 'pg_dump, custom format');
command_ok([ 'pg_dump', '-f', "$dir/shop.sql", '-d', $here->connstr('shop') ], 'pg_dump, plain');

# ---- restored ----

# The extension belongs to who restores it.
sub check_restored
{
	my ($node, $database, $owner) = @_;
	my %db = (db => $database);

	is(sql($node, { %content, %tables }->{$_}, %db), $original{$_}, "$database: $_ as they were") for sort keys %original;
	is(sql($node, "SELECT pack FROM bizmetrics.available_packs WHERE bizmetrics.install_pack(pack) <> 0", %db, user => $owner), '', "$database: installing again changes nothing");
	is(sql($node, $status, %db), $original{status}, "$database: nor what is told of it");
	is(sql($node, 'SELECT m FROM bizmetrics.metrics m ORDER BY metric_name', %db), $original{metrics}, "$database: nor a metric");
	is(sql($node, 'SELECT count(*) FROM bizmetrics.alert_states', %db), 0, "$database: alerts are inactive");
	is_deeply(counters($node, %db), $counted, "$database: counters are where they were");

	run_all($node, %db);
	is(sql($node, $tables{$_}, %db), $original{$_}, "$database: $_, computed anew") for @same;
	is(ask($node, %db), '', "$database: every metric can be asked");
	is(sql($node, $firing, %db, user => 'author'), "Orders|\nSales|CHF\nSales|EUR", "$database: alerts fire anew");
	is_deeply(counters($node, %db), $counted, "$database: nothing is counted twice");

	sql($node, <<'SQL', %db, user => $owner);
SELECT count(bizmetrics.log_event('checkout completed', '{"total": 2.5, "currency": "CHF"}', company_id => 'north', entity_type => 'order', entity_id => 'more' || n)) FROM generate_series(1, 4) n
SQL
	run_all($node, %db);
	ask($node, %db);
	my $now = counters($node, %db);
	is(join(', ', grep { ($now->{$_} // -1) < $counted->{$_} } sort keys %$counted), '', "$database: no counter went down");
	is($now->{shop_orders_total} . ', ' . $now->{shop_sales_chf_total}, '64, 940', "$database: and what came is added");
	is(sql_state($node, 'SELECT count(*) FROM analytics.order_steps', %db, user => 'reader'), '', "$database: readers read");
	return;
}

my $superuser = sql($here, 'SELECT current_user');
for my $restore ([ $there, 'away', $superuser, 'custom' ], [ $here, 'by_owner', 'boss', 'custom' ], [ $there, 'plain_by_owner', 'boss', 'plain' ])
{
	my ($node, $database, $user, $format) = @$restore;

	sql($node, "CREATE DATABASE $database OWNER boss");
	# Tables are the author's, to whom the dump grants what he needs for it at its end.
	sql($node, 'ALTER DEFAULT PRIVILEGES GRANT USAGE, CREATE ON SCHEMAS TO author', db => $database, user => 'boss') if $user eq 'boss';
	command_ok($format eq 'custom' ? [ 'pg_restore', '-e', '-U', $user, '-d', $node->connstr($database), "$dir/shop.custom" ]
		: [ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-U', $user, '-d', $node->connstr($database), '-f', "$dir/shop.sql" ], "$database: restored");
	sql($node, 'ALTER DEFAULT PRIVILEGES REVOKE USAGE, CREATE ON SCHEMAS FROM author', db => $database, user => 'boss') if $user eq 'boss';
	check_restored($node, $database, $user);
}

# ---- the worker goes on ----

my %away = (db => 'away');
sql($there, "ALTER SYSTEM SET bizmetrics.databases = 'away'; SELECT pg_reload_conf()");
wait_for($there, "SELECT count(*) = 0 FROM bizmetrics.report_status WHERE state = 'restored' OR next_slot IS NULL", 'the reports are adopted', %away);
is(sql($there, "SELECT next_slot > now() - interval '1 minute' AND extract(minute FROM next_slot) = 0, schedule FROM bizmetrics.report_status WHERE report_name = 'daily_kpis'", %away),
	't|0 * * * *', 'one that was altered runs next as it was altered');
sql($there, "SELECT bizmetrics.request_run('daily_kpis'), bizmetrics.request_run('mrr')", %away);
wait_for($there, "SELECT EXISTS (SELECT FROM bizmetrics.report_runs WHERE report_name = '$_' AND state = 'succeeded' AND trigger <> 'manual')", "$_ is run by the worker", %away)
  for 'daily_kpis', 'mrr';
sql($there, "ALTER SYSTEM RESET bizmetrics.databases; SELECT pg_reload_conf()");
ok(wait_until_idle($there, %away), 'the worker leaves');

# ---- an upgrade ----

# What the script of a newer version would say of the packs.
my %own = (db => 'by_owner');
sql($here, <<'SQL', %own, user => 'boss');
UPDATE bizmetrics.pack_reports SET query = replace(query, 's.refund_amount', 's.refund_amount, s.total_revenue - s.refund_amount AS newer'), columns = columns || '{"newer": {"meaning": "Something new.", "unit": "currency"}}'
WHERE report_name IN ('daily_kpis', 'weekly_kpis');
DELETE FROM bizmetrics.pack_reports WHERE report_name = 'customer_acquisition';
INSERT INTO bizmetrics.pack_reports (pack, report_name, description, query, key, bucket, schedule, events, columns)
SELECT pack, 'refunds_again', 'Refunds once more.', query, key, bucket, '@hourly', events, columns
FROM bizmetrics.pack_reports WHERE report_name = 'daily_refunds';
UPDATE bizmetrics.pack_metrics SET help = 'Orders that were paid for.' WHERE metric_name = 'shop_orders_total';
UPDATE bizmetrics.pack_metrics SET help = 'Another.' WHERE metric_name = 'shop_customers';
SQL
is(sql($here, q{SELECT altered_reports, dropped_reports, outdated_reports FROM bizmetrics.pack_status WHERE pack = 'commerce'}, %own),
	'{daily_kpis}|{top_products}|{customer_acquisition,weekly_kpis}', 'what a newer version has otherwise, but for what was altered and dropped');
is(sql($here, q{SELECT bizmetrics.install_pack('commerce')}, %own, user => 'boss'), 3, 'one is changed, one made and one dropped');
is(sql($here, q{SELECT bizmetrics.install_pack('commerce')}, %own, user => 'boss'), 0, 'once');
is(sql($here, q{SELECT altered_reports, dropped_reports, outdated_reports FROM bizmetrics.pack_status WHERE pack = 'commerce'}, %own),
	'{daily_kpis}|{top_products}|', 'then nothing is outdated');
my $before = counters($here, %own);
run_all($here, %own);
is(sql($here, 'SELECT count(*) > 3 AND bool_and(newer = total_revenue - refund_amount) FROM analytics.weekly_kpis', %own), 't', 'the new column is filled, for weeks that were computed before too');
is(sql($here, q{SELECT col_description('analytics.weekly_kpis'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'analytics.weekly_kpis'::regclass AND attname = 'newer'}, %own),
	'Something new. Unit: currency.', 'and described');
is(sql($here, q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'analytics.daily_kpis'::regclass AND attname = 'newer'}, %own), 0, 'what was altered is left alone');
is(sql($here, 'SELECT count(*) > 0 FROM analytics.refunds_again', %own), 't', 'what is new is filled');
is(sql($here, q{SELECT count(*) FROM bizmetrics.reports WHERE report_name = 'customer_acquisition'}, %own), 0, 'what is no more runs no more');
is(sql($here, 'SELECT count(*) > 0 FROM analytics.customer_acquisition', %own, user => 'reader'), 't', 'and its table stays');
is(sql($here, q{SELECT metric_name, help, ttl FROM bizmetrics.metrics WHERE metric_name IN ('shop_orders_total', 'shop_customers') ORDER BY 1}, %own),
	"shop_customers|Customers who ever paid an order, the companies added up.|00:05:00\nshop_orders_total|Orders that were paid for.|00:01:00", 'so it is with metrics');
ask($here, %own);
my $after = counters($here, %own);
is(join(', ', grep { ($after->{$_} // -1) < $before->{$_} } sort keys %$before), '', 'and no counter goes down by an upgrade');

done_testing;
