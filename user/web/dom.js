// SPDX-License-Identifier: GPL-2.0-only
// Elements, icons, and words for numbers and times.  What comes from elsewhere becomes
// text here and nothing else: no markup is ever parsed.

const SVG = "http://www.w3.org/2000/svg";

// Control characters and those that turn the direction of text, made visible.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export function clean(text) {
	return String(text).replace(UNSEEN, (c) => {
		const code = c.charCodeAt(0);
		return code < 256
			? "\\x" + code.toString(16).padStart(2, "0")
			: "\\u" + code.toString(16).padStart(4, "0");
	});
}

function fill(node, props, children) {
	for (const [key, value] of Object.entries(props ?? {})) {
		if (value === undefined || value === null || value === false)
			continue;
		if (key.startsWith("on"))
			node.addEventListener(key.slice(2), value);
		else
			node.setAttribute(key, value === true ? "" : value);
	}
	for (const child of children.flat(3))
		if (child !== null && child !== undefined && child !== "")
			node.append(child instanceof Node ? child : clean(child));
	return node;
}

// el("a", {class: "x", onclick: f}, child...); a child is a node or becomes text.
export function el(tag, props, ...children) {
	return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
	return fill(document.createElementNS(SVG, tag), props, children);
}

export function icon(name) {
	return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));
}

export function $(id) {
	return document.getElementById(id);
}

// Only what differs is written: what is read aloud or selected stays as it is.
export function setText(node, text) {
	const wanted = clean(text);
	if (node.textContent !== wanted)
		node.textContent = wanted;
}

export function show(node, visible) {
	if (node.hidden === visible)
		node.hidden = !visible;
}

// A button that looks like a link to more about something.
export function link(text, onclick, label) {
	return el("button", { class: "link", type: "button", onclick, "aria-label": label }, text);
}

// -- States ------------------------------------------------------------------------------

export const STATES = {
	running: ["good", "Running"],
	starting: ["busy", "Starting"],
	stopped: ["idle", "Stopped"],
	conflict: ["bad", "Conflict"],
	unhealthy: ["warn", "Unhealthy"],
	disabled: ["idle", "Disabled"],
};

export function chip(state) {
	const [tone, word] = STATES[state] ?? ["idle", state ?? "Unknown"];
	return el("span", { class: `chip ${tone}` }, icon(STATES[state] ? state : "info"), word);
}

const SEVERITIES = {
	critical: ["bad", "conflict", "Critical"],
	warning: ["warn", "unhealthy", "Warning"],
	info: ["busy", "info", "Info"],
};

export function severity(alert) {
	return SEVERITIES[alert.severity] ?? SEVERITIES.info;
}

// -- Numbers and times -------------------------------------------------------------------

export function plural(n, one, many = one + "s") {
	return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

export function duration(seconds) {
	const s = Math.max(0, Math.floor(seconds));
	if (s < 60)
		return `${s}s`;
	if (s < 3600)
		return `${Math.floor(s / 60)}m ${s % 60}s`;
	if (s < 86400)
		return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
	return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
}

// The clocks of the daemon's host and of this one need not agree.
let skew_ms = 0;

export function setClock(timestamp) {
	const theirs = Date.parse(timestamp);
	if (!Number.isNaN(theirs))
		skew_ms = theirs - Date.now();
}

function elapsed(iso, ago) {
	const s = (Date.now() + skew_ms - Date.parse(iso)) / 1000;
	if (Number.isNaN(s))
		return "–";
	if (!ago)
		return duration(s);
	return s < 2 ? "just now" : `${duration(s).split(" ")[0]} ago`;
}

// How long it has been, and goes on being; with the moment itself as its title.
export function since(iso, ago = true) {
	if (!iso)
		return el("span", { class: "muted" }, "–");
	const node = el("time", { datetime: iso, class: ago ? "ago" : "for", title: new Date(iso).toLocaleString() });
	node.textContent = elapsed(iso, ago);
	return node;
}

export function updateTimes() {
	for (const node of document.querySelectorAll("time.ago, time.for"))
		setText(node, elapsed(node.dateTime, node.classList.contains("ago")));
}

// -- Processes ---------------------------------------------------------------------------

export function processName(process) {
	if (!process)
		return "unknown";
	return process.comm ?? process.cmdline?.[0] ?? `pid ${process.pid}`;
}

// argv as a shell would be given it.
export function commandLine(process) {
	const quote = (arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`);
	return process?.cmdline?.map(quote).join(" ") ?? "";
}

// A command with a button that copies it.
export function command(text) {
	const button = el("button", { class: "button icon-only copy", type: "button", "aria-label": `Copy: ${clean(text)}` }, icon("copy"));
	button.addEventListener("click", async () => {
		try {
			await navigator.clipboard.writeText(text);
			toast("Copied");
		} catch {
			toast("This browser does not let the page copy: select the text");
		}
	});
	return el("span", { class: "command" }, el("code", {}, text), button);
}

let toastTimer = 0;

export function toast(text) {
	const node = $("toast");
	setText(node, text);
	// What lies in the top layer is not covered by a dialog.
	const open = [...document.querySelectorAll("dialog[open]")].pop();
	(open ?? document.body).append(node);
	node.hidden = false;
	clearTimeout(toastTimer);
	toastTimer = setTimeout(() => (node.hidden = true), 5000);
}
