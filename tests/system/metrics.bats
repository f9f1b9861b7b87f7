#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# /metrics: each number held against what was really done, and read by a real Prometheus.

bats_require_minimum_version 1.5.0
load daemon_helper

PACKAGING=$BATS_TEST_DIRNAME/../../tools/packaging
PORT=18900 # of the API on TCP
FAMILIES='alerts alerts_total allocations bind_failures_total build_info connections_total
	event_latency_seconds events_lost_total events_total listeners probe_duration_seconds
	probe_success resyncs_total service_restarts_total service_up sink_dropped_total
	sink_failed_total sink_queued sink_sent_total'

# value SERIES - what it is now, portwatch_ left out; nothing where it is not there
value()
{
	api /metrics | awk -v series="portwatch_$1" '$1 == series { print $2 }'
}

# is SERIES VALUE - within moments
is()
{
	within 20 eval "[ \"\$(value '$1')\" = '$2' ]" || {
		echo "$1 is '$(value "$1")', not '$2'"
		return 1
	}
}

# grown SERIES FROM BY - within moments, to at least that
grown()
{
	within 20 eval "[ \"\$(value '$1')\" -ge $(($2 + $3)) ]" || {
		echo "$1 is '$(value "$1")', not $2 and $3 more"
		return 1
	}
}

# families - the names of those on the page
families()
{
	api /metrics | sed -n 's/^# TYPE portwatch_\([^ ]*\) .*/\1/p' | sort
}

portwatch()
{
	"${inside[@]}" "$PORTWATCH" --socket "$SOCKET" "$@"
}

# python CODE [ARGUMENT...] - in the test's network namespace
python()
{
	"${inside[@]}" python3 -c "$@"
}

connect='import socket, sys
for _ in range(int(sys.argv[2])):
    socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()'

# -- the page

@test "promtool finds nothing wrong with the page, which has the names of SPEC and no others" {
	real_programs prometheus
	registry "$two_services"
	daemon
	listen 18765
	api /metrics >"$D/page"
	run -0 "$REAL/usr/bin/promtool" check metrics <"$D/page"
	[ -z "$output" ]
	[ "$(families)" = "$(tr -s '[:space:]' '\n' <<<"$FAMILIES" | sort)" ]
	[ "$(families)" = "$(sed -n 's/^# HELP portwatch_\([^ ]*\) [A-Z0-9].*\.$/\1/p' "$D/page" | sort)" ]
	# A label that a process chooses would be one series a process.
	! grep -q "\"$listener\"" "$D/page" || false
	labels=$(grep -o '[{,][a-z]*=' "$D/page" | tr -d '{,=' | sort -u | tr '\n' ' ')
	[ "$labels" = 'backend errno kind le service severity state type version ' ]
}

@test "GET and HEAD say which format it is, and nothing else is taken" {
	registry "$two_services"
	daemon
	[ "$(api /metrics -o "$D/page" -w '%{content_type}')" = 'text/plain; version=0.0.4; charset=utf-8' ]
	[ -s "$D/page" ]
	[ "$(api /metrics -I | tr -d '\r' | grep -i '^content-type')" = 'Content-Type: text/plain; version=0.0.4; charset=utf-8' ]
	[ "$(code '/metrics?x=1')" = 400 ]
	[ "$(code /metrics -X POST)" = 405 ]
}

@test "over TCP it wants the token, unless the listener is for reading" {
	registry "{\"settings\":{\"http\":{\"listen\":\"127.0.0.1:$PORT\"}},\"services\":[]}"
	daemon
	tcp=("${inside[@]}" curl -s --max-time 30 -o "$D/page" -w '%{http_code}' "http://127.0.0.1:$PORT/metrics")
	[ "$("${tcp[@]}")" = 401 ]
	[ "$("${tcp[@]}" -H "Authorization: Bearer $(cat "$D/state/http_token")")" = 200 ]
	grep -q '^portwatch_build_info{version=".*",backend=".*"} 1$' "$D/page"
	registry "{\"settings\":{\"http\":{\"listen\":\"127.0.0.1:$PORT\",\"read_only\":true}},\"services\":[]}"
	within 10 eval '[ "$("${tcp[@]}")" = 200 ]'
}

# -- the numbers

@test "binds, failures, alerts and listeners are those that happened" {
	registry "$two_services"
	daemon
	is 'service_up{service="goblin"}' 0
	# Of all namespaces: others may bind and fail to meanwhile.
	bound=$(value 'events_total{type="socket.bound"}')
	failed=$(value 'bind_failures_total{errno="EADDRINUSE"}')
	listen 18767
	within 20 eval '[ "$(value listeners)" = "$(api "/api/ports/sockets?state=listening" | jq ".sockets | length")" ]'
	is 'alerts{kind="occupied",severity="critical"}' 1
	is 'alerts_total{kind="occupied",severity="critical"}' 1
	python 'import errno, socket
for address, want in (("127.0.0.1", errno.EADDRINUSE),) * 3 + (("192.0.2.1", errno.EADDRNOTAVAIL),):
    try:
        socket.socket().bind((address, 18767))
    except OSError as e:
        assert e.errno == want, e'
	grown 'bind_failures_total{errno="EADDRINUSE"}' "$failed" 3
	grown 'bind_failures_total{errno="EADDRNOTAVAIL"}' 0 1
	grown 'events_total{type="socket.bind_failed"}' "$failed" 4
	grown 'events_total{type="socket.bound"}' "$bound" 1
	is 'alerts{kind="blocked",severity="critical"}' 1
	grown event_latency_seconds_count 0 4
	[ "$(value 'service_up{service="goblin"}')" = 0 ]
	kill -KILL "$listener"
	is 'alerts{kind="occupied",severity="critical"}' 0
	is 'alerts_total{kind="occupied",severity="critical"}' 1
}

@test "services: up, connections, health checks and restarts" {
	registry "{\"services\":[
		{\"name\":\"web\",\"port\":18801,\"process_name\":\"web\",
		 \"health\":{\"http\":\"http://localhost:18801/\",\"interval\":\"200ms\",\"timeout\":\"20s\"}},
		{\"name\":\"off\",\"port\":18802,\"process_name\":\"off\",\"enabled\":false},
		{\"name\":\"udp\",\"port\":18803,\"proto\":\"udp\",\"process_name\":\"udp\"}]}"
	daemon
	is 'service_up{service="web"}' 0
	[ -z "$(value 'probe_success{service="web"}')" ]
	checked_server web 18801
	is 'service_up{service="web"}' 1
	is 'probe_success{service="web"}' 1
	[ "$(value 'probe_duration_seconds{service="web"}')" != 0.000000000 ]
	mode bad
	is 'probe_success{service="web"}' 0
	is 'service_up{service="web"}' 1
	# Its checks connect, too.
	before=$(value 'connections_total{service="web"}')
	python "$connect" 18801 50
	grown 'connections_total{service="web"}' "$before" 50
	[ "$(value 'service_restarts_total{service="web"}')" = 0 ]
	[ -z "$(value 'service_up{service="off"}')" ]
	[ -z "$(value 'connections_total{service="udp"}')" ]
	kill -KILL "$server"
	is 'service_up{service="web"}' 0
	is 'probe_success{service="web"}' ''
}

@test "a service that portwatch starts again says how often" {
	registry "{\"services\":[{\"name\":\"web\",\"port\":18801,\"restart\":\"always\",
		\"backoff\":{\"initial\":\"10ms\",\"max\":\"10ms\"},\"restart_limit\":{\"count\":9,\"interval\":\"60s\"},
		\"startup_cmd\":[\"python3\",\"-c\",\"import socket, signal; s = socket.create_server(('127.0.0.1', 18801)); signal.pause()\"]}]}"
	daemon
	portwatch up web
	for n in 1 2; do
		kill -KILL "$(portwatch status web -o json | jq '.services.web.pid')"
		is 'service_restarts_total{service="web"}' "$n"
		is 'service_up{service="web"}' 1
	done
	portwatch down web
	is 'service_up{service="web"}' 0
	[ "$(value 'service_restarts_total{service="web"}')" = 2 ]
}

@test "allocations by their state, each with its connections" {
	registry '{"settings":{"port_range":"18810-18814"},"services":[]}'
	daemon
	is 'allocations{state="available"}' 5
	portwatch allocate grace --port 18811
	is 'allocations{state="pending"}' 1
	is 'allocations{state="available"}' 4
	is 'connections_total{service="grace",port="18811"}' 0
	listen 18811
	is 'allocations{state="active"}' 1
	is 'allocations{state="pending"}' 0
	python "$connect" 18811 7
	is 'connections_total{service="grace",port="18811"}' 7
	kill -KILL "$listener"
	is 'allocations{state="active"}' 0
	is 'connections_total{service="grace",port="18811"}' ''
	is 'allocations{state="available"}' 5
}

@test "what is counted goes on over a new registry; what has left it is told no more" {
	registry "$two_services"
	daemon
	listen 18765
	python "$connect" 18765 5
	is 'connections_total{service="wizard"}' 5
	fired=$(value 'alerts_total{kind="occupied",severity="critical"}')
	bound=$(value 'events_total{type="socket.bound"}')
	registry '{"services":[{"name":"imp","port":18769,"process_name":"imp"},
		{"name":"wizard","port":18765,"process_name":"wizard"}]}'
	is 'service_up{service="goblin"}' ''
	is 'service_up{service="imp"}' 0
	[ -z "$(value 'connections_total{service="goblin"}')" ]
	[ "$(value 'connections_total{service="wizard"}')" = 5 ]
	python "$connect" 18765 2
	is 'connections_total{service="wizard"}' 7
	[ "$(value 'alerts_total{kind="occupied",severity="critical"}')" -ge "$fired" ]
	[ "$(value 'events_total{type="socket.bound"}')" -ge "$bound" ]
}

@test "a large page that is read slowly, under a registry that changes, has no series twice" {
	many='import json, sys
json.dump({"services": [{"name": f"service-{i}", "port": 1 + i % 65535, "process_name": "x"}
                        for i in range(int(sys.argv[1]), 20000)][::int(sys.argv[2])]}, sys.stdout)'
	registry "$(python3 -c "$many" 0 1)"
	daemon
	python3 -c "$many" 5000 -1 >"$D/registry.next"
	python3 - "$SOCKET" "$D/registry.next" "$REGISTRY" <<'PYTHON'
import http.client, os, socket, sys


def ask(path):
    peer = http.client.HTTPConnection("localhost")
    peer.sock = socket.socket(socket.AF_UNIX)
    peer.sock.settimeout(60)
    peer.sock.connect(sys.argv[1])
    peer.request("GET", path)
    return peer.getresponse()


page = ask("/metrics")
text = page.read(10000)
os.rename(sys.argv[2], sys.argv[3])
while b"service-4999\"" in ask("/api/ports/env").read() or ask("/api/ports/services/service-4999").status != 404:
    pass
text += page.read()
series = [line.rpartition(" ")[0] for line in text.decode().splitlines() if not line.startswith("#")]
assert len(series) == len(set(series))
families = [line for line in text.decode().splitlines() if line.startswith("# TYPE")]
assert len(families) == len(set(families)) > 10
up = [line for line in series if line.startswith("portwatch_service_up")]
assert 15000 <= len(up) < 20000, len(up)
restarts = [line for line in series if line.startswith("portwatch_service_restarts_total")]
assert len(restarts) == 15000, len(restarts)
PYTHON
}

@test "sinks: what they passed on, and what failed" {
	registry "{\"services\":[{\"name\":\"goblin\",\"port\":18767,\"process_name\":\"goblin\"}],
		\"settings\":{\"sinks\":[{\"name\":\"log\",\"type\":\"file\",\"path\":\"$D/alerts\"},
		{\"name\":\"bad\",\"type\":\"file\",\"path\":\"$D/no/such/folder\"}]}}"
	daemon
	is 'sink_sent_total{sink="log",type="file"}' 0
	listen 18767
	is 'sink_sent_total{sink="log",type="file"}' 1
	is 'sink_sent_total{sink="bad",type="file"}' 0
	grown 'sink_failed_total{sink="bad",type="file"}' 0 1
}

# -- Prometheus

# prometheus - started on what is served at TCP, with the rules of tools/packaging
prometheus()
{
	sed -e "s,127.0.0.1:8700,127.0.0.1:$PORT," -e "s,/etc/prometheus/portwatch_token,$D/token," \
		"$PACKAGING/prometheus.yml" >"$D/prometheus.yml"
	printf 'global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n' >>"$D/prometheus.yml"
	install -m 400 "$D/state/http_token" "$D/token"
	cp "$PACKAGING/prometheus.rules.yml" "$D"
	nsenter -t "$namespace" -n "$REAL/usr/bin/prometheus" --config.file="$D/prometheus.yml" \
		--storage.tsdb.path="$D/tsdb" --web.listen-address=127.0.0.1:18990 >"$D/prometheus" 2>&1 3>&- &
	started+=("$!")
	within 120 "${inside[@]}" curl -sf http://127.0.0.1:18990/-/ready || {
		cat "$D/prometheus"
		return 1
	}
}

# ask PROMQL JQ-FILTER - of what it answers
ask()
{
	"${inside[@]}" curl -sf --max-time 30 http://127.0.0.1:18990/api/v1/query --data-urlencode "query=$1" |
		jq -re "$2"
}

# answers PROMQL VALUE
answers()
{
	[ "$(ask "$1" '.data.result[0].value[1]')" = "$2" ]
}

# stands ALERT - a rule of that name fires
stands()
{
	"${inside[@]}" curl -sf http://127.0.0.1:18990/api/v1/alerts |
		jq -e ".data.alerts[] | select(.labels.alertname == \"$1\" and .state == \"firing\")"
}

@test "a Prometheus reads it with the token, and its alerts fire" {
	real_programs prometheus
	registry "{\"settings\":{\"http\":{\"listen\":\"127.0.0.1:$PORT\"}},
		\"services\":[{\"name\":\"goblin\",\"port\":18767,\"process_name\":\"goblin\"}]}"
	daemon
	prometheus
	within 60 answers 'up{job="portwatch"}' 1
	within 60 answers 'portwatch_service_up{service="goblin"}' 0
	within 60 answers 'sum(portwatch_alerts{severity="critical"})' 0
	! stands PortConflict || false
	listen 18767
	within 60 answers 'portwatch_alerts{kind="occupied"}' 1
	within 60 answers 'histogram_quantile(1, portwatch_event_latency_seconds_bucket) > bool 0' 1
	within 60 stands PortConflict
	# Each question of the dashboard is one that it understands.
	jq -r '.panels[].targets[].expr' "$PACKAGING/grafana.json" |
		sed 's/\$__rate_interval/1m/g; s/\$__range/1h/g; s/\$\(instance\|service\)/.*/g' >"$D/questions"
	[ "$(wc -l <"$D/questions")" -gt 10 ]
	while read -r question; do
		[ "$(ask "$question" .status)" = success ]
	done <"$D/questions"
}

@test "the rules are right, and rules and dashboard name only what there is" {
	real_programs prometheus
	run -0 "$REAL/usr/bin/promtool" check rules "$PACKAGING/prometheus.rules.yml"
	run -0 "$REAL/usr/bin/promtool" check config --syntax-only "$PACKAGING/prometheus.yml"
	registry "$two_services"
	daemon
	families >"$D/families"
	cat "$PACKAGING/prometheus.rules.yml" "$PACKAGING/grafana.json" | grep -o 'portwatch_[a-z_]*' |
		sed -E 's/^portwatch_//; s/(latency_seconds)_(bucket|sum|count)$/\1/' | sort -u >"$D/named"
	[ "$(wc -l <"$D/named")" -gt 10 ]
	[ -z "$(comm -13 "$D/families" "$D/named")" ]
}

@test "the dashboard is one that Grafana takes: a schema, panels in their places, questions" {
	python3 - "$PACKAGING/grafana.json" <<'PYTHON'
import json, sys

board = json.load(open(sys.argv[1]))
assert board["uid"] and board["title"] and board["schemaVersion"] >= 36
variables = {v["name"] for v in board["templating"]["list"]}
assert {"datasource", "instance", "service"} <= variables
ids = [panel["id"] for panel in board["panels"]]
assert len(ids) == len(set(ids)) and len(ids) > 10
taken = set()
for panel in board["panels"]:
    at = panel["gridPos"]
    cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
    assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
    taken |= cells
    assert panel["type"] in ("stat", "timeseries", "state-timeline", "table") and panel["title"]
    assert panel["datasource"]["uid"] == "${datasource}"
    refs = [target["refId"] for target in panel["targets"]]
    assert refs and len(refs) == len(set(refs))
    for target in panel["targets"]:
        assert target["expr"] and "$instance" in target["expr"], panel["title"]
PYTHON
}
