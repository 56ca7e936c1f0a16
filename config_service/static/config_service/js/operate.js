// Looking ahead as soon as another node is chosen: the same page is asked for, and its forecast put in place.

const choose = document.getElementById("choose");
const look = document.getElementById("look");
let asked = 0;

async function lookAhead() {
    const number = ++asked, query = new URLSearchParams(new FormData(choose));
    const response = await fetch(`?${query}`);
    if (!response.ok || response.redirected) return choose.submit();
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (number !== asked) return undefined;
    document.getElementById("plan").replaceWith(page.getElementById("plan"));
    return history.replaceState(null, "", `?${query}`);
}

if (look) {
    look.hidden = true;
    choose.addEventListener("change", () => lookAhead().catch(() => choose.submit()));
}
