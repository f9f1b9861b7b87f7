#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The two documents that portwatch grew from, walked through one by one: "Port Manager -
# Server and Port Management Utility" (uDOS) and "Port Manager System" (Grace).  Each
# command, call and JSON document of theirs works as shown there, with `portwatch` for
# `python -m wizard.cli_port_manager`.  The last test names what later parts bring.
# shellcheck disable=SC2154 # set by daemon_helper and by run

bats_require_minimum_version 1.5.0
load daemon_helper

top=$(realpath "$BATS_TEST_DIRNAME/../..")

# The services of the first document's table, with what its examples say of them.
five='{"settings": {"env_prefix": "UDOS"}, "services": [
 {"name": "wizard", "port": 8765, "environment": "production", "process_name": "python",
  "description": "Wizard Server - Production always-on service",
  "startup_cmd": "python -m wizard.server",
  "health_endpoint": "http://localhost:8765/health", "enabled": true},
 {"name": "goblin", "port": 8767, "environment": "experimental", "process_name": "python",
  "description": "Dev server with experimental features",
  "startup_cmd": "python -m goblin.server", "depends_on": ["wizard", "api"]},
 {"name": "api", "port": 5001, "environment": "development", "process_name": "python",
  "description": "REST/WebSocket API", "startup_cmd": "python -m api.server"},
 {"name": "vite", "port": 5173, "environment": "development", "process_name": "node",
  "description": "Frontend dev server", "depends_on": ["goblin"]},
 {"name": "tauri", "port": "dynamic", "environment": "development", "process_name": "tauri",
  "description": "Desktop application", "depends_on": ["vite"]}]}'

# The registry of the first document and the one of the second, as they stand there.
first='{
  "timestamp": "2026-01-17T12:00:00",
  "services": [
    {
      "name": "wizard",
      "port": 8765,
      "environment": "production",
      "process_name": "python",
      "description": "Wizard Server - Production always-on service",
      "startup_cmd": "python -m wizard.server",
      "health_endpoint": "http://localhost:8765/health",
      "enabled": true
    }
  ]
}'
second='{
  "allocations": {
    "8000": {
      "port": 8000,
      "service_name": "grace_backend",
      "started_by": "serve.py",
      "purpose": "Main Grace API server",
      "pid": 12345,
      "allocated_at": "2025-11-15T14:30:00Z",
      "health_status": "active",
      "request_count": 0,
      "error_count": 0
    }
  }
}'

setup()
{
	helper_setup
	registry "$five"
	export PORTWATCH_SOCKET=$SOCKET PORTWATCH_REGISTRY=$REGISTRY
	export PYTHONPATH=$top/tools/python PYTHONDONTWRITEBYTECODE=1
}

portwatch()
{
	"${inside[@]}" "$PORTWATCH" "$@"
}

# on_terminal ANSWER COMMAND... - run on a terminal, where ANSWER is typed
on_terminal()
{
	local answer=$1

	shift
	echo "$answer" | "${inside[@]}" python3 -c '
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$@"
}

# server NAME PORT - `python -m NAME.server` listens; its number is in $server
server()
{
	mkdir -p "$D/programs/$1"
	cat >"$D/programs/$1/server.py" <<-'E'
		import signal, socket, sys
		s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
		print("listening", flush=True)
		while True:
		    signal.pause()
	E
	# shellcheck disable=SC2016 # expanded by sh
	"${inside[@]}" sh -c 'cd "$1" && exec python3 -m "$2.server" "$3"' sh \
		"$D/programs" "$1" "$2" >"$D/server.$2" 2>&1 3>&- &
	server=$!
	started+=("$server")
	within 10 grep -q listening "$D/server.$2"
}

# holds JQ PATH - the answer to GET /api/ports/PATH is like that
holds()
{
	api "/api/ports/$2" | jq -e "$1" >/dev/null
}

post()
{
	api "/api/ports/$1" -X POST -H 'Content-Type: application/json' -d "${2-}"
}

python()
{
	cat >"$D/serve.py"
	run -0 "${inside[@]}" python3 -W error "$D/serve.py"
}

# A process that is not goblin on goblin's port.
stranger()
{
	server stranger 8767
	within 10 holds '.conflicts[0].kind == "occupied"' conflicts
}

# -- the first document, "Port Manager"

@test "first: Service Registry, the table of five" {
	daemon
	run -0 portwatch services -o csv --no-headers --fields name,port,environment,description
	[ "$output" = 'wizard,8765,production,Wizard Server - Production always-on service
goblin,8767,experimental,Dev server with experimental features
api,5001,development,REST/WebSocket API
vite,5173,development,Frontend dev server
tauri,dynamic,development,Desktop application' ]
}

@test "first: 1. Port Conflict Detection, conflicts" {
	daemon
	run -0 portwatch conflicts
	stranger
	run -5 portwatch conflicts -o jsonl
	jq -e ".port == 8767 and .expected == \"goblin\" and .found.pid == $server and
		(.found.comm | startswith(\"python\"))" <<<"$output"
	run -5 portwatch conflicts
	[[ $output == *8767*"belongs to goblin but python"*"(pid $server,"*"portwatch kill :8767"* ]]
}

@test "first: 2. Service Status Monitoring, status and check wizard" {
	daemon
	server wizard 8765
	within 10 holds '.status.status == "running"' services/wizard
	run -0 portwatch status
	[[ ${lines[1]} == wizard*8765*running*"$server"*production ]]
	[ "${#lines[@]}" = 6 ]
	run -0 portwatch check wizard
	[[ $output == *Service*wizard* ]]
	[[ $output == *Port*8765* ]]
	[[ $output == *Environment*production* ]]
	[[ $output == *Description*"Wizard Server - Production always-on service"* ]]
	[[ $output == *State*running* ]]
	[[ $output == *Health*http://localhost:8765/health* ]]
}

@test "first: 3. Port Management, kill wizard and kill :8767" {
	daemon
	server wizard 8765
	stranger
	run -0 on_terminal y "$PORTWATCH" kill wizard
	[[ $output == *"port 8765 is free"* ]]
	run -0 on_terminal y "$PORTWATCH" kill :8767
	[[ $output == *"port 8767 is free"* ]]
	run -0 portwatch conflicts
	server wizard 8765
	within 10 holds '.status.status == "running"' services/wizard
	run -0 portwatch kill wizard -y
}

@test "first: 3. Port Management, available 9000 and reassign goblin 9000" {
	daemon
	run -0 portwatch available 9000
	[ "$output" = 9000 ]
	run -0 portwatch reassign goblin 9000
	jq -e '.services[1] | .name == "goblin" and .port == 9000' "$REGISTRY"
	run -0 portwatch available 9000
	[ "$output" = 9001 ]
	run -3 portwatch check goblin # not running
	[[ $output == *Port*9000* ]]
}

@test "first: 4. Environment Variables, env" {
	daemon
	cat >"$D/shown" <<-'E'
		#!/bin/bash
		# uDOS Service Port Environment - Auto-generated

		export UDOS_WIZARD_PORT=8765
		export UDOS_GOBLIN_PORT=8767
		export UDOS_API_PORT=5001
		export UDOS_VITE_PORT=5173

		# Service URLs
		export UDOS_WIZARD_URL=http://localhost:8765
		export UDOS_GOBLIN_URL=http://localhost:8767
		export UDOS_API_URL=http://localhost:5001
		export UDOS_VITE_URL=http://localhost:5173
	E
	portwatch env | diff - "$D/shown"
	api /api/ports/env | diff - "$D/shown"
	run -0 bash -c ". '$D/shown'; echo \$UDOS_VITE_PORT \$UDOS_API_URL"
	[ "$output" = '5173 http://localhost:5001' ]
}

@test "first: REST API, GET /api/ports/status" {
	daemon
	server wizard 8765
	within 10 holds '.status.status == "running"' services/wizard
	holds ".timestamp != null and .conflicts == [] and
		(.services.wizard | {name, port, environment, status, enabled, pid}) ==
		{name: \"wizard\", port: 8765, environment: \"production\", status: \"running\",
		 enabled: true, pid: $server}" status
	# tauri, which has no port of its own, is started too, and last.
	holds '.startup_order == ["wizard", "api", "goblin", "vite", "tauri"]' status
	holds '.shutdown_order == ["tauri", "vite", "goblin", "api", "wizard"]' status
}

@test "first: REST API, what reads" {
	daemon
	holds '[.services[].name] == ["wizard", "goblin", "api", "vite", "tauri"]' services
	holds '.service.name == "wizard" and .status.port == 8765' services/wizard
	holds '.conflicts == []' conflicts
	api /api/ports/report | grep -q wizard
	[ "$(code /api/ports/services/nobody)" = 404 ]
}

@test "first: REST API, POST kill of a service and of a port" {
	daemon
	server goblin 8767
	within 10 holds '.status.status == "running"' services/goblin
	post services/goblin/kill | jq -e '.outcome == "done" and .ports[0].free'
	stranger
	post services/goblin/kill | jq -e '.status == 409 and .detail != null'
	post ports/8767/kill | jq -e ".outcome == \"done\" and .processes[0].pid == $server"
	post ports/8767/kill | jq -e '.status == 404'
}

@test "first: Python API, Basic Usage" {
	daemon
	server goblin 8767
	within 10 holds '.status.status == "running"' services/goblin
	python <<-'E'
		from portwatch import get_port_manager

		pm = get_port_manager()

		# Check all services
		statuses = pm.check_all_services()

		# Print status report
		print(pm.generate_report())

		# Get conflicts
		conflicts = pm.get_conflicts()

		# Kill a service
		pm.kill_service('goblin')

		# Find available port
		port = pm.get_available_port(9000)

		# Reassign service
		pm.reassign_port('goblin', port)

		assert statuses["goblin"].status == "running" and len(statuses) == 5
		assert conflicts == [] and port == 9000
		assert pm.check_all_services()["goblin"].port == 9000
	E
	[[ $output == *goblin*8767*running* ]]
	server other 8770
	python <<-'E'
		from portwatch import get_port_manager
		assert get_port_manager().kill_port(8770).ports[0].free
	E
}

@test "first: Python API, Service Information" {
	daemon
	server wizard 8765
	within 10 holds '.status.status == "running"' services/wizard
	python <<-'E'
		from portwatch import get_port_service

		ps = get_port_service()

		# Get dashboard
		dashboard = ps.get_dashboard()

		# Check specific service
		service_info = ps.check_service('wizard')
		print(f"Status: {service_info.status}")
		print(f"Port: {service_info.port}")
		print(f"PID: {service_info.pid}")

		assert dashboard["services"]["wizard"]["pid"] == service_info.pid
		assert dashboard["startup_order"][0] == "wizard"
	E
	[ "$output" = "Status: running
Port: 8765
PID: $server" ]
}

@test "first: Configuration, the registry as it stands" {
	registry "$first"
	run -0 portwatch config check "$REGISTRY"
	daemon
	server wizard 8765
	within 10 holds '.status.status == "running"' services/wizard
	run -0 portwatch reassign wizard 8766
	jq -e --argjson was "$first" '.services == [$was.services[0] |
		.port = 8766 | .health_endpoint = "http://localhost:8766/health"]' "$REGISTRY"
}

@test "first: Troubleshooting, Port Already in Use" {
	daemon
	stranger
	run -0 "${inside[@]}" lsof -t -i :8767
	[ "$output" = "$server" ]
	run -0 on_terminal y "$PORTWATCH" kill :8767
	run ! "${inside[@]}" lsof -t -i :8767
}

@test "first: Troubleshooting, Service Won't Start" {
	daemon
	stranger
	run -5 portwatch check goblin
	[[ $output == *conflict*"$server"* ]]
	run -5 portwatch conflicts
	run -0 portwatch reassign goblin 9000
	within 10 holds '.conflicts == []' conflicts
	run -0 portwatch conflicts
}

@test "first: Troubleshooting, Registry Out of Sync" {
	daemon
	registry "${five/8765/8775}"
	within 10 holds '.status.port == 8775' services/wizard
	run -0 portwatch status
	[[ ${lines[1]} == wizard*8775* ]]
}

# -- the second document, "Port Manager System"

@test "second: 101 ports, allocated with who, why, when, by whom" {
	daemon
	run -0 portwatch allocate grace_backend --started-by serve.py \
		--purpose 'Main Grace API server'
	[ "$output" = 8000 ]
	holds '.port_manager | .port_range == "8000-8100" and .total_ports == 101 and
		.allocated_ports == 1 and .available_ports == 100 and
		(.allocations[0] | .port == 8000 and .service_name == "grace_backend")' status
	holds '.watchdog | .running == true and .check_interval == 30 and
		(.checks_performed | type) == "number" and .issues_detected == 0 and
		.monitored_ports == 5' status
	holds '.running == true and .check_interval == 30 and .issues_detected == 0 and
		.checks_performed == 0 and .monitored_ports == 5' watchdog/status
}

@test "second: serve.py Integration" {
	daemon
	server wizard 8765
	python <<-'E'
		import os
		import socket
		import portwatch

		with portwatch.allocate("grace_backend", purpose="Main Grace API server") as port:
		    print(f"Allocated port {port.port}")
		    print(f"   Service: {port.service_name}")
		    with socket.create_server(("127.0.0.1", port)):
		        while port.refresh().health_status != "active":
		            pass
		        assert port.pid == os.getpid() and port.started_by == "serve.py"
		        print(f"Registered PID {port.pid == os.getpid()} for port {port.port}")
		print(f"Released port {port.port}")
	E
	[ "$output" = 'Allocated port 8000
   Service: grace_backend
Registered PID True for port 8000
Released port 8000' ]
	holds '.allocations == []' allocations
}

@test "second: Check Port Status, at the command line and by the API" {
	daemon
	run -0 portwatch allocate grace_backend --started-by serve.py
	run -0 portwatch allocations
	[[ ${lines[1]} == *8000*grace_backend* ]]
	holds '.allocations[0].port == 8000 and .total_ports == 101' allocations
	holds '.allocation.service_name == "grace_backend"' allocations/8000
	[ "$(code /api/ports/allocations/8001)" = 404 ]
}

@test "second: curl http://localhost:8000/api/ports/status" {
	registry '{"settings": {"http": {"listen": "127.0.0.1:8000", "read_only": true}}}'
	daemon
	within 10 "${inside[@]}" curl -fs http://localhost:8000/api/ports/status
	"${inside[@]}" curl -s http://localhost:8000/api/ports/status |
		jq -e '.port_manager.port_range == "8000-8100" and .watchdog.running'
	run -0 portwatch allocate grace_backend
	[ "$output" = 8001 ]
}

@test "second: Allocation Log" {
	daemon
	run -0 portwatch allocate grace_backend --started-by serve.py \
		--purpose 'Main Grace API server'
	run -0 portwatch release :8000
	log=$D/audit/allocations_$(date -u +%Y%m%d).jsonl
	[ "$(wc -l <"$log")" = 2 ]
	head -n 1 "$log" | jq -e '(.timestamp | test("^20..-..-..T..:..:..(\\.[0-9]+)?Z$")) and
		(del(.timestamp) | {action, port, service_name, started_by, purpose}) ==
		{action: "allocate", port: 8000, service_name: "grace_backend",
		 started_by: "serve.py", purpose: "Main Grace API server"}'
	tail -n 1 "$log" | jq -e '.action == "release" and .duration_s >= 0 and
		.request_count == 0 and .error_count == 0'
}

@test "second: Port Registry, as it is written" {
	daemon
	server other 8770
	run -0 portwatch allocate grace_backend --started-by serve.py \
		--purpose 'Main Grace API server' --pid "$server"
	jq -e --argjson shown "$second" '.allocations["8000"] as $ours |
		$shown.allocations["8000"] | to_entries |
		all((.value | type) == ($ours[.key] | type))' "$D/state/port_registry.json"
	jq -e ".allocations[\"8000\"] | .port == 8000 and .service_name == \"grace_backend\" and
		.started_by == \"serve.py\" and .purpose == \"Main Grace API server\" and
		.pid == $server" "$D/state/port_registry.json"
}

@test "second: Port Registry, as it stands there" {
	registry "$second"
	run -0 portwatch config check "$REGISTRY"
	mkdir "$D/state"
	echo "$second" >"$D/state/port_registry.json"
	registry "$five"
	# Its process is long gone, and the port with it.
	daemon
	within 10 holds '.allocations == []' allocations
	run -0 portwatch allocate grace_backend
	[ "$output" = 8000 ]
}

@test "second: No More Port Conflicts, Multi-Service Support" {
	daemon
	run -0 portwatch allocate grace_backend --started-by serve.py
	[ "$output" = 8000 ]
	run -0 portwatch allocate learning --started-by serve.py
	[ "$output" = 8001 ]
	run -0 portwatch allocate remote --started-by serve.py
	[ "$output" = 8002 ]
	holds '[.allocations[].service_name] == ["grace_backend", "learning", "remote"]' allocations
	server thief 8003
	run -0 portwatch allocate fourth
	[ "$output" = 8004 ]
}

@test "second: Auto-Recovery, the dead are cleaned up" {
	daemon
	run -0 portwatch allocate grace_backend
	server grace 8000
	within 10 holds ".allocation.pid == $server and .allocation.health_status == \"active\"" allocations/8000
	kill -KILL "$server"
	within 5 holds '.allocations == []' allocations
	grep -q '"action":"cleanup"' "$D"/audit/allocations_*.jsonl
}

@test "first: 5. Monitor health, of wizard at /health" {
	"${inside[@]}" python3 "$top/tests/system/health_server.py" wizard 8765 "$D/mood" >"$D/server" 2>&1 3>&- &
	started+=($!)
	echo ok >"$D/mood"
	within 10 grep -q listening "$D/server"
	registry "$(jq '(.services[] | select(.name == "wizard")) += {"process_name": "wizard"}' <<<"$five")"
	daemon
	within 10 holds '.services.wizard | .health == "healthy" and .error_count == 0' status
	run -0 portwatch status wizard
	[[ $output == *wizard*8765*healthy* ]]
	run -0 portwatch health-check wizard
	[[ $output == *passed*http://localhost:8765/health* ]]
	echo bad >"$D/mood"
	run -9 portwatch health-check wizard
	holds '.services.wizard | .error_count == 1 and .health == "healthy"' status
}

@test "second: POST /api/ports/health-check, and what the watchdog counts" {
	daemon
	server wizard 8765
	within 10 holds '.services.wizard.status == "running"' status
	# It listens and never answers.
	post health-check | jq -e '.checks[] | select(.service == "wizard") |
		.result == "failed" and .reason == "no answer within 2 s"'
	within 10 holds '.running and .check_interval == 30 and .checks_performed >= 1 and
		.issues_detected >= 0 and .monitored_ports >= 4' watchdog/status
	holds '.services.wizard.error_count >= 1' status
}

# -- the launcher: `portwatch up` for `python -m wizard.launch_with_port_manager`

# Two of the five as programs that can be started: python -m wizard.server, api.server.
startable()
{
	local name

	for name in wizard api; do
		mkdir -p "$D/programs/$name"
		cat >"$D/programs/$name/server.py" <<-'E'
			import http.server, os
			http.server.HTTPServer(("localhost", int(os.environ["PORT"])),
			                       http.server.SimpleHTTPRequestHandler).serve_forever()
		E
	done
	registry '{"services": [
	 {"name": "wizard", "port": 8765, "environment": "production",
	  "startup_cmd": "python3 -m wizard.server", "working_dir": "'"$D"'/programs",
	  "health_endpoint": "http://localhost:8765/"},
	 {"name": "api", "port": 5001, "environment": "development", "depends_on": ["wizard"],
	  "startup_cmd": "python3 -m api.server", "working_dir": "'"$D"'/programs"}]}'
}

state_of()
{
	portwatch status "$1" -o json | jq -r ".services.$1.status"
}

@test "launch: --check-only says what would be done and starts nothing" {
	startable
	daemon
	run -0 portwatch up --check-only
	[[ $output == *wizard* && $output == *api* ]]
	[ "$(state_of wizard)" = stopped ]
}

@test "launch: --non-interactive and --services, in order, with a table at the end" {
	startable
	daemon
	run -0 portwatch up --non-interactive --services wizard,api
	[[ $output == *wizard*8765*running* && $output == *api*5001*running* ]]
	"${inside[@]}" curl -fsS -o "$D/page" http://localhost:8765/
	run -0 portwatch down
	[ "$(state_of wizard)" = stopped ]
	[ "$(state_of api)" = stopped ]
}

@test "launch: interactive, somebody on the port is ended when that is the answer" {
	startable
	daemon
	server goblin 8765
	run on_terminal k "$PORTWATCH" up
	[[ $output == *"$server"* ]]
	[ "$(state_of wizard)" = running ]
	run -1 kill -0 "$server"
	run -0 portwatch down
}
