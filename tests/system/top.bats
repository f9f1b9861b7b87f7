#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The full-screen view, on terminals that tmux makes.
# shellcheck disable=SC2154 # set by daemon_helper and by run

bats_require_minimum_version 1.5.0
load daemon_helper


setup()
{
	helper_setup
	terminals=0
	registry '{"services":[{"name":"wizard","port":18665,"process_name":"wizard"},
		{"name":"goblin","port":18667,"process_name":"goblin"}]}'
}

teardown()
{
	for terminal in "$D"/tmux.*; do
		tmux -S "$terminal" kill-server 2>/dev/null || true
	done
	helper_teardown
}

# top [WIDTH HEIGHT [VARIABLE=VALUE...]] - run it on a terminal of that size; then the
# terminal shows how it ended
top()
{
	local width=${1-80} height=${2-24}

	shift $(($# < 2 ? $# : 2))
	# A server that ends takes no more sessions.
	terminal=$D/tmux.$((++terminals))
	LC_ALL=C.UTF-8 tmux -S "$terminal" -f /dev/null new-session -d -x "$width" -y "$height" \
		"${inside[@]}" env LC_ALL=C.UTF-8 "$@" sh -c \
		"echo before; '$PORTWATCH' --socket '$SOCKET' top; echo ended with \$?; exec sleep 600" 3>&-
	shows 'portwatch .* (bpf|procfs), .* listening'
}

# screen [OPTION...] - what the terminal shows
screen()
{
	LC_ALL=C.UTF-8 tmux -S "$terminal" capture-pane -p "$@"
}

# shows REGEX - somewhere, within moments
shows()
{
	shown=$1 within 20 matches || {
		screen
		return 1
	}
}
matches()
{
	screen | grep -qE -- "$shown"
}

# hides REGEX - nowhere, within moments
hides()
{
	shown=$1 within 20 lacks || {
		screen
		return 1
	}
}
lacks()
{
	! matches
}

press()
{
	tmux -S "$terminal" send-keys "$@"
}

# only WORDS - the filter leaves the rows that have each: others listen on this host, too
only()
{
	press Escape
	press / "$1" Enter
	shows " of [0-9]+ shown.* filter: $1"
}

@test "without a terminal it says so and exits 2" {
	daemon
	run -2 "$PORTWATCH" --socket "$SOCKET" top </dev/null
	[[ $output == *"needs a terminal"* ]]
}

@test "what is bound comes and goes as it happens, on 80 by 24 columns" {
	daemon
	top 80 24
	shows '[0-9]+ lost, [0-9]+ resyncs'
	only 1866
	shows '^18665 .*stopped .*wizard'
	listen 18667
	shows "^18667 .*listening +$listener +python3 +root .*occupied"
	shows '^1 critical'
	kill -KILL "$listener"
	hides "$listener"
	shows '^0 critical'
	[ "$(screen | wc -l)" = 24 ]
	[ "$(screen | tail -n 1)" = 'q quit  / filter  s sort  r reverse  Enter why  k kill  ? help' ]
	press q
	shows '^ended with 0'
	shows '^before'
}

@test "a terminal that grows shows more, one that shrinks less" {
	daemon
	listen 18667
	top 200 60
	only "18667 $listener"
	shows '^ *PORT .* COMMAND'
	shows "$listener.* import signal"
	tmux -S "$terminal" resize-window -x 60 -y 12
	hides COMMAND
	shows "$listener"
	[ "$(screen | wc -l)" = 12 ]
	tmux -S "$terminal" resize-window -x 20 -y 4
	shows 'too small'
	tmux -S "$terminal" resize-window -x 200 -y 60
	shows '^ *PORT .* COMMAND'
}

@test "sorting, filter, help and the page about a port" {
	daemon
	listen 18667
	listen 18668
	top
	only 'listening 1866'
	press r
	shows 'shown, by PORT down'
	press r
	shows 'shown, by PORT  '
	press r
	shows 'shown, by PORT down'
	[ "$(screen | grep -oE '^1866[78] +127' | head -n 1)" = '18668  127' ]
	press s
	shows 'shown, by ADDRESS'
	press S
	press S
	shows 'shown, by COMMAND'
	press '?'
	shows 'sort by the next column'
	press x
	only "18668 $listener"
	press Enter
	shows ":18668 is held by python3 .pid $listener"
	press q
	hides 'is held by'
	press Escape
	hides 'filter: '
}

@test "a process is ended after a question, and not without yes" {
	daemon
	listen 18668
	top
	only "18668 $listener"
	press k
	shows "would end:"
	shows "pid $listener"
	press n
	shows 'Nothing was ended'
	kill -0 "$listener"
	press k
	shows "pid $listener"
	press y
	shows 'Ended python3'
	shows '0 of [0-9]+ shown'
}

@test "what a process is called moves no cursor" {
	daemon
	"${inside[@]}" python3 -c '
import ctypes, signal, socket
ctypes.CDLL(None).prctl(15, b"\x1b[2J\r\nx\x9b\x07", 0, 0, 0)
s = socket.create_server(("127.0.0.1", 18668)); print("listening", flush=True)
signal.pause()' $'\x1b]0;title\x07' >"$D/odd" 3>&- &
	started+=("$!")
	within 10 grep -q listening "$D/odd"
	odd=$!
	top 120 30
	only "18668 $odd"
	shows '^18668 .*\\x1b\[2J'
	[[ $(screen | head -n 1) == portwatch* && $(screen | tail -n 1) == 'q quit'* ]]
	press Enter
	shows '\\x1b\]0;title'
	[[ $(screen | head -n 1) == portwatch* && $(screen | tail -n 1) == 'q goes back'* ]]
	[ "$(tmux -S "$terminal" display-message -p '#{pane_title}')" != title ]
}

@test "colours where they are wanted, and everything without them" {
	daemon
	listen 18667
	coloured=$'\e\\[[0-9;]*3[0-7]m'
	top 80 24
	only "18667 $listener"
	shows occupied
	screen -e | grep -q "$coloured"
	for how in NO_COLOR=1 TERM=vt100; do
		tmux -S "$terminal" kill-server
		top 80 24 "$how"
		only "18667 $listener"
		shows '^18667 .*occupied'
		! screen -e | grep -q "$coloured" || false
		press j
		press '?'
		shows 'sort by the next column'
	done
}

@test "the terminal is as it was after a signal, and when the daemon goes away" {
	daemon
	for signal in TERM INT HUP; do
		top
		kill -"$signal" "$(pgrep -f -- "^$PORTWATCH --socket $SOCKET top")"
		shows '^before'
		shows '^ended with 0'
		tmux -S "$terminal" kill-server
	done
	top
	kill -KILL "$daemon"
	shows '^before'
	shows '^portwatch: .'
	shows '^ended with 1'
}

@test "without a daemon it has an engine of its own" {
	listen 18668
	terminal=$D/tmux.1
	LC_ALL=C.UTF-8 tmux -S "$terminal" -f /dev/null new-session -d -x 80 -y 24 \
		"${inside[@]}" "$PORTWATCH" --registry "$REGISTRY" --local top 3>&-
	shows 'portwatch .* listening'
	only "18668 $listener"
	shows "^18668 .* $listener"
	press q
	within 20 eval '! tmux -S "$terminal" has-session'
}
