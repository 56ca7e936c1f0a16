"""What paths take and give, for the OpenAPI description: the shapes that `operations` names."""

from typing import Any

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


def add_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A hook of drf-spectacular: the schemas that the operations refer to."""
    result["components"] = {"schemas": SCHEMAS, "securitySchemes": SECURITY_SCHEMES}
    return result
