// SPDX-License-Identifier: GPL-2.0-only
// Without a mouse, without sight of colours, on a phone.

import { check, equal, test } from "./harness.mjs";

// The ports of all the host stand between the first and the last of them.
const TABS_MAX = 600;

test("everything is reached by keyboard, and the focus comes back", async (stage) => {
	const page = await stage.board();
	await stage.listen(18067);
	await stage.alert(18067).waitFor();
	const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim());
	const tabTo = async (name) => {
		for (let i = 0; i < TABS_MAX && (await focused()) !== name; i++)
			await page.keyboard.press("Tab");
		equal(await focused(), name, "the focus");
	};
	await tabTo("Skip to content");
	await page.keyboard.press("Enter");
	await tabTo("Why is port 18067 so?");
	await page.keyboard.press("Enter");
	await page.locator("#detail[open]").waitFor();
	await tabTo("Kill…");
	await page.keyboard.press("Enter");
	await page.locator("#ask[open]").waitFor();
	await page.keyboard.press("Escape");
	await page.locator("#ask").waitFor({ state: "hidden" });
	equal(await focused(), "Kill…", "the focus after the question");
	await page.keyboard.press("Escape");
	await page.locator("#detail").waitFor({ state: "hidden" });
	equal(await focused(), "Why is port 18067 so?", "the focus after the sheet");
	await tabTo("State");
	await page.keyboard.press("Enter");
	equal(await page.locator("#services th[aria-sort]").getAttribute("aria-sort"), "descending");
	await tabTo("Port 18000: free");
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("ArrowRight");
	equal(await focused(), "Port 18011: free");
	await page.keyboard.press("End");
	equal(await focused(), "Port 18099: free");
	await page.keyboard.press("Enter");
	await page.getByRole("heading", { name: "Port 18099" }).waitFor();
	await page.keyboard.press("Escape");
	await stage.checkClean();
});

for (const scheme of ["light", "dark"]) {
	test(`axe finds nothing serious, ${scheme}; the switch turns it round`, async (stage) => {
		const page = await stage.board({ scheme, width: 1440, height: 900 });
		await stage.listen(18067);
		await stage.listen(18065, { comm: "wizard" });
		await stage.listen(18040, { comm: "stranger" });
		await stage.alert(18067).waitFor();
		await stage.state("wizard", "Running");
		await stage.checkAxe("the page");
		await stage.shot(`board-${scheme}`);
		await page.getByRole("button", { name: "Why is port 18067 so?" }).click();
		await page.locator("#detail .part").first().waitFor();
		await page.getByText("Looking…").waitFor({ state: "detached" });
		await stage.checkAxe("the sheet");
		await stage.shot(`why-${scheme}`);
		await page.keyboard.press("Escape");
		const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
		const before = await ground();
		for (let i = 0; i < 2 && (await ground()) === before; i++)
			await page.getByRole("button", { name: /^Theme/ }).click();
		check((await ground()) !== before, "another theme");
		await page.reload();
		await stage.live();
		check((await ground()) !== before, "it is remembered");
		await stage.checkClean();
	});
}

test("on a phone nothing is wider than the screen", async (stage) => {
	const page = await stage.board({ width: 360, height: 740 });
	await stage.listen(18067, { args: ["x".repeat(300)] });
	await stage.alert(18067).waitFor();
	await stage.checkWidth();
	await stage.checkAxe("the phone's page");
	await stage.shot("phone");
	await page.getByRole("button", { name: "Why is port 18067 so?" }).click();
	await page.locator("#detail .part").first().waitFor();
	await stage.checkWidth();
	const box = await page.locator("#detail").boundingBox();
	check(box.x >= 0 && box.x + box.width <= 360, "the sheet fits");
	await stage.shot("phone-why");
	await page.getByRole("button", { name: "Kill…" }).click();
	await page.locator("#ask[open]").waitFor();
	await stage.checkWidth();
	await stage.shot("phone-kill");
	await stage.checkClean();
});
