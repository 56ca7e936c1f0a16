"""For load balancers: does the process live, and should this node get traffic?"""

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse

from config_service.api.problems import problem_response
from config_service.api.renderers import to_json
from config_service.entries import selectors
from consensus import services
from consensus.group_commands import DIVERGED
from consensus.group_view import LAG_ALLOWED


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse(to_json({"status": "alive"}), content_type="application/json")


def readyz(request: HttpRequest) -> HttpResponse:
    view = services.group_view()
    reason = _why_not(view)
    if reason:
        response = problem_response(503, "not_ready", reason, node=view.node)
    else:
        body = {"status": "ready", "node": view.node, "applied_index": view.applied_index}
        response = HttpResponse(to_json(body), content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response


def _why_not(view: services.GroupView) -> str:
    own = view.member(view.node)
    if view.stopped:
        return f"the node has stopped: {view.stopped}"
    if not view.running:
        return "the node's runtime does not run"
    if view.outside:
        return f"there is no group yet: {view.waits_for}" if view.waits_for else "the node does not belong to the group"
    if own is None:
        return "the node's runtime does not run"
    if not view.admitted:
        return "the node waits for the others to say who it is"
    if own.state == DIVERGED:
        return f"the node has diverged: {view.diverged}"
    if own.state != "active":
        return f"the node is {own.state}"
    if own.halted:
        return f"the node has stopped applying: {own.halted}"
    if not view.connected:
        return "the node has not heard from a leader"
    if own.lag > LAG_ALLOWED:
        return f"the node is {own.lag} revisions behind"
    try:
        selectors.applied_revision()
    except DatabaseError:
        return "the node cannot reach its database"
    return ""
