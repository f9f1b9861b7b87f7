#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Health checks against real servers, in a network namespace of the test's own.

bats_require_minimum_version 1.5.0
load daemon_helper

# server [CERTIFICATE] - called web, at 18801
server()
{
	checked_server web 18801 "$@"
}

# checked HEALTH - a registry whose one service, web, has this check
checked()
{
	registry "{\"services\":[{\"name\":\"web\",\"port\":18801,\"process_name\":\"web\",
		\"startup_cmd\":\"web\",\"health\":$1}]}"
}

http='{"http":"http://localhost:18801/health","interval":"200ms","timeout":"5s","failure_threshold":2}'

portwatch()
{
	"${inside[@]}" "$PORTWATCH" --socket "$SOCKET" "$@"
}

alone()
{
	"${inside[@]}" "$PORTWATCH" --local --registry "$REGISTRY" "$@"
}

# web JQ-CONDITION - the status of the service is like that
web()
{
	api /api/ports/services/web | jq -e ".status | $1"
}

post()
{
	api /api/ports/health-check -X POST -H 'Content-Type: application/json'
}

# finds JQ-CONDITION - a check made now ends like that
finds()
{
	post | tee "$D/found" | jq -e ".checks[0] | $1"
}

# reason TEXT - that is how a check finds it
reason()
{
	post >"$D/found"
	cat "$D/found"
	[ "$(jq -r '.checks[0].reason' "$D/found")" = "$1" ]
}

@test "unhealthy fires and resolves, with message, fix and latency" {
	checked "$http"
	daemon
	server
	events told 'types=service,alert'
	within 20 web '.health == "healthy" and .status == "running"'
	mode bad
	within 20 web '.health == "unhealthy" and .status == "unhealthy" and .error_count >= 2'
	within 20 told told '.type == "service.unhealthy" and .service == "web"'
	api /api/ports/alerts >"$D/alerts"
	cat "$D/alerts"
	jq -e '.alerts[0] | .kind == "unhealthy" and .severity == "warning" and
		.fix == "portwatch restart web" and .port == 18801 and .latency_us < 1000000 and
		(.message | contains("http://localhost:18801/health: answered 500"))' "$D/alerts"
	mode ok
	within 20 web '.health == "healthy" and .status == "running"'
	within 20 told told '.type == "service.healthy" and .reason == "http://localhost:18801/health answered 200"'
	within 20 told told '.type == "alert.resolved" and .alert.kind == "unhealthy"'
	[ "$(api /api/ports/alerts | jq '.alerts | length')" = 0 ]
}

@test "health_endpoint alone is a check" {
	registry '{"services":[{"name":"web","port":18801,"process_name":"web",
		"health_endpoint":"http://localhost:18801/up?key=secret"}]}'
	server
	daemon
	within 20 web '.health == "healthy" and (.health_endpoint | startswith("http://localhost:18801/up"))'
	grep -q '^/up?key=secret localhost:18801$' "$D/mode.log"
	post | tee "$D/found"
	jq -e '.checks[0].target == "http://localhost:18801/up"' "$D/found"
}

@test "what does not run is not checked, and what stops has no health" {
	checked "$http"
	daemon
	[ "$(post | jq -r '.checks[0].result')" = not_running ]
	[ "$(api /api/ports/watchdog/status | jq .checks_performed)" = 0 ]
	server
	within 20 web '.health == "healthy"'
	kill "$server"
	within 20 web '.health == null and .status == "stopped"'
	n=$(api /api/ports/watchdog/status | jq .checks_performed)
	[ "$n" -gt 0 ]
	sleep 0.5
	[ "$(api /api/ports/watchdog/status | jq .checks_performed)" = "$n" ]
}

@test "settings say how often where the entry does not" {
	registry '{"settings":{"health":{"interval":"100ms","timeout":"5s","failure_threshold":1}},
		"services":[{"name":"web","port":18801,"process_name":"web",
		"health_endpoint":"http://localhost:18801/"}]}'
	mode bad
	server
	daemon
	within 20 web '.health == "unhealthy" and .error_count >= 4'
	api /api/ports/alerts | jq -e '.alerts[0].message | contains("a check failed: http://localhost:18801/: answered 500")'
}

@test "what a check starts has nothing of portwatch's open" {
	checked "{\"exec\":[\"sh\",\"-c\",\"readlink /proc/self/fd/* >$D/fds; true\"],\"interval\":\"1h\"}"
	server
	run -0 alone health-check
	cat "$D/fds"
	run ! grep -E 'socket|anon_inode|bpf' "$D/fds"
	rm "$D/fds"
	daemon
	within 20 [ -s "$D/fds" ]
	run ! grep -E 'socket|anon_inode|bpf' "$D/fds"
}

@test "a slow server, a silent one, one without an end" {
	checked '{"http":"http://localhost:18801/","interval":"1h","timeout":"300ms"}'
	server
	daemon
	within 20 web '.health == "healthy"'
	mode slow
	reason 'no answer within 0.3 s'
	mode silent
	reason 'closed the connection without an answer'
	mode big
	reason 'answered 200'
	mode rude
	reason 'sent more than 64 KiB before its answer'
	grep -q '^VmHWM' "/proc/$(pgrep -P "$daemon" portwatch-fetch)/status"
}

@test "a redirect is followed within the server, and no further" {
	checked '{"http":"http://localhost:18801/","interval":"1h","timeout":"5s"}'
	server
	daemon
	within 20 web '.health == "healthy"'
	mode within
	reason 'answered 500'
	for elsewhere in http://127.0.0.1:18801/other http://localhost:18802/ file:///etc/passwd \
		//evil/ https://localhost:18801/; do
		mode away "$elsewhere"
		reason 'answered 302'
	done
	run ! grep -q '^/other' "$D/mode.log"
}

@test "no proxy is taken from the environment" {
	checked '{"http":"http://localhost:18801/","interval":"1h","timeout":"5s"}'
	server
	export http_proxy=http://127.0.0.1:1 HTTP_PROXY=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1
	daemon
	within 20 web '.health == "healthy"'
}

@test "https with a certificate of its own making" {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=web \
		-keyout "$D/key" -out "$D/crt" 2>/dev/null
	cat "$D/key" "$D/crt" >"$D/pem"
	checked '{"http":"https://localhost:18801/","interval":"1h","timeout":"20s"}'
	server "$D/pem"
	daemon
	within 20 web '.health == "healthy"'
	reason 'answered 200'
}

@test "TCP: a connection is enough" {
	checked '{"tcp":"localhost:{port}","interval":"1h"}'
	daemon
	server
	within 20 web '.health == "healthy"'
	reason 'accepts connections'
	checked '{"tcp":"ftp.localhost:18801","interval":"1h"}'
	within 20 finds '.target == "ftp.localhost:18801" and .reason == "accepts connections"'
	checked '{"tcp":"127.0.0.1:18899","interval":"100ms","failure_threshold":2}'
	within 20 web '.status == "unhealthy"'
	reason 'connection refused'
}

@test "a command: its exit code, as the service's user, killed in time with all it started" {
	cat >"$D/check" <<-'EOF'
		#!/bin/sh
		echo "$(id -u):$(id -g) $PORT $PORTWATCH_PORT $PORTWATCH_SERVICE $GREETING $1 $PWD" >"$2/shared/seen.new"
		mv "$2/shared/seen.new" "$2/shared/seen"
		read -r mode <"$2/mode"
		case $mode in
		ok) exit 0 ;;
		bad) exit 3 ;;
		hang) sleep 987654 & sleep 987655 ;;
		esac
	EOF
	chmod 755 "$D/check"
	registry "{\"services\":[{\"name\":\"web\",\"port\":18801,\"process_name\":\"web\",
		\"user\":\"nobody\",\"working_dir\":\"$D/shared\",\"env\":{\"GREETING\":\"hello\"},
		\"health\":{\"exec\":[\"$D/check\",\"at-{port}\",\"$D\"],\"interval\":\"300ms\",
		\"timeout\":\"2s\",\"failure_threshold\":2}}]}"
	daemon
	server
	within 20 web '.health == "healthy"'
	cat "$D/shared/seen"
	grep -qx "$(id -u nobody):$(id -g nobody) 18801 18801 web hello at-18801 $D/shared" "$D/shared/seen"
	mode bad
	within 20 web '.health == "unhealthy"'
	reason 'exit code 3'
	mode hang
	reason 'no end within 2 s'
	mode ok
	within 20 web '.health == "healthy"'
	within 20 eval '! pgrep -f "sleep 98765[45]"'
}

@test "a command that is not there is the service's own fault" {
	checked '{"exec":["/no/such/check"],"interval":"100ms","failure_threshold":2}'
	server
	daemon
	within 20 web '.status == "unhealthy"'
	api /api/ports/alerts | jq -e '.alerts[0].message | contains("cannot start it: No such file")'
}

@test "failures in the start period are not told" {
	mode bad
	checked '{"http":"http://localhost:18801/","interval":"200ms","timeout":"5s",
		"failure_threshold":1,"start_period":"1h"}'
	daemon
	server
	within 20 web '.error_count >= 4'
	web '.health == null and .status == "running"'
	mode ok
	within 20 web '.health == "healthy"'
	mode bad
	within 20 web '.health == "unhealthy"'
}

@test "a reload keeps what stays, and ends what goes" {
	checked "$http"
	server
	daemon
	mode bad
	within 20 web '.health == "unhealthy"'
	events told 'types=alert,registry&snapshot=0'
	registry "$(jq '.services += [{"name":"other","port":18802,"process_name":"other"}]' "$REGISTRY")"
	within 20 told told '.type == "registry.reloaded"'
	web '.health == "unhealthy"'
	run ! told told '.type == "alert.resolved"'
	registry "$(jq 'del(.services[0].health)' "$REGISTRY")"
	within 20 told told '.type == "alert.resolved"'
	within 20 web '.health == null and .status == "running"'
	# Nothing is checked any more, so nobody is there for it.
	within 20 eval '! pgrep -P "$daemon" portwatch-fetch'
}

@test "what fetches is replaced when it dies, has no capability, and ends with the daemon" {
	checked "$http"
	server
	daemon
	within 20 web '.health == "healthy"'
	fetch=$(pgrep -P "$daemon" portwatch-fetch)
	for set in CapPrm CapEff; do
		grep -qE "^$set:\s*0+$" "/proc/$fetch/status"
	done
	kill -KILL "$fetch"
	within 20 eval 'f=$(pgrep -P "$daemon" portwatch-fetch) && [ "$f" != "$fetch" ]'
	web '.error_count == 0 and .health == "healthy"'
	fetch=$(pgrep -P "$daemon" portwatch-fetch)
	kill -KILL "$daemon"
	within 20 eval '! kill -0 "$fetch"'
}

@test "nothing fetches where nothing is to be fetched" {
	registry "$two_services"
	daemon
	[ "$(post)" != "" ]
	run ! pgrep -P "$daemon" portwatch-fetch
}

@test "health-check: a row a check, exit 9 where one fails, 3 for others" {
	registry "{\"services\":[
		{\"name\":\"web\",\"port\":18801,\"process_name\":\"web\",\"health\":$http},
		{\"name\":\"off\",\"port\":18802,\"process_name\":\"off\",\"health\":$http},
		{\"name\":\"plain\",\"port\":18803,\"process_name\":\"plain\"}]}"
	server
	daemon
	for how in portwatch alone; do
		mode ok
		run -0 --separate-stderr "$how" health-check
		[[ ${lines[0]} == SERVICE*RESULT*HEALTH*KIND*TARGET*REASON* ]]
		[[ $output == *web*passed*http://localhost:18801/health*answered\ 200* ]]
		[[ $output == *off*not_running* ]]
		[[ $output != *plain* ]]
		run -0 "$how" health-check web
		run -3 "$how" health-check web off
		run -3 "$how" health-check plain
		run -3 "$how" health-check nobody
		[[ $output == *nobody* ]]
		run -2 "$how" health-check 'no name'
		mode bad
		run -9 --separate-stderr "$how" health-check -o json web
		jq -e '.schema == "portwatch.health-check/v1" and .checks[0].result == "failed" and
			.checks[0].reason == "answered 500" and .checks[0].latency_us > 0' <<<"$output"
		run -0 "$how" --exit-zero health-check web
		run -9 --separate-stderr "$how" health-check -o csv --fields service,result,reason web
		[[ $output == *web,failed,answered\ 500* ]]
	done
}

@test "a command that watches without a daemon checks, too" {
	checked "$http"
	server
	mode bad
	run -0 --separate-stderr alone watch --until unhealthy --for 20s -o jsonl
	jq -e 'select(.alert.kind == "unhealthy")' <<<"$output"
}

@test "only who may change may have checks made" {
	checked "$http"
	daemon
	[ "$(setpriv --reuid 65534 --regid 65534 --clear-groups curl -s -o /dev/null -w '%{http_code}' \
		--unix-socket "$SOCKET" -X POST -H 'Content-Type: application/json' \
		http://localhost/api/ports/health-check)" = 403 ]
	[ "$(code /api/ports/health-check -X POST -H 'Content-Type: application/json' -d '{"services":["no"]}')" = 404 ]
	[ "$(code /api/ports/health-check -X POST -H 'Content-Type: application/json' -d '[]')" = 400 ]
}

@test "an allocation is checked on its own port, and its state says so" {
	checked '{"http":"http://localhost:{port}/","interval":"200ms","timeout":"5s","failure_threshold":2}'
	daemon
	server
	within 20 web '.health == "healthy"'
	portwatch allocate web --port 8011
	echo bad >"$D/second"
	"${inside[@]}" python3 "$SERVER" web 8011 "$D/second" >"$D/second.out" 2>&1 3>&- &
	started+=($!)
	within 20 eval 'api /api/ports/allocations/8011 |
		jq -e ".allocation | .health_status == \"unhealthy\" and .error_count >= 2"'
	web '.health == "healthy"'
	api /api/ports/alerts | jq -e '[.alerts[] | select(.kind == "unhealthy")] | length == 1 and .[0].port == 8011'
	echo ok >"$D/second"
	within 20 eval 'api /api/ports/allocations/8011 | jq -e ".allocation.health_status == \"active\""'
}
