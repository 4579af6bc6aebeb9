# Promise: a dump restored into another database, of the same server or another one, by a superuser
# or by the database's owner, while the worker is running there, brings everything, once; and the
# reports go on with the next slot.
#
# A report that ran before its table is whole would double rows, or fail: every report here is due
# every minute, and the clock moves through the whole restore, section by section where pg_restore
# does it, and for a plain dump in the middle of psql's work. Reports of three kinds: an upsert,
# whose ON CONFLICT needs the primary key; one that adds what is missing and would double what is
# about to be loaded; and one whose table has no key at all.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Utils;
use IPC::Run;
use POSIX qw(strftime);
use Test::More;
use Time::Local qw(timegm);

my @lines = ('bizmetrics.max_runners = 4');
my $here = make_node('here', \@lines);
my $there = make_node('there', \@lines);
my $dir = PostgreSQL::Test::Utils::tempdir;
my %minute = (here => 0, there => 0);

# Lets a minute pass on a server's clock, or more of them at once.
my $noon = timegm(0, 0, 12, 3, 2, 2031);

sub tick
{
	my ($node, $minutes) = @_;

	set_clock($node, strftime('%F %T+00', gmtime($noon + 60 * $minute{ $node->name })));
	$minute{ $node->name } += $minutes // 1;
	return;
}

# The roles and their memberships, which a dump of a database does not have. An owner can only
# restore what roles of his made.
for my $node ($here, $there)
{
	tick($node);
	sql($node, <<'SQL');
CREATE ROLE author LOGIN; CREATE ROLE boss LOGIN; CREATE ROLE writer LOGIN; CREATE ROLE reader LOGIN;
GRANT author TO boss;
SQL
}

# ---- what is dumped ----

# A database of boss with events and reports of a role.
my $days = "SELECT date_trunc('day', occurred_at, 'UTC') AS day, count(*) AS orders, sum((properties->>'value')::numeric) AS revenue FROM business_events GROUP BY 1";
my %report = (
	upsert => [ 'day timestamptz PRIMARY KEY, orders bigint, revenue numeric',
		"INSERT INTO analytics.upsert $days ON CONFLICT (day) DO UPDATE SET orders = excluded.orders, revenue = excluded.revenue" ],
	missing => [ 'day timestamptz PRIMARY KEY, orders bigint, revenue numeric',
		"INSERT INTO analytics.missing SELECT * FROM ($days) d WHERE NOT EXISTS (SELECT FROM analytics.missing m WHERE m.day = d.day)" ],
	keyless => [ 'day timestamptz, orders bigint, revenue numeric',
		"INSERT INTO analytics.keyless SELECT * FROM ($days) d WHERE NOT EXISTS (SELECT FROM analytics.keyless m WHERE m.day = d.day)" ]);

sub make_shop
{
	my ($database, $author) = @_;
	my %db = (db => $database);

	sql($here, "CREATE DATABASE $database OWNER boss");
	sql($here, 'CREATE EXTENSION bizmetrics', %db, user => 'boss');
	sql($here, "SELECT bizmetrics.grant_author('$author'), bizmetrics.grant_writer('writer'), bizmetrics.grant_reader('reader')",
		%db, user => 'boss');
	sql($here, <<'SQL', %db, user => 'writer');
SELECT count(bizmetrics.log_event('order_paid', jsonb_build_object('value', n), actor_user_id => n,
  occurred_at => timestamptz '2031-01-05 00:00+00' + n * interval '1 day', dedupe_key => CASE WHEN n % 3 = 0 THEN 'key' || n END))
FROM generate_series(1, 80) n
SQL
	is(sql($here, 'SELECT count(DISTINCT tableoid) FROM public.business_events', %db),
		3, "$database: events in three months");
	make_report($here, 'probe', %db, owner => $author, schedule => '@yearly', query => 'SELECT 1');
	sql($here, <<"SQL", %db, user => $author) for sort keys %report;
SELECT bizmetrics.create_report('$_', 'analytics.$_', \$q\$$report{$_}[1]\$q\$, '* * * * *',
  ddl => 'CREATE TABLE analytics.$_ ($report{$_}[0])')
SQL
	tick($here);
	tick($here);
	wait_for_run($here, $_, 1, %db) for sort keys %report;
	settle($here, %db);
	return;
}
make_shop('shop', 'author');
make_shop('boutique', 'boss');
my $first_id = 'SELECT id FROM public.business_events WHERE dedupe_key = \'key3\'';

# What must be the same afterwards: each query's whole result.
my %content = (
	events => 'SELECT count(*), md5(string_agg(e::text, chr(10) ORDER BY id)) FROM public.business_events e',
	keys => 'SELECT count(*), md5(string_agg(dedupe_key || event_id, chr(10) ORDER BY dedupe_key)) FROM bizmetrics.dedupe_keys',
	(map { $_ => "SELECT count(*), md5(string_agg(r::text, chr(10) ORDER BY r)) FROM analytics.$_ r" } sort keys %report),
	registry => 'SELECT r FROM bizmetrics.reports r ORDER BY report_id',
	grants => "SELECT g FROM bizmetrics.grants g ORDER BY g",
	privileges => <<'SQL',
SELECT c.oid::regclass, CASE WHEN relnamespace = 'analytics'::regnamespace THEN pg_get_userbyid(c.relowner) END,
  (SELECT string_agg(grantee::regrole || ' ' || privilege_type, ',' ORDER BY grantee::regrole::text, privilege_type)
    FROM aclexplode(c.relacl) WHERE grantee::regrole::text IN ('author', 'reader', 'writer'))
FROM pg_class c WHERE relnamespace IN ('public'::regnamespace, 'analytics'::regnamespace, 'bizmetrics'::regnamespace)
ORDER BY c.oid::regclass::text COLLATE "C"
SQL
	columns => <<'SQL',
SELECT attrelid::regclass, attname, regexp_replace(attacl::text, '/\w+', '') FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid = 'public.business_events'::regclass ORDER BY 2
SQL
	triggers => <<'SQL',
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'business_events%' OR tgname LIKE 'reports%'
ORDER BY tgrelid::regclass::text COLLATE "C", tgname
SQL
	indexes => <<'SQL');
SELECT indexdef FROM pg_indexes WHERE schemaname IN ('public', 'analytics', 'bizmetrics') ORDER BY indexdef COLLATE "C"
SQL
# A plain dump as text that two dumps of the same content share.
sub dump_text
{
	my ($node, $database) = @_;
	my ($text) = run_command([ 'pg_dump', '-d', $node->connstr($database) ]);

	return join "\n", sort grep { !/^(--|\\restrict|\\unrestrict|$)/ } split /\n/, $text;
}
my (%original, %text);
for my $shop (qw(shop boutique))
{
	$original{$shop} = { map { $_ => sql($here, $content{$_}, db => $shop) } keys %content };
	$text{$shop} = dump_text($here, $shop);
	command_ok([ 'pg_dump', '-Fc', '-f', "$dir/$shop.custom", '-d', $here->connstr($shop) ], "$shop: pg_dump, custom format");
	command_ok([ 'pg_dump', '-f', "$dir/$shop.sql", '-d', $here->connstr($shop) ], "$shop: pg_dump, plain");
}
like($original{shop}{triggers}, qr/business_events_2031_02\|business_events_dedupe\|A/,
	'partitions have triggers that fire always');

# ---- how it is restored ----

# Lets slots come on a server, and the worker look at them in a database.
sub pass_time
{
	my ($node, $database, $minutes) = @_;

	for (1 .. 3)
	{
		tick($node, $minutes);
		poll($node, 'postgres', <<"SQL");
SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type IN ('bizmetrics runner', 'bizmetrics scheduler') AND datname = '$database'
SQL
	}
	return;
}

sub restore_custom
{
	my ($node, $shop, $database, $user) = @_;

	for my $section (qw(pre-data data post-data))
	{
		command_ok([ 'pg_restore', '-e', "--section=$section", '-U', $user, '-d', $node->connstr($database), "$dir/$shop.custom" ],
			"$database: pg_restore -e of $section");
		pass_time($node, $database);
	}
	return;
}

# All in one, and a minute at each step that tells one kind of what a dump has from the next.
sub restore_at_once
{
	my ($node, $shop, $database, $user) = @_;
	my $messages = '';
	my $restore = IPC::Run::start([ 'pg_restore', '-e', '-v', '-U', $user, '-d', $node->connstr($database), "$dir/$shop.custom" ],
		'2>', \$messages);

	for my $step ('creating TABLE', 'processing data for table', 'creating CONSTRAINT', 'creating ACL')
	{
		$restore->pump while $restore->pumpable && $messages !~ /$step "analytics\./;
		tick($node);
	}
	ok($restore->finish, "$database: pg_restore -e") or diag $messages;
	return;
}

# What takes long comes before the keys, and the grants on the reports' tables come late after them.
sub restore_slowly
{
	my ($node, $shop, $database, $user) = @_;
	my @command = ('pg_restore', '-e', '-U', $user, '-d', $node->connstr($database), "$dir/$shop.custom");
	my ($contents) = run_command([ 'pg_restore', '-l', "$dir/$shop.custom" ]);
	my %kind = (grants => qr/ ACL analytics /, keys => qr/ CONSTRAINT | ACL - SCHEMA /);
	my %lines = map { $_ => [] } 'contents', sort keys %kind;

	for my $line (split /\n/, $contents)
	{
		my ($found) = grep { $line =~ $kind{$_} } sort keys %kind;
		push @{ $lines{ $found // 'contents' } }, $line;
	}
	for my $part (qw(contents keys grants))
	{
		append_to_file("$dir/$database.$part", join "\n", @{ $lines{$part} }, '');
		command_ok([ @command, '-L', "$dir/$database.$part" ], "$database: pg_restore -e of $part");
		pass_time($node, $database, 3) for 1 .. ($part eq 'contents' ? 2 : 1);
		is( sql($node, 'SELECT count(*) FILTER (WHERE NOT adopted), count(*) FROM bizmetrics.report_state', db => $database),
			'4|4', "$database: no report runs before its table is granted") if $part eq 'keys';
	}
	return;
}

# psql in three pieces: the dump is cut before its data, and after it.
sub restore_plain
{
	my ($node, $shop, $database, $user) = @_;
	my @lines = split /^/, slurp_file("$dir/$shop.sql");
	my ($data) = grep { $lines[$_] =~ /^-- Data for Name/ } 0 .. $#lines;
	my ($post) = grep { $_ > $data && $lines[$_] =~ /^-- Name: .* Type: (CONSTRAINT|INDEX)/ } 0 .. $#lines;
	my $head = join '', grep { /^(SET|SELECT pg_catalog.set_config)/ } @lines[ 0 .. 30 ];
	my $count = 0;

	for my $piece ([ 0, $data - 1 ], [ $data, $post - 1 ], [ $post, $#lines ])
	{
		my $sql = $head . join '', grep { !/^\\(un)?restrict/ } @lines[ $piece->[0] .. $piece->[1] ];
		is(sql_state($node, $sql, db => $database, user => $user), '', "$database: psql, piece " . ++$count);
		pass_time($node, $database);
	}
	return;
}

# ---- restored ----

sub check_restored
{
	my ($node, $shop, $database) = @_;
	my %db = (db => $database);

	is(sql($node, $content{$_}, %db), $original{$shop}{$_}, "$database: $_ as they were") for sort keys %content;
	ok(dump_text($node, $database) eq $text{$shop}, "$database: a dump of it equals the first one");
	is(sql($node, "SELECT bizmetrics.log_event('order_paid', dedupe_key => 'key3')", %db, user => 'writer'),
		sql($here, $first_id, db => $shop), "$database: a dedupe key still stands");
	is(sql_state($node, "INSERT INTO public.business_events (event_name, occurred_at, dedupe_key) VALUES ('x', '2031-02-02', 'key3')",
			%db, user => 'writer'),
		'23505', "$database: for INSERT, too");
	is(sql_state($node, 'DELETE FROM bizmetrics.business_events_2031_02', %db), '55000', "$database: append-only");
	is(sql_state($node, 'TRUNCATE bizmetrics.business_events_2031_02', %db), '55000', "$database: also for TRUNCATE");
	is(sql_state($node, 'DROP EXTENSION bizmetrics', %db), '2BP01', "$database: DROP EXTENSION is still refused");
	is(sql($node, 'SELECT count(*) FROM analytics.upsert', %db, user => 'reader'), 80, "$database: a reader reads");
	is(sql_state($node, 'SELECT FROM public.business_events', %db, user => 'reader'), '42501', "$database: reports only");

	# The worker adopts the reports, which takes it a few looks.
	for (1 .. 5)
	{
		sql($node, "SELECT bizmetrics.request_run('probe')", %db);
		pass_time($node, $database);
	}
	is( sql($node, "SELECT string_agg(DISTINCT state, ',') FROM bizmetrics.report_status", %db),
		'waiting', "$database: the reports are adopted");
	sql($node, "SELECT bizmetrics.log_event('order_paid', '{\"value\": 7}', occurred_at => '2031-03-30')", %db, user => 'writer');
	tick($node);
	my $slot = sql($node, 'SELECT bizmetrics_test.clock()');
	for my $report (sort keys %report)
	{
		wait_for($node, "SELECT count(*) = 1 FROM bizmetrics.report_runs WHERE report_name = '$report' AND slot = '$slot' AND state = 'succeeded'",
			"$database: $report goes on with the next slot", %db);
		is( sql($node, "SELECT count(*), count(DISTINCT day), sum(orders) FROM analytics.$report", %db),
			'81|81|81',
			"$database: $report has each day once, and the new one");
	}
	# Grants come last in a dump, so a run in the middle of them may lack one; it leaves nothing behind.
	is( sql($node, "SELECT count(*) FROM bizmetrics.report_runs WHERE state <> 'succeeded' AND sqlstate <> '42501'", %db),
		0, "$database: no run failed on the way");
	return;
}

my $superuser = sql($here, 'SELECT current_user');
my @restores = (
	[ $here, 'shop', 'by_superuser', $superuser, \&restore_custom ],
	[ $there, 'shop', 'away', $superuser, \&restore_at_once ],
	[ $there, 'shop', 'slowly', $superuser, \&restore_slowly ],
	[ $there, 'shop', 'plain_away', $superuser, \&restore_plain ],
	[ $here, 'boutique', 'by_owner', 'boss', \&restore_custom ],
	[ $here, 'boutique', 'plain_by_owner', 'boss', \&restore_plain ],
	[ $there, 'boutique', 'away_by_owner', 'boss', \&restore_at_once ]);
for my $restore (@restores)
{
	my ($node, $shop, $database, $user, $how) = @$restore;

	sql($node, "CREATE DATABASE $database OWNER boss");
	$how->($node, $shop, $database, $user);
	pass_time($node, $database);
	check_restored($node, $shop, $database);
	sql($node, "DROP DATABASE $database WITH (FORCE)");
}

# The report tables of somebody else: ALTER TABLE OWNER wants the new owner's CREATE on the schema,
# which a dump grants at its end only. docs/operations.md says how the owner gives it beforehand.
sql($here, 'CREATE DATABASE of_author OWNER boss');
sql($here, 'ALTER DEFAULT PRIVILEGES GRANT USAGE, CREATE ON SCHEMAS TO author', db => 'of_author', user => 'boss');
my ($out, $errors) = run_command([ 'pg_restore', '-e', '-U', 'boss', '-d', $here->connstr('of_author'), "$dir/shop.custom" ]);
if (is($errors, '', 'the owner restores reports of a role that he is a member of'))
{
	sql($here, 'ALTER DEFAULT PRIVILEGES REVOKE USAGE, CREATE ON SCHEMAS FROM author', db => 'of_author', user => 'boss');
	pass_time($here, 'of_author');
	check_restored($here, 'shop', 'of_author');
}

$_->stop for $here, $there;
done_testing();
