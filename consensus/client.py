"""Talk to this node's runtime from any of the node's processes (web, command line, benchmark).

Requests go to the runtime's list in the node's own Redis, answers come back on a list of this process. Whatever is
submitted while another thread is sending travels with the next push, so that callers who wait together travel
together. All waiting ends: at the deadline the runtime answers, and shortly after it this side stops waiting.
"""

import contextlib
import itertools
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

import redis

from consensus import keys
from consensus.conf import NodeConfig, get_config
from consensus.errors import ConsensusError, DeadlineExceeded, NoLeader, NoMajority, OutcomeUnknown, from_status
from consensus.fingerprints import fingerprint as fingerprint_of
from consensus.load import Load, Meter
from consensus.raft.messages import EntryKind
from consensus.redis_io import REPLY_TIMEOUT_S, Link
from consensus.request_sender import RequestSender
from consensus.requests import (
    Answer,
    ChangeRequest,
    LoadNote,
    ProposeRequest,
    ReadRequest,
    RebuildRequest,
    RegisterNames,
    RegisterNamesRequest,
    RegisterNews,
    RegisterNewsRequest,
    RegisterOutcome,
    RegisterRequest,
    Request,
    RestoreRequest,
    TransferRequest,
    WaitRequest,
    answers_decoder,
    register_names_decoder,
    register_news_decoder,
    register_outcome_decoder,
)
from consensus.wire import PROPOSAL_VERSION, ChangeNote, Proposal, encode

BLOCK_S = 1
GRACE_S = 0.5
# Of one request; another one, sent before it for the same, may have been taken.
REFUSALS = frozenset(("no_leader", "no_majority", "overloaded", "diverged", "refused"))
SILENT_RUNTIME = "this node's runtime does not answer"


@dataclass(frozen=True, slots=True)
class Applied:
    """A proposal that is applied on this node. ``index`` is its revision, ``result`` what the state machine said."""

    index: int
    result: bytes


@dataclass(slots=True)
class _Call:
    future: Future
    # What its caller hears where no answer comes.
    late: ConsensusError
    request_id: str
    began_s: float
    until_s: float
    # Sent more than once: a refusal is of one of them only.
    again: bool = False


class Client:
    """Thread-safe. One a process: `get_client`."""

    def __init__(self, config: NodeConfig):
        self._config = config
        self._answers_key = keys.answers(config.group, config.node, f"{os.getpid()}-{uuid.uuid4().hex[:12]}")
        self._tokens = itertools.count(1)
        self._calls: dict[int, _Call] = {}
        self._outgoing: deque[Request] = deque()
        self._sending = threading.Lock()
        # The greatest index that this node is known, in this process, to have applied.
        self.applied_index = 0
        self._noting = threading.Lock()
        self.meter = Meter()
        self._sender = RequestSender(config, self)
        self._receiver = threading.Thread(target=self._receive_forever, name="consensus-answers", daemon=True)
        self._receiver.start()

    # --- what callers use ------------------------------------------------------------------------------------------
    def submit(
        self,
        payload: bytes,
        request_id: str,
        deadline_s: float | None = None,
        fingerprint: bytes = b"",
        kind: EntryKind = EntryKind.COMMAND,
    ) -> "Future[Applied]":
        """Propose without waiting. The future ends as `propose` does.

        ``fingerprint`` tells a retry of ``request_id`` from its reuse for something else; by default it is taken of
        the payload.
        """
        proposal = Proposal(PROPOSAL_VERSION, request_id, fingerprint or fingerprint_of(payload), payload)
        deadline_s, token = self._deadline(deadline_s), next(self._tokens)
        request = ProposeRequest(
            self._answers_key, token, int(deadline_s * 1000), request_id, int(kind), encode(proposal)
        )
        return self._submit(request, deadline_s, OutcomeUnknown(request_id), request_id)

    def propose(
        self,
        payload: bytes,
        request_id: str,
        deadline_s: float | None = None,
        fingerprint: bytes = b"",
        kind: EntryKind = EntryKind.COMMAND,
    ) -> Applied:
        """Propose a command and wait until it is applied on this node.

        Raises `NoLeader`, `Overloaded`, `Diverged`, `RequestConflict` (nothing changed) or `OutcomeUnknown`.
        """
        future = self.submit(payload, request_id, deadline_s, fingerprint, kind)
        return self._wait(future, deadline_s, OutcomeUnknown(request_id))

    def read_index(self, deadline_s: float | None = None) -> int:
        """Wait until this node has applied all that was committed when this was called (Raft thesis 6.4).

        What is read from this node's database afterwards is linearizable where the database has lost nothing since:
        `reads.catch_up` makes sure of that. Raises `NoLeader`, `Diverged`,
        `DeadlineExceeded`.
        """
        return self._wait(self.submit_read(deadline_s), deadline_s, NoLeader(SILENT_RUNTIME)).index

    def submit_read(self, deadline_s: float | None = None) -> "Future[Applied]":
        """Begin a `read_index` without waiting for its end."""
        seconds = self._deadline(deadline_s)
        request = ReadRequest(self._answers_key, next(self._tokens), int(seconds * 1000))
        return self._submit(request, seconds, NoLeader(SILENT_RUNTIME))

    def note_applied(self, index: int) -> None:
        """Somebody was told what this node's tables hold at ``index``."""
        if index > self.applied_index:
            with self._noting:
                self.applied_index = max(self.applied_index, index)

    def wait_applied(self, index: int, deadline_s: float | None = None) -> int:
        """Wait until this node's runtime has applied ``index``; see `reads.reach`. Raises `DeadlineExceeded`."""
        seconds = self._deadline(deadline_s)
        request = WaitRequest(self._answers_key, next(self._tokens), int(seconds * 1000), index)
        late = DeadlineExceeded(f"this node has not applied revision {index} in time")
        try:
            return self._ask(request, seconds, late).index
        except DeadlineExceeded:
            raise late from None

    def transfer_leadership(self, to: str = "", deadline_s: float | None = None) -> str:
        """Ask the leader to hand over to ``to`` ("": its choice); returns the new leader. `DeadlineExceeded`."""
        seconds = self._deadline(deadline_s)
        request = TransferRequest(self._answers_key, next(self._tokens), int(seconds * 1000), to)
        late = DeadlineExceeded("leadership has not moved in time")
        try:
            return self._ask(request, seconds, late).result.decode()
        except DeadlineExceeded:
            raise late from None

    def change_membership(self, note: ChangeNote, deadline_s: float | None = None) -> int:
        """Ask the leader for a change; returns the index of its first step, 0 if it is so already.

        Raises `Refused`, `NoLeader`, or `DeadlineExceeded` when it is not known whether it has begun.
        """
        seconds = self._deadline(deadline_s)
        request = ChangeRequest(self._answers_key, next(self._tokens), int(seconds * 1000), note)
        late = DeadlineExceeded("it is not known whether the change of the membership has begun")
        return self._ask(request, seconds, late).index

    def rebuild(self, deadline_s: float | None = None) -> None:
        """Have this node's tables replaced by an image of the leader's. Returns when that has begun.

        Raises `DeadlineExceeded` when it is not known whether it has.
        """
        seconds = self._deadline(deadline_s)
        request = RebuildRequest(self._answers_key, next(self._tokens), int(seconds * 1000))
        self._ask(request, seconds, DeadlineExceeded("it is not known whether the rebuilding has begun"))

    def tell_load(self, load: Load) -> None:
        """Tell the runtime what this process has to do."""
        self._outgoing.append(LoadNote(self._answers_key, 0, 0, load))
        self._flush()

    def restore(
        self, index: int, above: int, size: int, digest: bytes, offset: int, data: bytes, deadline_s: float
    ) -> tuple[int, int]:
        """Hand the runtime a piece of a snapshot (restore.py); returns (next byte wanted, index of the log's new
        beginning, 0 until all is done). Raises `Refused`, `NoLeader` or `DeadlineExceeded`."""
        request = RestoreRequest(
            self._answers_key, next(self._tokens), int(deadline_s * 1000), index, above, size, digest, offset, data
        )
        late = DeadlineExceeded("it is not known whether the snapshot was restored: look at the group")
        done = self._ask(request, deadline_s, late)
        return int(done.result), done.index

    # --- registers, which need no leader -----------------------------------------------------------------------------
    def change_register(
        self, name: str, command: bytes, request_id: str, fingerprint: bytes, deadline_s: float | None = None
    ) -> RegisterOutcome:
        """Change a register and wait until that is chosen. The outcome may be a conflict, or that it is too large.

        Raises `NoLeader`, `NoMajority`, `Overloaded`, `Refused`, `RequestConflict` (nothing changed) or
        `OutcomeUnknown`: then ask again with the same ``request_id``.
        """
        seconds = self._deadline(deadline_s)
        request = RegisterRequest(
            self._answers_key, next(self._tokens), int(seconds * 1000), name, request_id, fingerprint, command
        )
        answer = self._ask(request, seconds, OutcomeUnknown(request_id), request_id)
        return register_outcome_decoder.decode(answer.result)

    def read_register(self, name: str, deadline_s: float | None = None) -> RegisterOutcome:
        """Read a register linearizably. Raises `NoLeader`, `NoMajority`, `Overloaded`, `Refused`."""
        return self.read_registers([name], deadline_s)[0]

    def read_registers(self, names: Sequence[str], deadline_s: float | None = None) -> list[RegisterOutcome]:
        """Each of them linearizably, all at once."""
        seconds = self._deadline(deadline_s)
        futures = [
            self._submit(
                RegisterRequest(self._answers_key, next(self._tokens), int(seconds * 1000), name, "", b"", b""),
                seconds,
                NoMajority(),
            )
            for name in names
        ]
        answers = [self._wait(future, deadline_s, NoMajority()) for future in futures]
        return [register_outcome_decoder.decode(answer.result) for answer in answers]

    def register_names(self, after: str = "", deadline_s: float | None = None) -> RegisterNames:
        """A page of all registers' names after ``after``, deleted ones among them. Raises as `read_register`."""
        seconds = self._deadline(deadline_s)
        request = RegisterNamesRequest(self._answers_key, next(self._tokens), int(seconds * 1000), after)
        answer = self._ask(request, seconds, NoMajority())
        return register_names_decoder.decode(answer.result)

    def register_news(self, life: int, position: int, wait_s: float) -> RegisterNews:
        """What this node has learned after ``position`` of its ``life`` (0, 0: all); waits for it. `NoLeader`."""
        request = RegisterNewsRequest(self._answers_key, next(self._tokens), int(wait_s * 1000), life, position)
        answer = self._ask(request, wait_s, NoLeader(SILENT_RUNTIME))
        return register_news_decoder.decode(answer.result)

    # --- sending ---------------------------------------------------------------------------------------------------
    def _deadline(self, deadline_s: float | None) -> float:
        return self._config.deadline_s if deadline_s is None else deadline_s

    def _ask(self, request: Request, deadline_s: float, late: ConsensusError, request_id: str = "") -> Applied:
        return self._wait(self._submit(request, deadline_s, late, request_id), deadline_s, late)

    def _submit(self, request: Request, deadline_s: float, late: ConsensusError, request_id: str = "") -> Future:
        """``late`` is what the future ends with where no answer comes."""
        future: Future = Future()
        now_s = time.monotonic()
        self._calls[request.token] = _Call(future, late, request_id, now_s, now_s + deadline_s + GRACE_S)
        self._outgoing.append(request)
        self._flush()
        return future

    def _flush(self) -> None:
        """Whoever holds the lock sends for all; what is appended after its last look is seen by its next one."""
        while self._outgoing and self._sending.acquire(blocking=False):
            try:
                self._send_waiting()
            finally:
                self._sending.release()

    def _send_waiting(self) -> None:
        batch: list[Request] = []
        with contextlib.suppress(IndexError):
            while len(batch) < 256:
                batch.append(self._outgoing.popleft())
        if batch:
            self._sender.send(batch)

    def _look_after_sending(self, late: bool = False) -> None:
        """Take what Redis said to what was sent; ``late``: an answer is late, which may be because Redis hangs."""
        if self._sending.acquire(blocking=False):
            try:
                if late:
                    self._sender.give_up_if_late()
                else:
                    self._sender.confirm()
            finally:
                self._sending.release()
        self._flush()

    # --- for the sender --------------------------------------------------------------------------------------------
    def exclusively(self, work: Callable[[], None]) -> None:
        with self._sending:
            work()
        self._flush()

    def still_wanted(self, requests: list[Request]) -> list[Request]:
        wanted = []
        for request in requests:
            call = self._calls.get(request.token)
            if call is not None:
                call.again = True
                wanted.append(request)
        return wanted

    def fail(self, requests: list[Request], reason: str, certain: bool) -> None:
        for request in requests:
            call = self._calls.pop(request.token, None)
            if call is not None:
                nothing_done = certain or isinstance(call.late, NoLeader)
                call.future.set_exception(NoLeader(reason) if nothing_done else call.late)

    # --- receiving -------------------------------------------------------------------------------------------------
    def _wait(self, future: Future, deadline_s: float | None, late: ConsensusError) -> Applied:
        seconds = self._deadline(deadline_s) + GRACE_S
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            with contextlib.suppress(FutureTimeoutError):
                return future.result(min(left_s, REPLY_TIMEOUT_S))
            self._look_after_sending(late=True)
        raise late

    def _receive_forever(self) -> None:
        receiver: Link | None = None
        swept_s = time.monotonic()
        while True:
            try:
                if receiver is None:
                    receiver = Link(self._config.redis_url, timeout_s=BLOCK_S + 1)
                    key = self._answers_key
                    take = receiver.pack(("BLPOP", key, BLOCK_S), ("LPOP", key, 256))
                first, rest = receiver.run_packed(take, 2)
                self._settle_all(([first[1]] if first else []) + (rest or []))
            except (redis.RedisError, OSError):
                if receiver is not None:
                    receiver.close()
                receiver = None
                threading.Event().wait(0.05)
            if time.monotonic() - swept_s > BLOCK_S:
                swept_s = time.monotonic()
                self._sweep(swept_s)
                self._look_after_sending(late=True)

    def _sweep(self, now_s: float) -> None:
        """End the calls whose answer will not come: the runtime died, or its answer was lost."""
        for token, call in list(self._calls.items()):
            if call.until_s < now_s and self._calls.pop(token, None) is not None:
                call.future.set_exception(call.late)

    def _settle_all(self, frames: list[bytes]) -> None:
        """Settle what came together; what the callers submit on hearing of it (by callbacks) leaves together."""
        held = self._sending.acquire(blocking=False)
        try:
            for raw in frames:
                for answer in answers_decoder.decode(raw):
                    self._settle(answer)
        finally:
            if held:
                self._sending.release()
        self._flush()

    def _settle(self, answer: Answer) -> None:
        call = self._calls.pop(answer.token, None)
        if call is None:
            return
        if answer.status == "ok":
            self.note_applied(answer.index)
            if call.request_id:
                self.meter.wrote(time.monotonic() - call.began_s)
            call.future.set_result(Applied(answer.index, answer.result))
        elif call.again and answer.status in REFUSALS and isinstance(call.late, OutcomeUnknown):
            call.future.set_exception(call.late)
        else:
            call.future.set_exception(from_status(answer.status, answer.result, call.request_id))


def new_request_id() -> str:
    """A request id that nobody else uses."""
    return uuid.uuid4().hex


_clients: dict[int, Client] = {}
_clients_lock = threading.Lock()


def get_client() -> Client:
    """This process's client; a forked child gets one of its own."""
    pid = os.getpid()
    with _clients_lock:
        if pid not in _clients:
            _clients.clear()
            _clients[pid] = Client(get_config())
        return _clients[pid]
