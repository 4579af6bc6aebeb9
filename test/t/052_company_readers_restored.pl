# Promise: what a company reader may read is as it was after a restore, by a superuser or by the database's owner, in
# either format, for later reports too, and is taken back as it was given. A dump gives the rights last, after the
# policies. These need nothing of the extension: without it the tables still show no row of others.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Utils;
use Test::More;

# The worker is kept away: reports run by hand.
my @lines = ("bizmetrics.databases = 'postgres'", "timezone = 'UTC'");
my $here = make_node('here', \@lines);
my $there = make_node('there', \@lines);
my $dir = PostgreSQL::Test::Utils::tempdir;
my %shop = (db => 'shop');

sql($_, 'CREATE ROLE author LOGIN; CREATE ROLE boss LOGIN; CREATE ROLE reader LOGIN; CREATE ROLE acme LOGIN; CREATE ROLE several LOGIN; GRANT author TO boss') for $here, $there;
sql($here, 'CREATE DATABASE shop OWNER boss');
sql($here, <<'SQL', %shop, user => 'boss');
CREATE EXTENSION bizmetrics;
SELECT bizmetrics.grant_author('author'), bizmetrics.grant_reader('reader');
SELECT count(bizmetrics.log_event('order_paid', '{"value": 3}', 'u' || n, (ARRAY['acme', 'beta', 'o''dd"{,}'])[1 + n % 3], occurred_at => timestamptz '2026-03-01' + n * interval '1 hour')) FROM generate_series(1, 30) n;
SQL

sub make_report_of
{
	my ($node, $name, %params) = @_;

	sql($node, qq(SELECT bizmetrics.create_metric_report('$name', '{"measures": ["count"], "dimensions": ["company_id"], "granularity": "day", "timezone": "UTC"}', '\@yearly')), %params, user => 'author');
	is(sql($node, "SELECT state FROM bizmetrics.run_report('$name')", %params, user => 'author'), 'succeeded', "$params{db}: $name runs");
	return;
}

make_report_of($here, 'sales', %shop);
sql($here, q{SELECT bizmetrics.create_metric_report('total', '{"measures": ["count"], "granularity": "day"}', '@yearly')}, %shop, user => 'author');
sql($here, <<'SQL', %shop, user => 'boss');
SELECT bizmetrics.grant_company_reader('acme', 'acme'), bizmetrics.grant_company_reader('several', 'beta'), bizmetrics.grant_company_reader('several', 'o''dd"{,}');
SQL

my $policies = q{SELECT tablename, policyname, permissive, roles, cmd, qual, with_check, relrowsecurity FROM pg_policies JOIN pg_class c ON c.oid = format('%I.%I', schemaname, tablename)::regclass ORDER BY 1, 2};
my $grants = 'SELECT role_name, privilege, companies FROM bizmetrics.granted_roles ORDER BY 1, 2';
my %original = map { $_ => sql($here, $_, %shop) } $policies, $grants;
like($original{$policies}, qr/sales\|bizmetrics_company_acme\|RESTRICTIVE\|\{acme\}/, 'there is something to dump');

# What each role gets, by every way.
sub check_reads
{
	my ($node, $report, %params) = @_;
	my %expected = (acme => 'acme', several => "beta,o'dd\"{,}", reader => "acme,beta,o'dd\"{,}");

	for my $role (sort keys %expected)
	{
		my $list = q{string_agg(DISTINCT company_id, ',' ORDER BY company_id)};
		is(sql($node, "SELECT $list FROM analytics.$report", %params, user => $role), $expected{$role}, "$params{db}: $role reads $report");
		is(sql($node, qq(SELECT string_agg(DISTINCT line::jsonb ->> 'company_id', ',' ORDER BY line::jsonb ->> 'company_id') FROM bizmetrics.export_report('$report', 'jsonl') AS line), %params, user => $role),
			$expected{$role}, "$params{db}: and exports it");
		is(sql($node, qq(SELECT string_agg(q ->> 'company_id', ',' ORDER BY q ->> 'company_id') FROM bizmetrics.query_metric('{"source": "$report", "measures": ["count"], "dimensions": ["company_id"]}') AS q), %params, user => $role),
			$expected{$role}, "$params{db}: and asks for it");
	}
	is(sql_state($node, 'TABLE analytics.total', %params, user => 'acme'), '42501', "$params{db}: what is of all companies is not for one");
	return;
}

check_reads($here, 'sales', %shop);

# ---- dumped, by a superuser and by the owner ----

my $superuser = sql($here, 'SELECT current_user');
for my $user ($superuser, 'boss')
{
	command_ok([ 'pg_dump', '-U', $user, '-Fc', '-f', "$dir/$user.custom", '-d', $here->connstr('shop') ], "pg_dump by $user, custom format");
	command_ok([ 'pg_dump', '-U', $user, '-f', "$dir/$user.sql", '-d', $here->connstr('shop') ], "pg_dump by $user, plain");
}

# The order in which pg_restore goes.
my ($listing) = run_command([ 'pg_restore', '-f', '-', "$dir/boss.custom" ]);
ok(index($listing, 'GRANT SELECT ON TABLE analytics.sales TO acme') > index($listing, 'CREATE POLICY bizmetrics_company_acme ON analytics.sales'), 'nobody is given a table before its policies');
ok(index($listing, 'GRANT SELECT ON TABLE analytics.sales TO acme') > index($listing, 'ALTER TABLE analytics.sales ENABLE ROW LEVEL SECURITY'), 'nor before they are in force');

# Who owns neither the tables nor their owner's rights sees as much as everybody, and has to say that this will do.
sql($here, 'CREATE ROLE clerk LOGIN; GRANT pg_read_all_data TO clerk');
command_fails_like([ 'pg_dump', '-U', 'clerk', '-a', '-t', 'analytics.sales', '-d', $here->connstr('shop') ], qr/row-level security/, 'pg_dump by somebody else stops');
command_like([ 'pg_dump', '-U', 'clerk', '-a', '--enable-row-security', '-t', 'analytics.sales', '-d', $here->connstr('shop') ], qr/acme.*beta/s, 'and takes all rows if told so');

# ---- restored ----

for my $restore ([ $there, 'away', $superuser, 'custom' ], [ $here, 'by_owner', 'boss', 'custom' ], [ $there, 'plain_by_owner', 'boss', 'plain' ])
{
	my ($node, $database, $user, $format) = @$restore;
	my %db = (db => $database);

	sql($node, "CREATE DATABASE $database OWNER boss");
	sql($node, 'ALTER DEFAULT PRIVILEGES GRANT USAGE, CREATE ON SCHEMAS TO author', %db, user => 'boss') if $user eq 'boss';
	command_ok($format eq 'custom' ? [ 'pg_restore', '-e', '-U', $user, '-d', $node->connstr($database), "$dir/$user.custom" ]
		: [ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-U', $user, '-d', $node->connstr($database), '-f', "$dir/$user.sql" ], "$database: restored");
	sql($node, 'ALTER DEFAULT PRIVILEGES REVOKE USAGE, CREATE ON SCHEMAS FROM author', %db, user => 'boss') if $user eq 'boss';

	is(sql($node, $policies, %db), $original{$policies}, "$database: policies are as they were");
	is(sql($node, $grants, %db), $original{$grants}, "$database: so are the words");
	check_reads($node, 'sales', %db);
	is(sql($node, "SELECT state FROM bizmetrics.run_report('sales')", %db, user => 'author'), 'succeeded', "$database: the report runs");
	is(sql($node, $policies, %db), $original{$policies}, "$database: which changes no policy");
	check_reads($node, 'sales', %db);
	make_report_of($node, 'later', %db);
	check_reads($node, 'later', %db);
	is(sql($node, q{SELECT count(*) FROM bizmetrics.doctor() WHERE subject LIKE 'role %'}, %db), 0, "$database: the doctor finds nothing");
}

# ---- taken back, and without the extension ----

my %away = (db => 'away');
sql($there, "SELECT bizmetrics.revoke_company_reader('several')", %away);
is(sql_state($there, 'TABLE analytics.sales', %away, user => 'several'), '42501', 'taken back');
is(sql($there, 'SELECT string_agg(DISTINCT company_id, chr(44)) FROM analytics.sales', %away, user => 'acme'), 'acme', 'and others stay');
sql($there, 'DROP EXTENSION bizmetrics CASCADE', %away);
is(sql($there, 'SELECT string_agg(DISTINCT company_id, chr(44)) FROM analytics.sales', %away, user => 'acme'), 'acme', 'without the extension the policies still hold');
is(sql($there, 'SELECT count(DISTINCT company_id) FROM analytics.sales', %away, user => 'reader'), 3, 'and everybody else reads on');

done_testing();
