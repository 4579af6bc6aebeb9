# Promise: every panel of every dashboard for Grafana, and every rule of its alerting, is SQL that the role it is
# meant for may run, gives the shape that the panel needs, and has something to show of the sample company; what
# the reader sees of the tables has keys and comments, for tools that discover them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use BizmetricsTest;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = "$FindBin::RealBin/../../dashboards";
# Long enough for recurring revenue before the last whole month, on whatever day of a month the test runs.
my $days = 95;
my $json = JSON::PP->new->allow_nonref;

# The questions of three dashboards that teams build again and again, as the manual says which panel answers each
# and which tables that reads.
my (%answers, %reads, $section);
for (split /\n/, slurp_file("$FindBin::RealBin/../../docs/dashboards.md"))
{
	$section = { 'Business KPIs' => 'business', 'Customer success' => 'customer_success', 'Growth and marketing' => 'growth' }->{$1} if /^### (.+)/;
	my ($question, $panel, $tables) = /^\| ([^|]+?) \| `([^|`]+)` \| ([^|]+?) \|$/ or next;
	$answers{$section}{$question} = $panel;
	$reads{$section}{$panel} = [ $tables =~ /`(\w+)`/g ];
}

# These are empty where all is well, and lifetime value where nobody left.
my %may_be_empty = map { $_ => 1 } 'LTV ($currency)', 'LTV : CAC', 'CAC payback (months)', 'Slots that did not run', 'Backfills', 'Orders that came where they should not, 30 days';

my $node = make_node('main', [ "timezone = 'America/New_York'" ]);
sql($node, 'CREATE ROLE grafana LOGIN; CREATE ROLE monitor LOGIN; GRANT pg_monitor TO monitor');
make_database($node, 'postgres');
make_author($node);
sql($node, "SELECT bizmetrics.grant_reader('grafana')");

# ---- the sample company ----

# The worker leaves the reports alone: each runs once, after those that it reads.
sql($node, <<'SQL');
BEGIN;
SELECT bizmetrics.install_pack(pack, owner => 'author', timezone => 'America/New_York') FROM bizmetrics.available_packs;
DELETE FROM bizmetrics.run_requests;
SELECT bizmetrics.pause_reports();
COMMIT;
SQL
cmp_ok(sql($node, "SELECT bizmetrics.generate_sample(days => $days)"), '>', 5000, 'a sample company');
my $reports = sql($node, <<'SQL');
WITH RECURSIVE levels AS (
  SELECT r.report_name::text COLLATE "C" AS report_name, 0 AS level FROM bizmetrics.pack_reports r
  UNION
  SELECT r.report_name::text, l.level + 1
  FROM levels l
  JOIN bizmetrics.pack_reports r ON r.after @> ARRAY[l.report_name] OR r.source = 'analytics.' || l.report_name
)
SELECT report_name FROM levels GROUP BY 1 ORDER BY max(level), 1
SQL
sql($node, join("\n", map { "SELECT bizmetrics.run_report('$_');" } split /\n/, $reports), user => 'author');
is(sql($node, "SELECT count(*) FROM bizmetrics.report_status WHERE last_success_at IS NULL AND report_name IN (SELECT report_name FROM bizmetrics.pack_reports)"),
	0, 'all reports ran');

# Something that goes wrong, for the panels that show it: an alert, and a report that the worker runs in vain.
sql($node, <<'SQL', user => 'author');
SELECT bizmetrics.create_metric('shop_one', 'gauge', 'One.', '{}', 'SELECT 1 AS value');
SELECT bizmetrics.create_alert('Always', '>', 0, query => 'SELECT 1 AS value');
SELECT bizmetrics.refresh_metrics(true);
SELECT bizmetrics.check_alerts();
SQL
my @slots = split /\n/, sql($node, "SELECT date_trunc('minute', now()) - interval '20 minutes' + n * interval '1 minute' FROM generate_series(0, 3) n");
set_clock($node, $slots[0]);
sql($node, <<'SQL', user => 'author');
SELECT bizmetrics.create_report('wrong', ddl => 'CREATE TABLE analytics.wrong (n integer)', query => 'INSERT INTO analytics.wrong SELECT 1 / 0',
                                schedule => '* * * * *', max_attempts => 1);
SQL
for (@slots[ 1 .. 3 ])
{
	set_clock($node, $_);
	wait_for($node, "SELECT EXISTS (SELECT FROM bizmetrics.report_runs WHERE report_name = 'wrong' AND slot = '$_' AND state = 'failed')", 'a report fails');
}
wait_until_idle($node);

# ---- as Grafana asks ----

sub quoted
{
	return join ',', map { q{'} . s/'/''/gr . q{'} } @_;
}

# Variables as the browser replaces them: several values quoted, one as it is, and allValue as it is.
# Then macros, found as Grafana's PostgreSQL data source finds them: up to the first parenthesis that closes.
sub expanded
{
	my ($sql, $values) = @_;
	my ($from, $to) = map { quoted($_) } split /\n/, sql($node, <<"SQL");
SELECT to_char((now() - make_interval(days => at)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM unnest(ARRAY[$days, 0]) AS at
SQL

	$sql =~ s/\$(\w+)(?<!__interval)/exists $values->{$1} ? $values->{$1} : "\$$1"/ge;
	$sql =~ s/\$__interval/1h/g;
	$sql =~ s{\$(__[_a-zA-Z0-9]+)\(([^)]*)\)}{
		my ($macro, @arguments) = ($1, split /\s*,\s*/, $2);
		my $seconds = 3600;
		  $macro eq '__timeFilter' ? "$arguments[0] BETWEEN $from AND $to"
		: $macro eq '__timeFrom' ? $from
		: $macro eq '__timeTo' ? $to
		: $macro eq '__timeGroup' && $arguments[1] eq '1h' ? "floor(extract(epoch from $arguments[0])/$seconds)*$seconds"
		: die "no such macro: $macro($2)"}ge;
	die "not expanded: $&" if $sql =~ /\$\w+/;
	return $sql;
}

# What a statement gives: its columns' names and types, and its rows.
sub result
{
	my ($sql, $user) = @_;
	my ($out, $errors);

	$node->psql('postgres', "$sql \\gdesc\n\\echo ----\nSELECT coalesce(json_agg(result), '[]') FROM (\n$sql\n) AS result;",
		stdout => \$out, stderr => \$errors, on_error_die => 0, extra_params => [ '-U', $user ]);
	return { error => $errors } if $errors ne '';
	my ($columns, $rows) = split /^----\n/m, $out, 2;
	my @columns = map { [ /^(.*)\|(.*)$/ ] } split /\n/, $columns;
	return { columns => \@columns, types => { map { @$_ } @columns }, rows => $json->decode($rows) };
}

sub is_number { return $_[0] =~ /^(?:numeric|bigint|integer|double precision|real|smallint)/ }
sub is_time { return $_[0] =~ /^timestamp/ || is_number($_[0]) }

# What is wrong with a result for a panel of this type; '' if nothing.
sub misshaped
{
	my ($type, $r) = @_;
	my $types = $r->{types} // {};
	my @numbers = grep { $_ ne 'time' && is_number($types->{$_}) } keys %$types;
	my @texts = grep { $types->{$_} =~ /^(?:text|character)/ } keys %$types;

	return $r->{error} if $r->{error};
	return 'two columns of one name' if keys %$types != @{ $r->{columns} };
	return 'unnamed column' if grep { $_ eq '?column?' } keys %$types;
	return '' if $type eq 'table';
	return 'no number' if !@numbers;
	if ($type eq 'timeseries')
	{
		return 'no time' if !$types->{time} || !is_time($types->{time});
		my @times = map { $_->{time} } @{ $r->{rows} };
		return 'time is NULL' if grep { !defined } @times;
		return 'not sorted by time' if grep { is_number($types->{time}) ? $times[ $_ - 1 ] > $times[$_] : $times[ $_ - 1 ] gt $times[$_] } 1 .. $#times;
		# A series of text labels has each time once.
		my %seen;
		return 'a time is there twice' if grep { my $row = $_; $seen{ join '|', map { $row->{$_} // '' } 'time', @texts }++ } @{ $r->{rows} };
		return grep({ !is_number($types->{$_}) && $types->{$_} !~ /^text/ && $_ ne 'time' } keys %$types) ? 'neither number nor label' : '';
	}
	return @texts == 1 ? '' : 'not one text for the names' if $type =~ /^(?:barchart|bargauge|piechart)$/;
	return @texts ? 'text' : @{ $r->{rows} } == 1 ? '' : 'not one row' if $type =~ /^(?:stat|gauge)$/;
	return "unknown type $type";
}

# Whether there is a figure to see.
sub has_figure
{
	my ($r) = @_;

	return grep { my $row = $_; grep { $_ ne 'time' && defined $row->{$_} && is_number($r->{types}{$_}) } keys %$row } @{ $r->{rows} };
}

my (%panels, %uids);
for my $file (sort glob "$folder/grafana/*.json")
{
	my ($name) = $file =~ m{([^/]+)\.json$};
	my $dashboard = $json->decode(slurp_file($file));
	my (%values, %ids, @wrong);

	is($dashboard->{schemaVersion}, 38, "$name: schemaVersion");
	ok(!$uids{ $dashboard->{uid} }++, "$name: a uid of its own");
	for my $variable (@{ $dashboard->{templating}{list} })
	{
		my $user = $variable->{datasource}{uid} eq 'bizmetrics' ? 'grafana' : 'monitor';
		my $r = result($variable->{query}, $user);
		my @choices = map { $_->{ $r->{columns}[0][0] } } @{ $r->{rows} // [] };

		is($r->{error} // '', '', "$name: variable $variable->{name}");
		if ($variable->{multi})
		{
			# All of them, then the first two, or one that does not exist.
			is($variable->{allValue}, q{'(all)'}, "$name: all of $variable->{name} is a value");
			push @{ $values{ $variable->{name} } }, $variable->{allValue}, quoted(@choices ? grep { defined } @choices[ 0, 1 ] : "no'ne");
		}
		else
		{
			isnt($choices[0] // '', '', "$name: there is a $variable->{name} to choose");
			push @{ $values{ $variable->{name} } }, ($choices[-1]) x 2;
		}
	}
	for my $panel (grep { $_->{type} ne 'row' } @{ $dashboard->{panels} })
	{
		my ($target, @others) = @{ $panel->{targets} };
		my $where = "$name: $panel->{title}";
		my $user = $panel->{datasource}{uid} eq 'bizmetrics' ? 'grafana' : 'monitor';
		my ($all, $some) = map { my $n = $_; result(expanded($target->{rawSql}, { map { $_ => $values{$_}[$n] } keys %values }), $user) } 0, 1;

		push @wrong, "$panel->{title}: place" if $panel->{gridPos}{x} + $panel->{gridPos}{w} > 24 || $ids{ $panel->{id} }++;
		# A series of several is named by its label.
		my ($label) = ($panel->{fieldConfig}{defaults}{displayName} // '') =~ /^\$\{__field\.labels\.(\w+)\}$/;
		my @labels = $panel->{type} eq 'timeseries' ? grep { $all->{types}{$_} =~ /^text/ } keys %{ $all->{types} // {} } : ();
		push @wrong, "$panel->{title}: label" if "@labels" ne ($label // '');
		push @wrong, "$panel->{title}: format" if $target->{format} ne ($panel->{type} eq 'timeseries' ? 'time_series' : 'table') || @others;
		is(misshaped($panel->{type}, $all), '', $where);
		is(misshaped($panel->{type}, $some), '', "$where, of some") if $target->{rawSql} =~ /\$(?:company|plan|channel|cohort|report)\b/;
		ok(has_figure($all), "$where shows something") if !$may_be_empty{ $panel->{title} };
		$panels{$name}{ $panel->{title} } = $panel;
	}
	is("@wrong", '', "$name: places and formats");
}

# ---- what is answered ----

is(scalar(map { keys %$_ } values %answers), 47, 'questions');
for my $name (sort keys %answers)
{
	is(join(', ', sort grep { !$panels{$name}{ $answers{$name}{$_} } } keys %{ $answers{$name} }), '', "$name answers all of them");
	is(join(', ', grep { my $title = $_; !@{ $reads{$name}{$title} } || grep { $panels{$name}{$title}{targets}[0]{rawSql} !~ /analytics\.$_\b/ } @{ $reads{$name}{$title} } } sort values %{ $answers{$name} }),
		'', '... from the tables that the manual says');
	is(scalar(keys %{ { reverse %{ $answers{$name} } } }), scalar(keys %{ $answers{$name} }), '... each with a panel of its own');
}
is_deeply([ sort keys %panels ], [qw(business commerce customer_success growth operations)], 'dashboards');

# A figure against the table that it is of, computed by hand.
like(sql($node, "SELECT sum(end_mrr) FROM analytics.mrr WHERE currency = 'USD' AND month = date_trunc('month', now())::date"), qr/^[1-9]/, 'there is revenue');
is(result(expanded($panels{business}{'MRR ($currency)'}{targets}[0]{rawSql}, { currency => 'USD', company => q{'(all)'} }), 'grafana')->{rows}[0]{mrr},
	sql($node, "SELECT sum(mrr) FROM analytics.mrr_by_plan WHERE currency = 'USD' AND day = (SELECT max(day) FROM analytics.mrr_by_plan)"), 'MRR is that of all plans');
is(result(expanded($panels{growth}{'Users'}{targets}[0]{rawSql}, { company => q{'(all)'}, channel => q{'(all)'} }), 'grafana')->{rows}[0]{users},
	sql($node, "SELECT count(DISTINCT actor_user_id) FROM business_events WHERE event_name = 'user_signed_up'"), 'users are those who signed up');

is(result($panels{operations}{'Reports that fail'}{targets}[0]{rawSql}, 'monitor')->{rows}[0]{failing}, 1, 'a report that fails is counted');

# ---- rules of alerts ----

my $rules = slurp_file("$folder/grafana/provisioning/alerting/bizmetrics.yaml");
my (%fires, $title);
for (split /\n/, $rules)
{
	$title = $json->decode($1) if /^        title: (.*)/;
	next if !/^            model: (.*)/;
	my $model = $json->decode($1 =~ s/\$\$/\$/gr);
	if ($model->{refId} eq 'A')
	{
		my $r = result(expanded($model->{rawSql}, {}), $model->{datasource}{uid} eq 'bizmetrics' ? 'grafana' : 'monitor');
		is(misshaped('timeseries', $r), '', "rule: $title");
		is(scalar(grep { $_ ne 'time' && is_number($r->{types}{$_}) } keys %{ $r->{types} }), 1, "rule: $title: one figure");
		$fires{$title} = [ map { $_->{value} } @{ $r->{rows} } ];
	}
	elsif ($model->{refId} eq 'C')
	{
		my ($evaluator) = map { $_->{evaluator} } @{ $model->{conditions} };
		my $threshold = $evaluator->{params}[0];
		$fires{$title} = grep { $evaluator->{type} eq 'gt' ? $_ > $threshold : $_ < $threshold } @{ $fires{$title} };
	}
}
is(scalar(keys %fires), 9, 'rules');
is($fires{'An alert of bizmetrics fires'}, 1, 'an alert that fires is told');
is($fires{'An alert of bizmetrics cannot be looked at'}, 0, 'and none that does not');
is($fires{'A report fails again and again'}, 1, 'a report that fails three times is');
is($fires{'The worker does not run the reports'}, 0, 'the worker runs');

# ---- who may read what ----

is(sql_state($node, 'SELECT count(*) FROM bizmetrics.report_runs', user => 'grafana'), '42501', 'the reader sees no runs');
is(sql_state($node, 'SELECT count(*) FROM analytics.mrr', user => 'monitor'), '42501', 'monitoring sees no table of a report');
is(sql_state($node, 'SELECT count(*) FROM business_events', user => $_), '42501', "$_ sees no events") for 'grafana', 'monitor';

# ---- what tools discover ----

my $tables = "FROM bizmetrics.pack_reports r JOIN pg_class c ON c.oid = to_regclass('analytics.' || quote_ident(r.report_name))";
sql($node, "CREATE TABLE public.pack_tables AS SELECT c.oid, c.relname $tables; GRANT SELECT ON public.pack_tables TO grafana");
is(sql($node, 'SELECT count(*) > 60 FROM pack_tables', user => 'grafana'), 't', 'tables of packs');
is(sql($node, <<'SQL', user => 'grafana'), '', 'each has a primary key, as information_schema shows it to the reader');
SELECT p.relname FROM pack_tables p
WHERE NOT EXISTS (
  SELECT FROM information_schema.table_constraints t
  JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name, table_schema, table_name)
  WHERE t.table_schema = 'analytics' AND t.table_name = p.relname AND t.constraint_type = 'PRIMARY KEY')
SQL
is(sql($node, 'SELECT relname FROM pack_tables WHERE obj_description(oid) IS NULL', user => 'grafana'), '', 'a comment');
is(sql($node, <<'SQL', user => 'grafana'), '', 'and one on every column');
SELECT p.relname, a.attname FROM pack_tables p JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE col_description(a.attrelid, a.attnum) IS NULL
SQL

done_testing;
