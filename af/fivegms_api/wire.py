"""The base of every resource model: snake_case in Python, lowerCamelCase on the wire.

Unknown members are an error that names the member; what was not set is not sent.
"""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class WireModel(BaseModel):
    """A JSON object of M1, M3 or M5."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )

    def to_json(self) -> bytes:
        """The canonical UTF-8 JSON form, absent members left out."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()
