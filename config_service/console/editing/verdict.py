"""What the rules of a namespace say about a value that somebody is about to save."""

from dataclasses import dataclass

from config_service.console.editing.draft import Draft
from config_service.entries import selectors
from config_service.entries.schemas.rules import parse, told


@dataclass(frozen=True, slots=True)
class Verdict:
    """``rules`` are those about the entry's key; ``reasons`` say what is wrong, each with its path."""

    rules: int
    reasons: tuple[str, ...]


def verdict(draft: Draft) -> Verdict:
    text = selectors.schema_text(draft.namespace)
    if not text:
        return Verdict(0, ())
    rules = parse(text)
    return Verdict(len(rules.of(draft.key)), told(rules.violations(draft.key, draft.value)))
