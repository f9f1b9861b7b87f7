// SPDX-License-Identifier: GPL-2.0-only
// Who gets the page and what it shows to whom.

import { connect, createServer } from "node:net";
import { join } from "node:path";
import { ORIGIN } from "./daemon.mjs";
import { SERVICES } from "./browser.mjs";
import { check, equal, test } from "./harness.mjs";

test("the page is served without token, under a strict policy, and holds no data", async (stage) => {
	stage.registry(SERVICES);
	await stage.daemon();
	const page = await stage.ask("/");
	equal(page.status, 200);
	const policy = page.headers["content-security-policy"];
	for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"])
		check(policy.includes(rule), rule);
	check(!/unsafe|data:|\*/.test(policy), policy);
	equal(page.headers["x-content-type-options"], "nosniff");
	equal(page.headers["referrer-policy"], "no-referrer");
	check(!page.text.includes("wizard") && !page.text.includes(stage.folder), "no data");
	check(!/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/.test(page.text), "nothing in line");
	equal((await stage.ask("/api/ports/status")).status, 401);
	equal((await stage.ask("/", { headers: { Host: "example.com" } })).status, 403);
	equal((await stage.ask("/", { method: "POST", headers: { "Content-Type": "application/json" } })).status, 401);
	equal((await stage.ask("/web/../../etc/passwd")).status, 401);
});

test("its files are kept for good under the hash of their content, else asked for again", async (stage) => {
	stage.registry(SERVICES);
	await stage.daemon();
	const page = await stage.ask("/");
	const files = [...page.text.matchAll(/"(\/web\/[^"]+)"/g)].map((m) => m[1]);
	check(files.length >= 4, files);
	for (const file of files) {
		const answer = await stage.ask(file);
		equal([answer.status, /immutable/.test(answer.headers["cache-control"])], [200, true], file);
	}
	equal(page.headers["cache-control"], "no-cache");
	equal((await stage.ask("/web/app.js")).headers["cache-control"], "no-cache");
	equal((await stage.ask("/web/app.js?v=0")).headers["cache-control"], "no-cache");
	const again = await stage.ask("/", { headers: { "If-None-Match": page.headers.etag } });
	equal([again.status, again.text], [304, ""]);
	const head = await stage.ask("/", { method: "HEAD" });
	equal([head.status, head.text, head.headers["content-length"]], [200, "", page.headers["content-length"]]);
	equal((await stage.ask("/web/nothing.js")).status, 404);
});

test("it asks for the token, says when that is wrong, and keeps the right one in this tab only", async (stage) => {
	stage.registry(SERVICES);
	await stage.daemon();
	const page = await stage.openPage();
	await page.goto(ORIGIN);
	await page.locator("#gate").waitFor();
	await stage.checkAxe("the gate");
	await stage.shot("gate");
	await page.getByLabel("Access token").fill("x".repeat(64));
	await page.getByRole("button", { name: "Open" }).click();
	await page.getByText("That token is not right").waitFor();
	await page.getByLabel("Access token").fill(stage.token);
	await page.keyboard.press("Enter");
	await stage.live();
	equal(await page.evaluate(() => [Object.keys(localStorage), Object.keys(sessionStorage), document.cookie]), [[], ["portwatch.token"], ""], "what is stored");
	await page.reload();
	await stage.live();
	await page.getByRole("button", { name: "Forget the token" }).click();
	await page.locator("#gate").waitFor();
	equal(await page.evaluate(() => [Object.keys(sessionStorage), document.querySelectorAll("#services td").length]), [[], 0], "what is left");
	await stage.checkClean();
});

test("a token in the address opens it and is gone from there at once", async (stage) => {
	const page = await stage.board();
	equal(await page.evaluate(() => location.href), `${ORIGIN}/`);
	equal(await page.evaluate(() => history.length), 2, "the entries of the history");
	await stage.checkClean();
});

test("a listener that only reads asks for no token and offers no change", async (stage) => {
	const page = await stage.board({ http: { read_only: true } });
	await stage.listen(18067);
	await stage.alert(18067).waitFor();
	await page.getByText("Read-only").waitFor();
	await page.getByRole("button", { name: "goblin", exact: true }).first().click();
	await page.locator("#detail").waitFor();
	await page.locator("#detail .summary").first().waitFor();
	equal(await page.getByRole("button", { name: /^(kill|reassign|forget)/i }).count(), 0);
	await stage.checkClean();
});

test("through a forwarded Unix socket it is read without token", async (stage) => {
	stage.registry(SERVICES);
	await stage.daemon();
	const forward = createServer((peer) => {
		const daemon = connect(join(stage.folder, "socket"));
		peer.pipe(daemon).pipe(peer);
		for (const side of [peer, daemon])
			side.on("error", () => (peer.destroy(), daemon.destroy()));
	});
	await new Promise((resolve) => forward.listen(0, "127.0.0.1", resolve));
	const page = await stage.openPage();
	await page.goto(`http://127.0.0.1:${forward.address().port}/`);
	await stage.live();
	await page.getByText("Read-only").waitFor();
	await stage.row("wizard").waitFor();
	await stage.checkClean();
	await stage.context.close();
	forward.close();
});

test("a page without services says what to do, one with a bad registry what is wrong", async (stage) => {
	const page = await stage.board({ services: [] });
	await page.getByText("portwatch register NAME --port PORT").waitFor();
	await page.getByText("All quiet").waitFor();
	await stage.checkAxe("the empty page");
	await stage.shot("empty");
	stage.registry("{ \"services\": [ { \"name\": \"wizard\", \"port\": 80x } ] }");
	await page.getByText("The registry file is refused").waitFor();
	stage.registry(SERVICES);
	await stage.row("wizard").waitFor();
	await page.getByText("The registry file is refused").waitFor({ state: "hidden" });
	await stage.checkClean();
});
