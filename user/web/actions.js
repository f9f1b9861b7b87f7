// SPDX-License-Identifier: GPL-2.0-only
// What changes something: ending who holds a port, and giving a service another one.
// Nothing is done that was not shown and agreed to first.

import { ApiError, get, post } from "./api.js";
import { $, clean, commandLine, el, link, processName, show, toast } from "./dom.js";

export function words(error) {
	if (!(error instanceof ApiError))
		return "The daemon does not answer.";
	const remedy = error.problem.remedy;
	return `${error.message}${/[.!?]$/.test(error.message) ? "" : "."}${remedy ? ` Remedy: ${remedy}.` : ""}`;
}

// One question at a time: {title, ok, danger, body: nodes, submit() -> text of success}.
// The dialog stays where submit() throws, and says why.
let asked = 0;

export function question({ title, ok, danger, body, submit }) {
	const dialog = $("ask"), form = $("ask-form"), button = $("ask-ok");
	const number = ++asked;
	$("ask-title").textContent = clean(title);
	$("ask-body").replaceChildren(...body);
	$("ask-error").textContent = "";
	show(button, Boolean(submit));
	button.textContent = ok ?? "";
	button.className = `button ${danger ? "danger" : "primary"}`;
	button.disabled = false;
	$("ask-cancel").textContent = submit ? "Cancel" : "Close";
	form.onsubmit = async (event) => {
		event.preventDefault();
		if (button.disabled || !submit)
			return;
		button.disabled = true;
		button.textContent = "Working…";
		$("ask-error").textContent = "";
		try {
			const done = await submit();
			if (number === asked)
				dialog.close();
			toast(done);
		} catch (error) {
			// Whoever closed the question is still told.
			if (number === asked && dialog.open)
				$("ask-error").textContent = clean(words(error));
			else
				toast(words(error));
		}
		if (number !== asked)
			return;
		button.disabled = false;
		button.textContent = ok;
	};
	if (!dialog.open)
		dialog.showModal();
}

// -- Kill --------------------------------------------------------------------------------

function killPath(target) {
	return target.service ? `/services/${encodeURIComponent(target.service)}/kill` : `/ports/${target.port}/kill`;
}

function victim(process) {
	return el("li", { class: "victim" },
		el("strong", {}, el("bdi", {}, processName(process.process ?? process))),
		el("span", { class: "muted" }, ` pid ${process.pid}, user ${clean(process.user ?? "?")}, ${(process.ports ?? []).join(", ")}`),
		el("bdi", { class: "sub mono" }, commandLine(process.process)));
}

// The daemon answers 200 also where not all went as wished: then the message is why.
function checkKilled(answer) {
	if (answer.outcome !== "done")
		throw new ApiError(200, { detail: answer.message });
	return answer.message;
}

export async function kill(target) {
	const name = target.service ?? `port ${target.port}`;
	const proto = target.service ? {} : { proto: target.proto ?? "tcp" };
	let plan;
	try {
		plan = await post(killPath(target), { dry_run: true, ...proto });
	} catch (error) {
		question({ title: `Nothing to end for ${name}`, body: [el("p", {}, words(error))] });
		return;
	}
	const doomed = plan.processes.filter((p) => p.result === "would_end");
	const force = el("input", { type: "checkbox", id: "ask-force" });
	question({
		title: `End what holds ${name}?`,
		ok: doomed.length === 1 ? "End the process" : `End ${doomed.length} processes`,
		danger: true,
		body: [
			el("ul", { class: "victims" }, plan.processes.map(victim)),
			el("p", { class: "muted" }, `Each gets ${plan.signal} and ${plan.grace_s} s to end by itself; the port is looked at afterwards.`),
			el("label", { class: "check" }, force, " If it is still there then, end it with SIGKILL"),
		],
		submit: async () => checkKilled(await post(killPath(target), { ...proto, only: doomed.map((p) => p.pid), force: force.checked })),
	});
}

// -- Start, stop, restart -----------------------------------------------------------------

const LAUNCHES = {
	start: { name: "Start", note: "These are started, in this order; what runs already is left alone.", done: "runs" },
	stop: { name: "Stop", note: "These are stopped, in this order: what depends on a service goes first.", done: "is stopped" },
	restart: { name: "Restart", note: "These are stopped and started again.", done: "runs again" },
};

function step(s) {
	return el("li", {}, el("strong", {}, s.service), el("span", { class: "muted" }, `${s.port ? ` :${s.port}` : ""}${s.running ? ", runs now" : ""}${s.conflict ? ", somebody is on its port" : ""}`));
}

export async function launch(service, verb) {
	const { name, note, done } = LAUNCHES[verb];
	const path = `/services/${encodeURIComponent(service)}/${verb}`;
	let plan;
	try {
		plan = await post(path, { check_only: true });
	} catch (error) {
		question({ title: `${name} ${service}?`, body: [el("p", {}, words(error))] });
		return;
	}
	question({
		title: `${name} ${service}?`,
		ok: name,
		danger: verb !== "start",
		body: [el("p", { class: "muted" }, note), el("ol", { class: "steps" }, plan.services.map(step))],
		submit: async () => {
			const answer = await post(`${path}?wait=1`, {});
			if (answer.outcome === "done")
				return `${service} ${done}.`;
			const why = answer.services.filter((s) => s.reason).map((s) => `${s.service}: ${s.reason}`);
			throw new ApiError(200, { detail: why.join("; ") || `It ended with: ${answer.outcome}` });
		},
	});
}

// -- Reassign ----------------------------------------------------------------------------

export async function reassign(service, store) {
	const entry = store.service(service);
	const ports = entry?.ports ?? [];
	const input = el("input", { type: "number", id: "ask-port", min: 1, max: 65535, required: true, inputmode: "numeric", autocomplete: "off" });
	const which = el("select", { id: "ask-which" }, ports.map((p, i) => el("option", { value: i }, `${p.name ?? `port ${i + 1}`} (${p.port ?? "dynamic"})`)));
	const force = el("input", { type: "checkbox", id: "ask-force" });
	const offers = el("p", { class: "offers" }, el("span", { class: "muted" }, "Looking for free ports…"));
	question({
		title: `Another port for ${service}`,
		ok: "Reassign",
		body: [
			el("p", { class: "muted" }, "It is written into the registry. A process that runs already keeps its port until it is started again."),
			ports.length > 1 ? [el("label", { for: "ask-which" }, "Which port"), which] : [],
			el("label", { for: "ask-port" }, "New port"), input, offers,
			el("label", { class: "check" }, force, " Also where it is taken or claimed"),
		].flat(),
		submit: async () => {
			const more = ports.length > 1 ? { which: ports[which.value].name ?? Number(which.value) } : {};
			const answer = await post(`/services/${encodeURIComponent(service)}/reassign`, { port: Number(input.value), ...(force.checked ? { force: true } : {}), ...more });
			return `${service} has port ${answer.port} now.`;
		},
	});
	input.focus();
	try {
		const free = await get("/available?n=5");
		offers.replaceChildren(el("span", { class: "muted" }, free.ports.length ? "Free: " : "No port of the range is free."),
			...free.ports.flatMap((port) => [link(String(port), () => (input.value = port), `Use port ${port}`), " "]));
	} catch {
		offers.replaceChildren();
	}
}
