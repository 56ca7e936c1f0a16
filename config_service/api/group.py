"""The group over HTTP: what it looks like, who belongs to it, drain, leadership, and what became of a request."""

from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import require
from config_service.api.base import READ_PARAMETERS, ApiView
from config_service.api.bodies import read_body, read_query, read_request_id
from config_service.errors import Invalid, NotFound
from consensus import services
from consensus.group_commands import ACTIVE, DRAINED, DRAINING


def group_body(view: services.GroupView) -> dict[str, Any]:
    members = [
        {
            "node": member.node,
            "role": member.role,
            "address": member.web_url,
            "lag": member.lag,
            "state": member.state,
            "term": member.term,
            "commit_index": member.commit_index,
            "applied_index": member.applied_index,
            "heard_ms": member.heard_ms,
            "reachable": member.reachable,
            "halted": member.halted,
            "voter": member.voter,
            "image": None if member.image is None else {"taken": member.image[0], "size": member.image[1]},
        }
        for member in view.members
    ]
    return {
        "group": view.group,
        "group_id": view.group_id or None,
        "waits_for": view.waits_for or None,
        "node": view.node,
        "running": view.running,
        "term": view.term,
        "leader": view.leader or None,
        "leader_heard_ms": view.leader_heard_ms,
        "commit_index": view.commit_index,
        "applied_index": view.applied_index,
        "members": members,
        "quorum_size": view.quorum_size,
        "failures_survivable": view.failures_survivable,
        "membership_settled": view.membership_settled,
        "verified_index": view.verified_index,
        "disputed_index": view.disputed_index,
        "joining": [{"node": one.node, "address": one.web_url, "heard_ms": one.heard_ms} for one in view.joining],
    }


class GroupView(ApiView):
    """This node's own view: it answers without a majority, and so is always stale."""

    def get(self, request: Request) -> Response:
        read_query(request)
        view = services.group_view()
        self.tell_own_view(view)
        return Response(group_body(view))


class NodesView(ApiView):
    """Who belongs to the group."""

    def post(self, request: Request) -> Response:
        """Take a node in that has been started and asks to join; as a voter once it has caught up, unless it is to
        stay a ``learner``."""
        require(request, "operate")
        read_query(request)
        body = read_body(request, {"node": str}, {"learner": bool})
        services.add_node(body["node"], request.user.get_username(), body.get("learner", False))
        return Response(group_body(services.group_view()))


class NodeView(ApiView):
    def delete(self, request: Request, node: str) -> Response:
        """Take a node out of the group, for good."""
        require(request, "operate")
        read_query(request)
        if services.group_view().member(node) is None:
            raise NotFound(f"there is no node {node!r} in this group")
        services.remove_node(node, request.user.get_username())
        return Response(group_body(services.view_once(lambda view: view.member(node) is None)))


class NodeOperationView(ApiView):
    """Drain, undrain or rebuild, by which of them ``operation`` is."""

    operation = ""

    def post(self, request: Request, node: str) -> Response:
        require(request, "operate")
        read_query(request)
        read_body(request, {}, {})
        if services.group_view().member(node) is None:
            raise NotFound(f"there is no node {node!r} in this group")
        actor, request_id = request.user.get_username(), read_request_id(request)
        match self.operation:
            case "drain":
                services.drain(node, actor, request_id)
                view = services.view_once(_is(node, DRAINING, DRAINED))
            case "undrain":
                services.undrain(node, actor, request_id)
                view = services.view_once(_is(node, ACTIVE))
            case _:
                services.rebuild(node)
                view = services.group_view()
        return Response(group_body(view))


def _is(node: str, *states: str) -> Callable[[services.GroupView], bool]:
    return lambda view: (member := view.member(node)) is None or member.state in states


class TransferLeadershipView(ApiView):
    """No change of what the group holds, so no idempotency key is kept: name ``to`` where it may be asked twice."""

    def post(self, request: Request) -> Response:
        require(request, "operate")
        read_query(request)
        to = read_body(request, {}, {"to": str}).get("to")
        if to is not None and services.group_view().member(to) is None:
            raise Invalid.field("to", f"there is no node {to!r} in this group")
        services.transfer_leadership(to)
        return Response(group_body(services.group_view()))


class RequestView(ApiView):
    """``unknown`` after a linearizable read means: not applied so far. It still may be, while it is on its way."""

    def get(self, request: Request, request_id: str) -> Response:
        self.prepare_read(read_query(request, *READ_PARAMETERS))
        revision = services.request_outcome(request_id)
        if revision is None:
            return Response({"request_id": request_id, "status": "unknown"})
        return Response({"request_id": request_id, "status": "applied", "revision": revision})


class UnknownPathView(ApiView):
    """Whatever else is asked for under the API's base path."""

    authentication_classes: list = []
    permission_classes: list = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("there is nothing at this path")
