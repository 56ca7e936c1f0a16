"""The form of an entry: one field a type, of which the chosen type's is read. A string is typed as it is."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils import timezone

from config_service.console.editing.draft import Draft
from config_service.entries import validation
from config_service.entries.models import ValueType
from config_service.entries.snapshots import SECRET
from config_service.errors import Invalid

# A browser turns line ends into CR LF and drops what it cannot show: such strings are edited as JSON.
_UNTYPABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
TEXT, JSON = "text", "json"
VALUE_FIELDS = {kind: f"{kind}_value" for kind in ValueType.values}


def fields_of(draft: Draft, *, secret_in_clear: bool = False) -> dict[str, Any]:
    """What the form shows for ``draft``. A stored secret is sealed, so its field stays empty."""
    shown: dict[str, Any] = {
        "namespace": draft.namespace,
        "key": draft.key,
        "type": draft.type,
        "comment": draft.comment,
        "expires": draft.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if draft.expires_at else "",
        "base_revision": draft.base_revision,
        "string_format": TEXT,
    }
    field = VALUE_FIELDS[draft.type]
    if draft.type == SECRET:
        if secret_in_clear:
            shown |= _typed_text(field, draft.value)
    elif draft.type == "string":
        shown |= _typed_text(field, draft.value)
    elif draft.type == "boolean":
        shown[field] = draft.value is True
    elif isinstance(draft.value, dict | list):
        shown[field] = json.dumps(draft.value, ensure_ascii=False, indent=2)
    else:
        shown[field] = draft.value_json
    return shown


def _typed_text(field: str, value: Any) -> dict[str, str]:
    if isinstance(value, str) and not _UNTYPABLE.search(value):
        return {field: value, "string_format": TEXT}
    return {field: json.dumps(value, ensure_ascii=False), "string_format": JSON}


def _area(rows: int, **attrs: str) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "autocomplete": "off", **attrs})


def _line(**attrs: str) -> forms.TextInput:
    return forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", **attrs})


class EntryForm(forms.Form):
    """``base`` is the entry as it is, if there is one: its namespace and key are then settled."""

    namespace = forms.ChoiceField()
    key = forms.CharField(max_length=validation.MAX_KEY_LENGTH, widget=_line(placeholder="mail/smtp/port"))
    type = forms.ChoiceField(choices=ValueType.choices, widget=forms.RadioSelect, initial="string")
    string_value = forms.CharField(required=False, strip=False, widget=_area(4))
    integer_value = forms.CharField(required=False, widget=_line(inputmode="numeric"))
    float_value = forms.CharField(required=False, widget=_line(inputmode="decimal"))
    boolean_value = forms.BooleanField(required=False, widget=forms.CheckboxInput(attrs={"role": "switch"}))
    json_value = forms.CharField(required=False, strip=False, widget=_area(14, **{"data-json-editor": ""}))
    secret_value = forms.CharField(required=False, strip=False, widget=_area(4, **{"class": "masked"}))
    string_format = forms.ChoiceField(
        required=False, choices=[(TEXT, TEXT), (JSON, JSON)], widget=forms.HiddenInput, initial=TEXT
    )
    expires = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
    )
    comment = forms.CharField(
        required=False, max_length=validation.MAX_COMMENT_LENGTH, widget=_line(placeholder="Why? For the history.")
    )
    base_revision = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput, initial=0)
    from_change_set = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, namespaces: Sequence[str], base: Draft | None = None, **kwargs: Any):
        super().__init__(data, **kwargs)
        self.base = base
        self.fields["namespace"].choices = [(name, name) for name in namespaces]
        if base is not None:
            for name in ("namespace", "key"):
                self.fields[name].widget = forms.HiddenInput()

    def clean_key(self) -> str:
        return _checked(validation.check_key, self.cleaned_data["key"])

    def clean_expires(self) -> datetime | None:
        """To the microsecond what the entry has, where the person left it as it was."""
        until = self.cleaned_data["expires"]
        before = self.base.expires_at if self.base else None
        if until is None:
            return None
        if before is not None and before.replace(microsecond=0) == until:
            return before
        if until <= timezone.now():
            raise forms.ValidationError("This time is over already. Empty: the entry never expires.")
        return until

    def clean(self) -> dict[str, Any]:
        """``value`` becomes the JSON value."""
        cleaned = super().clean()
        kind = cleaned.get("type")
        if kind is not None and VALUE_FIELDS[kind] in cleaned:
            try:
                cleaned["value_json"] = validation.canonical(self._read(kind, cleaned))
            except Invalid as error:
                self.add_error(VALUE_FIELDS[kind], error.detail)
        return cleaned

    def _read(self, kind: str, cleaned: dict[str, Any]) -> Any:
        typed = cleaned[VALUE_FIELDS[kind]]
        if kind == "boolean":
            return typed
        if kind == SECRET and not typed and self.base is not None and self.base.is_secret:
            raise Invalid("A stored secret is not shown: type its new value.")
        if kind in ("string", SECRET) and cleaned.get("string_format") != JSON:
            return typed.replace("\r\n", "\n")
        if not typed.strip():
            raise Invalid("A value is needed.")
        value = validation.parse_json(typed)
        validation.check_fits(kind, value)
        return value

    def draft(self) -> Draft:
        """What was typed; only of a valid form."""
        chosen = self.cleaned_data
        return Draft(
            chosen["namespace"], chosen["key"], chosen["type"], chosen["value_json"], chosen["comment"],
            chosen["expires"], chosen.get("base_revision") or 0,
        )  # fmt: skip

    @property
    def value_fields(self) -> list[tuple[str, forms.BoundField]]:
        return [(kind, self[name]) for kind, name in VALUE_FIELDS.items()]


def _checked(check: Any, value: str) -> str:
    try:
        return check(value)
    except Invalid as error:
        raise forms.ValidationError(error.detail) from error
