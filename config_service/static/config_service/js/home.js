// The first page: shows what it was delivered with, then asks every other second for what is new.

import {badge, el, icon} from "./dom.js";
import {plot} from "./plot.js";
import {poll} from "./poll.js";
import {distance, ring, standing} from "./ring.js";
import {count, moment, plural, span} from "./texts.js";

const home = document.getElementById("home");
const part = (id) => document.getElementById(id);
const show = (id, ...children) => part(id).replaceChildren(...children);
const MOST_POINTS = 300;

const plots = {
    writes: plot(document.querySelector("[data-plot=writes]"), {unit: "/s", series: [{label: "Writes", read: (point) => point.writes}]}),
    reads: plot(document.querySelector("[data-plot=reads]"), {unit: "/s", series: [{label: "Reads", read: (point) => point.reads}]}),
    latency: plot(document.querySelector("[data-plot=latency]"), {unit: " ms", series: [
        {label: "Half take at most", read: (point) => point.p50_ms},
        {label: "99 of 100 at most", read: (point) => point.p99_ms},
    ]}),
};

let points = [], nodes = [], told = Date.now(), shownChanges = "";

function render(data) {
    told = Date.now();
    nodes = data.nodes;
    points = [...points, ...data.series].slice(-MOST_POINTS);
    renderHealth(data);
    show("ring", ...(nodes.length ? [ring(nodes, data.group, part("ring").clientWidth)] : [nothing("nodes", "Nothing is known of the group", "The node's runtime has not told anything yet.")]));
    show("node-table", nodeTable());
    show("concerns", concernList(data.concerns));
    renderChanges(data.changes);
    for (const draw of Object.values(plots)) draw(points, told / 1000);
}

function renderHealth({health, group}) {
    const box = part("health"), text = `${health.headline}|${health.detail}`;
    if (box.dataset.text !== text) {
        box.dataset.text = text;
        box.className = `health-${health.kind}`;
        box.replaceChildren(icon(health.kind), el("div", null, el("strong", null, health.headline), health.detail));
    }
    const facts = {
        Leader: group.leader ? `${group.leader}${group.led_ms ? ` for ${span(group.led_ms)}` : ""}` : "none",
        Answering: `${group.answering} of ${group.voters}`,
        "May fail": group.spare < 0 ? "none: no majority" : plural(group.spare, "more node"),
        Revision: count(group.revision),
        Term: count(group.term),
    };
    if (group.stale_ms !== null) facts["Last word of a leader"] = `${span(group.stale_ms)} ago`;
    show("facts", ...Object.entries(facts).map(([name, value]) => el("div", null, el("dt", null, name), el("dd", null, value))));
}

function nodeTable() {
    const row = (node) => el("tr", null, el("th", {scope: "row"}, node.node), el("td", null, standing(node, node.role === "leader")),
        el("td", null, distance(node)), el("td", {class: "number"}, node.watchers === null ? "–" : count(node.watchers)));
    return el("table", null,
        el("thead", null, el("tr", null, ["Node", "Role and state", "How far, last heard"].map((name) => el("th", {scope: "col"}, name)), el("th", {scope: "col", class: "number"}, "Watchers"))),
        el("tbody", null, nodes.map(row)));
}

function concernList(concerns) {
    if (!concerns.length) return nothing("ok", "Nothing", "Nodes, log, snapshots, change sets and tokens are as they should be.");
    return el("ul", null, concerns.map((one) => el("li", {class: one.kind}, icon(one.kind === "info" ? "history" : one.kind),
        el("div", null, el("a", {href: one.url}, one.title), el("p", null, one.detail)))));
}

function renderChanges(changes) {
    const text = JSON.stringify(changes);
    if (text === shownChanges) return;
    shownChanges = text;
    const kinds = {added: "ok", changed: "info", deleted: "bad"};
    show("changes", changes.length ? el("ul", null, changes.map((change) => el("li", null,
        badge(change.what, kinds[change.what]),
        el("span", {class: "key"}, change.url ? el("a", {href: change.url}, `${change.namespace}/${change.key}`) : `${change.namespace}/${change.key}`),
        el("span", {class: "quiet"}, `by ${change.actor}`), change.comment && el("span", {class: "quiet"}, `“${change.comment}”`),
        el("time", {class: "when", datetime: change.at, title: change.at}, `${moment(change.at)} · revision ${count(change.revision)}`))))
        : nothing("entries", "No changes yet", "Entries that are added, changed or deleted show up here."));
}

function nothing(name, title, text) {
    return el("div", {class: "empty"}, icon(name), el("strong", null, title), text);
}

function lostContact(reason, ms) {
    const others = nodes.filter((node) => !node.here && node.admin);
    const here = nodes.find((node) => node.here);
    home.classList.add("stale");
    part("contact").hidden = false;
    show("contact", `No contact with ${here ? here.node : "this node"} for ${span(ms)}: ${reason}. What you see is of ${moment(told)}. `,
        ...(others.length ? ["Other nodes: ", ...others.flatMap((node) => [el("a", {href: node.admin}, node.node), " "])] : []));
}

render(JSON.parse(part("home-data").textContent));
poll(() => `${home.dataset.url}?after=${points.length ? points[points.length - 1].at : 0}`, 2000, {
    answer(data) {
        home.classList.remove("stale");
        part("contact").hidden = true;
        render(data);
    },
    silent: lostContact,
});
