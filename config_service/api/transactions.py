"""``POST /transactions``: several entries across namespaces, all or nothing.

    {"compare": [{"namespace", "key", and one of "exists": true|false, "revision": N, "version": N, "value": JSON}, …],
     "then":    [{"op": "put", "namespace", "key", "value", "type"?, "comment"?, "ttl_s"?},
                 {"op": "delete", "namespace", "key"}, …],
     "else":    […]}

``then`` is done if every comparison holds, ``else`` if one does not. A revision or version of 0 means that there is no
entry. Values are compared as JSON: the order of members does not matter. That of a secret is not compared. All three
lists may be left out.
"""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import require
from config_service.api.base import MAX_REVISION, ApiView
from config_service.api.bodies import check_fields, read_body, read_query, read_request_id
from config_service.entries import transacting, validation
from config_service.entries.operations import Compare, Operation
from config_service.entries.transacting import Branches, make_delete, make_put
from config_service.envelope import OperationDone
from config_service.errors import Invalid, Unprocessable

_TESTS = {"exists": bool, "revision": int, "version": int, "value": object}


class TransactionsView(ApiView):
    def post(self, request: Request) -> Response:
        read_query(request)
        body = read_body(request, {}, {"compare": list, "then": list, "else": list})
        branches = Branches(
            tuple(_items(request, body, "compare", _compare)),
            tuple(_items(request, body, "then", _operation)),
            tuple(_items(request, body, "else", _operation)),
        )
        request_id = read_request_id(request)
        done = transacting.transact(request.user.get_username(), branches, request_id=request_id)
        self.revision = done.revision
        results = [_result_body(result, done.revision) for result in done.results]
        return Response(
            {"succeeded": done.succeeded, "revision": done.revision, "results": results},
            headers={"Request-Id": request_id},
        )


def _items(request: Request, body: dict[str, Any], name: str, read: Any) -> list[Any]:
    found = body.get(name, [])
    if len(found) > transacting.MAX_OPERATIONS:
        raise Unprocessable(f"{name}: at most {transacting.MAX_OPERATIONS}")
    made = []
    for place, item in enumerate(found):
        try:
            if not isinstance(item, dict):
                raise Invalid("must be an object")
            made.append(read(request, item))
        except Invalid as error:
            raise transacting.at_place(f"{name}[{place}]", error) from error
    return made


def _compare(request: Request, item: dict[str, Any]) -> Compare:
    check_fields(item, {"namespace": str, "key": str}, _TESTS)
    tests = [name for name in _TESTS if name in item]
    if len(tests) != 1:
        raise Invalid(f"exactly one of {', '.join(_TESTS)}")
    validation.check_namespace(item["namespace"])
    validation.check_key(item["key"])
    require(request, "read", item["namespace"])
    (test,) = tests
    value = item[test]
    if test == "value":
        return Compare(item["namespace"], item["key"], test, value_json=validation.canonical(value))
    if test != "exists" and (isinstance(value, bool) or not 0 <= value <= MAX_REVISION):
        raise Invalid.field(test, f"a whole number from 0 to {MAX_REVISION}")
    return Compare(item["namespace"], item["key"], test, int(value))


def _operation(request: Request, item: dict[str, Any]) -> Operation:
    match item.get("op"):
        case "put":
            check_fields(
                item,
                {"op": str, "namespace": str, "key": str, "value": object},
                {"type": str, "comment": str, "ttl_s": int},
            )
            require(request, "put", item["namespace"])
            return make_put(
                item["namespace"],
                item["key"],
                item["value"],
                validation.check_type(item["type"]) if "type" in item else "",
                item.get("comment", ""),
                item.get("ttl_s"),
            )
        case "delete":
            check_fields(item, {"op": str, "namespace": str, "key": str}, {})
            require(request, "delete", item["namespace"])
            return make_delete(item["namespace"], item["key"])
    raise Invalid.field("op", "put or delete")


def _result_body(result: OperationDone, revision: int) -> dict[str, Any]:
    told: dict[str, Any] = {"op": result.operation, "namespace": result.namespace, "key": result.key}
    if result.operation == "delete":
        return told | {"deleted": result.deleted}
    return told | {
        "created": result.created,
        "revision": revision,
        "created_revision": result.created_revision,
        "version": result.version,
        "type": result.type,
        "expires_at": result.expires_at or None,
    }
