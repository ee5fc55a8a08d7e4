"""Debian's chromium, driven through a page of ours; whatever it complains of fails the test."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import ConsoleMessage, Page, async_playwright, expect

CHROMIUM = "chromium"
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 60_000  # a busy machine is slow, which is no finding
WIDE = (1280, 900)
NARROW = (400, 850)


class Complaints(list[str]):
    """What the browser finds wrong, but for answers of the statuses that a test `expected`."""

    def __init__(self) -> None:
        self.expected: set[int] = set()

    def hear(self, message: ConsoleMessage) -> None:
        """Keep warnings and errors; chromium logs every answer of 400 and above as one."""
        if message.type not in ("error", "warning"):
            return
        if not any(f"status of {status} " in message.text for status in self.expected):
            self.append(message.text)


@asynccontextmanager
async def page_of(url: str, size: tuple[int, int] = WIDE) -> AsyncIterator[tuple[Page, Complaints]]:
    """A page at `url`; the test fails in the end where there were complaints."""
    executable = shutil.which(CHROMIUM)
    if executable is None:
        pytest.skip(f"needs Debian's package {CHROMIUM}")
    complaints = Complaints()
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=OPTIONS)
        try:
            width, height = size
            page = await browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(PATIENCE_MS)
            page.on("console", complaints.hear)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(url)
            yield page, complaints
        finally:
            await browser.close()
    assert complaints == [], complaints
