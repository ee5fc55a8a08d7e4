"""Names and paths as the members of a model's Content Preparation Template have them."""

from typing import Annotated

from pydantic import AfterValidator, Field

from fivegms_api.common_data import path_fault


def _relative_path(path: str) -> str:
    if fault := path_fault(path):
        raise ValueError(fault)
    return path


RelativePath = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_relative_path)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
