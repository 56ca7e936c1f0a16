"""Publishes the runtime's status: often enough to look live, rarely enough to cost nothing."""

import logging
import time

import msgspec
from django.db import DatabaseError, connection

from consensus.conf import NodeConfig
from consensus.driver import Driver
from consensus.feed import Feed
from consensus.frames import FrameCodec
from consensus.group_commands import DIVERGED
from consensus.load import KEPT_MS
from consensus.raft.node import Role
from consensus.raft.state import NEVER_MS
from consensus.series import EVERY_MS, point
from consensus.status import JoiningStatus, MemberStatus, Status, encode_status, write_to_database
from consensus.transport import RedisTransport

logger = logging.getLogger(__name__)

TO_REDIS_EVERY_MS = 250
TO_DATABASE_EVERY_MS = 1000


class StatusPublisher:
    def __init__(self, config: NodeConfig, feed: Feed, codec: FrameCodec, transport: RedisTransport):
        self._config = config
        self._feed = feed
        self._codec = codec
        self._transport = transport
        self._to_redis_ms = self._to_database_ms = self._point_ms = -TO_DATABASE_EVERY_MS
        self._shown: tuple[str, str] = ("", "")
        # While it led, a node heard from no leader, and was as fresh as one who does.
        self._in_touch_ms = NEVER_MS
        self._latest: Status | None = None

    def publish(self, driver: Driver, now_ms: int) -> None:
        """Publish if it is time, or if somebody else leads."""
        if driver.node.role is Role.LEADER:
            # It may have lost its majority for so long before it noticed.
            self._in_touch_ms = now_ms - self._config.election_timeout_max_ms
        shown = (str(driver.node.role), driver.node.leader)
        if shown == self._shown and now_ms - self._to_redis_ms < TO_REDIS_EVERY_MS:
            return
        self._shown, self._to_redis_ms = shown, now_ms
        self._latest = status = self._status(driver, now_ms)
        self._feed.publish_status(encode_status(status))
        if now_ms - self._to_database_ms >= TO_DATABASE_EVERY_MS:
            self._to_database_ms = now_ms
            write_to_database(status)
        if now_ms - self._point_ms >= EVERY_MS:
            self._point_ms = now_ms
            self._feed.add_point(point(member.load for member in status.members if member.load is not None))

    def publish_end(self, reason: str) -> None:
        """The last word, as far as it can be said. To Postgres: what is in Redis is forgotten within seconds."""
        if self._latest is None:
            return
        try:
            connection.close()
            write_to_database(msgspec.structs.replace(self._latest, stopped=reason))
        except DatabaseError:
            logger.warning("node %s cannot leave word of why it stopped", self._config.node)

    def latest(self, running: bool) -> dict:
        if self._latest is None:
            return {"node": self._config.node, "running": running}
        return msgspec.to_builtins(self._latest) | {"running": running}

    def _status(self, driver: Driver, now_ms: int) -> Status:
        node = driver.node
        leads = node.role is Role.LEADER
        heard = 0 if leads else now_ms - max(node.heard_ms, self._in_touch_ms)
        return Status(
            group=self._config.group,
            node=self._config.node,
            leader=node.leader,
            term=node.term,
            role=str(node.role),
            epoch=driver.epoch,
            commit_index=node.commit_index,
            applied_index=node.applied_index,
            last_index=node.last_index,
            base_index=node.base_index,
            admitted=driver.admission.admitted,
            outside=driver.admission.outside,
            membership_settled=node.membership_settled,
            diverged=driver.upkeep.verification.diverged,
            verified_index=driver.upkeep.verification.verified_index,
            disputed_index=driver.upkeep.verification.disputed_index,
            group_id=driver.admission.group_id,
            waits_for=driver.admission.waits_for,
            leader_heard_ms=heard if heard < 1 << 40 else None,
            published_at=time.time(),
            waiting=len(driver.forwarding.proposals),
            scheduler_late_ms=driver.scheduler_late_ms(now_ms),
            frames_refused=dict(self._codec.counters),
            frames_dropped=self._transport.dropped(),
            members=tuple(self._member(driver, member, now_ms) for member in self._members(driver)),
            joining=tuple(
                JoiningStatus(name, one.identity.address, one.web_url, now_ms - one.heard_ms)
                for name, one in sorted(driver.admission.joining.items())
            ),
        )

    def _members(self, driver: Driver) -> list[str]:
        """Before there is a group, the nodes that the settings name."""
        return sorted(driver.node.membership.everybody or self._config.members)

    def _member(self, driver: Driver, member: str, now_ms: int) -> MemberStatus:
        state, _ = driver.applier.node_state(member)
        own = member == self._config.node
        report = driver.own_report(now_ms) if own else driver.reports.get(member)
        if report is not None and report.diverged:
            state = DIVERGED
        heard = driver.heard_ms.get(member)
        heard_ms = 0 if own else None if heard is None else now_ms - heard
        voter = driver.node.membership.is_voter(member)
        image = driver.upkeep.snapshots_out.progress().get(member)
        if report is None:
            return MemberStatus(member, "unknown", 0, 0, 0, heard_ms, state, "", "", voter, image)
        # Roles in reports are up to a second old; who leads this term is known at first hand.
        role = "leader" if member == driver.node.leader else report.role
        if role == "leader" and member != driver.node.leader:
            role = "follower"
        return MemberStatus(
            member,
            role,
            report.term,
            report.commit_index,
            max(report.applied_index, 0),
            heard_ms,
            state,
            report.web_url,
            report.halted,
            voter,
            image,
            report.leading_ms if role == "leader" else 0,
            # What was told long ago says nothing of now.
            report.load if heard_ms < KEPT_MS else None,
        )
