// SPDX-License-Identifier: GPL-2.0-only
// Everything about one port or service: why it is so, who holds it, what happened to it.

import { getIfServed } from "./api.js";
import { words } from "./actions.js";
import { $, chip, clean, command, duration, el, link, processName, severity, since } from "./dom.js";
import { portsOf, sortAlerts } from "./lists.js";
import { facts, processCard, section } from "./pieces.js";
import { whyParts } from "./why.js";

const HISTORY_MAX = 50;

function socketCards(sockets) {
	return sockets.map((s) => el("div", { class: "held" },
		el("p", { class: "mono" }, `${s.proto} ${s.address}:${s.port}`, el("span", { class: "muted" }, ` ${s.state}, ${s.scope}`), s.since ? [el("span", { class: "muted" }, ", for "), since(s.since, false)] : null),
		processCard(s.process, s.holders?.length > 1 ? [["Also held by", s.holders.filter((h) => h.pid !== s.process?.pid).map((h) => `${processName(h)} (${h.pid})`).join(", ")]] : [])));
}

// What this page knows by itself, where the daemon does not explain.
function ownSummary(port, sockets, claimants) {
	const owner = claimants.length ? ` It is registered for ${claimants.map((s) => s.name).join(" and ")}.` : "";
	if (sockets.length === 0)
		return `Nothing holds port ${port}.${owner}`;
	const names = [...new Set(sockets.map((s) => (s.process ? `${processName(s.process)} (pid ${s.process.pid})` : "somebody")))];
	return `Port ${port} is held by ${names.join(" and ")}.${owner}`;
}

// -- Timeline ----------------------------------------------------------------------------

const HAPPENED = {
	"socket.bound": "bound", "socket.listening": "listening", "socket.released": "released", "socket.bind_failed": "bind failed",
	"process.exited": "exited", "alert.firing": "alert", "alert.resolved": "resolved",
};

function entryTone(type) {
	if (/failed|firing|exited/.test(type))
		return "bad";
	return /resolved|listening|running|healthy/.test(type) ? "good" : "idle";
}

function timelineRow(entry) {
	const { type } = entry;
	const alert = entry.alert;
	return el("li", { class: `moment ${entryTone(type)}` },
		el("p", {}, el("strong", {}, HAPPENED[type] ?? type.replace(".", " ")), " ",
			entry.process ? el("bdi", {}, `${processName(entry.process)} (${entry.process.pid})`) : null,
			entry.errno ? ` ${entry.errno}` : null, entry.lifetime_s ? ` after ${duration(entry.lifetime_s)}` : null),
		alert?.message ?? entry.text ? el("p", { class: "muted" }, el("bdi", {}, alert?.message ?? entry.text)) : null,
		since(entry.time));
}

function timeline(history) {
	const entries = history?.entries;
	if (!entries)
		return section("Timeline", el("p", { class: "muted" }, "This daemon keeps no history."));
	if (entries.length === 0)
		return section("Timeline", el("p", { class: "muted" }, "Nothing is remembered of it."));
	return section("Timeline", el("ol", { class: "timeline" }, entries.slice(0, HISTORY_MAX).map(timelineRow)));
}

// -- The sheet ---------------------------------------------------------------------------

function alertParts(alerts) {
	return sortAlerts(alerts).map((a) => {
		const [tone, , word] = severity(a);
		return el("div", { class: `advice ${tone}` }, el("p", {}, el("strong", {}, `${word}: `), el("bdi", {}, a.message)), a.fix ? command(a.fix) : null);
	});
}

export class Detail {
	constructor(store, actions) {
		this.store = store;
		this.actions = actions;
		this.target = null;
		this.asked = 0;
		$("detail").addEventListener("close", () => (this.target = null));
	}

	// {port, proto} or {service}
	open(target) {
		this.target = target;
		const service = target.service ? this.store.service(target.service) : null;
		this.port = target.port ?? (service ? portsOf(service)[0] : null) ?? null;
		this.extra = null;
		$("detail-title").textContent = target.service ? clean(target.service) : `Port ${this.port}`;
		this.draw();
		if (!$("detail").open)
			$("detail").showModal();
		$("detail-body").scrollTop = 0;
		this.ask();
	}

	// The long answers come later, into the sheet that is still the same one.
	async ask() {
		const number = ++this.asked;
		const part = (path) => getIfServed(path).catch((error) => ({ error: words(error) }));
		const udp = this.target.proto === "udp" ? "/udp" : "";
		const [why, history, held] = await Promise.all([
			part(`/why/${this.target.service ? encodeURIComponent(this.target.service) : `:${this.port}${udp}`}`),
			part(`/history?${this.port ? `port=${this.port}` : `target=${encodeURIComponent(this.target.service)}`}&limit=${HISTORY_MAX}`),
			this.port ? part(`/sockets?port=${this.port}`) : null,
		]);
		if (number === this.asked && this.target) {
			this.extra = { why, history, holders: new Map(held?.sockets?.map((s) => [s.cookie, s.holders])) };
			this.draw();
		}
	}

	// After an event that concerns what is shown.
	refresh(event) {
		if (!this.target)
			return;
		const about = event?.port ?? event?.alert?.port;
		const service = event?.service ?? event?.alert?.service;
		if ((about && about === this.port) || (service && service === this.target.service)) {
			this.draw();
			this.ask();
		} else if (!event) {
			this.draw();
		}
	}

	draw() {
		const { service: name } = this.target;
		const service = name ? this.store.service(name) : null;
		const sockets = (this.port ? this.store.socketsOf(this.port) : []).map((s) => ({ ...s, holders: this.extra?.holders?.get(s.cookie) ?? [] }));
		const claimants = this.store.services.filter((s) => portsOf(s).includes(this.port));
		const sig = JSON.stringify([this.target, service, sockets, this.extra, this.store.alertsOf(this.port, name).map((a) => a.id)]);
		if (sig === this.sig && $("detail").open)
			return;
		this.sig = sig;
		$("detail-state").replaceChildren(service ? chip(service.status) : this.portChip(sockets));
		const why = this.extra?.why;
		$("detail-body").replaceChildren(...[
			alertParts(this.store.alertsOf(this.port, name)),
			service ? this.serviceFacts(service) : null,
			why && !why.error ? whyParts(why) : this.ownParts(sockets, claimants, why),
			this.extra ? timelineOf(this.extra.history) : el("p", { class: "muted" }, "Looking…"),
		].flat(3).filter(Boolean));
		this.drawActions(service, sockets, claimants);
	}

	portChip(sockets) {
		if (this.store.alertsOf(this.port, null).some((a) => a.severity === "critical"))
			return chip("conflict");
		const node = chip(sockets.length ? "running" : "stopped");
		node.lastChild.textContent = sockets.length ? "In use" : "Free";
		return node;
	}

	serviceFacts(s) {
		const needs = Object.keys(s.entry?.depends_on ?? {});
		const startup = s.entry?.startup_cmd;
		return facts([
			["What", s.description],
			["Port", el("span", {}, portsOf(s).length ? portsOf(s).map((p, i) => [i ? ", " : "", link(`:${p}`, () => this.open({ port: p, proto: s.proto }))]).flat() : "dynamic")],
			["Environment", s.environment],
			["Process", s.pid ? `${processName(s.process)} (pid ${s.pid})` : null],
			["Up since", s.status === "running" && s.since ? since(s.since) : null],
			["Health", s.health], ["Checked at", s.health_endpoint],
			["Needs", needs.length ? el("span", {}, needs.map((n, i) => [i ? ", " : "", link(n, () => this.open({ service: n }))]).flat()) : null],
			["Started with", startup ? el("code", {}, Array.isArray(startup) ? startup.join(" ") : startup) : null],
			["Restarts", s.restarts || null],
		]);
	}

	ownParts(sockets, claimants, why) {
		return [
			why?.error ? el("p", { class: "error" }, why.error) : null,
			this.port ? el("p", { class: "summary" }, el("bdi", {}, ownSummary(this.port, sockets, claimants))) : null,
			sockets.length ? section("Who holds it", socketCards(sockets)) : null,
		];
	}

	// What portwatch can start, it can stop.
	launches(service) {
		if (!service?.entry?.startup_cmd || !service.enabled)
			return [];
		const verbs = ["running", "unhealthy", "starting"].includes(service.status) ? ["stop", "restart"] : ["start"];
		return verbs.map((verb) => el("button", { class: "button", type: "button", onclick: () => this.actions.launch(service.name, verb) }, `${verb[0].toUpperCase()}${verb.slice(1)}…`));
	}

	drawActions(service, sockets, claimants) {
		const foot = $("detail-actions");
		const owner = service ?? claimants[0];
		const foreign = sockets.some((s) => !service || s.service !== service.name);
		const buttons = this.actions.canChange() ? [
			sockets.length ? el("button", { class: "button danger", type: "button", onclick: () => this.actions.kill(service && !foreign ? { service: service.name } : { port: this.port, proto: sockets[0].proto }) }, "Kill…") : null,
			...this.launches(service),
			owner ? el("button", { class: "button", type: "button", onclick: () => this.actions.reassign(owner.name) }, service ? "Reassign…" : `Reassign ${clean(owner.name)}…`) : null,
		].filter(Boolean) : [];
		foot.hidden = buttons.length === 0;
		foot.replaceChildren(...buttons);
	}
}

function timelineOf(history) {
	return history?.error ? el("p", { class: "error" }, history.error) : timeline(history);
}
