// SPDX-License-Identifier: GPL-2.0-only
// The page as a whole: who may see it, what is drawn when, and the keys.

import * as act from "./actions.js";
import { ApiError, EventStream, findToken, hasToken, setToken } from "./api.js";
import { Detail } from "./detail.js";
import { $, el, setClock, setText, show, since, toast, updateTimes } from "./dom.js";
import { Graph } from "./graph.js";
import { drawActivity, drawAlerts, drawPorts, drawServices, makePorts, makeServices, showAllAlerts } from "./lists.js";
import { RangeMap } from "./range.js";
import { Store } from "./store.js";

const FRAME_HIDDEN_MS = 250;
// Where drawing takes long, most of the time is left to reading what arrives.
const REST = 4;
const REFUSED_AGAIN_MS = 3000;

let mayChange = false;
let drawing = false;
let restUntil = 0;
let goneSince = null;
let retryAt = 0;
let refusedTimer = 0;
let loaded = false;

const store = new Store((event) => {
	announce(event);
	detail.refresh(event);
	schedule();
});

const actions = {
	canChange: () => mayChange,
	open: (target) => detail.open(target),
	kill: (target) => act.kill(target),
	reassign: (name) => act.reassign(name, store),
	launch: (name, verb) => act.launch(name, verb),
};
const detail = new Detail(store, actions);
const services = makeServices(actions);
const ports = makePorts(actions, (socket) => store.isOwn(socket));
const range = new RangeMap(actions);
const graph = new Graph(actions);

// -- Drawing -----------------------------------------------------------------------------

function schedule() {
	if (drawing)
		return;
	drawing = true;
	const run = () => {
		const begun = performance.now();
		drawing = false;
		draw();
		restUntil = performance.now() + REST * (performance.now() - begun);
	};
	const rest = restUntil - performance.now();
	// A page in the background gets no frames, and still has a title.
	if (document.hidden)
		setTimeout(run, FRAME_HIDDEN_MS);
	else if (rest > 0)
		setTimeout(() => requestAnimationFrame(run), rest);
	else
		requestAnimationFrame(run);
}

function tile(name, value, note, tone = "") {
	return el("div", { class: `tile ${tone}` }, el("dt", {}, name), el("dd", {}, el("b", {}, value), " ", el("span", { class: "muted" }, note)));
}

function drawTiles() {
	const { kernel } = store.status;
	const enabled = store.services.filter((s) => s.enabled);
	const running = enabled.filter((s) => s.status === "running").length;
	const critical = [...store.alerts.values()].filter((a) => a.severity === "critical").length;
	const sockets = [...store.sockets.values()].filter((s) => s.state !== "connected");
	const open = sockets.filter((s) => s.scope === "public").length;
	const parts = [
		["Services", `${running}`, enabled.length ? `of ${enabled.length} running` : "none registered", running < enabled.length ? "warn" : enabled.length ? "good" : ""],
		["Alerts", `${store.alerts.size}`, critical ? `${critical} critical` : "none critical", critical ? "bad" : store.alerts.size ? "warn" : "good"],
		["Ports", `${sockets.length}`, `bound, ${open} public`],
		["Range", store.range ? `${range.free}` : "–", store.range ? `of ${range.total} free` : "not set"],
		["Kernel", kernel.realtime ? "Real time" : "Polled", `${kernel.backend}, ${kernel.events_lost} lost`, kernel.events_lost ? "warn" : ""],
	];
	const sig = JSON.stringify(parts);
	if ($("tiles").sig === sig)
		return;
	$("tiles").sig = sig;
	$("tiles").replaceChildren(...parts.map((part) => tile(...part)));
}

function drawDaemon() {
	const { daemon, kernel } = store.status;
	const rows = [
		["Version", daemon.version], ["Process", daemon.pid], ["Up", since(new Date(Date.parse(store.status.timestamp) - daemon.uptime_s * 1000).toISOString(), false)],
		["Registry", daemon.registry], ["Failed binds by", kernel.bind_failures], ["Events seen", kernel.events_seen.toLocaleString("en")], ["Events lost", kernel.events_lost.toLocaleString("en")], ["Resyncs", kernel.resyncs],
	];
	$("daemon").replaceChildren(...rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value instanceof Node ? value : String(value)))));
	if (daemon.registry_refused)
		$("daemon").append(el("p", { class: "error" }, `The registry file is refused, an older one is in force: ${daemon.registry_refused}`));
}

function drawTitle() {
	const n = store.alerts.size;
	const title = `${n ? `(${n}) ` : ""}portwatch${store.services.length ? ` · ${store.services.filter((s) => s.status === "running").length}/${store.services.length} up` : ""}`;
	if (document.title !== title)
		document.title = title;
}

function draw() {
	if (!loaded || !store.status)
		return;
	const filter = $("filter").value.trim();
	range.draw(store);
	drawTitle();
	drawTiles();
	drawAlerts(store, filter, actions);
	drawServices(services, store, filter);
	drawPorts(ports, store, filter, $("listening-only").checked);
	graph.draw(store);
	drawActivity(store);
	drawDaemon();
}

// For who hears the page.
function announce(event) {
	if (event?.source === "snapshot" || !event?.alert)
		return;
	setText($("announce"), `${event.type === "alert.firing" ? `New ${event.alert.severity} alert` : "Resolved"}: ${event.alert.message}`);
}

// -- Who may see it, and what is wrong ---------------------------------------------------

function only(id) {
	for (const name of ["gate", "trouble", "board"])
		show($(name), name === id);
	show($("search"), id === "board");
	show($("lock"), hasToken() && id === "board");
	show($("read-only"), id === "board" && !mayChange);
}

function showGate(error) {
	loaded = false;
	stream.stop();
	setConnection("locked", "Locked");
	document.title = "portwatch";
	only("gate");
	setText($("gate-error"), error);
	$("token").value = "";
	$("token").focus();
}

function showTrouble(error) {
	const problem = error.problem ?? {};
	only("trouble");
	setText($("trouble-title"), error.status === 422 ? "The registry is refused" : "The daemon refuses");
	setText($("trouble-text"), error.message);
	$("trouble-facts").replaceChildren(...[["File", problem.path], ["Line", problem.line], ["Column", problem.column], ["In", problem.json_path], ["Remedy", problem.remedy], ["Missing", problem.capability]]
		.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value)))));
	setText($("trouble-note"), "This page looks again by itself.");
	setConnection("lost", "Refused");
	clearTimeout(refusedTimer);
	refusedTimer = setTimeout(begin, REFUSED_AGAIN_MS);
}

function refused(error) {
	if (error.status === 401)
		showGate(hasToken() ? "That token is not right: this daemon does not know it." : "");
	else
		showTrouble(error);
}

const CONNECTION = { live: "Live", connecting: "Connecting", lost: "Daemon gone" };

function setConnection(state, text) {
	$("connection").dataset.state = state;
	setText($("connection-text"), text ?? CONNECTION[state]);
	show($("retry"), state === "lost");
	const gone = state === "lost" && loaded && !$("board").hidden;
	document.body.classList.toggle("stale", gone);
	if (gone && $("gone").hidden)
		goneSince = new Date();
	show($("gone"), gone);
	setText($("gone"), gone ? `The daemon does not answer. This is how it was at ${goneSince.toLocaleTimeString()}; the page goes on by itself.` : "");
}

const stream = new EventStream({
	open: () => load(),
	event: (event) => store.apply(event),
	refused,
	state: (state, at) => {
		retryAt = at ?? 0;
		// A try that fails again is no news.
		if (state !== "connecting" || !loaded)
			setConnection(state === "live" && !loaded ? "connecting" : state);
	},
});

async function load() {
	try {
		await store.load(true);
		setClock(store.status.timestamp);
		loaded = true;
		only("board");
		setConnection("live");
		draw();
		detail.refresh();
	} catch (error) {
		if (error instanceof ApiError) {
			stream.stop();
			refused(error);
		}
		// Else the stream ends, too, and begins anew.
	}
}

// Without a token whoever may read may only read: that is what such a listener is for.
async function begin() {
	clearTimeout(refusedTimer);
	mayChange = hasToken();
	setConnection("connecting");
	if (hasToken())
		await dropNeedlessToken();
	stream.start();
}

// On a listener that only reads, a token changes nothing.
async function dropNeedlessToken() {
	try {
		mayChange = !(await fetch("/healthz", { method: "HEAD", cache: "no-store", credentials: "omit" })).ok;
	} catch {
		mayChange = true; // the stream will say what is wrong
	}
}

// -- The rest of the page ----------------------------------------------------------------

const THEMES = { "": "as the system", light: "light", dark: "dark" };

function setTheme(theme) {
	if (theme)
		document.documentElement.dataset.theme = theme;
	else
		delete document.documentElement.dataset.theme;
	$("theme").setAttribute("aria-label", `Theme: ${THEMES[theme]}`);
	$("theme").title = `Theme: ${THEMES[theme]}`;
}

function nextTheme() {
	const order = Object.keys(THEMES);
	const theme = order[(order.indexOf(document.documentElement.dataset.theme ?? "") + 1) % order.length];
	setTheme(theme);
	try {
		localStorage.setItem("portwatch.theme", theme);
	} catch {
		// It lasts as long as the page, then.
	}
	toast(`Theme: ${THEMES[theme]}`);
}

function wire() {
	setText($("host"), location.host);
	setTheme(document.documentElement.dataset.theme ?? "");
	$("theme").addEventListener("click", nextTheme);
	$("lock").addEventListener("click", () => {
		setToken(null);
		location.reload(); // with all that it knew
	});
	$("retry").addEventListener("click", () => ($("trouble").hidden ? stream.retry() : begin()));
	$("filter").addEventListener("input", schedule);
	$("alerts-more").firstChild.addEventListener("click", () => {
		showAllAlerts();
		schedule();
	});
	$("listening-only").addEventListener("change", schedule);
	$("gate-form").addEventListener("submit", (event) => {
		event.preventDefault();
		setToken($("token").value.trim());
		setText($("gate-error"), "");
		begin();
	});
	for (const button of document.querySelectorAll("[data-close]"))
		button.addEventListener("click", () => button.closest("dialog").close());
	for (const dialog of document.querySelectorAll("dialog"))
		dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
	document.addEventListener("keydown", (event) => {
		const typing = event.target.closest?.("input, textarea, select, dialog");
		if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !$("board").hidden) {
			event.preventDefault();
			$("filter").focus();
		}
		if (event.key === "Escape" && event.target === $("filter")) {
			$("filter").value = "";
			schedule();
		}
	});
	document.addEventListener("visibilitychange", () => {
		if (!document.hidden) {
			stream.retry();
			schedule();
			updateTimes();
		}
	});
	addEventListener("online", () => stream.retry());
	addEventListener("hashchange", () => {
		const had = location.hash;
		findToken();
		if (had !== location.hash)
			begin();
	});
	setInterval(() => {
		if (document.hidden)
			return;
		updateTimes();
		const left = Math.ceil((retryAt - Date.now()) / 1000);
		if (retryAt && $("connection").dataset.state === "lost" && left > 0)
			$("connection").title = `next try in ${left} s`;
	}, 1000);
}

findToken();
wire();
begin();
