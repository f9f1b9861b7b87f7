// SPDX-License-Identifier: GPL-2.0-only
// A table that sorts, filters and is brought up to date cell by cell, so that the focus
// and what somebody has selected survive.

import { clean, el, icon, link, setText, show } from "./dom.js";

const ROWS_FIRST = 100;

// Brings the children of @parent in line with @items: one node a key, in this order.
export function reconcile(parent, items, keyOf, create, update) {
	const old = parent.nodes ?? new Map();
	const nodes = new Map();
	let at = parent.firstChild;
	for (const item of items) {
		const key = keyOf(item);
		const node = old.get(key) ?? create(item, key);
		old.delete(key);
		nodes.set(key, node);
		update?.(node, item);
		if (node === at)
			at = at.nextSibling;
		else
			parent.insertBefore(node, at);
	}
	for (const node of old.values())
		node.remove();
	parent.nodes = nodes;
}

export class Table {
	// columns: {key, name, text(row), render(row) -> nodes, sort(row), class}; options:
	// label, key(row), open(row), columns, sort: key, storage
	constructor(parent, options) {
		this.options = options;
		this.sort = { key: options.sort, down: false };
		this.limit = ROWS_FIRST;
		this.head = el("tr", {});
		this.body = el("tbody", {});
		this.empty = el("p", { class: "empty", hidden: true });
		this.more = el("p", { class: "more", hidden: true }, link("", () => {
			this.limit = Infinity;
			this.draw();
		}));
		this.table = el("table", { "aria-label": options.label }, el("thead", {}, this.head), this.body);
		parent.append(el("div", { class: "table-box" }, this.table), this.empty, this.more);
		for (const column of options.columns)
			this.head.append(this.makeHead(column));
		this.rows = [];
	}

	makeHead(column) {
		if (!column.sort && !column.text)
			return el("th", { scope: "col", class: column.class }, el("span", { class: "visually-hidden" }, column.name));
		return el("th", { scope: "col", class: column.class },
			el("button", { class: "sort", type: "button", onclick: () => this.sortBy(column.key) }, column.name, el("span", { class: "arrow" })));
	}

	sortBy(key) {
		this.sort = { key, down: this.sort.key === key && !this.sort.down };
		this.draw();
	}

	markSort() {
		this.options.columns.forEach((column, i) => {
			const th = this.head.children[i];
			const active = column.key === this.sort.key;
			const state = active ? (this.sort.down ? "descending" : "ascending") : null;
			if (th.getAttribute("aria-sort") === state && th.dataset.drawn)
				return;
			th.dataset.drawn = "1";
			if (state)
				th.setAttribute("aria-sort", state);
			else
				th.removeAttribute("aria-sort");
			th.querySelector(".arrow")?.replaceChildren(icon(active ? (this.sort.down ? "down" : "up") : "both"));
		});
	}

	compare(a, b) {
		const column = this.options.columns.find((c) => c.key === this.sort.key);
		const value = column.sort ?? column.text;
		const [x, y] = [value(a), value(b)];
		let order;
		if (x === null || x === undefined || x === "" || y === null || y === undefined || y === "")
			return (x ?? "") === (y ?? "") ? 0 : (x ?? "") === "" ? 1 : -1; // unknown ones last
		if (typeof x === "number" && typeof y === "number")
			order = x - y;
		else
			order = String(x).localeCompare(String(y), "en", { numeric: true });
		return this.sort.down ? -order : order;
	}

	// @emptyText: what to say where nothing is left; nodes or text.
	update(rows, emptyText) {
		this.rows = rows;
		this.emptyText = emptyText;
		this.draw();
	}

	draw() {
		const { key } = this.options;
		const sorted = [...this.rows].sort((a, b) => this.compare(a, b) || String(key(a)).localeCompare(String(key(b)), "en", { numeric: true }));
		const shown = sorted.slice(0, this.limit);
		this.markSort();
		reconcile(this.body, shown, key, (row) => this.makeRow(row), (node, row) => this.fillRow(node, row));
		show(this.table, shown.length > 0);
		show(this.empty, shown.length === 0);
		if (shown.length === 0)
			this.empty.replaceChildren(...[this.emptyText ?? "Nothing"].flat());
		show(this.more, sorted.length > shown.length);
		setText(this.more.firstChild, `Show all ${sorted.length.toLocaleString("en")}`);
	}

	makeRow() {
		const node = el("tr", {}, this.options.columns.map((column) => el("td", { class: column.class })));
		node.addEventListener("click", (event) => {
			if (!event.target.closest("button, a, input") && !String(getSelection()))
				this.options.open(node.row);
		});
		return node;
	}

	fillRow(node, row) {
		node.row = row;
		this.options.columns.forEach((column, i) => {
			const cell = node.cells[i];
			const sig = String(column.sig ? column.sig(row) : (column.text ?? column.sort)(row) ?? "");
			if (cell.sig === sig)
				return;
			cell.sig = sig;
			const content = [column.render ? column.render(row, node) : column.text(row) ?? "–"].flat(2);
			cell.replaceChildren(...content.map((part) => (part instanceof Node ? part : clean(part))));
		});
	}
}
