"""Every exchange of these tests is held against 3GPP's YAML and our own document, and every mark
against the wire.

`@pytest.mark.shows("createPolicyTemplate", 201, 400)` says which statuses of an operation a test
provokes; it fails if it did not, and where anything that went over the wire breaks a document.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.exchanges import Exchanges


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "shows(operation, *statuses): takes the operation to these statuses"
    )


@pytest.fixture
async def start_af(start_af: Any, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """As ever, but watched."""
    exchanges = Exchanges()

    async def start(**settings: Any) -> Any:
        af = await start_af(**settings)
        af.observers.append(exchanges.add)
        return af

    yield start
    marks = request.node.iter_markers("shows")
    shown = [(mark.args[0], str(status)) for mark in marks for status in mark.args[1:]]
    assert exchanges.breaches == []
    assert exchanges.missing(shown) == []
