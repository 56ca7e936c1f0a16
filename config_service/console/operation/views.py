"""The pages of an operation on nodes: choose and look ahead, then do it and watch how it goes."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from config_service.console.operation.operations import OPERATIONS, Operation
from config_service.refusals import explain
from consensus import services
from consensus.errors import ConsensusError
from consensus.group_view import GroupView

PERMISSION = "consensus.operate_group"


def address(page: str, operation: str, nodes: list[str] | tuple[str, ...] = ()) -> str:
    """Of ``page`` ("operate", "progress", "progress_data") of an operation on ``nodes``."""
    query = urlencode([("node", node) for node in nodes])
    return reverse(f"admin:consensus_member_{page}", args=[operation]) + (f"?{query}" if query else "")


class OperationPages:
    """Belongs to the admin of the nodes."""

    def __init__(self, admin: ModelAdmin):
        self._admin = admin

    @property
    def urls(self) -> list[Any]:
        pages = {"": self.operate, "progress/": self.progress, "progress.json": self.progress_data}
        names = {"": "operate", "progress/": "progress", "progress.json": "progress_data"}
        return [
            path(
                f"operate/<str:name>/{tail}",
                self._admin.admin_site.admin_view(view),
                name=f"consensus_member_{names[tail]}",
            )
            for tail, view in pages.items()
        ]

    def operate(self, request: HttpRequest, name: str) -> HttpResponse:
        operation, view = self._allowed(request, name), services.group_view()
        nodes = (request.POST if request.method == "POST" else request.GET).getlist("node")
        plan = operation.plan(view, nodes) if nodes else None
        if request.method == "POST" and plan is not None and not plan.refusal and self._do(request, operation, nodes):
            return HttpResponseRedirect(address("progress", name, nodes))
        context = {
            "chosen": nodes,
            "deed": operation.of(nodes),
            "choices": [_choice(view, node, node in nodes) for node in operation.choices(view)],
            "plan": plan,
            "before": plan and _told(view, plan.before, ()),
            "after": plan and _told(view, plan.after, nodes),
            "others": [one for one in OPERATIONS.values() if one is not operation and one.choices(view)],
        }
        return self._page(request, "operate", operation, context)

    def _do(self, request: HttpRequest, operation: Operation, nodes: list[str]) -> bool:
        """Whether it has begun, for any of ``nodes``. What was refused is told."""
        begun = False
        for node in nodes:
            try:
                operation.do(node, request.user.get_username())
                begun = True
            except ConsensusError as error:
                messages.error(request, f"{operation.verb} {node}: {explain(error)}")
        return begun

    def progress(self, request: HttpRequest, name: str) -> HttpResponse:
        operation = self._allowed(request, name)
        nodes = request.GET.getlist("node")
        view = services.group_view()
        follow = OPERATIONS.get(operation.undo or operation.then)
        context = {
            "told": _progress(operation, view, nodes),
            "data_url": address("progress_data", name, nodes),
            "here": view.node,
            "away": [
                {"node": member.node, "url": member.web_url + address("progress", name, nodes)}
                for member in view.members
                if member.web_url and member.node != view.node
            ],
            "follow": follow and (follow.of(nodes) if operation.undo else f"{follow.verb} another node"),
            "follow_url": follow and address("operate", follow.name, nodes if operation.undo else ()),
            "nodes": nodes,
        }
        return self._page(request, "progress", operation, context)

    def progress_data(self, request: HttpRequest, name: str) -> HttpResponse:
        operation = self._allowed(request, name)
        return JsonResponse(_progress(operation, services.group_view(), request.GET.getlist("node")))

    def _allowed(self, request: HttpRequest, name: str) -> Operation:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied(f"this needs the permission {PERMISSION}")
        if name not in OPERATIONS:
            raise Http404(f"there is no operation {name}")
        return OPERATIONS[name]

    def _page(self, request: HttpRequest, page: str, operation: Operation, context: dict[str, Any]) -> HttpResponse:
        shared = self._admin.admin_site.each_context(request)
        own = {"title": operation.title, "operation": operation, "opts": self._admin.opts}
        return TemplateResponse(request, f"admin/consensus/member/{page}.html", {**shared, **own, **context})


def _choice(view: GroupView, node: str, chosen: bool) -> dict[str, Any]:
    member = view.member(node)
    return {"node": node, "chosen": chosen, "member": member, "leads": node == view.leader, "here": node == view.node}


def _told(view: GroupView, strength: Any, leaving: Any) -> dict[str, Any]:
    """A `Strength` with each voter's standing in it."""
    voters = [
        {
            "node": node,
            "answers": node in strength.answering,
            "leads": node == strength.leader,
            "leaves": node in leaving,
        }
        for node in strength.voters
    ]
    return {
        "voters": voters,
        "answering": len(strength.answering),
        "quorum_size": strength.quorum_size,
        "spare": max(0, strength.spare),
        "leader": strength.leader or "nobody",
        "majority": strength.spare >= 0,
    }


def _progress(operation: Operation, view: GroupView, nodes: list[str]) -> dict[str, Any]:
    told = [{"node": node, "steps": [asdict(step) for step in operation.steps(view, node)]} for node in nodes]
    for one in told:
        one["done"] = all(step["done"] for step in one["steps"])
    return {"nodes": told, "done": bool(told) and all(one["done"] for one in told), "running": view.running}
