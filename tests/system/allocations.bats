#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Ports handed out: by the API and at the command line, with a daemon and without one.
# shellcheck disable=SC2154 # set by daemon_helper and by run

bats_require_minimum_version 1.5.0
load daemon_helper


setup()
{
	cli_setup '{"services":[{"name":"web","port":8002,"process_name":"web"}]}'
	mounted=
}

teardown()
{
	[ -z "$mounted" ] || umount -l "$mounted"
	helper_teardown
}

state()
{
	jq -er "$1" "$D/state/port_registry.json"
}

# audit CONDITION - some line of the audit log is like that
audit()
{
	jq -es "any(.[]; $1)" "$D"/audit/allocations_"$(date -u +%Y%m%d)".jsonl >/dev/null
}

# gone PORT, stated PORT CONDITION - as the API has it
gone()
{
	[ "$(code "/api/ports/allocations/$1")" = 404 ]
}

stated()
{
	api "/api/ports/allocations/$1" | jq -e ".allocation | $2" >/dev/null
}

restart()
{
	kill -KILL "$daemon"
	wait "$daemon" || true
	daemon
}

# -- handing out

@test "a port is handed out, listed, and given back" {
	daemon
	run -0 pw allocate grace --purpose 'the API' --started-by serve.py
	[ "$output" = 8000 ]
	run -0 pw allocate grace
	[ "$output" = 8001 ]
	run -0 pw allocate grace -o json
	[ "$(jq -r .allocation.port <<<"$output")" = 8003 ] # 8002 is web's
	run -0 pw allocations -o json
	jq -e '.allocated_ports == 3 and .total_ports == 101 and .available_ports == 97 and
		.allocations[0].purpose == "the API" and .port_range == "8000-8100"' <<<"$output"
	state '.allocations["8000"] | .service_name == "grace" and .started_by == "serve.py"'
	audit '.action == "allocate" and .port == 8000 and .purpose == "the API"'
	run -0 pw release :8000
	[ "$output" = 'Released port 8000 of grace' ]
	audit '.action == "release" and .port == 8000 and .duration_s >= 0 and
		.request_count == 0 and .error_count == 0'
	run -0 pw release grace -o csv --fields port
	[ "$output" = $'port\n8001\n8003' ]
	run -3 pw release grace
	run -3 pw release :8000
	state '.allocations == {}'
}

@test "a port that anybody holds, on any address, family or protocol, is not handed out" {
	daemon
	listen 8000 127.0.0.2
	listen 8001 ::1
	"${inside[@]}" python3 -c 'import socket, signal
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.9", 8003))
print("bound", flush=True); signal.pause()' >"$D/udp" 3>&- &
	started+=($!)
	within 10 grep -q bound "$D/udp"
	echo 8004 | "${inside[@]}" tee /proc/sys/net/ipv4/ip_local_reserved_ports >/dev/null
	run -0 pw allocate grace
	[ "$output" = 8005 ]
	for port in 8000 8001 8002 8003 8004 8005; do
		run -5 pw allocate other --port "$port"
		[[ $output == *"$port"* ]]
	done
	run -2 pw allocate other --port 9000
	run -3 pw allocate other --pid 4194303
	run -2 pw allocate 'no name'
}

@test "ports that connections leave from are handed out after a look" {
	echo "8000 8100" | "${inside[@]}" tee /proc/sys/net/ipv4/ip_local_port_range >/dev/null
	daemon
	events all 'snapshot=0&types=allocation,alert'
	run -0 pw allocate grace
	[ "$output" = 8000 ]
	within 10 told all '.type == "allocation.created"'
	run -1 told all '.type == "allocation.claimed"'
	run -1 told all '.type == "alert.firing" and .alert.kind == "occupied" and .alert.port == 8000'
}

@test "a port that a connection leaves from is not handed out" {
	daemon
	listen 18000
	echo "8000 8000" | "${inside[@]}" tee /proc/sys/net/ipv4/ip_local_port_range >/dev/null
	"${inside[@]}" python3 -c '
import signal, socket
s = socket.create_connection(("127.0.0.1", 18000))
print(s.getsockname()[1], flush=True)
signal.pause()' >"$D/leaves" 3>&- &
	started+=($!)
	within 10 grep -qx 8000 "$D/leaves"
	run -0 pw allocate grace
	[ "$output" = 8001 ]
	run -5 --separate-stderr pw allocate grace --port 8000
	[[ $stderr == *'in use by a connection'* ]]
}

@test "two hundred callers at once get each port once, and clear refusals" {
	registry '{"services":[]}'
	daemon
	for _ in {1..200}; do
		(
			status=0
			port=$("$PORTWATCH" allocate grace 2>/dev/null) || status=$?
			echo "$status $port"
		) 3>&- &
		callers+=($!)
	done >"$D/answers"
	wait "${callers[@]}"
	[ "$(grep -c '^0 ' "$D/answers")" = 101 ]
	[ "$(grep -c '^5 $' "$D/answers")" = 99 ]
	[ "$(sort -u "$D/answers" | grep -c '^0 ')" = 101 ]
	[ "$(state '.allocations | length')" = 101 ]
	[ "$(cat "$D"/audit/*.jsonl | wc -l)" = 101 ]
	run -5 --separate-stderr pw allocate one_more
	[[ $stderr == *"No port of the managed range, 8000-8100, is free"* ]]
	[ "$(code /api/ports/allocations -X POST -H 'Content-Type: application/json' \
		-d '{"service_name":"x"}')" = 409 ]
}

@test "each format tells what was handed out, what there is and what was given back" {
	daemon
	for format in json jsonl csv table wide; do
		run -0 --separate-stderr pw allocate "a$format" --ttl 1h --purpose p -o "$format"
		case $format in
		json) jq -e '.schema == "portwatch.allocation/v1" and .allocation.port == 8000' <<<"$output" ;;
		jsonl) jq -e '.port == 8001 and .expires_at != null' <<<"$output" ;;
		csv) [ "${lines[0]}" = port,service,state,pid,requests,started_by,purpose,allocated,expires ] ;;
		table) [ "$output" = 8004 ] ;;
		wide) [[ ${lines[1]} == 8005*tcp*awide* ]] ;;
		esac
		run -0 --separate-stderr pw allocations -o "$format"
		[[ $output == *"a$format"* ]]
		run -0 --separate-stderr pw allocations -o "$format" --fields service,port --no-headers
		[[ $output == *"a$format"* ]]
	done
	run -0 --separate-stderr pw allocations -o csv --fields port --sort port:desc --no-headers
	[ "$output" = $'8005\n8004\n8003\n8001\n8000' ]
	for format in json jsonl csv table wide; do
		run -0 --separate-stderr pw release "a$format" -o "$format"
		[[ $output == *"a$format"* ]]
		[ "$format" != json ] ||
			jq -e '.schema == "portwatch.allocations/v1" and .allocations[0].port == 8000' <<<"$output"
	done
	run -2 pw allocations -o yaml
	run -2 pw allocate
	run -2 pw allocate a --ttl soon
	run -2 pw release
	run -2 pw release :0
}

@test "what is asked for wrongly is told in words" {
	daemon
	post()
	{
		api /api/ports/allocations -X POST -H 'Content-Type: application/json' -d "$1"
	}
	post '{"service_nam":"x"}' | jq -e '.status == 422 and (.detail | test("service_name"))'
	post '{}' | jq -e '.status == 422'
	post '[]' | jq -e '.status == 400'
	post '{"service_name":"x","port":70000}' | jq -e '.status == 422'
	post '{"service_name":"x","ttl":"soon"}' | jq -e '.status == 422'
	post '{"service_name":"a b"}' | jq -e '.status == 422'
	[ "$(code /api/ports/allocations/zero)" = 400 ]
	[ "$(code /api/ports/allocations/8000)" = 404 ]
	[ "$(code /api/ports/allocations/8000 -X DELETE -H 'Content-Type: application/json')" = 404 ]
}

# -- whom it belongs to

@test "whoever binds it has it, whichever process was announced" {
	daemon
	events all 'snapshot=0&types=allocation,alert'
	sleep 600 3>&- &
	announced=$!
	started+=("$announced")
	run -0 pw allocate grace --pid "$announced"
	stated 8000 ".pid == $announced and .health_status == \"pending\""
	listen 8000
	within 10 stated 8000 ".pid == $listener and .health_status == \"active\""
	within 10 state ".allocations[\"8000\"].pid == $listener"
	audit ".action == \"register_pid\" and .port == 8000 and .pid == $listener"
	within 10 told all ".type == \"allocation.claimed\" and .allocation.pid == $listener"
	run -1 told all '.type == "alert.firing" and .alert.port == 8000'
	kill -KILL "$announced"
	stated 8000 '.health_status == "active"'
	listen 8000 127.0.0.2
	within 10 told all '.type == "alert.firing" and .alert.kind == "occupied" and .alert.port == 8000'
}

@test "it is given back when its process ends, at once" {
	daemon
	events all 'snapshot=0&types=allocation'
	run -0 pw allocate grace
	listen 8000
	within 10 stated 8000 '.health_status == "active"'
	for _ in 1 2 3; do
		"${inside[@]}" bash -c 'exec 9<>/dev/tcp/127.0.0.1/8000'
	done
	stated 8000 '.request_count == 3'
	kill -KILL "$listener"
	within 2 gone 8000
	within 2 audit '.action == "cleanup" and .port == 8000 and .health_status == "dead" and
		.request_count == 3 and .error_count == 0 and .duration_s > 0'
	within 2 told all '.type == "allocation.released" and .allocation.port == 8000'
	state '.allocations == {}'
}

@test "an announced process that ends before it binds gives it back" {
	daemon
	sleep 600 3>&- &
	announced=$!
	run -0 pw allocate grace --pid "$announced"
	kill -KILL "$announced"
	within 2 gone 8000
}

@test "a child that keeps the socket keeps the port, until it lets go" {
	daemon
	run -0 pw allocate grace
	"${inside[@]}" python3 -c 'import os, signal, socket
s = socket.create_server(("127.0.0.1", 8000))
pid = os.fork()
if pid: print(os.getpid(), pid, flush=True)
signal.pause()' >"$D/family" 3>&- &
	started+=($!)
	within 10 grep -q ' ' "$D/family"
	read -r parent child <"$D/family"
	started+=("$child")
	within 10 stated 8000 ".pid == $parent"
	kill -KILL "$parent"
	within 5 stated 8000 '.health_status == "orphaned"'
	kill -KILL "$child"
	within 5 gone 8000
}

@test "what has a time ends with it" {
	daemon
	run -0 pw allocate grace --ttl 500ms
	stated 8000 '.expires_at != null'
	within 2 gone 8000
	audit '.action == "cleanup" and .port == 8000 and .reason == "expired"'
}

# -- what outlives the daemon

@test "what lives is kept over a restart, what died meanwhile is given back" {
	daemon
	run -0 pw allocate lives
	run -0 pw allocate dies
	run -0 pw allocate waits
	listen 8000
	lives=$listener
	listen 8001
	within 10 state '.allocations["8001"].pid != null'
	"${inside[@]}" bash -c 'exec 9<>/dev/tcp/127.0.0.1/8000'
	kill -KILL "$daemon"
	wait "$daemon" || true
	kill -KILL "$listener"
	wait "$listener" || true
	daemon
	stated 8000 ".pid == $lives and .health_status == \"active\""
	within 5 gone 8001
	stated 8003 '.health_status == "pending" and .pid == null'
	audit '.action == "cleanup" and .port == 8001'
	kill -KILL "$lives"
	within 2 gone 8000
}

@test "a PID that is another process by now is not believed" {
	daemon
	run -0 pw allocate grace --pid $$
	kill -KILL "$daemon"
	wait "$daemon" || true
	jq '.allocations["8000"].start_ticks -= 1' "$D/state/port_registry.json" >"$D/other"
	mv "$D/other" "$D/state/port_registry.json"
	daemon
	within 5 gone 8000
}

@test "an acknowledged change survives SIGKILL at any moment" {
	touch "$D/acknowledged"
	daemon
	for round in {1..8}; do
		while port=$("$PORTWATCH" --socket "$SOCKET" allocate "r$round" 2>/dev/null); do
			echo "+$port" >>"$D/acknowledged"
			((port % 2)) || continue
			echo "?$port" >>"$D/acknowledged"
			"$PORTWATCH" --socket "$SOCKET" release ":$port" >/dev/null 2>&1 ||
				break
			echo "-$port" >>"$D/acknowledged"
		done 3>&- &
		sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
		kill -KILL "$daemon"
		wait "$daemon" || true
		wait $!
		# The very first moment may be before there is any.
		[ ! -s "$D/acknowledged" ] || state . >/dev/null
		for file in "$D"/state/port_registry.json "$D"/audit/*.jsonl; do
			[ ! -e "$file" ] || jq . "$file" >/dev/null
		done
		daemon
		# The last word on each port that somebody was told.
		tac "$D/acknowledged" | awk '{ p = substr($0, 2) } !(p in seen) { seen[p] = 1; print }' |
			while read -r word; do
				case $word in
				+*) stated "${word#+}" . ;;
				esac
			done
		for port in $(api /api/ports/allocations | jq '.allocations[].port'); do
			pw release ":$port" >/dev/null
			echo "-$port" >>"$D/acknowledged"
		done
	done
}

@test "a full disk is told, and leaves everything as it was" {
	mkdir "$D/state"
	mount -t tmpfs -o size=64k tmpfs "$D/state"
	mounted=$D/state
	daemon
	run -0 pw allocate grace
	dd if=/dev/zero of="$D/state/full" bs=4k 2>/dev/null || true
	before=$(cat "$D/state/port_registry.json")
	run -1 --separate-stderr pw allocate more
	[[ $stderr == *"disk is full"* ]]
	run -1 pw release :8000
	[ "$before" = "$(cat "$D/state/port_registry.json")" ]
	[ "$(cat "$D"/audit/*.jsonl | wc -l)" = 1 ]
	# The history has files of its own there.
	[ "$(ls -A -I 'history.db*' "$D/state")" = "$(printf '%s\n' full port_registry.json port_registry.json.lock)" ]
	listen 8002
	within 10 eval 'api /api/ports/alerts | jq -e ".alerts[] | select(.kind == \"occupied\")"'
	rm "$D/state/full"
	run -0 pw allocate more
	[ "$output" = 8001 ]
}

@test "a state file that is refused stops changes and nothing else" {
	mkdir "$D/state"
	echo '{"allocations": {"80' >"$D/state/port_registry.json"
	daemon
	run -2 --separate-stderr pw allocate grace
	[[ $stderr == *"port_registry.json:1:"* ]]
	grep -q 'port_registry.json:1:' "$D/log"
	[ "$(cat "$D/state/port_registry.json")" = '{"allocations": {"80' ]
	run -0 pw status
	rm "$D/state/port_registry.json"
	run -0 pw allocate grace
}

@test "an allocation stays when the registry is read anew" {
	daemon
	run -0 pw allocate grace
	listen 8000
	within 10 stated 8000 '.health_status == "active"'
	"${inside[@]}" bash -c 'exec 9<>/dev/tcp/127.0.0.1/8000'
	registry '{"services":[{"name":"other","port":8050,"process_name":"other"}]}'
	within 10 eval 'api /api/ports/services | jq -e ".services[0].name == \"other\""'
	stated 8000 '.health_status == "active" and .request_count == 1'
	kill -KILL "$listener"
	within 2 gone 8000
}

@test "what the registry's file allocates is not released" {
	registry '{"allocations":{"8000":{"port":8000,"service_name":"fixed"}}}'
	daemon
	run -0 pw allocate grace
	[ "$output" = 8001 ]
	run -5 pw release :8000
	stated 8000 '.service_name == "fixed"'
}

# -- without a daemon

@test "without a daemon it is the same state" {
	run -0 pw allocate grace
	[ "$output" = 8000 ]
	run -0 pw allocate grace --local
	[ "$output" = 8001 ]
	run -0 pw allocations -o csv --fields port,service --no-headers
	[ "$output" = $'8000,grace\n8001,grace' ]
	daemon
	stated 8001 '.service_name == "grace"'
	run -0 pw --local release :8001
	within 2 gone 8001
	run -0 pw --local allocate other
	[ "$output" = 8001 ]
	stated 8001 '.service_name == "other"'
}

@test "others than root and the group may look, and change nothing" {
	daemon
	run -0 pw allocate grace
	[ "$(code /api/ports/allocations)" = 200 ]
	as_nobody()
	{
		"${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	}
	chmod 666 "$SOCKET"
	run -0 as_nobody "$PORTWATCH" allocations
	run -4 as_nobody "$PORTWATCH" allocate mine
	run -4 as_nobody "$PORTWATCH" release grace
	run -4 as_nobody "$PORTWATCH" --local allocate mine
	stated 8000 '.service_name == "grace"'
}

# -- connections

@test "connections of a service are counted, v4 and v6, and of nobody else" {
	registry '{"services":[{"name":"web","port":8002,"process_name":"python"}]}'
	daemon
	listen 8002
	listen 8002 ::1
	listen 8050
	for _ in 1 2 3 4 5; do
		"${inside[@]}" bash -c 'exec 9<>/dev/tcp/127.0.0.1/8002'
	done
	"${inside[@]}" bash -c 'exec 9<>/dev/tcp/::1/8002'
	"${inside[@]}" bash -c 'exec 9<>/dev/tcp/127.0.0.1/8050'
	"${inside[@]}" bash -c 'exec 9<>/dev/tcp/127.0.0.1/8051' || true
	# The last step of a connection is not made by whoever connects.
	within 10 eval "api /api/ports/services/web | jq -e '.status.request_count == 6'"
}

@test "the connections of UDP are null" {
	daemon
	run -0 pw allocate grace --proto udp
	stated 8000 '.proto == "udp" and .request_count == null'
	run -0 pw release :8000/udp
}
