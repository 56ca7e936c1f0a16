"""Pictures of every page of the admin, light and dark, wide and narrow: ``python -m tests.screenshots DIR``."""

import sys
import threading
import time
from pathlib import Path

import httpx

from tests.support.browser import launched, sign_in
from tests.support.group import RealGroup
from tests.support.pages import Pages

WIDTHS = (1280, 390)
# So long the group has something to do before the first picture, so that there is something in the plots.
BUSY_S = 45.0


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    group = RealGroup()
    try:
        group.up()
        with Busy(group):
            time.sleep(BUSY_S)
            _take_all(group, folder)
    finally:
        group.close()


def _take_all(group: RealGroup, folder: Path) -> None:
    node = group.follower()
    with launched() as browser:
        for width in WIDTHS:
            size = {"width": width, "height": 800}
            page = sign_in(browser, group, node, viewport=size, reduced_motion="reduce", bypass_csp=True)
            for name, visit in Pages(group, node, page).all().items():
                visit()
                for theme in ("light", "dark"):
                    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
                    page.screenshot(path=folder / f"{name}-{theme}-{width}.png", full_page=True)
                print(f"{name} at {width}", flush=True)


class Busy:
    """Applications that read, write and watch: more and fewer, in waves."""

    def __init__(self, group: RealGroup):
        self._group = group
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(node,)) for node in group.nodes]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, node: str) -> None:
        headers = {"Authorization": f"Bearer {self._group.credentials['token']}"}
        base = f"{self._group.url(node)}/api/v1/"
        with httpx.Client(base_url=base, headers=headers, timeout=10) as http:
            watch = http.stream("GET", "watch", headers={"Accept": "text/event-stream"})
            with watch:
                count = 0
                while not self._stop.is_set():
                    count += 1
                    http.put(f"namespaces/storefront/entries/visits/{node}", json={"value": count})
                    for _ in range(5):
                        http.get("namespaces/storefront/entries/cart/max-items?consistency=stale")
                    self._stop.wait(0.05 + 0.05 * (count // 40 % 4))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
