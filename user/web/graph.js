// SPDX-License-Identifier: GPL-2.0-only
// Who depends on whom, in layers: what a service needs stands before it.  An edge that
// spans several layers bends in each of them, so that it runs between the boxes.

import { $, STATES, clean, el, setText, svg } from "./dom.js";
import { portsOf } from "./lists.js";

const NODES_MAX = 80;
const BOX = { w: 148, h: 46 };
const GAP = { layer: 56, row: 18 };
const SWEEPS = 6;
const SMALLEST = 0.75;

function edgesOf(services) {
	const names = new Set(services.map((s) => s.name));
	return services.flatMap((s) => Object.keys(s.entry?.depends_on ?? {}).filter((d) => names.has(d) && d !== s.name).map((from) => ({ from, to: s.name })));
}

// name -> layer: one behind the last of what it needs.  A cycle is cut where it closes.
function layersOf(names, edges) {
	const needs = new Map(names.map((n) => [n, []]));
	for (const e of edges)
		needs.get(e.to).push(e.from);
	const layer = new Map();
	const walking = new Set();
	const visit = (name) => {
		if (layer.has(name))
			return layer.get(name);
		if (walking.has(name))
			return -1;
		walking.add(name);
		const depth = Math.max(-1, ...needs.get(name).map(visit)) + 1;
		walking.delete(name);
		layer.set(name, depth);
		return depth;
	};
	names.forEach(visit);
	return layer;
}

// Rows of each layer with the bends between, and the chain of places of each edge.
function arrange(names, edges) {
	const layer = layersOf(names, edges);
	const rows = [];
	const put = (item, at) => ((rows[at] ??= []).push(item), item);
	const items = new Map(names.map((n) => [n, put({ name: n, before: [], after: [] }, layer.get(n))]));
	const chains = edges.map((edge) => {
		const chain = [items.get(edge.from)];
		for (let at = layer.get(edge.from) + 1; at < layer.get(edge.to); at++)
			chain.push(put({ name: null, before: [], after: [] }, at));
		chain.push(items.get(edge.to));
		for (let i = 1; i < chain.length; i++) {
			chain[i - 1].after.push(chain[i]);
			chain[i].before.push(chain[i - 1]);
		}
		return { edge, chain };
	});
	untangle(rows);
	return { rows, chains };
}

// Each row in the order of the middle of its neighbours, to and fro.
function untangle(rows) {
	const number = (row) => row.forEach((item, i) => (item.at = i));
	rows.forEach(number);
	const middle = (list, item) => (list.length ? list.reduce((sum, n) => sum + n.at, 0) / list.length : item.at);
	for (let i = 0; i < SWEEPS; i++) {
		const down = i % 2 === 0;
		for (const row of down ? rows : [...rows].reverse()) {
			for (const item of row)
				item.wish = middle(down ? item.before : item.after, item);
			row.sort((a, b) => a.wish - b.wish);
			number(row);
		}
	}
}

// Coordinates: along the layers and across them; @upright puts the layers one below the
// other.  Answers the size of it all.
function place({ rows }, upright) {
	const along = upright ? BOX.h : BOX.w, across = upright ? BOX.w : BOX.h;
	const width = (item) => (item.name ? across : across / 3);
	const span = (row) => row.reduce((sum, item) => sum + width(item) + GAP.row, -GAP.row);
	const widest = Math.max(...rows.map(span));
	rows.forEach((row, i) => {
		let at = (widest - span(row)) / 2;
		for (const item of row) {
			const a = i * (along + GAP.layer) + along / 2, b = at + width(item) / 2;
			[item.x, item.y] = upright ? [b, a] : [a, b];
			at += width(item) + GAP.row;
		}
	});
	const length = rows.length * (along + GAP.layer) - GAP.layer;
	return upright ? { w: widest, h: length } : { w: length, h: widest };
}

function curve(chain, upright) {
	const half = upright ? BOX.h / 2 : BOX.w / 2;
	const shift = (p, by) => (upright ? { x: p.x, y: p.y + by } : { x: p.x + by, y: p.y });
	let from = shift(chain[0], half), path = `M${from.x} ${from.y}`;
	for (let i = 1; i < chain.length; i++) {
		const last = i === chain.length - 1;
		const to = last ? shift(chain[i], -half - 5) : chain[i];
		const reach = (upright ? to.y - from.y : to.x - from.x) / 2;
		const a = shift(from, reach), b = shift(to, -reach);
		path += `C${a.x} ${a.y} ${b.x} ${b.y} ${to.x} ${to.y}`;
		from = to;
	}
	return path;
}

function short(text, max) {
	const all = clean(text);
	return all.length > max ? `${all.slice(0, max - 1)}…` : all;
}

export class Graph {
	constructor(actions) {
		this.actions = actions;
		this.sig = "";
		new ResizeObserver(() => this.store && this.draw(this.store)).observe($("graph"));
	}

	draw(store) {
		this.store = store;
		const edges = edgesOf(store.services);
		const linked = new Set(edges.flatMap((e) => [e.from, e.to]));
		const services = store.services.filter((s) => linked.has(s.name)).slice(0, NODES_MAX);
		const names = services.map((s) => s.name);
		const shown = edges.filter((e) => names.includes(e.from) && names.includes(e.to));
		const upright = $("graph").clientWidth < 560;
		const sig = JSON.stringify([upright, services.map((s) => [s.name, s.status, portsOf(s)]), shown]);
		if (sig === this.sig)
			return;
		this.sig = sig;
		const focused = $("graph").contains(document.activeElement) ? document.activeElement.dataset.name : null;
		setText($("graph-note"), this.note(store, linked.size, names.length));
		if (names.length === 0) {
			$("graph").replaceChildren(el("p", { class: "empty" }, "No service names another in ", el("code", {}, "depends_on"), "."));
			return;
		}
		$("graph").replaceChildren(this.picture(services, shown, upright));
		if (focused)
			[...$("graph").querySelectorAll("[data-name]")].find((n) => n.dataset.name === focused)?.focus();
	}

	note(store, linked, shown) {
		if (linked > shown)
			return `the first ${shown} of ${linked}`;
		const alone = store.services.length - linked;
		return linked && alone ? `${alone} without any` : "";
	}

	picture(services, edges, upright) {
		const layout = arrange(services.map((s) => s.name), edges);
		const size = place(layout, upright);
		const byName = new Map(services.map((s) => [s.name, s]));
		const pad = 8;
		const width = size.w + 2 * pad;
		const root = svg("svg", { viewBox: `${-pad} ${-pad} ${width} ${size.h + 2 * pad}`, width, height: size.h + 2 * pad, role: "group", "aria-label": "Services and what they depend on" },
			svg("defs", {}, svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 3, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path", { d: "M0 0 8 4 0 8z" }))));
		// It shrinks a little where there is no room, then it scrolls.
		root.style.minWidth = `${width * SMALLEST}px`;
		for (const { edge, chain } of layout.chains)
			root.append(svg("path", { class: `edge ${byName.get(edge.from).status === "running" ? "" : "unmet"}`, d: curve(chain, upright), "marker-end": "url(#arrow)" }));
		for (const item of layout.rows.flat())
			if (item.name)
				root.append(this.node(byName.get(item.name), item, edges));
		return root;
	}

	node(service, at, edges) {
		const needs = edges.filter((e) => e.to === service.name).map((e) => clean(e.from));
		const [tone, word] = STATES[service.status] ?? ["idle", service.status];
		const port = portsOf(service)[0];
		const open = () => this.actions.open({ service: service.name });
		const name = short(service.name, 15), state = `${word}${port ? ` · :${port}` : ""}`;
		// What is read aloud begins with what is to be seen.
		const label = `${name} ${state}${needs.length ? `; needs ${needs.join(", ")}` : ""}`;
		return svg("g", {
			class: `node ${tone}`, transform: `translate(${at.x - BOX.w / 2} ${at.y - BOX.h / 2})`, role: "button", tabindex: "0", "aria-label": label, "data-name": service.name, onclick: open,
			onkeydown: (event) => {
				if (event.key === "Enter" || event.key === " ") {
					event.preventDefault();
					open();
				}
			},
		},
		svg("rect", { width: BOX.w, height: BOX.h, rx: 9 }),
		svg("use", { href: `#i-${STATES[service.status] ? service.status : "info"}`, x: 11, y: 15, width: 16, height: 16, class: "icon" }),
		svg("text", {}, svg("tspan", { x: 36, y: 20, class: "node-name" }, name), " ", svg("tspan", { x: 36, y: 35, class: "node-sub" }, state)));
	}
}
