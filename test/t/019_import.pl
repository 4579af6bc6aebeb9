# Promise: the migration of the README, as it is printed there, brings over the events of the Laravel
# package; an import that is cancelled keeps what it has stored, and goes on when it is called again
# while the application logs.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('main');
my $rows = 100_000;

my ($migration) = slurp_file("$FindBin::RealBin/../../README.md") =~ /^```sql\n(ALTER TABLE public\.business_events RENAME.*?)^```/ms;
my @statements = $migration =~ /\S[^;]*;/g;
is(@statements, 4, 'the README migrates in four statements');

# A database with the package's table, its indexes, and nine years of events: with keys, without, with
# the properties that the package writes where there are none.
sub make_app
{
	my ($database) = @_;
	my %db = (db => $database, user => 'boss');

	sql($node, "CREATE DATABASE $database OWNER boss");
	sql($node, 'GRANT ALL ON SCHEMA public TO boss', db => $database);
	sql($node, <<"SQL", %db);
CREATE TABLE public.business_events (
  id UUID PRIMARY KEY, event_name VARCHAR(100) NOT NULL, occurred_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  actor_user_id BIGINT, company_id BIGINT, entity_type VARCHAR(50), entity_id VARCHAR(50), properties JSONB DEFAULT '{}',
  request_id VARCHAR(100), dedupe_key VARCHAR(200), CONSTRAINT uq_business_events_dedupe UNIQUE (dedupe_key));
CREATE INDEX idx_business_events_occurred_at ON public.business_events (occurred_at DESC);
CREATE INDEX idx_business_events_name_time ON public.business_events (event_name, occurred_at DESC);
CREATE INDEX idx_business_events_company ON public.business_events (company_id, occurred_at DESC) WHERE company_id IS NOT NULL;
CREATE INDEX idx_business_events_entity ON public.business_events (entity_type, entity_id) WHERE entity_type IS NOT NULL;
INSERT INTO public.business_events SELECT md5(n::text)::uuid, 'order_' || n % 7, timestamptz '2017-01-01 00:00+00' + (n * 7919 % $rows) * interval '47 minutes',
  nullif(n % 50, 0), nullif(n % 9, 0), 'order', n, CASE n % 3 WHEN 0 THEN '[]'::jsonb WHEN 1 THEN jsonb_build_object('value', n) END, NULL,
  CASE WHEN n % 2 = 0 THEN 'key-' || n END
FROM generate_series(1, ${rows}::bigint) n;
SQL
	return %db;
}

sql($node, 'CREATE ROLE boss LOGIN');
my %app = make_app('app');
my ($state, $error) = sql_state($node, $statements[1], %app);
is($state, '42P07', 'CREATE EXTENSION stops at the table of the package');
like($error, qr/HINT:  Run \Q$statements[0]\E/, 'and its hint is the first statement');
my $content = 'SELECT count(*), md5(string_agg(concat_ws(\'|\', id, event_name, extract(epoch FROM occurred_at), actor_user_id, company_id, entity_type, entity_id,'
  . " CASE WHEN jsonb_typeof(properties) = 'object' THEN properties ELSE '{}' END, dedupe_key), ',' ORDER BY id)) FROM public.business_events";
my $before = sql($node, $content, %app);
sql($node, $_, %app) for @statements[ 0, 1 ];

# The partitions of history are made on the way, this one before: an event that somebody is just logging under a key of history holds the import up, which is then cancelled.
my $session = $node->background_psql('app', extra_params => [ '-U', 'boss' ]);
sql($node, "SELECT bizmetrics.ensure_partitions('2017-01-01', '2017-02-01')", %app);
$session->query_safe('BEGIN');
$session->query_safe("SELECT bizmetrics.log_event('retried', occurred_at => '2017-01-01', dedupe_key => 'key-99990')");
my $call = $statements[2] =~ s/\);/, batch_size => 10000);/r;
my ($out, $err) = ('', '');
my $import = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('app') . ' user=boss', '-c', 'SET client_min_messages = notice', '-c', $call ], '>', \$out, '2>', \$err);
wait_for($node, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'CALL%' AND wait_event_type = 'Lock')", 'the import waits for the key');
my $kept = sql($node, 'SELECT count(*) FROM public.business_events', %app);
ok($kept > 0 && $kept < $rows, 'others see the batches that it has committed');
sql($node, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%' AND wait_event_type = 'Lock'");
IPC::Run::finish($import);
like($err, qr/ERROR:  canceling statement due to user request/, 'it is cancelled');
like($err, qr/^NOTICE:  \d+( of about \d+)? rows of public\.business_events_before: \d+ stored, 0 there already, 0 rejected, \d+ a second$/m,
	'a line of progress for each batch');
is(sql($node, 'SELECT count(*) FROM public.business_events', %app), $kept, 'what it has stored stays');
$session->query_safe('ROLLBACK');
$session->quit;

# Called again while the application logs: what is new, what it retries.
my $application = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('app') . ' user=boss', '-c',
		"DO \$\$BEGIN FOR n IN 1 .. 2000 LOOP PERFORM bizmetrics.log_event('logged', dedupe_key => 'key-' || n * 2, occurred_at => '2017-06-01'); COMMIT; END LOOP; END\$\$" ],
	'>', \my $nothing, '2>', \my $trouble);
my $imported = sql($node, $statements[2], %app);
IPC::Run::finish($application);
is($trouble, '', 'the application logs meanwhile');
my ($stored, $there, $rejected) = split /\|/, $imported;
is($stored + $there, $rows, 'every row is stored or there already');
is($rejected, 0, 'none is rejected');
is(sql($node, 'SELECT count(*) FROM public.business_events WHERE dedupe_key IS NOT NULL', %app), $rows / 2, 'each key has one event');
is(sql($node, 'SELECT count(*) FROM bizmetrics.dedupe_keys', %app), $rows / 2, 'and is in the ledger');
is(sql($node, 'SELECT count(*) FROM public.business_events', %app), $rows, 'nothing is doubled or lost');
is(sql($node, $statements[2], %app), "0|$rows|0", 'a third call stores nothing');
sql($node, $statements[3], %app);
is(sql($node, "SELECT to_regclass('public.business_events_before') IS NULL", %app), 't', 'the old table is gone');
sql($node, "SELECT bizmetrics.ensure_partitions(now(), now() + interval '1 hour')", %app);
sql($node, "INSERT INTO public.business_events (id, event_name, properties) VALUES (gen_random_uuid(), 'as before', '{}')", %app);

# The same without an application, in one transaction: event for event what it was.
my %quiet = make_app('quiet');
is(sql($node, "BEGIN; $migration COMMIT", %quiet), "$rows|0|0", 'in one transaction');
is(sql($node, $content, %quiet), $before, 'event for event what it was');
is(sql($node, 'SELECT count(DISTINCT xact_id) FROM public.business_events', %quiet), 1, 'stored by one transaction');

done_testing();
