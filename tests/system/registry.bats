#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The verbs and routes that edit the registry and read from it.
# shellcheck disable=SC2154 # set by daemon_helper and by run

bats_require_minimum_version 1.5.0
load daemon_helper

A=/api/ports

# As the seed document has it, with ports of the tests.
seed='{"timestamp":"2026-01-17T12:00:00","owner":"ops","services":[
 {"name":"wizard","port":18665,"environment":"production","process_name":"wizard","colour":"blue",
  "description":"Always-on service layer","health_endpoint":"http://localhost:18665/health"},
 {"name":"goblin","port":18667,"process_name":"goblin","startup_cmd":"goblin --port 18667"},
 {"name":"tauri","port":"dynamic","process_name":"tauri"}],
 "settings":{"env_prefix":"UDOS","port_range":"18600-18609"}}'

setup()
{
	cli_setup "$seed"
}

# entry NAME JQ-CONDITION - of the file as it is
entry()
{
	jq -e --arg name "$1" ".services[] | select(.name == \$name) | $2" "$REGISTRY" >/dev/null
}

# change METHOD PATH [BODY] - its status, the body in $D/body
change()
{
	api "$A$2" -X "$1" -H 'Content-Type: application/json' -d "${3-{\}}" \
		-o "$D/body" -w '%{http_code}'
}

body()
{
	jq -e "$1" "$D/body" >/dev/null || {
		cat "$D/body"
		return 1
	}
}

as_nobody()
{
	"${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

# -- register

registers()
{
	run -0 --separate-stderr pw register vite -p 15173 --process-name node \
		--environment development --description 'Dev server' --working-dir /srv \
		--env A=1 --env 'B=x y' --depends-on wizard --depends-on goblin=service_healthy \
		--health interval=10 --health http=http://localhost:15173/ --stop grace=5s \
		--stop signal=INT --restart on_failure --backoff factor=1.5 \
		--restart-limit count=3 --on-conflict next_free --tag ui --tag web \
		-- npm run 'dev server'
	[ "$output" = "vite: registered, port 15173, in $REGISTRY" ]
	[ -z "$stderr" ]
	entry vite '. == {name: "vite", port: 15173, process_name: "node",
		environment: "development", description: "Dev server", working_dir: "/srv",
		env: {A: "1", B: "x y"},
		depends_on: {wizard: {condition: "service_started"}, goblin: {condition: "service_healthy"}},
		health: {interval: 10, http: "http://localhost:15173/"},
		stop: {grace: "5s", signal: "INT"}, restart: "on_failure", backoff: {factor: 1.5},
		restart_limit: {count: 3}, on_conflict: "next_free", tags: ["ui", "web"],
		startup_cmd: ["npm", "run", "dev server"]}'
	run -0 pw status vite -o json
	[ "$(jq -r .services.vite.status <<<"$output")" = stopped ]
	run -0 pw register dns -p 1053/udp -p metrics=19153 --process-name dns
	entry dns '.port == [{port: 1053, proto: "udp"}, {name: "metrics", port: 19153}]'
	run -0 pw register any --port dynamic --process-name any --disabled
	entry any '.port == "dynamic" and .enabled == false'
}

@test "register takes every field, with a daemon" {
	daemon
	registers
}

@test "register takes every field, without a daemon" {
	registers
}

@test "what is not known, and the order, are kept" {
	daemon
	pw register new --port 18690 --process-name new
	pw reassign wizard 18666
	pw disable goblin
	jq -e '(keys_unsorted == ["timestamp", "owner", "services", "settings"]) and .owner == "ops"
		and [.services[].name] == ["wizard", "goblin", "tauri", "new"]
		and .services[0].colour == "blue" and .timestamp != "2026-01-17T12:00:00"' "$REGISTRY"
	entry wizard 'keys_unsorted == ["name", "port", "environment", "process_name", "colour",
		"description", "health_endpoint"]'
}

@test "register again is no change; something else is refused, or made with --update" {
	daemon
	inode=$(stat -c %i "$REGISTRY")
	run -0 pw register goblin --port 18667 --process-name goblin \
		--startup-cmd 'goblin --port 18667'
	[[ $output == "goblin: is so already"* ]]
	[ "$(stat -c %i "$REGISTRY")" = "$inode" ]
	run -5 --separate-stderr pw register goblin --port 18668
	[[ $stderr == *"registered already"* ]]
	[ -z "$output" ]
	run -0 pw register goblin --update --description new --stop grace=1s
	entry goblin '.description == "new" and .stop.grace == "1s" and .port == 18667'
	run -3 pw register gobln --update --description x
	[[ $output == *"did you mean goblin"* ]]
}

@test "a port that another claims is refused with 5, unless forced" {
	daemon
	run -5 pw register x --port 18665 --process-name x
	[[ $output == *"18665/tcp is claimed by wizard"* ]]
	pw disable wizard
	run -5 pw register x --port 18665 --process-name x
	[[ $output == *disabled* ]]
	run -0 pw register x --port 18665 --process-name x --force
	run -0 pw register y --port 18665/udp --process-name x
}

@test "a port that is allocated to another is claimed" {
	daemon --state "$D/state" --log "$D/log.d"
	[ "$(pw allocate other)" = 18600 ]
	run -5 pw register x --port 18600 --process-name x
	[[ $output == *"other, to which it is allocated"* ]]
	run -5 pw reassign wizard 18600
	run -0 pw available
	[ "$output" = 18601 ]
	run -0 pw register x --port 18600 --process-name x --force
}

@test "what is no entry is usage: exit 2, one line, and the file as it was" {
	local lines=(
		"register"
		"register x"
		"register a/b --port 1"
		"register x --port 0"
		"register x --port 70000"
		"register x --port http"
		"register x --port 1/sctp"
		"register x --port 1 --proto sctp"
		"register x --port 1 --address localhost"
		"register x --port 1 --env A"
		"register x --port 1 --stop signal=BOOM"
		"register x --port 1 --stop color=red --health interval=soon"
		"register x --port 1 --depends-on nobody"
		"register x --port 1 --depends-on x"
		"register x --port 1 --restart sometimes"
		"register x --port 1 --startup-cmd a -- b"
		"register x --port 1 -p 1"
		"unregister"
		"unregister a/b"
		"enable"
		"reassign wizard"
		"reassign wizard http"
		"reassign wizard 0"
		"reassign wizard 65536"
		"reassign wizard 1 --which http"
		"available 0"
		"available http"
		"available -n 0"
		"available -n 70000"
		"available 1 2"
		"env --format xml"
		"env --format sh -o json"
		"env --fields nosuch"
		"report -o csv"
		"report now"
	)
	daemon
	for line in "${lines[@]}"; do
		echo "portwatch $line"
		# shellcheck disable=SC2086 # the words of a line
		run -2 --separate-stderr pw $line
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	[ "$(cat "$REGISTRY")" = "$seed" ]
}

@test "a fault tells its place in the entry" {
	daemon
	run -2 pw register x --port 1 --stop signal=BOOM
	[[ $output == *"stop.signal: "*BOOM* ]]
	[ "$(change PUT /services/x '{"port":70000}')" = 422 ]
	body '.json_path == "port" and .path == null and (.detail | test("70000"))'
	[ "$(change PUT /services/x '{"port":1,"depends_on":["nobody"]}')" = 422 ]
	body '.detail | test("nobody")'
}

@test "an entry that anything could be says so" {
	run -0 --separate-stderr pw register x --port 18690
	[[ $stderr == *"nothing to recognise"* ]]
	run -0 --separate-stderr pw register y --port 18691 --match exe=/usr/bin/y --match user=0
	[ -z "$stderr" ]
	entry y '.match == {exe: "/usr/bin/y", user: "0"}'
}

# -- unregister, enable, disable

edits()
{
	run -7 --separate-stderr pw disable wizard nosuch goblin
	[ "${#lines[@]}" -eq 2 ]
	[[ $stderr == *nosuch* ]]
	entry wizard '.enabled == false'
	run -0 pw status wizard -o csv --fields state --no-headers
	[ "$output" = disabled ]
	run -0 pw enable wizard goblin
	entry wizard .enabled
	run -0 pw enable wizard
	[[ $output == *already* ]]
	run -3 pw enable nosuch
	run -0 pw unregister goblin tauri
	jq -e '[.services[].name] == ["wizard"]' "$REGISTRY"
	run -3 pw unregister goblin
	run -3 pw check goblin
	pw register api --port 18690 --depends-on wizard --process-name api
	run -5 pw unregister wizard
	[[ $output == *"api depends on wizard"* ]]
}

@test "disable, enable and unregister, with a daemon" {
	daemon
	edits
}

@test "disable, enable and unregister, without a daemon" {
	edits
}

# conflicts_of NAME - their kinds; those of other namespaces are told, too
conflicts_of()
{
	pw status -o json |
		jq -r --arg name "$1" '[.conflicts[] | select(.service == $name).kind] | join(" ")'
}

@test "a change is in force when it is answered" {
	daemon
	listen 18600
	# Another name each time: what comes and goes and comes is damped.
	for name in a b c d e; do
		pw register "$name" --port 18600 --process-name nobody
		[ "$(conflicts_of "$name")" = occupied ]
		pw disable "$name"
		[ -z "$(conflicts_of "$name")" ]
		pw unregister "$name"
		[ "$(code "$A/services/$name")" = 404 ]
	done
}

@test "each format tells a change" {
	daemon
	run -0 pw disable wizard goblin -o json
	jq -e '.schema == "portwatch.changes/v1" and (.changes | length) == 2
		and .changes[0].change == "updated" and .changes[0].service.enabled == false' <<<"$output"
	run -0 pw disable wizard goblin -o jsonl
	[ "${#lines[@]}" -eq 2 ]
	jq -e '.change == "unchanged"' <<<"${lines[0]}"
	run -0 pw reassign wizard 18666 -o csv
	[ "${lines[0]}" = name,change,port,previous_port,registry ]
	[ "${lines[1]}" = "wizard,updated,18666,18665,$REGISTRY" ]
	run -0 pw enable goblin --fields name,change --no-headers
	[[ $output =~ ^goblin\ +updated$ ]]
	run -0 pw enable goblin -o wide
	[[ ${lines[0]} == NAME*CHANGE*PORT*NOTES* ]]
}

# -- reassign

@test "reassign gives another port, and takes the health check along" {
	daemon
	run -0 --separate-stderr pw reassign wizard 18666
	[ "$output" = "wizard: port 18665 becomes 18666, in $REGISTRY" ]
	[[ $stderr == *"health_endpoint follows"* ]]
	entry wizard '.port == 18666 and .health_endpoint == "http://localhost:18666/health"'
	run -0 --separate-stderr pw reassign goblin 18668
	[[ $stderr == *"startup_cmd still says 18667"* ]]
	run -0 pw reassign goblin 18668
	[[ $output == *already* ]]
	run -0 pw reassign tauri 18670
	entry tauri '.port == 18670'
	run -3 pw reassign nosuch 18671
}

@test "reassign refuses a port that is claimed or taken, unless forced" {
	daemon
	run -5 pw reassign wizard 18667
	[[ $output == *"claimed by goblin"* ]]
	listen 18680
	run -5 pw reassign wizard 18680
	[[ $output == *"taken by python3 (pid $listener)"* ]]
	run -5 pw --local reassign wizard 18680
	entry wizard '.port == 18665'
	run -0 pw reassign wizard 18680 --force
	entry wizard '.port == 18680'
	run -0 pw reassign wizard 18667 --force
}

@test "a service that has drifted may be given the port it sits on" {
	listen 18680
	pw register drifter --port 18681 --process-name python3
	run -0 pw reassign drifter 18680
}

@test "of several ports one is chosen" {
	registry '{"services":[{"name":"a","port":[18691,{"name":"m","port":18692}],"process_name":"a"}]}'
	run -2 pw reassign a 18693
	[[ $output == *"18691, m=18692"* ]]
	run -0 pw reassign a 18693 --which m
	run -0 pw reassign a 18694 --which 18691
	entry a '.port == [18694, {name: "m", port: 18693}]'
}

# -- available

availables()
{
	run -0 --separate-stderr pw available
	[ "$output" = 18600 ]
	[ -z "$stderr" ]
	listen 18600
	listen 18602 ::1
	pw register six --port 18603/udp --process-name six --disabled
	nsenter -t "$namespace" -n python3 -c '
import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 18605)); print("bound", flush=True)
signal.pause()' >"$D/udp" 3>&- &
	started+=($!)
	within 10 grep -q bound "$D/udp"
	run -7 --separate-stderr pw available -n 10
	[ "$output" = $'18601\n18604\n18606\n18607\n18608\n18609' ]
	[[ $stderr == *"Only 6"*18600*18609* ]]
	run -0 pw available 18602 -n 2
	[ "$output" = $'18604\n18606' ]
	run -0 pw available 18665
	[ "$output" = 18666 ]
}

@test "available gives what nobody holds or claims, with a daemon" {
	daemon
	availables
}

@test "available gives what nobody holds or claims, without a daemon" {
	availables
}

@test "available prints numbers, and documents where asked" {
	daemon
	run -0 pw available -n 2 -o json
	jq -e '.schema == "portwatch.available/v1" and .ports == [18600, 18601]
		and .from == 18600 and .to == 18609 and .wanted == 2' <<<"$output"
	run -0 pw available -n 2 -o jsonl
	[ "$output" = $'{"port":18600}\n{"port":18601}' ]
	run -0 pw available -o csv
	[ "$output" = $'port\n18600' ]
	run -0 pw available 65535 -n 1
}

@test "where nothing is available it says so: exit 3" {
	registry '{"settings":{"port_range":"18600-18600"},"services":[]}'
	daemon
	listen 18600
	run -3 --separate-stderr pw available
	[ -z "$output" ]
	[[ $stderr == *18600* ]]
	run -0 pw available --exit-zero
	run -3 --separate-stderr pw available -o json
	[ "$(jq -c .ports <<<"$output")" = '[]' ]
}

# In a namespace of its own: the host's settings are not for tests to change.
@test "reserved ports and those of outgoing connections are not available" {
	unshare -n true 2>/dev/null || skip "no network namespace to be had"
	# shellcheck disable=SC2016 # expanded within
	run -0 unshare -n bash -ec '
		ip link set lo up
		echo 18600-18602 >/proc/sys/net/ipv4/ip_local_reserved_ports
		echo 18603 18606 >/proc/sys/net/ipv4/ip_local_port_range
		python3 -c "
import signal, socket
s = socket.create_server((\"127.0.0.1\", 20000))
kept = [socket.create_connection((\"127.0.0.1\", 20000)) for i in range(3)]
d = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); d.sendto(b\"\", (\"::1\", 9))
print(*sorted({k.getsockname()[1] for k in kept} | {d.getsockname()[1]}), flush=True)
signal.pause()" >"$2" &
		until [ -s "$2" ]; do sleep 0.02; done
		"$1" --local available -n 10 2>/dev/null || true
		kill $!' - "$PORTWATCH" "$D/used"
	want=$(comm -23 <(seq 18603 18609) <(tr ' ' '\n' <"$D/used"))
	[ "$output" = "$want" ]
}

# It would make those fail who bind in that moment.
@test "to know what is available nothing is bound" {
	daemon
	events told types=socket
	api "$A/available?n=10"
	api "$A/available?port=40000&n=10"
	listen 18609
	within 5 told told '.port == 18609'
	# Another's daemon on this host may serve TCP.
	! told told ".process.pid == $daemon" || false
}

# -- env

@test "env is the script of the seed, and a shell reads it" {
	run -0 --separate-stderr pw env
	[ "$output" = '#!/bin/bash
# uDOS Service Port Environment - Auto-generated

export UDOS_WIZARD_PORT=18665
export UDOS_GOBLIN_PORT=18667

# Service URLs
export UDOS_WIZARD_URL=http://localhost:18665
export UDOS_GOBLIN_URL=http://localhost:18667' ]
	[ -z "$stderr" ]
	eval "$output"
	[ "$UDOS_WIZARD_URL" = http://localhost:18665 ]
	daemon
	[ "$(pw env)" = "$output" ]
	[ "$(api $A/env -w '%{content_type}')" = "$output
text/plain; charset=utf-8" ]
	run -0 pw env --format fish
	[[ $output == *"set -gx UDOS_WIZARD_PORT 18665"* ]]
	for format in dotenv systemd; do
		run -0 pw env --format "$format"
		[[ $output == *$'\nUDOS_WIZARD_PORT=18665\n'* ]]
	done
	run -0 pw env --format json
	[ "$(jq -r .variables.UDOS_GOBLIN_URL <<<"$output")" = http://localhost:18667 ]
	[ "$(pw env -o json)" = "$output" ]
	run -0 pw env -o csv --no-headers
	[ "${lines[0]}" = UDOS_WIZARD_PORT,18665 ]
}

# -- REST

@test "PUT creates, replaces and merges; DELETE takes out" {
	daemon
	[ "$(change PUT /services/new '{"port":18690,"process_name":"new","x":1}')" = 201 ]
	body ".schema == \"portwatch.change/v1\" and .change == \"created\" and .port == 18690
		and .service.name == \"new\" and .registry == \"$REGISTRY\" and (.notes | length) == 1"
	[ "$(change PUT /services/new '{"port":18690,"process_name":"new","x":1}')" = 200 ]
	body '.change == "unchanged"'
	[ "$(change PUT /services/new '{"port":18691,"tags":["t"]}')" = 200 ]
	entry new '. == {name: "new", port: 18691, x: 1, tags: ["t"]}'
	[ "$(change PUT '/services/new?update=1' '{"tags":null,"description":"d"}')" = 200 ]
	entry new '. == {name: "new", port: 18691, x: 1, description: "d"}'
	[ "$(change PUT '/services/new?create=1' '{"port":1}')" = 409 ]
	[ "$(change PUT '/services/none?update=1' '{"port":1}')" = 404 ]
	[ "$(change PUT '/services/new?update=1&create=1' '{}')" = 400 ]
	[ "$(change PUT '/services/new?force=maybe' '{}')" = 400 ]
	[ "$(change PUT '/services/new?forse=1' '{}')" = 400 ]
	[ "$(change PUT /services/new '[]')" = 400 ]
	[ "$(change PUT /services/new '{')" = 400 ]
	[ "$(change PUT /services/new '{"name":"old","port":1}')" = 422 ]
	[ "$(change PUT /services/a%20b '{"port":1}')" = 422 ]
	[ "$(change PUT /services/other '{"port":18665}')" = 409 ]
	[ "$(change PUT '/services/other?force=1' '{"port":18665}')" = 201 ]
	[ "$(change DELETE /services/other)" = 200 ]
	body '.change == "removed" and .service == null'
	[ "$(change DELETE /services/other)" = 404 ]
}

@test "POST reassign takes port, which and force" {
	daemon
	[ "$(change POST /services/wizard/reassign '{"port":18666}')" = 200 ]
	body '.change == "updated" and .port == 18666 and .previous_port == 18665'
	[ "$(change POST /services/wizard/reassign '{"port":18667}')" = 409 ]
	[ "$(change POST /services/wizard/reassign '{"port":18667,"force":true}')" = 200 ]
	[ "$(change POST /services/nosuch/reassign '{"port":18668}')" = 404 ]
	listen 18680
	[ "$(change POST /services/goblin/reassign '{"port":18680}')" = 409 ]
	body ".holder.pid == $listener"
	for bad in '{}' '{"port":0}' '{"port":"1"}' '{"port":1.5}' '{"port":1,"force":1}' \
		'{"port":1,"which":[]}' '{"prot":1}' '[1]' ''; do
		[ "$(change POST /services/wizard/reassign "$bad")" = 400 ]
	done
}

@test "GET available takes port and n" {
	daemon
	[ "$(api "$A/available?port=18604&n=2" | jq -c .ports)" = '[18604,18605]' ]
	for bad in port=0 port=x n=0 n=65536 m=1; do
		[ "$(code "$A/available?$bad")" = 400 ]
	done
	[ "$(code "$A/env?format=xml")" = 400 ]
	[ "$(code "$A/report?format=xml")" = 400 ]
}

# -- who may, and what goes wrong

@test "another user changes nothing, and may ask: exit 4" {
	daemon
	before=$(cat "$REGISTRY")
	run -4 as_nobody "$PORTWATCH" --socket "$SOCKET" register x --port 1
	[[ $output == *"group portwatch"* ]]
	for verb in "unregister wizard" "enable wizard" "disable wizard" "reassign wizard 1"; do
		# shellcheck disable=SC2086
		run -4 as_nobody "$PORTWATCH" --socket "$SOCKET" $verb
	done
	[ "$(cat "$REGISTRY")" = "$before" ]
	for verb in env report available; do
		run -0 as_nobody "$PORTWATCH" --socket "$SOCKET" $verb
	done
}

@test "a registry that may not be written is told: exit 4" {
	run -4 as_nobody "$PORTWATCH" --local --registry "$REGISTRY" disable wizard
	[[ $output == *"$REGISTRY"*"Permission denied"* ]]
	[ "$(cat "$REGISTRY")" = "$seed" ]
}

@test "a registry that is refused is not changed: exit 2" {
	registry '{"services":[{"name":"a","port":70000}]}'
	run -2 pw register x --port 1
	[[ $output == *"$REGISTRY:1:"*70000* ]]
	registry "$seed"
	daemon
	registry '{"services":[{"name":"a","port":70000}]}'
	run -2 pw register x --port 1
	[[ $output == *"$REGISTRY:1:"*70000* ]]
}

@test "the default registry is made where there is none" {
	unshare -m true 2>/dev/null || skip "no mount namespace to be had"
	unset PORTWATCH_REGISTRY
	# shellcheck disable=SC2016 # expanded within
	run -0 unshare -m bash -ec '
		mount -t tmpfs none /etc
		"$1" --local register x --port 18690 --process-name x
		cat /etc/portwatch/registry.json' - "$PORTWATCH"
	[[ $output == *'"port": 18690'* ]]
}

@test "a full disk is an error, the old file whole, and watching goes on" {
	unshare -m true 2>/dev/null || skip "no mount namespace to be had"
	mkdir "$D/small"
	# shellcheck disable=SC2016 # expanded within
	run -0 unshare -m bash -ec '
		mount -t tmpfs -o size=64k none "$2/small"
		cp "$3" "$2/small/r.json"
		"$1d" --registry "$2/small/r.json" --socket "$2/s" 2>"$2/log" 3>&- &
		until grep -q serving "$2/log"; do sleep 0.02; done
		"$1" --socket "$2/s" disable wizard >/dev/null
		head -c 1m /dev/zero >"$2/small/filler" 2>/dev/null || true
		before=$(cat "$2/small/r.json")
		status=0
		"$1" --socket "$2/s" enable wizard 2>"$2/error" || status=$?
		[ $status = 1 ]
		grep -q "No space left" "$2/error"
		[ "$(cat "$2/small/r.json")" = "$before" ]
		[ "$(ls -A "$2/small")" = "$(printf "filler\nr.json\nr.json.lock")" ]
		"$1" --socket "$2/s" status >/dev/null
		rm "$2/small/filler"
		"$1" --socket "$2/s" enable wizard
		kill %1' - "$PORTWATCH" "$D" "$REGISTRY"
}

# fifty OPTION... - at once, and each is there
fifty()
{
	local pids=() pid

	for i in {1..50}; do
		pw "$@" register "s$i" --port $((19000 + i)) --process-name "s$i" \
			>"$D/out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || {
			cat "$D"/out.*
			return 1
		}
	done
	jq -e '[.services[].name | select(test("^s[0-9]+$"))] | unique | length == 50' "$REGISTRY"
}

@test "fifty that register at once lose nothing, with a daemon" {
	daemon
	fifty
	run -0 pw services -o json
	[ "$(jq '.services | length' <<<"$output")" = 53 ]
}

@test "fifty that register at once lose nothing, each by itself" {
	fifty --local
}

@test "those with and without a daemon lose nothing together" {
	daemon
	for i in {1..20}; do
		pw register "a$i" --port $((19000 + i)) --process-name a >/dev/null &
		last=$!
		pw --local register "b$i" --port $((19100 + i)) --process-name b >/dev/null
		wait "$last"
	done
	[ "$(jq '.services | length' "$REGISTRY")" = 43 ]
	counted()
	{
		[ "$(api $A/services | jq '.services | length')" = 43 ]
	}
	within 5 counted
}

@test "a daemon that is killed in the midst of changes keeps what it answered" {
	for round in 1 2 3; do
		daemon
		for i in {1..40}; do
			pw --socket "$SOCKET" register "r$round-$i" --port $((19000 + round * 100 + i)) \
				--process-name r >/dev/null 2>&1 && echo "r$round-$i" >>"$D/done"
		done &
		writer=$!
		sleep "0.$((round * 2))"
		kill -KILL "$daemon"
		wait "$daemon" || true
		wait "$writer" || true
		jq -r '.services[].name' "$REGISTRY" | sort >"$D/there"
		[ -z "$(comm -23 <(sort "$D/done") "$D/there")" ]
	done
}
