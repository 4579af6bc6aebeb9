# Promise: a tracked table, the mappings of other services' messages and the rejects come whole out of
# a dump, restored by the database's owner; nothing is logged of rows that a restore loads; and the
# restored table goes on logging.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('main');
my $dir = PostgreSQL::Test::Utils::tempdir;
my $events = 'SELECT event_name, entity_id, properties FROM public.business_events ORDER BY id';
my %part = (
	events => $events,
	triggers => "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'shop.orders'::regclass AND NOT tgisinternal",
	mappings => 'SELECT * FROM bizmetrics.event_mappings ORDER BY 1, 2',
	rejects => 'SELECT * FROM bizmetrics.event_rejects ORDER BY 1');

sql($node, 'CREATE ROLE boss LOGIN');
sql($node, 'CREATE DATABASE shop OWNER boss');
my %boss = (db => 'shop', user => 'boss');
sql($node, <<'SQL', %boss);
CREATE EXTENSION bizmetrics;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id bigint PRIMARY KEY, status text, "a 'b' {c}" text) PARTITION BY RANGE (id);
CREATE TABLE shop.orders_1 PARTITION OF shop.orders FOR VALUES FROM (1) TO (100);
SELECT bizmetrics.track_table('shop.orders', 'order''s "{status}"\', 'order_{status}', 'order_deleted',
  entity_id => 'id', properties => ARRAY['status', 'a ''b'' {c}']);
INSERT INTO shop.orders VALUES (1, 'new', 'x');
UPDATE shop.orders SET status = 'paid';
SELECT bizmetrics.map_event('mail', '*', 'mail_{type}', '{"entity_id": "data.id"}');
SELECT bizmetrics.ingest('mail', '{"type": "opened", "id": 1, "data": {"id": 5}}');
SELECT bizmetrics.ingest('mail', '{"type": "opened"}');
SQL
my %before = map { $_ => sql($node, $part{$_}, %boss) } keys %part;
like($before{events}, qr/^order's "new"\\\|1\|\{"status": "new", "a 'b' \{c\}": "x"\}$/m,
	'a name with quotes, a column with braces');

for my $format ('custom', 'plain')
{
	my %there = (db => $format, user => 'boss');

	sql($node, "CREATE DATABASE $format OWNER boss");
	if ($format eq 'custom')
	{
		command_ok([ 'pg_dump', '-Fc', '-U', 'boss', '-h', $node->host, '-p', $node->port, '-f', "$dir/dump", 'shop' ], 'dump');
		command_ok([ 'pg_restore', '-e', '-U', 'boss', '-h', $node->host, '-p', $node->port, '-d', $format, "$dir/dump" ],
			'restored by the owner, without an error');
	}
	else
	{
		command_ok([ 'pg_dump', '-U', 'boss', '-h', $node->host, '-p', $node->port, '-f', "$dir/dump.sql", 'shop' ], 'dump');
		command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'boss', '-h', $node->host, '-p', $node->port,
				'-d', $format, '-f', "$dir/dump.sql" ], 'restored by the owner, without an error');
	}
	is(sql($node, $part{$_}, %there), $before{$_}, "$format: the $_ are as they were") for sort keys %part;
	sql($node, "UPDATE shop.orders SET status = 'shipped'", %there);
	like(sql($node, $events, %there), qr/^order_shipped\|1\|.*"old": \{"status": "paid"\}/m, "$format: it goes on logging");
	sql($node, q{SELECT bizmetrics.ingest('mail', '{"type": "opened"}')}, %there);
	is(sql($node, 'SELECT max(reject_id) FROM bizmetrics.event_rejects', %there), 2, "$format: and numbering rejects");
	is(sql($node, q{SELECT bizmetrics.ingest('mail', '{"type": "opened", "id": 1}') = id FROM public.business_events WHERE event_name = 'mail_opened'},
			%there), 't', "$format: a message that came before the dump comes again");
}

# The extension does not go while tables are tracked, but by CASCADE, which leaves them.
sql($node, 'DROP VIEW bizmetrics.business_events_guard', %boss);
is(sql_state($node, 'DROP EXTENSION bizmetrics', %boss), '2BP01', 'a tracked table keeps the extension');
sql($node, 'SET client_min_messages = error; DROP EXTENSION bizmetrics CASCADE', %boss);
is(sql($node, 'SELECT count(*) FROM shop.orders', %boss), 1, 'the table stays');

done_testing();
