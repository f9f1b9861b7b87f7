#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# `run`: a command under a port that is kept for it, with real programs.
# shellcheck disable=SC2154 # set by daemon_helper and by run
# shellcheck disable=SC2016 # for the shells that are run

bats_require_minimum_version 1.5.0
load daemon_helper


setup()
{
	cli_setup '{"services":[
	 {"name":"wizard","port":18765,"process_name":"wizard"},
	 {"name":"twins","port":[{"name":"web","port":18770},{"name":"admin","port":18771}]},
	 {"name":"local","port":18780,"address":"127.0.0.1","process_name":"local"},
	 {"name":"phoenix","port":18790,"process_name":"phoenix","restart":"always",
	  "backoff":{"initial":"10ms","max":"10ms"},"restart_limit":{"count":99,"interval":"1s"}}]}'
}

# start FILE ARGUMENT... - run in the background, its output in $D/FILE; its number is in
# $runner
start()
{
	local file=$1

	shift
	# What is in the background of a script has these ignored.
	nsenter -t "$namespace" -n env --default-signal=INT,QUIT \
		"$PORTWATCH" run "$@" >"$D/$file" 2>"$D/$file.err" 3>&- &
	runner=$!
	started+=("$runner")
}

# says FILE LINE - it has been printed
says()
{
	grep -qx -- "$2" "$D/$1"
}

over()
{
	! kill -0 "$1" || grep -q '^State:.Z' "/proc/$1/status"
}

# ends CODE [PID] - the runner, or that one, does with this code
ends()
{
	local code=0 pid=${2:-$runner}

	within 10 over "$pid" || return 1
	wait "$pid" || code=$?
	[ "$code" = "$1" ]
}

gone()
{
	[ "$(code "/api/ports/allocations/$1")" = 404 ]
}

stated()
{
	api "/api/ports/allocations/$1" | jq -e ".allocation | $2" >/dev/null
}

fires()
{
	api /api/ports/alerts | jq -e "any(.alerts[]; $1)" >/dev/null
}

# A server on the port of $1: says so, and answers each connection with its number.
server='import os, socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    c = s.accept()[0]
    c.sendall(b"%d" % os.getpid())
    c.close()'

# The same on the socket that it is handed; quick to start.
handed='use Socket; open(S, "+<&=", $ENV{LISTEN_FDS} + 2) or die;
die unless $ENV{LISTEN_PID} == $$;
$| = 1; print "serving\n";
while (accept(C, S)) { syswrite C, $$; close C }'

# answer PORT [ADDRESS] - what whoever listens there says
answer()
{
	"${inside[@]}" python3 -c '
import socket, sys
c = socket.create_connection((sys.argv[2], int(sys.argv[1])), 10)
print(c.recv(99).decode())' "$1" "${2:-127.0.0.1}"
}

# -- what it is given

@test "the command has its port in words and variables" {
	daemon
	run -0 pw run learning -- sh -c 'echo "$PORT $PORTWATCH_PORT $PORTWATCH_SERVICE $*"' \
		sh '{port}' 'a{port}b' '{other}' --
	[ "$output" = '8000 8000 learning 8000 a8000b {other} --' ]
	run -0 pw run twins -- sh -c 'echo "$PORT $PORTWATCH_PORT_ADMIN $*"' sh '{port:admin}' '{port:web}'
	[ "$output" = '18770 18771 18771 18770' ]
	run -0 pw run learning --port 8042 --purpose demo -- "$PORTWATCH" allocations -o json
	[ "$(jq -r '.allocations[] | "\(.port) \(.service_name) \(.purpose)"' <<<"$output")" = \
		'8042 learning demo' ]
}

@test "input, output, descriptors, folder and ignored signals are the caller's" {
	daemon
	cd "$D"
	run -0 bash -c 'trap "" USR2; echo hello | nsenter -t "$1" -n "$2" run x -- \
		sh -c "cat; cat <&7; pwd; grep SigIgn: /proc/self/status" 7< <(echo seven)' \
		bash "$namespace" "$PORTWATCH"
	[ "${lines[0]}" = hello ]
	[ "${lines[1]}" = seven ]
	[ "${lines[2]}" = "$D" ]
	# SIGUSR2 and, from bats, perhaps others; SIGPIPE is 0x1000.
	((0x${lines[3]##*[[:space:]]} & 0x800))
	((~0x${lines[3]##*[[:space:]]} & 0x1000))
}

# -- how it ends

@test "it ends as the command does" {
	daemon
	run -0 pw run x -- true
	run -7 pw run x -- sh -c 'exit 7'
	run -255 pw run x -- sh -c 'exit 255'
	run -137 pw run x -- sh -c 'kill -KILL $$'
	run -143 pw run x -- sh -c 'kill -TERM $$'
	within 5 gone 8000
}

@test "what cannot be run is told apart, and keeps no port" {
	daemon
	run -127 pw run x -- no-such-command
	[[ $output == *'no-such-command'*'there is no such command'* ]]
	run -126 pw run x -- "$REGISTRY"
	[[ $output == *'Permission denied'* ]]
	run -126 pw run x --listen -- "$D"
	run -2 pw run x
	[[ $output == *'needs NAME -- CMD'* ]]
	run -2 pw run 'no name' -- true
	run -2 pw run x --port 80x -- true
	run -2 pw run x --address 127.0.0.1 -- true
	run -2 pw run x --listen --address here -- true
	run -2 pw run wizard --port 8001 -- true
	[[ $output == *'the registry gives wizard port 18765'* ]]
	run -2 pw run x --map 8000=auto -- true
	[[ $output == *'--map is not in this version'* ]]
	within 5 gone 8000
}

@test "signals are passed on" {
	local name

	daemon
	start out x -- bash -c '
		for s in INT TERM HUP QUIT USR1 USR2 WINCH; do trap "echo $s" $s; done
		trap "echo CONT; exit 9" CONT
		echo ready
		while :; do sleep 0.05; done'
	within 10 says out ready
	for name in INT TERM HUP QUIT USR1 USR2 WINCH; do
		kill -"$name" "$runner"
		within 10 says out "$name"
	done
	kill -CONT "$runner"
	ends 9
	[ "$(grep -c TERM "$D/out")" = 1 ]
	within 5 gone 8000
}

@test "a signal that ends the command ends it" {
	daemon
	start out x -- python3 -c "$server" '{port}'
	within 10 says out listening
	kill -TERM "$runner"
	ends 143
	within 5 gone 8000
}

@test "at a terminal it stops and ends with the command" {
	daemon
	run "${inside[@]}" python3 - "$PORTWATCH" "$D" <<-'PY'
		import os, pty, signal, sys, time
		# One process: a shell does not stop while a child that it has just made by
		# vfork(2) is stopped.
		command = r"""$SIG{INT} = sub { $n++ }; open(R, ">", "$ARGV[0]/ready"); close R;
		select(undef, undef, undef, 0.05) until $n;
		select(undef, undef, undef, 0.3); exit 40 + $n"""
		pid, terminal = pty.fork()
		if pid == 0:
		    # A shell's job: not the leader of the session, which cannot stop.
		    job = os.fork()
		    if job == 0:
		        os.setpgid(0, 0)
		        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
		        os.tcsetpgrp(0, os.getpgrp())
		        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
		        os.execv(sys.argv[1], [sys.argv[1], "run", "x", "--", "perl", "-e", command, sys.argv[2]])
		    status = os.waitpid(job, os.WUNTRACED)[1]
		    if not os.WIFSTOPPED(status):
		        os._exit(1)
		    open(sys.argv[2] + "/stopped", "w").close()
		    os.kill(-job, signal.SIGCONT)
		    open(sys.argv[2] + "/continued", "w").close()
		    os._exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]))
		def wait_for(name):
		    for _ in range(3000):
		        if os.path.exists(sys.argv[2] + "/" + name):
		            return
		        time.sleep(0.02)
		    sys.exit("no " + name)
		wait_for("ready")
		os.write(terminal, b"\x1a")
		wait_for("stopped")
		wait_for("continued")
		os.write(terminal, b"\x03")
		try:
		    while os.read(terminal, 999):
		        pass
		except OSError:
		    pass
		code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
		sys.exit(0 if code == 41 else "it ended with %d" % code)
	PY
	[ "$status" -eq 0 ] || { echo "$output"; false; }
}

# -- the port

@test "the command is known before it can bind" {
	daemon
	events all types=alert
	start out grace -- python3 -c "$server" '{port}'
	within 10 says out listening
	within 5 stated 8000 ".service_name == \"grace\" and .health_status == \"active\" and .pid == $(answer 8000)"
	stated 8000 '.started_by == "root" and .purpose == "run python3"'
	run ! told all '.alert.kind == "occupied" or .alert.kind == "blocked"'
	kill -INT "$runner"
	within 5 gone 8000
}

@test "several instances stand side by side, as in the seeds" {
	local i port

	daemon
	for i in main learning remote learning; do
		start "out.$((++port))" "grace-$i" -- env GRACE_SERVICE="$i" python3 -c "$server" '{port}'
		runners[port]=$runner
		within 10 says "out.$port" listening
	done
	run -0 pw allocations -o csv --fields port,service --no-headers
	[ "$output" = $'8000,grace-main\n8001,grace-learning\n8002,grace-remote\n8003,grace-learning' ]
	# Not 8001: a port with connections in TIME_WAIT is handed to nobody.
	for i in 0 2 3; do
		[ -n "$(answer 800$i)" ]
	done
	kill -TERM "${runners[2]}"
	ends 143 "${runners[2]}"
	within 5 gone 8001
	stated 8003 '.service_name == "grace-learning"'
	start again grace-learning -- python3 -c "$server" '{port}'
	within 10 says again listening
	stated 8001 '.service_name == "grace-learning"'
}

@test "many that begin and end at once never share a port" {
	local i pids=()

	daemon
	for i in {1..16}; do
		# Whoever is given the port of another cannot bind it.
		nsenter -t "$namespace" -n "$PORTWATCH" run "n$((i % 3))" -- perl -MSocket -e '
			socket(S, PF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1);
			bind(S, sockaddr_in($ARGV[0], INADDR_ANY)) && listen(S, 5) or exit 1;
			select(undef, undef, undef, rand 0.2)' '{port}' 2>>"$D/err" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || { cat "$D/err"; return 1; }
	done
	within 5 eval '[ "$(api /api/ports/allocations | jq .allocated_ports)" = 0 ]'
}

@test "the port of a service is its own, and who runs there is the service" {
	daemon
	start out wizard -- python3 -c "$server" '{port}'
	within 10 says out listening
	within 5 eval 'api /api/ports/services/wizard | jq -e ".status.status == \"running\""'
	[ "$(api /api/ports/services/wizard | jq .status.pid)" = "$(answer 18765)" ]
	run ! fires '.service == "wizard"'
	run -5 pw run wizard -- true
	[[ $output == *'Port 18765 is allocated to wizard already'* ]]
	kill -TERM "$runner"
	ends 143
	within 5 gone 18765
	run -0 pw run wizard -- true
}

@test "who sits on a port is named, or gone around" {
	daemon
	listen 8000
	listen 18765
	run -0 pw run x -- echo '{port}'
	[ "$output" = 8001 ]
	run -5 pw run x --port 8000 -- true
	[[ $output == *'Port 8000 is held by python3'* ]]
	run -5 pw run wizard -- true
	[[ $output == *'Port 18765 is held by python3'* ]]
	run -5 pw run wizard --listen -- true
	registry '{"settings":{"port_range":"8000-8001"}}'
	within 10 eval '[ "$(api /api/ports/allocations | jq .total_ports)" = 2 ]'
	run -5 pw run x -- "$PORTWATCH" run y -- true
	[[ $output == *'No port of the managed range, 8000-8001, is free'* ]]
}

@test "a command that ends is no alert" {
	daemon
	events all types=alert
	# Not by way of the interpreter's own end, which closes the socket before.
	run -0 pw run x -- python3 -c 'import os, socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os._exit(0)' '{port}'
	run -1 pw run x -- false
	within 10 gone 8000
	# Something to come after what is not to come.
	listen 18765
	within 10 told all '.alert.service == "wizard"'
	run ! told all '.alert.service == "x"'
}

@test "killed itself, it leaves neither process nor port" {
	local child

	daemon
	start out x -- python3 -c "$server" '{port}'
	within 10 says out listening
	child=$(answer 8000)
	kill -KILL "$runner"
	within 10 over "$child"
	within 10 gone 8000
	start out2 wizard --listen -- perl -e "$handed"
	within 10 says out2 serving
	child=$(answer 18765)
	kill -KILL "$runner"
	within 10 over "$child"
	within 10 gone 18765
}

@test "a daemon that comes back meanwhile knows whose the port is" {
	daemon
	start out x -- python3 -c "$server" '{port}'
	within 10 says out listening
	within 5 stated 8000 '.health_status == "active"'
	kill -KILL "$daemon"
	wait "$daemon" || true
	daemon
	stated 8000 ".service_name == \"x\" and .pid == $(answer 8000)"
	kill -TERM "$runner"
	ends 143
	within 5 gone 8000
}

# -- a socket that stays

@test "the socket is handed on as systemd does" {
	daemon
	run -0 pw run twins --listen -- sh -c \
		'echo "$LISTEN_FDS $LISTEN_FDNAMES $PORT"; [ "$LISTEN_PID" = $$ ] && readlink /proc/self/fd/3'
	[ "${lines[0]}" = '1 web 18770' ]
	[[ ${lines[1]} == socket:* ]]
	start out x --listen -- perl -e "$handed"
	within 10 says out serving
	[ "$(answer 8000)" = "$(answer 8000 ::1)" ]
	stated 8000 ".pid == $runner"
	start out2 local --listen -- perl -e "$handed"
	within 10 says out2 serving
	[ "$(pw ls port=18780 -o csv --fields address --no-headers)" = 127.0.0.1 ]
	start out3 x --listen --address ::1 -- perl -e "$handed"
	within 10 says out3 serving
	[ "$(pw ls port=8001 -o csv --fields address --no-headers)" = ::1 ]
	run ! fires '.service == "x" or .service == "local"'
	kill -TERM "$runner"
	ends 143
	within 5 gone 8001
}

@test "a datagram socket is handed on, too" {
	daemon
	run -0 pw run x --listen --proto udp -- perl -e '
		use Socket; open(S, "+<&=", 3) or die;
		print unpack("i", getsockopt(S, SOL_SOCKET, SO_TYPE)) == SOCK_DGRAM ? "dgram" : "other"'
	[ "$output" = dgram ]
	[ "$(code /api/ports/allocations/8000)" = 404 ]
}

@test "no client is refused over fifty restarts" {
	daemon
	events all types=alert
	start out x --listen -- perl -e "$handed"
	within 10 says out serving
	run -0 "${inside[@]}" python3 - "$runner" <<-'PY'
		import os, signal, socket, sys, time
		run, seen, connected, reset, begun = int(sys.argv[1]), set(), 0, 0, time.time()
		while len(seen) <= 50:
		    assert time.time() - begun < 120, "it takes too long"
		    with socket.create_connection(("127.0.0.1", 8000), 60) as c:
		        connected += 1
		        try:
		            pid = c.recv(99)
		        except ConnectionResetError:  # of one that had been accepted
		            pid = b""
		        if not pid:
		            reset += 1
		        elif pid not in seen:
		            seen.add(pid)
		            os.kill(run, signal.SIGHUP)
		print(connected, "connections,", reset, "broken off")
	PY
	run ! told all '.alert.service == "x"'
	kill -TERM "$runner"
	ends 143
}

@test "one that the registry restarts keeps its socket" {
	local first second

	daemon
	events all types=alert
	start out phoenix --listen -- perl -e "$handed"
	within 10 says out serving
	first=$(answer 18790)
	kill -KILL "$first"
	second=$(answer 18790)
	[ "$second" != "$first" ]
	[ -n "$second" ]
	stated 18790 ".pid == $runner"
	grep -q 'perl has ended (137); it is started again' "$D/out.err"
	kill -TERM "$runner"
	ends 143
	within 5 gone 18790
	# All that there is to be told: its process has gone.
	within 5 told all '.type == "alert.firing"'
	[ "$(sed -n 's/^data: //p' "$D/all" | jq -r .alert.kind | sort -u)" = dead_owner ]
}

@test "one that does not end when asked to is ended" {
	local first

	registry '{"services":[{"name":"stubborn","port":18790,"stop":{"grace":"100ms"}}]}'
	daemon
	start out stubborn --listen -- perl -e '$SIG{TERM} = "IGNORE";'"$handed"
	within 10 says out serving
	first=$(answer 18790)
	kill -HUP "$runner"
	within 10 eval '[ "$(answer 18790)" != "$first" ]'
	grep -q SIGKILL "$D/out.err"
	kill -INT "$runner"
	ends 130
}

# -- without a daemon

@test "without a daemon the state has it, and it says what is missing" {
	run -0 --separate-stderr pw run x -- sh -c 'echo "$PORT"; jq -r ".allocations[].service_name" "$1"' \
		sh "$PORTWATCH_STATE/port_registry.json"
	[ "$output" = $'8000\nx' ]
	[[ $stderr == *'No daemon answers'*'nothing watches it'* ]]
	[ "$(jq '.allocations | length' "$PORTWATCH_STATE/port_registry.json")" = 0 ]
	run -0 --separate-stderr pw --local run x -- sh -c 'echo "$PORT"'
	[ -z "$stderr" ]
	run -127 pw run x -- no-such-command
	run -3 pw run wizard --listen -- sh -c 'exit 3'
}

@test "who may not keep state shares the range with others of the kind" {
	as_nobody()
	{
		"${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups "$PORTWATCH" "$@"
	}
	mkdir -m 700 "$D/state" "$D/audit"
	run -0 --separate-stderr as_nobody run x -- "$PORTWATCH" run y -- sh -c 'echo "$PORTWATCH_SERVICE $PORT"'
	[ "$output" = 'y 8001' ]
	[[ $stderr == *'No daemon keeps port 8000 for x'* ]]
	run -0 as_nobody run wizard -- echo ok '{port}'
	[[ $output == *'ok 18765'* ]]
	listen 18765
	run -5 as_nobody run wizard -- true
	run -5 as_nobody run wizard --listen -- true
	listen 8000
	run -0 --separate-stderr as_nobody run x -- echo '{port}'
	[ "$output" = 8001 ]
	run -5 as_nobody run x --port 8000 -- true
}

@test "others than root and the group run nothing under the daemon" {
	daemon
	chmod 666 "$SOCKET"
	run -4 "${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups "$PORTWATCH" run x -- true
}
