#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# portwatch at the command line: each verb, each format, each exit status.
# shellcheck disable=SC2154 # set by daemon_helper and by run

bats_require_minimum_version 1.5.0
load daemon_helper


setup()
{
	cli_setup "$two_services"
}

# on_terminal COLUMNS COMMAND... - its output as a terminal of that width is sent it
on_terminal()
{
	local width=$1

	shift
	TERM=xterm "${inside[@]}" script -qec \
		"stty cols $width; $(printf '%q ' "$@")" /dev/null </dev/null | tr -d '\r'
}

# json PROGRAM - of the output of the last run
json()
{
	jq -er "$1" <<<"$output"
}

# -- the command line

@test "help names every verb and every option, on stdout" {
	run -0 --separate-stderr pw help
	for word in watch status check conflicts alerts ls services doctor config completion \
		help version --registry --socket --local --output --fields --no-headers --sort \
		--no-color --exit-zero; do
		[[ $output == *"$word"* ]]
	done
	[ -z "$stderr" ]
}

@test "every verb explains itself, as help VERB and with --help" {
	for verb in watch status check conflicts alerts ls services doctor config completion \
		help version; do
		run -0 pw help "$verb"
		[[ $output == "Usage: portwatch $verb"* ]]
		first=$output
		run -0 pw "$verb" --help
		[ "$output" = "$first" ]
	done
}

@test "version is one line, or JSON" {
	run -0 pw version
	[[ $output =~ ^portwatch\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	run -0 pw --version
	run -0 pw version -o json
	[ "$(json .schema)" = portwatch.version/v1 ]
}

@test "what is no verb, option, value or target is usage: exit 2, one line, nothing on stdout" {
	local lines=(
		""
		"frobnicate"
		"--frobnicate"
		"status --frobnicate"
		"-o xml status"
		"status -o"
		"status --fields nosuch"
		"status --sort nosuch"
		"status --sort name:sideways"
		"check"
		"check one two"
		"check a/b"
		"alerts now"
		"ls now"
		"ls port=80x"
		"ls port=0"
		"ls port=70000"
		"ls port=90-80"
		"ls proto=sctp"
		"ls state=asleep"
		"ls pid=x"
		"ls user="
		"watch 8080"
		"watch :80x"
		"watch :0"
		"watch :70000"
		"watch pid:0"
		"watch --for soon"
		"watch --until doomsday"
		"watch --sort time"
		"config"
		"config chekc"
		"config import"
		"completion tcsh"
		"help frobnicate"
		"--local --socket /x status"
	)
	for line in "${lines[@]}"; do
		echo "portwatch $line"
		# shellcheck disable=SC2086 # the words of a line
		run -2 --separate-stderr pw $line
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == "portwatch: "*"portwatch help"* ]]
	done
}

@test "a misspelt verb, option or field is told the nearest" {
	run -2 pw statsu
	[[ $output == *"'status'"* ]]
	run -2 pw status --feilds name
	[[ $output == *"--fields"* ]]
	run -2 pw status --fields nmae
	[[ $output == *"'name'"* ]]
}

@test "options stand before or behind the verb, and -- ends them" {
	daemon
	run -0 pw -o csv status --no-headers --fields name
	[ "$output" = $'wizard\ngoblin' ]
	run -0 pw --no-headers --fields=name status -ocsv
	[ "$output" = $'wizard\ngoblin' ]
	run -3 pw status -- wizard nosuch
	run -3 pw status -- --local
}

@test "completions are scripts that their shell can read" {
	for shell in bash zsh fish; do
		run -0 pw completion "$shell"
		[[ $output == *conflicts* && $output == *registry* ]]
	done
	pw completion bash >"$D/completion"
	bash -n "$D/completion"
	run -0 bash -c ". '$D/completion'; COMP_WORDS=(portwatch conf); COMP_CWORD=1
		_portwatch; printf '%s\n' \"\${COMPREPLY[@]}\""
	[ "$output" = $'conflicts\nconfig' ]
	run -0 bash -c ". '$D/completion'; COMP_WORDS=(portwatch -o js); COMP_CWORD=2
		_portwatch; printf '%s\n' \"\${COMPREPLY[@]}\""
	[ "$output" = $'json\njsonl' ]
}

# -- who answers

@test "a daemon that was named and does not answer: exit 8" {
	run -8 --separate-stderr pw --socket "$D/nobody" status
	[ -z "$output" ]
	[[ $stderr == *"$D/nobody"* ]]
}

@test "with nobody on the default socket, an engine of its own answers and goes away" {
	run -0 pw status -o json
	[ "$(json .daemon.embedded)" = true ]
	pid=$(json .daemon.pid)
	gone() { ! grep -q portwatchd "/proc/$pid/cmdline" 2>/dev/null; }
	within 5 gone
}

@test "--local asks no daemon even where one answers" {
	daemon
	run -0 pw status -o json
	[ "$(json .daemon.embedded)" = false ]
	run -0 pw --local status -o json
	[ "$(json .daemon.embedded)" = true ]
}

@test "who names another registry than the daemon's gets that one" {
	daemon
	printf '{"services":[{"name":"other","port":18999,"process_name":"x"}]}' >"$D/other.json"
	run -0 pw --registry "$D/other.json" services -o csv --fields name --no-headers
	[ "$output" = other ]
	run -0 pw --registry "$REGISTRY" status -o json
	[ "$(json .daemon.embedded)" = false ]
	run -0 --separate-stderr pw --socket "$SOCKET" --registry "$D/other.json" services \
		-o csv --fields name --no-headers
	[ "$output" = $'wizard\ngoblin' ]
	[[ $stderr == *"$D/other.json"* ]]
}

@test "without portwatchd anywhere, it says so: exit 1" {
	cp "$PORTWATCH" "$D/alone"
	run -1 --separate-stderr env PATH=/nowhere "$D/alone" --local status
	[[ $stderr == *portwatchd* ]]
}

@test "a portwatchd that dies is told with how it ended: exit 1" {
	cp "$PORTWATCH" "$D/portwatch"
	printf '#!/bin/sh\nexit 7\n' >"$D/portwatchd"
	chmod +x "$D/portwatchd"
	run -1 "$D/portwatch" --local status
	[[ $output == *"exit code 7"* ]]
}

@test "unprivileged, watch says which capability is missing: exit 4" {
	run -4 --separate-stderr "${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$PORTWATCH" --local watch --for 1s
	[[ $stderr == *CAP_* ]]
	[ -z "$output" ]
	run -4 "${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups "$PORTWATCH" --local doctor
	[[ $output == *CAP_BPF* ]]
	run -0 "${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups "$PORTWATCH" --local ls
}

@test "a socket that may not be connected to: exit 4 where it was named" {
	daemon
	chmod 600 "$SOCKET"
	run -4 "${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$PORTWATCH" --socket "$SOCKET" status
}

# -- status, check, conflicts, alerts

@test "status has a row a service in every format" {
	daemon
	run -0 pw status
	[[ ${lines[0]} =~ ^NAME\ +PORT\ +STATE\ +PID\ +PROCESS\ +HEALTH\ +UPTIME\ +ENVIRONMENT$ ]]
	[[ ${lines[1]} =~ ^wizard\ +18765\ +stopped ]]
	[ "${#lines[@]}" -eq 3 ]
	run -0 pw status -o wide
	[[ ${lines[0]} == *RESTARTS* ]]
	run -0 pw status -o csv
	[ "${lines[0]}" = name,port,state,pid,process,health,uptime,environment ]
	[ "${lines[2]}" = goblin,18767,stopped,,,,, ]
	run -0 pw status -o json
	[ "$(json .schema)" = portwatch.status/v1 ]
	[ "$(json .services.goblin.port)" = 18767 ]
	run -0 pw status -o jsonl
	[ "${#lines[@]}" -eq 2 ]
	[ "$(jq -r .name <<<"${lines[0]}")" = wizard ]
}

@test "status NAME shows these alone, and an unknown one: exit 3" {
	daemon
	run -0 pw status goblin -o json
	[ "$(json '.services | keys | join(" ")')" = goblin ]
	run -0 pw status goblin --no-headers
	[ "${#lines[@]}" -eq 1 ]
	run -3 --separate-stderr pw status goblin nosuch
	[ -z "$output" ]
	[[ $stderr == *nosuch* ]]
}

@test "fields and order can be chosen" {
	daemon
	run -0 pw status --fields port,name --sort port:desc --no-headers
	[ "$output" = $'18767  goblin\n18765  wizard' ]
	run -0 pw status --fields port,name --sort name -o jsonl
	[ "$output" = $'{"port":18767,"name":"goblin"}\n{"port":18765,"name":"wizard"}' ]
	run -0 pw services --fields name,port -o json
	[ "$(json '.services[1] | tojson')" = '{"name":"goblin","port":18767}' ]
	[ "$(json .schema)" = portwatch.services/v1 ]
}

@test "check tells by its exit status how a service is" {
	registry '{"services":[
		{"name":"up","port":18765,"match":{"cmdline":["socket"]}},
		{"name":"down","port":18766,"process_name":"x"},
		{"name":"off","port":18769,"process_name":"x","enabled":false},
		{"name":"squatted","port":18767,"process_name":"x"}]}'
	listen 18765
	listen 18767
	daemon
	registry "$(sed 's/"socket"/"signal.pause()"/' "$REGISTRY")"
	run -3 pw check nosuch
	run -3 pw check down
	[[ $output == *stopped* ]]
	run -3 pw check off
	run -5 pw check squatted
	[[ $output == *"portwatch kill :18767"* ]]
	[[ $output == *"127.0.0.1"* ]]
	run -0 pw --exit-zero check squatted
	run -3 pw --exit-zero check nosuch
	run -5 pw check squatted -o json
	[ "$(json .schema)" = portwatch.service/v1 ]
	[ "$(json .alerts[0].kind)" = occupied ]
	run -5 pw check squatted -o csv --fields name,state
	[ "$output" = $'name,state\nsquatted,conflict' ]
	run -5 pw check squatted -o jsonl
	[ "$(json .status)" = conflict ]
}

@test "check of a service that runs: exit 0, with its process in full" {
	registry '{"services":[{"name":"up","port":18765,"process_name":"python"}]}'
	listen 18765
	daemon
	run -0 pw check up
	[[ $output == *running* && $output == *"pid $listener"* && $output == *18765* ]]
}

@test "conflicts: exit 5 where there are any, each with its fix" {
	daemon
	run -0 --separate-stderr pw conflicts
	[ -z "$output" ]
	[[ $stderr == *"No conflict"* ]]
	run -0 pw conflicts -o json
	[ "$(json '.conflicts | length')" = 0 ]
	listen 18767
	run -5 pw conflicts
	[[ ${lines[0]} == *MESSAGE*FIX* ]]
	[[ ${lines[1]} == *occupied*goblin*18767*"portwatch kill :18767"* ]]
	run -0 pw conflicts --exit-zero
	run -5 pw conflicts -o json
	[ "$(json .schema)" = portwatch.conflicts/v1 ]
	[ "$(json .conflicts[0].found.pid)" = "$listener" ]
	run -5 pw conflicts -o jsonl
	[ "$(json .fix)" = "portwatch kill :18767" ]
	run -5 pw conflicts -o csv --fields kind,service,port,pid
	[ "${lines[1]}" = "occupied,goblin,18767,$listener" ]
	run -0 pw alerts -o csv --fields kind --no-headers
	[ "$output" = occupied ]
}

# -- ls

@test "ls lists what is bound, filters it, and asks an engine too" {
	daemon
	listen 18771
	for how in "" --local; do
		# shellcheck disable=SC2086
		run -0 pw $how ls port=18771
		[[ ${lines[0]} == PROTO*ADDRESS*PORT*STATE*PID*PROCESS*USER*SERVICE*UNIT*SCOPE*AGE ]]
		[[ ${lines[1]} =~ ^tcp\ +127.0.0.1\ +18771\ +listening\ +$listener\ +python3 ]]
		[ "${#lines[@]}" -eq 2 ]
	done
	run -0 pw ls "pid=$listener" proto=tcp state=listening port=18000-19000 -o csv \
		--fields port,scope,user --no-headers
	[ "$output" = "18771,loopback,$(id -un)" ]
	run -0 --separate-stderr pw ls port=18772
	[ -z "$output" ]
	run -0 pw ls port=18771 -o json
	[ "$(json .schema)" = portwatch.sockets/v1 ]
	[ "$(json '.sockets[0].holders[0].pid')" = "$listener" ]
	run -0 pw ls port=18771 -o jsonl
	[ "$(json .process.pid)" = "$listener" ]
	run -0 pw ls port=18771 -o wide --no-headers
	[[ $output == *"python3($listener)"* ]]
}

@test "what a process calls itself cannot reach the terminal raw" {
	"${inside[@]}" python3 -c '
import ctypes, signal, socket
ctypes.CDLL(None).prctl(15, b"\x1b[31mx\x9b", 0, 0, 0)
s = socket.create_server(("127.0.0.1", 18773)); print("listening", flush=True)
signal.pause()' >"$D/odd" 3>&- &
	started+=("$!")
	within 10 grep -q listening "$D/odd"
	daemon
	run -0 pw ls port=18773
	[[ $output == *'\x1b[31mx'* ]]
	[[ $output != *$'\x1b'* && $output != *$'\x9b'* ]]
	run on_terminal 200 "$PORTWATCH" --no-color ls port=18773 -o json
	[[ $output != *$'\x1b[31m'* ]]
	run on_terminal 200 "$PORTWATCH" --no-color ls port=18773 -o csv
	[[ $output != *$'\x1b[31m'* && $output == *'\x1b[31mx'* ]]
}

# -- terminals

@test "a table fits its terminal, and is not cut elsewhere" {
	registry "{\"services\":[{\"name\":\"long\",\"port\":18765,\"process_name\":\"x\",
		\"startup_cmd\":\"$(printf 'word %.0s' {1..60})\"}]}"
	daemon
	run on_terminal 60 "$PORTWATCH" services --no-color
	for line in "${lines[@]}"; do
		[ "${#line}" -le 80 ]
	done
	run -0 pw services
	[[ ${lines[1]} == *"$(printf 'word %.0s' {1..59})"* ]]
	run on_terminal 60 "$PORTWATCH" --no-color services -o wide
	[[ $output == *"$(printf 'word %.0s' {1..59})"* ]]
}

@test "colour is for terminals that have it and people who want it" {
	daemon
	listen 18767
	run on_terminal 80 "$PORTWATCH" status
	[[ $output == *$'\x1b[1;31mconflict'* ]]
	run on_terminal 80 "$PORTWATCH" --no-color status
	[[ $output != *$'\x1b['* ]]
	run on_terminal 80 env NO_COLOR=1 "$PORTWATCH" status
	[[ $output != *$'\x1b['* ]]
	run on_terminal 80 env TERM=dumb "$PORTWATCH" status
	[[ $output != *$'\x1b['* ]]
	run -0 pw status
	[[ $output != *$'\x1b['* ]]
}

@test "on a terminal a conflict is a paragraph with its fix on a line of its own" {
	daemon
	listen 18767
	run on_terminal 80 "$PORTWATCH" --no-color conflicts
	[[ ${lines[0]} == *critical*occupied*"goblin :18767"* ]]
	[[ ${lines[-1]} =~ ^\ +fix:\ portwatch\ kill\ :18767$ ]]
	for line in "${lines[@]}"; do
		[ "${#line}" -le 80 ]
	done
}

@test "doctor marks in ASCII where the locale has no more" {
	daemon
	LC_ALL=C run -0 pw doctor
	[[ $output == *"ok   kernel"* ]]
	LC_ALL=C.UTF-8 run -0 pw doctor
	[[ $output == *"✓ kernel"* ]]
	run -0 pw doctor -o json
	[ "$(json .schema)" = portwatch.doctor/v1 ]
	run -0 pw doctor -o csv --fields name,ok
	[[ ${lines[1]} == kernel*,true ]]
}

@test "doctor says where PIDs are not those of the host" {
	here=false
	[ "$(readlink /proc/self/ns/pid)" != 'pid:[4026531836]' ] || here=true
	run "${inside[@]}" "$PORTWATCH" --local doctor -o json
	[ "$(json '.findings[] | select(.name == "PID namespace") | .ok')" = $here ]
	run "${inside[@]}" unshare -pf --mount-proc "$PORTWATCH" --local doctor -o json
	[ "$(json '.findings[] | select(.name == "PID namespace") | .ok')" = false ]
	[[ $(json '.findings[] | select(.name == "PID namespace") | .remedy') == *--pid=host* ]]
}

# -- stdout that goes away or is full

@test "a reader that goes away ends it quietly" {
	daemon
	run -0 --separate-stderr "${inside[@]}" bash -c "'$PORTWATCH' ls -o jsonl | true"
	[ -z "$stderr" ]
	run -0 --separate-stderr timeout 10 "${inside[@]}" bash -c "'$PORTWATCH' watch -o jsonl | true"
	[ -z "$stderr" ]
}

@test "stdout that is full is an error: exit 1" {
	daemon
	run -1 bash -c "'$PORTWATCH' status >/dev/full"
	[[ $output == *"No space left"* ]]
	run -1 bash -c "'$PORTWATCH' help >/dev/full"
}

# -- watch

# watching NAME [WORD...] - in the background, into $D/NAME; its number is in $watcher
watching()
{
	local name=$1

	shift
	"${inside[@]}" "$PORTWATCH" watch "$@" >"$D/$name" 2>"$D/$name.err" 3>&- &
	watcher=$!
	started+=("$watcher")
}

# ended_with STATUS - the watcher ends by itself, with that
ended_with()
{
	local status=0

	within 10 eval "! kill -0 $watcher" || return 1
	wait "$watcher" || status=$?
	echo "exit $status"
	[ "$status" -eq "$1" ]
}

# tells [OPTION...] - what stands, what fires and what resolves
tells()
{
	listen 18767
	watching w -o jsonl "$@"
	within 10 grep -q '"service":"goblin"' "$D/w"
	jq -es 'any(.[]; .schema == "portwatch.event/v1" and .type == "alert.firing" and
		.source == "snapshot" and .alert.service == "goblin")' "$D/w"
	listen 18765
	within 10 grep -q '"service":"wizard"' "$D/w"
	kill "$listener"
	# Alerts of other namespaces are told, too.
	within 10 eval "jq -es 'any(.[]; .type == \"alert.resolved\" and
		.alert.service == \"wizard\")' '$D/w'"
	kill -TERM "$watcher"
	ended_with 0
}

@test "watch tells what stands, what fires and what resolves, with a daemon" {
	daemon
	tells
}

@test "watch tells what stands, what fires and what resolves, without one" {
	tells --local
}

@test "watch ends with 0 on SIGINT, SIGTERM and SIGHUP, and after --for" {
	daemon
	for signal in INT TERM HUP; do
		# A job in the background of a script is deaf to SIGINT unless told otherwise.
		python3 -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
			"$PORTWATCH" watch --all -o jsonl >"$D/$signal" 3>&- &
		watcher=$!
		started+=("$watcher")
		within 10 test -s "$D/$signal"
		kill -"$signal" "$watcher"
		ended_with 0
	done
	run -0 timeout 10 "${inside[@]}" "$PORTWATCH" watch --for 200ms
	run -0 timeout 10 "${inside[@]}" "$PORTWATCH" watch --for 0
}

@test "watch --until ends with 0 at that kind, and with 6 where time ran out first" {
	daemon
	run -6 timeout 10 "${inside[@]}" "$PORTWATCH" watch --until occupied --for 200ms
	[[ $output == *occupied* ]]
	watching w --until occupied -o jsonl
	listen 18767
	ended_with 0
	[ "$(tail -n1 "$D/w" | jq -r .alert.kind)" = occupied ]
	run -0 timeout 10 "${inside[@]}" "$PORTWATCH" watch --until occupied --for 5s
	run -6 timeout 10 "${inside[@]}" "$PORTWATCH" watch --until blocked --for 200ms
}

@test "watch says so when the daemon goes away: exit 1" {
	daemon
	watching w --all -o jsonl
	within 10 test -s "$D/w"
	kill -KILL "$daemon"
	ended_with 1
	[[ $(<"$D/w.err") == *"daemon"* ]]
}

@test "watch keeps to its targets, and an unknown service is no target: exit 3" {
	daemon
	run -3 timeout 10 "${inside[@]}" "$PORTWATCH" watch nosuch
	listen 18767
	run -0 pw watch wizard -o jsonl --for 200ms
	[ -z "$output" ]
	for target in goblin :18767 :18000-18800 :18767/tcp "pid:$listener"; do
		run -0 pw watch "$target" -o jsonl --for 200ms
		[ "$(json .alert.service)" = goblin ]
	done
	run -0 pw watch :18767/udp -o jsonl --for 200ms
	[ -z "$output" ]
}

@test "watch --all tells sockets, too" {
	daemon
	watching w --all -o jsonl :18780
	listen 18780
	within 10 grep -q socket.listening "$D/w"
	kill "$listener"
	within 10 grep -q socket.released "$D/w"
	jq -es 'map(select(.type == "socket.released"))[0].process.pid == '"$listener" "$D/w"
}

@test "watch writes lines for people, CSV and chosen fields" {
	daemon
	listen 18767
	run -0 --separate-stderr pw watch --for 200ms
	[[ ${lines[0]} =~ ^[0-9:.]+\ +critical\ +occupied\ +goblin\ :18767 ]]
	[[ ${lines[1]} =~ ^\ +fix:\ portwatch\ kill\ :18767$ ]]
	[ -z "$stderr" ]
	run -0 pw watch --for 200ms -o wide
	[[ $output == *"found: python3 (pid $listener"* ]]
	run -0 pw watch --for 200ms -o csv
	[[ ${lines[0]} == time,type,severity,kind,* ]]
	[[ ${lines[1]} == *,alert.firing,critical,occupied,goblin,18767,* ]]
	run -0 pw watch --for 200ms -o jsonl --fields kind,service,pid
	[ "$output" = "{\"kind\":\"occupied\",\"service\":\"goblin\",\"pid\":$listener}" ]
	run -0 pw watch --for 200ms -o json
	[ "$(json .type)" = alert.firing ]
}

@test "watch says on stderr where it is not in real time" {
	PORTWATCH_WITHOUT=bpf run -0 --separate-stderr pw --local watch --for 100ms
	[[ $stderr == *"not in real time"* ]]
}

# -- config

@test "config check: how many, what is odd, exit 0" {
	run -0 --separate-stderr pw config check
	[ "$output" = "$REGISTRY: 2 services, 0 allocations: ok" ]
	[ -z "$stderr" ]
	printf '{"services":[{"name":"a","port":1,"evironment":"x"}]}' >"$D/odd.json"
	run -0 --separate-stderr pw config check "$D/odd.json"
	[ "$output" = "$D/odd.json: 1 service, 0 allocations: ok" ]
	[[ $stderr == *evironment*environment* ]]
	run -0 pw config check -o json
	[ "$(json .schema)" = portwatch.config/v1 ]
}

@test "a bad registry is one line with its place: exit 2, whatever was asked" {
	printf '{"services":[\n {"name":"a","port":70000}]}' >"$D/range.json"
	printf '{"services":[\n {"name":"a" "port":1}]}' >"$D/syntax.json"
	printf '{"services":[{"name":"a","port":1},{"name":"a","port":2}]}' >"$D/twice.json"
	printf '{"services":"\0"}' >"$D/nul.json"
	printf '{"services":{}}' >"$D/type.json"
	printf '{"services":[{"name":"a","port":1,"depends_on":["b"]},
		{"name":"b","port":2,"depends_on":["a"]}]}' >"$D/cycle.json"
	mkdir "$D/folder.json"
	for file in range syntax twice nul type cycle folder missing; do
		echo "$file"
		run -2 --separate-stderr pw config check "$D/$file.json"
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == "portwatch: $D/$file.json"* ]]
		run -2 --separate-stderr pw --local --registry "$D/$file.json" status
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	run -2 pw config check "$D/range.json"
	[[ $output == *"range.json:2:"*"services[0].port"*70000* ]]
	run -2 timeout 10 "${inside[@]}" "$PORTWATCH" --local --registry "$D/range.json" watch
}

@test "config show prints a registry that can be read again" {
	pw config show >"$D/shown.json"
	run -0 pw config check "$D/shown.json"
	[[ $output == *"2 services"* ]]
	run -0 pw config show "$D/shown.json" -o json
	[ "$(json .path)" = "$D/shown.json" ]
}

@test "config init writes a starter that passes, and never over a file" {
	run -0 pw config init "$D/new.json"
	[ -z "$output" ]
	run -0 --separate-stderr pw config check "$D/new.json"
	[ -z "$stderr" ]
	before=$(<"$D/new.json")
	run -1 pw config init "$D/new.json"
	[ "$(<"$D/new.json")" = "$before" ]
	[ "$(pw config init)" = "$before" ]
	run -1 pw config init "$D/nowhere/new.json"
}

@test "config import takes either form over" {
	printf '{"allocations":{"8000":{"port":8000,"service_name":"grace","started_by":"x",
		"purpose":"y","pid":null,"allocated_at":"2025-11-15T14:30:00Z"}}}' >"$D/second.json"
	printf '{"services":[{"name":"third","port":18770,"process_name":"x"}]}' >"$D/first.json"
	run -0 pw config import "$D/first.json"
	[[ $output == *"1 service "* ]]
	run -0 pw config import "$D/second.json"
	[[ $output == *"1 allocation"* ]]
	run -0 pw config check
	[[ $output == *"3 services, 1 allocation: ok" ]]
	before=$(<"$REGISTRY")
	printf '{"services":[\n{"name":"x","port":0}]}' >"$D/bad.json"
	run -2 pw config import "$D/bad.json"
	[[ $output == *"$D/bad.json:2:"* ]]
	run -2 pw config import "$D/nosuch.json"
	[ "$(<"$REGISTRY")" = "$before" ]
	pw config import - <"$D/first.json"
}
