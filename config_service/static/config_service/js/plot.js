// A plot of the last minutes: lines over time, a scale that fits, and what each line says now.
//
//     const draw = plot(box, {unit: "/s", series: [{label: "writes", read: (point) => point.writes}]});
//     draw(points, now)      points: [{at: Unix seconds, …}], oldest first

import {el, svg} from "./dom.js";
import {count} from "./texts.js";

const HEIGHT = 150, LEFT = 40, RIGHT = 8, TOP = 8, BOTTOM = 22, SPAN_S = 600, GAP_S = 9;

export function plot(box, {unit, series}) {
    let last = [[], Date.now() / 1000];

    function draw(points, now) {
        last = [points, now];
        const width = Math.max(220, box.clientWidth);
        const shown = points.filter((point) => point.at > now - SPAN_S);
        const values = series.flatMap(({read}) => shown.map(read)).filter((value) => value !== null);
        const top = ceiling(Math.max(1, ...values));
        const x = (at) => LEFT + (width - LEFT - RIGHT) * (1 - (now - at) / SPAN_S);
        const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
        const now_ = series.map((one) => ({...one, now: latest(shown, one.read)}));
        const spoken = now_.map(({label, now: value}) => `${label} ${value === null ? "none" : count(value) + unit}`);
        box.replaceChildren(
            svg("svg", {class: "plot", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `The last ten minutes. Now: ${spoken.join(", ")}. At most ${count(Math.max(0, ...values))}${unit}.`},
                [0, 0.5, 1].map((share) => scale(share * top, y(share * top), width)),
                [10, 5, 0].map((minutes) => svg("text", {x: x(now - 60 * minutes), y: HEIGHT - 4, "text-anchor": minutes === 10 ? "start" : minutes ? "middle" : "end"}, minutes ? `−${minutes} min` : "now")),
                series.map(({read}, place) => svg("path", {class: `series series-${place + 1}`, d: line(shown, read, x, y)}))),
            el("ul", {class: "legend"}, now_.map(({label, now: value}, place) => el("li", null,
                svg("svg", {class: "plot", viewBox: "0 0 22 8", "aria-hidden": "true"}, svg("path", {class: `series series-${place + 1}`, d: "M0 4h22"})),
                label, " ", el("strong", null, value === null ? "–" : `${count(value)}${unit}`)))),
        );
    }

    new ResizeObserver(() => draw(...last)).observe(box);
    return draw;
}

const latest = (points, read) => (points.length ? read(points[points.length - 1]) : null);

function scale(value, y, width) {
    return svg("g", null,
        svg("line", {class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y}),
        svg("text", {x: LEFT - 6, y: y + 4, "text-anchor": "end"}, count(value)));
}

function line(points, read, x, y) {
    let path = "", before = 0;
    for (const point of points) {
        const value = read(point);
        if (value === null) continue;
        path += `${path && point.at - before < GAP_S ? "L" : "M"}${x(point.at).toFixed(1)} ${y(value).toFixed(1)}`;
        if (point.at - before >= GAP_S) path += "h0.01";
        before = point.at;
    }
    return path;
}

function ceiling(value) {
    const magnitude = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 4, 6, 10].map((step) => step * magnitude).find((step) => step >= value);
}
