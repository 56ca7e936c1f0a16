"""The rules of a namespace: edited, tried on every value that is there, and set."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from config_service.accounts import policy
from config_service.console.editing.history_pages import number
from config_service.console.editing.marks import mark_of, protected, unconfirmed
from config_service.console.editing.namespaced import require, require_sight
from config_service.differences.documents import comparable
from config_service.differences.lines import compare
from config_service.entries.schemas import services
from config_service.entries.schemas.selectors import SchemaSnapshot, versions
from config_service.entries.validation import parse_json
from config_service.errors import PreconditionFailed, ProductError, SchemaConflict
from config_service.refusals import REFUSALS, explain

EXAMPLE = '[\n  {"keys": "*/port", "schema": {"type": "integer", "minimum": 1, "maximum": 65535}}\n]'
VERSIONS_SHOWN = 20


def schema(admin: Any, request: HttpRequest, name: str) -> HttpResponse:
    require_sight(request, name)
    if request.method != "POST":
        return _show(admin, request, name, {})
    require(request, "put_namespace", namespace=name)
    try:
        rules = parse_json(request.POST.get("rules", "") or "[]")
        context: dict[str, Any] = {"verdict": services.check_schema(name, rules)}
        if "_save" in request.POST:
            context["refusal"] = unconfirmed(request.POST, [name])
            if not context["refusal"]:
                return _save(request, name, rules)
    except SchemaConflict as error:
        context = {"refusal": f"Nothing was changed: {error.detail}.", "verdict": services.check_schema(name, rules)}
    except PreconditionFailed:
        context = {"refusal": "Nothing was changed: somebody else has set other rules meanwhile. They are below."}
    except ProductError as error:
        context = {
            "errors": [f"{place}: {text}" for place, texts in error.errors.items() for text in texts] or [error.detail]
        }
    except REFUSALS as error:
        context["refusal"] = explain(error)
    return _show(admin, request, name, context)


def _save(request: HttpRequest, name: str, rules: Any) -> HttpResponse:
    actor, comment = request.user.get_username(), request.POST.get("comment", "")
    expected = number(request.POST.get("version")) or 0
    if rules:
        force = "force" in request.POST
        made = services.put_schema(actor, name, rules, comment=comment, expected_version=expected, force=force)
        messages.success(request, f"The schema of {name} is at version {made.version} now.")
    else:
        services.delete_schema(actor, name, comment=comment, expected_version=expected)
        messages.success(request, f"{name} has no schema any more.")
    return HttpResponseRedirect(reverse("admin:entries_namespace_schema", args=[name]))


def _show(admin: Any, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    mark = mark_of(name)
    found, _ = versions(name, limit=VERSIONS_SHOWN)
    stored = json.dumps(json.loads(mark.schema), indent=2, ensure_ascii=False) if mark and mark.schema else ""
    shared = admin.admin_site.each_context(request) | {
        "title": f"Schema of {name}",
        "opts": admin.opts,
        "namespace": name,
        "mark": mark,
        "rules": request.POST.get("rules", stored),
        "comment": request.POST.get("comment", ""),
        "version": mark.schema_version if mark else 0,
        "versions": list(map(_version, found, [*found[1:], None])),
        "example": EXAMPLE,
        "may_change": policy.may(request.user, None, "put_namespace", name),
        "protected": protected([name]),
    }
    return TemplateResponse(request, "admin/entries/namespace/schema.html", shared | context)


def _version(one: SchemaSnapshot, before: SchemaSnapshot | None) -> dict[str, Any]:
    texts = comparable(
        "json", before.rules_json if before and before.rules_json else "[]", "json", one.rules_json or "[]"
    )
    return {"of": one, "comparison": compare(*texts)}
