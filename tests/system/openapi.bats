#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# /openapi.json, held against what the daemon answers.

bats_require_minimum_version 1.5.0
load daemon_helper

A=/api/ports

setup()
{
	helper_setup
	registry '{"services":[
		{"name":"wizard","port":18765,"match":{"process_name":"wizard"},"env":{"A":"b"},
		 "health":{"http":"http://localhost:18765/","interval":"1h"},"tags":["x"]},
		{"name":"goblin","port":[{"name":"web","port":18767,"address":"127.0.0.1"}],
		 "startup_cmd":"goblin -x","depends_on":["wizard"]},
		{"name":"elf","port":"dynamic","process_name":"elf","enabled":false}],
		"settings":{"unregistered":"all","sinks":[{"type":"exec","argv":["false"]}]}}'
	daemon
	api /openapi.json >"$D/openapi.json"
}

# checked PYTHON - with `openapi`, get(METHOD, PATH, BODY) -> (status, type, document) and
# fits(DOCUMENT, SCHEMA), which raises where it does not
checked()
{
	python3 - "$SOCKET" "$D/openapi.json" "$1" <<'PYTHON'
import http.client, json, re, socket, sys

openapi = json.load(open(sys.argv[2]))


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(sys.argv[1])


def get(method, path, body=None):
    peer = Unix("localhost")
    text = None if body is None else json.dumps(body)
    peer.request(method, path, text, {"Content-Type": "application/json"})
    answer = peer.getresponse()
    kind = answer.headers["Content-Type"].partition(";")[0]
    if kind == "text/event-stream":
        return answer.status, kind, None
    text = answer.read()
    return answer.status, kind, json.loads(text) if kind.endswith("json") else text


TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
         "number": (int, float), "null": type(None)}
KEYWORDS = {"type", "properties", "required", "additionalProperties", "items", "enum", "const",
            "format", "minimum", "maximum", "anyOf", "$ref"}


def is_a(value, name):
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def fits(value, schema, at="$"):
    assert set(schema) <= KEYWORDS, schema
    if "$ref" in schema:
        assert schema["$ref"].startswith("#/components/schemas/")
        return fits(value, openapi["components"]["schemas"][schema["$ref"].split("/")[-1]], at)
    if "anyOf" in schema:
        errors = []
        for choice in schema["anyOf"]:
            try:
                return fits(value, choice, at)
            except AssertionError as error:
                errors.append(str(error))
        raise AssertionError(errors)
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert any(is_a(value, name) for name in names), (at, value, names)
    assert "const" not in schema or value == schema["const"], (at, value)
    assert "enum" not in schema or value in schema["enum"], (at, value)
    if isinstance(value, int):
        assert value >= schema.get("minimum", value) and value <= schema.get("maximum", value), at
    if schema.get("format") == "date-time" and value is not None:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value), (at, value)
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            fits(item, schema["items"], f"{at}[{i}]")
    if isinstance(value, dict):
        assert set(schema.get("required", [])) <= set(value), (at, set(schema["required"]) - set(value))
        more = schema.get("additionalProperties", True)
        for key, item in value.items():
            if key in schema.get("properties", {}):
                fits(item, schema["properties"][key], f"{at}.{key}")
            elif isinstance(more, dict):
                fits(item, more, f"{at}.{key}")
            else:
                assert more, (at, "is not described", key)


def operations():
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def check_answer(operation, answer):
    status, kind, document = answer
    response = operation["responses"].get(str(status), operation["responses"]["default"])
    assert kind in response["content"], (operation["operationId"], status, kind, document)
    if document is not None and kind.endswith("json"):
        fits(document, response["content"][kind].get("schema", {}))
    return status, document


exec(sys.argv[3])
PYTHON
}

@test "the document is OpenAPI 3.1 and refers to nothing that is not there" {
	checked '
assert openapi["openapi"] == "3.1.0" and openapi["info"]["title"] and openapi["info"]["version"]
refs = set(re.findall(r"\"\$ref\": \"#/components/schemas/(\w+)\"", json.dumps(openapi)))
assert refs <= set(openapi["components"]["schemas"]), refs
ids = [operation["operationId"] for _, _, operation in operations()]
assert len(ids) == len(set(ids)) and all(re.fullmatch(r"\w+", name) for name in ids), ids
for method, path, operation in operations():
    inside = re.findall(r"{(\w+)}", path)
    described = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
    assert inside == described, path
    assert operation["summary"] and len(operation["responses"]) > 1
    assert "default" in operation["responses"]
    assert (method == "GET") == (operation["x-access"] in ("read", "public")), path
for name, schema in openapi["components"]["schemas"].items():
    assert schema["type"] == "object" and schema["properties"], name'
}

@test "every path of the document is served, no other method, and every path of SPEC is in it" {
	checked '
for path, item in openapi["paths"].items():
    url = re.sub(r"{\w+}", "1", path)
    for method in ("GET", "POST", "PUT", "DELETE"):
        if path.endswith("/events") and method == "GET":
            continue
        status, kind, document = get(method, url + "?no_such_argument=1", None)
        assert (status == 405) == (method.lower() not in item), (method, path, status, document)
        assert status in (400, 405, 415), (method, path, status, document)
for path in ("status services services/{name} services/{name}/kill services/{name}/reassign conflicts alerts "
             "sockets why/{target} available ports/{port}/kill allocations allocations/{port} watchdog/status report env "
             "events").split():
    assert "/api/ports/" + path in openapi["paths"], path'
}

@test "what is read is as the document says" {
	listen 18767
	listen 18765 ::1
	api $A/allocations -H 'Content-Type: application/json' -d '{"service_name":"imp"}' -o /dev/null
	checked '
given = {"name": "goblin", "port": "8000", "file": "app.js", "target": "goblin"}
for method, path, operation in operations():
    if method == "GET":
        url = re.sub(r"{(\w+)}", lambda m: given[m[1]], path)
        status, document = check_answer(operation, get(method, url))
        assert status == 200, (url, status, document)
for url, path in (("/api/ports/why/:18765", "why/{target}"), ("/api/ports/why/:1-1024", "why/{target}"),
                  ("/api/ports/services/elf", "services/{name}"), ("/api/ports/services/nobody", "services/{name}"),
                  ("/api/ports/alerts?state=all", "alerts"), ("/api/ports/report?format=json", "report"),
                  ("/api/ports/sockets?fields=port,pid", "sockets"), ("/api/ports/allocations/1", "allocations/{port}")):
    check_answer(openapi["paths"]["/api/ports/" + path]["get"], get("GET", url))'
}

@test "every argument of the document is taken" {
	checked '
values = {"port": "8000", "n": "2", "proto": "tcp", "pid": "1", "user": "root", "service": "goblin", "netns": "1",
          "fields": "port", "types": "alert", "target": "goblin", "since": "2h", "before": "1",
          "limit": "2"}
for method, path, operation in operations():
    for parameter in operation["parameters"]:
        if method != "GET" or parameter["in"] != "query":
            continue
        name, schema = parameter["name"], parameter["schema"]
        for value in schema.get("enum", [values.get(name)]):
            url = path.replace("{port}", "8000").replace("{name}", "goblin")
            status, _, document = get(method, f"{url}?{name}={value}")
            assert status in (200, 404, 422), (url, status, document)
        if "enum" in schema:
            status, _, document = get(method, f"{url}?{name}=no+such+thing")
            assert status == 400, (path, name, status, document)'
}

@test "every member of a body in the document is known, and no other" {
	checked '
def members(operation):
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].split("/")[-1]]
    return schema["properties"], schema["additionalProperties"]

for method, path, operation in operations():
    if "requestBody" not in operation or path.endswith("import"):
        continue
    url = path.replace("{name}", "goblin").replace("{port}", "18999").replace("{pid}", "999999999")
    known, more = members(operation)
    unknown = re.compile(r"No member|has no|is not a field|nothing is called")
    for name in [*known, *([] if more else ["no_such_member"])]:
        # What no member may be: refused, but not as one that is not there.
        body = {"service_name": "x", "port": 1, **{name: {"no": ["such"]}}} if "allocations" in path else \
               {"port": 18768, **{name: {"no": ["such"]}}} if "reassign" in path else {name: {"no": ["such"]}}
        status, document = check_answer(operation, get(method, url, body))
        detail = document.get("detail", "")
        assert bool(unknown.search(detail)) == (name == "no_such_member"), (path, name, status, document)'
}

@test "what is changed is answered as the document says" {
	listen 18767
	checked '
def act(method, path, url, body, want):
    status, document = check_answer(openapi["paths"][path][method.lower()], get(method, url, body))
    assert status == want, (url, status, document)

S = "/api/ports/services/{name}"
act("PUT", S, "/api/ports/services/orc", {"port": 18900, "process_name": "orc"}, 201)
act("PUT", S, "/api/ports/services/orc?update=1", {"enabled": False}, 200)
act("PUT", S, "/api/ports/services/orc?create=1", {"port": 18900}, 409)
act("POST", S + "/reassign", "/api/ports/services/orc/reassign", {"port": 18901}, 200)
act("POST", S + "/reassign", "/api/ports/services/orc/reassign", {"port": 18767}, 409)
act("DELETE", S, "/api/ports/services/orc", None, 200)
act("DELETE", S, "/api/ports/services/orc", None, 404)
act("POST", "/api/ports/config/import", "/api/ports/config/import", {"services": []}, 200)
act("POST", "/api/ports/allocations", "/api/ports/allocations", {"service_name": "imp"}, 201)
act("POST", "/api/ports/allocations", "/api/ports/allocations", {}, 422)
act("DELETE", "/api/ports/allocations/{port}", "/api/ports/allocations/8000", None, 200)
act("POST", S + "/kill", "/api/ports/services/wizard/kill", {}, 404)
act("POST", S + "/kill", "/api/ports/services/goblin/kill", {}, 409)
P = "/api/ports/ports/{port}/kill"
act("POST", P, "/api/ports/ports/18767/kill", {"dry_run": True}, 200)
act("POST", P, "/api/ports/ports/18767/kill", {"signal": "KILL"}, 200)
act("POST", P, "/api/ports/ports/18767/kill", {}, 404)'
}
