#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# portwatch kill: who is ended, who is not, and what is said about it.  All of it happens
# in a network namespace of the test's own.

bats_require_minimum_version 1.5.0
load daemon_helper


setup()
{
	helper_setup
	as=()
	registry "$two_services"
}

# portwatch ARG... - by the daemon
portwatch()
{
	"${inside[@]}" "$PORTWATCH" --socket "$SOCKET" "$@"
}

# alone ARG... - without one
alone()
{
	"${inside[@]}" "$PORTWATCH" --local --registry "$REGISTRY" "$@"
}

# server NAME PORT [OPTION...] - of that comm, until it is ended: "ignore" SIGTERM, with
# "fork=N" workers, "serve" who connects, "udp"; its number is in $server
server()
{
	"${inside[@]}" "${as[@]}" python3 -c '
import os, signal, socket, sys
name, port, *options = sys.argv[1:]
open("/proc/self/comm", "w").write(name)
if "ignore" in options:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "udp" in options:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", int(port)))
else:
    s = socket.create_server(("127.0.0.1", int(port)))
workers = [int(o[5:]) for o in options if o.startswith("fork=")]
for _ in range(workers[0] if workers else 0):
    if os.fork() == 0:
        if "stubborn" in options:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        break
else:
    print("listening", flush=True)
if "serve" in options:
    kept = []
    while True:
        c, _ = s.accept()
        kept.append(c)
        c.sendall(b"hello\n")
while True:
    signal.pause()' "$@" >"$D/server.$2" 2>&1 3>&- &
	server=$!
	started+=("$server")
	within 10 grep -q listening "$D/server.$2"
}

# client PORT [OWN-PORT] - connected to it until the test ends; its number is in $client
client()
{
	"${inside[@]}" python3 -c '
import signal, socket, sys
own = ("127.0.0.1", int(sys.argv[2])) if sys.argv[2:] else None
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), source_address=own)
s.recv(6)
print("connected", flush=True)
signal.pause()' "$@" >"$D/client.$1" 2>&1 3>&- &
	client=$!
	started+=("$client")
	within 10 grep -q connected "$D/client.$1"
}

# A zombie of this shell's has ended, too.
ended()
{
	[[ $(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null || echo Z) == Z ]]
}

lives()
{
	! ended "$1"
}

listeners()
{
	"${inside[@]}" ss -Htln "sport = :$1" | wc -l
}

# -- who is ended

@test "a client connected to the port survives" {
	daemon
	server goblin 18900 serve
	client 18900
	run -0 portwatch kill :18900 -y
	[[ $output == *'tcp port 18900 is free'* ]]
	ended "$server"
	lives "$client"
	[ "$(listeners 18900)" = 0 ]
}

@test "so it does without a daemon" {
	server goblin 18900 serve
	client 18900
	run -0 alone kill :18900 -y
	[[ $output == *'tcp port 18900 is free'* ]]
	ended "$server"
	lives "$client"
}

@test "a client whose own end is bound to the port is not ended either" {
	daemon
	server goblin 18900 serve
	client 18900 18910
	run -3 portwatch kill :18910 -y
	[[ $output == *'--sockets'* ]]
	lives "$client"
}

@test "a server with 8 forked workers is gone entirely" {
	daemon
	server goblin 18900 fork=8
	[ "$(pgrep -c -P "$server")" = 8 ]
	workers=$(pgrep -P "$server")
	run -0 portwatch kill :18900 -y -o json
	[ "$(jq '.processes | length' <<<"$output")" = 9 ]
	[ "$(jq -r '[.processes[].result] | unique[]' <<<"$output")" = ended ]
	[ "$(jq -r '.ports[0].free' <<<"$output")" = true ]
	for pid in $server $workers; do
		ended "$pid"
	done
}

@test "and without a daemon" {
	server goblin 18900 fork=8
	workers=$(pgrep -P "$server")
	run -0 alone kill :18900 -y
	for pid in $server $workers; do
		ended "$pid"
	done
}

@test "a server that ignores SIGTERM makes it exit 6 and say so; --force ends it" {
	daemon
	server goblin 18900 ignore
	run -6 portwatch kill :18900 -y --grace 300ms
	[[ $output == *'after SIGTERM, which it ignores'* ]]
	[[ $output == *'--force'* ]]
	lives "$server"
	run -0 portwatch kill :18900 -y --grace 300ms --force -o json
	[ "$(jq -r '.processes[0].signal' <<<"$output")" = SIGKILL ]
	ended "$server"
}

@test "workers that ignore SIGTERM are told from those that ended" {
	daemon
	server goblin 18900 fork=2 stubborn
	run -6 portwatch kill :18900 -y --grace 300ms -o json
	[ "$(jq -r '[.processes[].result] | sort | join(" ")' <<<"${lines[*]#portwatch:*}")" = \
		'alive alive ended' ] ||
		[[ $output == *'"alive"'*'"ended"'* || $output == *'"ended"'*'"alive"'* ]]
	run -0 portwatch kill :18900 -y --grace 300ms --force
	[ "$(listeners 18900)" = 0 ]
}

@test "the answer does not wait for the grace" {
	daemon
	server goblin 18900
	run -0 portwatch kill :18900 -y --grace 1h -o json
	[ "$(jq '.duration_s < 2' <<<"$output")" = true ]
}

@test "a stopped server ends" {
	daemon
	server goblin 18900
	kill -STOP "$server"
	run -0 portwatch kill :18900 -y
	ended "$server"
}

@test "-s sends another signal; one that ends nothing is refused" {
	daemon
	server goblin 18900 ignore
	run -0 portwatch kill :18900 -y -s HUP -o json
	[ "$(jq -r '.processes[0].end' <<<"$output")" = 'signal SIGHUP' ]
	run -2 portwatch kill :18900 -y -s STOP
	run -2 portwatch kill :18900 -y -s NOSUCH
}

@test "the other protocol, the other port, another namespace: left alone" {
	daemon
	server goblin 18900
	tcp=$server
	server goblin 18901 udp
	udp=$server
	run -3 portwatch kill :18900/udp -y
	run -3 portwatch kill :18901/tcp -y
	lives "$tcp"
	lives "$udp"
	run -0 portwatch kill :18901/udp -y
	ended "$udp"
	run -3 "$PORTWATCH" --local --registry "$REGISTRY" kill :18900 -y
	lives "$tcp"
}

@test "a range and a pid" {
	daemon
	server goblin 18900
	first=$server
	server goblin 18901
	second=$server
	server goblin 18903
	third=$server
	run -0 portwatch kill :18900-18902 -y
	ended "$first"
	ended "$second"
	lives "$third"
	run -0 portwatch kill "pid:$third" -y
	ended "$third"
	run -3 portwatch kill "pid:$namespace" -y
	lives "$namespace"
}

# -- services

@test "NAME ends that service, and raises no alert" {
	daemon
	events told "types=service,alert"
	server wizard 18765 fork=3
	within 5 service_is running
	run -0 portwatch kill wizard -y
	ended "$server"
	within 5 service_is stopped
	within 5 told told '.type == "service.stopped"'
	api '/api/ports/alerts?state=all' | tee "$D/alerts"
	jq -e 'any(.alerts[]; .kind | IN("dead_owner", "not_listening", "orphaned")) | not' \
		"$D/alerts"
	run -3 portwatch kill wizard -y
}

service_is()
{
	[ "$(api /api/ports/services/wizard | jq -r .status.status)" = "$1" ]
}

@test "a service that survives it is watched as before" {
	daemon
	server wizard 18765 ignore
	within 5 service_is running
	run -6 portwatch kill wizard -y --grace 200ms
	service_is running
	kill -KILL "$server"
	within 5 has_alert dead_owner
}

has_alert()
{
	api /api/ports/alerts | jq -e --arg kind "$1" 'any(.alerts[]; .kind == $kind)'
}

@test "NAME is refused where a stranger sits on its port; :PORT is not" {
	daemon
	server stranger 18765
	run -5 portwatch kill wizard -y
	[[ $output == *':18765'* ]]
	lives "$server"
	run -0 portwatch kill :18765 -y
	ended "$server"
}

@test "NAME leaves the same program on other ports alone" {
	daemon
	server wizard 18765
	own=$server
	server wizard 18999
	run -0 portwatch kill wizard -y
	ended "$own"
	lives "$server"
}

@test "a name that nobody has exits 3" {
	daemon
	run -3 portwatch kill nobody -y
}

# -- who has it then

@test "somebody who took the port meanwhile is named: exit 5" {
	daemon
	"${inside[@]}" python3 -c '
import os, signal, socket, time
def bind():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    while True:
        try:
            s.bind(("127.0.0.1", 18900))
            s.listen()
            return s
        except OSError:
            pass
r, w = os.pipe()
if os.fork() == 0:
    open("/proc/self/comm", "w").write("heir")
    os.read(r, 1)
    s = bind()
    signal.pause()
s = bind()
def leave(*_):
    s.close()
    os.write(w, b"x")
    time.sleep(0.5)
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
print("listening", flush=True)
while True:
    signal.pause()' >"$D/first" 2>&1 3>&- &
	first=$!
	started+=("$first")
	within 10 grep -q listening "$D/first"
	heir=$(pgrep -P "$first")
	started+=("$heir")
	run -5 portwatch kill :18900 -y
	[[ $output == *"taken already by heir (pid $heir)"* ]]
	ended "$first"
	lives "$heir"
}

# -- asking

@test "without a terminal it wants -y" {
	daemon
	server goblin 18900
	run -2 portwatch kill :18900 </dev/null
	[[ $output == *-y* ]]
	lives "$server"
}

# ask ANSWER - as on a terminal
ask()
{
	python3 -c '
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
text, end = b"", time.time() + 20
while time.time() < end:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    text += data
    if b"[y/N]" in data:
        os.write(fd, sys.argv[1].encode() + b"\n")
sys.stdout.write(text.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$1" \
		"${inside[@]}" "$PORTWATCH" --socket "$SOCKET" "${@:2}"
}

@test "on a terminal it names whom and asks; no is no" {
	daemon
	server goblin 18900
	run -1 ask n kill :18900
	[[ $output == *"goblin (pid $server"* ]]
	lives "$server"
	run -0 ask y kill :18900
	ended "$server"
}

@test "what was not agreed to is not ended" {
	daemon
	server goblin 18900
	run -0 code /api/ports/ports/18900/kill -X POST -H 'Content-Type: application/json' \
		-d '{"only":[1,2]}'
	[ "$output" = 409 ]
	lives "$server"
}

@test "-n says whom it would end and changes nothing" {
	daemon
	server goblin 18900 fork=2
	run -0 portwatch kill :18900 -n -o json
	[ "$(jq -r '.outcome + " " + (.dry_run | tostring)' <<<"${output%%$'\n'portwatch*}")" = \
		'planned true' ]
	lives "$server"
	[ "$(listeners 18900)" = 1 ]
}

@test "every format" {
	daemon
	for format in table wide json jsonl csv; do
		server goblin 18900
		run -0 --separate-stderr portwatch kill :18900 -y -o "$format"
		[[ $output == *"$server"* ]]
		[[ $output == *ended* ]]
		case $format in
		json) [ "$(jq -r .schema <<<"$output")" = portwatch.kill/v1 ] ;;
		jsonl) [ "$(jq -r .ports[0] <<<"$output")" = 18900/tcp ] ;;
		csv) [ "${lines[0]}" = pid,process,user,ports,signal,result,reason ] ;;
		esac
	done
}

# -- who may

# inherit PORT COMMAND... - a command that holds a listener at PORT unknowingly
inherit()
{
	exec "${inside[@]}" python3 -c '
import os, socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
s.set_inheritable(True)
os.execvp(sys.argv[2], sys.argv[2:])' "$@"
}

@test "who asks is never ended, nor is portwatch" {
	daemon
	run -4 inherit 18900 "$PORTWATCH" --socket "$SOCKET" kill :18900 -y
	[[ $output == *'the one who asks'* ]]
	run -4 inherit 18900 "$PORTWATCH" --local --registry "$REGISTRY" kill :18900 -y
	inherit 18901 "$PORTWATCHD" --registry "$REGISTRY" --socket "$D/second" 3>&- &
	started+=("$!")
	within 10 test -S "$D/second"
	run -4 "${inside[@]}" "$PORTWATCH" --socket "$D/second" kill :18901 -y
	[[ $output == *'portwatch itself'* ]]
}

@test "PID 1 is never ended" {
	# What BPF tells of processes is as the host numbers them.
	PORTWATCH_WITHOUT=bpf run -4 "${inside[@]}" unshare --pid --fork --mount-proc python3 -c '
import socket, subprocess, sys
s = socket.create_server(("127.0.0.1", 18900))
sys.exit(subprocess.run(sys.argv[1:]).returncode)' "$PORTWATCH" --local \
		--registry "$REGISTRY" kill :18900 -y
	[[ $output == *'PID 1'* ]]
}

@test "another user ends what is theirs, and nothing else" {
	daemon
	server goblin 18900
	root=$server
	as=(env PATH=/usr/bin:/bin setpriv --reuid 65534 --regid 65534 --clear-groups)
	server goblin 18901
	own=$server
	run -4 as_nobody kill :18900 -y
	[[ $output == *'another user'* ]]
	lives "$root"
	run -0 as_nobody kill :18901 -y
	within 5 ended "$own"
}

as_nobody()
{
	"${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups "$PORTWATCH" \
		--socket "$SOCKET" "$@"
}

@test "what no process holds is nobody's to end" {
	daemon
	"${inside[@]}" python3 -c '
import array, signal, socket
here, there = socket.socketpair()
s = socket.create_server(("127.0.0.1", 18900))
here.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
s.close()
print("on its way", flush=True)
signal.pause()' >"$D/way" 2>&1 3>&- &
	way=$!
	started+=("$way")
	within 10 grep -q way "$D/way"
	[ "$(listeners 18900)" = 1 ]
	run -4 portwatch kill :18900 -y
	[[ $output == *'The kernel itself holds tcp port 18900'* ]]
	lives "$way"
	[ "$(listeners 18900)" = 1 ]
}

@test "a member of the group ends what is another's" {
	cat /etc/group >"$D/group"
	echo 'portwatch:x:61234:' >>"$D/group"
	unshare -m --propagation private nsenter -t "$namespace" -n sh -c "mount --bind $D/group \
		/etc/group && exec $PORTWATCHD --registry $REGISTRY --socket $SOCKET" 2>"$D/log" 3>&- &
	started+=("$!")
	within 10 grep -q serving "$D/log"
	server goblin 18900
	[ "$(stat -c %g "$SOCKET")" = 61234 ]
	run -4 "${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups "$PORTWATCH" \
		--socket "$SOCKET" kill :18900 -y
	run -0 "${inside[@]}" setpriv --reuid 65534 --regid 65534 --groups 61234 "$PORTWATCH" \
		--socket "$SOCKET" kill :18900 -y
	ended "$server"
}

@test "who hangs up before the grace is over has nobody killed" {
	daemon
	server goblin 18900 ignore
	timeout 1 curl -s --unix-socket "$SOCKET" -X POST -H 'Content-Type: application/json' \
		-d '{"grace":"2s","force":true}' http://localhost/api/ports/ports/18900/kill || true
	sleep 2
	lives "$server"
}

@test "the daemon answers others while it waits" {
	daemon
	server goblin 18900 ignore
	portwatch kill :18900 -y --grace 2s >/dev/null 2>&1 3>&- &
	waiting=$!
	sleep 0.2
	before=$(date +%s%N)
	[ "$(api /healthz)" = ok ]
	(($(date +%s%N) - before < 1000000000))
	lives "$waiting"
	kill -KILL "$server"
	wait "$waiting"
}

@test "bad bodies are refused" {
	daemon
	for body in '[]' '{' '{"signal":"STOP"}' '{"grace":"soon"}' '{"grace":-1}' \
		'{"force":1}' '{"signall":"TERM"}' '{"proto":"sctp"}' '{"only":7}'; do
		[ "$(code /api/ports/ports/18900/kill -X POST \
			-H 'Content-Type: application/json' -d "$body")" = 400 ]
	done
	[ "$(code /api/ports/ports/0/kill -X POST -H 'Content-Type: application/json')" = 400 ]
	[ "$(code /api/ports/ports/18900/kill -X POST -d '{}')" = 415 ]
	[ "$(code /api/ports/ports/18900/kill)" = 405 ]
}

# -- sockets

@test "--sockets ends TIME_WAIT and what sits on the port, and spares processes" {
	daemon
	server goblin 18900 serve
	client 18900 18910
	run -0 portwatch kill :18910 --sockets -n -o json
	[[ $output == *established* ]]
	run -0 portwatch kill :18910 --sockets -y -o csv
	[[ $output == *'127.0.0.1:18910,127.0.0.1:18900,established,ended'* ]]
	lives "$client"
	lives "$server"
	run -3 portwatch kill :18910 --sockets -y
	# Not the connections that a listener accepted, nor the listener.
	client 18900
	run -3 portwatch kill :18900 --sockets -y
	[ "$(listeners 18900)" = 1 ]
}

@test "--sockets ends TIME_WAIT" {
	daemon
	"${inside[@]}" python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 18900))
c = socket.create_connection(("127.0.0.1", 18900))
a, _ = s.accept()
a.close()
c.close()'
	[ "$("${inside[@]}" ss -Htn state time-wait "sport = :18900" | wc -l)" = 1 ]
	run -0 portwatch kill :18900 --sockets -y
	[ "$("${inside[@]}" ss -Htn state time-wait "sport = :18900" | wc -l)" = 0 ]
}
