// SPDX-License-Identifier: GPL-2.0-only
// What is known: loaded as a whole when the stream opens, then changed by its events.
//
// The stream is open before the load begins.  Events that arrive meanwhile are applied at
// once and again behind what was loaded: each says how something is, so that the second
// time changes nothing that the load knew already.

import { get } from "./api.js";

const ACTIVITY_MAX = 80;
const RESOLVED_MAX = 20;
const JOURNAL_MAX = 5000;
const REFRESH_MS = 200;
// Without the holders: of many sockets that is most of the answer.
const SOCKET_FIELDS = "cookie,proto,address,port,netns,state,scope,since,process,service,user,unit,container,pid";

function scopeOf(address) {
	if (/^(127\.|::1$)/.test(address ?? ""))
		return "loopback";
	return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|f[cde])/i.test(address ?? "") ? "private" : "public";
}

function socketOf(event) {
	const process = event.process ?? null;
	return {
		cookie: event.cookie, proto: event.proto, address: event.address, port: event.port,
		netns: event.netns, state: event.type === "socket.listening" ? "listening" : "bound",
		scope: scopeOf(event.address), since: event.time, process, service: event.service ?? null,
		user: process?.user ?? null, pid: process?.pid ?? null, comm: process?.comm ?? null,
	};
}

function rangeOf(text) {
	const found = /^(\d+)-(\d+)$/.exec(text ?? "");
	return found ? { low: Number(found[1]), high: Number(found[2]) } : null;
}

export class Store {
	constructor(onChange) {
		this.onChange = onChange;
		this.journal = null;
		this.noted = 0;
		this.clear();
	}

	clear() {
		this.status = null;
		this.services = [];
		this.alerts = new Map();
		this.resolved = [];
		this.sockets = new Map();
		this.activity = [];
		this.netns = null;
		this.loading = null;
		this.stale = this.wholly = false;
		this.timer = 0;
		this.refreshed = -REFRESH_MS;
	}

	get range() {
		return rangeOf(this.status?.port_manager?.port_range);
	}

	// Of the network namespace that the registry speaks of: the daemon's, which serves
	// this page from a socket there.
	isOwn(at) {
		return !this.netns || !at.netns || at.netns === this.netns;
	}

	service(name) {
		return this.services.find((service) => service.name === name);
	}

	alertsOf(port, service) {
		return [...this.alerts.values()].filter((a) => (port && a.port === port) || (service && a.service === service));
	}

	socketsOf(port) {
		return [...this.sockets.values()].filter((s) => s.port === port && this.isOwn(s));
	}

	// -- Loading -----------------------------------------------------------------------

	// Everything anew; while one load runs, a second follows it, not more.
	async load(wholly) {
		if (this.loading) {
			this.stale = true;
			this.wholly ||= wholly;
			return this.loading;
		}
		this.journal = [];
		this.loading = this.fetchAll(wholly).finally(() => {
			this.loading = null;
			this.journal = null;
		});
		await this.loading;
		if (this.stale) {
			const all = this.wholly;
			this.stale = this.wholly = false;
			await this.load(all);
		}
	}

	async fetchAll(wholly) {
		const [status, services, sockets, alerts] = await Promise.all([
			get("/status"),
			get("/services"),
			wholly ? get(`/sockets?fields=${SOCKET_FIELDS}`) : null,
			wholly ? get("/alerts?state=all") : null,
		]);
		this.status = status;
		this.services = services.services.map((entry) => ({ ...entry, ...status.services[entry.name], entry }));
		this.alerts = new Map(status.alerts.map((alert) => [alert.id, alert]));
		if (sockets) {
			this.sockets = new Map(sockets.sockets.map((socket) => [socket.cookie, socket]));
			this.netns = sockets.sockets.find((socket) => socket.pid === status.daemon.pid)?.netns ?? null;
		}
		if (alerts)
			this.resolved = alerts.alerts.filter((a) => a.state === "resolved")
				.sort((a, b) => b.resolved_at.localeCompare(a.resolved_at)).slice(0, RESOLVED_MAX);
		for (const event of this.journal)
			this.change(event);
		this.onChange();
	}

	// Soon, and not for each of many events.
	refresh() {
		if (this.timer)
			return;
		this.timer = setTimeout(() => {
			this.timer = 0;
			this.refreshed = performance.now();
			this.load(false).catch(() => {}); // the stream will say that it is gone
		}, Math.max(0, this.refreshed + REFRESH_MS - performance.now()));
	}

	// -- Events ------------------------------------------------------------------------

	apply(event) {
		if (this.journal && this.journal.length < JOURNAL_MAX)
			this.journal.push(event);
		else if (this.journal)
			this.stale = this.wholly = true;
		this.change(event);
		if (event.source !== "snapshot")
			this.note(event);
		if (event.type === "kernel.resynced" || event.type === "kernel.lost")
			this.load(true).catch(() => {});
		else if (event.service || !event.type.startsWith("socket."))
			this.refresh();
		this.onChange(event);
	}

	change(event) {
		switch (event.type) {
		case "alert.firing":
			this.alerts.set(event.alert.id, event.alert);
			break;
		case "alert.resolved":
			this.alerts.delete(event.alert.id);
			this.resolved = [event.alert, ...this.resolved.filter((a) => a.id !== event.alert.id)].slice(0, RESOLVED_MAX);
			break;
		case "socket.bound":
		case "socket.listening":
			this.sockets.set(event.cookie, { ...this.sockets.get(event.cookie), ...socketOf(event) });
			break;
		case "socket.released":
			this.sockets.delete(event.cookie);
			break;
		}
	}

	note(event) {
		const [last] = this.activity;
		// A bind and the listen that follows it are one line.
		if (last?.type === "socket.bound" && event.type === "socket.listening" && last.cookie === event.cookie)
			this.activity.shift();
		// A daemon that was started anew counts from the beginning.
		this.activity.unshift({ ...event, noted: ++this.noted });
		if (this.activity.length > ACTIVITY_MAX)
			this.activity.length = ACTIVITY_MAX;
	}
}
