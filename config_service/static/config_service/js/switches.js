// The pages of switches show what this node has learned: it is asked for the versions, and where one is new for the page,
// whose parts marked `data-live` are then put in place.
//
// What somebody is about to press is left as it is until they leave it, and what they have typed for good: it is based on
// the version that it shows, so it is refused if that is not the newest any more.

import {poll} from "./poll.js";

const part = (id) => document.getElementById(id);
const pressing = () => document.querySelector(".flip:hover") !== null;
const typed = (box) => [...box.querySelectorAll("input:not([type=hidden])")].some((field) => field.value !== field.defaultValue || field === document.activeElement);
let refreshing = false, leaving = false;

document.addEventListener("submit", () => { leaving = true; });

function changed(told) {
    const shown = JSON.parse(part("switches").dataset.versions);
    const newer = Object.keys(told).filter((name) => !(shown[name] >= told[name]));
    return [...newer, ...Object.keys(shown).filter((name) => !(name in told))];
}

async function refresh(names) {
    const response = await fetch(location.href);
    // Of a page that was refused, or is the one for signing in, nothing is put in place.
    const page = response.ok && !response.redirected ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
    if (!page?.getElementById("switches") || pressing()) return;
    const focused = document.activeElement?.closest(".toggle")?.getAttribute("aria-label");
    for (const box of document.querySelectorAll("[data-live]")) if (!typed(box)) box.replaceWith(page.getElementById(box.id));
    if (focused) document.querySelector(`.toggle[aria-label="${CSS.escape(focused)}"]`)?.focus();
    part("news").textContent = `Changed: ${names.join(", ")}`;
}

poll(() => part("switches").dataset.url, 1000, {
    async answer(told) {
        const names = changed(told);
        if (!names.length || refreshing || leaving || pressing()) return;
        refreshing = true;
        try {
            await refresh(names);
        } catch {
            // The next answer tells of them again.
        } finally {
            refreshing = false;
        }
    },
    silent() {
        // The banner says so.
    },
});
