"""Whether a node is what its operator allows, by the operator set that the model imports.

An operator is known by its domain, its case-sensitive name, and the version of the operator set
(TR 26.927 6.5.6). The definitions are those of the onnx package. Inputs' element types are left to
onnxruntime, which infers them.
"""

from collections.abc import Mapping
from functools import cache

from onnx import NodeProto, defs

from fivegms_engine.capability import canonical_domain
from fivegms_prepare.errors import (
    CustomDomain,
    InvalidNode,
    OperatorCase,
    OpsetMissing,
    UnknownOperator,
)

STANDARD_DOMAINS = frozenset({"", "ai.onnx.ml"})


def check_operator(node: NodeProto, opsets: Mapping[str, int]) -> None:
    """Refuse a node that the operator sets (domain to version) do not define.

    Raises CustomDomain, OpsetMissing, UnknownOperator, OperatorCase and InvalidNode.
    """
    domain = canonical_domain(node.domain)
    if domain not in STANDARD_DOMAINS:
        raise CustomDomain(
            f"{described(node)} is of domain {node.domain!r}; only ONNX's own operators run "
            "on every device: export the model without custom operators"
        )
    if domain not in opsets:
        raise OpsetMissing(f"{described(node)} needs an opset_import of {domain or 'ai.onnx'!r}")
    schema = _schema(node, domain, opsets[domain])
    _check_counts(node, schema)
    _check_attributes(node, schema)


def described(node: NodeProto) -> str:
    """How messages call a node: operator, and the node's name or first output."""
    name = node.name or next(iter(node.output), "")
    return f"node {name!r} ({node.op_type})" if name else f"a node ({node.op_type})"


def _schema(node: NodeProto, domain: str, version: int) -> defs.OpSchema:
    try:
        schema = defs.get_schema(node.op_type, version, domain)
    except defs.SchemaError:
        raise _unknown(node, domain, version) from None
    if schema.deprecated:
        raise UnknownOperator(
            f"{described(node)}: operator set {version} has withdrawn {node.op_type}; "
            "export the model again with current operators"
        )
    return schema


def _unknown(node: NodeProto, domain: str, version: int) -> UnknownOperator | OperatorCase:
    since = _first_versions(domain)
    for name in since:
        if name != node.op_type and name.lower() == node.op_type.lower():
            return OperatorCase(
                f"{described(node)}: operator names are case-sensitive, {name!r} was meant"
            )
    if node.op_type in since:
        return UnknownOperator(
            f"{described(node)} needs operator set {since[node.op_type]}; "
            f"the model imports {version}"
        )
    return UnknownOperator(
        f"{described(node)}: operator set {version} of {domain or 'ai.onnx'} has no such operator"
    )


@cache
def _first_versions(domain: str) -> dict[str, int]:
    """Every operator of a domain, with the first operator set that has it."""
    first: dict[str, int] = {}
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == domain:
            known = first.get(schema.name, schema.since_version)
            first[schema.name] = min(known, schema.since_version)
    return first


def _check_counts(node: NodeProto, schema: defs.OpSchema) -> None:
    for what, count, least, most in (
        ("inputs", len(node.input), schema.min_input, schema.max_input),
        ("outputs", len(node.output), schema.min_output, schema.max_output),
    ):
        if not least <= count <= most:
            raise InvalidNode(f"{described(node)} has {count} {what}, not {least} to {most}")


def _check_attributes(node: NodeProto, schema: defs.OpSchema) -> None:
    seen: set[str] = set()
    for attribute in node.attribute:
        definition = schema.attributes.get(attribute.name)
        if definition is None or attribute.name in seen:
            raise InvalidNode(f"{described(node)} has no one attribute {attribute.name!r}")
        kind = definition.type.value  # type: ignore[attr-defined]  # an Enum; its stub says not
        if attribute.type != kind and not attribute.ref_attr_name:
            raise InvalidNode(f"{described(node)}: attribute {attribute.name!r} is of another type")
        seen.add(attribute.name)
    for name, definition in schema.attributes.items():
        if definition.required and name not in seen:
            raise InvalidNode(f"{described(node)} lacks its attribute {name!r}")
