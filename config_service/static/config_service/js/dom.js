// Making elements without a framework: el("p", {class: "quiet"}, "text"), svg("circle", {r: 3}).

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (value === false || value === null || value === undefined) continue;
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

export const badge = (text, kind = "") => el("span", {class: `badge ${kind ? `badge-${kind}` : ""}`}, text);

export function icon(name) {
    return svg("svg", {class: "icon", "aria-hidden": "true"}, svg("use", {href: `${document.body.dataset.icons}#${name}`}));
}
