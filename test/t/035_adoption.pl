# Promise: after a restore a report waits until its readers may read its table, which a dump grants at its very end,
# for a run that shared it would be in the way of that; but for a minute only, for they may have lost that right.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('main');
my $dir = PostgreSQL::Test::Utils::tempdir;
my $seconds = 0;

# Lets so many seconds pass, one look of the worker after the other.
sub pass_seconds
{
	my ($database, $count) = @_;

	for (1 .. $count / 5)
	{
		$seconds += 5;
		sql($node, "SELECT bizmetrics_test.set_clock(timestamptz '2031-03-03 12:00:30+00' + interval '$seconds s')");
		wait_until_idle($node, db => $database) or die 'the worker does not leave';
	}
	return;
}

sub state_in
{
	my ($database) = @_;
	return sql($node, "SELECT state FROM bizmetrics.report_status WHERE report_name = 'sums'", db => $database);
}

# Restores all but grants on tables, whose entries are left for later.
sub restore_without_grants
{
	my ($database) = @_;
	my ($list) = run_command([ 'pg_restore', '-l', "$dir/shop.dump" ]);
	my @entries = split /^/, $list;

	open my $first, '>', "$dir/first.list" or die $!;
	open my $last, '>', "$dir/last.list" or die $!;
	print { / ACL analytics TABLE sums / ? $last : $first } $_ for @entries;
	close $_ for $first, $last;
	is(scalar(grep { / ACL analytics TABLE sums / } @entries), 1, 'the dump grants the table to its readers');
	sql($node, "CREATE DATABASE $database");
	command_ok([ 'pg_restore', '-e', '-L', "$dir/first.list", '-d', $node->connstr($database), "$dir/shop.dump" ], "$database: all but that");
	return;
}

set_clock($node, '2031-03-03 12:00:30+00');
make_database($node, 'shop');
my %shop = (db => 'shop');
sql($node, 'CREATE ROLE reader');
make_author($node, %shop);
sql($node, q{SELECT bizmetrics.grant_reader('reader')}, %shop);
sql($node, q{SELECT bizmetrics.create_report('sums', 'analytics.sums', 'INSERT INTO analytics.sums VALUES (1) ON CONFLICT DO NOTHING', '0 0 29 2 *', ddl => 'CREATE TABLE analytics.sums (n integer PRIMARY KEY)')},
	%shop, user => 'author');
sql($node, q{SELECT bizmetrics.run_report('sums')}, %shop, user => 'author');
command_ok([ 'pg_dump', '-Fc', '-f', "$dir/shop.dump", '-d', $node->connstr('shop') ], 'pg_dump');

# ---- grants that come late ----

restore_without_grants('late');
pass_seconds('late', 25);
is(state_in('late'), 'restored', 'without them the report waits, though its table is whole');
command_ok([ 'pg_restore', '-e', '-L', "$dir/last.list", '-d', $node->connstr('late'), "$dir/shop.dump" ], 'the grants come');
is(sql($node, q{SELECT has_table_privilege('reader', 'analytics.sums', 'SELECT')}, db => 'late'), 't', 'and are there');
pass_seconds('late', 60);
is(state_in('late'), 'waiting', 'then it is adopted');

# ---- grants that never come ----

restore_without_grants('never');
pass_seconds('never', 25);
is(state_in('never'), 'restored', 'where they do not come, it waits');
pass_seconds('never', 180);
is(state_in('never'), 'waiting', 'for some minutes at most');

$node->stop;
done_testing();
