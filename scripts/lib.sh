# shellcheck shell=bash
#
# What the scripts of this folder share. Sourced by them, never run.
#
# Two users matter: root installs packages and the extension, and an unprivileged user builds and
# runs servers, for PostgreSQL refuses to run as root. Who is root hands the second part to the OS
# user postgres; who is not calls sudo for the first.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_USER=postgres # superuser of every private cluster

say() { printf '== %s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
is_root() { [ "$(id -u)" -eq 0 ]; }

# The major version that is built for, and where Debian keeps its programs.
pg_major() { echo "${PG_MAJOR:-15}"; }
pg_bindir() { echo "${TREE:-}/usr/lib/postgresql/$(pg_major)/bin"; }

# A copy of PostgreSQL's folders, whose programs find their libraries in it: what is installed into TREE is
# nobody else's, and needs no root. SERVER_ENV has assignments for the environment of servers.
TREE=''
SERVER_ENV=()

# Debian's /usr/bin/pg_config is that of libpq-dev, which may be of another major version.
PG_CONFIG=${PG_CONFIG:-$(pg_bindir)/pg_config}
export PG_CONFIG

as_root() {
	if is_root; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root, and there is no sudo: $*"
	fi
}

# setpriv replaces itself by the command, so signals reach it; runuser would stay in between.
as_user() {
	local home
	if ! is_root; then
		"$@"
		return
	fi
	home=$(getent passwd postgres | cut -d: -f6) || die "there is no user postgres yet"
	HOME=$home USER=postgres LOGNAME=postgres \
		setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
}

is_installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Installs the named Debian packages that are missing, and creates no cluster by the way.
install_packages() {
	local package missing=() conf=/etc/postgresql-common/createcluster.conf
	for package; do
		is_installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing ${missing[*]}"
	command -v apt-get >/dev/null || die "no apt-get here: install them by hand"
	if ! is_installed postgresql-common && [ ! -e $conf ]; then
		as_root mkdir -p "${conf%/*}"
		echo 'create_main_cluster = false' | as_root tee $conf >/dev/null
	fi
	as_root apt-get -qq -o DPkg::Lock::Timeout=300 update
	as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 \
		apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
		install --no-install-recommends "${missing[@]}" >/dev/null
}

# The project's own files, relative to its root, NUL-terminated: what git holds or would hold, or
# every file outside a checkout. With arguments, only those under these paths.
project_files() {
	local git=(git -c "safe.directory=$TOP" -C "$TOP")
	if [ -e "$TOP/.git" ] && "${git[@]}" rev-parse >/dev/null 2>&1; then
		"${git[@]}" ls-files -z --cached --others --exclude-standard -- "$@"
	else
		(cd "$TOP" && find "${@:-.}" \( -name .git -o -name .quickstart \) -prune -o ! -type d -printf '%p\0' 2>/dev/null) || true
	fi |
		(cd "$TOP" && while IFS= read -r -d '' file; do
			[ ! -e "$file" ] || printf '%s\0' "${file#./}"
		done) | sort -zu
}

# Copies these files to a folder, which then belongs to the caller.
copy_project() {
	project_files | tar -C "$TOP" --null -T - -cf - | tar -C "$1" -xf - --no-same-owner
}

# For the checks: fills the array "files" with the project's files under the paths given after the
# pattern that match it, an extended regular expression.
find_files() {
	local pattern=$1
	shift
	# shellcheck disable=SC2034
	mapfile -d '' -t files < <(project_files "$@" | grep -zE -- "$pattern")
}

# start_server dir [line of postgresql.conf]...
#
# Starts a private cluster in dir, made at the first start, that preloads bizmetrics. Sets PGHOST,
# PGPORT and PGUSER for it. It listens on a socket only, and every connection is trusted: the
# folder and its socket belong to one user, who alone can enter. Lines given override ours.
start_server() {
	local dir data bin
	dir=$(realpath -m -- "$1")
	shift
	data=$dir/data
	bin=$(pg_bindir)
	if is_root; then
		install -d -m 0700 -o postgres -g postgres -- "$dir"
	else
		install -d -m 0700 -- "$dir"
	fi
	as_user test -x "$dir" || die "the user postgres cannot reach $dir"
	if [ ! -e "$data/PG_VERSION" ]; then
		as_user "$bin/initdb" -D "$data" -U $PG_USER --auth-local=trust --auth-host=reject --encoding=UTF8 \
			--locale=C.UTF-8 --no-sync --no-instructions >"$dir/initdb.log" 2>&1 ||
			{ cat "$dir/initdb.log" >&2; die "initdb failed"; }
		echo "include_if_exists = 'private.conf'" | as_user tee -a "$data/postgresql.conf" >/dev/null
	fi
	PGHOST=$(socket_dir "$dir")
	PGPORT=5432
	PGUSER=$PG_USER
	export PGHOST PGPORT PGUSER
	printf '%s\n' \
		"listen_addresses = ''" \
		"port = $PGPORT" \
		"unix_socket_directories = '$PGHOST'" \
		"unix_socket_permissions = 0700" \
		"shared_preload_libraries = 'bizmetrics'" \
		"$@" | as_user tee "$data/private.conf" >/dev/null
	(cd / && as_user env "${SERVER_ENV[@]}" "$bin/pg_ctl" -D "$data" -l "$dir/server.log" -w -t 60 -s start) ||
		{ tail -n 20 "$dir/server.log" >&2; die "the server in $dir did not start"; }
}

stop_server() {
	local dir bin
	dir=$(realpath -m -- "$1")
	bin=$(pg_bindir)
	if [ -e "$dir/data/postmaster.pid" ]; then
		(cd / && as_user "$bin/pg_ctl" -D "$dir/data" -w -t 30 -s -m fast stop) ||
			(cd / && as_user "$bin/pg_ctl" -D "$dir/data" -w -t 30 -s -m immediate stop) || true
	fi
	if [ -e "$dir/socket_dir" ]; then
		as_user rm -rf -- "$(cat "$dir/socket_dir")" "$dir/socket_dir"
	fi
}

# The folder of a server's socket: its own, unless that is too long for a socket's address (107
# bytes) or needs quoting in the configuration; then a short one, remembered in the file socket_dir.
socket_dir() {
	local dir=$1 short
	if [[ $dir =~ ^[A-Za-z0-9/._+-]{1,90}$ ]]; then
		echo "$dir"
		return
	fi
	short=$(cat "$dir/socket_dir" 2>/dev/null || true)
	if [ ! -d "$short" ]; then
		short=$(as_user mktemp -d /tmp/bm.XXXXXX)
		echo "$short" | as_user tee "$dir/socket_dir" >/dev/null
	fi
	echo "$short"
}
