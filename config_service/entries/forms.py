"""The form of an entry. A string is typed as it is; every other type as JSON."""

import json
import re
from typing import Any

from django import forms

from config_service.entries import validation
from config_service.entries.models import ConfigEntry
from config_service.entries.snapshots import SECRET
from config_service.errors import Invalid

# A browser turns line ends into CR LF and drops what it cannot show: such strings are edited as JSON.
_UNTYPABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
TEXT, JSON = "text", "json"


def shorten(text: str, longest: int = 80) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def for_editing(entry: ConfigEntry) -> tuple[str, str]:
    """The text that a person edits, and how it is to be read back when the type is string."""
    if entry.type == SECRET:
        return "", TEXT
    value = json.loads(entry.value)
    if isinstance(value, str) and not _UNTYPABLE.search(value) and entry.type == "string":
        return value, TEXT
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, indent=2), JSON
    return entry.value, JSON


class EntryForm(forms.ModelForm):
    value = forms.CharField(
        strip=False,
        required=False,
        widget=forms.Textarea(attrs={"rows": 12, "cols": 100, "class": "vLargeTextField", "spellcheck": "false"}),
        help_text='A string or a secret as it is; any other type as JSON, such as 42, true or {"retries": 3}.',
    )
    base_revision = forms.IntegerField(required=False, widget=forms.HiddenInput)
    value_format = forms.ChoiceField(
        required=False, choices=[(TEXT, TEXT), (JSON, JSON)], widget=forms.HiddenInput, initial=TEXT
    )

    class Meta:
        model = ConfigEntry
        fields = ["namespace", "key", "type", "value", "comment"]
        widgets = {"comment": forms.TextInput(attrs={"class": "vTextField"})}

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            text, how = for_editing(self.instance)
            self.initial |= {"value": text, "value_format": how, "base_revision": self.instance.revision}

    def clean_key(self) -> str:
        try:
            return validation.check_key(self.cleaned_data["key"])
        except Invalid as error:
            raise forms.ValidationError(error.detail) from error

    def clean(self) -> dict[str, Any]:
        """``value`` becomes the JSON value."""
        cleaned = super().clean()
        text, kind = cleaned.get("value"), cleaned.get("type")
        if text is None or kind is None:
            return cleaned
        try:
            if kind == SECRET and self.instance.type == SECRET and not text:
                raise Invalid("a stored secret is not shown: type its new value")
            if kind in ("string", SECRET) and cleaned.get("value_format") != JSON:
                value = text.replace("\r\n", "\n")
            else:
                value = validation.parse_json(text)
            validation.check_fits(kind, value)
            validation.canonical(value)
        except Invalid as error:
            self.add_error("value", error.detail)
        else:
            cleaned["value"] = value
        return cleaned

    def _post_clean(self) -> None:
        """The instance holds JSON text, not the value."""
        value = self.cleaned_data.get("value")
        if not self.errors:
            self.cleaned_data["value"] = validation.canonical(value)
        super()._post_clean()
        if not self.errors:
            self.cleaned_data["value"] = value
