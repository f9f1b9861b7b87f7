// SPDX-License-Identifier: GPL-2.0-only
// What happens on the host is in the page at once, as text and nothing else.

import { ORIGIN } from "./daemon.mjs";
import { check, equal, note, test, until } from "./harness.mjs";

const TRIES = 7;

// When the alert for @port came into the page, by the clock of this host.
function seen(page, port) {
	return page.evaluate((wanted) => new Promise((resolve) => {
		const look = () => document.querySelector(`#alerts .alert[data-port="${wanted}"]`) && resolve(Date.now());
		new MutationObserver(look).observe(document.getElementById("alerts"), { childList: true, subtree: true });
		look();
	}), port);
}

test("an alert is in the page after a bind, and gone after the release", async (stage) => {
	const page = await stage.board();
	const times = [];
	for (let i = 0; i < TRIES; i++) {
		const appeared = seen(page, 18067);
		const child = await stage.listen(18067);
		times.push(await appeared - child.bound_ms);
		if (i === 0) {
			await page.getByText("Port 18067 (tcp) belongs to goblin").first().waitFor();
			await until(async () => /^\(1\)/.test(await page.title()), "the title counts");
			await stage.state("goblin", "Conflict");
			await until(async () => (await page.locator("#announce").innerText()).includes("goblin"), "it is read aloud");
		}
		await stage.end(child);
		await stage.alert(18067).waitFor({ state: "detached" });
	}
	times.sort((a, b) => a - b);
	note(`bind to the alert in the page: median ${times[TRIES >> 1].toFixed(0)} ms, worst ${times[TRIES - 1].toFixed(0)} ms of ${TRIES}`);
	await page.getByText("Resolved lately").waitFor();
	await stage.checkClean();
});

test("what a hostile process is called stays text", async (stage) => {
	const script = "<script>window.owned = 1</script><img src=x onerror='window.owned = 1'>";
	const page = await stage.board({ services: [{ name: "wizard", port: 18065, match: { process_name: "wizard" }, description: script, environment: script, startup_cmd: ["wizard", script] }] });
	await stage.listen(18065, { comm: "<b onclick=x>", args: [script, "\u001b[2J\u001b]0;owned\u0007", "\u202egnp.exe", "a\nb"] });
	const alert = stage.alert(18065);
	await alert.waitFor();
	const text = await alert.innerText();
	check(text.includes("<script>window.owned = 1</script>"), text);
	await alert.getByRole("button", { name: "Why is port 18065 so?" }).click();
	const detail = page.locator("#detail");
	await detail.getByText("onerror").first().waitFor();
	const whole = await page.evaluate(() => document.body.textContent);
	check(!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.test(whole), "no control character");
	await page.keyboard.press("Escape");
	await page.getByRole("button", { name: "wizard", exact: true }).first().click();
	await detail.getByText("Started with").waitFor();
	equal(await page.evaluate(() => [window.owned, document.querySelectorAll("img, b[onclick], td script, dialog script").length]), [null, 0]);
	await stage.shot("hostile");
	await stage.checkClean();
});

test("a click says why: who holds it, what a bind would get, what failed, what happened", async (stage) => {
	const page = await stage.board();
	const holder = await stage.listen(18067, { comm: "thief" });
	await stage.alert(18067).getByRole("button", { name: "Why is port 18067 so?" }).click();
	const detail = page.locator("#detail");
	await detail.getByText(`thief (pid ${holder.pid}, user root), which listens on 127.0.0.1:18067`).first().waitFor();
	const part = (title) => detail.locator(".part", { has: page.getByRole("heading", { name: title }) });
	await part("Who holds it").locator(".chain li").first().waitFor();
	await part("What a bind would get now").getByText("EADDRINUSE").first().waitFor();
	await part("Timeline").getByText("listening").waitFor();
	// What happens to the port while the sheet is open comes into it.
	const late = stage.start("python3", ["listen.py", "18067"]);
	await late.ended;
	await part("What failed lately").getByText(`(${late.pid})`).waitFor();
	await part("Timeline").getByText("bind failed").waitFor();
	await stage.end(holder);
	await detail.getByText("Nothing sits on").or(detail.getByText("Nothing holds")).or(detail.getByText("is free")).first().waitFor();
	await part("Timeline").getByText("released").waitFor();
	await stage.shot("why-free");
	await stage.checkClean();
});

test("ports come and go, are filtered and sorted", async (stage) => {
	const page = await stage.board();
	await stage.listen(18001);
	const other = await stage.listen(18002, { comm: "needle" });
	const rows = page.locator("#ports tbody tr");
	await rows.filter({ hasText: "18002" }).waitFor();
	await page.keyboard.press("/");
	await page.keyboard.type("needle");
	await until(async () => (await rows.count()) === 1, "one port is left");
	check((await rows.first().innerText()).includes("needle"), "it is the right one");
	await stage.end(other);
	await page.getByText("No port matches the filter.").waitFor();
	await page.keyboard.press("Escape");
	await rows.filter({ hasText: "18001" }).waitFor();
	await page.getByRole("button", { name: "Service", exact: true }).first().click();
	equal(await page.locator("#services th[aria-sort]").getAttribute("aria-sort"), "ascending");
	const names = () => page.locator("#services tbody td:first-child button").allInnerTexts();
	equal(await names(), ["elf", "goblin", "postgres", "wizard"]);
	await page.getByRole("button", { name: "Service", exact: true }).first().click();
	equal(await names(), ["wizard", "postgres", "goblin", "elf"]);
	await stage.checkClean();
});

test("a daemon that goes is shown to be gone, and its successor is followed", async (stage) => {
	const page = await stage.board();
	await stage.end(stage.portwatchd);
	await page.locator('#connection[data-state="lost"]').waitFor();
	await page.getByRole("button", { name: "Retry now" }).waitFor();
	await stage.shot("gone");
	// What happened meanwhile is known all the same.
	await stage.listen(18067);
	await stage.daemon();
	await stage.live();
	await stage.alert(18067).waitFor();
	await stage.listen(18065);
	await stage.alert(18065).waitFor();
	equal(await page.evaluate(() => location.href), `${ORIGIN}/`);
	await stage.checkClean();
});

test("the map and the dependencies show what stands", async (stage) => {
	const page = await stage.board();
	await stage.listen(18067);
	await stage.listen(18065, { comm: "wizard" });
	await stage.api("/allocations", { method: "POST", body: JSON.stringify({ service_name: "tmp" }) });
	const cell = (label) => page.locator(`#range button[aria-label^="${label}"]`).waitFor();
	await cell("Port 18067: conflict");
	await cell("Port 18065: in use, wizard");
	await cell("Port 18000: allocated, tmp");
	await cell("Port 18070: registered, elf");
	await page.locator('#graph [aria-label^="wizard Running · :18065; needs postgres"]').waitFor();
	await page.locator('#graph [aria-label^="goblin Conflict"]').waitFor();
	await stage.checkClean();
});
