"""What needs attention, for one person: what they may see of it, with the page where something can be done."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.timezone import now

from config_service import concerns
from config_service.accounts import policy
from config_service.accounts import selectors as accounts
from config_service.accounts.models import User
from config_service.audit import selectors as audit
from config_service.changesets import access
from config_service.changesets.models import OPEN, State
from config_service.changesets.selectors import list_change_sets
from config_service.entries.models import Namespace
from config_service.texts import read_time
from consensus import health
from consensus.group_view import GroupView
from consensus.health import Concern, Kind

TOKEN_WARNING = timedelta(days=14)
# Of change sets only the newest are looked at, and so many told of.
CHANGE_SETS_LOOKED_AT = 100
CHANGE_SETS_TOLD = 5
_ORDER = [Kind.BAD, Kind.WARN, Kind.INFO]


def attention(user: User, view: GroupView) -> list[dict[str, Any]]:
    """The nodes first, then the rest; in both the worst first."""
    moment = now()
    nodes = health.concerns(view, settings.CONSENSUS["log_keep_entries"])
    others = [*_snapshots(user, moment), *_change_sets(user, moment), *_tokens(user, moment)]
    others.sort(key=lambda told: _ORDER.index(told["kind"]))
    return [_told(concern, reverse("admin:consensus_member_changelist")) for concern in nodes] + others


def _told(concern: Concern, url: str) -> dict[str, Any]:
    return asdict(concern) | {"url": url}


def _snapshots(user: User, moment: datetime) -> Iterator[dict[str, Any]]:
    if not policy.may(user, None, "operate"):
        return
    last, since = read_time(audit.last_snapshot_at()), read_time(audit.reaches_back_to())
    concern = concerns.of_snapshots(last, since, moment, timedelta(days=settings.SNAPSHOT_WARN_DAYS))
    if concern is not None:
        yield _told(concern, reverse("admin:consensus_member_changelist"))


def _change_sets(user: User, moment: datetime) -> Iterator[dict[str, Any]]:
    """Those that the user may see."""
    page = reverse("admin:changesets_changeset_changelist")
    requiring = set(Namespace.objects.filter(requires_approval=True).values_list("name", flat=True))
    since = moment - concerns.REJECTED_SHOWN
    found: list[tuple[Concern, int]] = []
    for states, changed_since in (OPEN, None), ((State.REJECTED,), since):
        looked_at, _ = list_change_sets(
            states=states,
            visible=lambda names: access.may(user, None, access.SEE, names),
            changed_since=changed_since,
            limit=CHANGE_SETS_LOOKED_AT,
        )
        for one in looked_at:
            needing = [name for name in one.namespaces if name in requiring]
            may = user.get_username() not in one.writers and access.may(user, None, access.APPROVE, one.namespaces)
            if concern := concerns.of_change_set(one, needing, may, moment):
                found.append((concern, one.id))
    found.sort(key=lambda pair: (_ORDER.index(pair[0].kind), -pair[1]))
    for concern, id in found[:CHANGE_SETS_TOLD]:
        yield _told(concern, reverse("admin:changesets_changeset_change", args=[id]))
    if (more := len(found) - CHANGE_SETS_TOLD) > 0:
        title = f"{more} more change set{'' if more == 1 else 's'}"
        yield _told(Concern(Kind.INFO, title, "They wait for approval, or were rejected."), page)


def _tokens(user: User, moment: datetime) -> Iterator[dict[str, Any]]:
    if not user.has_perm("accounts.view_apitoken"):
        return
    for token in accounts.tokens_expiring(moment, moment + TOKEN_WARNING):
        concern = concerns.of_token(token.name, token.user.username, token.prefix, token.expires_at, moment)
        yield _told(concern, reverse("admin:accounts_apitoken_change", args=[token.pk]))
