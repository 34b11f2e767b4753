# PostgreSQL of the private stack, its roles and its schema.
# shellcheck shell=bash disable=SC2154

# As an ordinary user all of it lives in the state directory. PostgreSQL refuses to run as root, so
# root runs it as the account postgres, which cannot enter root's private directories: then data and
# socket live in a directory of their own.
postgres_paths() {
	if [ -n "$cluster" ]; then
		local own=$state
		state=$cluster
		state_hash_own=$state_hash
		state_hash=$(printf '%s' "$cluster" | sha256sum | cut -c1-12)
		postgres_home_of
		state=$own
		state_hash=$state_hash_own
	else
		postgres_home_of
	fi
	postgres_data=$postgres_home/data
}

postgres_home_of() {
	if [ "$(id -u)" = 0 ]; then
		postgres_home=/var/tmp/holdfast-postgres-$state_hash
		postgres_socket=$postgres_home
	else
		postgres_home=$state/postgres
		postgres_socket=$state/run
		if [ $((${#postgres_socket} + 20)) -gt 107 ] ||
			[[ $postgres_socket =~ [^A-Za-z0-9._/+@=-] ]]; then
			postgres_socket=/tmp/holdfast-$(id -u)-$state_hash
		fi
	fi
}

# Runs a command as the account that PostgreSQL runs as.
as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups "$@")
	else
		"$@"
	fi
}

# Of the version that the data are of; for new ones the newest there is.
postgres_bin() {
	local found
	if [ -s "$postgres_data/PG_VERSION" ]; then
		found=/usr/lib/postgresql/$(cat "$postgres_data/PG_VERSION")/bin
		[ -x "$found/postgres" ] || fail "there is no $found, which $postgres_data is of"
	else
		found=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
		[ -x "$found/postgres" ] || fail "PostgreSQL is not installed"
	fi
	echo "$found"
}

# psql as the superuser of the cluster.
psql_admin() {
	PGPASSFILE=$passfile psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$postgres_socket" -U postgres \
		"$@"
}

postgres_is_up() {
	psql_admin -d postgres -c 'select 1' >/dev/null 2>&1
}

postgres_up() {
	local began=$EPOCHREALTIME new=''
	if [ -n "$cluster" ]; then
		postgres_is_up || fail "PostgreSQL of $cluster does not run"
		return
	fi
	if pid_of "$pids/postgres.pid" "$postgres_data" >/dev/null && postgres_is_up; then
		postgres_bootstrap
		return
	fi
	if [ ! -s "$secrets/cluster" ]; then
		postgres_init
		new=", new"
	fi
	postgres_bin >/dev/null
	postgres_settings
	postgres_start
	head -n 1 "$postgres_data/postmaster.pid" >"$pids/postgres.pid"
	postgres_bootstrap
	say postgres "started$new ($(since "$began"))"
}

# A new cluster. What a state directory of this name left behind is in nobody's use: its passwords
# went with it.
postgres_init() {
	local password
	postgres_clean
	password=$(random_hex 24)
	(umask 077 && printf '*:*:*:postgres:%s\n' "$password" >"$passfile")
	if [ "$(id -u)" = 0 ]; then
		install -d -m 0700 -o postgres -g postgres "$postgres_home"
	else
		mkdir -p "$postgres_home"
		private_dir "$postgres_socket"
	fi
	printf '%s\n' "$password" | as_postgres tee "$postgres_home/password" >/dev/null
	as_postgres "$(postgres_bin)/initdb" -D "$postgres_data" -U postgres \
		-A scram-sha-256 --pwfile="$postgres_home/password" -E UTF8 --locale=C.UTF-8 \
		${HOLDFAST_NOSYNC:+--no-sync} >"$state/log/initdb.log" 2>&1 9>&- ||
		fail "initdb failed, see $state/log/initdb.log"
	rm -f "$postgres_home/password"
	echo "$postgres_home" >"$secrets/cluster"
}

# The settings of conf/postgres.conf, and those that make this server private.
postgres_settings() {
	{
		echo "# Made by \`make up\`."
		cat "$tree/conf/postgres.conf"
		echo "listen_addresses = ''"
		echo "port = 5432"
		echo "unix_socket_directories = '$postgres_socket'"
		echo "unix_socket_permissions = 0700"
		[ -z "${HOLDFAST_NOSYNC:-}" ] || echo "fsync = off"
	} | as_postgres tee "$postgres_data/holdfast.conf" >/dev/null
	as_postgres grep -q '^include .*holdfast.conf' "$postgres_data/postgresql.conf" ||
		echo "include 'holdfast.conf'" |
		as_postgres tee -a "$postgres_data/postgresql.conf" >/dev/null
}

# After a kill -9 the backends of the old server may need a moment to notice and go.
postgres_start() {
	for _ in $(seq 50); do
		if as_postgres "$(postgres_bin)/pg_ctl" start -s -w -t 120 -D "$postgres_data" \
			-l "$postgres_data/server.log" \
			>>"$state/log/pg_ctl.log" 2>&1 </dev/null 9>&-; then
			return
		fi
		sleep 0.2
	done
	fail "PostgreSQL does not start, see $state/log/pg_ctl.log and $postgres_data/server.log"
}

# The owner of the schema and the database: the superuser is used for nothing else. What there is of
# a run that failed, as on a full disk, is taken up.
postgres_bootstrap() {
	local password
	grep -q ':holdfast_owner:' "$passfile" && return
	password=$(random_hex 24)
	psql_admin -d postgres <<-END
	select 'create role holdfast_owner' where not exists
		(select from pg_roles where rolname = 'holdfast_owner') \\gexec
	alter role holdfast_owner login createrole password '$password';
	select 'create database holdfast owner holdfast_owner' where not exists
		(select from pg_database where datname = 'holdfast') \\gexec
	revoke all on database holdfast from public;
	grant connect on database holdfast to public;
	END
	printf '*:*:*:holdfast_owner:%s\n' "$password" >>"$passfile"
}

# MODE SECONDS
postgres_stop() {
	as_postgres "$(postgres_bin)/pg_ctl" stop -s -m "$1" -t "$2" -D "$postgres_data" \
		>>"$state/log/pg_ctl.log" 2>&1
}

postgres_down() {
	local began=$EPOCHREALTIME
	[ -z "$cluster" ] || return 0
	if ! pid_of "$pids/postgres.pid" "$postgres_data" >/dev/null; then
		rm -f "$pids/postgres.pid"
		return 0
	fi
	# One that dies while it recovers, since its disk is full, hears nothing else.
	postgres_stop fast 60 || postgres_stop immediate 10 ||
		fail "PostgreSQL does not stop, see $state/log/pg_ctl.log"
	rm -f "$pids/postgres.pid"
	say postgres "stopped ($(since "$began"))"
}

# Removes the cluster, or our database in that of another stack.
postgres_clean() {
	if [ -n "$cluster" ]; then
		psql_admin -d postgres -c "drop database if exists $database with (force)" || true
		return
	fi
	[ -e "$postgres_home" ] || return 0
	if [ "$(id -u)" = 0 ] && [ "$(stat -c %U "$postgres_home")" != postgres ]; then
		fail "$postgres_home belongs to somebody else"
	fi
	if [ -s "$postgres_data/postmaster.pid" ]; then
		# What one that was killed has in shared memory only its successor finds, by this
		# directory: so there is one, for a moment.
		as_postgres "$(postgres_bin)/pg_ctl" status -D "$postgres_data" \
			>/dev/null 2>&1 ||
			as_postgres "$(postgres_bin)/pg_ctl" start -s -w -t 30 -D "$postgres_data" \
				-l "$postgres_data/server.log" >/dev/null 2>&1 </dev/null 9>&- ||
			true
		as_postgres "$(postgres_bin)/pg_ctl" stop -s -m immediate -D "$postgres_data" \
			>/dev/null 2>&1 || true
	fi
	rm -rf -- "$postgres_home"
}

# ---- schema ------------------------------------------------------------------------------------

# sqitch as the owner of the schema. It asks for a name and an address of whoever deploys.
sqitch_run() {
	(cd "$tree/sql" && env -i PATH="$PATH" HOME="${HOME:-/}" LC_ALL=C.UTF-8 TZ=UTC \
		PGHOST="$postgres_socket" PGUSER=holdfast_owner PGDATABASE="$database" \
		PGPASSFILE="$passfile" SQITCH_FULLNAME="${USER:-holdfast}" \
		SQITCH_EMAIL="${USER:-holdfast}@localhost" \
		sqitch "$1" --target "db:pg:$database" "${@:2}")
}

# The changes in the plan, and those that are deployed, one a line: name, and SHA-1 of the script.
changes_planned() {
	(cd "$tree/sql/deploy" && sed -n 's/^\([a-z][a-z0-9_-]*\) .*/\1.sql/p' ../sqitch.plan |
		xargs sha1sum | awk '{ sub(/\.sql$/, "", $2); print $2, $1 }')
}

changes_deployed() {
	psql_admin -d "$database" -c \
		"select change || ' ' || script_hash from sqitch.changes" 2>/dev/null
}

schema_up() {
	local began=$EPOCHREALTIME planned deployed edited
	if [ -n "$cluster" ]; then
		database_copy
	fi
	[ -e "$tree/sql/sqitch.plan" ] || return 0
	planned=$(changes_planned | sort)
	deployed=$(changes_deployed | sort) || true
	[ "$planned" != "$deployed" ] || return 0
	# For sqitch such a change is there, and what it lacks would come out as 503s.
	edited=$(join <(echo "$planned") <(echo "$deployed") | awk '$2 != $3 { printf " %s", $1 }')
	[ -z "$edited" ] ||
		say schema "of other sources, which differ in:$edited (anew: make clean-state)"
	[ "$(cut -d ' ' -f 1 <<<"$planned")" != "$(cut -d ' ' -f 1 <<<"$deployed")" ] || return 0
	sqitch_run deploy --verify >"$state/log/sqitch.log" 2>&1 9>&- || {
		cat "$state/log/sqitch.log" >&2
		fail "the schema could not be deployed"
	}
	say schema "deployed ($(since "$began"))"
}

# Our own database in a cluster that several stacks share. A template with connections cannot be
# copied, and two copies at once exclude each other: then a moment later.
database_copy() {
	local try
	[ -z "$(psql_admin -d postgres -c \
		"select 1 from pg_database where datname = '$database'")" ] || return 0
	for try in $(seq 100); do
		if psql_admin -d postgres 2>"$state/log/copy.log" \
			-c "create database $database template holdfast owner holdfast_owner"; then
			psql_admin -d postgres -c "revoke all on database $database from public;
				grant connect on database $database to public"
			return
		fi
		sleep 0.1
	done
	fail "the database could not be copied (after $try tries): $(cat "$state/log/copy.log")"
}

# A random password for each role that has none yet: the schema makes one role a program.
roles_up() {
	local role password
	for role in $(psql_admin -d postgres -c \
		"select rolname from pg_roles where rolname like 'holdfast\_%' and rolcanlogin"); do
		grep -q ":$role:" "$passfile" && continue
		password=$(random_hex 24)
		# Not as an argument, which everybody on the machine could read.
		psql_admin -d postgres <<<"alter role $role password '$password'"
		printf '*:*:*:%s:%s\n' "$role" "$password" >>"$passfile"
	done
}
