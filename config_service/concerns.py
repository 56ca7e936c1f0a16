"""What needs attention besides the nodes: tokens, change sets, snapshots. Pure functions of what is known."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from config_service.changesets.models import State
from config_service.changesets.selectors import ChangeSetSnapshot
from config_service.texts import read_time
from consensus.health import Concern, Kind

# The leader looks once a second: what is later than this is not on its way.
MISSED_AFTER = timedelta(minutes=1)
# So long a rejection is news.
REJECTED_SHOWN = timedelta(days=7)


def of_token(name: str, owner: str, prefix: str, expires_at: datetime, now: datetime) -> Concern:
    """One that expires before long."""
    days = (expires_at - now).days
    when = "today" if days == 0 else "tomorrow" if days == 1 else f"in {days} days"
    return Concern(Kind.WARN, f"Token {name} expires {when}", f"Of {owner}, {prefix}…")


def of_change_set(one: ChangeSetSnapshot, requiring: Sequence[str], may_approve: bool, now: datetime) -> Concern | None:
    """``requiring``: those of its namespaces that want an approval. ``may_approve``: whoever is told could give it."""
    name = f"Change set “{one.title}”"
    if one.state == State.REJECTED:
        at = read_time(one.updated_at)
        if at is None or now - at > REJECTED_SHOWN:
            return None
        return Concern(Kind.WARN, f"{name} was rejected when it was due", one.reason.partition("\n")[0])
    if not one.open:
        return None
    due = read_time(one.publish_at or "")
    if one.state == State.SCHEDULED and due is not None and now - due > MISSED_AFTER:
        return Concern(Kind.BAD, f"{name} is overdue", f"It was to be published {_minute(due)}, and is not.")
    if requiring and not one.approved:
        whose = "you can approve it" if may_approve else "a second person has to approve it"
        return Concern(
            Kind.INFO, f"{name} waits for approval", f"By {one.author}, for {', '.join(requiring)}: {whose}."
        )
    return None


def of_snapshots(last: datetime | None, known_since: datetime | None, now: datetime, most: timedelta) -> Concern | None:
    """``last`` is when the newest snapshot on record was made, ``known_since`` how far the record reaches back: where
    there is none, the last is at least as old. Nothing of an empty record, or where ``most`` is no time."""
    at = last or known_since
    if not most or at is None or now - at <= most:
        return None
    days = (now - at).days
    age = f"{days} day{'' if days == 1 else 's'}"
    told = f"The last one was made {_minute(last)}." if last else f"None is on record, which begins {_minute(at)}."
    return Concern(Kind.WARN, f"No snapshot of the group for {age}", told)


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}Z"
