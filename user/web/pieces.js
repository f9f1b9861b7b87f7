// SPDX-License-Identifier: GPL-2.0-only
// What several sheets are put together from: a titled part, names with values, a process.

import { commandLine, el, processName, since } from "./dom.js";

export function section(title, ...children) {
	return el("section", { class: "part" }, el("h3", {}, title), children);
}

export function facts(pairs) {
	return el("dl", { class: "facts" }, pairs.filter(([, v]) => v !== null && v !== undefined && v !== "").map(([name, value]) =>
		el("div", {}, el("dt", {}, name), el("dd", {}, value instanceof Node ? value : el("bdi", {}, String(value))))));
}

export function processCard(process, more = []) {
	if (!process)
		return el("p", { class: "muted" }, "A process that portwatch may not look at, or the kernel itself.");
	return el("div", { class: "process" },
		el("p", {}, el("strong", {}, el("bdi", {}, processName(process))), el("span", { class: "muted" }, ` pid ${process.pid}`)),
		process.cmdline?.length ? el("p", { class: "argv mono" }, el("bdi", {}, commandLine(process))) : null,
		facts([
			["User", process.user ?? process.uid], ["Folder", process.cwd], ["Unit", process.unit], ["Container", process.container],
			["Program", process.exe], ["Started", process.start_time ? since(process.start_time) : null], ...more,
		]));
}
