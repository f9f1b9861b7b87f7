#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What was acknowledged is there: whatever happens to the daemon, the disk or the folders.
# shellcheck disable=SC2154 # set by daemon_helper and by run

bats_require_minimum_version 1.5.0
load daemon_helper

# changes SEED CHANGES KILLS [OPTION...] - see durability.py
changes()
{
	registry '{"settings":{"port_range":"20000-20100"},"services":[]}'
	python3 "$BATS_TEST_DIRNAME/durability.py" "$1" "$2" "$3" "$D" \
		nsenter -t "$namespace" -n "$PORTWATCHD" --registry "$REGISTRY" \
		--socket "$SOCKET" "${@:4}" 3>&-
}

# SEED=... runs the same again.
@test "SIGKILL at any of a thousand changes loses none that was acknowledged" {
	# A sanitized daemon takes seconds to start.
	kills=12
	! grep -q __asan_init "$PORTWATCHD" || kills=4
	changes "${SEED:-$RANDOM}" 1000 "$kills"
}

# -- who waits for a disk

# keep FILE - its lock, as another portwatch does, until the test lets_go
keep()
{
	mkdir -p "${1%/*}"
	flock "$1.lock" sh -c "echo kept >>$D/kept; exec sleep 600" 3>&- &
	keeper=$!
	started+=("$keeper")
	within 10 grep -q kept "$D/kept"
	rm "$D/kept"
}

lets_go()
{
	pkill -KILL -P "$1" || kill -KILL "$1"
	wait "$1" || true
}

# asks NAME METHOD PATH BODY [CURL-OPTION...] - in the background; the status goes to $D/NAME
asks()
{
	code "/api/ports/$3" -X "$2" -H 'Content-Type: application/json' -d "$4" "${@:5}" \
		>"$D/$1" 3>&- &
	asking=$!
	started+=("$asking")
}

# The worker has its thread.
works()
{
	grep -qx portwatch-files "/proc/$daemon/task/"*/comm
}

answered()
{
	[ "$(cat "$D/$1")" = "$2" ]
}

@test "who waits for a file keeps nobody else waiting" {
	registry '{"services":[{"name":"web","port":18080,"process_name":"web"}]}'
	daemon
	events told 'snapshot=0&types=alert'
	keep "$REGISTRY"
	registry_keeper=$keeper
	asks put PUT services/new '{"port":18081}'
	keep "$D/state/port_registry.json"
	asks post POST allocations '{"service_name":"grace"}'
	listen 18080
	within 1 told told '.type == "alert.firing" and .alert.kind == "occupied"'
	[ "$(api /healthz)" = ok ]
	api /api/ports/services | jq -e '.services | length == 1'
	[ ! -s "$D/put" ]
	[ ! -s "$D/post" ]
	lets_go "$keeper"
	within 2 answered post 201
	[ ! -s "$D/put" ]
	lets_go "$registry_keeper"
	within 2 answered put 201
	api /api/ports/services | jq -e '.services | length == 2'
}

@test "a file that stays locked is told, and changes nothing" {
	registry '{"services":[]}'
	daemon
	keep "$D/state/port_registry.json"
	run -1 --separate-stderr "$PORTWATCH" --socket "$SOCKET" allocate grace
	[[ $stderr == *'Another portwatch is writing'* ]]
	lets_go "$keeper"
	run -0 --separate-stderr "$PORTWATCH" --socket "$SOCKET" allocate grace
	[ "$output" = 8000 ]
}

@test "who hangs up before its turn has changed nothing" {
	registry '{"services":[]}'
	daemon
	keep "$REGISTRY"
	asks first PUT services/first '{"port":18081}'
	first=$asking
	within 10 works
	asks second PUT services/second '{"port":18082}' --max-time 0.5
	wait "$asking" || true
	asks third PUT services/third '{"port":18083}'
	lets_go "$keeper"
	wait "$first"
	wait "$asking"
	answered first 201
	answered third 201
	run -0 jq -r '.services[].name' "$REGISTRY"
	[ "$output" = $'first\nthird' ]
}

@test "what is on its way at the end is finished and answered" {
	registry '{"services":[]}'
	daemon
	keep "$REGISTRY"
	asks put PUT services/new '{"port":18081}'
	put=$asking
	within 10 works
	kill -TERM "$daemon"
	sleep 0.2
	lets_go "$keeper"
	wait "$put"
	answered put 201
	wait "$daemon"
	jq -e '.services[0].name == "new"' "$REGISTRY"
}

@test "the worker has no more privileges than the daemon" {
	registry '{"services":[]}'
	daemon
	run -0 "$PORTWATCH" --socket "$SOCKET" allocate grace
	run -0 sh -c "cat /proc/$daemon/task/*/status | grep -E '^(Cap(Prm|Eff|Bnd)|NoNewPrivs)' | sort | uniq -c"
	[ "$(awk '{ print $2 }' <<<"$output" | uniq -d)" = '' ]
}
