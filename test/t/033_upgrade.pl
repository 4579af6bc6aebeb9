# Promise: an upgrade by ALTER EXTENSION UPDATE leaves the very objects that a fresh installation has: definitions,
# the order of columns, owners, rights, comments, dependencies, what pg_dump takes along and the rows that come with
# it. That holds for each version that can be installed, to each that it can be updated to; and every released one
# can be updated to the one at hand.
#
# So that this says something before there are two versions, and of mistakes that nobody has made yet, the test has
# two of its own, which it adds to a private copy of PostgreSQL's folders.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $describe = slurp_file("$FindBin::RealBin/../helpers/extension_catalog.sql");

# ---- a private installation ----

my ($installation, $extensions) = install_privately();
my $node = PostgreSQL::Test::Cluster->new('private', install_path => $installation);
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'bizmetrics'\nfsync = off\nbizmetrics.databases = 'none'");
$node->start;
is(sql($node, "SELECT setting FROM pg_config WHERE name = 'SHAREDIR'"), dirname($extensions), 'the server has folders of its own');
my $version = sql($node, "SELECT default_version FROM pg_available_extensions WHERE name = 'bizmetrics'");

# ---- comparing ----

# The lines that describe the extension after some statements, of which nothing stays.
sub lines_after
{
	my (@statements) = @_;

	return split /\n/, sql($node, join ";\n", 'BEGIN', @statements, "$describe SELECT pg_temp.extension_catalog('bizmetrics')", 'ROLLBACK');
}

# What two lists of lines do not share, each line with the sign of its list.
sub differences
{
	my ($left, $right) = @_;
	my %count;

	$count{$_}-- for @$left;
	$count{$_}++ for @$right;
	return sort map { ($count{$_} < 0 ? "- $_" : "+ $_") x abs $count{$_} } keys %count;
}

my %fresh;

# An upgrade against a fresh installation.
sub upgrade_differs
{
	my ($from, $to) = @_;

	$fresh{$to} //= [ lines_after("CREATE EXTENSION bizmetrics VERSION '$to'") ];
	return differences($fresh{$to},
		[ lines_after("CREATE EXTENSION bizmetrics VERSION '$from'", "ALTER EXTENSION bizmetrics UPDATE TO '$to'") ]);
}

# ---- the versions that there are ----

for my $path (split /\n/, sql($node, <<'SQL'))
SELECT source, target FROM pg_extension_update_paths('bizmetrics') JOIN pg_available_extension_versions v ON (v.name, v.version) = ('bizmetrics', source)
WHERE path IS NOT NULL ORDER BY 1, 2
SQL
{
	my ($from, $to) = split /\|/, $path;

	is_deeply([ upgrade_differs($from, $to) ], [], "from $from to $to: as if installed");
}
is(sql($node, <<"SQL"), '', "each version can be updated to $version");
SELECT v.version FROM pg_available_extension_versions v
WHERE name = 'bizmetrics' AND version <> '$version'
  AND NOT EXISTS (SELECT FROM pg_extension_update_paths('bizmetrics') WHERE source = v.version AND target = '$version' AND path IS NOT NULL)
SQL

# ---- a version with more in it, and an upgrade to it ----

# Of each kind of object one: what the install script of the next version has at its end, which the upgrade does too.
my $more = <<'SQL';
CREATE TABLE bizmetrics.new_table (id bigint PRIMARY KEY, label text COLLATE "C" NOT NULL DEFAULT 'x' CHECK (label <> ''), at timestamptz) WITH (fillfactor = 70);
COMMENT ON TABLE bizmetrics.new_table IS 'A table.';
COMMENT ON COLUMN bizmetrics.new_table.label IS 'A column.';
CREATE INDEX new_index ON bizmetrics.new_table (label) WHERE at IS NOT NULL;
INSERT INTO bizmetrics.new_table (id, label, at) VALUES (1, 'one', '2031-03-03 12:00+00');
CREATE SEQUENCE bizmetrics.new_sequence;
SELECT pg_catalog.pg_extension_config_dump('bizmetrics.new_table', 'WHERE id > 1');
ALTER TABLE bizmetrics.runs ADD COLUMN new_column text;
CREATE VIEW bizmetrics.new_view WITH (security_barrier) AS SELECT id, label FROM bizmetrics.new_table;
CREATE FUNCTION bizmetrics.new_function(n integer DEFAULT 1) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE COST 7 SET search_path = pg_catalog, pg_temp AS 'SELECT n';
COMMENT ON FUNCTION bizmetrics.new_function(integer) IS 'A function.';
REVOKE ALL ON FUNCTION bizmetrics.new_function(integer) FROM PUBLIC;
GRANT SELECT ON bizmetrics.new_view TO pg_monitor;
CREATE FUNCTION bizmetrics.new_trigger_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER new_trigger BEFORE INSERT ON bizmetrics.new_table FOR EACH ROW EXECUTE FUNCTION bizmetrics.new_trigger_function();
ALTER TABLE bizmetrics.new_table ENABLE ALWAYS TRIGGER new_trigger;
CREATE AGGREGATE bizmetrics.new_aggregate (integer) (SFUNC = pg_catalog.int4pl, STYPE = integer, INITCOND = '0', PARALLEL = safe, COMBINEFUNC = pg_catalog.int4pl);
CREATE TYPE bizmetrics.new_type AS (a integer, b text);
CREATE DOMAIN bizmetrics.new_domain AS text CHECK (value <> '');
SQL
my $next = 'next';

# Writes a script of an extension; what it says of a version is in its name.
sub write_script
{
	my ($name, $text) = @_;

	append_to_file("$extensions/bizmetrics--$name.sql", $text);
	return;
}
write_script($next, slurp_file("$extensions/bizmetrics--$version.sql") . $more);
write_script("$version--$next", $more);
is_deeply([ upgrade_differs($version, $next) ], [], 'an upgrade that makes what the new version has: no difference');
my @new = differences([ lines_after("CREATE EXTENSION bizmetrics VERSION '$version'") ], $fresh{$next});
cmp_ok(scalar @new, '>', 40, 'which is many lines');

# ---- mistakes ----

# What an upgrade has in place of a part of these statements, and the object by whose name it is told.
my @mistakes = (
	[ 'nothing at all', $more, '', 'new_table' ],
	[ 'a comment is missing', "COMMENT ON TABLE bizmetrics.new_table IS 'A table.';", '', 'table bizmetrics.new_table comment' ],
	[ 'a comment on a column', "IS 'A column.'", "IS 'The column.'", 'column 2' ],
	[ 'the order of columns', 'id bigint PRIMARY KEY, label text COLLATE "C" NOT NULL DEFAULT \'x\' CHECK (label <> \'\')',
		'label text COLLATE "C" NOT NULL DEFAULT \'x\' CHECK (label <> \'\'), id bigint PRIMARY KEY', 'new_table column 1' ],
	[ 'a column that was dropped on the way', 'ADD COLUMN new_column text',
		'ADD COLUMN other text, ADD COLUMN new_column text; ALTER TABLE bizmetrics.runs DROP COLUMN other', 'runs column 18' ],
	[ 'a collation', 'label text COLLATE "C"', 'label text', 'column 2' ],
	[ 'a default', "DEFAULT 'x'", "DEFAULT 'y'", 'column 2' ],
	[ 'NOT NULL', 'NOT NULL', '', 'column 2' ],
	[ 'a constraint', "CHECK (label <> '')", "CHECK (label > '')", 'new_table_label_check' ],
	[ 'an index', 'WHERE at IS NOT NULL', '', 'new_index' ],
	[ 'storage parameters', 'WITH (fillfactor = 70)', '', 'new_table options' ],
	[ 'a row', "'one'", "'two'", 'row of bizmetrics.new_table' ],
	[ 'what is dumped', "'WHERE id > 1'", "'WHERE id > 2'", 'new_table dumped' ],
	[ 'that nothing is dumped', "SELECT pg_catalog.pg_extension_config_dump('bizmetrics.new_table', 'WHERE id > 1');", '', 'new_table dumped' ],
	[ 'a type', 'id bigint', 'id integer', 'column 1' ],
	[ 'the query of a view', 'SELECT id, label FROM', 'SELECT id, label || \'\' AS label FROM', 'new_view view' ],
	[ 'the barrier of a view', 'WITH (security_barrier)', '', 'new_view options' ],
	[ 'the body of a function', "'SELECT n'", "'SELECT n + 0'", 'new_function(integer) definition' ],
	[ 'the cost of a function', 'COST 7', '', 'new_function(integer) definition' ],
	[ 'its search_path', 'SET search_path = pg_catalog, pg_temp', '', 'new_function(integer) definition' ],
	[ 'its default', 'DEFAULT 1', 'DEFAULT 2', 'new_function(integer) definition' ],
	[ 'what PUBLIC may do', 'REVOKE ALL ON FUNCTION bizmetrics.new_function(integer) FROM PUBLIC;', '', 'new_function(integer) rights' ],
	[ 'what pg_monitor may do', 'TO pg_monitor', 'TO pg_read_all_stats', 'new_view rights' ],
	[ 'when a trigger fires', 'ENABLE ALWAYS TRIGGER', 'ENABLE REPLICA TRIGGER', 'new_trigger on' ],
	[ 'an aggregate', "INITCOND = '0'", "INITCOND = '1'", 'new_aggregate(integer) aggregate' ],
	[ 'a composite type', 'a integer, b text', 'b text, a integer', 'new_type column' ],
	[ 'a domain', "CHECK (value <> '')", '', 'domain' ],
	[ 'a sequence', 'CREATE SEQUENCE bizmetrics.new_sequence;', 'CREATE SEQUENCE bizmetrics.new_sequence CACHE 5;', 'new_sequence sequence' ],
	[ 'an owner', 'CREATE SEQUENCE bizmetrics.new_sequence;',
		'CREATE SEQUENCE bizmetrics.new_sequence; ALTER SEQUENCE bizmetrics.new_sequence OWNER TO pg_monitor;', 'new_sequence owner' ],
	[ 'an object that is no member', 'CREATE SEQUENCE bizmetrics.new_sequence;',
		'CREATE SEQUENCE bizmetrics.new_sequence; ALTER EXTENSION bizmetrics DROP SEQUENCE bizmetrics.new_sequence;', 'new_sequence' ],
	[ 'one that is left over', $more, "$more CREATE VIEW bizmetrics.left_over AS SELECT 1;", 'left_over' ]);

for my $mistake (@mistakes)
{
	my ($what, $right, $wrong, $told) = @$mistake;
	my $at = index $more, $right;

	die "\"$right\" is not there" if $at < 0;
	unlink "$extensions/bizmetrics--$version--$next.sql";
	write_script("$version--$next", substr($more, 0, $at) . $wrong . substr $more, $at + length $right);
	my @differences = upgrade_differs($version, $next);
	ok(scalar(grep { index($_, $told) >= 0 } @differences), "a wrong upgrade is told of: $what") or diag join "\n", @differences;
}

$node->stop;
done_testing();
