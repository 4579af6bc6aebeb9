# shellcheck shell=bash
# 5 million events of 131,072 actors in 29 days, three eighths of them steps of a funnel. Sourced by the
# benchmarks of the aggregates.
EVENTS=${EVENTS:-5000000}
# events_of_actors COUNT: the columns event_name, actor_user_id and occurred_at.
events_of_actors() {
	echo "SELECT (ARRAY['visited_pricing', 'started_trial', 'upgraded', 'page_view', 'page_view', 'page_view', 'login', 'login'])
	         [1 + (hashint4(i) & 7)] AS event_name,
	       'user_' || (hashint8(i * 7::bigint)::bigint & 131071) AS actor_user_id,
	       '2026-01-01 00:00+00'::timestamptz + (i * 500::bigint) * interval '1 millisecond' AS occurred_at
	FROM generate_series(1, $1) AS i"
}

# For a table of any name.
make_events() {
	new_database
	sql "CREATE TABLE events AS $(events_of_actors "$EVENTS")"
	sql "CREATE INDEX ON events (event_name, occurred_at) INCLUDE (actor_user_id)"
	sql "VACUUM ANALYZE events"
	set_up_queries
}

# For functions over the event log, of EVENTS or so many events. The indexes are made afterwards, which takes
# less time.
make_event_log() {
	local events=${1:-$EVENTS} indexes
	local which="SELECT i.indexrelid FROM pg_index AS i JOIN pg_inherits AS h ON h.inhrelid = i.indrelid
		WHERE h.inhparent = 'public.business_events'::regclass AND NOT i.indisprimary"
	new_database
	sql "SELECT bizmetrics.ensure_partitions('2026-01-01', '2026-01-01'::timestamptz + $events * interval '0.5 s')" >/dev/null
	indexes=$(sql "SELECT pg_get_indexdef(w.indexrelid) || ';' FROM ($which) AS w")
	sql "DO \$\$ DECLARE i regclass; BEGIN
		FOR i IN $which LOOP EXECUTE 'DROP INDEX ' || i; END LOOP;
	END \$\$"
	sql "INSERT INTO public.business_events (event_name, actor_user_id, occurred_at) $(events_of_actors "$events")"
	sql "SET maintenance_work_mem = '512MB'; $indexes"
	sql "VACUUM ANALYZE public.business_events"
	set_up_queries
}

# Seconds of CPU of a query in one process.
alone() {
	local _
	for _ in $(seq "$ROUNDS"); do cpu_seconds "SET max_parallel_workers_per_gather = 0; $1"; done | median
}

# linear NAME SMALL LARGE LITTLE [BAR [BAR OF LITTLE]]: what a query takes of EVENTS events, of four times as many,
# and of these with 4 MB of work_mem.
linear() {
	echo "$1: $EVENTS events $2 s, four times as many $3 s, with 4 MB of work_mem $4 s" >&2
	verdict "$1 of four times the events, CPU in times of four" "$(echo "$3 $2" | awk '{print $1 / $2 / 4}')" at-most "${5:-1.2}" || ok=1
	verdict "the same with 4 MB of work_mem" "$(echo "$4 $2" | awk '{print $1 / $2 / 4}')" at-most "${6:-1.5}" || ok=1
}

set_up_queries() {
	sql "ALTER DATABASE bench SET work_mem = '256MB'"
	sql "ALTER DATABASE bench SET jit = off"
	sql "ALTER DATABASE bench SET max_parallel_workers_per_gather = ${WORKERS:-0}"
	sql "ALTER DATABASE bench SET timezone = 'UTC'"
}

# ratio_of_answers QUERY PEER: both must say the same; then the ratio of the CPU they take, a round of each
# in turn, in one process each, so that a busy machine decides nothing. WORKERS=2 lets the planner spread
# them over processes and compares the time until the answer.
ratio_of_answers() {
	local round ours theirs measure=cpu_seconds
	[ "${WORKERS:-0}" = 0 ] || measure=seconds
	[ "$(sql "$1")" = "$(sql "$2")" ] || die "the answers differ: $(sql "$1") and $(sql "$2")"
	for round in $(seq "$ROUNDS"); do
		if [ $((round % 2)) = 0 ]; then
			ours=$($measure "$1") theirs=$($measure "$2")
		else
			theirs=$($measure "$2") ours=$($measure "$1")
		fi
		echo "$ours $theirs" | awk '{printf "aggregate %.2f s, plain SQL %.2f s\n", $1, $2}' >&2
		echo "$ours $theirs" | awk '{print $1 / $2}'
	done | median
}
