"""The collector of Python's garbage, for processes that live long and make little garbage that it has to find."""

import gc
from functools import cache

# Objects made and not freed yet before it looks; 700 by default, which a batch of writes makes several times over.
YOUNG_MOST = 20_000


@cache
def settle() -> None:
    """To be called when a process has started: what there is now stays, so it need not be looked at ever again. Later
    calls do nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MOST, *gc.get_threshold()[1:])
