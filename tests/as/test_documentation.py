"""docs/delivery.md has every route and every setting."""

import dataclasses
import re

import pytest

from fivegms_api.content_hosting import DistributionConfiguration, UrlSignature
from fivegms_api.url_signature import sign
from fivegms_as.__main__ import parse_arguments
from fivegms_as.certificate_configuration import CertificateConfiguration
from fivegms_as.config import AsConfig
from fivegms_as.configuration import Configuration
from fivegms_as.delivery import Delivery
from fivegms_as.ingest import Ingest
from support import PROJECT

PAGE = (PROJECT / "docs" / "delivery.md").read_text(encoding="utf-8")


def documented(route_path):
    return re.sub(r"\{(\w+):(?:[^{}]|\{[^}]*\})*\}", r"{\1}", route_path)


def test_every_route_is_documented():
    tables = (Configuration, CertificateConfiguration, Delivery, Ingest)
    paths = {route.path for table in tables for route in table.routes(table.__new__(table))}
    assert [path for path in sorted(paths) if f"`{documented(path)}`" not in PAGE] == []


def test_every_setting_is_documented():
    names = [field.name for field in dataclasses.fields(AsConfig)]
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_every_option_is_documented(capsys):
    with pytest.raises(SystemExit):
        parse_arguments(["--help"])
    options = set(re.findall(r"--[a-z0-9-]+", capsys.readouterr().out)) - {"--help"}
    assert [option for option in sorted(options) if f"`{option}`" not in PAGE] == []


def test_every_member_of_a_distribution_is_documented():
    section = PAGE.partition("## The members of a distribution")[2]
    members = [field.alias for field in DistributionConfiguration.model_fields.values()]
    assert [member for member in members if f"`{member}`" not in section] == []


def test_the_worked_example_of_a_signed_url_holds():
    url, text, signed = re.findall(r"^    (\S*/m4d/.*)$", PAGE, re.MULTILINE)
    signature = UrlSignature(
        url_pattern="",
        token_name="token",
        passphrase_name="secret",
        passphrase="horse battery",
        token_expiry_name="expires",
        use_ip_address=False,
    )
    assert sign(url, signature, 1_793_534_400) == signed
    assert text == url.removeprefix("https://as.example") + (
        "?expires=1793534400&secret=horse battery"
    )
