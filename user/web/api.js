// SPDX-License-Identifier: GPL-2.0-only
// Requests to the daemon and its stream of events.  The token goes along as a header,
// which a browser's own EventSource could not do, and is kept in this tab alone.

const BASE = "/api/ports";
const KEY = "portwatch.token";
// The daemon says something every 15 s, if only that it is there.
const SILENCE_MS = 50000;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5000;

export class ApiError extends Error {
	constructor(status, problem) {
		super(problem.detail ?? problem.title ?? `The daemon answered ${status}`);
		this.status = status;
		this.problem = problem;
	}
}

let token = null;

export function setToken(text) {
	token = text || null;
	try {
		if (token)
			sessionStorage.setItem(KEY, token);
		else
			sessionStorage.removeItem(KEY);
	} catch {
		// Without storage it lasts until the page is left.
	}
}

export function hasToken() {
	return token !== null;
}

// From the address, where it must not stay, else from this tab.
export function findToken() {
	const given = new URLSearchParams(location.hash.slice(1)).get("token");
	if (given) {
		history.replaceState(null, "", location.pathname + location.search);
		setToken(given);
		return;
	}
	try {
		token = sessionStorage.getItem(KEY);
	} catch {
		token = null;
	}
}

function headers(more) {
	const all = new Headers(more);
	if (token)
		all.set("Authorization", `Bearer ${token}`);
	return all;
}

async function problemOf(response) {
	try {
		return await response.json();
	} catch {
		return {};
	}
}

async function ask(path, options = {}) {
	const response = await fetch(BASE + path, {
		...options, headers: headers(options.headers), cache: "no-store", credentials: "omit",
	});
	if (!response.ok)
		throw new ApiError(response.status, await problemOf(response));
	return response.json();
}

export function get(path) {
	return ask(path);
}

export function post(path, body) {
	return ask(path, {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify(body),
	});
}

// What of it is there: null where this daemon does not serve it or knows nothing.
export async function getIfServed(path) {
	try {
		return await get(path);
	} catch (error) {
		if (error instanceof ApiError && (error.status === 404 || error.status === 501))
			return null;
		throw error;
	}
}

// -- The stream --------------------------------------------------------------------------

// Lines to {id, data}; a comment is nothing, a blank line ends one event.
class Parser {
	constructor(onEvent) {
		this.onEvent = onEvent;
		this.rest = "";
		this.event = {};
	}

	take(text) {
		const lines = (this.rest + text).split("\n");
		this.rest = lines.pop();
		for (const line of lines)
			this.line(line.replace(/\r$/, ""));
	}

	line(line) {
		if (line === "") {
			if (this.event.data !== undefined)
				this.onEvent(this.event);
			this.event = {};
			return;
		}
		const colon = line.indexOf(":");
		if (colon <= 0)
			return;
		const value = line.slice(colon + 1).replace(/^ /, "");
		const key = line.slice(0, colon);
		this.event[key] = key === "data" && this.event.data !== undefined ? `${this.event.data}\n${value}` : value;
	}
}

// Follows the events for good.  handlers: open(), event(object), state(name, retryAt),
// refused(ApiError); after refused() it rests until start() is called again.
export class EventStream {
	constructor(handlers) {
		this.handlers = handlers;
		this.lastId = null;
		this.abort = null;
		this.timer = 0;
		this.delay_ms = RETRY_FIRST_MS;
		this.stopped = true;
	}

	start() {
		this.stop();
		this.stopped = false;
		this.delay_ms = RETRY_FIRST_MS;
		this.connect();
	}

	stop() {
		this.stopped = true;
		clearTimeout(this.timer);
		this.abort?.abort();
		this.abort = null;
	}

	// At once, where it waits to try again.
	retry() {
		if (!this.stopped && !this.abort) {
			clearTimeout(this.timer);
			this.connect();
		}
	}

	async connect() {
		const abort = new AbortController();
		this.abort = abort;
		this.handlers.state("connecting");
		try {
			await this.follow(abort);
		} catch (error) {
			if (this.abort !== abort)
				return;
			if (error instanceof ApiError) {
				this.stop();
				this.handlers.refused(error);
				return;
			}
		}
		if (this.abort !== abort)
			return;
		this.abort = null;
		abort.abort();
		this.handlers.state("lost", Date.now() + this.delay_ms);
		this.timer = setTimeout(() => this.connect(), this.delay_ms);
		this.delay_ms = Math.min(RETRY_MAX_MS, this.delay_ms * 1.7);
	}

	async follow(abort) {
		const given = this.lastId ? { "Last-Event-ID": this.lastId } : {};
		let watch = setTimeout(() => abort.abort(), SILENCE_MS);
		try {
			const response = await fetch(`${BASE}/events?snapshot=0`, {
				headers: headers(given), cache: "no-store", credentials: "omit", signal: abort.signal,
			});
			if (!response.ok)
				throw new ApiError(response.status, await problemOf(response));
			this.delay_ms = RETRY_FIRST_MS;
			this.handlers.state("live");
			this.handlers.open();
			const parser = new Parser((event) => this.take(event));
			const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
			for (;;) {
				const { value, done } = await reader.read();
				if (done || this.abort !== abort)
					return;
				clearTimeout(watch);
				watch = setTimeout(() => abort.abort(), SILENCE_MS);
				parser.take(value);
			}
		} finally {
			clearTimeout(watch);
		}
	}

	take(event) {
		if (event.id)
			this.lastId = event.id;
		try {
			this.handlers.event(JSON.parse(event.data));
		} catch (error) {
			console.error("an event that is not understood", error);
		}
	}
}
