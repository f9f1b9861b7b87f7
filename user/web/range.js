// SPDX-License-Identifier: GPL-2.0-only
// The managed range as a map: a cell a port (or several, where there are many), told
// apart by their pattern and letter as well as by colour.

import { $, clean, el, plural, processName, setText } from "./dom.js";
import { portsOf } from "./lists.js";

const CELLS_MAX = 500;
const COLUMNS = 10;

// By rank: a cell of several ports shows the worst.
const KINDS = [
	["conflict", "!", "conflict"],
	["foreign", "?", "used by others"],
	["used", "●", "in use"],
	["allocated", "A", "allocated"],
	["claimed", "R", "registered"],
	["free", "", "free"],
];
const RANK = Object.fromEntries(KINDS.map(([name], i) => [name, i]));

// port -> {kind, who}
function portsInRange(store, { low, high }) {
	const all = new Map();
	const put = (port, kind, who) => {
		if (port >= low && port <= high && (!all.has(port) || RANK[kind] < RANK[all.get(port).kind]))
			all.set(port, { kind, who });
	};
	for (const service of store.services)
		for (const port of portsOf(service))
			put(port, "claimed", service.name);
	for (const a of store.status?.port_manager?.allocations ?? [])
		put(a.port, "allocated", a.service_name);
	for (const socket of store.sockets.values()) {
		if (!store.isOwn(socket))
			continue;
		const owned = socket.service || all.get(socket.port)?.kind === "allocated";
		put(socket.port, owned ? "used" : "foreign", socket.service ?? (socket.process ? processName(socket.process) : "somebody"));
	}
	for (const alert of store.alerts.values())
		if (alert.severity === "critical" && alert.port && store.isOwn(alert))
			put(alert.port, "conflict", alert.service ?? alert.kind);
	return all;
}

function cellsOf(ports, { low, high }) {
	const step = Math.ceil((high - low + 1) / CELLS_MAX);
	const cells = [];
	for (let first = low; first <= high; first += step) {
		const last = Math.min(high, first + step - 1);
		let kind = "free", who = null, taken = 0, port = first;
		for (let p = first; p <= last; p++) {
			const found = ports.get(p);
			if (!found)
				continue;
			taken++;
			if (RANK[found.kind] < RANK[kind])
				({ kind, who } = found), (port = p);
		}
		cells.push({ first, last, kind, who, taken, port });
	}
	return cells;
}

function cellLabel(cell) {
	const words = KINDS[RANK[cell.kind]][2];
	if (cell.first === cell.last)
		return `Port ${cell.first}: ${words}${cell.who ? `, ${clean(cell.who)}` : ""}`;
	return `Ports ${cell.first} to ${cell.last}: ${cell.taken} taken${cell.taken ? `, ${words}: ${clean(cell.who)}` : ""}`;
}

export class RangeMap {
	constructor(actions) {
		this.actions = actions;
		this.grid = el("div", { class: "map", role: "group", "aria-label": "Ports of the managed range; arrow keys move" });
		this.grid.addEventListener("keydown", (event) => this.move(event));
		this.grid.addEventListener("focusin", (event) => this.setCurrent([...this.buttons].indexOf(event.target)));
		this.legend = el("ul", { class: "legend" });
		this.key = "";
		this.buttons = [];
		this.current = 0;
		this.box = el("div", { class: "map-box" }, this.grid);
		$("range").append(this.box, this.legend);
	}

	build(range, cells) {
		this.buttons = cells.map((cell) => el("button", { type: "button", class: "cell", tabindex: "-1", onclick: () => this.actions.open({ port: this.cells[this.buttons.indexOf(document.activeElement)]?.port ?? cell.port }) }));
		this.grid.replaceChildren();
		for (let i = 0; i < this.buttons.length; i += COLUMNS)
			this.grid.append(el("span", { class: "map-row", role: "presentation" },
				el("span", { class: "map-label mono", "aria-hidden": "true" }, String(cells[i].first)), this.buttons.slice(i, i + COLUMNS)));
		this.current = 0;
		this.buttons[0]?.setAttribute("tabindex", "0");
	}

	setCurrent(index) {
		if (index < 0)
			return;
		this.buttons[this.current]?.setAttribute("tabindex", "-1");
		this.current = index;
		this.buttons[index]?.setAttribute("tabindex", "0");
	}

	move(event) {
		const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS, Home: -Infinity, End: Infinity };
		const step = steps[event.key];
		if (!step)
			return;
		event.preventDefault();
		const next = Math.max(0, Math.min(this.buttons.length - 1, this.current + step));
		this.buttons[next].focus();
	}

	draw(store) {
		const range = store.range;
		const total = range ? range.high - range.low + 1 : 0;
		this.total = total;
		setText($("range-count"), range ? `${range.low}–${range.high}` : "");
		if (!range) {
			this.grid.replaceChildren(el("p", { class: "empty" }, "No range is managed: set ", el("code", {}, "settings.port_range"), "."));
			this.legend.replaceChildren();
			this.key = "";
			return;
		}
		const ports = portsInRange(store, range);
		this.free = total - ports.size;
		this.cells = cellsOf(ports, range);
		if (this.key !== `${range.low}-${range.high}`) {
			this.key = `${range.low}-${range.high}`;
			this.build(range, this.cells);
		}
		this.cells.forEach((cell, i) => this.drawCell(this.buttons[i], cell));
		this.drawLegend(ports, total);
	}

	drawCell(button, cell) {
		const label = cellLabel(cell);
		if (button.getAttribute("aria-label") === label && button.dataset.kind === cell.kind)
			return;
		button.dataset.kind = cell.kind;
		button.setAttribute("aria-label", label);
		button.title = label;
		button.textContent = KINDS[RANK[cell.kind]][1];
	}

	drawLegend(ports, total) {
		const counts = Object.fromEntries(KINDS.map(([name]) => [name, 0]));
		for (const { kind } of ports.values())
			counts[kind]++;
		counts.free = this.free;
		const sig = JSON.stringify(counts);
		if (this.legend.sig === sig)
			return;
		this.legend.sig = sig;
		this.legend.setAttribute("aria-label", `${plural(total, "port")}`);
		this.legend.replaceChildren(...KINDS.map(([name, letter, words]) =>
			el("li", {}, el("span", { class: "cell swatch", "data-kind": name, "aria-hidden": "true" }, letter), el("span", {}, words), el("b", {}, String(counts[name])))));
	}
}
