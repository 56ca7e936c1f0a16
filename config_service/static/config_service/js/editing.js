// What scripts add to the pages about entries. Every page works without.

import {editJson} from "./json_editor.js";
import {carryOver, guardTyping, unmask} from "./typed_fields.js";

for (const area of document.querySelectorAll("textarea[data-json-editor]")) editJson(area);

for (const form of document.querySelectorAll("[data-entry-form]")) {
    carryOver(form);
    guardTyping(form);
    unmask(form);
}

// Ctrl+Enter or Cmd+Enter does what the page's main button does.
document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target.closest?.("form") ?? document.querySelector("form:has([data-submit])");
    const button = form?.querySelector("[data-submit]");
    if (!button || button.disabled) return;
    event.preventDefault();
    form.requestSubmit(button);
});

document.querySelector(".errornote, [role=alert]")?.closest("main")?.querySelector(".field-wrong :is(input, textarea):not([type=hidden])")?.focus();
