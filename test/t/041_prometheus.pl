# Promise: what we say to Prometheus is what Prometheus understands. Its own programs read it: promtool
# checks the text and the rules, prometheus-sql-exporter reads the figures with the configuration that we
# make, Prometheus scrapes it and the text, and PromQL gives the figures that SQL gives.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

for my $program (qw(prometheus promtool prometheus-sql-exporter python3))
{
	plan skip_all => "$program is not installed" unless grep { -x "$_/$program" } split /:/, $ENV{PATH};
}

my $node = make_node('main');
my $dir = PostgreSQL::Test::Utils::tempdir;
my $http = HTTP::Tiny->new(timeout => 10);
my %port = map { $_ => PostgreSQL::Test::Cluster::get_free_port() } qw(exporter files prometheus);
my @started;

sub start
{
	my ($name, @command) = @_;

	push @started, IPC::Run::start(\@command, '<', \undef, '>', "$dir/$name.log", '2>&1');
	return;
}

END
{
	my $status = $?;
	$_->kill_kill(grace => 10) for @started;
	$? = $status;
}

# Polls until it is true; what it says then.
sub until_true
{
	my ($name, $check) = @_;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my $result = $check->();
		return pass($name) && $result if $result;
		select undef, undef, undef, 0.1;
	}
	fail($name);
	return;
}

# What PromQL gives: a hash of the labels asked for to values.
sub promql
{
	my ($query, $label) = @_;
	my $answer = $http->get("http://127.0.0.1:$port{prometheus}/api/v1/query?" . $http->www_form_urlencode({ query => $query }));

	return {} unless $answer->{success};
	return { map { ($label ? $_->{metric}{$label} : '') => $_->{value}[1] } @{ decode_json($answer->{content})->{data}{result} } };
}

sub write_file
{
	my ($name, $content) = @_;
	open my $file, '>', "$dir/$name" or die "$dir/$name: $!";
	print $file $content, "\n";
	close $file;
	return "$dir/$name";
}

# ---- a shop ----

sql($node, 'CREATE ROLE scraper LOGIN');
make_database($node, 'postgres');
make_author($node);
sql($node, "SELECT bizmetrics.grant_scraper('scraper'), bizmetrics.grant_writer('author')");
sql($node, <<'SQL', user => 'author');
SELECT count(bizmetrics.log_event('order_paid', jsonb_build_object('plan', (ARRAY['pro', E'fr"ee\\ ', E'a\nb'])[1 + n % 3], 'seconds', n)))
FROM generate_series(1, 100) n;
SELECT bizmetrics.create_metric('shop_orders_total', 'counter', E'Paid orders: \\ and\na line.', '{plan}',
  $$SELECT properties ->> 'plan' AS plan, count(*) AS value FROM bizmetrics.events_since($1, $2) WHERE event_name = 'order_paid' GROUP BY 1$$);
SELECT bizmetrics.create_metric('shop_wait_seconds', 'histogram', 'How long customers wait.', '{}',
  $$SELECT (properties ->> 'seconds')::numeric AS value FROM bizmetrics.events_since($1, $2)$$, buckets => '{25,50,75,100}');
SELECT bizmetrics.create_metric('shop_order_seconds', 'summary', 'How long customers wait.', '{}',
  $$SELECT (properties ->> 'seconds')::numeric AS value FROM public.business_events$$, quantiles => '{0.5,0.9}');
SELECT bizmetrics.create_metric('shop_growth_ratio', 'gauge', 'A ratio.', '{kind}',
  $$SELECT k AS kind, v AS value FROM (VALUES ('third', 1 / 3.0), ('none', 'NaN'), ('much', 'Infinity')) t (k, v)$$);
SELECT bizmetrics.create_metric('shop_sales', 'gauge', 'Sales.', '{currency,plan}',
  $$SELECT c AS currency, 'pro' AS plan, v AS value FROM (VALUES ('EUR', 5), ('CHF', 7), ('SEK', 1)) t (c, v)$$);
SELECT bizmetrics.create_alert('Much sold', '>', 4, metric => 'shop_sales', labels => '{"plan": "pro"}');
SELECT bizmetrics.create_alert('Many orders', '>', 33, metric => 'shop_orders_total');
SELECT bizmetrics.create_alert('A query {{ of "mine" }}', '>', 0, query => 'SELECT 5 AS value');
SELECT bizmetrics.refresh_metrics(true), bizmetrics.check_alerts(true);
SQL
my $text = sql($node, 'SELECT bizmetrics.metrics_text()', user => 'scraper');
mkdir "$dir/web";
my $metrics = write_file('web/metrics.txt', $text); # text/plain, which Prometheus asks for from 3 on

# ---- promtool ----

my ($out, $err);
ok(IPC::Run::run([ 'promtool', 'check', 'metrics' ], '<', $metrics, '>', \$out, '2>', \$err), 'promtool check metrics')
  or diag($out, $err);
is("$out$err", '', 'it has nothing to complain of');
my $rules = write_file('rules.yml', sql($node, 'SELECT bizmetrics.prometheus_recording_rules()', user => 'scraper'));
my $alerts = write_file('alerts.yml', sql($node, 'SELECT bizmetrics.prometheus_alert_rules()', user => 'scraper'));
command_like([ 'promtool', 'check', 'rules', $rules, $alerts ], qr/SUCCESS: 8 rules found.*SUCCESS: 13 rules found/s, 'promtool check rules');

# ---- the exporter ----

my $address = 'postgres://scraper@/postgres?host=' . $node->host . '&port=' . $node->port . '&sslmode=disable';
my $config = write_file('exporter.yml', sql($node, "SELECT bizmetrics.sql_exporter_jobs('$address', '1 second')", user => 'scraper'));
start('exporter', 'prometheus-sql-exporter', '-config.file', $config, '-web.listen-address', "127.0.0.1:$port{exporter}");
until_true('the exporter reads the figures', sub {
	my $answer = $http->get("http://127.0.0.1:$port{exporter}/metrics");
	return $answer->{success} && $answer->{content} =~ /^sql_shop_growth_ratio.*0\.333/m && $answer->{content} =~ /^sql_shop_wait_seconds_sum/m;
}) or diag(slurp_file("$dir/exporter.log"));

my $scrape = write_file('scrape.yml', sql($node, "SELECT bizmetrics.prometheus_scrape_config('127.0.0.1:$port{exporter}', '15 seconds')", user => 'scraper'));
command_ok([ 'promtool', 'check', 'config', $scrape ], 'the configuration that asks it');
is(sql_state($node, "SELECT bizmetrics.prometheus_scrape_config($_)", user => 'scraper'), '22023', "none of $_")
  for q{'http://here/'}, q{'here:1', '0'}, q{'here:1', path => 'metrics'};

# ---- Prometheus ----

start('files', 'python3', '-m', 'http.server', '--bind', '127.0.0.1', '--directory', "$dir/web", $port{files});
my $prometheus = write_file('prometheus.yml', <<"YAML");
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["$rules", "$alerts"]
scrape_configs:
- job_name: text
  metrics_path: /metrics.txt
  static_configs: [{targets: ["127.0.0.1:$port{files}"]}]
- job_name: exporter
  static_configs: [{targets: ["127.0.0.1:$port{exporter}"]}]
YAML
command_ok([ 'promtool', 'check', 'config', $prometheus ], 'promtool check config');
start('prometheus', 'prometheus', "--config.file=$prometheus", "--storage.tsdb.path=$dir/tsdb", "--web.listen-address=127.0.0.1:$port{prometheus}");
until_true('Prometheus scrapes both', sub { %{ promql('sum(shop_orders_total) > 0') } && %{ promql('sum(sql_shop_orders_total) > 0') } })
  or diag(slurp_file("$dir/prometheus.log"));

my %orders = map { my ($plan, $count) = @{$_}; $plan => $count } @{ decode_json(sql($node, <<'SQL')) };
SELECT json_agg(json_build_array(plan, orders::text)) FROM (SELECT properties ->> 'plan' AS plan, count(*) AS orders FROM public.business_events GROUP BY 1) o
SQL
is_deeply(promql('shop_orders_total', 'plan'), \%orders, 'the figures of SQL, label by label');
is_deeply(promql('sql_shop_orders_total', 'plan'), \%orders, 'through the exporter too');
is_deeply(promql('sum(shop_orders_total)'), { '' => '100' }, 'their sum');
is_deeply(promql('sum(sql_shop_orders_total)'), { '' => '100' }, 'through the exporter too');
is_deeply(promql('histogram_quantile(0.6, shop_wait_seconds_bucket)'), { '' => '60' }, 'a quantile of the histogram');
is_deeply(promql('shop_wait_seconds_sum / shop_wait_seconds_count'), { '' => '50.5' }, 'its mean');
my $buckets = promql('shop_wait_seconds_bucket', 'le');
# From 3 on they are spelled as floats.
is_deeply({ map { s/\.0$//r => $buckets->{$_} } keys %$buckets }, { 25 => 25, 50 => 50, 75 => 75, 100 => 100, '+Inf' => 100 }, 'its buckets');
is_deeply(promql('shop_order_seconds', 'quantile'), { '0.5' => 50, '0.9' => 90 }, 'a summary');
is_deeply(promql('shop_growth_ratio', 'kind'), { third => '0.3333333333333333', none => 'NaN', much => '+Inf' }, 'figures that are none');
is_deeply(promql('{__name__=~"shop_sales_.*"}', '__name__'), { shop_sales_chf => 7, shop_sales_eur => 5, shop_sales_sek => 1 }, 'a currency is a part of the name');
is_deeply(promql('bizmetrics_metric_up', 'metric'), { map { $_ => 1 } qw(shop_sales shop_orders_total shop_wait_seconds shop_order_seconds shop_growth_ratio) },
	'how the metrics do');
until_true('Prometheus evaluates the alert rules', sub { (promql('ALERTS{alertstate="firing"}', 'alertname')->{'Many orders'} // 0) == 1 });
is_deeply(promql('count by (plan) (ALERTS{alertname="Many orders"})', 'plan'), { map { $_ => 1 } grep { $orders{$_} > 33 } keys %orders },
	'with the threshold that SQL was told');
until_true('that of a metric by currency', sub { %{ promql('ALERTS{alertstate="firing",alertname="Much sold"}', 'currency') } == 2 });
is_deeply([ sort keys %{ promql('ALERTS{alertstate="firing",alertname="Much sold"}', 'currency') } ], [qw(chf eur)], 'for each currency');
until_true('and that of a query', sub { (promql('ALERTS{alertstate="firing"}', 'alertname')->{'A query {{ of "mine" }}'} // 0) == 1 });
until_true('and the recording rules', sub { defined promql('all:shop_wait_seconds:p50_5m')->{''} });

done_testing;
