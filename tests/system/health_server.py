#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""health_server NAME PORT MODE_FILE [CERTIFICATE] - an HTTP server in the mood of a file.

ok, bad (500), slow (an answer after a minute), away (redirects to the address that the
file names behind it), within (redirects to itself), big (a body without an end), silent
(closes at once), rude (a head without an end); logs each path that is asked for.
"""
import http.server
import signal
import ssl
import sys
import time
from pathlib import Path

NAME, PORT, MODE = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        mode, *rest = MODE.read_text().split()
        with open(f"{MODE}.log", "a") as log:
            print(self.path, self.headers["Host"], file=log)
        getattr(self, mode)(*rest)

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
