#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""durability.py SEED CHANGES KILLS FOLDER COMMAND... - changes, and SIGKILL in between.

Several clients change services and allocations of their own; COMMAND, a portwatchd that
serves FOLDER/portwatch.sock, is killed at moments that SEED says.  What was acknowledged
must be there then, in the files and to the daemon that is started anew; what was not yet
answered may be there or not, as a whole.
"""
import glob
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

CLIENTS = 6
RANGE = (20000, 20100)
SERVICES = 4  # of each client


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def fail(what):
    print(what, flush=True)
    os._exit(1)


class Run:
    def __init__(self, seed, changes, kills, folder, command):
        self.random = random.Random(seed)
        self.changes, self.folder, self.command = changes, folder, command
        self.socket = folder + "/portwatch.sock"
        self.deaths = sorted(self.random.sample(range(10, changes), kills))
        self.lock = threading.Condition()
        self.acknowledged = self.refused = self.parked = self.unanswered = 0
        self.paused = self.over = False
        self.logged = []  # (action, name) that the audit log must have
        self.clients = [Client(self, i, self.random.random()) for i in range(CLIENTS)]

    def start_daemon(self):
        log = open(self.folder + "/log", "wb")
        self.daemon = subprocess.Popen(self.command, stderr=log)
        log.close()
        end = time.monotonic() + 60
        while b"serving" not in open(self.folder + "/log", "rb").read():
            if self.daemon.poll() is not None or time.monotonic() > end:
                fail(open(self.folder + "/log").read() or "no daemon")
            time.sleep(0.01)

    def kill_daemon(self):
        """At once, or a moment later: in the midst of whatever goes on."""
        time.sleep(self.random.choice([0, 0, self.random.random() * 0.01]))
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()
        with self.lock:
            self.paused = True
            while self.parked < len(self.clients):
                if not self.lock.wait(60):
                    fail("a client does not come back")

    def go_on(self):
        with self.lock:
            self.paused = False
            self.lock.notify_all()

    def get(self, path):
        connection = Connection(self.socket)
        connection.request("GET", path)
        document = json.loads(connection.getresponse().read())
        connection.close()
        return document

    def read_files(self):
        """What is on the disk the moment after, as {key: value}."""
        found = {}
        with open(self.folder + "/registry.json") as file:
            for entry in json.load(file)["services"]:
                found[entry["name"]] = (entry["port"], entry.get("enabled", True))
        try:
            with open(self.folder + "/state/port_registry.json") as file:
                for port, entry in json.load(file)["allocations"].items():
                    found[entry["service_name"]] = int(port)
        except FileNotFoundError:
            pass
        return found

    def read_api(self):
        found = {}
        for entry in self.get("/api/ports/services")["services"]:
            found[entry["name"]] = (entry["port"], entry["enabled"])
        for entry in self.get("/api/ports/allocations")["allocations"]:
            found[entry["service_name"]] = entry["port"]
        return found

    def read_audit(self, mended):
        """Every line but one that a crash cut, and nothing has been added to since."""
        lines = []
        for path in sorted(glob.glob(self.folder + "/audit/*.jsonl")):
            text = open(path).read()
            whole, _, rest = text.rpartition("\n")
            if rest and mended:
                fail(f"{path} ends in {rest!r}")
            lines += [json.loads(line) for line in whole.split("\n") if line]
        return {(line["action"], line["service_name"]) for line in lines}

    def compare(self, found, where, mended=False):
        known = {}
        for client in self.clients:
            known.update(client.known)
        maybe = {c.pending[0]: c.pending[1] for c in self.clients if c.pending}
        for key in set(known) | set(found) | set(maybe):
            have, want = found.get(key), known.get(key)
            may = maybe.get(key, want)
            if may == "any":
                may = have
            if have not in (want, may):
                fail(f"{where}: {key} is {have}, acknowledged was {want}, asked {may}")
        missing = set(self.logged) - self.read_audit(mended)
        if missing:
            fail(f"{where}: the audit log lacks {sorted(missing)}")

    def survive(self):
        self.kill_daemon()
        files = self.read_files()
        self.compare(files, "the files")
        self.start_daemon()
        self.compare(self.read_api(), "the daemon")
        for client in self.clients:
            client.learn(files)
        self.go_on()

    def run(self):
        self.start_daemon()
        for client in self.clients:
            client.start()
        for death in self.deaths:
            with self.lock:
                if not self.lock.wait_for(lambda: self.acknowledged >= death, 120):
                    fail(f"no more than {self.acknowledged} changes")
            self.survive()
        for client in self.clients:
            client.join()
        self.compare(self.read_api(), "the end", mended=True)
        self.compare(self.read_files(), "the end's files", mended=True)
        self.daemon.terminate()
        if self.daemon.wait(60) != 0:
            fail("the end is not clean")
        self.compare(self.read_files(), "after the end", mended=True)


class Client(threading.Thread):
    """Changes what is its own, so that it knows what must be there."""

    def __init__(self, run, number, seed):
        super().__init__(daemon=True)
        self.test, self.number = run, number
        self.random = random.Random(seed)
        self.known = {}  # what was acknowledged
        self.pending = None  # (key, value) of what was asked and not answered
        self.count = 0
        self.connection = None
        first = 30000 + number * 100
        self.ports = list(range(first, first + 100))

    def learn(self, found):
        """What became of the change that was not answered."""
        if not self.pending:
            return
        key = self.pending[0]
        self.pending = None
        if key in found:
            self.known[key] = found[key]
        else:
            self.known.pop(key, None)

    def free_port(self):
        used = {v[0] for v in self.known.values() if isinstance(v, tuple)}
        return self.random.choice([p for p in self.ports if p not in used])

    def choose(self):
        """(method, path, body, key, value, what the audit log is to say)"""
        services = [k for k, v in self.known.items() if isinstance(v, tuple)]
        allocated = [k for k, v in self.known.items() if isinstance(v, int)]
        acts = ["allocate"] * (len(allocated) < 10) + ["release"] * (len(allocated) > 0)
        acts += ["register"] * (len(services) < SERVICES)
        acts += ["switch", "reassign", "unregister"] * (len(services) > 0)
        act = self.random.choice(acts)
        self.count += 1
        if act == "allocate":
            name = f"a{self.number}-{self.count}"
            body = {"service_name": name, "purpose": "x" * self.random.randrange(300)}
            return "POST", "/allocations", body, name, "any", ("allocate", name)
        if act == "release":
            name = self.random.choice(allocated)
            path = f"/allocations/{self.known[name]}"
            return "DELETE", path, None, name, None, ("release", name)
        if act == "register":
            name, port = f"s{self.number}-{self.count}", self.free_port()
            body = {"port": port, "description": "y" * self.random.randrange(300)}
            return "PUT", f"/services/{name}?create=1", body, name, (port, True), None
        name = self.random.choice(services)
        port, enabled = self.known[name]
        if act == "switch":
            body = {"enabled": not enabled}
            value = (port, not enabled)
            return "PUT", f"/services/{name}?update=1", body, name, value, None
        if act == "reassign":
            to = self.free_port()
            path = f"/services/{name}/reassign"
            return "POST", path, {"port": to}, name, (to, enabled), None
        return "DELETE", f"/services/{name}", None, name, None, None

    def ask(self, method, path, body):
        if not self.connection:
            self.connection = Connection(self.test.socket)
        self.connection.request(
            method,
            "/api/ports" + path,
            json.dumps(body) if body else None,
            {"Content-Type": "application/json"},
        )
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())

    def change(self):
        method, path, body, key, value, line = self.choose()
        self.pending = (key, value)
        status, answer = self.ask(method, path, body)
        with self.test.lock:
            self.pending = None
            if status not in (200, 201):
                fail(f"{method} {path} {body}: {answer}")
            if value == "any":
                value = answer["allocation"]["port"]
            if value is None:
                self.known.pop(key, None)
            else:
                self.known[key] = value
            if line:
                self.test.logged.append(line)
            self.test.acknowledged += 1
            self.test.lock.notify_all()

    def park(self):
        with self.test.lock:
            self.test.unanswered += self.pending is not None
            self.test.parked += 1
            self.test.lock.notify_all()
            while self.pending and not self.test.paused:
                self.test.lock.wait()
            while self.test.paused:
                self.test.lock.wait()
            self.test.parked -= 1

    def run(self):
        while self.test.acknowledged < self.test.changes:
            try:
                if self.test.paused:
                    self.park()
                self.change()
            except (OSError, http.client.HTTPException):
                self.connection = None
                self.park()


def main():
    seed, changes, kills, folder = *map(int, sys.argv[1:4]), sys.argv[4]
    print(f"seed {seed}", flush=True)
    run = Run(seed, changes, kills, folder, sys.argv[5:])
    started = time.monotonic()
    try:
        run.run()
    finally:
        run.daemon.kill()
    print(
        f"{run.acknowledged} changes, {kills} kills, {run.unanswered} unanswered, "
        f"{time.monotonic() - started:.1f} s"
    )


main()
