# shellcheck shell=bash
# A private ClickHouse with the events of events_of_actors.sh, where it is installed (Debian:
# clickhouse-server, clickhouse-client). Sourced by the benchmarks that compare with it.

has_clickhouse() { command -v clickhouse-server >/dev/null && command -v clickhouse-client >/dev/null; }

clickhouse() { clickhouse-client --host 127.0.0.1 --port "$CLICKHOUSE_PORT" "${@:2}" --query "$1"; }

stop_clickhouse() {
	# The server is the child of the shell that as_user is a function of.
	[ -z "${CLICKHOUSE_PID:-}" ] || pkill -P "$CLICKHOUSE_PID" || true
	wait 2>/dev/null || true
	as_user rm -rf -- "$BENCH_DIR/clickhouse"
}

# Starts it for as long as the benchmark runs, and fills its table with the events of public.business_events.
start_clickhouse() {
	local dir=$BENCH_DIR/clickhouse i
	CLICKHOUSE_PORT=$((20000 + RANDOM % 10000))
	as_user mkdir -p "$dir/data" "$dir/tmp"
	as_user tee "$dir/users.xml" >/dev/null <<-XML
		<yandex><profiles><default/></profiles>
		<users><default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
		<quotas><default/></quotas></yandex>
	XML
	as_user tee "$dir/config.xml" >/dev/null <<-XML
		<yandex><logger><level>error</level><log>$dir/server.log</log><errorlog>$dir/error.log</errorlog></logger>
		<tcp_port>$CLICKHOUSE_PORT</tcp_port><listen_host>127.0.0.1</listen_host>
		<path>$dir/data/</path><tmp_path>$dir/tmp/</tmp_path><users_config>$dir/users.xml</users_config>
		<default_profile>default</default_profile><default_database>default</default_database>
		<mark_cache_size>536870912</mark_cache_size><timezone>UTC</timezone></yandex>
	XML
	as_user clickhouse-server --config-file="$dir/config.xml" >/dev/null 2>&1 &
	CLICKHOUSE_PID=$!
	trap stop_clickhouse EXIT
	for i in {1..100}; do
		clickhouse 'SELECT 1' >/dev/null 2>&1 && break
		[ "$i" -lt 100 ] || die 'clickhouse-server does not answer'
		sleep 0.1
	done
	clickhouse 'CREATE TABLE events (event_name String, actor_user_id String, occurred_at DateTime)
		ENGINE = MergeTree PARTITION BY tuple() ORDER BY (event_name, occurred_at)'
	sql "COPY (SELECT event_name, actor_user_id, floor(extract(epoch FROM occurred_at))::bigint FROM public.business_events) TO STDOUT" |
		clickhouse 'INSERT INTO events FORMAT TSV'
	clickhouse 'OPTIMIZE TABLE events FINAL'
}

# Seconds until it has answered, as it has it.
clickhouse_seconds() { clickhouse "$1" --time 2>&1 >/dev/null | tail -n 1; }

# ratio_to_clickhouse NAME OURS THEIRS: both must say the same; then the ratio of the time until the answer.
ratio_to_clickhouse() {
	local round us them
	[ "$(sql "$2")" = "$(clickhouse "$3")" ] || die "the answers differ: $(sql "$2") and $(clickhouse "$3")"
	for round in $(seq "$ROUNDS"); do
		if [ $((round % 2)) = 0 ]; then
			us=$(seconds "$2") them=$(clickhouse_seconds "$3")
		else
			them=$(clickhouse_seconds "$3") us=$(seconds "$2")
		fi
		echo "$us $them" | awk -v name="$1" '{printf "%s %.2f s, ClickHouse %.2f s\n", name, $1, $2}' >&2
		echo "$us $them" | awk '{print $1 / $2}'
	done | median
}
