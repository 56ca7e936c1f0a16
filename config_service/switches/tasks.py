"""The scheduled work on switches, as a Celery task. Only the leader proposes; a doubled run changes nothing."""

import logging

from celery import shared_task

from config_service.refusals import REFUSALS, explain
from config_service.switches.board import get_board
from config_service.switches.recording import Recorder
from consensus import services as consensus_services

logger = logging.getLogger(__name__)
_recorder = Recorder()


@shared_task(name="switches.record", ignore_result=True)
def record() -> None:
    """Tell the audit trail who flipped what."""
    view = consensus_services.group_view()
    if not view.running or view.leader != view.node:
        return
    try:
        board = get_board()
        _recorder.record(board.states().values(), board.life)
    except REFUSALS as error:
        logger.warning("switches are not recorded further now: %s", explain(error))
