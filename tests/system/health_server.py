#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""health_server NAME PORT MODE_FILE [CERTIFICATE] - an HTTP server in the mood of a file.

ok, bad (500), slow (an answer after a minute), away (redirects to the address that the
file names behind it), within (redirects to itself), big (a body without an end), silent
(closes at once), rude (a head without an end); logs each path that is asked for.

What is posted goes to MODE_FILE.posts, a JSON object a line: path, headers, body, and
whether its webhook-signature is genuine by the secret in MODE_FILE.secret.
"""
import base64
import hashlib
import hmac
import http.server
import json
import signal
import ssl
import sys
import time
from pathlib import Path

NAME, PORT, MODE = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])


def is_genuine(headers, body):
    secret = Path(f"{MODE}.secret")
    if not secret.exists() or "webhook-signature" not in headers:
        return None
    key = base64.b64decode(secret.read_text().strip().removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}"
    digest = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(digest).decode()
    recent = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return recent and wanted in headers["webhook-signature"].split(" ")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        mode, *rest = MODE.read_text().split()
        with open(f"{MODE}.log", "a") as log:
            print(self.path, self.headers["Host"], file=log)
        getattr(self, mode)(*rest)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        post = {
            "path": self.path,
            "headers": headers,
            "genuine": is_genuine(headers, body),
            "body": json.loads(body),
        }
        with open(f"{MODE}.posts", "a") as log:
            print(json.dumps(post), file=log)
        self.do_GET()

    def answer(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def ok(self):
        self.answer(200)

    def bad(self):
        self.answer(500)

    def slow(self):
        time.sleep(60)

    def away(self, where):
        self.answer(302, Location=where)

    def within(self):
        if self.path == "/final":
            self.answer(500)
        else:
            self.answer(302, Location="/final")

    def flood(self, data):
        try:
            while True:
                self.wfile.write(data)
        except OSError:
            self.close_connection = True

    def big(self):
        self.answer(200)
        self.flood(b"x" * 65536)

    def rude(self):
        self.send_response(200)
        self.flush_headers()
        self.flood(b"X-More: and more\r\n" * 1000)

    def silent(self):
        self.close_connection = True

    def log_message(self, *args):
        pass


Path("/proc/self/comm").write_text(NAME)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("listening", flush=True)
server.serve_forever()
