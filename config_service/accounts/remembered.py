"""Tokens with their users as this process last read them, for as long as nothing about accounts has changed here.

What a user may do is remembered along with it, by Django, on the user itself. The revision of the accounts is read with
every request and comes with the same transaction as every change, so that a change holds from the next request on.
"""

from config_service.accounts import selectors
from config_service.accounts.models import ApiToken

MOST_REMEMBERED = 10_000


class RememberedTokens:
    """Thread-safe. What is kept is only read: nobody saves a user or a token but the state machine."""

    def __init__(self) -> None:
        self._known: tuple[int, dict[str, ApiToken]] = (-1, {})

    def find(self, plain: str) -> ApiToken | None:
        """As `selectors.find_token`."""
        revision = selectors.accounts_revision()
        known = self._known
        if known[0] != revision:
            known = self._known = (revision, {})
        # What is read from here on is at least as new as the revision it is filed under; never the other way round.
        tokens = known[1]
        token = tokens.get(plain)
        if token is None:
            token = selectors.find_token(plain)
            if token is not None and len(tokens) < MOST_REMEMBERED:
                tokens[plain] = token
        return token

    def forget(self) -> None:
        self._known = (-1, {})


remembered_tokens = RememberedTokens()
