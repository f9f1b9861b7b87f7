#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The REST API of SPEC section 5, as curl sees it on the Unix socket.

bats_require_minimum_version 1.5.0
load daemon_helper

A=/api/ports

setup()
{
	helper_setup
	registry "$two_services"
}

# as_nobody FUNCTION ARGUMENT... - a function of the helper as another user
as_nobody()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups env SOCKET="$SOCKET" \
		bash -c "$(declare -f api code); \"\$@\"" bash "$@"
}

json()
{
	[ "$(api "$1" -o "$D/body" -w '%{content_type}')" = application/json ]
	jq -e "$2" "$D/body" >/dev/null || {
		head -c 3000 "$D/body"
		return 1
	}
}

problem()
{
	local want=$1

	shift
	[ "$(api "$@" -o "$D/body" -w '%{http_code} %{content_type}')" = \
		"$want application/problem+json" ]
	jq -e --argjson status "$want" \
		'.status == $status and .type and .title and (.detail | length > 10)' "$D/body"
}

# -- HTTP

@test "/healthz is ok, in text" {
	daemon
	[ "$(api /healthz -w ' %{http_code} %{content_type}')" = $'ok\n 200 text/plain; charset=utf-8' ]
}

@test "HEAD answers like GET, without the body" {
	daemon
	for path in /healthz $A/status $A/sockets $A/events; do
		[ "$(code "$path" -I)" = 200 ]
	done
	[ -z "$(api $A/status -I | sed '1,/^\r$/d')" ]
}

@test "a path that is none is 404, also with an escaped NUL" {
	daemon
	problem 404 /index.html
	problem 404 /web/
	problem 404 /web/nothing.js
	problem 404 $A
	problem 404 $A/nothing
	problem 404 $A/status/
	problem 404 '/healthz%00'
	problem 404 $A/services/
}

@test "another method is 405 and Allow says which" {
	daemon
	problem 405 $A/status -X POST
	problem 405 $A/config/import
	api $A/status -X DELETE -D "$D/head" -o /dev/null
	grep -qi '^Allow: GET, HEAD' "$D/head"
	api $A/config/import -D "$D/head" -o /dev/null
	grep -qi '^Allow: POST' "$D/head"
}

@test "an argument that is none is 400 and names the nearest" {
	daemon
	problem 400 "$A/sockets?prot=tcp"
	[[ $(jq -r .detail "$D/body") == *port* ]]
	problem 400 "$A/alerts?state=none"
	problem 400 "$A/events?types=alrt"
	problem 400 "$A/events?target=:80x"
	problem 400 "$A/events?snapshot=2"
	problem 400 "$A/sockets?fields=port,por"
	problem 400 "$A/sockets?fields="
	problem 400 "$A/sockets?$(seq -s '&' -f 'a%g=1' 40)"
}

@test "a body beyond 1 MiB is 413, announced or not" {
	daemon
	head -c 1048577 /dev/zero >"$D/large"
	problem 413 $A/config/import -H 'Content-Type: application/json' --data-binary "@$D/large"
	problem 413 $A/config/import -H 'Content-Type: application/json' \
		-H 'Transfer-Encoding: chunked' --data-binary "@$D/large"
}

@test "a change that is not JSON is 415" {
	daemon
	problem 415 $A/config/import -d '{}'
	problem 415 $A/config/import -H 'Content-Type: application/jsonx' -d '{}'
}

@test "requests that are none harm nothing" {
	daemon
	python3 - "$SOCKET" <<'PYTHON'
import random, socket, sys

random.seed(1)
for i in range(200):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(sys.argv[1])
    text = random.choice([b"GET ", b"POST /api/ports/config/import HTTP/1.1\r\n", b"\0", b""])
    text += bytes(random.randrange(256) for _ in range(random.randrange(200)))
    try:
        s.send(text)
        if i % 2:
            s.send(b"\r\n\r\n")
            s.settimeout(0.1)
            s.recv(65536)
    except (ConnectionError, TimeoutError):
        pass
    s.close()
PYTHON
	[ "$(api /healthz)" = ok ]
}

@test "a connection serves many requests" {
	daemon
	[ "$(api /healthz -w '%{num_connects}' --next -s --unix-socket "$SOCKET" \
		http://localhost/healthz -w '%{num_connects}' --next -s --unix-socket "$SOCKET" \
		http://localhost$A/status -o /dev/null -w '%{num_connects}' | tr -d '\nok')" = 100 ]
}

# -- documents

@test "status has everything at a glance" {
	daemon
	json $A/status '
		.schema == "portwatch.status/v1"
		and (.timestamp | test("^20.*Z$"))
		and (.services | keys == ["goblin", "wizard"])
		and .services.wizard.port == 18765 and .services.wizard.status == "stopped"
		and (.conflicts | type) == "array" and (.alerts | type) == "array"
		and .startup_order == ["wizard", "goblin"]
		and .shutdown_order == ["goblin", "wizard"]
		and .port_manager.port_range == "8000-8100" and .port_manager.total_ports == 101
		and .port_manager.available_ports == 101 and .port_manager.allocations == []
		and .watchdog.running and .watchdog.monitored_ports == 2
		and (.watchdog | has("check_interval", "checks_performed", "issues_detected"))
		and .kernel.realtime and .kernel.backend == "bpf" and (.kernel.hooks | length > 2)
		and (.kernel | has("bind_failures", "events_seen", "events_lost", "resyncs"))
		and (.daemon | .registry and .version and .generation == 1 and (.embedded | not))'
	json $A/status ".daemon.pid == $daemon"
}

@test "status knows at once what has changed" {
	daemon
	json $A/status '.conflicts | map(.service) | index("goblin") | not'
	for try in 1 2 3 4 5; do
		listen 18767
		json $A/status '.services.goblin.status == "conflict"
			and (.conflicts | map(.service) | index("goblin"))'
		kill "$listener"
		wait "$listener" || true
		json $A/status '.services.goblin.status == "stopped"
			and (.conflicts | map(.service) | index("goblin") | not)'
	done
}

@test "services come in the registry's order, each with its status" {
	daemon
	json $A/services '.schema == "portwatch.services/v1"
		and [.services[].name] == ["wizard", "goblin"]
		and .services[0].status == "stopped" and .services[0].process_name == "wizard"'
}

@test "a service in full has who sits on its port" {
	daemon
	listen 18767
	json $A/services/goblin ".schema == \"portwatch.service/v1\"
		and .service.name == \"goblin\" and .status.status == \"conflict\"
		and (.alerts | length) == 1 and .alerts[0].kind == \"occupied\"
		and .sockets[0].port == 18767 and .sockets[0].process.pid == $listener"
}

@test "a service that is none is 404 and names the nearest" {
	daemon
	problem 404 $A/services/gobln
	[[ $(jq -r .detail "$D/body") == *goblin* ]]
	problem 404 "$A/services/%22%0a"
}

@test "conflicts and alerts name the process" {
	daemon
	listen 18767
	for list in conflicts alerts; do
		json $A/$list ".schema == \"portwatch.$list/v1\"
			and (.${list}[] | select(.service) | .kind == \"occupied\" and .state == \"firing\"
				and .service == \"goblin\" and .found.pid == $listener
				and .found.cmdline[1] == \"-c\" and .found.cwd and .fix and .message)"
	done
}

@test "alerts that are over are there with state=all" {
	daemon
	listen 18767
	kill "$listener"
	within 5 eval "api '$A/alerts' | jq -e '.alerts | map(.service) | index(\"goblin\") | not'"
	json "$A/alerts?state=all" '.alerts[] | select(.service == "goblin")
		| .state == "resolved" and .resolved_at'
}

@test "sockets have their holders, and filters leave the others out" {
	daemon
	listen 18901 127.0.0.1
	listen 18902 ::1
	ns=$("${inside[@]}" stat -Lc %i /proc/self/ns/net)
	json "$A/sockets?port=18901&netns=$ns" ".schema == \"portwatch.sockets/v1\" and (.sockets | length) == 1
		and (.sockets[0] | .port == 18901 and .state == \"listening\" and .proto == \"tcp\"
			and .address == \"127.0.0.1\" and .scope == \"loopback\" and .uid == 0)"
	json "$A/sockets?port=18902&netns=$ns" ".sockets[0].holders[0].pid == $listener"
	json "$A/sockets?port=18900-18909&netns=$ns" '[.sockets[].port] == [18901, 18902]'
	json "$A/sockets?port=18901&proto=udp" '.sockets == []'
	json "$A/sockets?port=18901&state=bound" '.sockets == []'
	json "$A/sockets?port=18901&user=nobody" '.sockets == []'
	json "$A/sockets?port=18901&user=root&netns=$ns" '.sockets | length == 1'
	json "$A/sockets?port=18901&user=0&netns=$ns" '.sockets | length == 1'
	json "$A/sockets?pid=$listener" '[.sockets[].port] == [18902]'
	json "$A/sockets?port=18901&service=wizard" '.sockets == []'
	json "$A/sockets?port=18901&netns=1" '.sockets == []'
	problem 400 "$A/sockets?port=0"
	problem 400 "$A/sockets?pid=-1"
	problem 400 "$A/sockets?state=open"
	problem 400 "$A/sockets?netns=../x"
}

@test "fields of sockets are those that were asked for" {
	daemon
	listen 18901
	json "$A/sockets?pid=$listener&fields=port,service" '.sockets == [{"port": 18901, "service": null}]'
}

@test "10,000 sockets come whole, each once" {
	daemon
	nsenter -t "$namespace" -n python3 - "$D" <<'PYTHON' 3>&- &
import resource, signal, socket, sys

resource.setrlimit(resource.RLIMIT_NOFILE, (12000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
kept = []
for i in range(10000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((f"127.3.{i // 250}.{i % 250 + 1}", 18999))
    kept.append(s)
open(sys.argv[1] + "/bound", "w").close()
signal.pause()
PYTHON
	started+=($!)
	within 30 test -e "$D/bound"
	ns=$("${inside[@]}" stat -Lc %i /proc/self/ns/net)
	# A ring that overflowed is made good within a second.
	within 60 json "$A/sockets?port=18999&netns=$ns" \
		'.sockets | length == 10000 and ([.[].cookie] | unique | length) == 10000'
	json "$A/sockets?port=18999&netns=$ns&fields=address" '.sockets | unique | length == 10000'
}

@test "doctor lists what it found" {
	daemon
	json $A/doctor '.schema == "portwatch.doctor/v1" and (.findings | length > 5)
		and (.findings[0] | has("name", "what", "ok", "in_use", "reason", "remedy"))
		and .backend == "bpf" and .bind_failures and .kernel'
}

@test "config is the registry with defaults filled in" {
	registry '{"services":[{"name":"a","port":1,"colour":"red"}]}'
	daemon
	json $A/config ".schema == \"portwatch.config/v1\" and .path == \"$REGISTRY\"
		and .registry.settings.port_range == \"8000-8100\"
		and .registry.services[0].name == \"a\" and .registry.services[0].enabled
		and (.warnings | map(test(\"colour\")) | any)"
}

# -- who may do what

@test "another user may read, and changes nothing" {
	daemon
	[ "$(as_nobody code $A/status)" = 200 ]
	[ "$(as_nobody code $A/config/import -H 'Content-Type: application/json' -d '{"services":[]}')" = 403 ]
	before=$(cat "$REGISTRY")
	as_nobody api $A/config/import -H 'Content-Type: application/json' \
		-d '{"services":[{"name":"x","port":1}]}' | jq -e '.status == 403'
	[ "$(cat "$REGISTRY")" = "$before" ]
}

@test "command lines of other users are for root and their owner" {
	daemon
	events root types=alert
	reader_uid=65534 events other types=alert
	listen 18767
	json $A/alerts '.alerts[] | select(.service) | .found.cmdline'
	as_nobody api $A/alerts |
		jq -e '.alerts[] | select(.service) | .found | .cmdline == null and .comm and .pid'
	as_nobody api $A/status | jq -e '.conflicts[] | select(.service) | .found.cmdline == null'
	as_nobody api "$A/sockets?pid=$listener" | jq -e '.sockets[0] | .process.cmdline == null and .holders[0].cmdline == null'
	within 5 told root '.alert.found.cmdline'
	within 5 told other '.alert.found.pid and .alert.found.cmdline == null'
	kill "$listener"
	within 5 told root '.type == "alert.resolved"'

	"${inside[@]}" python3 -c '
import os, signal, socket
os.setuid(65534)
s = socket.create_server(("127.0.0.1", 18765))
print("listening", flush=True)
signal.pause()' >"$D/theirs" 3>&- &
	started+=($!)
	within 5 grep -q listening "$D/theirs"
	within 5 told other '.alert.service == "wizard" and .alert.found.cmdline[1] == "-c"'
	as_nobody api $A/alerts | jq -e '.alerts[] | select(.service == "wizard") | .found.cmdline'
}

@test "what an entry may hold of secrets is for those who may change it" {
	registry '{"services":[{"name":"goblin","port":18767,"startup_cmd":"goblin --password hunter2",
		"match":{"cmdline":["hunter2"]},"env":{"TOKEN":"hunter2"},
		"health_endpoint":"http://me:hunter2@localhost:18767/?key=hunter2"}]}'
	daemon
	for path in status services services/goblin config report sockets alerts doctor env 'report?format=json'; do
		run ! grep hunter2 <(as_nobody api "$A/$path")
	done
	as_nobody api $A/services/goblin | jq -e '.service.env | has("TOKEN")'
	for path in services services/goblin config; do
		grep hunter2 <(api "$A/$path")
	done
}

@test "members of group portwatch may change, by any of their groups" {
	printf 'root:x:0:\nportwatch:x:4242:\n' >"$D/group"
	"${inside[@]}" unshare -m sh -c 'mount --bind "$1" /etc/group && shift && exec "$@"' sh "$D/group" \
		"$PORTWATCHD" --registry "$REGISTRY" --socket "$SOCKET" 2>"$D/log" 3>&- &
	started+=($!)
	within 10 grep -q serving "$D/log"
	[ "$(stat -c %g "$SOCKET")" = 4242 ]
	as() {
		setpriv --reuid 65534 "${@:2}" env SOCKET="$SOCKET" bash -c "$(declare -f api code)
			code $A/config/import -H 'Content-Type: application/json' \
				-d '{\"services\":[{\"name\":\"$1\",\"port\":7}]}'"
	}
	[ "$(as a --regid 65534 --groups 100,4242)" = 200 ]
	[ "$(as b --regid 4242 --clear-groups)" = 200 ]
	[ "$(as c --regid 65534 --groups 100,4243)" = 403 ]
}

@test "connections of one user are bounded, others still get in" {
	daemon
	python3 - "$SOCKET" <<'PYTHON' >"$D/bounded" 3>&- &
import os, signal, socket, sys

os.setuid(65534)
kept = []
for i in range(256):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(sys.argv[1])
    s.send(b"GET /api/ports/events?types=registry HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b" 200 " in s.recv(4096)
    kept.append(s)
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect(sys.argv[1])
answer = b""
while more := s.recv(4096):
    answer += more
head, body = answer.split(b"\r\n\r\n")
assert b" 503 " in head and b"problem+json" in head, answer
assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n", answer
print("bounded", flush=True)
signal.pause()
PYTHON
	started+=($!)
	within 10 grep -q bounded "$D/bounded"
	[ "$(api /healthz)" = ok ]
}

# -- taking a document over

@test "an import is in the registry and in force" {
	daemon
	api $A/config/import -H 'Content-Type: application/json' \
		-d '{"services":[{"name":"more","port":7777}]}' |
		jq -e '.schema == "portwatch.import/v1" and .services == 1'
	json $A/services '[.services[].name] == ["wizard", "goblin", "more"]'
	jq -e '.services[2].name == "more"' "$REGISTRY"
	api $A/config/import -H 'Content-Type: application/json' \
		-d '{"allocations":{"8000":{"port":8000,"service_name":"grace","pid":12345}}}' |
		jq -e '.allocations == 1'
	json $A/status '.port_manager.allocated_ports == 1 and .port_manager.available_ports == 100'
}

@test "an import that is bad or contradicts changes nothing and says where" {
	daemon
	before=$(cat "$REGISTRY")
	problem 422 $A/config/import -H 'Content-Type: application/json' \
		-d '{"path":"/x/y.json","text":"{\"services\":[\n{\"name\":\"x\",\"port\":70000}]}"}'
	jq -e '.path == "/x/y.json" and .line == 2 and .json_path == "services[0].port" and .remedy' "$D/body"
	problem 409 $A/config/import -H 'Content-Type: application/json' \
		-d '{"services":[{"name":"goblin","port":7}]}'
	[ "$(cat "$REGISTRY")" = "$before" ]
	json $A/services '[.services[].name] == ["wizard", "goblin"]'
}

# -- events

@test "what stands comes first, then what happens, as it happens" {
	daemon
	listen 18767
	events all types=alert
	grep -qi '^Content-Type: text/event-stream' "$D/shared/all"
	within 5 told all '.type == "alert.firing" and .source == "snapshot" and .alert.service == "goblin"'
	listen 18765
	within 5 told all '.type == "alert.firing" and .source == "kernel" and .alert.service == "wizard"
		and .alert.latency_us > 0 and .schema == "portwatch.event/v1"'
	kill "$listener"
	within 5 told all '.type == "alert.resolved" and .alert.service == "wizard"'
	grep -q '^event: alert.resolved$' "$D/all"
	grep -q '^id: [0-9]' "$D/all"
}

@test "snapshot=0 leaves out what stands" {
	daemon
	listen 18767
	events new 'types=alert&snapshot=0'
	listen 18765
	within 5 told new '.alert.service == "wizard"'
	run ! told new '.alert.service == "goblin"'
}

@test "types and targets choose" {
	daemon
	events bound 'types=socket.bound&target=:18900-18910'
	events goblin 'target=goblin'
	events udp 'types=socket&target=:18901/udp'
	listen 18901
	events held "types=socket&target=pid:$listener"
	within 5 told held '.source == "snapshot" and .port == 18901'
	listen 18767
	within 5 told bound '.type == "socket.bound" and .port == 18901'
	within 5 told goblin '.type == "alert.firing"'
	within 5 told goblin '.type == "socket.listening" and .port == 18767'
	run ! told bound '.port == 18767 or .type != "socket.bound"'
	run ! told goblin '.port == 18901'
	run ! grep -q '^data' "$D/udp"
}

@test "bound sockets are part of what stands" {
	daemon
	listen 18901
	events all 'target=:18901'
	within 5 told all '.type == "socket.listening" and .source == "snapshot"'
}

@test "Last-Event-ID goes on where a client stopped" {
	daemon
	events before 'types=alert&target=goblin'
	listen 18767
	within 5 told before '.type == "alert.firing"'
	last=$(sed -n 's/^id: //p' "$D/before" | tail -1)
	kill "$reader" "$listener"
	within 5 eval "api $A/alerts | jq -e '.alerts | map(.service) | index(\"goblin\") | not'"
	listen 18765
	events after 'types=alert&target=goblin&target=wizard' -H "Last-Event-ID: $last"
	within 5 told after '.type == "alert.firing" and .alert.service == "wizard" and .source == "kernel"'
	told after '.type == "alert.resolved" and .alert.service == "goblin"'
	run ! told after '.type == "alert.firing" and .alert.service == "goblin"'
	[ "$(sed -n 's/^data: //p' "$D/after" | jq -s 'length')" = 2 ]
}

@test "an id that is not known any more gets what stands" {
	daemon
	listen 18767
	for id in 1-deadbeef 99999999 nonsense ''; do
		events "again$id" types=alert -H "Last-Event-ID: $id"
		within 5 told "again$id" '.alert.service == "goblin" and .source == "snapshot"'
	done
	# There is a gap, whoever asked for no snapshot.
	events gap 'types=alert&snapshot=0' -H 'Last-Event-ID: 1-deadbeef'
	within 5 told gap '.alert.service == "goblin" and .source == "snapshot"'
}

@test "what is resumed hides command lines as well" {
	daemon
	events before 'types=alert&target=goblin&target=wizard'
	listen 18765
	within 5 told before '.alert.service == "wizard"'
	first=$(sed -n 's/^id: //p' "$D/before" | head -1)
	listen 18767
	within 5 told before '.alert.service == "goblin" and .alert.found.cmdline'
	reader_uid=65534 events after 'types=alert&target=goblin' -H "Last-Event-ID: $first"
	within 5 told after '.alert.service == "goblin" and .alert.found.cmdline == null and .alert.found.pid'
	# The rest is what it was, but for the end of the sentence.
	diff <(sed -n 's/^data: //p' "$D/before" | jq -S 'select(.alert.service == "goblin")
			| .alert.found.cmdline = null | del(.alert.message)') \
		<(sed -n 's/^data: //p' "$D/after" | jq -S 'del(.alert.message)')
	run ! grep -q 'pause' "$D/after"
}

@test "who does not read is dropped, and the others are not" {
	daemon
	events reads 'types=socket.bound&snapshot=0&target=:18903'
	"${inside[@]}" python3 - "$SOCKET" <<'PYTHON'
import socket, sys

slow = socket.socket(socket.AF_UNIX)
slow.settimeout(60)
slow.connect(sys.argv[1])
slow.send(b"GET /api/ports/events?types=socket&snapshot=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
assert b" 200 " in slow.recv(4096)
for i in range(8000):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("127.0.0.1", 18903))
received = 0
while more := slow.recv(1 << 20):
    received += len(more)
assert received < 3 << 20, received
PYTHON
	within 5 told reads '.port == 18903'
}

@test "a stream that is quiet shows that it lives" {
	daemon
	events quiet 'types=registry&snapshot=0'
	within 20 grep -q '^:' "$D/quiet"
}
