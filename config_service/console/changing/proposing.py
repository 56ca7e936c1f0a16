"""The way from an edit, or from many, into a change set."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.core.exceptions import PermissionDenied

from config_service.accounts.models import User
from config_service.changesets import access, selectors, services
from config_service.changesets.drafting import KEEP, Wanted
from config_service.changesets.edits import DELETE, PUT, Edit
from config_service.changesets.models import OPEN
from config_service.changesets.selectors import ChangeSetSnapshot
from config_service.console.editing.draft import Draft, expiry_of
from config_service.entries.bulk import COPY, Plan, Planned
from config_service.entries.reveal import reveal
from config_service.entries.snapshots import SECRET
from config_service.errors import NotFound

MOST_OFFERED = 30


def offered(user: User) -> list[ChangeSetSnapshot]:
    """The change sets that the user may add an edit to, newest first."""
    found, _ = selectors.list_change_sets(
        states=OPEN,
        visible=lambda names: access.may(user, None, access.WITHDRAW, names),
        limit=MOST_OFFERED,
    )
    return found


def propose(user: User, wanted: Sequence[Wanted], change_set: int | None, title: str) -> ChangeSetSnapshot:
    """Add ``wanted`` to a change set, in place of what it had for the same entries; None: a new one."""
    needed = access.needed_to_write(wanted)
    seen = None if change_set is None else selectors.get_change_set(change_set)
    if seen is not None:
        needed += access.needed_for(access.WITHDRAW, seen.namespaces)
    require(user, needed)
    if seen is None:
        return services.create(user.get_username(), title.strip(), wanted)
    places = {(one.namespace, one.key) for one in wanted}
    return services.edit(
        user.get_username(), seen, seen.title, [*_kept(seen, places), *wanted], comment=seen.comment
    )  # fmt: skip


def without(user: User, seen: ChangeSetSnapshot, place: tuple[str, str], revision: int | None) -> ChangeSetSnapshot:
    """The change set without its edit of one entry."""
    require(user, access.needed_for(access.WITHDRAW, seen.namespaces))
    left = _kept(seen, {place})
    return services.edit(
        user.get_username(), seen, seen.title, left, comment=seen.comment, expected_revision=revision
    )  # fmt: skip


def require(user: User, needed: Iterable[access.Needed]) -> None:
    if found := access.lacking(user, None, needed):
        raise PermissionDenied(f"this needs the permission {found[0]} in namespace {found[1]}")


def wanted_of(draft: Draft) -> Wanted:
    return Wanted(
        operation=PUT,
        namespace=draft.namespace,
        key=draft.key,
        value=draft.value,
        type=draft.type,
        comment=draft.comment,
        expires_at=draft.expires_at,
        base_revision=draft.base_revision,
    )


def wanted_of_plan(actor: str, plan: Plan) -> list[Wanted]:
    """What `bulk.perform` would do at once. A secret that goes elsewhere is opened, on record."""
    return [one for item in plan.items for one in _wanted_of_item(actor, plan.action, item)]


def _wanted_of_item(actor: str, action: str, item: Planned) -> list[Wanted]:
    entry = item.entry
    found = []
    if action != COPY:
        found.append(
            Wanted(operation=DELETE, namespace=entry.namespace, key=entry.key, base_revision=entry.revision)
        )  # fmt: skip
    if item.target is not None:
        namespace, key = item.target
        secret = entry.type == SECRET
        value_json = reveal(actor, entry.namespace, entry.key).value_json if secret else entry.value_json
        draft = Draft(
            namespace, key, entry.type, value_json, entry.comment, expiry_of(entry), item.seen.target_revision
        )
        found.append(wanted_of(draft))
    return found


def draft_in(user: User, change_set: int, namespace: str, key: str) -> Draft | None:
    """What a change set has for an entry, to be edited once more; None where there is no such edit, or for a secret,
    which cannot be shown."""
    try:
        seen = selectors.get_change_set(change_set)
    except NotFound:
        return None
    edit = next((edit for edit in seen.edits if edit.place == (namespace, key)), None)
    if edit is None or edit.type == SECRET or not access.may(user, None, access.SEE, seen.namespaces):
        return None
    return draft_of_edit(edit)


def draft_of_edit(edit: Edit) -> Draft:
    value_json = edit.value_json if edit.operation == PUT else json.dumps(None)
    until = datetime.fromisoformat(edit.expires_at) if edit.expires_at else None
    return Draft(
        edit.namespace, edit.key, edit.type or "json", value_json, edit.comment, until, edit.base_revision
    )  # fmt: skip


def _kept(seen: ChangeSetSnapshot, besides: set[tuple[str, str]]) -> list[Wanted]:
    return [
        Wanted(operation=KEEP, namespace=edit.namespace, key=edit.key)
        for edit in seen.edits
        if edit.place not in besides
    ]
