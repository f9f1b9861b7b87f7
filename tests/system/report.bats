#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The page that one would mail.
# shellcheck disable=SC2154 # set by daemon_helper and by run

bats_require_minimum_version 1.5.0
load daemon_helper

A=/api/ports

setup()
{
	cli_setup '{"services":[
		{"name":"wizard","port":18665,"environment":"production","process_name":"wizard","env":{"KEY":"hunter2"}},
		{"name":"goblin","port":18667,"process_name":"goblin","startup_cmd":"goblin --password hunter2"},
		{"name":"tauri","port":"dynamic","process_name":"tauri"}],
		"settings":{"port_range":"18600-18609","http":{"listen":"127.0.0.1:18699"}}}'
}

# fits - the page in $output has no line that a mail would break
fits()
{
	! LC_ALL=C.UTF-8 grep -E '^.{77}' <<<"$output"
}

@test "the page says first whether all is well, then what is wrong and what ends it" {
	for how in "" --local; do
		[ -n "$how" ] || daemon
		# shellcheck disable=SC2086
		run -0 --separate-stderr pw $how report
		[[ ${lines[0]} == "All is well on "*": 0 of 3 services run" ]]
		[ -z "$stderr" ]
		fits
	done
	listen 18667
	for how in "" --local; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr pw $how report
		[[ ${lines[0]} == "Not well on "*": 1 critical alert, 0 of 3 services run" ]]
		[[ ${lines[1]} == "portwatch "*" on "*", Linux $(uname -r), 20"*" UTC" ]]
		[[ $output == *"CRITICAL occupied goblin :18667, for "*"Fix: portwatch kill :18667"* ]]
		[[ $output == *wizard*18665*stopped*production* && $output == *goblin*18667*conflict* ]]
		[[ $output == *"start: wizard, goblin, tauri"* ]]
		[[ $output == *"Bound ports of no service"*"tcp 127.0.0.1:18667"*"$listener"*python3* ]]
		[[ $output == *"managed: 18600-18609, 10 of 10 available"* ]]
		[[ $output == *"registry: $REGISTRY"* ]]
		[ -z "$stderr" ]
		fits
	done
}

@test "what has ended, what is allocated, what was lost" {
	daemon
	listen 18667
	within 10 eval 'pw report | grep -q "CRITICAL occupied"'
	pw allocate grace --port 18601 --purpose "the API of Grace"
	kill -KILL "$listener"
	within 10 eval 'pw report | grep -q "^  20.* occupied goblin :18667, stood for "'
	run -0 pw report
	[[ ${lines[0]} == "All is well on "* ]]
	[[ $output == *"Resolved lately (1)"* ]]
	[[ $output == *"Allocations (1)"*18601*grace*pending*root*"the API"* ]]
	[[ $output =~ [0-9]+\ events,\ [0-9]+\ lost,\ [0-9]+\ resyncs\ since\ portwatch\ began ]]
	fits
}

@test "a registry that is refused is no state to be well in" {
	daemon
	registry '{"services":[{"name":"a b"}]}'
	within 10 eval 'pw report | grep -q "^Not well on .*: the registry is refused"'
	run -0 pw report
	[[ $output == *"is refused, and the one before it"* ]]
	fits
}

@test "what it goes without is said with its remedy" {
	PORTWATCH_WITHOUT=bpf run -0 pw --local report
	[[ $output == *"What portwatch goes without ("*"now and then, with procfs"* ]]
	fits
}

@test "neither secrets nor the command lines of others are in it" {
	daemon
	chmod 666 "$SOCKET"
	"${inside[@]}" python3 -c 'import signal, socket
s = socket.create_server(("127.0.0.1", 18667)); print("listening", flush=True)
signal.pause()' --password=hunter2 >"$D/squatter" 3>&- &
	started+=("$!")
	within 10 grep -q listening "$D/squatter"
	within 10 eval 'pw report | grep -q "CRITICAL occupied"'
	run -0 pw report
	[[ $output != *"$(cat "$D/state/http_token")"* ]]
	run -0 setpriv --reuid 65534 --regid 65534 --clear-groups \
		curl -s --max-time 30 --unix-socket "$SOCKET" "http://localhost$A/report"
	[[ $output == "Not well on "*"CRITICAL occupied goblin :18667"*"python3 (pid $!"* ]]
	[[ $output != *hunter2* && $output != *signal.pause* ]]
	fits
}

@test "what a process calls itself cannot reach the page raw" {
	nsenter -t "$namespace" -n python3 -c '
import ctypes, signal, socket
ctypes.CDLL(None).prctl(15, b"\x1b[31mx\n\x9b", 0, 0, 0)
s = socket.create_server(("127.0.0.1", 18673)); print("listening", flush=True)
signal.pause()' >"$D/odd" 3>&- &
	started+=("$!")
	within 10 grep -q listening "$D/odd"
	run -0 pw report
	[[ $output == *'\x1b[31mx'* && $output != *$'\x1b'* ]]
	fits
}

@test "-o json has the page, its first line and whether all is well; the API is text" {
	daemon
	run -0 pw report -o json
	[ "$(jq -r '.schema, .well, (.text | length > 300)' <<<"$output")" = $'portwatch.report/v1\ntrue\ntrue' ]
	jq -e '. as $page | .text | startswith($page.summary + "\n")' <<<"$output"
	[ "$(api $A/report -o /dev/null -w '%{content_type}')" = 'text/plain; charset=utf-8' ]
}
