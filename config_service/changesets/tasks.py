"""The scheduled work on change sets, as a Celery task. Only the leader proposes; a doubled run publishes once."""

import logging

from celery import shared_task
from django.conf import settings

from config_service.changesets import due, retention
from config_service.entries.tasks import ACTOR, now, this_node_leads
from config_service.refusals import REFUSALS, explain

logger = logging.getLogger(__name__)


@shared_task(name="changesets.publish_due", ignore_result=True)
def publish_due() -> None:
    """Publish the change sets whose time has come, or reject them with the reason."""
    try:
        while this_node_leads() and due.publish_due(ACTOR, now()):
            pass
    except REFUSALS as error:
        logger.warning("change sets are not published further now: %s", explain(error))


@shared_task(name="changesets.trim", ignore_result=True)
def trim() -> None:
    """Forget closed change sets by the rule in the settings, piece by piece."""
    rule = settings.CHANGE_SETS
    total = 0
    try:
        while this_node_leads() and (gone := retention.trim_closed(ACTOR, **rule)):
            total += gone
    except REFUSALS as error:
        logger.warning("closed change sets are not forgotten further now: %s", explain(error))
    if total:
        logger.info("%d closed change sets are forgotten", total)
