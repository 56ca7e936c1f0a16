"""The scheduled work on accounts, as a Celery task. Every node collects what its own web processes have noted."""

import logging

import redis
from celery import shared_task

from config_service.accounts.uses import propose_uses
from config_service.refusals import REFUSALS, explain

logger = logging.getLogger(__name__)

ACTOR = "system"


@shared_task(name="accounts.propose_token_uses", ignore_result=True)
def propose_token_uses() -> None:
    try:
        propose_uses(ACTOR)
    except REFUSALS as error:
        logger.info("the use of tokens is told later: %s", explain(error))
    except (redis.RedisError, OSError) as error:
        logger.info("the use of tokens is told later: %s", error)
