# shellcheck shell=bash
# What the benchmarks share. Sourced by them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

# What fails within $(...), an argument does not say: then the benchmark as a whole has failed, and prints
# no ratio of what there is.
set -E
shopt -s inherit_errexit
give_up() { [ "$BASHPID" = "$$" ] || kill -TERM $$ 2>/dev/null; }
trap give_up ERR
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; give_up; exit 1; }

# One value from SQL.
sql() { as_user psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1" "${2:-bench}"; }

new_database() {
	sql "DROP DATABASE IF EXISTS bench" postgres
	sql "CREATE DATABASE bench" postgres
	sql "CREATE EXTENSION bizmetrics"
}

# Seconds that a statement takes, as the server's clock has it.
seconds() {
	as_user psql -X -q -A -t -v ON_ERROR_STOP=1 bench <<-SQL | tail -n 1
		SELECT clock_timestamp() AS begun \gset
		$1 \g /dev/null
		SELECT extract(epoch FROM clock_timestamp() - :'begun');
	SQL
}

# Seconds of CPU that a statement takes: less noisy than the clock on a machine that others use too.
cpu_seconds() {
	as_user psql -X -q -A -t -v ON_ERROR_STOP=1 bench <<-SQL | tail -n 1
		SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1) AS begun \gset
		$1 \g /dev/null
		SELECT (split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::numeric - :begun) / 1e9;
	SQL
}

# Transactions a second of a pgbench script; a thread for each client, or pgbench is the bottleneck.
rate() {
	as_user pgbench -n -M prepared -c "${CLIENTS:-2}" -j "${CLIENTS:-2}" -T "${SECONDS_EACH:-3}" -f "$1" bench 2>/dev/null |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

median() { sort -n | awk '{v[NR] = $1} END {print (NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2)}'; }

# verdict TEXT RATIO at-least|at-most BAR
verdict() {
	awk -v text="$1" -v ratio="$2" -v way="$3" -v bar="$4" 'BEGIN {
		if (ratio !~ /^-?[0-9]+([.][0-9]+)?(e[-+]?[0-9]+)?$/) {
			printf "%-72s nothing was measured  MISSED\n", text
			exit 1
		}
		good = way == "at-least" ? ratio >= bar : ratio <= bar
		printf "%-72s %6.4g  (bar: %s %s)  %s\n", text, ratio, way, bar, good ? "ok" : "MISSED"
		exit !good
	}'
}
