"""What each path takes and gives, for the OpenAPI description. A path that is not listed is described in general."""

from typing import Any, NamedTuple

from config_service.accounts.models import Verb
from config_service.api.paging import DEFAULT_LIMIT, MAX_LIMIT
from config_service.changesets.drafting import KEEP, MAX_EDITS
from config_service.changesets.edits import DELETE, PUT
from config_service.changesets.models import State
from config_service.changesets.services import MAX_TITLE_LENGTH
from config_service.entries.exporting import SECRETS
from config_service.entries.planning import MERGE, MODES
from config_service.entries.schemas.rules import MAX_RULES
from config_service.entries.transacting import MAX_OPERATIONS
from config_service.entries.transfer.formats import FORMATS, MAX_FILE_BYTES
from config_service.entries.validation import COLOURS, MAX_KEY_LENGTH, MAX_TTL_S, TYPES
from config_service.switches.validation import MAX_COMMENT_LENGTH as MAX_SWITCH_COMMENT
from config_service.switches.validation import NAME as SWITCH_NAME

_REVISION = {"type": "integer", "minimum": 0, "maximum": 2**48}
_TIME = {"type": "string", "format": "date-time"}
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_FLAG = {"type": "boolean"}
_COUNT = {"type": "integer", "minimum": 0}
_OR_NULL: dict[str, Any] = {"nullable": True}
_KEY = r"^[A-Za-z0-9._\-/]+$"


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None, open: bool = True) -> dict[str, Any]:
    described = {"type": "object", "properties": {**required, **(optional or {})}, "additionalProperties": open}
    return described | ({"required": list(required)} if required else {})


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _page(item: str, **more: Any) -> dict[str, Any]:
    return _object({"revision": _REVISION, "items": {"type": "array", "items": _ref(item)}, **more})


_NEXT = {"type": "string", **_OR_NULL}
SCHEMAS = {
    "Entry": _object(
        {
            "namespace": _TEXT, "key": _TEXT, "value": {"nullable": True}, "type": _TEXT, "revision": _REVISION,
            "created_revision": _REVISION, "version": {"type": "integer", "minimum": 1}, "updated_at": _TIME,
            "updated_by": _TEXT, "comment": _TEXT, "expires_at": {**_TIME, **_OR_NULL},
        },
        {"masked": {"type": "boolean"}},
    ),
    "Namespace": _object(
        {
            "name": _TEXT, "description": _TEXT, "colour": _TEXT, "protected": _FLAG, "requires_approval": _FLAG,
            "require_if_match": _FLAG, "schema": {"type": "object", **_OR_NULL},
            "revision": _REVISION, "created_revision": _REVISION,
            "updated_at": _TIME, "updated_by": _TEXT,
        },
        {"entries": {"type": "integer", "minimum": 0}},
    ),
    "Schema": _object(
        {
            "namespace": _TEXT, "version": {"type": "integer", "minimum": 1},
            "rules": {"type": "array", "items": {"type": "object"}, **_OR_NULL}, "revision": _REVISION,
            "updated_at": _TIME, "updated_by": _TEXT, "comment": _TEXT, "forced": _FLAG,
        }
    ),
    "ChangeSet": _object(
        {
            "id": _REVISION, "title": _TEXT, "comment": _TEXT, "state": {"enum": list(State.values)}, "author": _TEXT,
            "writers": _TEXTS, "namespaces": _TEXTS, "edit_count": _COUNT, "digest": _TEXT, "revision": _REVISION,
            "created_at": _TIME, "updated_at": _TIME, "updated_by": _TEXT, "approval": {"type": "object", **_OR_NULL},
            "publish_at": {**_TIME, **_OR_NULL}, "scheduled_by": {**_TEXT, **_OR_NULL}, "reason": _TEXT,
            "published_revision": {**_REVISION, **_OR_NULL},
        },
        {"edits": {"type": "array", "items": {"type": "object"}}},
    ),
    "Switch": _object(
        {
            "name": _TEXT, "value": {"nullable": True}, "version": {"type": "integer", "minimum": 1},
            "created_version": {"type": "integer", "minimum": 1}, "updated_at": _TIME, "updated_by": _TEXT,
            "comment": _TEXT,
        }
    ),
    "Flip": _object(
        {
            "version": {"type": "integer", "minimum": 1}, "first_version": {"type": "integer", "minimum": 1},
            "operation": {"enum": ["put", "delete"]}, "value": {"nullable": True}, "time": _TIME, "actor": _TEXT,
            "comment": _TEXT,
        }
    ),
    "SwitchChange": _object(
        {
            "name": _TEXT, "operation": {"enum": ["put", "delete"]}, "value": {"nullable": True},
            "version": {"type": "integer", "minimum": 1}, "time": {**_TIME, **_OR_NULL}, "actor": {**_TEXT, **_OR_NULL},
            "comment": _TEXT,
        }
    ),
    "Change": _object(
        {
            "namespace": _TEXT, "key": _TEXT, "revision": _REVISION, "operation": {"enum": ["put", "delete"]},
            "value": {"nullable": True}, "type": _TEXT, "version": {"type": "integer", "minimum": 1}, "time": _TIME,
            "actor": _TEXT, "comment": _TEXT,
        }
    ),
    "Problem": _object(
        {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT},
        {
            "errors": {"type": "object"}, "current_revision": _REVISION, "oldest_revision": _REVISION,
            "request_id": _TEXT, "retry_after_s": {"type": "number"}, "missing": _TEXT,
            "violations": {"type": "array", "items": {"type": "object"}}, "count": {"type": "integer"},
        },
    ),
}  # fmt: skip
SECURITY_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
}
PATH_PARAMETERS = {
    "namespace": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"},
    "key": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": _KEY},
    "node": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
    "grant": {"type": "integer", "minimum": 1},
    "change_set": {"type": "integer", "minimum": 1},
    "token": {"type": "string", "format": "uuid"},
    "request_id": {"type": "string", "pattern": "^[A-Za-z0-9_:-]{1,200}$"},
}


def _query(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"schema": schema, "description": description}


QUERIES = {
    "consistency": _query(
        {"type": "string", "enum": ["linearizable", "stale"], "default": "linearizable"}, "How fresh the read is."
    ),
    "min_revision": _query(_REVISION, "Wait until this node has applied this revision."),
    "revision": _query(_REVISION, "Read the past: as of this revision."),
    "at": _query(_TIME, "Read the past: as of this time."),
    "prefix": _query(
        {"type": "string", "pattern": r"^[A-Za-z0-9._\-/]*$"}, "Only keys (of switches: names) that begin so."
    ),
    "confirm": _query(_TEXT, "The id of the group whose data is replaced."),
    "index": _query(_REVISION, "The revision of the snapshot."),
    "above": _query(_REVISION, "The highest revision that anybody may have seen."),
    "size": _query(_COUNT, "Bytes of the snapshot's image."),
    "digest": _query({"type": "string", "pattern": "^[0-9a-f]{64}$"}, "BLAKE2b of the image, 32 bytes."),
    "offset": _query(_COUNT, "Where in the image this piece begins."),
    "limit": _query({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}, "Page size."),
    "cursor": _query(_TEXT, "What `next` of the page before held."),
    "namespace": _query(PATH_PARAMETERS["namespace"], "Only this namespace; by default all that may be read."),
    "state": _query({"type": "string", "enum": list(State.values)}, "Only those in this state."),
    "since": _query(_REVISION, "Tell what came after this revision; by default from now on."),
    "name": _query({"type": "string", "pattern": f"^{SWITCH_NAME}$"}, "Only this switch."),
    "seen": _query(_TEXT, "What the answer before gave as `seen`; by default nothing."),
    "wait_s": _query({"type": "integer", "minimum": 0, "maximum": 60, "default": 0}, "How long a poll may wait."),
    "from": {**_query(_REVISION, "The earlier revision."), "required": True},
    "to": _query(_REVISION, "The later revision; by default now."),
    "version": _query({"type": "integer", "minimum": 1, "maximum": 2**48}, "This version; by default the last."),
    "key": _query(PATH_PARAMETERS["key"], "Only this key."),
    "actor": _query(_TEXT, "Only what this actor did."),
    "action": _query(_TEXT, "Only this action, such as entries.put."),
    "until": _query(_REVISION, "Only what was up to this revision."),
    "format": {**_query({"type": "string", "enum": list(FORMATS)}, "What the file is written in."), "required": True},
    "secrets": _query(
        {"type": "string", "enum": list(SECRETS), "default": SECRETS[0]},
        "Sealed (ciphertext), left out, or in clear, which is recorded.",
    ),
    "mode": _query({"type": "string", "enum": list(MODES), "default": MERGE}, "What to do with other entries."),
    "dry_run": _query({"type": "boolean", "default": False}, "Only tell what would be different."),
    "seen_revision": _query(_REVISION, "Only if what is concerned has not changed since."),
    "comment": _query(_TEXT, "For the history."),
    "order": _query({"type": "string", "enum": ["oldest", "newest"], "default": "oldest"}, "Which comes first."),
}
_OBJECTS = {"type": "array", "items": {"type": "object"}, "maxItems": MAX_OPERATIONS}
_EDITS = {
    "type": "array",
    "items": _object(
        {"op": {"enum": [PUT, DELETE, KEEP]}, "namespace": _TEXT, "key": _TEXT},
        {
            "value": {}, "type": {"type": "string", "enum": list(TYPES)}, "comment": _TEXT,
            "ttl_s": {"type": "integer"}, "expires_at": _TIME, "base_revision": _REVISION,
        },
    ),
    "minItems": 1,
    "maxItems": MAX_EDITS,
}  # fmt: skip
BODIES = {
    "change_set": _object(
        {"title": {"type": "string", "minLength": 1, "maxLength": MAX_TITLE_LENGTH}, "edits": _EDITS},
        {"comment": _TEXT},
    ),
    "digest": _object({"digest": _TEXT}),
    "schedule": _object({"digest": _TEXT, "publish_at": _TIME}),
    "switch": _object({"value": {}}, {"comment": {"type": "string", "maxLength": MAX_SWITCH_COMMENT}}),
    "entry": _object(
        {"value": {}},
        {
            "type": {"type": "string", "enum": list(TYPES)},
            "comment": _TEXT,
            "ttl_s": {"type": "integer", "minimum": 1, "maximum": MAX_TTL_S},
        },
        open=True,
    ),
    "transaction": _object({}, dict.fromkeys(("compare", "then", "else"), _OBJECTS)),
    "namespace": _object(
        {},
        {
            "description": _TEXT, "colour": {"type": "string", "enum": ["", *COLOURS]}, "protected": _FLAG,
            "requires_approval": _FLAG, "require_if_match": _FLAG,
        },
    ),
    "schema": _object(
        {
            "rules": {
                "type": "array",
                "items": _object({"keys": _TEXT, "schema": {"type": "object"}}, open=False),
                "maxItems": MAX_RULES,
            }
        },
        {"comment": _TEXT, "force": _FLAG},
    ),
    "rollback": _object({"revision": _REVISION}, {"comment": _TEXT}),
    "transfer": _object({}, {"to": _TEXT}),
    "node": _object({"node": _TEXT}, {"learner": _FLAG}),
    "object": _object({}),
    "user": _object(
        {},
        {
            "password": _TEXT, "first_name": _TEXT, "last_name": _TEXT, "email": _TEXT, "is_active": _FLAG,
            "is_staff": _FLAG, "is_superuser": _FLAG, "groups": _TEXTS, "permissions": _TEXTS,
        },
    ),
    "group": _object({"permissions": _TEXTS}),
    "grant": _object({"verb": {"enum": list(Verb.values)}, "namespace": _TEXT}, {"user": _TEXT, "group": _TEXT}),
    "file": {"type": "string", "format": "binary", "maxLength": MAX_FILE_BYTES},
    "token": _object({"name": _TEXT, "user": _TEXT, "scopes": _TEXTS}, {"expires_at": _TIME}),
}  # fmt: skip
RESULTS = {
    "change_set": _ref("ChangeSet"),
    "change_sets": _page("ChangeSet", next=_NEXT),
    "change_set_diff": _object(
        {
            "revision": _REVISION, "change_set": _ref("ChangeSet"), "publishable": _FLAG, "awaiting_approval": _TEXTS,
            "items": {"type": "array", "items": {"type": "object"}},
        }
    ),
    "switch": _ref("Switch"),
    "switches": _object({"items": {"type": "array", "items": _ref("Switch")}, "next": _NEXT}),
    "switch_changes": _object(
        {"whole": _FLAG, "items": {"type": "array", "items": _ref("SwitchChange")}, "seen": _TEXT}
    ),
    "flips": _object({"items": {"type": "array", "items": _ref("Flip")}}),
    "entry": _ref("Entry"),
    "namespace": _ref("Namespace"),
    "entries": _page("Entry", next=_NEXT),
    "namespaces": _page("Namespace"),
    "schema": _object({}),
    "schemas": _page("Schema", next=_NEXT),
    "changes": _page("Change", next=_NEXT),
    "watch": _page("Change"),
    "object": _object({}),
    "imported": _object(
        {
            "namespace": _TEXT, "mode": {"enum": list(MODES)}, "dry_run": _FLAG, "revision": _REVISION,
            "added": _COUNT, "changed": _COUNT, "removed": _COUNT, "unchanged": _COUNT,
        },
        {"items": {"type": "array", "items": {"type": "object"}}},
    ),
    "file": _TEXT,
    "piece": _object({"offset": _COUNT, "revision": {**_REVISION, **_OR_NULL}}),
}  # fmt: skip
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
    ("GET", f"{_NS}/schema"): Operation(result="schema", query=(*_READ, "version"), etag=True),
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
    ("POST", f"{_NS}/rollback"): Operation(body="rollback", headers=_WRITE),
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


def add_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A hook of drf-spectacular: the schemas that the operations refer to."""
    result["components"] = {"schemas": SCHEMAS, "securitySchemes": SECURITY_SCHEMES}
    return result
