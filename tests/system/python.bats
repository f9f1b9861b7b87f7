#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The Python module against a daemon: what it answers, changes, hands out and refuses.
# shellcheck disable=SC2154 # set by daemon_helper and by run

bats_require_minimum_version 1.5.0
load daemon_helper

top=$(realpath "$BATS_TEST_DIRNAME/../..")

setup()
{
	helper_setup
	registry "$two_services"
	# Where other users may look.
	cp -r "$top/tools/python/portwatch" "$D"
	export PORTWATCH_SOCKET=$SOCKET PYTHONPATH=$D PYTHONDONTWRITEBYTECODE=1
	PYTHON=$(command -v /usr/bin/python3 || command -v python3)
	as=()
}

# py [ARG...] - the program on stdin, in the test's network namespace
py()
{
	cat >"$D/program.py"
	run "${inside[@]}" "${as[@]}" "$PYTHON" -W error "$D/program.py" "$@"
	[ "$status" -eq 0 ] || { echo "$output"; false; }
}

conflict_stands()
{
	within 10 eval 'api /api/ports/conflicts | jq -e ".conflicts[0].kind == \"occupied\""'
}

@test "it names no module but those of the standard library" {
	py <<-'E'
		import sys
		before = set(sys.modules)
		import portwatch
		from portwatch import *
		new = {name.split(".")[0] for name in set(sys.modules) - before}
		print(sorted(new - set(sys.stdlib_module_names)))
	E
	[ "$output" = "['portwatch']" ]
}

@test "services, conflicts and alerts are objects" {
	daemon
	named wizard 18765
	wizard=$listener
	named stranger 18767
	conflict_stands
	py "$wizard" "$listener" <<-'E'
		import datetime, sys
		import portwatch
		wizard, stranger = map(int, sys.argv[1:])
		client = portwatch.Client()
		services = client.services()
		assert list(services) == ["wizard", "goblin"]
		assert services["wizard"].status == "running" and services["wizard"].is_running
		assert services["wizard"].pid == wizard == services["wizard"].process.pid
		assert services["goblin"].status == "conflict"
		assert client.service("wizard").ports[0]["port"] == 18765
		age = datetime.datetime.now(datetime.timezone.utc) - client.service("wizard").process.start_time
		assert age.total_seconds() < 600
		[conflict] = client.conflicts()
		assert conflict.kind == "occupied" and conflict.found.pid == stranger
		assert conflict.fix == "portwatch kill :18767" and str(conflict) == conflict.message
		assert client.alerts()[0] == conflict
		assert [s["pid"] for s in client.sockets(port=18767)] == [stranger]
		assert client.available(18765, 2) == [18766, 18768]
		assert "wizard" in client.report() and "18765" in client.environment("json")
		try:
		    client.service("no/body")
		    assert False
		except portwatch.NotFound as err:
		    assert err.status == 404 and "no/body" in err.detail and err.detail == str(err)
	E
}

@test "what kills says who died, and fails where somebody did not" {
	daemon
	named stranger 18767
	named stubborn 18770 stubborn
	py "$listener" <<-'E'
		import sys
		import portwatch
		client = portwatch.Client()
		try:
		    client.kill("goblin")
		    assert False
		except portwatch.Conflict as err:
		    assert err.remedy == "to end that, kill :18767"
		    assert err.problem["holder"]["comm"] == "stranger"
		plan = client.kill(18767, dry_run=True)
		assert plan and plan.outcome == "planned" and plan.processes[0].result == "would_end"
		result = client.kill(":18767/tcp")
		assert result.outcome == "done" and result.ports[0].free is True
		assert result.processes[0].comm == "stranger" and result.processes[0].process.pid
		try:
		    client.kill(18770, grace=0.1)
		    assert False
		except portwatch.NotEnded as err:
		    assert err.result.outcome == "timed_out" and not err.result
		    assert err.result.processes[0].pid == int(sys.argv[1])
		    assert "18770" in str(err)
		assert client.kill("pid:" + sys.argv[1], signal="KILL")
		for target in (18770, "wizard"):
		    try:
		        client.kill(target)
		        assert False
		    except portwatch.NotFound:
		        pass
		try:
		    client.kill(0)
		    assert False
		except portwatch.InvalidRequest:
		    pass
	E
}

@test "the registry is edited" {
	daemon
	py <<-'E'
		import portwatch
		client = portwatch.Client()
		assert client.reassign("goblin", 18800)["previous_port"] == 18767
		assert client.service("goblin").port == 18800
		try:
		    client.reassign("goblin", 18765)
		    assert False
		except portwatch.Conflict:
		    pass
		client.register("new one".replace(" ", "_"), {"port": 18900, "process_name": "x"})
		assert client.service("new_one").status == "stopped"
		client.register("new_one", {"enabled": False}, update=True)
		assert client.service("new_one").status == "disabled"
		client.unregister("new_one")
		assert "new_one" not in client.services()
	E
	jq -e '.services[1].port == 18800' "$REGISTRY"
}

@test "a port is handed out for the length of a block" {
	daemon
	py <<-'E'
		import os, socket
		import portwatch
		client = portwatch.Client()
		with portwatch.allocate("grace", purpose="the API", ttl="5m") as port:
		    assert int(port) == port.port == 8000 and port.started_by == "program.py"
		    assert port.purpose == "the API" and port.pid == os.getpid()
		    assert port.expires_at > port.allocated_at
		    with socket.create_server(("127.0.0.1", port)):
		        while port.refresh().health_status != "active":
		            pass
		    assert [a.port for a in client.allocations()] == [8000]
		    other = client.allocate("other", pid=0, ttl=60)
		    assert other.port == 8001 and other.pid is None
		assert [a.port for a in client.allocations()] == [8001]
		for wrong in (lambda: client.allocate("again", port=8001), lambda: client.allocate("x", port=18765)):
		    try:
		        wrong()
		        assert False
		    except (portwatch.Conflict, portwatch.InvalidRequest):
		        pass
		other.release()
		try:
		    other.release()
		    assert False
		except portwatch.NotFound:
		    pass
		with client.allocate("gone", port=8050) as port:
		    port.release()
		try:
		    with client.allocate("raises"):
		        raise KeyError("mine")
		except KeyError:
		    pass
		assert client.allocations() == []
		kept = client.allocate("kept")
	E
	# What was not given back ends with its process.
	within 5 eval 'api /api/ports/allocations | jq -e ".allocations == []"'
}

@test "events come as they happen" {
	daemon
	named stranger 18767
	py "$listener" <<-'E'
		import socket, sys
		import portwatch
		client = portwatch.Client()
		with client.events("alert") as events:
		    event = next(iter(events))
		    assert event["type"] == "alert.firing" and event["alert"]["found"]["pid"] == int(sys.argv[1])
		with client.events(["socket.bound", "socket.listening"], targets=":19000", snapshot=False) as events:
		    socket.create_server(("127.0.0.1", 19000)).close()
		    types = []
		    for event in events:
		        types.append(event["type"])
		        if event["type"] == "socket.listening":
		            break
		    assert types[-1] == "socket.listening" and event["port"] == 19000
		with client.events("allocation", snapshot=False) as events:
		    client.allocate("one", pid=0)
		    assert next(iter(events))["allocation"]["port"] == 8000
		client.allocate("two", pid=0)
		with client.events("allocation", after=events.last_id) as events:
		    assert next(iter(events))["allocation"]["port"] == 8001
		try:
		    client.events("weather")
		    assert False
		except portwatch.InvalidRequest as err:
		    assert "weather" in err.detail
	E
}

@test "threads share a client" {
	registry '{"services":[]}'
	daemon
	py <<-'E'
		import concurrent.futures as futures
		import portwatch
		client = portwatch.Client()
		def take(n):
		    try:
		        return client.allocate("many", pid=0).port
		    except portwatch.Conflict:
		        return None
		with futures.ThreadPoolExecutor(40) as pool:
		    ports = list(pool.map(take, range(120)))
		given = [p for p in ports if p]
		assert len(given) == len(set(given)) == 101, len(given)
	E
}

@test "no daemon, no answer and no permission are told apart" {
	py <<-'E'
		import portwatch
		try:
		    portwatch.get_port_manager().check_all_services()
		    assert False
		except portwatch.DaemonNotRunning as err:
		    assert "portwatch.sock" in str(err) and isinstance(err, portwatch.PortwatchError)
	E
	py "$D/silent" <<-'E'
		import socket, sys
		import portwatch
		silent = socket.socket(socket.AF_UNIX)
		silent.bind(sys.argv[1])
		silent.listen(0)
		for _ in range(3):  # beyond the backlog, too
		    try:
		        portwatch.Client(sys.argv[1], timeout=0.2).status()
		        assert False
		    except portwatch.ConnectionFailed as err:
		        assert "within 0.2 s" in str(err), err
		silent.close()
	E
	daemon
	chmod 666 "$SOCKET"
	as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	py <<-'E'
		import portwatch
		client = portwatch.Client()
		assert client.status()["services"]
		for wrong in (lambda: client.allocate("x"), lambda: client.reassign("goblin", 19000)):
		    try:
		        wrong()
		        assert False
		    except portwatch.NotPermitted as err:
		        assert "portwatch" in err.detail and err.status == 403
	E
	chmod 600 "$SOCKET"
	py <<-'E'
		import portwatch
		try:
		    portwatch.Client().status()
		    assert False
		except portwatch.NotPermitted as err:
		    assert "portwatch.sock" in err.detail
	E
}

@test "it is installed where python3 looks, and pip finds the same version" {
	run -0 make -s -C "$top" -n install O="$(realpath "${O:-build}")" DESTDIR="$D/root"
	[[ $output == *" $D/root/usr/local/lib/python3"*"-packages/portwatch "* ]]
	version=$("$PYTHON" -c 'import portwatch; print(portwatch.__version__)')
	grep -qxF "version = \"$version\"" "$top/tools/python/pyproject.toml"
	grep -qE "^VERSION +\?= ${version//./\\.}\$" "$top/Makefile"
}
