// SPDX-License-Identifier: GPL-2.0-only
import { closeBrowser, openBrowser, WebStage } from "./browser.mjs";
import { runAll } from "./harness.mjs";
import "./access.mjs";
import "./live.mjs";
import "./changes.mjs";
import "./people.mjs";

await openBrowser();
const passed = await runAll(() => new WebStage(), (stage) => stage.close());
await closeBrowser();
process.exit(passed ? 0 : 1);
