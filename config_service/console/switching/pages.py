"""The list of switches, and the page of one. A change is based on the version that the page showed."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from config_service.accounts import policy
from config_service.entries.validation import parse_json
from config_service.errors import Invalid, NotFound, PreconditionFailed
from config_service.refusals import REFUSALS, explain
from config_service.switches import services
from config_service.switches.board import get_board
from config_service.switches.function import Condition
from config_service.switches.history import history
from config_service.switches.stored import Flip, SwitchSnapshot
from config_service.switches.validation import check_name
from consensus.errors import ConsensusError

HISTORY_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """A switch for a template. ``on`` is None where its value is neither true nor false."""

    switch: SwitchSnapshot
    on: bool | None
    value: str

    @property
    def opposite(self) -> str:
        return "false" if self.on else "true"


def _shown(switch: SwitchSnapshot) -> Shown:
    value = json.loads(switch.value_json)
    return Shown(switch, value if isinstance(value, bool) else None, json.dumps(value, ensure_ascii=False))


def _require(request: HttpRequest, action: str) -> None:
    if lacking := policy.missing(request.user, None, action):
        raise PermissionDenied(f"this needs the permission {lacking}")


def _context(admin: ModelAdmin, request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
    may_flip = policy.may(request.user, None, "flip_switch")
    return {**admin.admin_site.each_context(request), "opts": admin.opts, "title": title, "may_flip": may_flip, **more}


def switches(admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """All that this node has learned; a POST makes a new one."""
    _require(request, "read_switches")
    typed = {}
    if request.method == "POST":
        typed = {name: request.POST.get(name, "").strip() for name in ("name", "value", "comment")}
        if _done(request, typed["name"], Condition(must_not_exist=True)):
            return HttpResponseRedirect(reverse("admin:switches_switchchange_changelist"))
    try:
        found, refusal = [_shown(switch) for switch in get_board().switches().values()], ""
    except ConsensusError as error:
        found, refusal = [], str(error)
    context = _context(
        admin, request, "Switches", switches=found, versions=_versions_shown(found), refusal=refusal, typed=typed
    )
    return TemplateResponse(request, "admin/switches/list.html", context)


def versions(request: HttpRequest) -> HttpResponse:
    """The version of each switch as this node has learned it, asking nobody; with ``name`` of that one. By this a page
    knows that it is to be shown anew."""
    _require(request, "read_switches")
    try:
        found = get_board().switches()
    except ConsensusError as error:
        return JsonResponse({"detail": str(error)}, status=503)
    name = request.GET.get("name")
    return JsonResponse({one.name: one.version for one in found.values() if name in (None, one.name)})


def _versions_shown(shown: list[Shown]) -> str:
    return json.dumps({one.switch.name: one.switch.version for one in shown})


def switch(admin: ModelAdmin, request: HttpRequest, name: str) -> HttpResponse:
    """One, read from a majority, or as this node knows it where there is none; a POST flips, sets or deletes it."""
    _require(request, "read_switches")
    if request.method == "POST":
        base = request.POST.get("base", "")
        condition = Condition(int(base)) if base.isascii() and base.isdigit() else Condition()
        _done(request, name, condition)
        back = "switches_switchchange_changelist" if request.POST.get("from") == "list" else ""
        return HttpResponseRedirect(reverse(f"admin:{back}") if back else request.path)
    found, flips, refusal = _read(name)
    shown = _shown(found) if found else None
    context = _context(
        admin, request, name, name=name, shown=shown, versions=_versions_shown([shown] if shown else []), flips=flips,
        refusal=refusal,
    )  # fmt: skip
    return TemplateResponse(request, "admin/switches/one.html", context)


def _read(name: str) -> tuple[SwitchSnapshot | None, list[Flip], str]:
    """The switch, its history, and why they may be old or missing."""
    flips: list[Flip] = []
    try:
        flips = history(check_name(name), HISTORY_SHOWN)
        return services.read_switch(name), flips, ""
    except NotFound as error:
        return None, flips, "" if flips else str(error)
    except Invalid as error:
        return None, [], str(error)
    except ConsensusError as error:
        return get_board().switches().get(name), [], f"As this node knew it last: {error}."


def _done(request: HttpRequest, name: str, condition: Condition) -> bool:
    """Do what was posted, and tell how it went."""
    _require(request, "flip_switch")
    actor, comment = request.user.get_username(), request.POST.get("comment", "").strip()
    try:
        if request.POST.get("action") == "delete":
            services.delete_switch(actor, name, comment, condition)
            told = f"{name} is deleted."
        else:
            written = services.put_switch(actor, name, _value(request.POST.get("value", "")), comment, condition)
            told = f"{name} is {_shown(written.switch).value} now."
    except PreconditionFailed as error:
        messages.error(request, f"Nothing was changed: {error}. Look at it again, then decide.")
        return False
    except REFUSALS as error:
        messages.error(request, explain(error))
        return False
    messages.success(request, told)
    return True


def _value(text: str) -> object:
    """JSON, else the text itself."""
    try:
        return parse_json(text)
    except Invalid:
        return text
