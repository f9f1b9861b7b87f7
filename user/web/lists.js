// SPDX-License-Identifier: GPL-2.0-only
// The lists of the page: alerts, services, ports, and what happened lately.

import { $, chip, clean, command, commandLine, el, icon, link, processName, setText, severity, show, since } from "./dom.js";
import { reconcile, Table } from "./table.js";

const ALERTS_FIRST = 30;
const RANK = { critical: 0, warning: 1, info: 2 };
const STATE_RANK = { conflict: 0, unhealthy: 1, starting: 2, stopped: 3, running: 4, disabled: 5 };

// Does every word of the filter occur somewhere in these?
export function matches(filter, ...texts) {
	const all = texts.flat(2).filter((t) => t !== null && t !== undefined).join(" ").toLowerCase();
	return filter.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

function processTexts(process) {
	return process ? [process.comm, process.cmdline, process.user, String(process.pid), process.unit, process.container] : [];
}

// -- Alerts ------------------------------------------------------------------------------

function alertItem(alert, actions) {
	const [tone, symbol, word] = severity(alert);
	const resolved = alert.state === "resolved";
	const where = alert.port ? link(`:${alert.port}`, () => actions.open({ port: alert.port, proto: alert.proto }), `Why is port ${alert.port} so?`) : null;
	return el("li", { class: `alert ${resolved ? "idle" : tone}`, "data-id": alert.id, "data-kind": alert.kind, "data-port": alert.port },
		el("span", { class: "alert-sign", title: word }, icon(resolved ? "running" : symbol)),
		el("div", { class: "alert-main" },
			el("p", { class: "alert-head" },
				el("strong", { class: "severity" }, resolved ? "Resolved" : word),
				el("span", { class: "kind" }, alert.kind.replaceAll("_", " ")),
				alert.service ? link(alert.service, () => actions.open({ service: alert.service }), `Service ${clean(alert.service)}`) : null,
				where,
				alert.repeats > 0 ? el("span", { class: "muted" }, `repeated ${alert.repeats}×`) : null,
				el("span", { class: "alert-when muted" }, resolved ? since(alert.resolved_at) : since(alert.since))),
			el("p", { class: "alert-text" }, el("bdi", {}, alert.message)),
			!resolved && alert.fix ? el("p", { class: "alert-fix" }, el("span", { class: "muted small" }, "Ends it:"), command(alert.fix)) : null));
}

function drawAlertList(parent, alerts, actions) {
	reconcile(parent, alerts, (a) => `${a.id} ${a.state} ${a.since} ${a.repeats} ${a.message}`, (a) => alertItem(a, actions));
}

export function sortAlerts(alerts) {
	return [...alerts].sort((a, b) => RANK[a.severity] - RANK[b.severity] || b.since.localeCompare(a.since) || b.id - a.id);
}

let allAlerts = false;

export function showAllAlerts() {
	allAlerts = true;
}

export function drawAlerts(store, filter, actions) {
	const wanted = (a) => matches(filter, a.kind, a.service, `:${a.port}`, a.message, a.severity, processTexts(a.found));
	const alerts = sortAlerts(store.alerts.values());
	const shown = alerts.filter(wanted);
	const first = allAlerts ? shown : shown.slice(0, ALERTS_FIRST);
	drawAlertList($("alerts"), first, actions);
	show($("alerts-more"), first.length < shown.length);
	setText($("alerts-more").firstChild, `Show all ${shown.length}`);
	setText($("alerts-count"), shown.length === alerts.length ? alerts.length : `${shown.length} of ${alerts.length}`);
	show($("alerts-empty"), shown.length === 0);
	if (shown.length === 0)
		setText($("alerts-empty"), alerts.length ? "No alert matches the filter." : "All quiet: every port is where it belongs.");
	$("alerts-empty").classList.toggle("good", alerts.length === 0);
	show($("resolved"), store.resolved.length > 0);
	setText($("resolved-count"), store.resolved.length);
	drawAlertList($("resolved-list"), store.resolved, actions);
}

// -- Services ----------------------------------------------------------------------------

export function portsOf(service) {
	const ports = (service.ports ?? []).map((p) => p.port).filter(Boolean);
	return ports.length ? ports : service.port && typeof service.port === "number" ? [service.port] : [];
}

function portWords(service) {
	const ports = portsOf(service);
	return ports.length ? ports.join(", ") : "dynamic";
}

function actionButtons(row, actions) {
	if (!actions.canChange())
		return [];
	const port = portsOf(row)[0];
	const free = row.status === "stopped" || row.status === "disabled";
	return [
		el("button", { class: "button small", type: "button", disabled: free, onclick: () => actions.kill(row.status === "conflict" && port ? { port, proto: row.proto } : { service: row.name }),
			"aria-label": `Kill what holds the port of ${clean(row.name)}` }, "Kill"),
		el("button", { class: "button small", type: "button", onclick: () => actions.reassign(row.name), "aria-label": `Reassign the port of ${clean(row.name)}` }, "Reassign"),
	];
}

export function makeServices(actions) {
	return new Table($("services"), {
		label: "Services",
		key: (s) => s.name,
		open: (s) => actions.open({ service: s.name }),
		sort: "status",
		columns: [
			{ key: "name", name: "Service", class: "grow", text: (s) => s.name, sig: (s) => `${s.name}|${s.description}`, render: (s) => [
				link(s.name, () => actions.open({ service: s.name })),
				s.description ? el("span", { class: "sub" }, el("bdi", {}, s.description)) : null].filter(Boolean) },
			{ key: "port", name: "Port", class: "mono num", text: portWords, sort: (s) => portsOf(s)[0] ?? null },
			{ key: "status", name: "State", text: (s) => s.status, sort: (s) => STATE_RANK[s.status] ?? 9, render: (s) => chip(s.status) },
			{ key: "process", name: "Process", class: "wide", sort: (s) => (s.process ? processName(s.process) : null), sig: (s) => `${s.pid} ${processName(s.process)}`, render: (s) =>
				s.pid ? [el("bdi", { class: "mono" }, processName(s.process)), el("span", { class: "muted" }, ` ${s.pid}`)] : [el("span", { class: "muted" }, "–")] },
			{ key: "health", name: "Health", class: "wide", text: (s) => s.health, render: (s) => (s.health ? el("span", { class: s.health === "healthy" ? "good-text" : "warn-text" }, s.health) : el("span", { class: "muted" }, "–")) },
			{ key: "uptime", name: "Up", class: "wide num", sort: (s) => (s.since ? -Date.parse(s.since) : null), sig: (s) => `${s.status} ${s.since}`, render: (s) => since(s.status === "running" || s.status === "unhealthy" ? s.since : null, false) },
			{ key: "environment", name: "Environment", class: "wide wider muted", text: (s) => s.environment ?? "" },
			{ key: "actions", name: "Actions", class: "wide actions", sig: (s) => `${s.status}|${portWords(s)}|${actions.canChange()}`, render: (s) => actionButtons(s, actions) },
		],
	});
}

export function drawServices(table, store, filter) {
	const shown = store.services.filter((s) => matches(filter, s.name, s.status, portsOf(s).map((p) => `:${p}`), s.environment, s.description, s.tags, processTexts(s.process)));
	setText($("services-count"), shown.length === store.services.length ? shown.length : `${shown.length} of ${store.services.length}`);
	table.update(shown, store.services.length ? "No service matches the filter." : [
		"No services yet. Say which service owns which port: ", el("code", {}, "portwatch register NAME --port PORT"),
		", or write them into ", el("code", {}, store.status?.daemon?.registry ?? "the registry"), "; this page follows."]);
}

// -- Ports -------------------------------------------------------------------------------

export function makePorts(actions, isOwn) {
	return new Table($("ports"), {
		label: "Ports",
		key: (s) => s.cookie,
		open: (s) => actions.open({ port: s.port, proto: s.proto }),
		sort: "port",
		columns: [
			{ key: "port", name: "Port", class: "mono num port", text: (s) => s.port, sort: (s) => s.port, render: (s) => link(String(s.port), () => actions.open({ port: s.port, proto: s.proto }), `Port ${s.port} ${s.proto}`) },
			{ key: "proto", name: "Proto", class: "wide", text: (s) => s.proto },
			{ key: "address", name: "Address", class: "mono wide", text: (s) => s.address, render: (s) => [
				s.address ?? "–", isOwn(s) ? "" : el("span", { class: "sub" }, `namespace ${s.netns}`)] },
			{ key: "state", name: "State", class: "wide", text: (s) => s.state },
			{ key: "process", name: "Process", class: "grow", sort: (s) => (s.process ? processName(s.process) : null), sig: (s) => `${s.pid}|${commandLine(s.process)}`, render: (s) => (s.process
				? [el("bdi", { class: "mono" }, processName(s.process)), el("span", { class: "muted" }, ` ${s.pid}`), el("bdi", { class: "sub mono" }, commandLine(s.process))]
				: [el("span", { class: "muted" }, "unknown")]) },
			{ key: "user", name: "User", class: "wide wider", text: (s) => s.user ?? "" },
			{ key: "service", name: "Service", class: "short", text: (s) => s.service ?? "", render: (s) => (s.service ? link(s.service, () => actions.open({ service: s.service })) : el("span", { class: "muted" }, "–")) },
			{ key: "scope", name: "Scope", class: "wide wider", text: (s) => s.scope, render: (s) => el("span", { class: `scope ${s.scope}` }, s.scope) },
			{ key: "age", name: "Age", class: "wide num", sort: (s) => (s.since ? -Date.parse(s.since) : null), sig: (s) => s.since, render: (s) => since(s.since, false) },
		],
	});
}

export function drawPorts(table, store, filter, listeningOnly) {
	const all = [...store.sockets.values()].filter((s) => s.state !== "connected");
	const shown = all.filter((s) => (!listeningOnly || s.state === "listening")
		&& matches(filter, `:${s.port}`, s.proto, s.address, s.state, s.service, s.user, s.scope, s.unit, s.container, processTexts(s.process)));
	setText($("ports-count"), shown.length === all.length ? all.length : `${shown.length} of ${all.length}`);
	table.update(shown, all.length ? "No port matches the filter." : "Nothing is bound on this host.");
}

// -- Activity ----------------------------------------------------------------------------

const HAPPENED = {
	"socket.bound": "bound", "socket.listening": "listens on", "socket.released": "released", "socket.bind_failed": "could not bind",
	"alert.firing": "Alert", "alert.resolved": "Resolved",
};

function activityWords(event) {
	if (event.alert)
		return [el("strong", {}, HAPPENED[event.type]), ` ${event.alert.kind.replaceAll("_", " ")} `, event.alert.port ? el("span", { class: "mono" }, `:${event.alert.port}`) : null];
	const word = HAPPENED[event.type] ?? event.type.replace(".", " ");
	const who = event.process ? el("bdi", {}, processName(event.process)) : null;
	if (event.port)
		return [who ?? "somebody", ` ${word} `, el("span", { class: "mono" }, `:${event.port}${event.proto === "udp" ? "/udp" : ""}`), event.errno ? ` (${event.errno})` : null];
	if (event.type === "process.exited")
		return [who ?? "a process", " exited", event.signal ? ` by ${event.signal}` : ` with ${event.exit_code ?? "?"}`];
	return [event.service ?? event.allocation?.service_name ?? "", event.service || event.allocation ? " " : "", word, event.allocation ? ` :${event.allocation.port}` : null];
}

function activityTone(event) {
	if (event.type === "alert.firing" || event.type === "socket.bind_failed" || event.type === "kernel.lost")
		return "bad";
	return event.type === "alert.resolved" ? "good" : "idle";
}

export function drawActivity(store) {
	const items = store.activity.length ? store.activity : [null];
	reconcile($("activity"), items, (e) => e?.noted ?? "none", (e) => (e
		? el("li", { class: `event ${activityTone(e)}` }, el("span", {}, activityWords(e)), since(e.time))
		: el("li", { class: "event muted" }, "Nothing happened since this page was opened.")));
}
