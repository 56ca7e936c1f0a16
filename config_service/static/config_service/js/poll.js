// Asking for the same again and again, and knowing when there is no answer.
//
//     poll(() => url, 2000, {answer(data), silent(reason, ms)})
//
// A hidden page asks nothing; it asks at once when it is looked at again. What is asked for with a session that has
// ended answers with the sign-in page, which is a reason like any other.

const PATIENCE_MS = 4000;

export function poll(url, everyMs, {answer, silent}) {
    let heard = performance.now(), timer = 0, asking = false;

    async function ask() {
        clearTimeout(timer);
        if (asking || document.hidden) return;
        asking = true;
        try {
            const data = await fetchJson(url());
            heard = performance.now();
            answer(data);
        } catch (error) {
            silent(error.message, performance.now() - heard);
        } finally {
            asking = false;
            timer = setTimeout(ask, everyMs);
        }
    }

    document.addEventListener("visibilitychange", ask);
    timer = setTimeout(ask, everyMs);
    return ask;
}

export async function fetchJson(url) {
    let response;
    try {
        response = await fetch(url, {signal: AbortSignal.timeout(PATIENCE_MS), headers: {Accept: "application/json"}});
    } catch {
        throw new Error("it does not answer");
    }
    if (response.redirected) throw new Error("you are signed out");
    if (response.status === 503) throw new Error("it cannot reach its database");
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    return response.json();
}
