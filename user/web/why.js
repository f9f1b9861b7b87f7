// SPDX-License-Identifier: GPL-2.0-only
// The daemon's explanation of a port or service (portwatch.why/v1) as a page.

import { clean, command, el, icon, plural, processName, since } from "./dom.js";
import { facts, processCard, section } from "./pieces.js";

const SHOWN_MAX = 20;

// Who started @process, from its parent to PID 1.
function chain(all, process) {
	const ancestors = all?.filter((p) => p.pid !== process?.pid) ?? [];
	if (!ancestors.length)
		return [];
	return [["Started by", el("ol", { class: "chain" }, ancestors.map((p) => el("li", {},
		el("bdi", {}, processName(p)), p.pid ? el("span", { class: "muted" }, ` ${p.pid}`) : null,
		p.exited ? el("span", { class: "muted" }, " (gone)") : null, p.unit ? el("span", { class: "muted" }, ` ${clean(p.unit)}`) : null)))]];
}

function place(at) {
	return `${at.proto ?? ""} ${at.address?.includes(":") ? `[${at.address}]` : at.address ?? ""}:${at.port ?? ""}`;
}

function holder(h) {
	const flags = ["reuseport", "reuseaddr", "v6only", "mptcp"].filter((name) => h[name]);
	const others = h.others?.map((p) => `${processName(p)} (${p.pid})`).join(", ");
	return el("div", { class: "held" },
		el("p", { class: "mono" }, place(h), el("span", { class: "muted" }, ` ${h.state}, ${h.scope}${flags.length ? `, ${flags.join(", ")}` : ""}`)),
		processCard(h.process, [["Bound", h.since ? since(h.since) : null], ["Service", h.service], ...chain(h.chain, h.process), ["Also held by", others]]));
}

function connections(why) {
	const rows = why.connections ?? [];
	const words = { outgoing: "outgoing to", accepted: "accepted from", time_wait: "TIME_WAIT after" };
	const list = rows.slice(0, SHOWN_MAX).map((c) => el("li", { class: "event idle" },
		el("span", {}, c.process ? el("bdi", {}, `${processName(c.process)} (${c.process.pid}) `) : null, `${words[c.kind] ?? c.kind} `, el("span", { class: "mono" }, c.peer ?? "?")),
		c.until ? el("span", { class: "muted" }, `until ${new Date(c.until).toLocaleTimeString()}`) : null));
	const left = Math.max(0, rows.length - SHOWN_MAX);
	if (left || why.more)
		list.push(el("li", { class: "event muted" }, `and ${left || ""} more`));
	return list.length ? section("Connections on it", el("ul", { class: "plain" }, list)) : null;
}

const RESULTS = { ok: ["good", "running", "works"], error: ["bad", "conflict", "fails"], depends: ["warn", "unhealthy", "depends"] };

function bind(b) {
	const [tone, symbol, word] = RESULTS[b.result] ?? RESULTS.depends;
	return el("li", { class: `bind ${tone}` },
		el("span", {}, el("span", { class: "mono" }, place(b)), el("span", { class: "muted" }, ` as ${clean(b.as)}${b.options?.length ? `, ${b.options.join(", ")}` : ""}`)),
		el("strong", { class: "verdict" }, icon(symbol), b.errno ?? word),
		el("span", {}, el("bdi", {}, b.text ?? ""), b.until ? ` Until ${new Date(b.until).toLocaleTimeString()}.` : null));
}

// What fails first; what works is one line to open.
function binds(all) {
	if (!all?.length)
		return null;
	const bad = all.filter((b) => b.result !== "ok"), good = all.filter((b) => b.result === "ok");
	return section("What a bind would get now",
		bad.length ? el("ul", { class: "plain" }, bad.map(bind)) : null,
		good.length ? el("details", { class: "more-of", open: bad.length === 0 && good.length <= 4 }, el("summary", {}, `${plural(good.length, "bind")} that would work`), el("ul", { class: "plain" }, good.map(bind))) : null);
}

function failure(f) {
	return el("li", { class: "event bad" },
		el("span", {}, el("strong", {}, f.errno ?? "failed"), " ", f.process ? el("bdi", {}, `${processName(f.process)} (${f.process.pid})`) : "somebody",
			el("span", { class: "muted" }, ` on ${place(f)}${f.count > 1 ? `, ${f.count} times` : ""}${f.inferred ? ", inferred" : ""}`)),
		since(f.last));
}

export function whyParts(why) {
	const { advice } = why;
	return [
		el("p", { class: "summary" }, el("bdi", {}, why.summary)),
		advice?.text || advice?.command ? el("div", { class: "advice" }, el("p", {}, el("bdi", {}, advice.text ?? "")), advice.command ? command(advice.command) : null) : null,
		why.holders?.length ? section("Who holds it", why.holders.map(holder)) : null,
		connections(why),
		binds(why.binds),
		why.failures?.length ? section("What failed lately", el("ul", { class: "plain" }, why.failures.map(failure))) : null,
		why.elsewhere?.length ? section("In other network namespaces", facts(why.elsewhere.slice(0, SHOWN_MAX).map((s) => [String(s.netns), `${place(s)} ${s.process ? `${processName(s.process)} (${s.process.pid})` : ""}`]))) : null,
	];
}
