# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # variables are for those who load it
# A portwatchd of the test's own, in a folder and a network namespace of the test's own.

PORTWATCHD=${O:-build}/portwatchd
PORTWATCH=$(realpath "${O:-build}")/portwatch

helper_setup()
{
	# Not BATS_TEST_TMPDIR: other users are to reach it.
	D=$(mktemp -d)
	chmod 755 "$D"
	SOCKET=$D/portwatch.sock
	REGISTRY=$D/registry.json
	export PORTWATCH_STATE=$D/state PORTWATCH_LOG=$D/audit
	unset PORTWATCH_REGISTRY PORTWATCH_SOCKET NOTIFY_SOCKET
	started=()
	unshare -n sh -c 'ip link set lo up && exec sleep 600' 3>&- &
	namespace=$!
	started+=("$namespace")
	# "${inside[@]}" COMMAND... - in the test's network namespace
	inside=(nsenter -t "$namespace" -n)
	# shellcheck disable=SC2016 # expanded by eval
	within 60 eval '"${inside[@]}" ip addr show dev lo | grep -q 127.0.0.1'
	# For what other users write.
	mkdir -m 1777 "$D/shared"
	mode ok
}

# cli_setup REGISTRY - helper_setup, and what the command line finds by the environment
cli_setup()
{
	helper_setup
	registry "$1"
	export PORTWATCH_SOCKET=$SOCKET PORTWATCH_REGISTRY=$REGISTRY
	unset NO_COLOR
}

# pw ARG... - portwatch in the namespace of the test, as its daemon is
pw()
{
	"${inside[@]}" "$PORTWATCH" "$@"
}

# What a server of the test forked sits in the test's namespace like itself.
kill_rest()
{
	local mine net

	mine=$(readlink /proc/self/ns/net)
	net=$(readlink "/proc/$namespace/ns/net") || return 0
	[ "$net" != "$mine" ] || return 0
	# A pattern, in which brackets mean something.
	find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/net' -lname "${net//\[/\\[}" 2>/dev/null |
		cut -d/ -f3 | xargs -r kill -KILL 2>/dev/null || true
}

helper_teardown()
{
	local pid

	# Where the test failed: what was said meanwhile.
	[ "${BATS_TEST_COMPLETED-}" ] || tail -n 20 "$D/log" "$D"/listener.* 2>/dev/null || true
	kill_rest
	for pid in "${started[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$D"
}

# A file with more to do has its own.
setup()
{
	helper_setup
}

teardown()
{
	helper_teardown
}

# real_programs PACKAGE... - what is in these, under $REAL; a test goes on only with them
real_programs()
{
	REAL=$(realpath "${O:-build}")/real
	REAL_LIBRARIES=$REAL/usr/lib/$(gcc -print-multiarch)
	if ! tests/real/get "$REAL" "$@" 2>"$D/real" 3>&-; then
		skip "no ${*}: $(tail -n 1 "$D/real")"
	fi
}

# The server of health checks and webhooks, and how it behaves.
SERVER=$BATS_TEST_DIRNAME/health_server.py

# mode WORD... - the server is like that from now on; at first it is ok
mode()
{
	echo "$*" >"$D/mode.new"
	mv "$D/mode.new" "$D/mode"
}

# checked_server NAME PORT [CERTIFICATE] - start it, until the test ends; its number is in
# $server
checked_server()
{
	"${inside[@]}" python3 "$SERVER" "$1" "$2" "$D/mode" "${@:3}" >"$D/server" 2>&1 3>&- &
	server=$!
	started+=("$server")
	within 20 grep -q listening "$D/server"
}

# within SECONDS COMMAND... - until it succeeds; fails after that time.
within()
{
	local end=$((SECONDS + $1 + 1))

	shift
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= end)); then
			echo "not within the time: $*"
			return 1
		fi
		sleep 0.02
	done
}

# registry TEXT - write it as an editor does, by renaming
registry()
{
	printf '%s\n' "$1" >"$D/registry.new"
	mv "$D/registry.new" "$REGISTRY"
}

two_services='{"services":[
 {"name":"wizard","port":18765,"process_name":"wizard"},
 {"name":"goblin","port":18767,"process_name":"goblin"}]}'

# daemon [OPTION...] - start one and wait until it answers; its number is in $daemon.  Not
# only the listening socket: ready means that nothing that is bound from now on is missed.
daemon()
{
	# Not inside(): a function in the background is a shell in between, and the
	# process would outlive what $! names.
	nsenter -t "$namespace" -n "$PORTWATCHD" --registry "$REGISTRY" --socket "$SOCKET" "$@" 2>"$D/log" 3>&- &
	daemon=$!
	started+=("$daemon")
	if ! within 60 grep -q 'serving' "$D/log"; then
		cat "$D/log"
		return 1
	fi
}

# api PATH [CURL-OPTION...] - the body of an answer
api()
{
	local path=$1

	shift
	curl -s --max-time 30 --unix-socket "$SOCKET" "$@" "http://localhost$path"
}

# code PATH [CURL-OPTION...] - its status alone
code()
{
	api "$@" -o /dev/null -w '%{http_code}'
}

# begun PID FILE - it has written there that it is listening; fails where it ended instead
begun()
{
	within 60 eval "grep -q listening '$2' || ! kill -0 $1"
	grep -q listening "$2"
}

# listen PORT [ADDRESS] - a process that does, until the test ends; its number is in
# $listener
listen()
{
	rm -f "$D/listener.$1"
	nsenter -t "$namespace" -n python3 -c '
import signal, socket, sys
s = socket.create_server(
    (sys.argv[2], int(sys.argv[1])),
    family=socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET,
)
print("listening", flush=True)
signal.pause()' "$1" "${2:-127.0.0.1}" >"$D/listener.$1" 2>&1 3>&- &
	listener=$!
	started+=("$listener")
	begun "$listener" "$D/listener.$1"
}

# named NAME PORT [stubborn] - a process of that name listens, until the test ends; its
# number is in $listener
named()
{
	rm -f "$D/listener.$2"
	nsenter -t "$namespace" -n python3 -c '
import signal, socket, sys
open("/proc/self/comm", "w").write(sys.argv[1])
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
s = socket.create_server(("127.0.0.1", int(sys.argv[2])))
print("listening", flush=True)
while True:
    signal.pause()' "$@" >"$D/listener.$2" 2>&1 3>&- &
	listener=$!
	started+=("$listener")
	begun "$listener" "$D/listener.$2"
}

# events NAME [QUERY [CURL-OPTION...]] - follow them into $D/NAME until the test ends,
# from the moment the stream is open; by the user `$reader_uid`
events()
{
	local name=$1 query=${2-}

	shift $(($# < 2 ? $# : 2))
	setpriv --reuid "${reader_uid-0}" --regid "${reader_uid-0}" --clear-groups \
		curl -sN -D "$D/shared/$name" --unix-socket "$SOCKET" "$@" \
		"http://localhost/api/ports/events?$query" >"$D/$name" 3>&- &
	reader=$!
	started+=("$reader")
	within 60 grep -q '^HTTP/1.1 200' "$D/shared/$name"
}

# told NAME JQ-CONDITION - one of the events followed so far is like that
told()
{
	sed -n 's/^data: //p' "$D/$1" | jq -es "any(.[]; $2)" >/dev/null
}
