"""A snapshot becomes the state of a new group (docs/operations.md).

It is taken by a group of one voter alone, which decides by itself what its log is: so replacing log and tables in one
durable step is as sound as any of its writes, and no other node can hold anything that contradicts it. Those that are
added then get the tables by the ordinary way, an image.

The log begins anew above every index that anybody may have seen, since clients take revisions for granted to grow.
"""

import logging

from consensus.errors import UnknownVersion
from consensus.ports import Images, ReceivedImage, Storage
from consensus.raft.messages import Snapshot
from consensus.raft.node import RaftNode, Role
from consensus.requests import Answer, RestoreRequest

logger = logging.getLogger(__name__)

# Revisions have to stay below 2**48 for as long as the group lives.
MOST_INDEX = 1 << 47


class Restorer:
    """``done``: the tables are others now, and this life of the node has to end."""

    def __init__(self, name: str, node: RaftNode, storage: Storage, images: Images):
        self._name = name
        self._node = node
        self._storage = storage
        self._images = images
        self._image: ReceivedImage | None = None
        self._digest = b""
        self.done = False

    def take(self, request: RestoreRequest) -> Answer:
        """The next piece. The answer's index is 0 until all is done; its result is the next byte wanted, as text."""
        refused = self._why_not(request)
        if refused:
            return Answer(request.token, "refused", result=refused.encode())
        if self._image is None or self._digest != request.digest or request.offset == 0:
            self.close()
            self._image, self._digest = self._images.receive(), request.digest
        image = self._image
        if request.offset == image.size and request.offset + len(request.data) <= request.size:
            image.append(request.data)
        if image.size < request.size:
            return Answer(request.token, "ok", result=str(image.size).encode())
        return self._finish(request, image)

    def _why_not(self, request: RestoreRequest) -> str:
        node = self._node
        others = sorted(node.membership.everybody - {self._name})
        if others:
            return (
                f"this group has other nodes ({', '.join(others)}): a snapshot is restored into a new group of one "
                "node, and the others are added to it then"
            )
        if node.role is not Role.LEADER or not node.membership_settled:
            return "this node does not lead its group (yet)"
        if not max(request.index, node.last_index) <= request.above < MOST_INDEX:
            return f"the log has to begin above {max(request.index, node.last_index)} and below {MOST_INDEX}"
        return ""

    def _finish(self, request: RestoreRequest, image: ReceivedImage) -> Answer:
        try:
            if image.digest() != request.digest:
                return Answer(request.token, "refused", result=b"the image was damaged on its way: start over")
            snapshot = Snapshot(request.above + 1, self._node.term, self._node.membership)
            self._storage.restore(snapshot, image, request.index)
        except UnknownVersion as error:
            return Answer(request.token, "refused", result=str(error).encode())
        finally:
            self.close()
        self.done = True
        logger.warning(
            "%s: restored a snapshot of %d; the log goes on at %d", self._name, request.index, snapshot.index
        )
        return Answer(request.token, "ok", snapshot.index, str(request.size).encode())

    def close(self) -> None:
        if self._image is not None:
            self._image.close()
            self._image = None
