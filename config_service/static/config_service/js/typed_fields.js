// The fields of an entry's form, one a type.

const fieldOf = (form, kind) => form.elements[`${kind}_value`];

// When another type is chosen, an empty field takes over what was typed for the last one, where that makes sense.
export function carryOver(form) {
    let last = form.elements.type?.value;
    form.addEventListener("change", (event) => {
        if (event.target.name !== "type") return;
        const next = event.target.value;
        const from = fieldOf(form, last);
        const to = fieldOf(form, next);
        last = next;
        if (!from || !to || from === to || from.type === "checkbox") return;
        if (to.type === "checkbox") {
            if (from.value.trim() === "true") to.checked = true;
        } else if (to.value === "" && from.value !== "" && !from.classList.contains("masked")) {
            to.value = from.value;
            to.dispatchEvent(new Event("input", {bubbles: true}));
        }
    });
}

// Leaving the page by accident asks first.
export function guardTyping(form) {
    let typed = false;
    form.addEventListener("input", () => { typed = true; });
    form.addEventListener("submit", () => { typed = false; });
    window.addEventListener("beforeunload", (event) => { if (typed) event.preventDefault(); });
}

export function unmask(form) {
    const box = form.querySelector("[data-unmask]");
    box?.addEventListener("change", () => fieldOf(form, "secret").classList.toggle("unmasked", box.checked));
}
