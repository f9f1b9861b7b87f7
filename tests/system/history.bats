#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What happened is remembered, whatever happens to the daemon, the disk or the file.
# shellcheck disable=SC2154 # set by daemon_helper and by run

bats_require_minimum_version 1.5.0
load daemon_helper

PORTWATCH=${O:-build}/portwatch

setup()
{
	helper_setup
	mounted=
	# What another test does beside this one is in the history, too.
	NETNS=$("${inside[@]}" stat -L -c %i /proc/self/ns/net)
	chmod 711 "$D"
	registry '{"services":[
		{"name":"wizard","port":17365,"match":{"process_name":"wizard"}},
		{"name":"goblin","port":17367,"match":{"process_name":"goblin"}}]}'
}

teardown()
{
	[ "${BATS_TEST_COMPLETED-}" ] || jq -c '.entries[] | [.time, .type, .port, .errno,
		.process.pid, .process.comm, .holder.pid]' "$D/remembered" 2>/dev/null || true
	helper_teardown
	# Where the test failed with it.
	[ -z "$mounted" ] || umount -l "$mounted" 2>/dev/null || true
}

portwatch()
{
	"${inside[@]}" "$PORTWATCH" --socket "$SOCKET" "$@"
}

# alone ARG... - without a daemon
alone()
{
	"${inside[@]}" "$PORTWATCH" --local --registry "$REGISTRY" "$@"
}

# remembered QUERY JQ-CONDITION - one of the entries is like that
remembered()
{
	api "/api/ports/history?limit=10000&$1" >"$D/remembered"
	jq -e "any(.entries[]; $2)" "$D/remembered" >/dev/null
}

# end SIGNAL PID - and wait until it has ended
end()
{
	kill -"$1" "$2"
	wait "$2" || true
}

# sql STATEMENTS - of the file, as another program sees it; what the last answers
sql()
{
	python3 -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
*first, last = sys.argv[2].split(";")
db.executescript(";".join(first))
print(*(db.execute(last).fetchone() or ()))' \
		"$PORTWATCH_STATE/history.db" "$1"
}

# storm - binds and closes ports until the test ends; $D/bound counts
storm()
{
	nsenter -t "$namespace" -n python3 -c '
import socket, sys
n = 0
while True:
    s = socket.socket()
    s.bind(("127.0.0.1", 17400 + n % 400))
    s.close()
    n += 1
    if n % 1000 == 0:
        print(n, flush=True)' >"$D/bound" 3>&- &
	stormer=$!
	started+=("$stormer")
}

@test "binds, failures, releases, ends and alerts are remembered" {
	daemon
	named wizard 17365
	first=$listener
	run named goblin 17365
	[ "$status" -ne 0 ]
	within 10 remembered port=17365 ".type == \"socket.bound\" and .service == \"wizard\" and .process.pid == $first"
	within 10 remembered port=17365 '.type == "socket.listening" and .address == "127.0.0.1" and .proto == "tcp"'
	within 10 remembered port=17365 ".type == \"socket.bind_failed\" and .errno == \"EADDRINUSE\" and
		.process.comm == \"goblin\" and .holder.pid == $first"
	within 10 remembered target=wizard '.type == "alert.firing" and .alert.kind == "blocked"'
	end TERM "$first"
	within 10 remembered port=17365 ".type == \"socket.released\" and .process.pid == $first and .lifetime_s >= 0"
	within 10 remembered "target=pid:$first" '.type == "process.exited" and .signal == "SIGTERM"'
	within 10 remembered target=wizard '.type == "alert.firing" and .alert.kind == "dead_owner"'
}

@test "what stood when the daemon began is remembered, and once" {
	named wizard 17365
	for _ in 1 2; do
		daemon
		within 10 remembered port=17365 '.source == "snapshot" and .type == "socket.listening"'
		end TERM "$daemon"
	done
	[ "$(sql 'SELECT count(*) FROM entry WHERE type = 2 AND place = 2 * 17365 AND netns = '"$NETNS")" = 1 ]
}

# hold COUNT - so many UDP sockets at 17371, each at an address of its own; in as many
# processes as the limit of descriptors asks for
hold()
{
	"${inside[@]}" python3 -c '
import itertools, os, resource, signal, socket, sys, time
parent = os.getpid()
left, each = int(sys.argv[1]), resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (each, each))
addresses = (f"127.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(65536))
while left > 0:
    count = min(left, each - 64)
    mine = list(itertools.islice(addresses, count))
    left -= count
    if os.fork() == 0:
        held = [socket.socket(type=socket.SOCK_DGRAM) for _ in mine]
        for sock, address in zip(held, mine):
            sock.bind((address, 17371))
        print("held", flush=True)
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(0)
    print("asked", flush=True)
print("all", flush=True)
signal.pause()' "$1" >"$D/held" 2>&1 3>&- &
	started+=("$!")
	within 60 grep -q all "$D/held"
	within 60 eval '[ "$(grep -c held "$D/held")" = "$(grep -c asked "$D/held")" ]'
}

@test "however much stood, it is all remembered" {
	hold 70000
	daemon
	within 60 eval '[ "$(sql "SELECT count(*) FROM entry WHERE place = 2 * 17371 + 1 AND
		netns = $NETNS")" = 70000 ]'
	[ "$(api /api/ports/history | jq .dropped)" = 0 ]
}

@test "history is asked for by port, range, protocol, service, process and time" {
	daemon
	named wizard 17365
	wizard=$listener
	within 10 remembered port=17365 '.type == "socket.listening"'
	named stranger 17367
	within 10 remembered port=17367 '.type == "socket.listening"'
	portwatch history :17367 -o csv --no-headers --fields port,process,netns | grep ",$NETNS$" | sort -u >"$D/out"
	[ "$(cat "$D/out")" = "17367,stranger,$NETNS" ]
	[ "$(portwatch history :17365-17366 -o csv --no-headers --fields port | sort -u)" = 17365 ]
	[ -z "$(portwatch history :17365/udp -o csv --no-headers)" ]
	portwatch history "pid:$wizard" -o csv --no-headers --fields process | sort -u >"$D/out"
	[ "$(cat "$D/out")" = wizard ]
	# A service covers its ports, whoever took them.
	portwatch history goblin -o csv --no-headers --fields process | grep -q stranger
	run -3 portwatch history nobody
	[[ "$output" = *'No service is called nobody'* ]]
	[ -n "$(portwatch history wizard --since 1h -o csv --no-headers)" ]
	[ -z "$(portwatch history wizard --since 2099-01-01T00:00:00Z -o csv --no-headers)" ]
	run -2 portwatch history --since yesterdayish
	run -2 portwatch history --limit 0
	run -2 portwatch history 17365
}

@test "the newest stands last, with --reverse first, and --limit keeps the newest" {
	daemon
	for port in 17381 17382 17383; do
		listen "$port"
		within 10 remembered "port=$port" '.type == "socket.listening"'
	done
	ports() { portwatch history :17381-17383 -o csv --no-headers --fields netns,port "$@" | sed -n "s/^$NETNS,//p" | uniq | xargs; }
	[ "$(ports)" = '17381 17382 17383' ]
	[ "$(ports --reverse)" = '17383 17382 17381' ]
	[ "$(portwatch history :17381-17383 -o csv --no-headers --limit 1 | wc -l)" = 1 ]
	portwatch history :17381-17383 -n 1 >/dev/null 2>"$D/err"
	grep -q 'last 1' "$D/err"
	# The API's pages lead from one to the next.
	newest=$(api '/api/ports/history?target=:17381-17383&limit=1' | jq -r '.entries[0].id')
	next=$newest
	while [ "$next" != null ]; do
		api "/api/ports/history?target=:17381-17383&limit=1&before=$next" >"$D/page"
		jq -r '.entries[].id' "$D/page" >>"$D/pages"
		next=$(jq -r .next "$D/page")
	done
	api "/api/ports/history?target=:17381-17383&before=$newest" | jq -r '.entries[].id' | cmp - "$D/pages"
}

@test "every format, field and schema of it is there" {
	daemon
	named wizard 17365
	within 10 remembered port=17365 '.type == "socket.listening"'
	portwatch history -o json | jq -e '.schema == "portwatch.history/v1" and .dropped == 0 and .fault == null' >/dev/null
	portwatch history wizard -o jsonl | jq -es 'all(.[]; .id and .time)' >/dev/null
	portwatch history wizard | grep -q 'socket.listening .*17365 .*wizard'
	portwatch history wizard -o wide | grep -q CMDLINE
	portwatch help history | grep -q -- --since
	[ "$(code '/api/ports/history?limit=99999')" = 400 ]
	[ "$(code '/api/ports/history?since=x')" = 400 ]
	[ "$(code '/api/ports/history?target=:0')" = 400 ]
	[ "$(code '/api/ports/history?no_such=1')" = 400 ]
}

@test "SIGKILL in the midst of a storm leaves a file that opens and has what was committed" {
	daemon
	storm
	for _ in 1 2 3; do
		# Written once told: what an answer shows has been committed.
		within 20 remembered 'target=:17400-17799' '.type == "socket.bound"'
		newest=$(api '/api/ports/history?target=:17400-17799&limit=1' | jq -r '.entries[0].id')
		end KILL "$daemon"
		[ "$(sql 'PRAGMA integrity_check')" = ok ]
		[ "$(sql "SELECT count(*) FROM entry WHERE id = $newest")" = 1 ]
		daemon
	done
	remembered "before=$((newest + 1))&limit=1" ".id == \"$newest\""
	run ! grep -q 'damaged\|cannot be written' "$D/log"
}

@test "in a storm questions are answered, and then all is written that was kept" {
	daemon
	storm
	within 20 test -s "$D/bound"
	# Whoever writes them is not in a hurry while there is other work.
	within 60 eval 'api "/api/ports/history?limit=10" | jq -e ".entries | length == 10"'
	kill -0 "$stormer"
	end KILL "$stormer"
	within 60 eval 'api /api/ports/status | jq -e ".history.waiting == 0" >/dev/null'
	api /api/ports/status | jq -e '.history.written > 0 and .history.fault == null' >/dev/null
}

@test "a damaged file is set aside with a message, and watching goes on" {
	mkdir -p "$PORTWATCH_STATE"
	head -c 20000 /dev/urandom >"$PORTWATCH_STATE/history.db"
	cp "$PORTWATCH_STATE/history.db" "$D/before"
	daemon
	named wizard 17365
	within 10 remembered port=17365 '.type == "socket.listening"'
	grep -q 'history.db is damaged: it is kept as .*history.db.corrupt-' "$D/log"
	cmp "$D/before" "$PORTWATCH_STATE"/history.db.corrupt-*
	api /api/ports/services/wizard | jq -e '.status.status == "running"' >/dev/null
}

@test "a file of a newer portwatch is left alone, and the watching goes on" {
	mkdir -p "$PORTWATCH_STATE"
	sql 'PRAGMA user_version=1000; PRAGMA application_id=1886865513; CREATE TABLE x (y)'
	cp "$PORTWATCH_STATE/history.db" "$D/before"
	daemon
	named wizard 17365
	within 10 eval 'api /api/ports/status | jq -e ".history.fault and .history.dropped > 0" >/dev/null'
	run -1 portwatch history
	[[ "$output" = *newer* ]]
	portwatch doctor -o jsonl | jq -es 'any(.[]; .name == "history" and .ok == false and .remedy)' >/dev/null
	[ "$(grep -c 'history cannot be written' "$D/log")" = 1 ]
	api /api/ports/services/wizard | jq -e '.status.status == "running"' >/dev/null
	cmp "$D/before" "$PORTWATCH_STATE/history.db"
}

@test "a disk that fills up is said once, and watching goes on" {
	mkdir "$PORTWATCH_STATE"
	mount -t tmpfs -o size=256k tmpfs "$PORTWATCH_STATE"
	mounted=$PORTWATCH_STATE
	daemon
	storm
	within 30 eval 'api /api/ports/status | jq -e ".history.fault and .history.dropped > 0" >/dev/null'
	end KILL "$stormer"
	named wizard 17365
	within 10 eval 'api /api/ports/services/wizard | jq -e ".status.status == \"running\"" >/dev/null'
	grep -q 'history cannot be written: .*full' "$D/log"
	[ "$(grep -c 'history cannot be written' "$D/log")" -le 2 ]
	end TERM "$daemon"
	umount "$PORTWATCH_STATE"
	mounted=
}

@test "a folder that cannot be made is said once, and watching goes on" {
	daemon --state /proc/nowhere/state
	named wizard 17365
	within 10 eval 'api /api/ports/status | jq -e ".history.fault" >/dev/null'
	api /api/ports/services/wizard | jq -e '.status.status == "running"' >/dev/null
	[ "$(grep -c 'history cannot be written' "$D/log")" = 1 ]
}

@test "without a daemon, what the last one wrote is read, and nothing is changed" {
	run -3 alone history
	[[ "$output" = *'No daemon has kept a history yet'* ]]
	daemon
	named wizard 17365
	within 10 remembered port=17365 '.type == "socket.listening"'
	end TERM "$daemon"
	before=$(ls -lA --time-style=full-iso "$PORTWATCH_STATE")
	alone history :17365 | grep -q 'socket.listening .*wizard'
	[ "$(ls -lA --time-style=full-iso "$PORTWATCH_STATE")" = "$before" ]
	chmod 755 "$D"
	run -4 "${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups \
		env PORTWATCH_STATE="$PORTWATCH_STATE" "$PORTWATCH" --local history
	[[ "$output" = *'Permission denied'* ]]
}

@test "command lines of others are kept from who may not see them" {
	daemon
	"${inside[@]}" python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 17365))' --token=secret
	within 10 remembered port=17365 '.type == "socket.released"'
	chmod 755 "$D"
	chmod 666 "$SOCKET"
	api '/api/ports/history?limit=10000' | grep -q token=secret
	setpriv --reuid 65534 --regid 65534 --clear-groups curl -s --unix-socket "$SOCKET" \
		'http://localhost/api/ports/history?limit=10000' >"$D/seen"
	jq -e 'any(.entries[]; .port == 17365 and .process.comm and .process.cmdline == null)' "$D/seen" >/dev/null
	run ! grep -q token=secret "$D/seen"
}

@test "what is older than history.retain goes" {
	daemon
	listen 17381
	within 10 remembered port=17381 '.type == "socket.listening"'
	registry '{"settings":{"history":{"retain":"1s"}},"services":[]}'
	within 10 remembered "" '.type == "registry.reloaded"'
	# With what is written next.
	forgotten()
	{
		"${inside[@]}" python3 -c 'import socket; socket.create_server(("127.0.0.1", 17382))'
		! remembered port=17381 'true'
	}
	within 20 forgotten
}
