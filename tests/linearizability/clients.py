"""Two ways to ask a node, REST and `consensus.client`, that tell outcomes apart as the contract does.

A result is an object (see `history`), `FAILED` where nothing was done, or `UNKNOWN`. Whatever the contract does not
foresee raises `Unexpected`.
"""

import logging
from collections.abc import Sequence

import httpx
from django.db import InterfaceError, OperationalError, close_old_connections

from config_service.entries import selectors, services, transacting
from config_service.entries.operations import Compare
from config_service.envelope import OperationDone
from config_service.errors import NotFound, PreconditionFailed
from consensus import reads
from consensus.errors import DeadlineExceeded, NoLeader, OutcomeUnknown, Overloaded
from tests.linearizability.history import FAILED, UNKNOWN
from tests.linearizability.workload import NAMESPACE

logger = logging.getLogger(__name__)

ACTOR = "linearizability"


class Unexpected(Exception):
    """An answer that the contract does not know."""


class RestClient:
    name = "rest"
    ops: tuple[str, ...] = ("read", "stale_read", "write", "cas", "delete", "txn")

    def __init__(self, url: str, token: str):
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=f"{url}/api/v1/", headers=headers, timeout=20)

    def close(self) -> None:
        self._http.close()

    def perform(self, op: str, key: str | None, arg: dict) -> dict | str:
        reads = op in ("read", "stale_read")
        try:
            answer = self._ask(op, f"namespaces/{NAMESPACE}/entries/{key}", arg)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return FAILED
        except httpx.TransportError:
            return FAILED if reads else UNKNOWN
        if answer.status_code == 503:
            logger.warning("%s of %s was refused: %s", op, key, answer.text)
            return FAILED
        if answer.status_code == 504:
            return FAILED if reads else UNKNOWN
        if op == "txn":
            return self._transacted(answer)
        return self._read(answer) if reads else self._written(answer)

    def _ask(self, op: str, path: str, arg: dict) -> httpx.Response:
        match op:
            case "txn":
                return self._http.post("transactions", json={name: _named(arg[name]) for name in arg})
            case "read":
                return self._http.get(path)
            case "stale_read":
                return self._http.get(path, params={"consistency": "stale"})
            case "delete":
                return self._http.delete(path)
        expected = arg.get("expected")
        condition = {} if expected is None else {"If-Match": f'"{expected}"'} if expected else {"If-None-Match": "*"}
        return self._http.put(path, json={"value": arg["value"]}, headers=condition)

    def _read(self, answer: httpx.Response) -> dict:
        applied = {"applied": int(answer.headers["config-revision"])}
        if _is_absent(answer):
            return {"absent": True} | applied
        if answer.status_code != 200:
            raise Unexpected(f"{answer.status_code} {answer.text}")
        body = answer.json()
        return {name: body[name] for name in ("value", "revision", "version")} | applied

    def _transacted(self, answer: httpx.Response) -> dict:
        if answer.status_code != 200:
            raise Unexpected(f"{answer.status_code} {answer.text}")
        body = answer.json()
        results = [
            {"revision": one["revision"], "version": one["version"]}
            if one["op"] == "put"
            else _deleted(one["deleted"], body["revision"])
            for one in body["results"]
        ]
        return {"succeeded": body["succeeded"], "revision": body["revision"], "results": results}

    def _written(self, answer: httpx.Response) -> dict:
        match answer.status_code:
            case 200 | 201:
                body = answer.json()
                return {"revision": body["revision"], "version": body["version"]}
            case 204:
                return {"revision": int(answer.headers["config-revision"])}
            case 412:
                return {"mismatch": answer.json()["current_revision"] or 0}
        if _is_absent(answer):
            return {"absent": True}
        raise Unexpected(f"{answer.status_code} {answer.text}")


def _named(parts: Sequence[dict]) -> list[dict]:
    """Comparisons or operations of a transaction as the service calls them."""
    ops = {"write": "put", "delete": "delete"}
    return [part | {"namespace": NAMESPACE} | ({"op": ops[part["op"]]} if "op" in part else {}) for part in parts]


def _deleted(there: bool, revision: int) -> dict:
    return {"revision": revision} if there else {"absent": True}


def _is_absent(answer: httpx.Response) -> bool:
    return answer.status_code == 404 and answer.json()["type"].endswith(":not-found")


class NativeClient:
    """From a process of the node itself, where Django is set up with the node's environment."""

    name = "native"
    ops: tuple[str, ...] = ("read", "write", "cas", "delete", "txn")

    def close(self) -> None:
        pass

    def perform(self, op: str, key: str | None, arg: dict) -> dict | str:
        close_old_connections()  # as before every request: one that died meanwhile is no failure
        try:
            if op == "txn":
                return self._transact(arg)
            return self._read(str(key)) if op == "read" else self._write(op, str(key), arg)
        except OutcomeUnknown:
            return UNKNOWN
        except (NoLeader, Overloaded, DeadlineExceeded, OperationalError, InterfaceError) as error:
            logger.warning("%s of %s was refused: %r", op, key, error)
            return FAILED

    def _read(self, key: str) -> dict:
        applied = reads.catch_up()
        entry = selectors.find_entry(NAMESPACE, key)
        if entry is None:
            return {"absent": True, "applied": applied}
        snapshot = services.validation.parse_json(entry.value_json)
        return {"value": snapshot, "revision": entry.revision, "version": entry.version, "applied": applied}

    def _transact(self, arg: dict) -> dict:
        compare = tuple(Compare(NAMESPACE, part["key"], "revision", part["revision"]) for part in arg["compare"])
        then, otherwise = (
            tuple(
                transacting.make_put(NAMESPACE, part["key"], part["value"])
                if part["op"] == "write"
                else transacting.make_delete(NAMESPACE, part["key"])
                for part in arg[branch]
            )
            for branch in ("then", "else")
        )
        done = transacting.transact(ACTOR, transacting.Branches(compare, then, otherwise))
        results = [self._part_done(one, done.revision) for one in done.results]
        return {"succeeded": done.succeeded, "revision": done.revision, "results": results}

    @staticmethod
    def _part_done(one: OperationDone, revision: int) -> dict:
        if one.operation == "put":
            return {"revision": revision, "version": one.version}
        return _deleted(one.deleted, revision)

    def _write(self, op: str, key: str, arg: dict) -> dict:
        try:
            if op == "delete":
                return {"revision": services.delete_entry(ACTOR, NAMESPACE, key)}
            expected = arg.get("expected")
            written = services.put_entry(
                ACTOR,
                NAMESPACE,
                key,
                arg["value"],
                expected_revision=expected or None,
                must_not_exist=expected == 0,
            ).entry
        except PreconditionFailed as error:
            return {"mismatch": error.current_revision or 0}
        except NotFound:
            return {"absent": True}
        return {"revision": written.revision, "version": written.version}
