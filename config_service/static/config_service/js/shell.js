// The frame of every page: the menu on a narrow screen, and the banner, which is kept up to date.

import {poll} from "./poll.js";
import {span} from "./texts.js";

const button = document.querySelector(".menu-button");
const side = document.getElementById("side");
const veil = document.querySelector(".veil");

function show(open) {
    document.body.classList.toggle("menu-open", open);
    button.setAttribute("aria-expanded", String(open));
    if (open) side.querySelector("a").focus();
    else if (side.contains(document.activeElement)) button.focus();
}

if (button && side) {
    button.addEventListener("click", () => show(!document.body.classList.contains("menu-open")));
    veil.addEventListener("click", () => show(false));
    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && document.body.classList.contains("menu-open")) show(false);
    });
}

const banner = document.getElementById("banner");

function tell(text, warning) {
    if (banner.textContent !== text) banner.textContent = text;
    banner.classList.toggle("group-banner-warning", warning);
}

if (banner) {
    const node = banner.dataset.node;
    poll(() => banner.dataset.url, 5000, {
        answer: ({text, warning}) => tell(text, warning),
        silent: (reason, ms) => tell(`No contact with ${node} for ${span(ms)}: ${reason}. What you typed stays here.`, true),
    });
}
