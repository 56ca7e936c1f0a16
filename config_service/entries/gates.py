"""What every write of an entry has to pass, whichever way it comes. Decided over a `Batch`, in the order of the log."""

from config_service.entries.batch import Batch
from config_service.entries.schemas.rules import parse, told
from config_service.entries.snapshots import SECRET
from config_service.entries.tables import Key
from config_service.envelope import Refusal


def write_refusal(batch: Batch, namespace: str, *, conditional: bool) -> Refusal | None:
    """May entries of ``namespace`` be written directly? ``conditional``: the write names what it is based on."""
    found = batch.namespaces.get(namespace)
    if found is None:
        return no_namespace(namespace)
    if found.requires_approval:
        detail = f"entries of {namespace!r} change by approved change sets only: propose one (/api/v1/changesets/)"
        return Refusal("approval_required", detail)
    if found.require_if_match and not conditional:
        detail = f"writes to {namespace!r} must name the revision that they are based on (If-Match, If-None-Match)"
        return Refusal("precondition_required", detail)
    return None


def value_refusal(batch: Batch, key: Key, value_json: str, kind: str) -> Refusal | None:
    """Does the value keep the rules of its namespace? That of a secret was checked before it was sealed."""
    found = batch.namespaces[key[0]]
    if not found.schema or kind == SECRET:
        return None
    violations = parse(found.schema).violations_of_text(key[1], value_json)
    if not violations:
        return None
    reasons = told(violations)
    detail = f"{key[1]}: {reasons[0]}"
    return Refusal("schema_violation", detail, reasons=reasons)


def no_namespace(name: str) -> Refusal:
    return Refusal("namespace_not_found", f"there is no namespace {name!r}")
