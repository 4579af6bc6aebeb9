# Promise: the pages and PDF files of export_report() are what other programs take them for: xmllint parses the page
# and finds in it what SQL has, qpdf has no complaint about the file, and pdftotext reads it page by page, in
# databases of another encoding too.
use strict;
use warnings;

use Encode;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

for my $program (qw(xmllint qpdf pdftotext pdfinfo))
{
	plan skip_all => "$program is not installed" unless grep { -x "$_/$program" } split /:/, $ENV{PATH};
}

my $node = make_node('main');
my $dir = PostgreSQL::Test::Utils::tempdir;

sub output_of
{
	my @command = @_;
	my ($out, $errors) = ('', '');

	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$errors) or diag("@command: $errors");
	return $out;
}

# What export_report() gives as a file, with psql, as somebody would.
sub export_page
{
	my ($database, $report, $file) = @_;

	command_ok([ 'psql', '-XAtq', '-d', $node->connstr($database), '-o', $file, '-c', "SELECT bizmetrics.export_report('$report', 'html')" ],
		"$database: $report as a page");
	return;
}

sub export_pdf
{
	my ($database, $report, $file) = @_;
	my $hex = sql($node, "SELECT encode(bizmetrics.export_report_pdf('$report'), 'hex')", db => $database);

	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle pack 'H*', $hex;
	close $handle or die "$file: $!";
	return;
}

sub make_sales
{
	my ($database, $author) = @_;

	sql($node, "SELECT bizmetrics.grant_author('$author')", db => $database);
	sql($node, q{SELECT bizmetrics.create_report('Sales', 'analytics.sales', 'SELECT 1', '@yearly', ddl => $$
	  CREATE TABLE analytics.sales (day date, product text, note text, units bigint, amount numeric(14,2), PRIMARY KEY (day, product));
	  COMMENT ON TABLE analytics.sales IS 'What was sold, by day & product; "amount" < 10 is not shown.'$$);
	  INSERT INTO analytics.sales SELECT date '2026-01-01' + n / 4, 'product ' || n % 4, CASE n WHEN 7 THEN '<b>' || chr(228) || chr(233) || '</b> & "(x)" \ ' ELSE 'note ' || n END, n * 1000, n * 0.5
	  FROM generate_series(1, 150) AS n}, db => $database, user => $author);
	return;
}

sql($node, 'CREATE ROLE author LOGIN');
sql($node, q{CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'});
for my $database (qw(postgres latin))
{
	sql($node, 'CREATE EXTENSION bizmetrics', db => $database);
	make_sales($database, 'author');
}

for my $database (qw(postgres latin))
{
	my $page = "$dir/$database.html";
	my $file = "$dir/$database.pdf";
	my $note = encode('UTF-8', "<b>\x{e4}\x{e9}</b> & \"(x)\" \\");

	# ---- the page ----

	export_page($database, 'Sales', $page);
	command_ok([ 'xmllint', '--noout', '--nonet', $page ], "$database: it is well-formed");
	command_ok([ 'xmllint', '--html', '--noout', '--nonet', $page ], "$database: and HTML");
	my $cells = "//*[local-name()='tbody']/*[local-name()='tr']";
	is(output_of('xmllint', '--nonet', '--xpath', "count($cells)", $page) + 0, 150, "$database: each row is one");
	is(output_of('xmllint', '--nonet', '--xpath', "count($cells\[count(*[local-name()='td']) = 5])", $page) + 0, 150, "$database: of five cells");
	is(output_of('xmllint', '--nonet', '--xpath', "sum($cells/*[5])", $page) + 0, sql($node, 'SELECT sum(amount) FROM analytics.sales', db => $database) + 0,
		"$database: numbers are those of the table");
	is(output_of('xmllint', '--nonet', '--xpath', "count($cells/*[\@class='n'])", $page) + 0, 300, "$database: numbers are on the right");
	like(output_of('xmllint', '--nonet', '--xpath', "string($cells\[7]/*[3])", $page), qr/^\Q$note\E\s*$/, "$database: a text is what it was");
	like(output_of('xmllint', '--nonet', '--xpath', "string(//*[local-name()='title'])", $page), qr/^Sales$/, "$database: its title");
	unlike(slurp_file($page), qr/[^\x00-\x7f]/, "$database: it is ASCII, whatever encoding it is written in");

	# ---- the PDF file ----

	export_pdf($database, 'Sales', $file);
	command_like([ 'qpdf', '--check', $file ], qr/No syntax or stream encoding errors found/, "$database: qpdf has no complaint");
	my ($pages) = output_of('pdfinfo', $file) =~ /^Pages:\s+(\d+)$/m;
	is($pages, 3, "$database: as many pages as the rows need");
	like(output_of('pdfinfo', $file), qr/^Title:\s+Sales$/m, "$database: its title");
	my $rows = 0;
	for my $number (1 .. $pages)
	{
		my $text = output_of('pdftotext', '-layout', '-f', $number, '-l', $number, $file, '-');
		like($text, qr/^ *day +product +note +units +amount$/m, "$database: page $number has the header");
		like($text, qr/Page $number of $pages$/m, "$database: and its number");
		$rows++ while $text =~ /^2026-\d\d-\d\d +product \d /mg;
	}
	is($rows, 150, "$database: each row is on one page");
	my $text = output_of('pdftotext', '-layout', $file, '-');
	like($text, qr/\Q$note\E +7000 +3\.50$/m, "$database: a text is what it was");
	like($text, qr/What was sold, by day & product; "amount" < 10 is not shown\./, "$database: what it is");
	my @ends = map { length } grep { /^2026/ } split /\n/, decode('UTF-8', output_of('pdftotext', '-layout', '-l', 1, $file, '-'));
	is(scalar(grep { $_ != $ends[0] } @ends), 0, "$database: numbers end in one line") or diag("@ends");
}

done_testing();
