# Promise: whatever they read, funnel() and cohort_retention() stay within the hash memory of the settings and a
# few megabytes, and say the same as with more.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Cluster;
use Test::More;

plan skip_all => 'no /proc/self/status' unless -r '/proc/self/status';

# Few buffers, for the pages that a process has touched are counted with its memory.
my $node = make_node('main', ['shared_buffers = 1MB', 'fsync = off', 'max_parallel_workers_per_gather = 0', 'jit = off']);
make_database($node, 'postgres');
sql($node, "SELECT bizmetrics.ensure_partitions('2024-01-01', '2024-01-31')");
sql($node, <<'SQL');
INSERT INTO public.business_events (event_name, actor_user_id, occurred_at)
SELECT (ARRAY['view', 'cart', 'pay'])[1 + n % 3], 'user_' || hashint4(n) % 50000, timestamptz '2024-01-01' + n * interval '4 s'
FROM generate_series(1, 600000) AS n
SQL

# The answer, and by how many kilobytes the process has grown for it since a call that reads next to nothing.
sub ask
{
	my ($query, $rare, $work_mem) = @_;
	my $peak = q{SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+)'))[1]};
	my @lines = split /\n/, sql($node, "SET work_mem = '$work_mem'; SET hash_mem_multiplier = 1; SELECT count(*) FROM ($rare) AS r; $peak; SELECT md5(string_agg(q::text, ',' ORDER BY q::text)) FROM ($query) AS q; $peak");

	return ($lines[2], $lines[3] - $lines[1]);
}

my $time = "'2024-01-01', '2024-02-01'";
my %queries = (
	funnel => [ "SELECT * FROM bizmetrics.funnel(ARRAY['view', 'cart', 'pay'], '7 days', $time)", "SELECT * FROM bizmetrics.funnel(ARRAY['nothing'], '7 days', $time)" ],
	cohort_retention => [ "SELECT * FROM bizmetrics.cohort_retention('view', 'pay', 'day', 7, $time)", "SELECT * FROM bizmetrics.cohort_retention('nothing', 'nothing', 'day', 7, $time)" ]);
for my $name (sort keys %queries)
{
	my ($all, $much) = ask(@{ $queries{$name} }, '256MB');
	my ($same, $little) = ask(@{ $queries{$name} }, '1MB');

	is($same, $all, "$name() says the same with little memory");
	cmp_ok($much, '>', 12_000, "with more it keeps what it reads: $much kB");
	cmp_ok($little, '<', 8_000, "with 1 MB of work_mem it does not: $little kB");
}

$node->stop;
done_testing();
