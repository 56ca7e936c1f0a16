// The group as a picture: its nodes in a ring, the leader and the ways from it, how far each node is.

import {svg} from "./dom.js";
import {count, span} from "./texts.js";

const HEIGHT = 330, RADIUS = 34, SIDE = 104, ABOVE = 88, BELOW = 92;

// ``width`` is that of the place where it is put, so that its letters keep their size.
export function ring(nodes, group, width) {
    width = Math.min(680, Math.max(300, width));
    const places = new Map(spread(nodes.length, width).map((place, index) => [nodes[index].node, place]));
    const leader = nodes.find((node) => node.node === group.leader);
    const links = leader ? nodes.filter((node) => node !== leader).map((node) => link(places.get(leader.node), places.get(node.node), node)) : [];
    const label = leader ? `${leader.node} leads ${nodes.length} nodes.` : "No leader.";
    return svg("svg", {class: "ring", viewBox: `0 0 ${width} ${HEIGHT}`, width, role: "group", "aria-label": `${label} ${nodes.map(sentence).join(" ")}`},
        links,
        nodes.length > 2 && svg("text", {class: "middle halo", x: width / 2, y: HEIGHT / 2 + 16}, leader ? `${group.quorum_size} of ${group.voters} decide` : "no leader"),
        nodes.map((node) => drawn(node, places.get(node.node), node === leader, width < 420)));
}

// Places in a ring, the first at the top, stretched so that they fill the picture. What is said of a node in the upper
// half stands above it, so that no line runs through it.
function spread(many, width) {
    const turn = many === 2 ? 0 : -Math.PI / 2;
    const points = Array.from({length: many}, (_, index) => [Math.cos(turn + (2 * Math.PI * index) / many), Math.sin(turn + (2 * Math.PI * index) / many)]);
    const fit = (axis, from, to) => {
        const values = points.map((point) => point[axis]), low = Math.min(...values), high = Math.max(...values);
        return (value) => (high - low < 0.01 ? (from + to) / 2 : from + ((to - from) * (value - low)) / (high - low));
    };
    const x = fit(0, SIDE, width - SIDE), y = fit(1, ABOVE, HEIGHT - BELOW);
    return points.map(([across, down]) => ({x: x(across), y: y(down), above: many > 2 && down < -0.1}));
}

function link(from, to, node) {
    const kind = !node.reachable || node.halted ? "cut" : !node.level ? "behind" : "level";
    return svg("line", {class: `link link-${kind}`, x1: from.x, y1: from.y, x2: to.x, y2: to.y});
}

function drawn(node, {x, y, above}, leads, narrow) {
    const kinds = [leads && "leads", troubled(node) && "trouble", node.state !== "active" && "aside", !node.voter && "learner"];
    const inside = [
        svg("circle", {class: "disc", cx: x, cy: y, r: RADIUS}),
        svg("text", {class: "name", x, y: y + 5}, node.node.length > 7 ? `${node.node.slice(0, 6)}…` : node.node),
        svg("text", {class: "halo state", x, y: above ? y - RADIUS - 30 : y + RADIUS + 20}, standing(node, leads)),
        svg("text", {class: "halo about", x, y: above ? y - RADIUS - 12 : y + RADIUS + 38}, distance(node, narrow)),
    ];
    const group = {class: kinds.filter(Boolean).join(" ")};
    if (!node.admin) return svg("g", group, inside);
    return svg("a", {...group, href: node.admin, "aria-label": `${sentence(node)} Open its admin`}, inside);
}

const troubled = (node) => !node.reachable || Boolean(node.halted);

function standing(node, leads) {
    if (!node.reachable) return node.state === "active" ? "does not answer" : `${node.state}, stopped`;
    if (node.halted) return "stopped applying";
    const role = leads ? "leader" : node.voter ? node.role : "learner";
    return node.state === "active" ? role : `${role}, ${node.state}`;
}

// In a narrow picture there is no room for more than how far it is.
function distance(node, narrow = false) {
    if (node.image) return `image ${Math.floor((100 * node.image[0]) / Math.max(1, node.image[1]))} %`;
    const heard = node.here ? "answers you" : node.heard_ms === null ? "never heard" : `heard ${span(node.heard_ms)} ago`;
    if (!node.reachable) return heard;
    const far = node.lag && node.role !== "leader" ? `${count(node.lag)} behind` : "level";
    return narrow ? far : `${far} · ${heard}`;
}

const sentence = (node) => `${node.node}: ${standing(node, node.role === "leader")}, ${distance(node)}.`;

export {standing, distance};
