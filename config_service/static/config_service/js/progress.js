// How an operation goes on, step by step, until it has ended.

import {el, icon} from "./dom.js";
import {poll} from "./poll.js";
import {span} from "./texts.js";

const box = document.getElementById("progress");
const contact = document.getElementById("contact");
const away = JSON.parse(document.getElementById("away-data").textContent);
let shown = "";

function render(told) {
    const text = JSON.stringify(told);
    if (text === shown) return;
    shown = text;
    box.replaceChildren(...told.nodes.map(card));
    document.getElementById("follow")?.classList.toggle("button-primary", told.done);
}

function card({node, steps, done}) {
    const now = steps.find((step) => !step.done);
    return el("section", {class: "card", "data-done": String(done)},
        el("h2", null, node),
        el("ol", {class: "steps"}, steps.map((step) => el("li", {class: step.done ? "done" : step === now ? "now" : ""},
            step.done ? icon("ok") : el("span", {class: "waits"}),
            el("span", null, step.title, el("span", {class: "visually-hidden"}, step.done ? ": done" : ": not yet")),
            step.detail && el("span", {class: "quiet"}, step.detail)))),
        done && el("p", {class: "ended"}, icon("ok"), `${box.dataset.ended}: ${node}`));
}

render(JSON.parse(document.getElementById("progress-data").textContent));
poll(() => box.dataset.url, 1000, {
    answer(told) {
        contact.hidden = true;
        render(told);
    },
    silent(reason, ms) {
        contact.hidden = false;
        contact.replaceChildren(`No contact with ${box.dataset.node} for ${span(ms)}: ${reason}. Go on at `,
            ...away.flatMap(({node, url}) => [el("a", {href: url}, node), " "]));
    },
});
