"""docs/delivery.md has every route and every setting."""

import dataclasses
import re

from fivegms_as.config import AsConfig
from fivegms_as.configuration import Configuration
from fivegms_as.delivery import DELIVERY_PATH
from fivegms_as.ingest import INGEST_PATH
from support import PROJECT

PAGE = (PROJECT / "docs" / "delivery.md").read_text(encoding="utf-8")


def documented(route_path):
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route_path)


def test_every_route_is_documented():
    routes = Configuration.routes(Configuration.__new__(Configuration))
    paths = {route.path for route in routes} | {DELIVERY_PATH, INGEST_PATH}
    assert [path for path in sorted(paths) if f"`{documented(path)}`" not in PAGE] == []


def test_every_setting_is_documented():
    names = [field.name for field in dataclasses.fields(AsConfig)]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
