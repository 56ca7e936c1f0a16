"""Switches over HTTP. No leader is needed: the caller is known by the accounts as this node has applied them."""

from typing import Any

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import require
from config_service.api.base import ApiView
from config_service.api.bodies import (
    etag,
    matches_none,
    read_body,
    read_number,
    read_precondition,
    read_query,
    read_request_id,
)
from config_service.api.paging import DEFAULT_LIMIT, MAX_LIMIT
from config_service.errors import Invalid, NotFound
from config_service.switches import services
from config_service.switches.board import get_board
from config_service.switches.function import Condition
from config_service.switches.history import history
from config_service.switches.stored import Flip, SwitchSnapshot
from config_service.switches.validation import check_name


def switch_body(switch: SwitchSnapshot) -> dict[str, Any]:
    return {
        "name": switch.name,
        "value": msgspec.Raw(switch.value_json.encode()),
        "version": switch.version,
        "created_version": switch.created_version,
        "updated_at": switch.updated_at,
        "updated_by": switch.updated_by,
        "comment": switch.comment,
    }


def flip_body(flip: Flip) -> dict[str, Any]:
    return {
        "version": flip.version,
        "first_version": flip.first,
        "operation": "delete" if flip.value == "" else "put",
        "value": msgspec.Raw(flip.value.encode()) if flip.value else None,
        "time": flip.at,
        "actor": flip.actor,
        "comment": flip.comment,
    }


class SwitchApiView(ApiView):
    def condition(self, request: Request) -> Condition:
        asked = read_precondition(request)
        return Condition(asked.expected_revision, asked.must_exist, asked.must_not_exist)


class SwitchesView(SwitchApiView):
    def get(self, request: Request) -> Response:
        """One page, names in order, each switch linearizable on its own. ``next`` is null on the last one."""
        require(request, "read_switches")
        query = read_query(request, "consistency", "limit", "cursor")
        limit = read_number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
        after = check_name(query["cursor"]) if "cursor" in query else ""
        if self.stale(query):
            found = [switch for name, switch in get_board().switches().items() if name > after]
            switches, following = found[:limit], found[limit - 1].name if len(found) > limit else None
        else:
            switches, following = services.read_switches(after, limit)
        return Response({"items": [switch_body(switch) for switch in switches], "next": following})


class SwitchView(SwitchApiView):
    def get(self, request: Request, name: str) -> Response:
        require(request, "read_switches")
        check_name(name)
        switch = self._read(name, read_query(request, "consistency"))
        headers = {"ETag": etag(switch.version)}
        if matches_none(request, switch.version):
            return Response(status=304, headers=headers)
        return Response(switch_body(switch), headers=headers)

    def _read(self, name: str, query: dict[str, str]) -> SwitchSnapshot:
        if not self.stale(query):
            return services.read_switch(name)
        switch = get_board().switches().get(name)
        if switch is None:
            raise NotFound(f"there is no switch {name!r}, as far as this node knows")
        return switch

    def put(self, request: Request, name: str) -> Response:
        """``If-Match`` takes the version that the ETag told."""
        require(request, "flip_switch")
        read_query(request)
        body = read_body(request, {"value": object}, {"comment": str})
        request_id = read_request_id(request)
        written = services.put_switch(
            request.user.get_username(),
            name,
            body["value"],
            body.get("comment", ""),
            self.condition(request),
            request_id,
        )
        headers = {"ETag": etag(written.switch.version), "Request-Id": request_id}
        return Response(switch_body(written.switch), 201 if written.created else 200, headers=headers)

    def delete(self, request: Request, name: str) -> Response:
        require(request, "flip_switch")
        read_query(request)
        condition = self.condition(request)
        if condition.must_not_exist:
            raise Invalid("a delete understands no If-None-Match")
        request_id = read_request_id(request)
        services.delete_switch(request.user.get_username(), name, "", condition, request_id)
        return Response(status=204, headers={"Request-Id": request_id})


class SwitchHistoryView(SwitchApiView):
    def get(self, request: Request, name: str) -> Response:
        """Newest first. ``value`` is null where it was deleted, or too long to be kept."""
        require(request, "read_switches")
        check_name(name)
        query = read_query(request, "limit")
        flips = history(name, read_number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT))
        return Response({"items": [flip_body(flip) for flip in flips]})
