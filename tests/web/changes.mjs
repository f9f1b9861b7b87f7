// SPDX-License-Identifier: GPL-2.0-only
// What the page changes, after it has asked.

import { connect } from "node:net";
import { join } from "node:path";
import { equal, test, until } from "./harness.mjs";

// Does anybody answer on @port?
function answers(port) {
	return new Promise((resolve) => {
		const socket = connect(port, "127.0.0.1");
		socket.on("connect", () => (socket.destroy(), resolve(true)));
		socket.on("error", () => resolve(false));
	});
}

test("kill shows whom it would end, ends them once that is confirmed, and the port is free", async (stage) => {
	const page = await stage.board();
	const thief = await stage.listen(18067);
	await stage.alert(18067).waitFor();
	await stage.row("goblin").getByRole("button", { name: /^Kill/ }).click();
	const ask = page.locator("#ask");
	await ask.getByText(`pid ${thief.pid}`).waitFor();
	await stage.checkAxe("the question");
	await stage.shot("kill");
	await ask.getByRole("button", { name: "Cancel" }).click();
	equal([thief.exitCode, await answers(18067)], [null, true], "nothing was done");
	await stage.row("goblin").getByRole("button", { name: /^Kill/ }).click();
	await ask.getByRole("button", { name: "End the process" }).click();
	await page.locator("#toast").getByText("port 18067 is free").waitFor();
	await thief.ended;
	equal(await answers(18067), false, "the port is held");
	await stage.alert(18067).waitFor({ state: "detached" });
	await stage.state("goblin", "Stopped");
	await stage.checkClean();
});

test("whom nobody agreed to is not ended", async (stage) => {
	const page = await stage.board();
	const first = await stage.listen(18067);
	await stage.row("goblin").getByRole("button", { name: /^Kill/ }).click();
	await page.locator("#ask").getByText(`pid ${first.pid}`).waitFor();
	await stage.end(first);
	const second = await stage.listen(18067);
	await page.locator("#ask").getByRole("button", { name: "End the process" }).click();
	await page.locator("#ask").getByText("which nobody agreed to end").waitFor();
	equal([second.exitCode, await answers(18067)], [null, true], "the second is left alone");
	await stage.checkClean();
});

test("a service is started, shown to run, and stopped", async (stage) => {
	const page = await stage.board({ services: [{ name: "wizard", port: 18065, startup_cmd: ["python3", join(stage.folder, "listen.py"), "18065"] }] });
	const ask = page.locator("#ask");
	await page.getByRole("button", { name: "wizard", exact: true }).first().click();
	for (const [verb, state] of [["Start", "Running"], ["Stop", "Stopped"]]) {
		await page.getByRole("button", { name: `${verb}…` }).click();
		await ask.getByText("wizard :18065").waitFor();
		await ask.getByRole("button", { name: verb }).click();
		await page.locator("#detail-state .chip", { hasText: state }).waitFor();
		await ask.waitFor({ state: "hidden" });
		equal(await answers(18065), state === "Running");
	}
	await page.locator("#detail .moment").first().waitFor();
	await stage.checkClean();
});

test("reassign offers free ports, refuses a taken one, and the registry has the new one", async (stage) => {
	const page = await stage.board();
	await stage.listen(18050);
	await stage.row("goblin").getByRole("button", { name: /^Reassign/ }).click();
	const ask = page.locator("#ask");
	await ask.getByRole("button", { name: "Use port 18000" }).waitFor();
	await ask.getByLabel("New port").fill("18050");
	await ask.getByRole("button", { name: "Reassign" }).click();
	await ask.getByText("18050/tcp is taken").waitFor();
	await stage.checkAxe("a refusal");
	await ask.getByRole("button", { name: "Use port 18000" }).click();
	await ask.getByRole("button", { name: "Reassign" }).click();
	await page.locator("#toast").getByText("goblin has port 18000 now").waitFor();
	await until(async () => (await stage.row("goblin").innerText()).includes("18000"), "the row has it");
	equal(stage.readRegistry().services.find((s) => s.name === "goblin").port, 18000);
	await stage.checkClean();
});
