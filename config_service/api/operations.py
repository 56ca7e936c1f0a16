"""Which operations there are and how each can end, for the OpenAPI description: their shapes are in `documents`. A path
that is not listed is described in general."""

from typing import NamedTuple

SUCCESS = {200: "Done.", 201: "Created.", 204: "Done; nothing to tell.", 304: "What the caller has is current."}
ERRORS = {
    400: "Malformed.",
    401: "Without a valid token or session.",
    403: "The permission that is missing is named.",
    404: "There is no such thing.",
    405: "This path does not know the method.",
    410: "History does not reach back so far.",
    429: "Too many requests by this caller.",
    503: "No leader, overloaded, or out of service: try again, or elsewhere.",
    504: "Not done in time; of a write, the outcome is not known.",
}
FILE_ERRORS = {413: "Too large for one file.", 422: "A secret cannot be opened on this node."}
WRITE_ERRORS = {
    409: "Not possible in the current state.",
    412: "Somebody else was faster.",
    413: "Too large.",
    415: "Not JSON.",
    422: "Not of the type, against the schema, or a request id that was used for something else.",
    428: "This namespace requires If-Match.",
}


class Operation(NamedTuple):
    """``streams``: the answer may be a stream of events as well; ``file``: it is a file in one of the formats."""

    success: tuple[int, ...] = (200,)
    result: str = "object"
    body: str = ""
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    etag: bool = False
    streams: bool = False
    file: bool = False


_READ = ("consistency", "min_revision")
_PAST = ("revision", "at")
_PAGE = ("limit", "cursor")
_WRITE = ("Idempotency-Key",)
_CONDITION = ("If-Match", "If-None-Match", *_WRITE)
_NS = "/api/v1/namespaces/{namespace}"
_CHANGE_SET = "/api/v1/changesets/{change_set}"
_MATCH = ("If-Match", *_WRITE)
OPERATIONS = {
    ("GET", "/api/v1/namespaces/"): Operation(result="namespaces", query=_READ),
    ("GET", _NS): Operation(result="namespace", query=_READ),
    ("PUT", _NS): Operation((200, 201), "namespace", "namespace", headers=_WRITE),
    ("DELETE", _NS): Operation((204,), headers=_WRITE),
    ("GET", f"{_NS}/schema"): Operation(
        (200, 304), "schema", query=(*_READ, "version"), headers=("If-None-Match",), etag=True
    ),
    ("PUT", f"{_NS}/schema"): Operation(
        result="schema", body="schema", query=("dry_run",), headers=_CONDITION, etag=True
    ),
    ("DELETE", f"{_NS}/schema"): Operation((204,), headers=_CONDITION),
    ("GET", f"{_NS}/schema/history"): Operation(result="schemas", query=(*_READ, *_PAGE)),
    ("GET", f"{_NS}/entries/"): Operation(result="entries", query=(*_READ, *_PAST, *_PAGE, "prefix")),
    ("GET", f"{_NS}/entries/{{key}}"): Operation(
        (200, 304), "entry", query=(*_READ, *_PAST), headers=("If-None-Match",), etag=True
    ),
    ("PUT", f"{_NS}/entries/{{key}}"): Operation((200, 201), "entry", "entry", headers=_CONDITION, etag=True),
    ("DELETE", f"{_NS}/entries/{{key}}"): Operation((204,), headers=("If-Match", *_WRITE)),
    ("POST", f"{_NS}/entries/{{key}}/reveal"): Operation(result="entry", body="object", query=_READ),
    ("GET", f"{_NS}/entries/{{key}}/history"): Operation(result="changes", query=(*_READ, *_PAGE)),
    ("POST", f"{_NS}/entries/{{key}}/rollback"): Operation(
        (200, 201), "entry", "rollback", headers=("If-Match", *_WRITE), etag=True
    ),
    ("GET", f"{_NS}/export"): Operation(
        result="file", query=(*_READ, *_PAST, "format", "prefix", "secrets"), file=True
    ),
    ("POST", f"{_NS}/import"): Operation(
        result="imported",
        body="file",
        streams=True,
        headers=_WRITE,
        query=("format", "mode", "prefix", "comment", "dry_run", "seen_revision"),
    ),
    ("GET", f"{_NS}/history"): Operation(result="changes", query=(*_READ, *_PAGE, "prefix")),
    ("GET", f"{_NS}/diff"): Operation(query=(*_READ, *_PAGE, "from", "to", "key", "prefix")),
    ("POST", f"{_NS}/rollback"): Operation(body="rollback", headers=("If-Match", *_WRITE)),
    ("POST", "/api/v1/transactions"): Operation(body="transaction", headers=_WRITE),
    ("GET", "/api/v1/changesets/"): Operation(result="change_sets", query=(*_READ, *_PAGE, "state", "namespace")),
    ("POST", "/api/v1/changesets/"): Operation((201,), "change_set", "change_set", headers=_WRITE, etag=True),
    ("GET", _CHANGE_SET): Operation((200, 304), "change_set", query=_READ, headers=("If-None-Match",), etag=True),
    ("PUT", _CHANGE_SET): Operation(result="change_set", body="change_set", headers=_MATCH, etag=True),
    ("DELETE", _CHANGE_SET): Operation(result="change_set", headers=_MATCH, etag=True),
    ("GET", f"{_CHANGE_SET}/diff"): Operation(result="change_set_diff", query=_READ, etag=True),
    ("POST", f"{_CHANGE_SET}/approve"): Operation(result="change_set", body="digest", headers=_MATCH, etag=True),
    ("POST", f"{_CHANGE_SET}/schedule"): Operation(result="change_set", body="schedule", headers=_MATCH, etag=True),
    ("POST", f"{_CHANGE_SET}/unschedule"): Operation(result="change_set", body="object", headers=_MATCH, etag=True),
    ("POST", f"{_CHANGE_SET}/publish"): Operation(result="change_set", body="digest", headers=_MATCH, etag=True),
    ("GET", "/api/v1/history"): Operation(query=_READ),
    ("GET", "/api/v1/watch"): Operation(
        result="watch", query=("namespace", "prefix", "since", "wait_s"), headers=("Last-Event-ID",), streams=True
    ),
    ("POST", "/api/v1/group/nodes"): Operation(body="node"),
    ("DELETE", "/api/v1/group/nodes/{node}"): Operation(),
    ("GET", "/api/v1/group/snapshot"): Operation(result="file", query=_READ, file=True),
    ("POST", "/api/v1/group/restore"): Operation(
        result="piece", body="file", query=("confirm", "index", "above", "size", "digest", "offset")
    ),
    ("GET", "/api/v1/switches/"): Operation(result="switches", query=("consistency", *_PAGE)),
    ("GET", "/api/v1/switches/watch"): Operation(
        result="switch_changes", query=("name", "prefix", "seen", "wait_s"), headers=("Last-Event-ID",), streams=True
    ),
    ("GET", "/api/v1/switches/{name}"): Operation(
        (200, 304), "switch", query=("consistency",), headers=("If-None-Match",), etag=True
    ),
    ("PUT", "/api/v1/switches/{name}"): Operation((200, 201), "switch", "switch", headers=_CONDITION, etag=True),
    ("DELETE", "/api/v1/switches/{name}"): Operation((204,), headers=("If-Match", *_WRITE)),
    ("GET", "/api/v1/switches/{name}/history"): Operation(result="flips", query=("limit",)),
    ("GET", "/api/v1/audit"): Operation(
        query=(*_READ, *_PAGE, "actor", "action", "namespace", "key", "since", "until", "order")
    ),
    ("GET", "/api/v1/users/"): Operation(query=_READ),
    ("GET", "/api/v1/users/{username}"): Operation(query=_READ),
    ("PUT", "/api/v1/users/{username}"): Operation((200, 201), body="user", headers=_WRITE),
    ("DELETE", "/api/v1/users/{username}"): Operation((204,), headers=_WRITE),
    ("GET", "/api/v1/groups/"): Operation(query=_READ),
    ("GET", "/api/v1/groups/{name}"): Operation(query=_READ),
    ("PUT", "/api/v1/groups/{name}"): Operation((200, 201), body="group", headers=_WRITE),
    ("DELETE", "/api/v1/groups/{name}"): Operation((204,), headers=_WRITE),
    ("GET", "/api/v1/grants/"): Operation(query=_READ),
    ("POST", "/api/v1/grants/"): Operation((201,), body="grant", headers=_WRITE),
    ("DELETE", "/api/v1/grants/{grant}"): Operation((204,), headers=_WRITE),
    ("GET", "/api/v1/tokens/"): Operation(query=_READ),
    ("POST", "/api/v1/tokens/"): Operation((201,), body="token", headers=_WRITE),
    ("GET", "/api/v1/tokens/{token}"): Operation(query=_READ),
    ("DELETE", "/api/v1/tokens/{token}"): Operation((204,), headers=_WRITE),
    ("POST", "/api/v1/group/transfer-leadership"): Operation(body="transfer"),
    ("GET", "/api/v1/requests/{request_id}"): Operation(query=_READ),
}
_GENERAL = {"POST": Operation((200, 201), body="object"), "PUT": Operation((200, 201), body="object"),
            "DELETE": Operation((200, 204))}  # fmt: skip


def find(method: str, path: str) -> Operation:
    return OPERATIONS.get((method, path)) or _GENERAL.get(method) or Operation()
