"""Registers of a group of one, in this process: the Paxos node itself, without a runtime around it."""

import random
import threading
from itertools import count

from config_service.switches.function import change
from consensus.errors import NoMajority, OutcomeUnknown, RequestConflict
from consensus.paxos.messages import HardState
from consensus.paxos.node import Outcome, PaxosConfig, PaxosNode
from consensus.paxos.quorum import Membership
from consensus.paxos.register import Change
from consensus.paxos.work import Kind
from consensus.registers import MAX_VALUE_BYTES
from consensus.requests import RegisterNames, RegisterNews, RegisterOutcome, RegisterState


class LocalRegisters:
    """What `consensus.client.Client` offers about registers. While ``lost``, there is no majority."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self.lost = False
        self.forget_registers()

    def forget_registers(self) -> None:
        """Begin anew."""
        config = PaxosConfig("n1", max_value_bytes=MAX_VALUE_BYTES)
        self._node = PaxosNode(config, Membership(1, ("n1",)), HardState(), {}, random.randint, 0)
        self._contexts = count(1)
        self._states: dict[str, RegisterState] = {}
        self._position = 0

    def change_register(
        self, name: str, command: bytes, request_id: str, fingerprint: bytes, deadline_s: float | None = None
    ) -> RegisterOutcome:
        function = lambda register: change(register, command)  # noqa: E731
        asked = Change(request_id, function, fingerprint)
        return _told(self._run(lambda context: self._node.change(context, name, asked, 0)), request_id)

    def read_registers(self, names, deadline_s: float | None = None) -> list[RegisterOutcome]:
        return [self.read_register(name) for name in names]

    def read_register(self, name: str, deadline_s: float | None = None) -> RegisterOutcome:
        return _told(self._run(lambda context: self._node.read(context, name, 0)), "")

    def register_names(self, after: str = "", deadline_s: float | None = None) -> RegisterNames:
        outcome = self._run(lambda context: self._node.list_registers(context, after, 0))
        return RegisterNames(outcome.names, outcome.more)

    def register_news(self, life: int, position: int, wait_s: float) -> RegisterNews:
        with self._news:
            self._news.wait_for(lambda: life != id(self) or self._position > position, wait_s)
            return RegisterNews(id(self), self._position, True, False, tuple(self._states.values()))

    def _run(self, ask) -> Outcome:
        if self.lost:
            raise NoMajority
        context = next(self._contexts)
        ask(context)
        while ready := self._node.ready():
            self._node.saved(ready)
            with self._news:
                for name, stored in ready.learned:
                    self._states[name] = RegisterState(name, stored.version, stored.value)
                    self._position += 1
                self._news.notify_all()
            for number, outcome in ready.results:
                if number == context:
                    return outcome
        raise AssertionError("no outcome")


def _told(outcome: Outcome, request_id: str) -> RegisterOutcome:
    match outcome.kind:
        case Kind.REUSED:
            raise RequestConflict(request_id)
        case Kind.UNKNOWN:
            raise OutcomeUnknown(request_id)
    return RegisterOutcome(str(outcome.kind), outcome.version, outcome.value)
