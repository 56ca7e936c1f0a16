// Numbers, spans of time and moments as people read them.

export function span(ms) {
    if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
    const seconds = Math.round(ms / 1000);
    if (seconds < 120) return `${seconds} s`;
    const minutes = Math.round(seconds / 60);
    if (minutes < 120) return `${minutes} min`;
    const hours = Math.round(minutes / 60);
    return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

export function count(number) {
    return number.toLocaleString("en-US", {maximumFractionDigits: number < 10 ? 1 : 0});
}

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

export function moment(text) {
    const at = new Date(text), today = new Date().toDateString() === at.toDateString();
    const time = at.toLocaleTimeString("en-GB", {hour: "2-digit", minute: "2-digit", second: "2-digit"});
    return today ? time : `${at.toLocaleDateString("en-GB", {day: "numeric", month: "short", year: "numeric"})}, ${time}`;
}
