"""3GPP's OpenAPI documents beside the project, as data: operations, and what a body breaks.

The documents are OpenAPI 3.0, so their schemas are JSON Schema draft 4 with `nullable`, `readOnly`
and `writeOnly`; references run across files. Where the documents are absent, the test that asks is
skipped (`shared_data`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, unquote

import yaml
from jsonschema import Draft4Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from support import SHARED, shared_data

FOLDER = "openapi/rel-17"
METHODS = ("get", "put", "post", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Operation:
    """A method on a path of one document; `pointer` leads to it in the document."""

    document: str
    api: str
    version: str
    base_path: str
    method: str
    path: str
    id: str
    responses: Mapping[str, Any]
    request_body: Mapping[str, Any]

    @property
    def full_path(self) -> str:
        """As it is served: base path and path, with its variables in braces."""
        return self.base_path + self.path

    @property
    def pointer(self) -> str:
        """`FILE#/paths/...`, a reference that `faults` takes with more after it."""
        return f"{self.document}#/paths/{_escaped(self.path)}/{self.method.lower()}"

    def serves(self, method: str, path: str) -> bool:
        """Whether a request is for this operation."""
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(self.full_path))
        return method == self.method and re.fullmatch(pattern, path) is not None

    def response(self, status: int) -> tuple[str, Any] | None:
        """What is documented of a status, with a reference to it; None for nothing.

        `default` speaks for every status that is not there.
        """
        key = str(status) if str(status) in self.responses else "default"
        if key not in self.responses:
            return None
        described = self.responses[key]
        if "$ref" in described:
            return described["$ref"], resolved(described["$ref"])
        return f"{self.pointer}/responses/{key}", described


def available() -> bool:
    """Whether the documents are there; for what is decided before any test runs."""
    return (SHARED / FOLDER).is_dir()


@cache
def document(name: str) -> Any:
    """One file, parsed."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with (shared_data(FOLDER) / name).open(encoding="utf-8") as text:
        return yaml.load(text, loader)


@cache
def operations(pattern: str = "TS26512_M[15]_*.yaml") -> tuple[Operation, ...]:
    """Those of every document whose file name matches, in the order of names and text."""
    names = sorted(path.name for path in shared_data(FOLDER).glob(pattern))
    return tuple(one for name in names for one in _operations(name))


def find(method: str, path: str) -> Operation | None:
    """The operation of M1 or M5 that a request is for."""
    return next((one for one in operations() if one.serves(method, path)), None)


def resolved(reference: str) -> Any:
    """What `FILE#/a/b` leads to."""
    name, _, pointer = reference.partition("#/")
    found = document(name)
    for part in pointer.split("/"):
        found = found[unquote(part).replace("~1", "/").replace("~0", "~")]
    return found


def faults(body: Any, reference: str, *, request: bool = False, partial: bool = False) -> list[str]:
    """What `body` breaks of the schema at `FILE#/components/schemas/NAME` or any other pointer.

    In a `request`, members that are `readOnly` need not be there; in a `partial` body (a merge
    patch) no member has to.
    """
    whole = _REQUEST if request else _RESPONSE
    kind = _PARTIAL if partial else whole
    registry: Registry[Any] = Registry(retrieve=_retrieve)  # type: ignore[call-arg]
    validator = kind({"$ref": reference}, registry=registry)
    return [
        f"/{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in validator.iter_errors(body)
    ]


PROBLEM_RESPONSE = {
    "description": "a refusal (TS 29.500 5.2.7)",
    "content": {
        "application/problem+json": {
            "schema": {"$ref": "TS29571_CommonData.yaml#/components/schemas/ProblemDetails"}
        }
    },
}


def bundle(pattern: str) -> dict[str, Any]:
    """The documents whose file name matches as one, with no reference to another file.

    TS 29.500 lets every operation refuse with a problem, so every one gets a `4XX`.
    """
    bundled = _Bundle()
    paths: dict[str, Any] = {}
    for operation in operations(pattern):
        contents = document(operation.document)["paths"][operation.path]
        item = paths.setdefault(operation.full_path, {})
        if "parameters" in contents:
            item["parameters"] = bundled.rewritten(contents["parameters"], operation.document)
        described = contents[operation.method.lower()]
        responses = {key: one for key, one in operation.responses.items() if key[0] == "2"}
        described = described | {"responses": responses | {"4XX": PROBLEM_RESPONSE}}
        item[operation.method.lower()] = bundled.rewritten(described, operation.document)
    return {
        "openapi": "3.0.3",
        "info": {"title": pattern, "version": "17"},
        "paths": paths,
        "components": bundled.components,
    }


_ANYTHING = {"*/*", "application/merge-patch+json", "application/json-patch+json"}
"""Where 3GPP says "string" of templates, which are bytes, whatever they are."""


class _Bundle:
    """References of many files, gathered as the components of one."""

    def __init__(self) -> None:
        self.components: dict[str, dict[str, Any]] = {}

    def rewritten(self, node: Any, base: str) -> Any:
        if isinstance(node, list):
            return [self.rewritten(item, base) for item in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$ref"), str):
            return {"$ref": self._gathered(node["$ref"], base)}
        rewritten = {
            key: self.rewritten(value, base)
            for key, value in node.items()
            if key != "discriminator"  # its mapping refers to files; anyOf says enough
        }
        for media_type in _ANYTHING & rewritten.keys():
            if rewritten[media_type]["schema"].get("type") == "string":
                rewritten[media_type] = {"schema": {}}
        return rewritten

    def _gathered(self, reference: str, base: str) -> str:
        name, _, pointer = reference.partition("#/")
        name = name or base
        _, kind, key = pointer.split("/")
        unique = f"{name.removesuffix('.yaml')}_{key}"
        gathered = self.components.setdefault(kind, {})
        if unique not in gathered:
            gathered[unique] = {}  # a schema may refer to itself
            gathered[unique] = self.rewritten(resolved(f"{name}#/{pointer}"), name)
        return f"#/components/{kind}/{unique}"


def _operations(name: str) -> Iterator[Operation]:
    contents = document(name)
    base_path = contents["servers"][0]["url"].removeprefix("{apiRoot}")
    for path, item in contents["paths"].items():
        for method in METHODS:
            if method in item:
                yield Operation(
                    document=name,
                    api=contents["info"]["title"],
                    version=contents["info"]["version"],
                    base_path=base_path,
                    method=method.upper(),
                    path=path,
                    id=item[method]["operationId"],
                    responses=_with_success(item[method]["responses"]),
                    request_body=item[method].get("requestBody", {}).get("content", {}),
                )


def _with_success(responses: Mapping[str, Any]) -> Mapping[str, Any]:
    """The YAML forgot what success of PUT is for dynamic policies and network assistance; for
    every other PUT it is 204.
    """
    if any(key.startswith("2") for key in responses):
        return responses
    return {"204": {"description": "Updated"}, **responses}


def _escaped(part: str) -> str:
    return quote(part.replace("~", "~0").replace("/", "~1"), safe="~")


@cache
def _retrieve(uri: str) -> Resource[Any]:
    return Resource.from_contents(document(uri), DRAFT4)


Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


def _nullable(keyword: str) -> Keyword:
    inner = Draft4Validator.VALIDATORS[keyword]

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        if instance is None and schema.get("nullable"):
            return None
        return inner(validator, value, instance, schema)

    return check


def _required_in_request(
    validator: Any, names: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    members = schema.get("properties", {})
    needed = [name for name in names if not members.get(name, {}).get("readOnly")]
    yield from Draft4Validator.VALIDATORS["required"](validator, needed, instance, schema) or ()


def _never_required(*_: Any) -> None:
    return None


_NULLABLE: dict[str, Keyword] = {name: _nullable(name) for name in ("type", "enum")}
_RESPONSE = extend(Draft4Validator, _NULLABLE)
_REQUEST = extend(Draft4Validator, _NULLABLE | {"required": _required_in_request})
_PARTIAL = extend(Draft4Validator, _NULLABLE | {"required": _never_required})
