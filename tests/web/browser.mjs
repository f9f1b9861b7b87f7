// SPDX-License-Identifier: GPL-2.0-only
// Debian's Chromium, and what the tests do with the page in it.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ORIGIN, Stage } from "./daemon.mjs";
import { check, equal, note } from "./harness.mjs";

// What npm brought lies outside the tree.
const require = createRequire(join(process.env.O, "web/"));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const SHOTS = join(process.env.O, "screenshots");

let browser;

export async function openBrowser() {
	mkdirSync(SHOTS, { recursive: true });
	browser = await chromium.launch({
		executablePath: "/usr/bin/chromium",
		args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
	});
}

export function closeBrowser() {
	return browser.close();
}

export const SERVICES = [
	{ name: "postgres", port: 15432, process_name: "postgres", environment: "production", description: "Main database" },
	{ name: "wizard", port: 18065, match: { process_name: "wizard" }, environment: "production", depends_on: ["postgres"] },
	{ name: "goblin", port: 18067, match: { process_name: "goblin" }, environment: "development", depends_on: ["wizard"] },
	{ name: "elf", port: 18070, match: { process_name: "elf" }, enabled: false },
];

// A stage with a page to it, which is not opened yet.
export class WebStage extends Stage {
	async openPage({ scheme = "light", width = 1280, height = 900 } = {}) {
		this.context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: "reduce" });
		this.page = await this.context.newPage();
		this.page.setDefaultTimeout(30000);
		this.wrong = [];
		// A 401, or the stream that broke, is the browser's own message.
		this.page.on("console", (m) => m.type() === "error" && !m.text().startsWith("Failed to load resource") && this.wrong.push(m.text()));
		this.page.on("pageerror", (error) => this.wrong.push(error.stack));
		await this.page.addInitScript(() => {
			window.violations = [];
			document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
		});
		return this.page;
	}

	// The registry of these tests, a daemon, and the page with the token.
	async board({ services = SERVICES, settings, http, ...view } = {}) {
		this.registry(services, settings, http);
		await this.daemon();
		const page = await this.openPage(view);
		await page.goto(http?.read_only ? ORIGIN : `${ORIGIN}/#token=${this.token}`);
		await this.live();
		return page;
	}

	// The page shows what stands, and follows.
	async live() {
		await this.page.locator("#board").waitFor();
		await this.page.locator('#connection[data-state="live"]').waitFor();
	}

	shot(name) {
		return this.page.screenshot({ path: join(SHOTS, `${name}.png`), animations: "disabled" });
	}

	row(name) {
		return this.page.locator("#services tbody tr", { has: this.page.getByRole("button", { name, exact: true }) });
	}

	// Until that is the state of the service.
	state(name, word) {
		return this.row(name).locator(".chip", { hasText: word }).waitFor();
	}

	alert(port) {
		return this.page.locator(`#alerts .alert[data-port="${port}"]`);
	}

	async checkAxe(what) {
		await this.page.evaluate(AXE);
		const { violations } = await this.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"], preload: false, iframes: false }));
		for (const v of violations)
			note(`axe, ${what}: ${v.impact}: ${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
		equal(violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => v.id), [], `what axe finds in ${what}`);
	}

	async checkClean() {
		equal(await this.page.evaluate(() => window.violations), [], "violations of the policy");
		equal(this.wrong, [], "what went wrong in the page");
	}

	async checkWidth() {
		const [all, seen] = await this.page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		check(all <= seen, `the page fits: ${all} in ${seen}`);
	}

	async failed() {
		if (this.page)
			await this.shot(`failed-${Date.now()}`).catch(() => {});
		note((this.wrong ?? []).join("\n"));
		note(this.portwatchd?.text ?? "no daemon");
	}

	async close() {
		await this.context?.close();
		await super.close();
	}
}
