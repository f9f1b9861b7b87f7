#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Where alerts go: real receivers, dead ones, slow ones, and those that come back.

bats_require_minimum_version 1.5.0
load daemon_helper

SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw

# server [PORT [CERTIFICATE]] - it logs what is posted
server()
{
	echo "$SECRET" >"$D/mode.secret"
	: >>"$D/mode.posts"
	checked_server hook "${1:-18810}" "${@:2}"
}

# sinks JSON... - a registry with these; what others do on this host is not for them
sinks()
{
	local list

	list=$(printf '%s\n' "$@" | jq -cs 'map(.services //= ["wizard", "goblin"])')
	registry "{\"settings\":{\"sinks\":$list},${two_services#?}"
}

# hook [OBJECT] - a webhook that is not patient, with these members
hook()
{
	jq -nc --arg secret "$SECRET" '{type: "webhook", url: "http://127.0.0.1:18810/hook",
		secret: $secret, backoff: {initial: "50ms", max: "200ms"}} + $ARGS.positional[0]' \
		--jsonargs "${1-null}"
}

# sink NAME JQ-CONDITION - its counts are like that
sink()
{
	api /api/ports/status | jq -e --arg name "$1" ".sinks[] | select(.name == \$name) | $2"
}

# posts JQ-CONDITION - those that came so far, as a list, are like that
posts()
{
	jq -es "$1" "$D/mode.posts"
}

# lines FILE JQ-CONDITION
lines()
{
	jq -es "$2" "$1"
}

# hush PID - it stops listening: an alert resolves
hush()
{
	kill -KILL "$1"
	wait "$1" || true
}

# standing N - so many of their alerts do; what comes and goes too fast is never told
standing()
{
	within 20 eval 'api /api/ports/alerts | jq -e "[.alerts[] | select(.service)] | length == '"$1"'"'
}

# pass PORT - an alert fires and resolves
pass()
{
	listen "$1"
	standing 1
	hush "$listener"
	standing 0
}

@test "a file has a line for each alert, and is opened anew on SIGHUP" {
	sinks "{\"type\":\"file\",\"path\":\"$D/alerts.jsonl\"}"
	daemon
	listen 18765
	within 20 lines "$D/alerts.jsonl" 'length == 1 and (.[0] | .schema == "portwatch.event/v1" and
		.type == "alert.firing" and .alert.kind == "occupied" and .alert.service == "wizard")'
	[ "$(stat -c %a "$D/alerts.jsonl")" = 640 ]
	mv "$D/alerts.jsonl" "$D/alerts.jsonl.1"
	kill -HUP "$daemon"
	within 20 [ -e "$D/alerts.jsonl" ]
	hush "$listener"
	within 20 lines "$D/alerts.jsonl" 'length == 1 and .[0].type == "alert.resolved"'
	lines "$D/alerts.jsonl.1" 'length == 1'
	within 20 sink file '.sent == 2 and .failed == 0 and .dropped == 0 and .queued == 0'
}

@test "stdout has them too, and what stood before the daemon began" {
	sinks '{"type":"stdout"}'
	listen 18765
	daemon >"$D/out"
	within 20 lines "$D/out" 'length == 1 and .[0].type == "alert.firing" and .[0].source == "snapshot"'
	hush "$listener"
	within 20 lines "$D/out" 'length == 2 and .[1].type == "alert.resolved"'
	kill -TERM "$daemon"
	wait "$daemon"
}

@test "a stdout that is closed is nobody else's file" {
	sinks '{"type":"stdout"}'
	listen 18765
	daemon >&-
	within 20 sink stdout '.sent == 1'
	[ "$(readlink "/proc/$daemon/fd/1")" = /dev/null ]
}

@test "kinds, services and severity say who hears what" {
	sinks "{\"type\":\"file\",\"name\":\"all\",\"path\":\"$D/all\"}" \
		"{\"type\":\"file\",\"name\":\"goblin\",\"path\":\"$D/goblin\",\"services\":[\"goblin\"]}" \
		"{\"type\":\"file\",\"name\":\"blocked\",\"path\":\"$D/blocked\",\"kinds\":[\"blocked\"]}"
	daemon
	listen 18765
	listen 18767
	within 20 sink all '.sent == 2'
	within 20 lines "$D/goblin" 'length == 1 and .[0].alert.service == "goblin"'
	[ ! -e "$D/blocked" ]
	within 20 sink blocked '.sent == 0 and .queued == 0'
}

@test "a webhook gets a signed CloudEvent, and the same id when it is tried again" {
	mode bad
	server
	sinks "$(hook)"
	daemon
	listen 18765
	within 20 posts 'length >= 2'
	within 20 sink webhook '.sent == 0 and .failed >= 1 and .queued == 1 and .last_error == "answered 500"'
	mode ok
	within 20 sink webhook '.sent == 1 and .queued == 0'
	cat "$D/mode.posts"
	posts 'all(.[]; .genuine) and (map(.headers["webhook-id"]) | unique | length) == 1'
	posts '.[0] | .path == "/hook" and .headers["content-type"] == "application/cloudevents+json"
		and .headers["webhook-id"] == .body.id and .body.specversion == "1.0"
		and .body.type == "portwatch.alert.firing" and .body.subject == "wizard"
		and .body.data.kind == "occupied" and .body.data.found.comm == "python3"
		and .body.data.found.cmdline == null'
	within 20 eval '[ -z "$(ls "$D/state/sinks/webhook")" ]'
	hush "$listener"
	within 20 posts '.[-1].body | .type == "portwatch.alert.resolved" and .data.state == "resolved"'
	run ! grep -r MfKQ9r8 "$D/log" "$D/state" "$D/audit"
	api /api/ports/config >"$D/config"
	run ! grep MfKQ9r8 "$D/config"
}

@test "secrets come from a file that nobody else may read, one or several" {
	server
	sinks "$(hook "{\"secret\":null,\"secret_file\":\"$D/secret\"}")"
	printf '# old and new\nwhsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n%s\n' "$SECRET" >"$D/secret"
	chmod 644 "$D/secret"
	daemon
	listen 18765
	within 20 sink webhook '.failed > 0 and (.last_error | contains("may be by everybody"))'
	posts 'length == 0'
	chmod 600 "$D/secret"
	within 20 posts 'length == 1 and .[0].genuine and
		(.[0].headers["webhook-signature"] | split(" ") | length) == 2'
}

@test "no redirect is followed" {
	server
	mode away http://127.0.0.1:18810/elsewhere
	sinks "$(hook)"
	daemon
	listen 18765
	within 20 sink webhook '.failed > 0 and .last_error == "answered 302"'
	posts 'all(.[]; .path == "/hook")'
	mode ok
	within 20 sink webhook '.sent == 1'
	posts 'all(.[]; .path == "/hook")'
}

@test "a certificate is looked at, even on this host" {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hook \
		-keyout "$D/key" -out "$D/crt" 2>/dev/null
	cat "$D/key" "$D/crt" >"$D/pem"
	server 18810 "$D/pem"
	sinks "$(hook '{"url":"https://localhost:18810/hook"}')"
	daemon
	listen 18765
	within 20 sink webhook '.failed > 0 and (.last_error | contains("certificate"))'
	posts 'length == 0'
}

@test "what a dead webhook has not heard outlives SIGKILL, in its order" {
	sinks "$(hook)"
	daemon
	pass 18765
	pass 18767
	within 20 sink webhook '.queued == 4 and .failed > 0'
	within 20 eval '[ "$(ls "$D/state/sinks/webhook" | wc -l)" = 4 ]'
	hush "$daemon"
	half=$D/state/sinks/webhook/.00000000000000000009.AbCdEf
	: >"$half"
	daemon
	within 20 sink webhook '.queued == 4'
	[ ! -e "$half" ]
	server
	within 20 sink webhook '.sent == 4 and .queued == 0'
	posts 'length == 4 and all(.[]; .genuine) and
		(map(.body | .subject + " " + .data.state) ==
		 ["wizard firing","wizard resolved","goblin firing","goblin resolved"])'
	within 20 eval '[ -z "$(ls "$D/state/sinks/webhook")" ]'
}

@test "a full queue drops the oldest and says how many; a slow sink holds nobody up" {
	server
	mode slow
	mkfifo "$D/fifo"
	sinks "$(hook '{"queue_max":2,"timeout":"1h"}')" \
		"{\"type\":\"file\",\"name\":\"fifo\",\"path\":\"$D/fifo\",\"queue_max\":2}" \
		"{\"type\":\"journald\",\"socket\":\"$D/nobody\",\"queue_max\":2}" \
		'{"type":"exec","argv":["sleep","600"],"max_running":1,"queue_max":2,"timeout":"1h"}' \
		"{\"type\":\"file\",\"path\":\"$D/file\"}"
	daemon
	pass 18765
	pass 18767
	listen 18765
	standing 1
	within 20 sink file '.sent == 5 and .queued == 0'
	n=$(sink file .sent)
	for name in webhook fifo journald exec; do
		within 20 sink "$name" ".sent == 0 and .queued == 2 and .dropped == $n - 2"
	done
	within 20 posts 'length == 1'
	within 20 eval '[ "$(find "$D/state/sinks/webhook" -type f | wc -l)" = 2 ]'
	timeout 60 cat "$D/fifo" >"$D/read" &
	started+=($!)
	within 20 sink fifo '.sent == 2 and .queued == 0'
	within 20 lines "$D/read" 'length == 2'
}

@test "a sink that stays keeps its queue over a reload; a better address is tried at once" {
	sinks "$(hook '{"name":"pager","backoff":{"initial":"1h","max":"1h"}}')" \
		"{\"type\":\"file\",\"path\":\"$D/one\"}"
	daemon
	listen 18765
	within 20 sink pager '.queued == 1 and .failed == 1'
	within 20 lines "$D/one" 'length == 1'
	server 18811
	sinks "{\"type\":\"file\",\"path\":\"$D/two\"}" \
		"$(hook '{"name":"pager","url":"http://127.0.0.1:18811/hook"}')"
	within 20 sink pager '.sent == 1 and .queued == 0'
	hush "$listener"
	within 20 lines "$D/two" 'length == 1'
	lines "$D/one" 'length == 1'
	sinks
	within 20 eval 'api /api/ports/status | jq -e ".sinks == []"'
}

@test "a command has the alert on its input and in its environment" {
	cat >"$D/run" <<-EOF
		#!/bin/sh
		cat >"$D/input.\$PORTWATCH_ALERT_STATE"
		env >"$D/environment.new"
		mv "$D/environment.new" "$D/environment.\$PORTWATCH_ALERT_STATE"
	EOF
	chmod +x "$D/run"
	sinks "{\"type\":\"exec\",\"argv\":[\"$D/run\",\"x\"]}"
	daemon
	listen 18765
	within 20 [ -e "$D/environment.firing" ]
	jq -e '.kind == "occupied" and .state == "firing" and .service == "wizard"' "$D/input.firing"
	grep -qx PORTWATCH_EVENT=alert.firing "$D/environment.firing"
	grep -qx PORTWATCH_KIND=occupied "$D/environment.firing"
	grep -qx PORTWATCH_SERVICE=wizard "$D/environment.firing"
	grep -qx PORTWATCH_PORT=18765 "$D/environment.firing"
	grep -qx "PORTWATCH_FOUND_PID=$listener" "$D/environment.firing"
	# Not that of the daemon: its own folders are no business of a command's.
	run ! grep -E '^PORTWATCH_(STATE|LOG)=' "$D/environment.firing"
	hush "$listener"
	within 20 [ -e "$D/environment.resolved" ]
	within 20 sink exec '.sent == 2 and .failed == 0'
}

@test "a command that hangs and forks is ended with all that it started" {
	cat >"$D/run" <<-EOF
		#!/bin/sh
		echo \$\$ >>"$D/pids"
		sleep 600 &
		echo \$! >>"$D/pids"
		setsid sh -c 'echo \$\$ >>"$D/pids"; sleep 601 & echo \$! >>"$D/pids"; wait' &
		wait
	EOF
	chmod +x "$D/run"
	sinks "{\"type\":\"exec\",\"argv\":[\"$D/run\"],\"timeout\":\"6s\"}"
	daemon
	listen 18765
	within 20 eval '[ "$(wc -l <"$D/pids")" = 4 ]'
	within 20 sink exec '.failed == 1 and .dropped == 1 and .queued == 0 and
		(.last_error | endswith("no end within 6 s"))'
	while read -r pid; do
		within 20 eval "! kill -0 $pid"
	done <"$D/pids"
}

@test "a command that is not there, fails, or may not become its user is told" {
	sinks '{"type":"exec","name":"none","argv":["/nonexistent"]}' \
		'{"type":"exec","name":"fails","argv":["false"]}' \
		'{"type":"exec","name":"nobody","argv":["true"],"user":"no-such-user"}'
	daemon
	listen 18765
	within 20 sink none '.dropped == 1 and (.last_error | contains("No such file"))'
	within 20 sink fails '.dropped == 1 and .last_error == "false: exit code 1"'
	within 20 sink nobody '.dropped == 1 and (.last_error | contains("no user no-such-user"))'
	grep -q 'Sink fails: false: exit code 1' "$D/log"
}

# receiver PATH - what comes to that socket goes to $D/datagrams, in hexadecimal
receiver()
{
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
while True:
    print(s.recv(1 << 20).hex(), flush=True)' "$1" >"$D/datagrams" 2>&1 3>&- &
	receiver=$!
	started+=("$receiver")
	within 20 grep -q ready "$D/datagrams"
}

# fields - the last datagram as journald reads it, as JSON
fields()
{
	tail -n 1 "$D/datagrams" | python3 -c '
import json, sys
data, fields = bytes.fromhex(sys.stdin.read()), {}
while data:
    line, data = data.split(b"\n", 1)
    if b"=" in line:
        name, value = line.split(b"=", 1)
    else:
        name, size, data = line, int.from_bytes(data[:8], "little"), data[8:]
        value, data = data[:size], data[size + 1:]
    fields[name.decode()] = value.decode()
print(json.dumps(fields))'
}

@test "journald gets structured fields, and again after it was started anew" {
	receiver "$D/journal"
	sinks "{\"type\":\"journald\",\"socket\":\"$D/journal\"}"
	daemon
	listen 18765
	within 20 sink journald '.sent == 1'
	within 20 eval '[ "$(wc -l <"$D/datagrams")" = 2 ]'
	fields >"$D/fields"
	cat "$D/fields"
	jq -e '.PRIORITY == "2" and .SYSLOG_IDENTIFIER == "portwatchd" and .PORTWATCH_KIND == "occupied"
		and .PORTWATCH_SERVICE == "wizard" and .PORTWATCH_PORT == "18765"
		and (.MESSAGE | startswith("Port 18765")) and (.MESSAGE_ID | length) == 32' "$D/fields"
	hush "$receiver"
	rm "$D/journal"
	hush "$listener"
	within 20 sink journald '.queued == 1 and .failed > 0'
	receiver "$D/journal"
	within 20 sink journald '.sent == 2 and .queued == 0'
	within 20 eval '[ "$(wc -l <"$D/datagrams")" = 2 ]'
	fields | jq -e '.PORTWATCH_ALERT_STATE == "resolved" and .PRIORITY == "5"'
}

@test "syslog gets a line at /dev/log" {
	unshare -m true || skip "no mount namespace to be had"
	mkdir "$D/dev"
	receiver "$D/dev/log"
	# A /dev with nothing in it but what the daemon opens, and the socket.
	: >"$D/dev/null"
	cat >"$D/portwatchd" <<-EOF
		#!/bin/sh
		exec unshare -m sh -c 'mount --bind /dev/null $D/dev/null && mount --rbind $D/dev /dev &&
			exec $(realpath "$PORTWATCHD") "\$@"' sh "\$@"
	EOF
	chmod +x "$D/portwatchd"
	PORTWATCHD=$D/portwatchd
	sinks '{"type":"syslog"}'
	daemon
	listen 18765
	within 20 sink syslog '.sent == 1'
	within 20 eval '[ "$(wc -l <"$D/datagrams")" = 2 ]'
	line=$(tail -n 1 "$D/datagrams" | python3 -c 'print(bytes.fromhex(input()).decode())')
	echo "$line"
	# The facility daemon, critical.
	[[ $line =~ ^\<26\>[A-Z][a-z][a-z]\ [\ 0-9][0-9]\ [0-9:]{8}\ portwatchd\[[0-9]+\]:\ occupied\ firing:\ Port\ 18765 ]]
}

@test "the real Alertmanager shows an alert, keeps it while it fires, and forgets it" {
	real_programs prometheus-alertmanager
	printf 'route:\n  receiver: none\nreceivers:\n  - name: none\n' >"$D/alertmanager.yml"
	unshare -m true || skip "no mount namespace to be had"
	# Debian's looks for its templates there, and nowhere else.
	# shellcheck disable=SC2016 # expanded inside
	"${inside[@]}" unshare -m sh -c 'mount --bind "$1/usr/share" /usr/share && shift && exec "$@"' sh \
		"$REAL" "$REAL/usr/bin/prometheus-alertmanager" --config.file "$D/alertmanager.yml" \
		--storage.path "$D/alertmanager" --web.listen-address 127.0.0.1:18820 \
		--cluster.listen-address= >"$D/alertmanager.log" 2>&1 3>&- &
	started+=($!)
	if ! within 60 "${inside[@]}" curl -sf http://127.0.0.1:18820/-/ready; then
		cat "$D/alertmanager.log"
		return 1
	fi
	sinks '{"type":"alertmanager","url":"http://127.0.0.1:18820/","resend":"2s"}'
	listen 18767
	daemon
	heard()
	{
		"${inside[@]}" curl -s http://127.0.0.1:18820/api/v2/alerts | jq -e "$1"
	}
	# One that stood before, and one that comes.
	within 30 heard 'length == 1 and .[0].labels.service == "goblin"'
	listen 18765
	within 30 heard 'length == 2'
	within 30 heard 'map(select(.labels.service == "wizard"))[0] |
		.labels.alertname == "PortwatchOccupied" and .labels.severity == "critical" and
		.labels.port == "18765" and .labels.proto == "tcp" and .status.state == "active" and
		(.annotations.summary | startswith("Port 18765"))'
	# Told again and again: what it is to end at moves on.
	ends=$(heard '.[0].endsAt')
	within 60 heard ".[0].endsAt > $ends"
	hush "$listener"
	within 30 heard 'length == 1 and .[0].labels.service == "goblin"'
	within 20 sink alertmanager '.queued == 0 and .dropped == 0'
	# What is no longer told ends by itself.
	hush "$daemon"
	within 60 heard 'length == 0'
}

@test "what is told to an Alertmanager that was away is what is so when it is back" {
	sinks '{"type":"alertmanager","url":"http://127.0.0.1:18810","backoff":{"initial":"50ms","max":"200ms"}}'
	daemon
	pass 18765
	listen 18767
	within 20 sink alertmanager '.queued == 3 and .failed > 0'
	server
	within 20 sink alertmanager '.sent == 3 and .queued == 0'
	posts '.[0] | .path == "/api/v2/alerts" and
		(.body | map(.labels.service) | sort) == ["goblin","wizard"]'
	posts '.[0].body[] | select(.labels.service == "wizard") | .endsAt < (now | todate)'
	posts '.[0].body[] | select(.labels.service == "goblin") | .endsAt > (now | todate)'
}

@test "a bad sink is refused with its place, and a daemon keeps the old ones" {
	sinks "{\"type\":\"file\",\"path\":\"$D/one\"}"
	daemon
	sinks "{\"type\":\"file\",\"path\":\"relative\"}"
	within 20 grep -q 'settings.sinks\[0\].path: this is not an absolute path' "$D/log"
	run -2 --separate-stderr "$PORTWATCH" config check "$REGISTRY"
	[[ $stderr == *'settings.sinks[0].path'* ]]
	listen 18765
	within 20 lines "$D/one" 'length == 1'
	sinks "{\"type\":\"file\",\"path\":\"$D/one\",\"pathh\":1}"
	run -0 "$PORTWATCH" config check "$REGISTRY"
	[[ $output == *'did you mean "path"'* ]]
}

@test "the examples are valid" {
	run -0 "$PORTWATCH" config check tools/examples/sinks.json
	[[ $output == *": ok" ]]
}

@test "with no sink nothing is opened, started or written" {
	registry "$two_services"
	daemon
	listen 18765
	standing 1
	api /api/ports/status | jq -e '.sinks == []'
	[ ! -e "$D/state/sinks" ]
	run ! pgrep -P "$daemon" -f portwatch-fetch
}
