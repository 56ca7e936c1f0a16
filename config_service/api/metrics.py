"""``/metrics`` in the text format of Prometheus. To add one, add a line to a table below."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, PROCESS_COLLECTOR, CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config_service.live import hub
from config_service.live.hub import Live
from consensus import services
from consensus.status import MemberStatus, Status

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "config_http_requests", "Requests answered by this web process.", ["method", "status"], registry=REGISTRY
)
REGISTRY.register(PROCESS_COLLECTOR)

ROLES = ("leader", "follower", "candidate", "pre-candidate")
_METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS")


class Told(NamedTuple):
    """A number that ``read`` takes out of what the runtime published, or out of what this process keeps."""

    name: str
    help: str
    read: Callable[..., float | None]
    counts: bool = False


OF_THE_NODE = (
    Told("config_raft_term", "The term.", lambda s: s.term),
    Told("config_raft_commit_index", "What is known to be committed.", lambda s: s.commit_index),
    Told("config_raft_applied_index", "What is applied: the node's revision.", lambda s: s.applied_index),
    Told("config_raft_last_index", "The end of the log.", lambda s: s.last_index),
    Told("config_raft_epoch", "How many lives the node has had.", lambda s: s.epoch),
    Told("config_raft_proposals_waiting", "Proposals that are not answered yet.", lambda s: s.waiting),
    Told("config_node_diverged", "1 where the node's tables differ from a majority's.", lambda s: bool(s.diverged)),
    Told("config_verified_index", "Where its tables were last the same as a majority's.", lambda s: s.verified_index),
    Told("config_disputed_index", "Where tables differ and no majority agrees; 0: none.", lambda s: s.disputed_index),
    Told("config_scheduler_late_seconds", "Since the scheduler last ticked.", lambda s: s.scheduler_late_ms / 1000),
    Told("config_frames_dropped", "Frames to other nodes dropped.", lambda s: s.frames_dropped, counts=True),
    Told(
        "config_leader_heard_seconds",
        "Since the node last heard from a leader.",
        lambda s: None if s.leader_heard_ms is None else s.leader_heard_ms / 1000,
    ),
)
OF_EACH_MEMBER = (
    Told("config_member_applied_index", "What a member has applied.", lambda m: m.applied_index),
    Told("config_member_term", "A member's term.", lambda m: m.term),
    Told(
        "config_member_heard_seconds",
        "Since a member was last heard of.",
        lambda m: None if m.heard_ms is None else m.heard_ms / 1000,
    ),
    Told("config_member_halted", "1 where a member has stopped applying.", lambda m: bool(m.halted)),
    Told("config_member_diverged", "1 where a member says that its tables differ.", lambda m: m.state == "diverged"),
    Told("config_member_active", "1 where a member is neither draining nor drained.", lambda m: m.state == "active"),
)
OF_THIS_PROCESS = (
    Told("config_watchers", "Watches that are open.", lambda live: len(live.watchers)),
    Told("config_replica_revision", "The revision of the entries in memory.", lambda live: live.replica.revision),
    Told("config_replica_entries", "How many entries are in memory.", lambda live: len(live.replica)),
    Told("config_replica_bytes", "How much memory they take.", lambda live: live.replica.bytes),
    Told("config_replica_failing", "1 while Postgres cannot be followed.", lambda live: bool(live.follower.failing)),
    Told("config_replica_loads", "How often all was read anew.", lambda live: live.follower.reloads, counts=True),
)


class NodeCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        read = services.read_status()
        yield GaugeMetricFamily("config_runtime_up", "1 while the node's runtime publishes.", value=read.running)
        if read.status is not None:
            yield from _of_the_node(read.status)
            yield from _of_the_members(read.status)
        if (live := hub.current()) is not None:
            yield from _of_this_process(live)

    def describe(self) -> list[Metric]:
        """Nothing, so that registering does not ask the runtime."""
        return []


REGISTRY.register(NodeCollector())


def _of_the_node(status: Status) -> Iterator[Metric]:
    yield from (family for told in OF_THE_NODE if (family := _family(told, status)) is not None)
    roles = GaugeMetricFamily("config_raft_role", "1 for the node's role.", labels=["role"])
    for role in ROLES:
        roles.add_metric([role], status.role == role)
    yield roles
    refused = CounterMetricFamily("config_frames_refused", "Frames refused, by reason.", labels=["reason"])
    for reason, count in sorted(status.frames_refused.items()):
        refused.add_metric([reason], count)
    yield refused


def _family(told: Told, source: Status | Live) -> Metric | None:
    value = told.read(source)
    kind = CounterMetricFamily if told.counts else GaugeMetricFamily
    return None if value is None else kind(told.name, told.help, value=value)


def _of_the_members(status: Status) -> Iterator[Metric]:
    for told in OF_EACH_MEMBER:
        family = GaugeMetricFamily(told.name, told.help, labels=["member"])
        for member in status.members:
            if (value := told.read(member)) is not None:
                family.add_metric([member.node], value)
        yield family
    yield _lag(status.commit_index, status.members)


def _lag(commit_index: int, members: tuple[MemberStatus, ...]) -> Metric:
    newest = max([commit_index, *(member.commit_index for member in members)])
    family = GaugeMetricFamily("config_member_lag", "Log entries that a member has yet to apply.", labels=["member"])
    for member in members:
        family.add_metric([member.node], max(0, newest - member.applied_index))
    return family


def _of_this_process(live: Live) -> Iterator[Metric]:
    yield from (family for told in OF_THIS_PROCESS if (family := _family(told, live)) is not None)


def count(method: str, status: int) -> None:
    """One request was answered. Methods that nobody knows are counted together."""
    REQUESTS.labels(method if method in _METHODS else "other", str(status)).inc()


def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
