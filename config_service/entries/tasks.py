"""The scheduled work on entries, as Celery tasks. Only the leader proposes; a doubled run changes nothing.

They take long and talk to the group, so the scheduler gives each a thread of its own (`consensus.scheduler`).
"""

import logging
from datetime import UTC, datetime

from celery import shared_task
from django.conf import settings

from config_service.entries import expiring, services
from config_service.refusals import REFUSALS, explain
from consensus import services as consensus_services

logger = logging.getLogger(__name__)

ACTOR = "system"


def now() -> datetime:
    return datetime.now(UTC)


def this_node_leads() -> bool:
    view = consensus_services.group_view()
    return view.running and view.leader == view.node


@shared_task(name="entries.expire", ignore_result=True)
def expire() -> None:
    """Delete the entries whose time is over, and what is left of imports that nobody has finished."""
    try:
        while this_node_leads() and expiring.expire_due(ACTOR, now()):
            pass
        if this_node_leads():
            expiring.drop_imports(ACTOR, now())
    except REFUSALS as error:
        logger.warning("entries are not expired further now: %s", explain(error))


@shared_task(name="entries.compact_history", ignore_result=True)
def compact_history() -> None:
    """Forget old changes by the rule in the settings, piece by piece."""
    rule = settings.HISTORY
    total = 0
    try:
        while this_node_leads() and (looked_at := services.compact_history(ACTOR, **rule)):
            total += looked_at
    except REFUSALS as error:
        logger.warning("history is not compacted further now: %s", explain(error))
    if total:
        logger.info("history: %d changes have come of age", total)
