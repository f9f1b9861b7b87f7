// SPDX-License-Identifier: GPL-2.0-only
// Tests one after another, each a promise that is kept or not, told as TAP.

const tests = [];

export function test(promise, run) {
	tests.push({ promise, run });
}

export function check(condition, what) {
	if (!condition)
		throw new Error(`not so: ${what}`);
}

export function equal(found, expected, what = "") {
	const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
	if (a !== b)
		throw new Error(`${what} is ${a}, not ${b}`);
}

export function note(text) {
	console.log(String(text).replace(/^/gm, "# "));
}

// Until @condition (perhaps asynchronous) is true, which it must become; no speed is
// asserted by that.
export async function until(condition, what, limit_ms = 30000) {
	const end = Date.now() + limit_ms;
	for (;;) {
		const found = await condition();
		if (found)
			return found;
		if (Date.now() > end)
			throw new Error(`not within the time: ${what ?? condition}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

function guarded(run, argument, limit_ms) {
	let timer;
	const limit = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("not done in time")), limit_ms)));
	return Promise.race([run(argument), limit]).finally(() => clearTimeout(timer));
}

// Each gets what @before makes, and @after ends it.  Answers whether all passed.
export async function runAll(before, after) {
	const only = process.env.ONLY;
	const chosen = tests.filter((t) => !only || t.promise.includes(only));
	let failed = 0;
	console.log(`1..${chosen.length}`);
	for (const [i, { promise, run }] of chosen.entries()) {
		const stage = await before(promise);
		const begun = Date.now();
		try {
			await guarded(run, stage, 90000);
			console.log(`ok ${i + 1} - ${promise}`);
			note(`${((Date.now() - begun) / 1000).toFixed(1)} s`);
		} catch (error) {
			failed++;
			await stage.failed?.(error);
			note(error.stack ?? error);
			console.log(`not ok ${i + 1} - ${promise}`);
		}
		await after(stage);
	}
	return failed === 0;
}
