"""The scheduled work on change sets, as a Celery task. Only the leader proposes; a doubled run publishes once."""

import logging

from celery import shared_task

from config_service.changesets import due
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
