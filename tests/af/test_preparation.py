import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fivegms_af.errors import (
    BodyMalformed,
    MediaTypeUnsupported,
    MembersRefused,
    TemplateInUse,
    TemplateUnknown,
)
from fivegms_af.preparation import (
    accept_template,
    check_place,
    check_removal,
    read_for_patch,
)
from fivegms_af.provisioned import Hosting, Session, Template
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import (
    ContentHostingConfiguration,
    DistributionConfiguration,
    IngestConfiguration,
)
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TEMPLATE = Template("t1", MODEL_PREPARATION_MEDIA_TYPE, "0" * 64, "model.mpd", NOW)
HOSTING = ContentHostingConfiguration(
    name="n",
    ingest_configuration=IngestConfiguration(pull=False),
    distribution_configurations=(DistributionConfiguration(content_preparation_template_id="t1"),),
)
SESSION = Session("s1", ProvisioningSessionType.DOWNLINK, "a", None, NOW, 1, None, (TEMPLATE,))
IN_USE = replace(SESSION, hosting=Hosting(HOSTING, NOW))
PREPARATION = {"model": {"name": "m", "task": "t"}, "source": "m.onnx", "manifest": "a/m.mpd"}


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def test_any_media_type_is_taken_as_it_is() -> None:
    template = accept_template("t", "text/x-odd; charset=latin-1", b"\xff\0", NOW)
    assert template.content_type == "text/x-odd; charset=latin-1"
    assert template.sha256 == hashlib.sha256(b"\xff\0").hexdigest()
    assert template.manifest is None


@pytest.mark.parametrize("parameters", ["", "; charset=utf-8", " ;x=y"])
def test_a_model_preparation_is_understood(parameters: str) -> None:
    content_type = MODEL_PREPARATION_MEDIA_TYPE.upper() + parameters
    assert accept_template("t", content_type, encoded(PREPARATION), NOW).manifest == "a/m.mpd"


@pytest.mark.parametrize("content_type", [None, "", "json", "a/b/c", "a/b\u2028", "a/" + "b" * 300])
def test_a_template_needs_a_media_type(content_type: str | None) -> None:
    with pytest.raises(MediaTypeUnsupported):
        accept_template("t", content_type, b"x", NOW)


def test_a_model_preparation_that_is_none_is_refused() -> None:
    with pytest.raises(BodyMalformed):
        accept_template("t", MODEL_PREPARATION_MEDIA_TYPE, b"", NOW)
    body = encoded(PREPARATION | {"variants": [{"precision": "int8", "codec": "raw"}]})
    with pytest.raises(MembersRefused, match="/variants/0"):
        accept_template("t", MODEL_PREPARATION_MEDIA_TYPE, body, NOW)


def test_only_json_is_patched() -> None:
    assert read_for_patch(TEMPLATE, b'{"a":1}') == {"a": 1}
    assert read_for_patch(replace(TEMPLATE, content_type="application/JSON"), b"[]") == []
    with pytest.raises(MediaTypeUnsupported):
        read_for_patch(replace(TEMPLATE, content_type="text/plain"), b"{}")


def test_a_template_in_use_stays_and_keeps_its_manifest() -> None:
    with pytest.raises(TemplateInUse):
        check_removal(IN_USE, "t1")
    with pytest.raises(MembersRefused, match="/manifest"):
        check_place(IN_USE, replace(TEMPLATE, manifest="other.mpd"))
    check_place(IN_USE, replace(TEMPLATE, sha256="1" * 64))


def test_a_free_template_may_change_and_go() -> None:
    check_removal(SESSION, "t1")
    check_place(SESSION, replace(TEMPLATE, manifest=None))
    with pytest.raises(TemplateUnknown):
        check_removal(SESSION, "t2")


def test_no_two_templates_of_a_session_write_the_same_manifest() -> None:
    with pytest.raises(MembersRefused) as refused:
        check_place(SESSION, replace(TEMPLATE, id="t2"))
    assert [fault.param for fault in refused.value.params] == ["/manifest"]
    check_place(SESSION, replace(TEMPLATE, id="t2", manifest="other.mpd"))
    other = replace(TEMPLATE, manifest=None)
    check_place(replace(SESSION, templates=(other,)), replace(other, id="t2"))
