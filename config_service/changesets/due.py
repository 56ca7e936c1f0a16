"""Publishing what is due. For the leader's scheduled task.

Whether the person who scheduled it may still publish is asked here: applying cannot ask, since accounts are applied in
another order than entries. The group decides about the rest, once: whoever proposes it a second time is refused.
"""

import logging
from datetime import datetime

from config_service.accounts.selectors import find_user
from config_service.changesets import access
from config_service.changesets.commands import PublishChangeSet, RejectChangeSet
from config_service.changesets.models import ChangeSet, State
from config_service.envelope import Done
from config_service.errors import ProductError
from config_service.proposing import propose

logger = logging.getLogger(__name__)

AT_ONCE = 50


def publish_due(actor: str, now: datetime) -> int:
    """Publish or reject what is due by ``now``, the earliest first, at most `AT_ONCE`. Returns how many were. Raises
    `consensus.errors.ConsensusError`; what was proposed then is asked again under the same request id."""
    due = ChangeSet.objects.filter(state=State.SCHEDULED, publish_at__lte=now).order_by("publish_at", "id")
    return sum(_publish(actor, one) for one in list(due.defer("edits")[:AT_ONCE]))


def _publish(actor: str, change_set: ChangeSet) -> bool:
    command: PublishChangeSet | RejectChangeSet
    reason = _no_permission(change_set)
    if reason:
        command = RejectChangeSet(change_set.id, change_set.revision, reason)
    else:
        command = PublishChangeSet(change_set.id, change_set.revision, change_set.digest, due=True)
    name = "reject" if reason else "publish"
    try:
        done: Done = propose(command, actor, f"{name}-due-{change_set.id}-{change_set.revision}")
    except ProductError as error:
        logger.info("change set %d has changed before it was published: %s", change_set.id, error)
        return False
    told = "published" if done.succeeded and not reason else "rejected"
    logger.info("change set %d was due: %s at revision %d", change_set.id, told, done.revision)
    return True


def _no_permission(change_set: ChangeSet) -> str:
    """Why the person who scheduled it cannot have it published any more, "" if they can."""
    user = find_user(change_set.scheduled_by)
    if user is None or not user.is_active:
        return f"{change_set.scheduled_by}, who scheduled it, may not sign in any more"
    lacking = access.lacking(user, None, access.needed_for(access.PUBLISH, change_set.namespaces))
    if lacking is None:
        return ""
    missing, namespace = lacking
    return f"{user.username}, who scheduled it, has lost the permission {missing} in namespace {namespace}"
