"""Files: a namespace, or chosen entries of it, to take away; and an import, first as what it would do."""

import base64
import binascii
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from config_service.console.editing.history_pages import number
from config_service.console.editing.marks import mark_of, protected, unconfirmed
from config_service.console.editing.namespaced import require, require_sight
from config_service.console.editing.timeline import shorten
from config_service.differences.documents import HIDDEN, comparable, readable
from config_service.differences.lines import Comparison, compare
from config_service.entries import exporting, importing
from config_service.entries.exporting import OMIT, PLAIN, SEALED, Exported
from config_service.entries.planning import MERGE, REPLACE, Plan, Planned, Scope
from config_service.entries.snapshots import SECRET, EntrySnapshot
from config_service.entries.transfer.formats import FORMATS, MAX_FILE_BYTES, find_format, format_of_file
from config_service.errors import Invalid, PreconditionFailed, TooLarge
from config_service.refusals import REFUSALS, explain

_FORMATS = [("json", "JSON"), ("yaml", "YAML"), ("toml", "TOML"), ("env", ".env"), ("properties", "Java properties")]
_SECRETS = [
    (SEALED, "sealed: only a group with the same keys can use them"),
    (OMIT, "left out"),
    (PLAIN, "in clear, which the audit trail records"),
]
SHOWN_IN_FULL = 20
# An unpacked file of this size would be refused anyway.
_MOST_UNPACKED = MAX_FILE_BYTES + 1


class ExportForm(forms.Form):
    format = forms.ChoiceField(choices=_FORMATS)
    secrets = forms.ChoiceField(choices=_SECRETS, widget=forms.RadioSelect, initial=SEALED)


class ImportForm(forms.Form):
    file = forms.FileField(required=False)
    text = forms.CharField(required=False, strip=False, widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}))
    format = forms.ChoiceField(choices=[("", "by the name of the file"), *_FORMATS], required=False)
    mode = forms.ChoiceField(
        choices=[
            (MERGE, "Add and change what the file names; leave the rest"),
            (REPLACE, "Make the namespace what the file says: delete what it does not name"),
        ],
        widget=forms.RadioSelect,
        initial=MERGE,
    )
    prefix = forms.CharField(required=False, widget=forms.TextInput(attrs={"placeholder": "mail/"}))
    comment = forms.CharField(required=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry that the import would change."""

    key: str
    change: str
    old: str
    new: str
    comparison: Comparison | None


def export(admin: Any, request: HttpRequest, name: str) -> HttpResponse:
    require_sight(request, name)
    form = ExportForm(request.POST or None)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            return _file(name, _exported(request, name, form, request.POST.get("prefix", "").strip()))
        except REFUSALS as error:
            refusal = explain(error)
    return _render(admin, request, "export", name, {
        "title": f"Export {name}", "form": form, "refusal": refusal, "prefix": request.POST.get("prefix", ""),
    })  # fmt: skip


def export_chosen(admin: Any, request: HttpRequest, entries: Sequence[EntrySnapshot]) -> HttpResponse:
    """The entries chosen in the list, which belong to one namespace, since a file does."""
    names = sorted({entry.namespace for entry in entries})
    if len(names) != 1:
        many = (
            f"A file holds entries of one namespace; these are of {', '.join(names)}." if names else "Nothing chosen."
        )
        messages.error(request, many)
        return HttpResponseRedirect(reverse("admin:entries_configentry_changelist"))
    keys = [entry.key for entry in entries]
    form = ExportForm(request.POST if "format" in request.POST else None)
    refusal = ""
    if form.is_bound and form.is_valid():
        require_sight(request, names[0])
        try:
            return _file(names[0], _exported(request, names[0], form, "", keys))
        except REFUSALS as error:
            refusal = explain(error)
    return _render(admin, request, "export", names[0], {
        "title": f"Export {len(keys)} of {names[0]}", "form": form, "refusal": refusal, "keys": keys,
        "ids": request.POST.getlist("_selected_action"),
    })  # fmt: skip


def _exported(
    request: HttpRequest, name: str, form: ExportForm, prefix: str, keys: Sequence[str] | None = None
) -> Exported:
    secrets = form.cleaned_data["secrets"]
    if secrets == PLAIN:
        require(request, "reveal", namespace=name)
    format = find_format(form.cleaned_data["format"])
    return exporting.export(request.user.get_username(), name, format, prefix=prefix, secrets=secrets, keys=keys)


def _file(name: str, made: Exported) -> HttpResponse:
    response = HttpResponse(made.data, content_type=made.format.media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}{made.format.suffixes[0]}"'
    response["Cache-Control"] = "no-store"
    return response


def import_file(admin: Any, request: HttpRequest, name: str) -> HttpResponse:
    """The file travels along in the page that shows what it would do, so that any node can go on from there."""
    require(request, "put", "read", namespace=name)
    form = ImportForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"title": f"Import into {name}", "form": form}
    if request.method == "POST" and form.is_valid():
        try:
            done = _import(request, name, form, context)
        except PreconditionFailed as error:
            context["refusal"] = f"Nothing was imported: {error.detail}. This is what the file would do now."
            _show_again(request, name, form, context)
        except REFUSALS as error:
            context["refusal"] = explain(error)
        else:
            if done is not None:
                return done
    response = _render(admin, request, "import", name, context)
    response["Cache-Control"] = "no-store"
    return response


def _import(request: HttpRequest, name: str, form: ImportForm, context: dict[str, Any]) -> HttpResponse | None:
    data, format = _read(request, form)
    context["packed"] = base64.b64encode(zlib.compress(data, 6)).decode()
    context["format"] = format.name
    confirmed = "_confirm" in request.POST
    seen = number(request.POST.get("seen_revision")) if confirmed else None
    chosen = form.cleaned_data
    scope = Scope(name, chosen["mode"], chosen["prefix"].strip(), chosen["comment"], seen)
    if scope.mode == REPLACE:
        require(request, "delete", namespace=name)
    if confirmed:
        context["refusal"] = unconfirmed(request.POST, [name])
    if not confirmed or context["refusal"]:
        _show(importing.dry_run(replace(scope, seen_revision=None), format, data), context)
        return None
    request_id = request.POST.get("request_id", "")
    done = importing.run(request.user.get_username(), scope, format, data, request_id=request_id)
    told = f"{done.added} added, {done.changed} changed, {done.removed} removed, {done.unchanged} as they were"
    messages.success(request, f"Imported into {name} as revision {done.revision}: {told}.")
    return HttpResponseRedirect(reverse("admin:entries_namespace_timeline", args=[name]))


def _show_again(request: HttpRequest, name: str, form: ImportForm, context: dict[str, Any]) -> None:
    data, format = _read(request, form)
    chosen = form.cleaned_data
    try:
        _show(
            importing.dry_run(Scope(name, chosen["mode"], chosen["prefix"].strip(), chosen["comment"]), format, data),
            context,
        )
    except REFUSALS as error:
        context["refusal"] = explain(error)


def _read(request: HttpRequest, form: ImportForm) -> tuple[bytes, Any]:
    """The file, the text, or what the last page carried along; and its format. Raises `Invalid`."""
    uploaded = form.cleaned_data.get("file")
    asked = form.cleaned_data["format"]
    if packed := request.POST.get("packed"):
        return _unpacked(packed), find_format(asked)
    if uploaded is not None:
        if uploaded.size > MAX_FILE_BYTES:
            raise TooLarge.field("file", f"a file has at most {MAX_FILE_BYTES} bytes")
        format = FORMATS.get(asked) or format_of_file(uploaded.name)
        if format is None:
            raise Invalid.field("format", "the file's name does not tell its format: choose one")
        return uploaded.read(), format
    if not form.cleaned_data["text"].strip():
        raise Invalid.field("file", "choose a file, or paste its text")
    if not asked:
        raise Invalid.field("format", "choose the format of the text")
    return form.cleaned_data["text"].replace("\r\n", "\n").encode(), find_format(asked)


def _unpacked(packed: str) -> bytes:
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(base64.b64decode(packed, validate=True), _MOST_UNPACKED)
    except (binascii.Error, ValueError, zlib.error):
        raise Invalid.field("file", "the file did not come along whole: choose it again") from None
    return data


def _show(plan: Plan, context: dict[str, Any]) -> None:
    changes = plan.changes
    context |= {
        "plan": plan,
        "counts": plan.counts,
        "changes": [_shown(item, place < SHOWN_IN_FULL) for place, item in enumerate(changes)],
    }


def _shown(item: Planned, in_full: bool) -> Shown:
    old, new = item.old, item.edit
    old_text = "" if old is None else _short(old.type, old.value_json)
    new_text = _short(new.type, new.value_json) if new.operation == "put" else ""
    return Shown(new.key, item.change, old_text, new_text, _compared(item) if in_full else None)


def _compared(item: Planned) -> Comparison:
    old, new = item.old, item.edit
    if new.operation != "put":
        return compare(readable(old.type, old.value_json) if old else None, None)
    if old is None:
        return compare(None, readable(new.type, new.value_json))
    return compare(*comparable(old.type, old.value_json, new.type, new.value_json))


def _short(kind: str, value_json: str) -> str:
    return HIDDEN if kind == SECRET else shorten(value_json, 120)


def _render(admin: Any, request: HttpRequest, page: str, name: str, context: dict[str, Any]) -> HttpResponse:
    shared = admin.admin_site.each_context(request) | {
        "opts": admin.opts, "namespace": name, "mark": mark_of(name), "protected": protected([name]),
    }  # fmt: skip
    return TemplateResponse(request, f"admin/entries/namespace/{page}.html", shared | context)
