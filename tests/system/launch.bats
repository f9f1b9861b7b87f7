#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# portwatch up, down, restart, logs and wait: real programs started in order, kept up, and
# stopped to the last grandchild.  In a network namespace of the test's own.

bats_require_minimum_version 1.5.0
load daemon_helper

# Not what a version manager puts before it: that takes half a second, and is not for
# every user.
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=$(command -v python3)
CGROUPS=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)

setup()
{
	helper_setup
	mkdir "$D/audit"
}

teardown()
{
	# What a test left running goes with it, not with the daemon.
	if [ -S "$SOCKET" ]; then
		portwatch down >/dev/null 2>&1 || true
	fi
	helper_teardown
}

# portwatch ARG... - by the daemon, bounded in time
portwatch()
{
	"${inside[@]}" timeout 60 "$PORTWATCH" --socket "$SOCKET" "$@"
}

# server PORT [ARG...] - a command line: python that listens, as a JSON array
server()
{
	jq -cn --arg python "$PYTHON" --arg port "$1" --arg code '
import os, signal, socket, sys
if "fork" in sys.argv:
    if os.fork():
        signal.pause()
    os.setsid()
if "ignore" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    c = s.accept()[0]
    c.recv(4096)
    if "sick" in sys.argv:
        c.sendall(b"HTTP/1.0 503 sick\r\n\r\n")
    else:
        c.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
    c.close()' '[$python, "-c", $code, $port] + $ARGS.positional' --args "${@:2}"
}

# service NAME PORT [MEMBERS [ARG...]] - one that runs server()
service()
{
	printf '{"name":"%s","port":%s,"startup_cmd":%s%s}' "$1" "$2" \
		"$(server "$2" "${@:4}")" "${3:+,$3}"
}

# record NAME MEMBER - what the daemon wrote down of a service
record()
{
	jq -r --arg name "$1" ".services[] | select(.service == \$name) | .$2" \
		"$D/state/launched.json"
}

# is NAME MEMBER VALUE - for within()
is()
{
	[ "$(record "$1" "$2")" = "$3" ]
}

listens()
{
	"${inside[@]}" ss -Hltn "sport = :$1" | grep -q .
}

# no COMMAND... - it fails; a bare ! would not end a test
no()
{
	! "$@" 2>/dev/null
}

# remember_cgroups SERVICE - where those of this daemon are
remember_cgroups()
{
	cgroups=$(dirname "$(record "$1" cgroup)")
	[ -z "$CGROUPS" ] || [ -d "$cgroups" ]
}

# nobody PORT... - neither a listener nor a cgroup is left
nobody()
{
	for port; do
		no listens "$port" || return 1
	done
	[ ! -e "$cgroups" ]
}

# before A B - did A get on before B in $stderr?  Each is a line's beginning.
before()
{
	local a b

	a=$(grep -n -m1 "^portwatch: $1" <<<"$stderr" | cut -d: -f1)
	b=$(grep -n -m1 "^portwatch: $2" <<<"$stderr" | cut -d: -f1)
	[ "$a" ] && [ "$b" ] && [ "$a" -lt "$b" ]
}

# The real programs, as members of a service.
nginx_server()
{
	cat >"$D/nginx.conf" <<-CONF
		daemon off; pid $D/nginx.pid; worker_processes 2; error_log stderr;
		events {} http { access_log off; client_body_temp_path $D/nginx.b;
		proxy_temp_path $D/nginx.p; fastcgi_temp_path $D/nginx.f;
		uwsgi_temp_path $D/nginx.u; scgi_temp_path $D/nginx.s;
		server { listen 127.0.0.1:$1; return 200 "nginx answers"; } }
	CONF
	by "$REAL/usr/sbin/nginx" -e stderr -c "$D/nginx.conf"
}

redis_server()
{
	by "$REAL/usr/bin/redis-server" --port '{port}' --bind 127.0.0.1 --save '' --dir "$D"
}

node_server()
{
	by node -e 'require("http").createServer((q, s) => s.end("node answers"))
		.listen(+process.env.PORT, "127.0.0.1")'
}

# by WORD... - the members that start it, with the libraries that came along
by()
{
	jq -cn --arg libraries "$REAL_LIBRARIES" '{startup_cmd: $ARGS.positional,
		env: {LD_LIBRARY_PATH: $libraries}}' --args -- "$@" | sed 's/^{//; s/}$//'
}

twelve()
{
	local rest=

	for i in 1 2 3 4 5; do
		rest+=",$(service "extra$i" "1830$i" '"depends_on":["gate"]')"
	done
	registry "{\"services\":[
	 {\"name\":\"gate\",\"port\":18311,\"depends_on\":[\"left\",\"right\"],$(nginx_server 18311)},
	 {\"name\":\"left\",\"port\":18312,\"depends_on\":{\"base\":{\"condition\":\"service_healthy\"}},
	  $(node_server)},
	 $(service right 18313 '"depends_on":["base","cache","migrate-done"]'),
	 $(service migrate-done 18316 '"depends_on":{"migrate":{"condition":"service_completed_successfully"}}'),
	 {\"name\":\"migrate\",\"port\":\"dynamic\",\"startup_cmd\":\"sh -c 'echo migrated; sleep 0.3'\",\"depends_on\":[\"base\"]},
	 {\"name\":\"cache\",\"port\":18314,$(redis_server)},
	 $(service base 18315 '"restart":"always","backoff":{"initial":"200ms"},"health":{"http":"http://127.0.0.1:18315/","interval":"1s","timeout":"1s"}')
	 $rest]}"
}

@test "twelve services with a diamond come up in order, and go down to the last" {
	real_programs nginx-light redis-server
	twelve
	daemon
	run --separate-stderr portwatch up
	[ "$status" -eq 0 ] || { echo "$stderr"; false; }
	[ "$(grep -c running <<<"$output")" -eq 11 ]
	before "base: ready" "left: starting"
	before "base: \(started\|ready\)" "migrate: starting"
	before "migrate: completed" "migrate-done: starting"
	before "cache: ready" "right: starting"
	before "left: ready" "gate: starting"
	before "right: ready" "gate: starting"
	before "gate: ready" "extra1: starting"
	# Side by side where they can be.
	before "extra5: starting" "extra1: ready"
	before "cache: starting" "base: ready"
	remember_cgroups base
	portwatch logs migrate | grep -qx migrated
	[ "$("${inside[@]}" curl -s http://127.0.0.1:18311/)" = "nginx answers" ]
	[ "$("${inside[@]}" curl -s http://127.0.0.1:18312/)" = "node answers" ]
	"${inside[@]}" bash -c 'exec 4<>/dev/tcp/127.0.0.1/18314; echo PING >&4; read -r pong <&4
		[[ $pong == +PONG* ]]'

	run --separate-stderr portwatch down
	[ "$status" -eq 0 ]
	before "extra1: stopped" "gate: stopping"
	before "gate: stopped" "left: stopping"
	before "left: stopped" "base: stopping"
	nobody 18301 18302 18303 18304 18305 18311 18312 18313 18314 18315 18316
}

@test "the lowest comes back within its backoff when it is killed" {
	registry "{\"services\":[$(service base 18315 '"restart":"always","backoff":{"initial":"200ms"}'),
	 $(service top 18316 '"depends_on":["base"]')]}"
	daemon
	portwatch up
	first=$(record base pid) top=$(record top pid)
	remember_cgroups base
	kill -KILL "$first"
	within 10 is base restarts 1
	within 10 is base state running
	[ "$(record base pid)" != "$first" ]
	[ "$(record top pid)" = "$top" ]
	within 10 listens 18315
	[ "$(api /api/ports/services/base | jq .status.restarts)" = 1 ]
	# Whoever stops it means that.
	portwatch down base
	[ "$(record base state)" = stopped ]
	nobody 18315 18316
}

@test "a limit ends the restarts, and what depends on it fails by name" {
	registry "{\"services\":[
	 {\"name\":\"bad\",\"port\":18315,\"startup_cmd\":\"false\",\"restart\":\"always\",
	  \"backoff\":{\"initial\":\"10ms\",\"factor\":1},\"restart_limit\":{\"count\":3,\"interval\":\"10s\"}},
	 $(service mid 18316 '"depends_on":["bad"]'),$(service top 18317 '"depends_on":["mid"]'),
	 $(service other 18318)]}"
	daemon
	run --separate-stderr portwatch up
	[ "$status" -eq 7 ]
	grep -q '^portwatch: mid: failed: depends on bad, which failed: it ended with exit code 1, 3 times' <<<"$stderr"
	grep -q '^portwatch: top: failed: depends on bad' <<<"$stderr"
	grep -q '^portwatch: other: ready' <<<"$stderr"
	[ "$(record bad restarts)" = 3 ]
}

@test "a dependency that can never be healthy fails its dependents within its own time" {
	registry "{\"services\":[
	 $(service sick 18315 '"health":{"http":"http://127.0.0.1:18315/","interval":"200ms","timeout":"1s","failure_threshold":2}' sick),
	 $(service top 18316 '"depends_on":{"sick":{"condition":"service_healthy"}}')]}"
	daemon
	SECONDS=0
	run --separate-stderr portwatch up
	[ "$status" -eq 7 ]
	[ "$SECONDS" -lt 20 ]
	grep -q '^portwatch: top: failed: depends on sick, which failed: its health checks fail' <<<"$stderr"
	no listens 18316
}

@test "nothing is started where something of it cannot be" {
	registry "{\"services\":[$(service good 18315),
	 {\"name\":\"bad\",\"port\":18316,\"startup_cmd\":\"/no/such/program\"}]}"
	daemon
	run -2 --separate-stderr portwatch up
	grep -q 'bad: its command /no/such/program is not there' <<<"$stderr"
	no listens 18315
	run -3 portwatch up nobody
	run -0 portwatch up good
	remember_cgroups good
	registry "{\"services\":[{\"name\":\"a\",\"port\":1,\"startup_cmd\":\"x\",\"working_dir\":\"/no/folder\"}]}"
	within 10 eval 'portwatch services | grep -q "^a "'
	run -2 --separate-stderr portwatch up
	grep -q 'working_dir /no/folder cannot be entered' <<<"$stderr"
	# What has left the registry is stopped with the others.
	portwatch down
	within 10 nobody 18315
}

@test "a circle is named in full" {
	registry '{"services":[{"name":"a","port":1,"startup_cmd":"x","depends_on":["b"]},
	 {"name":"b","port":2,"startup_cmd":"x","depends_on":["c"]},
	 {"name":"c","port":3,"startup_cmd":"x","depends_on":["a"]}]}'
	run -2 --separate-stderr "${inside[@]}" "$PORTWATCH" --local --registry "$REGISTRY" up
	grep -q 'a -> b -> c -> a' <<<"$stderr"
}

@test "down leaves no grandchild that ignores SIGTERM in a session of its own" {
	registry "{\"services\":[$(service deep 18315 '"stop":{"grace":"300ms"}' fork ignore)]}"
	daemon
	portwatch up
	child=$("${inside[@]}" ss -Hltnp 'sport = :18315' | sed 's/.*pid=\([0-9]*\).*/\1/')
	[ "$child" != "$(record deep pid)" ]
	remember_cgroups deep
	portwatch down
	# One that nobody has waited for yet has no program any more.
	no readlink "/proc/$child/exe"
	nobody 18315
}

@test "without cgroup v2 down leaves no grandchild either" {
	registry "{\"services\":[$(service deep 18315 '"stop":{"grace":"300ms"}' fork ignore)]}"
	cat >"$D/without" <<-SH
		#!/bin/sh
		awk '\$3 == "cgroup2" { print \$2 }' /proc/self/mounts | xargs -r umount -l
		exec "$(realpath "$PORTWATCHD")" "\$@"
	SH
	chmod +x "$D/without"
	[ -z "$CGROUPS" ] || unshare -m true 2>/dev/null || skip "no mount namespace to be had"
	[ -z "$CGROUPS" ] || PORTWATCHD="unshare -m $D/without"
	# shellcheck disable=SC2086 # words
	nsenter -t "$namespace" -n $PORTWATCHD --registry "$REGISTRY" --socket "$SOCKET" 2>"$D/log" 3>&- &
	started+=("$!")
	within 10 grep -q serving "$D/log"
	portwatch up
	[ "$(record deep cgroup)" = null ]
	child=$("${inside[@]}" ss -Hltnp 'sport = :18315' | sed 's/.*pid=\([0-9]*\).*/\1/')
	portwatch down
	no readlink "/proc/$child/exe"
	nobody 18315
}

@test "a squatter: fail, next_free and kill do what they say" {
	registry "{\"services\":[$(service f 18315 '"on_conflict":"fail"'),
	 $(service n 18316 '"on_conflict":"next_free"' | sed 's/"18316"/"{port}"/'),
	 $(service k 18318 '"on_conflict":"kill","match":{"process_name":"none"}')]}"
	daemon
	listen 18315
	squatter=$listener
	listen 18316
	listen 18318
	victim=$listener
	run -5 --separate-stderr portwatch up --check-only
	[ "$(grep -c python3 <<<"$output")" -eq 3 ]
	no listens 18317
	run --separate-stderr portwatch up --non-interactive
	[ "$status" -eq 7 ]
	grep -q "^portwatch: f: failed: port 18315 (tcp) is held by python3 (pid $squatter)" <<<"$stderr"
	kill -0 "$squatter"
	# The next one that is free and nobody claims, in the registry, too.
	[ "$(jq '.services[] | select(.name == "n").port' "$REGISTRY")" = 18317 ]
	listens 18317
	no kill -0 "$victim"
	[ "$(record k state)" = running ]
	run -5 portwatch up f
}

@test "on a terminal each conflict is asked about, with four choices" {
	registry "{\"services\":[$(service k 18315 '"match":{"process_name":"none"}')]}"
	daemon
	listen 18315
	cat >"$D/type.py" <<-'PY'
		import os, pty, sys
		keys = sys.argv[1].encode()
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp(sys.argv[2], sys.argv[2:])
		text = b""
		while True:
		    try:
		        more = os.read(fd, 4096)
		    except OSError:
		        break
		    if not more:
		        break
		    text += more
		    while keys and text.count(b"[a]bort? ") > len(sys.argv[1]) - len(keys):
		        os.write(fd, keys[:1] + b"\n")
		        keys = keys[1:]
		sys.stdout.write(text.decode())
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	PY
	ask() { "${inside[@]}" timeout 60 "$PYTHON" "$D/type.py" "$1" "$PORTWATCH" --socket "$SOCKET" up; }
	run -5 ask a
	grep -q 'k: port 18315 is held by python3' <<<"$output"
	kill -0 "$listener"
	# What is none of the four is asked again.
	run -5 ask xs
	grep -q 'k: skipped' <<<"$output"
	kill -0 "$listener"
	run -0 ask k
	no kill -0 "$listener"
	[ "$(record k state)" = running ]
}

# The service s is started, and dies while somebody else takes its port.
come_back_to_taken_port()
{
	portwatch up
	pid=$(record s pid)
	kill -STOP "$daemon"
	kill -KILL "$pid"
	within 10 eval '! listens 18315'
	listen 18315
	kill -CONT "$daemon"
}

@test "who would only run into a taken port waits for its release" {
	registry "{\"services\":[$(service s 18315 '"restart":"always","backoff":{"initial":"1s"},"match":{"process_name":"none"}')]}"
	daemon
	come_back_to_taken_port
	within 10 is s state blocked
	api /api/ports/status | jq -e '.services.s.status == "conflict"'
	kill -KILL "$listener"
	within 10 is s state running
	[ "$(record s restarts)" = 1 ]
}

@test "who comes back to a taken port takes the next one where the entry says so" {
	registry "{\"services\":[$(service s 18315 '"restart":"always","on_conflict":"next_free","backoff":{"initial":"300ms"},"match":{"process_name":"none"}' | sed 's/"18315"/"{port}"/')]}"
	daemon
	come_back_to_taken_port
	within 10 is s restarts 1
	within 10 is s state running
	[ "$(jq '.services[0].port' "$REGISTRY")" = 18316 ]
	listens 18316
	kill -0 "$listener"
}

@test "names, --services and --no-deps choose what is started" {
	registry "{\"services\":[$(service a 18315),$(service b 18316 '"depends_on":["a"]'),
	 $(service c 18317 '"depends_on":["b"]'),$(service d 18318)]}"
	daemon
	run -0 --separate-stderr portwatch up --services b,d --no-headers --fields name
	[ "$output" = $'a\nb\nd' ]
	no listens 18317
	portwatch down a
	no listens 18316
	listens 18318
	run -0 --separate-stderr portwatch up b --no-deps --no-headers --fields name
	[ "$output" = b ]
	no listens 18315
}

@test "a daemon that is killed finds its services again, and their counts" {
	registry "{\"services\":[$(service a 18315 '"restart":"always","backoff":{"initial":"10ms"}'),
	 $(service b 18316 '"depends_on":["a"]'),$(service c 18317 '"restart":"always","backoff":{"initial":"10ms"}')]}"
	daemon
	portwatch up
	kill -KILL "$(record a pid)"
	within 10 is a restarts 1
	within 10 is a state running
	a=$(record a pid) b=$(record b pid) c=$(record c pid)
	remember_cgroups a
	kill -KILL "$daemon"
	within 10 eval '! kill -0 $daemon'
	# One of them ends while nobody looks.
	kill -KILL "$c"
	daemon
	within 10 is c restarts 1
	within 10 is c state running
	[ "$(record a pid)" = "$a" ] && [ "$(record b pid)" = "$b" ]
	[ "$(record c pid)" != "$c" ]
	[ "$(record a restarts)" = 1 ] && [ "$(record c restarts)" = 1 ]
	portwatch status -o json a | jq -e --argjson pid "$a" '.services.a | .pid == $pid and .restarts == 1 and .status == "running"'
	# And it is its daemon again: it brings it back, and stops it.
	kill -KILL "$a"
	within 10 is a restarts 2
	within 10 is a state running
	portwatch down
	nobody 18315 18316 18317
}

@test "a service has its user, folder, variables and output, and nothing of the daemon's" {
	mkdir -m 755 "$D/home"
	printf '# of the file\nFROM_FILE="a b"\nexport PLACE={port}\n' >"$D/env"
	registry "{\"services\":[{\"name\":\"who\",\"port\":18315,\"user\":\"nobody\",\"working_dir\":\"$D/home\",
	 \"env_file\":\"$D/env\",\"env\":{\"OWN\":\"x{port}\"},
	 \"startup_cmd\":[\"sh\",\"-c\",\"id -un; pwd; echo \$FROM_FILE/\$PLACE/\$OWN/\$PORT/\$PORTWATCH_SERVICE; ls -l /proc/self/fd | grep -c -e socket -e bpf -e anon; grep -e NoNewPrivs -e CapEff -e SigIgn -e SigBlk /proc/self/status; exec $(server 18315 | jq -r '@sh' | sed 's/\\/\\\\/g; s/"/\\"/g; s/$/\\n/' | tr -d '\n' | sed 's/\\n$//')\"]}]}"
	daemon
	run --separate-stderr portwatch up
	[ "$status" -eq 0 ] || { echo "$stderr"; portwatch logs who; false; }
	run portwatch logs who
	echo "$output"
	[ "${lines[0]}" = nobody ]
	[ "${lines[1]}" = "$D/home" ]
	[ "${lines[2]}" = "a b/18315/x18315/18315/who" ]
	[ "${lines[3]}" = 0 ]
	grep -q 'NoNewPrivs:.0' <<<"$output"
	grep -q 'CapEff:.0*$' <<<"$output"
	grep -q 'SigIgn:.0*$' <<<"$output"
	grep -q 'SigBlk:.0*$' <<<"$output"
}

@test "an entry with a network namespace runs in it" {
	unshare -n sh -c 'ip link set lo up && exec sleep 600' 3>&- &
	other=$!
	started+=("$other")
	within 10 eval 'nsenter -t "$other" -n ip addr show dev lo | grep -q 127.0.0.1'
	registry "{\"services\":[$(service there 18315 "\"netns\":\"/proc/$other/ns/net\""),
	 $(service nowhere 18316 '"netns":"no-such-namespace"')]}"
	daemon
	run -0 portwatch up there
	no listens 18315
	nsenter -t "$other" -n ss -Hltn 'sport = :18315' | grep -q .
	run -2 --separate-stderr portwatch up nowhere
	grep -q 'its network namespace /run/netns/no-such-namespace is not there' <<<"$stderr"
	remember_cgroups there
	portwatch down
	[ -z "$(nsenter -t "$other" -n ss -Hltn 'sport = :18315')" ]
	nobody 18315
}

@test "start, stop and restart by HTTP, and what is told of it" {
	registry "{\"services\":[$(service a 18315),$(service b 18316 '"depends_on":["a"]')]}"
	daemon
	events told 'types=service'
	post() { api "/api/ports/$1" -X POST -H 'Content-Type: application/json' -d '{}'; }
	post services/b/start | jq -e '.schema == "portwatch.launch/v1" and .service == "b" and .done == false'
	within 10 listens 18316
	remember_cgroups a
	post 'services/a/restart?wait=1' | jq -e '.outcome == "done"'
	post 'services/a/stop?wait=1' | jq -e '[.services[].service] == ["b","a"]'
	nobody 18315 18316
	[ "$(code /api/ports/services/none/start -X POST -H 'Content-Type: application/json' -d '{}')" = 404 ]
	within 10 eval 'grep -q service.starting "$D/told" && grep -q service.running "$D/told" && grep -q service.stopped "$D/told"'
}

@test "wait ends when it is so, and gives up when told to" {
	registry "{\"services\":[$(service a 18315)]}"
	daemon
	run -6 --separate-stderr portwatch wait a --timeout 100ms
	run -0 portwatch wait a --for gone
	run -2 --separate-stderr portwatch wait a --for healthy
	run -3 --separate-stderr portwatch wait nobody
	portwatch wait a 3>&- &
	waiting=$!
	portwatch up
	wait "$waiting"
	portwatch wait a --for gone 3>&- &
	waiting=$!
	portwatch down
	wait "$waiting"
}

@test "without a daemon up stays, and a signal is down" {
	registry "{\"services\":[$(service a 18315),$(service b 18316 '"depends_on":["a"]' fork)]}"
	nsenter -t "$namespace" -n "$PORTWATCH" --local --registry "$REGISTRY" up >"$D/out" 2>"$D/err" 3>&- &
	up=$!
	started+=("$up")
	within 20 grep -q 'Ctrl-C stops them' "$D/err"
	grep -q 'b .*18316 .*running' "$D/out"
	cgroups=$CGROUPS/portwatch/pid-$(pgrep -P "$up")
	[ -z "$CGROUPS" ] || [ -d "$cgroups" ]
	kill -INT "$up"
	wait "$up"
	nobody 18315 18316
}

@test "killing an up without a daemon leaves nothing either" {
	registry "{\"services\":[$(service a 18315),$(service b 18316 '' fork ignore)]}"
	nsenter -t "$namespace" -n "$PORTWATCH" --local --registry "$REGISTRY" up >"$D/out" 2>"$D/err" 3>&- &
	up=$!
	started+=("$up")
	within 20 grep -q 'Ctrl-C stops them' "$D/err"
	cgroups=$CGROUPS/portwatch/pid-$(pgrep -P "$up")
	kill -KILL "$up"
	within 20 nobody 18315 18316
}
