"""``python -m tests.screenshots FOLDER [PAGE ...]``: every page of the admin of a real group, light and dark, wide and
narrow, to be looked at. ``--docs`` makes those that the documentation shows (docs/images) instead."""

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import Browser

from tests.support.browser import launched, sign_in
from tests.support.group import RealGroup
from tests.support.pages import Pages

Themes = Callable[[str], Sequence[str]]

SIZES = {"wide": (1280, 800), "narrow": (390, 800)}
THEMES = ("light", "dark")
SHOWN = {
    "home": ("light",),
    "entry-conflict": ("light",),
    "change-set": ("dark",),
    "drain": ("light",),
    "switch": ("dark",),
}
"""What the documentation shows, and in which themes."""


def traffic(group: RealGroup, seconds: float) -> None:
    """Something for the plots to show."""
    until = time.monotonic() + seconds
    for turn in itertools.count():
        if time.monotonic() > until:
            return
        node = group.nodes[turn % len(group.nodes)]
        group.put(node, f"traffic/{turn % 20}", turn)
        for _ in range(5):
            group.get(node, "traffic/0")


def shoot(browser: Browser, group: RealGroup, size: str, themes_of: Themes, folder: Path, whole: bool = True) -> None:
    width, height = SIZES[size]
    viewport = {"width": width, "height": height}
    page = sign_in(browser, group, group.follower(), viewport=viewport, reduced_motion="reduce")
    for name, visit in Pages(group, group.follower(), page).all().items():
        themes = themes_of(name)
        if themes:
            visit()
        for theme in themes:
            page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            page.screenshot(path=folder / f"{name}-{size}-{theme}.png", full_page=whole)
            print(f"{name}-{size}-{theme}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pages", nargs="*")
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    group = RealGroup()
    try:
        group.up()
        with launched() as browser:
            if options.docs:
                traffic(group, 90)
                shoot(
                    browser, group, "wide", lambda name: [SHOWN[name]] if name in SHOWN else [], options.folder, False
                )
                return
            chosen = options.pages
            for size in SIZES:
                shoot(browser, group, size, lambda name: THEMES if name in chosen or not chosen else [], options.folder)
    finally:
        group.close()


if __name__ == "__main__":
    main()
