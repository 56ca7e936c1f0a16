// The frame of every page: the menu on a narrow screen.

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
