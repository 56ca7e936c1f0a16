"""The admin's pages at 10,000 entries: how long a person waits, and what a page costs the node."""

import re
from urllib.parse import quote

import httpx

from bench.footprint import members
from bench.measure import budget, scaled, spent_s, timed
from tests.support.group import RealGroup

ENTRIES = 10_000
TIMES = 20
MOST_MS = 300
NAMESPACE = "bench-pages"
LIST = "/admin/entries/configentry/"


def pages(group: RealGroup, scale: float) -> None:
    entries = scaled(ENTRIES, scale)
    print(f"Pages of the admin at {entries} entries, one after the other")
    node = group.leader()
    revision = _fill(group, node, entries)
    with httpx.Client(base_url=group.url(node), follow_redirects=True, timeout=30) as person:
        _sign_in(person, group)
        trees = members(group)
        pids = [one.pid for part in ("web", "postgres") for one in trees[node, part]]
        slow = []
        for name, path in _paths(person, revision, entries).items():
            assert person.get(path).status_code == 200, path
            before = spent_s(pids)
            took = timed(lambda path=path: person.get(path), TIMES)
            cpu_ms = 1000 * (spent_s(pids) - before) / TIMES
            print(f"  {name:<28} p50 {took.p50_ms:6.1f} ms  p99 {took.p99_ms:6.1f} ms  cpu {cpu_ms:6.1f} ms")
            slow += [name] if took.p50_ms >= MOST_MS else []
    budget(f"every page under {MOST_MS} ms" + (f", but not {', '.join(slow)}" if slow else ""), not slow)
    print(flush=True)


def _fill(group: RealGroup, node: str, entries: int) -> int:
    """Returns the revision at which all entries were there and after which one in a hundred has changed."""
    assert group.rest(node, "PUT", f"namespaces/{NAMESPACE}", {}).status_code in (200, 201)
    values = (True, 7, "https://shop.example.com", {"host": "mail.example.com", "ports": [25, 587], "tls": True})
    file = {f"service-{n // 100:03}/setting-{n % 100:02}": values[n % len(values)] for n in range(entries)}
    path = f"namespaces/{NAMESPACE}/import?format=json"
    done = group.rest(node, "POST", path, file)
    assert done.status_code == 200, done.text
    again = {key: ["changed", value] for key, value in list(file.items())[::100]}
    assert group.rest(node, "POST", path, again).status_code == 200
    return done.json()["revision"]


def _sign_in(person: httpx.Client, group: RealGroup) -> None:
    page = person.get("/admin/login/")
    token = re.search('csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token is not None
    sent = {"username": group.credentials["user"], "password": group.credentials["password"], "next": "/admin/"}
    sent["csrfmiddlewaretoken"] = token[1]
    signed_in = person.post("/admin/login/", data=sent, headers={"Referer": str(page.url)})
    assert "logout" in signed_in.text, "cannot sign in"


def _paths(person: httpx.Client, revision: int, entries: int) -> dict[str, str]:
    key = f"service-{entries // 200:03}/setting-00"
    found = re.search(r"configentry/(\d+)/change", person.get(f"{LIST}?q={quote(key)}").text)
    assert found is not None
    namespace = f"/admin/entries/namespace/{NAMESPACE}"
    return {
        "home": "/admin/",
        "list": LIST,
        "list, last page": f"{LIST}?p={entries // 50}",
        "list of one namespace": f"{LIST}?namespace__name__exact={NAMESPACE}",
        "search for a key": f"{LIST}?q={quote(key.partition('/')[0])}",
        "search in values": f"{LIST}?q=example.com",
        "search without a hit": f"{LIST}?q=nothing-like-this",
        "filter by type and age": f"{LIST}?type__exact=json&since=day",
        "edit": f"{LIST}{found[1]}/change/",
        "history of an entry": f"{LIST}of/{NAMESPACE}/{key}/timeline/",
        "history of a namespace": f"{namespace}/timeline/",
        "namespace as it was": f"{namespace}/state/?revision={revision}",
        "reverting 100 entries": f"{namespace}/revert/?revision={revision}",
        "namespaces": "/admin/entries/namespace/",
        "nodes": "/admin/consensus/member/",
    }
