"""A snapshot of the group over HTTP, and a new group from one, piece by piece."""

from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import require
from config_service.api.base import MAX_REVISION, READ_PARAMETERS, ApiView
from config_service.api.bodies import read_number, read_query
from config_service.backups import take_backup
from config_service.errors import Invalid, TooLarge
from consensus import backups
from consensus.conf import get_config

MAX_PIECE_BYTES = 4 << 20
MAX_SIZE = 1 << 50
_DIGEST_DIGITS = 64


class SnapshotView(ApiView):
    def get(self, request: Request) -> HttpResponse:
        """All replicated tables and all switches as one file, for ``manage.py group restore``. It holds the hashes of
        passwords and tokens; the values of secrets stay encrypted. It is put on record first; a stale one is handed out
        without that where there is no majority."""
        require(request, "operate")
        least = self.prepare_read(read_query(request, *READ_PARAMETERS))
        made = take_backup(request.user.get_username(), least=least, without_majority=self.consistency == "stale")
        self.revision = made.header.index
        response = StreamingHttpResponse(made.blocks(), content_type="application/octet-stream")
        response["Content-Length"] = str(made.size)
        response["Content-Disposition"] = f'attachment; filename="{made.header.group}-{made.header.index}.snapshot"'
        response["Cache-Control"] = "no-store"
        return response


class RestoreView(ApiView):
    def post(self, request: Request) -> Response:
        """The next piece of a snapshot's image, as it is in the file, into a new group of one node. When the last one
        has come, everything in the group is replaced: users and tokens, too. ``confirm`` is the group's id."""
        require(request, "operate")
        query = read_query(request, "confirm", "index", "above", "size", "digest", "offset")
        if query.get("confirm") != get_config().group:
            raise Invalid.field("confirm", f"must be the id of the group that is replaced: {get_config().group}")
        numbers = {
            name: read_number(query, name, 0, 0, most)
            for name, most in (
                ("index", MAX_REVISION),
                ("above", MAX_REVISION),
                ("size", MAX_SIZE),
                ("offset", MAX_SIZE),
            )
        }
        data = request.stream.read(MAX_PIECE_BYTES + 1) if request.stream is not None else b""
        if len(data) > MAX_PIECE_BYTES:
            raise TooLarge(f"a piece has at most {MAX_PIECE_BYTES} bytes")
        if not data:
            raise Invalid("the body must be a piece of a snapshot")
        offset, index = backups.restore_piece(
            numbers["index"], numbers["above"], numbers["size"], _digest(query), numbers["offset"], data
        )
        return Response({"offset": offset, "revision": index or None})


def _digest(query: dict[str, str]) -> bytes:
    text = query.get("digest", "")
    try:
        return bytes.fromhex(text if len(text) == _DIGEST_DIGITS else "-")
    except ValueError:
        raise Invalid.field("digest", f"{_DIGEST_DIGITS} hexadecimal digits") from None
