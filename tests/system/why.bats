#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# portwatch why: each reason produced for real, and each answer held against a real bind.

bats_require_minimum_version 1.5.0
load daemon_helper

setup()
{
	cli_setup '{"services":[
		{"name":"wizard","port":18080,"match":{"process_name":"wizard"}},
		{"name":"goblin","port":18090,"address":"127.0.0.1","process_name":"goblin"}]}'
}

# play NAME [PYTHON] - a process of that comm which does this, says "ready" and stays until
# the test ends; its number is in $player.  By the user `$player_uid`.
play()
{
	"${inside[@]}" env PATH=/usr/bin:/bin setpriv --reuid "${player_uid-0}" --clear-groups python3 -c '
import os, signal, socket, sys, time
from socket import *
def tcp(address, port, *options, listening=True):
    s = socket(AF_INET6 if ":" in address else AF_INET, SOCK_STREAM)
    return begin(s, address, port, options, listening)
def udp(address, port, *options):
    s = socket(AF_INET6 if ":" in address else AF_INET, SOCK_DGRAM)
    return begin(s, address, port, options, False)
def begin(s, address, port, options, listening):
    for option in options:
        s.setsockopt(IPPROTO_IPV6 if option == IPV6_V6ONLY else SOL_SOCKET, option, 1)
    s.bind((address, port))
    if listening:
        s.listen()
    kept.append(s)
    return s
kept = []
def ready():
    print("ready", flush=True)
open("/proc/self/comm", "w").write(sys.argv[1])
exec(sys.argv[2])
ready()
while True:
    signal.pause()' "$@" >"$D/$1.out" 2>&1 3>&- &
	player=$!
	started+=("$player")
	within 10 grep -q ready "$D/$1.out" || {
		cat "$D/$1.out"
		return 1
	}
}

# ask TARGET [OPTION...] - the document, in $D/why; "$how" is daemon or local
how=daemon
ask()
{
	local target=$1

	shift
	if [[ $how == local ]]; then
		pw --local why "$target" -o json "$@" >"$D/why"
	else
		pw why "$target" -o json "$@" >"$D/why"
	fi
	[ "$(jq -r .schema "$D/why")" = portwatch.why/v1 ]
}

# says JQ-CONDITION - of the document
says()
{
	jq -e "$1" "$D/why" >/dev/null || {
		jq . "$D/why"
		echo "not so: $1"
		return 1
	}
}

# known TARGET JQ-CONDITION - asks and looks, for `within`
known()
{
	ask "$1" && jq -e "$2" "$D/why"
}

# row ADDRESS RESULT REASON [OPTION] - what a bind to it would get
row()
{
	says "any(.binds[]; .address == \"$1\" and .result == \"$2\" and .reason == \"$3\" and
		.options == [${4:+\"$4\"}] and .as != \"an ordinary user\")"
}

# as_foretold - each bind of the document is tried and gets what it says
as_foretold()
{
	"${inside[@]}" python3 - "$D/why" <<'PYTHON'
import errno, json, os, sys
from socket import *

for row in json.load(open(sys.argv[1]))["binds"]:
    if row["result"] == "depends":
        continue
    pid = os.fork()
    if pid:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, row
        continue
    if row["as"] != "root":
        os.setgid(65534)
        os.setuid(65534)
    s = socket(AF_INET6 if row["family"] == "ipv6" else AF_INET,
               SOCK_DGRAM if row["proto"] == "udp" else SOCK_STREAM)
    for option in row["options"]:
        s.setsockopt(SOL_SOCKET, {"SO_REUSEADDR": SO_REUSEADDR, "SO_REUSEPORT": SO_REUSEPORT}[option], 1)
    got = None
    try:
        s.bind((row["address"], row["port"]))
    except OSError as error:
        got = errno.errorcode[error.errno]
    if got != row["errno"]:
        print(f"a bind got {got}, not as foretold:", row)
        os._exit(1)
    os._exit(0)
PYTHON
}

nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)

# -- the six classic puzzles

@test "the port is taken by a listener" {
	daemon
	play imp 'tcp("0.0.0.0", 18000)'
	for how in daemon local; do
		ask :18000
		says '.port == 18000 and .service == null'
		says ".holders[0] | .process.pid == $player and .state == \"listening\" and .address == \"0.0.0.0\""
		says ".holders[0].chain | length > 1 and .[0].pid == $player and .[-1].pid == 1"
		says '.holders[0].process.cwd == .holders[0].chain[0].cwd'
		row 0.0.0.0 error listener
		row 127.0.0.1 error wildcard
		row :: error other_family
		row ::1 ok other_family
		says "all(.binds[] | select(.errno); .errno == \"EADDRINUSE\" and .culprit.pid == $player)"
		says '.advice.command == "portwatch kill :18000"'
		says '.summary | startswith(":18000 is held by imp (pid ")'
		as_foretold
	done
	how=daemon
	ask :18000
	says '.holders[0] | .since != null and .source == "kernel"'
}

@test "the port is taken by TIME_WAIT" {
	daemon
	# The server closes first, and goes.
	play imp '
for options in (SO_REUSEADDR,), ():
    port = 18001 + len(options)
    l = tcp("127.0.0.1", port, *options)
    c = create_connection(("127.0.0.1", port))
    a, _ = l.accept()
    a.close()
    c.recv(1)
    c.close()
    l.close()'
	for how in daemon local; do
		ask :18002
		says '.holders == [] and .time_wait == 1'
		says '.connections[0] | .kind == "time_wait" and .process == null and .until > "2"'
		row 127.0.0.1 error time_wait
		row 0.0.0.0 error time_wait
		says 'any(.binds[]; .address == "127.0.0.1" and .options == ["SO_REUSEADDR"] and .result == "depends")'
		says 'all(.binds[] | select(.reason == "time_wait"); .until != null)'
		row 127.0.0.2 ok free || row ::1 ok free
		says '.advice.command == "portwatch kill :18002 --sockets"'
		says '.summary | test("TIME_WAIT until")'
		as_foretold
		# What "depends" depends on.
		run -0 "${inside[@]}" python3 -c '
from socket import *
for port, works in (18002, True), (18001, False):
    s = socket()
    s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    try:
        s.bind(("127.0.0.1", port))
    except OSError:
        assert not works
    else:
        assert works'
	done
}

@test "the port is taken by an outgoing connection" {
	daemon
	play server 'l = tcp("127.0.0.1", 18003); u = udp("127.0.0.1", 18003)'
	"${inside[@]}" sysctl -qw net.ipv4.ip_local_port_range='18004 18004'
	play imp 'c = create_connection(("127.0.0.1", 18003))
u = socket(AF_INET, SOCK_DGRAM)
u.connect(("127.0.0.1", 18003))'
	for how in daemon local; do
		ask :18004
		says '.holders == [] and .time_wait == 0'
		says ".connections[0] | .kind == \"outgoing\" and .process.pid == $player and .peer == \"127.0.0.1:18003\""
		row 127.0.0.1 error outgoing
		row 0.0.0.0 error outgoing
		says "all(.binds[] | select(.reason == \"outgoing\"); .culprit.pid == $player and .peer == \"127.0.0.1:18003\")"
		says '.advice.command == "portwatch kill :18004 --sockets"'
		says '.advice.text | test("sysctl -w net.ipv4.ip_local_reserved_ports=18004")'
		says '[.binds[] | select(.reason == "outgoing") | .text] | all(test("ip_local_port_range"))'
		as_foretold
		ask :18004/udp
		says "any(.connections[]; .proto == \"udp\" and .kind == \"outgoing\" and .process.pid == $player)"
		as_foretold
	done
	"${inside[@]}" sysctl -qw net.ipv4.ip_local_reserved_ports=18010-18012
	how=daemon
	ask :18004
	says '.advice.text | test("ip_local_reserved_ports=18004,18010-18012")'
}

@test "[::1] against 127.0.0.1" {
	daemon
	play imp 'tcp("::1", 18005)'
	for how in daemon local; do
		ask :18005
		row ::1 error listener
		row 127.0.0.1 ok other_family
		row :: error wildcard
		says 'any(.binds[]; .address == "127.0.0.1" and (.text | test("localhost")))'
		as_foretold
	done
	play elf 'tcp("127.0.0.1", 18005)'
	how=daemon
	ask :18005
	says '[.holders[].comm] | sort == ["elf", "imp"]'
	says '.summary | test(" and by ")'
	says '.advice.command | test("^portwatch kill pid:[0-9]+$")'
	as_foretold
}

@test "the port is taken by a child of a dead server" {
	daemon
	play imp '
l = tcp("127.0.0.1", 18006)
if os.fork() == 0:
    signal.alarm(120) # whatever becomes of the test
    open("/proc/self/comm", "w").write("child")
    ready()
    while True:
        signal.pause()'
	ask :18006
	says '.holders[0].others | length == 1 and .[0].comm == "child"'
	child=$(jq '.holders[0].others[0].pid' "$D/why")
	started+=("$child")
	kill -KILL "$player"
	within 10 known :18006 ".holders[0].pid == $child"
	says '.holders[0].chain[1] | .comm == "imp" and .exited'
	says '.holders[0].others == []'
	says '.summary | test("held by child .* left to it by imp ")'
	says '.advice | .command == "portwatch kill :18006" and (.text | test("dead"))'
	as_foretold
	how=local
	ask :18006
	says ".holders[0].pid == $child"
	run -0 pw kill :18006 -y
	how=daemon
	within 10 known :18006 '.holders == []'
}

@test "refused as privileged" {
	daemon
	chmod 666 "$SOCKET"
	ask :80
	says '.binds[0] | .errno == "EACCES" and .reason == "privileged" and .as == "an ordinary user"'
	row 0.0.0.0 ok free
	as_foretold
	pw=("${inside[@]}" "${nobody[@]}" "$PORTWATCH")
	"${pw[@]}" why :80 -o json >"$D/why"
	says 'all(.binds[]; .errno == "EACCES" and .reason == "privileged" and .as == "uid 65534")'
	says '.advice.command == "sysctl -w net.ipv4.ip_unprivileged_port_start=80"'
	says '.summary | test("privileged")'
	as_foretold
	"${pw[@]}" --local why :80 -o json >"$D/why"
	says 'all(.binds[]; .errno == "EACCES")'
	"${inside[@]}" sysctl -qw net.ipv4.ip_unprivileged_port_start=80
	"${pw[@]}" why :80 -o json >"$D/why"
	says 'all(.binds[]; .result == "ok")'
	as_foretold
}

# -- the other reasons

@test "a wildcard against an address, and IPV6_V6ONLY" {
	daemon
	play imp 'tcp("127.0.0.2", 18010); tcp("::", 18011); tcp("::", 18012, IPV6_V6ONLY); udp("::", 18013)'
	for how in daemon local; do
		ask :18010
		row 0.0.0.0 error wildcard
		row 127.0.0.1 ok free
		row 127.0.0.2 error listener
		as_foretold
		ask :18011
		row 127.0.0.1 error other_family
		row ::1 error wildcard
		as_foretold
		ask :18012
		row 127.0.0.1 ok other_family
		row :: error listener
		as_foretold
		ask :18013/udp
		row 0.0.0.0 error other_family
		row :: error bound
		as_foretold
	done
}

@test "bound and not listening, with and without SO_REUSEADDR" {
	daemon
	play imp 'a = tcp("127.0.0.1", 18014, SO_REUSEADDR, listening=False)
b = tcp("127.0.0.1", 18015, listening=False)'
	ask :18014
	row 127.0.0.1 error bound
	row 127.0.0.1 ok free SO_REUSEADDR
	as_foretold
	ask :18015
	row 127.0.0.1 error bound
	says 'all(.binds[]; .options == [])'
	as_foretold
}

@test "SO_REUSEPORT counts for one user" {
	daemon
	player_uid=1234
	play imp 'tcp("127.0.0.1", 18016, SO_REUSEPORT); udp("127.0.0.1", 18016, SO_REUSEPORT)'
	player_uid=0
	play elf 'tcp("127.0.0.1", 18017, SO_REUSEPORT)'
	for target in :18016 :18016/udp; do
		ask "$target"
		row 127.0.0.1 error reuseport SO_REUSEPORT
		as_foretold
	done
	ask :18017
	row 127.0.0.1 error listener
	row 127.0.0.1 ok free SO_REUSEPORT
	as_foretold
}

@test "a connection that its listener left behind" {
	daemon
	play imp '
l = tcp("127.0.0.1", 18018)
c = create_connection(("127.0.0.1", 18018))
a, _ = l.accept()
if sys.argv[1] == "imp":
    l.close()'
	ask :18018
	row 127.0.0.1 error outgoing
	says ".connections[0].process.pid == $player"
	as_foretold
	play elf '
l = tcp("127.0.0.1", 18019)
c = create_connection(("127.0.0.1", 18019))
a, _ = l.accept()'
	ask :18019
	says '.accepted == 1 and .connections == []'
	row 127.0.0.1 error listener
	as_foretold
}

@test "UDP: bound, and a port taken by sending" {
	daemon
	play imp 'u = udp("0.0.0.0", 18020)
open("/proc/sys/net/ipv4/ip_local_port_range", "w").write("18021 18021")
v = socket(AF_INET, SOCK_DGRAM)
v.sendto(b"x", ("127.0.0.1", 18020))'
	for how in daemon local; do
		ask :18020
		says 'any(.binds[]; .proto == "tcp") and any(.binds[]; .proto == "udp" and .reason == "bound")'
		as_foretold
		ask :18021/udp
		says 'any(.binds[]; .address == "0.0.0.0" and .errno == "EADDRINUSE" and .culprit.comm == "imp")'
		as_foretold
	done
}

@test "a port that nobody holds" {
	daemon
	for how in daemon local; do
		ask :18022
		says '.holders == [] and .connections == [] and all(.binds[]; .result == "ok")'
		says '.advice.command == null and (.summary | test("free"))'
		as_foretold
	done
}

# -- what failed, who else holds it, whom it is about

@test "what tried and failed lately is told, and counted" {
	daemon
	play imp 'tcp("127.0.0.1", 18080)'
	for _ in 1 2 3; do
		run "${inside[@]}" python3 -c '
open("/proc/self/comm", "w").write("wizard")
from socket import *
socket().bind(("127.0.0.1", 18080))'
		[ "$status" = 1 ]
	done
	within 10 known :18080 '.failures | length == 1 and .[0].count == 3'
	says ".failures[0] | .errno == \"EADDRINUSE\" and .process.comm == \"wizard\" and .holder.pid == $player"
	says '.failures[0] | .first < .last'
	says 'any(.alerts[]; .kind == "blocked")'
	run -0 pw why wizard
	[[ $output == *'Failed lately'*'EADDRINUSE'*'3 times'*'wizard (pid '* ]]
}

@test "who else has the descriptor: a fork, and whoever it was passed to" {
	daemon
	play imp '
a, b = socketpair()
told, tell = os.pipe()
l = tcp("127.0.0.1", 18030)
for name in "worker", "stranger":
    if os.fork() == 0:
        open("/proc/self/comm", "w").write(name)
        if name == "stranger":
            l.close()
            if os.fork(): # not a child of the server
                os._exit(0)
            l = recv_fds(b, 1, 1)
            os.write(tell, b"!")
        signal.alarm(120) # whatever becomes of the test
        signal.pause()
send_fds(a, [b"x"], [l.fileno()])
os.read(told, 1)'
	for how in daemon local; do
		ask :18030
		says '[.holders[0].others[].comm] | sort == ["stranger", "worker"]'
		says ".holders | length == 1 and .[0].pid == $player"
	done
	mapfile -t others < <(jq '.holders[0].others[].pid' "$D/why")
	started+=("${others[@]}")
	run -0 pw why :18030
	[[ $output == *'also held by worker (pid '* ]]
}

@test "targets: a name, a process, a range; what is none" {
	daemon
	play wizard 'tcp("127.0.0.1", 18080)'
	play imp 'tcp("127.0.0.1", 18090); udp("127.0.0.1", 18091)'
	within 10 known wizard '.holders[0].service == "wizard"'
	says '.service == "wizard" and .port == 18080 and (.advice | .command == null and (.text | test("nothing to do")))'
	ask goblin
	says '.service == "goblin" and .advice.command == "portwatch kill :18090"'
	says '.binds[0].address == "127.0.0.1"'
	ask "pid:$player"
	says '[.holders[] | "\(.port)/\(.proto)"] == ["18090/tcp", "18091/udp"] and .port == null'
	ask :18000-18100
	says '[.holders[].port] | sort == [18080, 18090, 18091]'
	says '.summary | test("^3 of 3 ports are held")'
	run -0 pw why :18000-18100
	[[ $output == *'tcp 127.0.0.1:18090  listening'*'tcp :18090 '* ]]
	ask "pid:$namespace"
	says '.holders == [] and .port == null and .summary == "That process holds no port."'
	run -3 pw why nobody
	run -3 pw why pid:4194304
	run -2 pw why 18080
	run -2 pw why :99999
	run -2 pw why
	[ "$(code /api/ports/why/:99999)" = 400 ]
	[ "$(code /api/ports/why/goblni)" = 404 ]
}

@test "another user's command line is not shown to everybody" {
	daemon
	chmod 666 "$SOCKET"
	play imp '"a secret"; tcp("127.0.0.1", 18031)'
	ask :18031
	says '.holders[0].process.cmdline | any(test("a secret"))'
	run -0 "${inside[@]}" "${nobody[@]}" "$PORTWATCH" why :18031 -o json
	[[ $output == *'"comm": "imp"'* ]]
	[[ $output != *'a secret'* ]]
	run -0 "${inside[@]}" "${nobody[@]}" "$PORTWATCH" why :18031
	[[ $output == *imp* && $output != *'a secret'* ]]
}

@test "a hostile name moves no cursor" {
	daemon
	play $'\e[2J\u202eevil' 'tcp("127.0.0.1", 18032)'
	run -0 pw why :18032
	[[ $output == *'\x1b[2J'* ]]
	[[ $output != *$'\e'* && $output != *$'\u202e'* ]]
}

@test "every format" {
	daemon
	play imp 'tcp("127.0.0.1", 18033)'
	run -0 pw why :18033 -o csv
	[ "${lines[0]}" = proto,address,port,as,options,result,errno,reason,pid,process ]
	[ "${lines[2]}" = "tcp,127.0.0.1,18033,root,-,error,EADDRINUSE,listener,$player,imp" ]
	run -0 pw why :18033 -o jsonl
	[ "$(jq -r .reason <<<"${lines[1]}")" = listener ]
	run -0 pw why :18033 --fields address,result --no-headers
	[[ ${lines[0]} =~ ^0.0.0.0\ +error ]]
	run -0 pw why :18033
	[[ $output == ':18033 is held by imp (pid '* ]]
	[[ $output == *'started by '* && $output == *'portwatch kill :18033'* ]]
}

@test "the same port of another network namespace is told apart" {
	daemon
	unshare -n sh -c 'ip link set lo up && exec sleep 600' 3>&- &
	elsewhere=$!
	started+=("$elsewhere")
	# shellcheck disable=SC2016 # expanded by eval
	within 10 eval 'nsenter -t "$elsewhere" -n ip addr show dev lo | grep -q 127.0.0.1'
	local inside=(nsenter -t "$elsewhere" -n)
	play imp 'tcp("127.0.0.1", 18034)'
	inside=(nsenter -t "$namespace" -n)
	within 10 known :18034 ".elsewhere[0].pid == $player"
	says '.holders == [] and all(.binds[]; .result == "ok")'
	as_foretold
}
