// A text area that shows JSON in colours, with line numbers, and says where it is wrong. The text area stays what it
// is, with the browser's own editing, undo and spoken output; the colours lie beneath its transparent text.

import {el} from "./dom.js";

const TOKENS = /("(?:[^"\\\n]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g;
// Beyond this, colouring would be felt while typing.
const MOST_COLOURED = 60_000;

export function editJson(area) {
    const gutter = el("div", {class: "gutter", "aria-hidden": "true"});
    const colours = el("pre", {class: "colours", "aria-hidden": "true"});
    const says = el("p", {class: "says quiet", role: "status"});
    const tidy = el("button", {type: "button", class: "button", onclick: () => format(area)}, "Tidy up");
    const text = el("div", {class: "text"}, colours);
    const box = el("div", {class: "json-editor"}, gutter, text);
    area.before(box);
    text.append(area);
    box.after(el("div", {class: "json-tools"}, tidy, says));

    const errors = document.getElementById(`${area.id}_error`);

    function draw() {
        const fault = faultOf(area.value);
        paint(colours, area.value);
        number(gutter, area.value, fault);
        says.textContent = fault ? `Line ${fault.line}: ${fault.what}` : area.value.trim() ? "This is sound JSON." : "";
        says.classList.toggle("bad", Boolean(fault));
        if (fault) errors?.replaceChildren();
        area.setAttribute("aria-invalid", String(Boolean(fault)));
        follow();
    }

    function follow() {
        colours.style.transform = `translate(${-area.scrollLeft}px, ${-area.scrollTop}px)`;
        gutter.scrollTop = area.scrollTop;
    }

    area.addEventListener("input", draw);
    area.addEventListener("scroll", follow);
    area.addEventListener("keydown", (event) => indent(area, event));
    new ResizeObserver(() => { gutter.style.height = `${area.offsetHeight}px`; }).observe(area);
    draw();
}

// Tab would trap those who walk through the page by keyboard, so a new line keeps the indentation instead.
function indent(area, event) {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
    const before = area.value.slice(0, area.selectionStart);
    const line = before.slice(before.lastIndexOf("\n") + 1);
    const deeper = /[[{]\s*$/.test(line) ? "  " : "";
    const spaces = line.match(/^\s*/)[0] + deeper;
    if (!spaces) return;
    event.preventDefault();
    area.setRangeText(`\n${spaces}`, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", {bubbles: true}));
}

// Whole numbers beyond 2^53 and numbers like 1.0 would not survive the browser's own parser, so the text is moved, not the values.
function format(area) {
    if (faultOf(area.value)) return;
    const tokens = area.value.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
    let out = "";
    let depth = 0;
    const line = () => `\n${"  ".repeat(depth)}`;
    tokens.forEach((token, place) => {
        const last = tokens[place - 1];
        if (token === "}" || token === "]") {
            depth -= 1;
            out += last === "{" || last === "[" ? token : line() + token;
        } else if (token === ",") out += token + line();
        else if (token === ":") out += ": ";
        else {
            if (last === "{" || last === "[") out += line();
            out += token;
            if (token === "{" || token === "[") depth += 1;
        }
    });
    area.setRangeText(out, 0, area.value.length, "start");
    area.dispatchEvent(new Event("input", {bubbles: true}));
}

function faultOf(text) {
    if (!text.trim()) return null;
    try {
        JSON.parse(text);
        return null;
    } catch (error) {
        const at = positionOf(error.message, text);
        const what = error.message.replace(/^JSON\.parse: /, "").replace(/ (in JSON )?at (position|line).*$/, "").replace(/, "?.*" is not valid JSON$/s, "");
        return {at, line: text.slice(0, at).split("\n").length, what};
    }
}

// Browsers tell the place each in their own way.
function positionOf(message, text) {
    const position = message.match(/position (\d+)/);
    if (position) return Math.min(Number(position[1]), text.length);
    const place = message.match(/line (\d+) column (\d+)/);
    if (!place) return text.length;
    const before = text.split("\n").slice(0, Number(place[1]) - 1).join("\n");
    return before.length + (before ? 1 : 0) + Number(place[2]) - 1;
}

function paint(colours, text) {
    const parts = [];
    let end = 0;
    if (text.length <= MOST_COLOURED) {
        for (const match of text.matchAll(TOKENS)) {
            parts.push(text.slice(end, match.index), token(match));
            if (match[2]) parts.push(match[2]);
            end = match.index + match[0].length;
        }
    }
    // A last empty line would have no height of its own.
    parts.push(text.slice(end), "\n");
    colours.replaceChildren(...parts);
}

function token([, text, colon, number, word]) {
    const kind = text === undefined ? (number === undefined ? "word" : "number") : colon ? "name" : "text";
    return el("span", {class: `code-${kind}`}, text ?? number ?? word);
}

function number(gutter, text, fault) {
    const lines = text.split("\n").length;
    const parts = [];
    for (let line = 1; line <= lines; line += 1) {
        const shown = String(line);
        parts.push(fault?.line === line ? el("span", {class: "at-fault"}, shown) : shown, "\n");
    }
    gutter.replaceChildren(...parts);
}
