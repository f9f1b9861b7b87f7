// SPDX-License-Identifier: GPL-2.0-only
// A portwatchd with a listener for browsers, and processes that hold ports.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./harness.mjs";

export const PORT = 18700;
export const ORIGIN = `http://127.0.0.1:${PORT}`;

// Says when it went to bind, by the clock of this host.
const LISTEN = `
import ctypes, signal, socket, sys, time
if len(sys.argv) > 2 and sys.argv[2]:
    ctypes.CDLL(None).prctl(15, sys.argv[2].encode())
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
at = time.time()
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
print(at * 1000, flush=True)
signal.pause()`;

export class Stage {
	constructor() {
		this.folder = mkdtempSync(join(tmpdir(), "portwatch-web-"));
		this.registryPath = join(this.folder, "registry.json");
		this.tokenPath = join(this.folder, "state/http_token");
		this.children = new Set();
		writeFileSync(join(this.folder, "listen.py"), LISTEN);
	}

	// As an editor writes it, by renaming.
	registry(services, settings = {}, http = {}) {
		const text = typeof services === "string" ? services : JSON.stringify({
			services, settings: { port_range: "18000-18099", ...settings, http: { listen: `127.0.0.1:${PORT}`, ...http } },
		});
		writeFileSync(`${this.registryPath}.new`, text);
		renameSync(`${this.registryPath}.new`, this.registryPath);
	}

	readRegistry() {
		return JSON.parse(readFileSync(this.registryPath, "utf8"));
	}

	get token() {
		return readFileSync(this.tokenPath, "utf8").trim();
	}

	start(command, args, options = {}) {
		const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], cwd: this.folder, ...options });
		child.text = "";
		child.ended = new Promise((resolve) => child.on("exit", resolve));
		for (const stream of [child.stdout, child.stderr])
			stream.on("data", (data) => (child.text += data));
		this.children.add(child);
		return child;
	}

	async daemon() {
		const at = (name) => join(this.folder, name);
		const child = this.start(join(process.env.O, "portwatchd"), ["--registry", this.registryPath, "--socket", at("socket"), "--state", at("state"), "--log", at("log"), "--run", at("run")]);
		await until(() => child.text.includes("serving") || child.exitCode !== null, "the daemon serves");
		if (child.exitCode !== null)
			throw new Error(`the daemon ended: ${child.text}`);
		this.portwatchd = child;
	}

	async end(child, signal = "SIGKILL") {
		child.kill(signal);
		await child.ended;
		this.children.delete(child);
	}

	// A process that listens on @port until the test ends; bound_ms says since when.
	async listen(port, { comm = "", args = [] } = {}) {
		const child = this.start("python3", ["listen.py", String(port), comm, ...args]);
		await until(() => child.text.includes("\n") || child.exitCode !== null, `somebody listens on ${port}`);
		child.bound_ms = Number(child.text);
		if (!child.bound_ms)
			throw new Error(child.text);
		return child;
	}

	// {status, headers, text} without a browser.
	ask(path, { method = "GET", headers = {}, body } = {}) {
		return new Promise((resolve, reject) => {
			const asked = request(ORIGIN + path, { method, headers, agent: false }, (answer) => {
				let text = "";
				answer.setEncoding("utf8");
				answer.on("data", (data) => (text += data));
				answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
			});
			asked.on("error", reject);
			asked.end(body);
		});
	}

	async api(path, options = {}) {
		const answer = await this.ask(`/api/ports${path}`, { ...options, headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json", ...options.headers } });
		return JSON.parse(answer.text);
	}

	async close() {
		await Promise.all([...this.children].map((child) => this.end(child)));
		rmSync(this.folder, { recursive: true, force: true });
	}
}
