# What the checks need to know of C and SQL sources: where code is and where comments and strings
# are. Everything taken out is replaced by blanks, so that line numbers stay true.
package Source;
use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(read_file without_comments without_strings sql_code line_of balanced complain finish);

my $complaints = 0;

sub read_file
{
	my ($path) = @_;
	open my $fh, '<', $path or die "$path: $!\n";
	local $/;
	return scalar <$fh> // '';
}

sub blank { return $_[0] =~ s/[^\n]/ /gr }

# C without its comments.
sub without_comments
{
	my ($text) = @_;
	$text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')}
			  {defined $1 ? blank($1) : $2}gse;
	return $text;
}

# C, its comments gone already, without the contents of strings and character constants.
sub without_strings
{
	my ($text) = @_;
	$text =~ s{(["'])((?:\\.|(?!\1)[^\\])*)\1}{$1 . blank($2) . $1}gse;
	return $text;
}

# SQL without comments, strings and dollar-quoted bodies; quoted identifiers stay.
sub sql_code
{
	my ($text) = @_;
	$text =~ s{(--[^\n]*|/\*.*?\*/|\b[eE]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'|(\$(?:[A-Za-z_]\w*)?\$).*?\2)|("(?:""|[^"])*")}
			  {defined $1 ? blank($1) : $3}gse;
	return $text;
}

sub line_of
{
	my ($text, $position) = @_;
	return 1 + (substr($text, 0, $position) =~ tr/\n//);
}

# The position after the parenthesis that closes the one at $open, in code without strings.
sub balanced
{
	my ($code, $open) = @_;
	my $depth = 0;
	pos($code) = $open;
	while ($code =~ /([()])/g)
	{
		$depth += $1 eq '(' ? 1 : -1;
		return pos($code) if $depth == 0;
	}
	return length $code;
}

sub complain
{
	my ($file, $line, $message) = @_;
	print STDERR "$file:$line: $message\n";
	$complaints++;
	return;
}

# Ends a check: with its one line when nothing was wrong.
sub finish
{
	my ($summary) = @_;
	exit 1 if $complaints;
	print "ok $summary\n";
	exit 0;
}

1;
