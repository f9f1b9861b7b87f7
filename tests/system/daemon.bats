#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# portwatchd as a process: options, exit codes, signals, its socket, its registry file.

bats_require_minimum_version 1.5.0
load daemon_helper

setup()
{
	helper_setup
	registry "$two_services"
}

ended()
{
	! kill -0 "$1" 2>/dev/null
}

services()
{
	[ "$(api /api/ports/services | jq -r '[.services[].name] | join(" ")')" = "$1" ]
}

# -- the command line

@test "--help names every option, on stdout" {
	run -0 --separate-stderr "$PORTWATCHD" --help
	for option in registry socket state log run lean no-bpf help version; do
		[[ $output == *"--$option"* ]]
	done
	[[ $output != *serve-fd* ]]
	[ -z "$stderr" ]
}

@test "--version is the version" {
	run -0 "$PORTWATCHD" --version
	[[ $output =~ ^portwatchd\ [0-9]+\.[0-9]+ ]]
}

@test "an unknown option, an argument or a missing value is usage: exit 2" {
	run -2 "$PORTWATCHD" --registri=x
	run -2 "$PORTWATCHD" now
	run -2 "$PORTWATCHD" --registry
}

@test "--serve-fd wants a stream socket" {
	run -2 "$PORTWATCHD" --serve-fd 0 </dev/null
	run -2 "$PORTWATCHD" --serve-fd 12x
	run -2 "$PORTWATCHD" --serve-fd 200
}

# -- the registry at the start

# refused TEXT-OF-THE-MESSAGE
refused()
{
	run -2 "$PORTWATCHD" --registry "$REGISTRY" --socket "$SOCKET"
	echo "$output"
	[ "${#lines[@]}" = 1 ]
	[[ $output == *"$1"* ]]
	[ ! -e "$SOCKET" ]
}

bad_registries=(
	'{"services":[' ':1:'
	'{"services":7}' 'services'
	'{"services":[{"name":"a","port":70000}]}' '70000'
	'{"services":[{"name":"a","port":"http"}]}' 'services[0].port'
	'{"services":[{"name":"a","port":1},{"name":"a","port":2}]}' 'a'
	'{"services":[{"name":"a","depends_on":["b"],"port":1},{"name":"b","port":2,"depends_on":["a"]}]}' 'a'
	'' 'empty'
)

@test "each kind of bad registry is one line with its place, and exit 2" {
	# Not i: bats' run uses that for itself.
	for ((at = 0; at < ${#bad_registries[@]}; at += 2)); do
		registry "${bad_registries[at]}"
		refused "${bad_registries[at + 1]}"
	done
}

@test "NUL bytes, a folder, 20 MB or no file are one line and exit 2" {
	printf '{"services":[]\0}' >"$REGISTRY"
	refused "$REGISTRY"
	head -c 20000000 /dev/zero | tr '\0' ' ' >"$REGISTRY"
	refused '16 MiB'
	rm "$REGISTRY"
	refused 'No such file'
	mkdir "$REGISTRY"
	refused "$REGISTRY"
}

@test "a file that may not be read says so" {
	chmod 600 "$REGISTRY"
	run -2 setpriv --reuid 65534 --clear-groups "$PORTWATCHD" --registry "$REGISTRY" \
		--socket "$SOCKET"
	[[ $output == *'Permission denied'* ]]
}

@test "PORTWATCH_REGISTRY names the file where no option does" {
	export PORTWATCH_REGISTRY=$D/missing.json
	run -2 "$PORTWATCHD" --socket "$SOCKET"
	[[ $output == *"$D/missing.json"* ]]
}

# -- the socket

@test "the socket is for everybody, in folders that are made for it" {
	SOCKET=$D/a/b/c.sock
	daemon
	[ "$(stat -c %a "$SOCKET")" = 666 ]
	[ "$(stat -c %a "$D/a/b")" = 755 ]
	[ "$(api /healthz)" = ok ]
}

@test "--run is where the socket goes" {
	"$PORTWATCHD" --registry "$REGISTRY" --run "$D/run" 2>"$D/log" 3>&- &
	started+=($!)
	SOCKET=$D/run/portwatch.sock
	within 10 api /healthz
}

@test "SIGTERM and SIGINT end it cleanly and take the socket away" {
	for signal in TERM INT; do
		daemon
		kill -$signal "$daemon"
		status=0
		wait "$daemon" || status=$?
		[ "$status" = 0 ]
		[ ! -e "$SOCKET" ]
	done
}

@test "it ends with streams open" {
	daemon
	events all
	kill "$daemon"
	wait "$daemon"
	wait "$reader" || true
}

@test "a second daemon on the socket is refused with exit 5, and harms nothing" {
	daemon
	run -5 "$PORTWATCHD" --registry "$REGISTRY" --socket "$SOCKET"
	[[ $output == *"$SOCKET"* ]]
	[ "$(api /healthz)" = ok ]
}

@test "the socket of a daemon that was killed is taken over" {
	daemon
	kill -KILL "$daemon"
	wait "$daemon" || true
	[ -S "$SOCKET" ]
	daemon
	[ "$(api /healthz)" = ok ]
}

@test "a file in the socket's place is left alone" {
	echo precious >"$SOCKET"
	run -1 "$PORTWATCHD" --registry "$REGISTRY" --socket "$SOCKET"
	[[ $output == *'no socket'* ]]
	[ "$(cat "$SOCKET")" = precious ]
}

@test "a socket that somebody put in its place is not removed" {
	daemon
	rm "$SOCKET"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$SOCKET"
	kill "$daemon"
	wait "$daemon"
	[ -S "$SOCKET" ]
}

@test "of many daemons that start at once one serves" {
	local pids=() winners=0

	for i in 1 2 3 4; do
		"$PORTWATCHD" --registry "$REGISTRY" --socket "$SOCKET" 2>"$D/log.$i" 3>&- &
		pids+=($!)
		started+=($!)
	done
	within 10 api /healthz
	for i in 0 1 2 3; do
		within 10 grep -qE 'serving|serves' "$D/log.$((i + 1))"
		if grep -q 'Watching' "$D/log.$((i + 1))"; then
			winners=$((winners + 1))
		fi
	done
	[ "$winners" = 1 ]
	[ "$(api /healthz)" = ok ]
}

# -- privileges

@test "what watching does not need is dropped" {
	daemon
	# kill, setgid, setuid, dac_read_search, net_admin, sys_ptrace, perfmon, bpf
	allowed=$((1 << 5 | 1 << 6 | 1 << 7 | 1 << 2 | 1 << 12 | 1 << 19 | 1 << 38 | 1 << 39))
	for set in CapPrm CapEff CapBnd CapAmb; do
		have=$((16#$(awk -v s="$set:" '$1 == s { print $2 }' "/proc/$daemon/status")))
		echo "$set $have"
		[ $((have & ~allowed)) = 0 ]
	done
	grep -qE '^NoNewPrivs:\s*1' "/proc/$daemon/status"
}

@test "it is more urgent than what it watches and what it starts" {
	local usual urgent

	usual=$(nice)
	urgent=$usual
	[ "$usual" != 0 ] || urgent=$(nice -n -4 nice)
	registry '{"services":[{"name":"web","port":18801,"process_name":"python3",
		"health":{"exec":["sh","-c","nice >$0","'"$D/nice"'"],"interval":"100ms"}}]}'
	daemon
	[ "$(ps -o ni= -p "$daemon" | tr -d ' ')" = "$urgent" ]
	"${inside[@]}" python3 -m http.server 18801 >/dev/null 2>&1 3>&- &
	started+=("$!")
	within 20 test -s "$D/nice"
	[ "$(cat "$D/nice")" = "$usual" ]
}

@test "a nice value that somebody chose stays" {
	printf '#!/bin/sh\nexec nice -n 3 %s "$@"\n' "$PORTWATCHD" >"$D/niced"
	chmod +x "$D/niced"
	PORTWATCHD=$D/niced daemon
	[ "$(ps -o ni= -p "$daemon" | tr -d ' ')" = $(($(nice) + 3)) ]
}

@test "without the right to watch it says which capability is missing: exit 4" {
	chmod 777 "$D"
	run -4 setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$PORTWATCHD" --registry "$REGISTRY" --socket "$SOCKET"
	[[ $output == *CAP_* ]]
	[ ! -e "$SOCKET" ]
}

@test "a place for the socket that it may not use is exit 4" {
	run -4 setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$PORTWATCHD" --registry "$REGISTRY" --socket "$D/no/s.sock"
	[[ $output == *Permission* ]]
}

# -- what the kernel tells

@test "--no-bpf and PORTWATCH_WITHOUT=bpf make no pretence of being real-time" {
	daemon --no-bpf
	api /api/ports/status | jq -e '.kernel | .backend == "procfs" and (.realtime | not)'
	kill "$daemon"
	wait "$daemon"
	PORTWATCH_WITHOUT=bpf daemon
	api /api/ports/status | jq -e '.kernel.backend == "procfs"'
}

@test "--lean attaches to no system call" {
	daemon --lean
	api /api/ports/status |
		jq -e '.kernel | .bind_failures != "tracepoint" and (.hooks | map(test("sys_exit")) | any | not)'
}

# -- the registry while it runs

@test "a file that is renamed over the registry is read" {
	daemon
	registry '{"services":[{"name":"new","port":1}]}'
	within 5 services new
}

@test "a registry that is written in place is read when its writer is done" {
	daemon
	events told types=registry
	exec 9>"$REGISTRY"
	echo '{"services":[' >&9
	echo '{"name":"slowly","port":1}]}' >&9
	exec 9>&-
	within 5 services slowly
	run ! told told '.type == "registry.rejected"'
}

@test "a registry that disappears stays in force until it is back" {
	daemon
	rm "$REGISTRY"
	within 5 grep -q 'stays' "$D/log"
	services 'wizard goblin'
	registry '{"services":[{"name":"back","port":1}]}'
	within 5 services back
}

@test "a folder that is replaced is found again" {
	mkdir "$D/etc"
	mv "$REGISTRY" "$D/etc/registry.json"
	REGISTRY=$D/etc/registry.json
	daemon
	mv "$D/etc" "$D/old"
	within 5 grep -q 'stays' "$D/log"
	mkdir "$D/etc"
	echo '{"services":[{"name":"moved","port":1}]}' >"$REGISTRY"
	within 5 services moved
}

@test "a symlink is followed, when it changes and when its destination does" {
	mkdir "$D/a" "$D/b"
	mv "$REGISTRY" "$D/a/r.json"
	ln -s a/r.json "$REGISTRY"
	daemon
	echo '{"services":[{"name":"behind","port":1}]}' >"$D/a/r.json"
	within 5 services behind
	echo '{"services":[{"name":"beside","port":1}]}' >"$D/b/r.json"
	ln -s b/r.json "$D/link"
	mv -T "$D/link" "$REGISTRY"
	within 5 services beside
}

@test "a bad registry is refused once, said, and shown until it is good again" {
	daemon
	events told types=registry
	registry '{"services":[{"name":"a","port":70000}]}'
	within 5 told told '.type == "registry.rejected" and (.reason | test("70000"))'
	touch "$REGISTRY"
	kill -HUP "$daemon"
	within 5 grep -c 'Watching' "$D/log"
	services 'wizard goblin'
	api /api/ports/status | jq -e '.daemon.registry_refused | test("services\\[0\\].port")'
	[ "$(grep -c 'stays' "$D/log")" = 1 ]
	registry "$two_services"
	within 5 told told '.type == "registry.reloaded" and .count == 2'
	api /api/ports/status | jq -e '.daemon.registry_refused == null and .daemon.generation == 2'
}

@test "each kind of bad registry leaves a running daemon as it was" {
	daemon
	for ((at = 0; at < ${#bad_registries[@]}; at += 2)); do
		registry "${bad_registries[at]}"
		within 5 eval "[ \$(grep -c stays '$D/log') = $((at / 2 + 1)) ]"
	done
	services 'wizard goblin'
	kill -0 "$daemon"
}

@test "SIGHUP reads the registry also where nothing changed" {
	daemon
	kill -HUP "$daemon"
	within 5 eval "api /api/ports/status | jq -e '.daemon.generation == 2'"
}

@test "alerts follow the registry" {
	daemon
	events told types=alert
	listen 18999
	registry '{"services":[{"name":"late","port":18999,"process_name":"late"}]}'
	within 5 told told '.type == "alert.firing" and .alert.kind == "occupied" and .alert.service == "late"'
	registry "$two_services"
	within 5 told told '.type == "alert.resolved" and .alert.kind == "occupied"'
}

# -- systemd

# Stands for systemd: writes what it is told to $D/notified.
notified()
{
	NOTIFY_SOCKET=$D/notify
	export NOTIFY_SOCKET
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace("\n", " "), flush=True)' "$NOTIFY_SOCKET" \
		>"$D/notified" 3>&- &
	started+=($!)
	within 10 grep -q bound "$D/notified"
}

@test "systemd hears of readiness, reload and the end" {
	ldconfig -p | grep -q libsystemd.so.0 || skip "no libsystemd"
	notified
	daemon
	within 5 grep -q 'READY=1 STATUS=Watching 2 services' "$D/notified"
	kill -HUP "$daemon"
	within 5 grep -q 'RELOADING=1 MONOTONIC_USEC=[0-9]' "$D/notified"
	within 5 eval "[ \$(grep -c READY=1 '$D/notified') = 2 ]"
	kill "$daemon"
	within 5 grep -q 'STOPPING=1' "$D/notified"
}

@test "the watchdog is answered" {
	ldconfig -p | grep -q libsystemd.so.0 || skip "no libsystemd"
	notified
	WATCHDOG_USEC=100000 daemon
	within 5 eval "[ \$(grep -c WATCHDOG=1 '$D/notified') -ge 3 ]"
}

# -- embedded

# embedded PYTHON - with `engine`, a portwatchd on the other end of the socket `peer`
embedded()
{
	python3 - "$PORTWATCHD" "$REGISTRY" "$1" <<'PYTHON'
import os, socket, subprocess, sys

peer, other = socket.socketpair()
engine = subprocess.Popen(
    [sys.argv[1], "--serve-fd", str(other.fileno()), "--registry", sys.argv[2]],
    pass_fds=[other.fileno()],
)
other.close()
peer.settimeout(10)


def get(path):
    peer.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += peer.recv(65536)
    return answer


exec(sys.argv[3])
PYTHON
}

@test "an embedded engine serves one peer and ends when it has gone" {
	embedded '
assert b" 200 " in get("/healthz")
assert b" 200 " in get("/healthz")
peer.close()
assert engine.wait(10) == 0'
}

@test "an embedded engine ends though a stream is open and quiet" {
	embedded '
assert b"text/event-stream" in get("/api/ports/events?types=alert")
peer.close()
assert engine.wait(10) == 0'
}

@test "an embedded engine dies with its parent" {
	embedded '
get("/healthz")
child = os.fork()
if child == 0:
    kept, given = socket.socketpair()
    orphan = subprocess.Popen(
        [sys.argv[1], "--serve-fd", str(given.fileno())], pass_fds=[given.fileno()])
    given.close()
    kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    kept.recv(4096)
    os.set_inheritable(kept.fileno(), True)
    # Somebody else keeps the socket open.
    subprocess.Popen(["sleep", "20"], pass_fds=[kept.fileno()])
    print(orphan.pid, flush=True)
    os._exit(0)
os.waitpid(child, 0)' >"$D/orphan"
	within 5 ended "$(cat "$D/orphan")"
}

@test "an embedded engine touches no kernel for what needs none" {
	embedded '
get("/healthz")
get("/api/ports/config")
links = [os.readlink(f"/proc/{engine.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{engine.pid}/fd")]
assert not any("bpf" in link for link in links), links'
}

@test "an embedded engine with a bad registry says so to whoever needs it" {
	registry '{"services":[{"name":"a","port":70000}]}'
	embedded '
answer = get("/api/ports/status")
assert b" 422 " in answer, answer
assert b"application/problem+json" in answer
assert b"services[0].port" in answer
assert b" 200 " in get("/healthz")'
}

@test "an embedded engine names the capability that is missing" {
	export PORTWATCHD REGISTRY
	run -0 setpriv --reuid 65534 --regid 65534 --clear-groups bash -c \
		"$(declare -f embedded); embedded 'answer = get(\"/api/ports/events\"); print(answer); assert b\" 403 \" in answer and b\"CAP_\" in answer'"
}
