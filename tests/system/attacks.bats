#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Who may do what (SPEC section 5), tried by those who may not, on the Unix socket and on
# loopback TCP; and that the API answers everybody else meanwhile.

bats_require_minimum_version 1.5.0
load daemon_helper

A=/api/ports
PORT=18700
JSON='Content-Type: application/json'

setup()
{
	helper_setup
	serve '{"listen":"127.0.0.1:18700"}'
}

# serve SETTINGS - a daemon with these settings.http
serve()
{
	registry "{\"settings\":{\"http\":$1},\"services\":[
		{\"name\":\"goblin\",\"port\":18767,\"process_name\":\"goblin\",\"env\":{\"KEY\":\"hunter2\"}}]}"
}

# up - start it, with its token in $token
up()
{
	daemon
	token=
	[ ! -e "$D/state/http_token" ] || token=$(cat "$D/state/http_token")
}

# tcp PATH [CURL-OPTION...] - the body of an answer over TCP, without the token
tcp()
{
	local path=$1

	shift
	nsenter -t "$namespace" -n curl -s --max-time 30 "$@" "http://127.0.0.1:$PORT$path"
}

# bearer PATH [CURL-OPTION...] - the same with the token
bearer()
{
	tcp "$@" -H "Authorization: Bearer $token"
}

# status HOW PATH [CURL-OPTION...] - the status of an answer, HOW being api, tcp or bearer
status()
{
	"$@" -o "$D/body" -w '%{http_code}'
}

# refused STATUS HOW PATH [CURL-OPTION...] - that answer is a problem of that status
refused()
{
	local want=$1

	shift
	[ "$("$@" -o "$D/body" -w '%{http_code} %{content_type}')" = "$want application/problem+json" ] || {
		cat "$D/body"
		return 1
	}
	jq -e ".status == $want" "$D/body"
}

# python CODE - in the test's network namespace, with
#	connect(HOW), HOW being "unix" or "tcp"
#	ask(PEER, PATH, MORE-HEADERS), which has the token, for the head of an answer
#	every(HOW, STATUS, HEADERS, ACCESS...): each operation of the document but the page's,
#	or those of one of these accesses, is answered by a problem of that status
python()
{
	nsenter -t "$namespace" -n python3 - "$SOCKET" "$PORT" "$token" "$1" <<'PYTHON'
import http.client, json, os, re, resource, socket, sys, time

resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
token = sys.argv[3]
HEAD = f"Host: localhost\r\nAuthorization: Bearer {token}\r\n".encode()


def connect(how):
    peer = socket.socket(socket.AF_UNIX if how == "unix" else socket.AF_INET)
    peer.connect(sys.argv[1] if how == "unix" else ("127.0.0.1", int(sys.argv[2])))
    peer.settimeout(60)
    return peer


def ask(peer, path="/healthz", more=b""):
    peer.sendall(b"GET " + path.encode() + b" HTTP/1.1\r\n" + HEAD + more + b"\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        got = peer.recv(65536)
        if not got:
            break
        answer += got
    return answer


def is_open(peer):
    peer.setblocking(False)
    try:
        return peer.recv(4096) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def request(how, method, path, headers, body="{}"):
    peer = http.client.HTTPConnection("localhost")
    peer.sock = connect(how)
    peer.request(method, path, body, {"Content-Type": "application/json", **headers})
    answer = peer.getresponse()
    kind = answer.headers["Content-Type"]
    if kind == "text/event-stream":
        return answer.status, kind, None
    text = answer.read()
    return answer.status, kind, json.loads(text) if kind.endswith("json") else text


openapi = request("unix", "GET", "/openapi.json", {}, None)[2]


def every(how, want, headers, *accesses):
    asked = 0
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            access = operation["x-access"]
            # The page itself, which knows nothing of this host.
            assert access != "public" or path in ("/", "/web/{file}"), path
            if access == "public" or accesses and access not in accesses:
                continue
            status, kind, document = request(how, method.upper(), re.sub("{.*}", "1", path), headers)
            assert (status, kind) == (want, "application/problem+json"), (how, method, path, status, document)
            assert document["status"] == want
            asked += 1
    assert asked, accesses


BEARER = {"Authorization": f"Bearer {token}"}
exec(sys.argv[4])
PYTHON
}

# -- the token

@test "without a setting nothing listens on TCP" {
	registry "$two_services"
	up
	run ! tcp /healthz
	[ ! -e "$D/state/http_token" ]
}

@test "the token is 256 bits that only their owner may read, and stays the same" {
	up
	[ "$(stat -c %a "$D/state/http_token")" = 600 ]
	[[ $token =~ ^[0-9a-f]{64}$ ]]
	kill "$daemon"
	within 10 test ! -e "$SOCKET"
	daemon
	[ "$(cat "$D/state/http_token")" = "$token" ]
}

@test "without the token, or with another, nothing is read and nothing changed" {
	up
	python '
every("tcp", 401, {})
every("tcp", 401, {"Authorization": f"Bearer {token[:-1]}x"})'
	refused 401 tcp /no/such/path
	refused 401 tcp $A/status -H "Authorization: Basic $token"
	refused 401 tcp $A/status -H "Authorization: $token"
	refused 401 tcp "$A/status?token=$token"
	refused 401 tcp /web/../api/ports/status --path-as-is
	cmp <(tcp /) <(bearer /)
	tcp $A/status -D "$D/head" -o /dev/null
	grep -qi '^WWW-Authenticate: Bearer' "$D/head"
}

@test "with the token everything may be read and changed" {
	up
	[ "$(status bearer $A/status)" = 200 ]
	[ "$(status bearer $A/services/orc -X PUT -H "$JSON" -d '{"port":18900}')" = 201 ]
	bearer $A/services | jq -e '.services | map(.name) | index("orc")'
	bearer $A/services/goblin | jq -e '.service.env.KEY == "hunter2"'
	listen 18767
	bearer $A/alerts | jq -e '.alerts[] | select(.service == "goblin") | .found.cmdline'
	[ "$(status bearer $A/ports/18767/kill -H "$JSON" -d '{"signal":"KILL"}')" = 200 ]
}

@test "a new token is taken over on SIGHUP, and the old one ends" {
	up
	old=$token
	token=$(printf '%064d' 7)
	echo "$token" >"$D/state/http_token"
	kill -HUP "$daemon"
	within 5 eval '[ "$(status bearer /healthz)" = 200 ]'
	token=$old
	refused 401 bearer /healthz
}

@test "a token that others may read, or that is none, is not served with" {
	mkdir -p "$D/state"
	for bad in 'chmod 644' 'truncate -s 0' 'chown 65534'; do
		printf '%064d\n' 7 >"$D/state/http_token"
		chown 0 "$D/state/http_token"
		chmod 600 "$D/state/http_token"
		$bad "$D/state/http_token"
		daemon
		grep 'token' "$D/log"
		run ! tcp /healthz
		[ "$(api /healthz)" = ok ]
		kill "$daemon"
		within 10 test ! -e "$SOCKET"
	done
}

@test "a read-only listener answers reads without a token, and nothing else" {
	serve '{"listen":"127.0.0.1:18700","read_only":true}'
	up
	[ ! -e "$D/state/http_token" ]
	[ "$(status tcp $A/status)" = 200 ]
	python '
every("tcp", 403, {}, "change", "own")'
	listen 18767
	tcp $A/alerts | jq -e '.alerts[] | select(.service) | .found | .pid and .cmdline == null'
	run ! grep hunter2 <(tcp $A/services; tcp $A/config; tcp $A/services/goblin)
	# The Unix socket is as ever.
	[ "$(status api $A/services/orc -X PUT -H "$JSON" -d '{"port":18900}')" = 201 ]
}

@test "the listener follows the registry" {
	up
	[ "$(status bearer /healthz)" = 200 ]
	registry "$two_services"
	within 5 eval '! bearer /healthz'
	serve '{"listen":"localhost:18700","hosts":["pw.example"]}'
	within 5 eval '[ "$(status bearer /healthz)" = 200 ]'
	[ "$("${inside[@]}" curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" \
		"http://[::1]:$PORT/healthz")" = 200 ]
	[ "$(status bearer /healthz -H 'Host: pw.example')" = 200 ]
	serve '{"listen":"127.0.0.1:18700"}'
	within 5 eval 'refused 403 bearer /healthz -H "Host: pw.example"'
}

@test "a port that is taken leaves the rest as it is" {
	listen $PORT
	up
	grep "Cannot serve http://127.0.0.1:$PORT" "$D/log"
	[ "$(api /healthz)" = ok ]
}

@test "settings that are bad are refused with their place" {
	for bad in '{"listen":"0.0.0.0:18700"}' '{"listen":"18700"}' '{"listen":"127.0.0.1:0"}' \
		'{"listen":"127.0.0.1:18700","token_file":"token"}' '{"read_only":1}' '{"hosts":["*"]}' \
		'{"hosts":"a"}'; do
		serve "$bad"
		run -2 "$PORTWATCHD" --registry "$REGISTRY" --socket "$SOCKET"
		[[ $output == *"$REGISTRY:1:"*"settings.http."* ]]
	done
}

# -- pages of other origins

@test "another Host is refused on every listener" {
	up
	for how in api bearer; do
		for host in evil.example localhost.evil.example evil.example:18700 0.0.0.0; do
			refused 403 $how $A/status -H "Host: $host"
		done
		refused 403 $how $A/services/orc -X PUT -H "$JSON" -d '{"port":1}' -H 'Host: evil.example'
		refused 400 $how $A/status -H 'Host:'
		for host in localhost 127.0.0.1 127.0.0.1:18700 '[::1]:1'; do
			[ "$(status $how $A/status -H "Host: $host")" = 200 ]
		done
	done
	python '
for how in ("unix", "tcp"):
    assert b" 400 " in ask(connect(how), more=b"Host: evil.example\r\n")
    # Where a request ends is not for two to say.
    assert b" 400 " in ask(connect(how), more=b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")'
}

@test "a page of another origin gets nothing, whatever it asks" {
	up
	python '
for how in ("unix", "tcp"):
    every(how, 403, {"Origin": "http://evil.example", **BEARER})'
	for how in api bearer; do
		for origin in null 'http://localhost:3000' 'http://127.0.0.1:18701' file://; do
			refused 403 $how $A/status -H "Origin: $origin"
		done
		$how $A/services/goblin -X OPTIONS -D "$D/head" -o /dev/null -H 'Origin: http://evil.example' \
			-H 'Access-Control-Request-Method: PUT' -H 'Access-Control-Request-Headers: content-type'
		grep -q '^HTTP/1.1 403' "$D/head"
		run ! grep -i '^Access-Control' "$D/head"
	done
	[ "$(status bearer $A/status -H "Origin: http://127.0.0.1:$PORT")" = 200 ]
	bearer $A/status -D "$D/head" -o /dev/null
	grep -qi '^Cross-Origin-Resource-Policy: same-origin' "$D/head"
	grep -qi '^X-Content-Type-Options: nosniff' "$D/head"
}

@test "what a form can send changes nothing" {
	up
	before=$(cat "$REGISTRY")
	for type in text/plain application/x-www-form-urlencoded multipart/form-data ''; do
		for how in api bearer; do
			refused 415 $how $A/config/import -H "Content-Type: $type" -d '{"services":[{"name":"x","port":1}]}'
			refused 415 $how $A/services/goblin -X DELETE -H "Content-Type: $type"
		done
	done
	[ "$(cat "$REGISTRY")" = "$before" ]
}

# -- another user

@test "another user changes nothing, by any route" {
	up
	before=$(cat "$REGISTRY")
	listen 18767
	python '
os.setuid(65534)
every("unix", 403, {}, "change")
every("tcp", 401, {})
assert request("unix", "POST", "/api/ports/ports/18767/kill", {})[0] == 403
try:
    open(os.path.dirname(sys.argv[1]) + "/state/http_token")
    raise AssertionError
except PermissionError:
    pass'
	[ "$(cat "$REGISTRY")" = "$before" ]
	kill -0 "$listener"
}

# -- too much, and too slow

@test "a body of 10 MiB is refused, however it is sent" {
	up
	head -c 10485760 /dev/zero >"$D/large"
	for how in api bearer; do
		refused 413 $how $A/config/import -H "$JSON" --data-binary "@$D/large"
		refused 413 $how $A/config/import -H "$JSON" --data-binary "@$D/large" -H 'Expect:'
		refused 413 $how $A/config/import -H "$JSON" --data-binary "@$D/large" -H 'Expect:' \
			-H 'Transfer-Encoding: chunked'
	done
	refused 401 tcp $A/config/import -H "$JSON" --data-binary "@$D/large" -H 'Expect:'
	python '
for how in ("unix", "tcp"):
    peer = connect(how)
    peer.sendall(b"POST /api/ports/config/import HTTP/1.1\r\nContent-Type: application/json\r\n" + HEAD +
                 b"Content-Length: 1000000000000\r\n\r\n")
    assert b" 413 " in peer.recv(4096)
    peer = connect(how)
    try:
        peer.sendall(b"GET /healthz HTTP/1.1\r\n" + HEAD + b"X: " + b"x" * 1000000 + b"\r\n\r\n")
        answer = peer.recv(65536)
    except ConnectionError:
        answer = b""
    assert b" 200 " not in answer, answer'
	[ "$(api /healthz)" = ok ]
}

@test "2,000 idle connections leave room, for their own user too" {
	up
	python '
kept = []
if os.fork():
    os.wait()
    sys.exit()
os.setuid(65534)
for how in ("unix", "tcp"):
    kept += [connect(how) for i in range(1000)]
for how in ("unix", "tcp"):
    for i in range(3):
        answer = ask(connect(how))
        assert b" 200 " in answer, answer
time.sleep(0.5)
left = sum(is_open(peer) for peer in kept)
assert left <= 256, left
open(os.path.dirname(sys.argv[1]) + "/shared/full", "w").close()
time.sleep(3)' &
	attacker=$!
	within 30 test -e "$D/shared/full"
	for try in 1 2 3; do
		[ "$(api /healthz)" = ok ]
		[ "$(bearer /healthz)" = ok ]
	done
	wait "$attacker"
}

@test "who asks a byte a second is closed, and nobody waits for it" {
	up
	python '
slow = []
for how in ("unix", "tcp"):
    slow.append((connect(how), b"GET /healthz HTTP/1.1\r\n" + HEAD))
    peer = connect(how)
    peer.sendall(b"POST /api/ports/config/import HTTP/1.1\r\nContent-Type: application/json\r\n" + HEAD +
                 b"Content-Length: 1000\r\n\r\n")
    slow.append((peer, b"{" + b" " * 999))
    slow.append((connect(how), b""))
began = time.monotonic()
for i in range(40):
    for peer, text in slow:
        try:
            peer.send(text[i:i + 1])
        except ConnectionError:
            pass
    for how in ("unix", "tcp"):
        assert b" 200 " in ask(connect(how))
    if not any(is_open(peer) for peer, text in slow):
        break
    time.sleep(1)
else:
    raise AssertionError([is_open(peer) for peer, text in slow])
assert time.monotonic() - began > 5'
}
