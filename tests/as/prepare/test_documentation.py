"""docs/preparation.md says what a template may ask for, and why a model is refused."""

import json
import pkgutil
import re

import fivegms_prepare
from fivegms_api.model_preparation import ModelPreparation
from fivegms_api.model_stages import REFUSED_AFTER
from fivegms_api.model_variants import ALLOWED_CODECS
from fivegms_prepare.errors import ModelRefused
from support import PROJECT

PAGE = (PROJECT / "docs" / "preparation.md").read_text(encoding="utf-8")


def test_every_refusal_is_documented_and_no_other() -> None:
    types = [refusal.type for refusal in ModelRefused.__subclasses__()]
    assert len(set(types)) == len(types)
    _, table = PAGE.split("## Why a model is refused")
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == types


def test_the_template_shown_is_one_and_every_member_is_explained() -> None:
    [shown] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    ModelPreparation.model_validate_json(shown)
    members = {field.alias for field in ModelPreparation.model_fields.values()}
    explained = set(re.findall(r"^\| `(\w+)` \|", PAGE.split("### Variants")[0], re.MULTILINE))
    assert explained == members
    assert set(json.loads(shown)) == members - {"encryption"}


def test_every_precision_has_a_row_with_its_codecs() -> None:
    for precision, codecs in ALLOWED_CODECS.items():
        [row] = re.findall(rf"^\| `{precision}` \| ([^|]*) \|", PAGE, re.MULTILINE)
        assert set(re.findall(r"`([^`]+)`", row)) == codecs


def test_every_stage_is_named() -> None:
    assert all(f"`{name}`" in PAGE for pair in REFUSED_AFTER for name in pair)


def test_the_package_says_what_every_module_is_for_and_names_no_other() -> None:
    said = fivegms_prepare.__doc__ or ""
    lists = re.findall(r"^    ([a-z_]+(?:, [a-z_]+)*)(?:  |$)", said, re.MULTILINE)
    listed = [name for names in lists for name in names.split(", ")]
    modules = {module.name for module in pkgutil.iter_modules(fivegms_prepare.__path__)}
    assert len(set(listed)) == len(listed)
    assert set(listed) == modules - {"__main__", "orphans"}
    assert "`orphans`" in said
