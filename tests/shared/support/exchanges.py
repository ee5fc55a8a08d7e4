"""Requests and answers of the AF, each held against 3GPP's document of it and against our own.

A test says with `@pytest.mark.shows("createPolicyTemplate", 201, 400)` which operation it takes to
which statuses. `Exchanges` sees what really went over the wire, finds breaches of both documents,
and knows whether the test did what its mark says. Extensions are in ours alone.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from support import our_openapi, three_gpp

PROBLEM = "TS29571_CommonData.yaml#/components/schemas/ProblemDetails"
MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that was answered; `sent` is the body with its media type, None for none."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    sent: tuple[str, bytes] | None = None

    @property
    def media_type(self) -> str:
        """Of the answer, without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip()


@dataclass
class Exchanges:
    """What a test did, and what of it breaks a document. A status that only 3GPP's `default`
    speaks of counts as `default` too.
    """

    statuses: set[tuple[str, str]] = field(default_factory=set)
    breaches: list[str] = field(default_factory=list)

    def add(
        self, method: str, url: str, options: Mapping[str, Any], status: int, answer: Any
    ) -> None:
        """See one; the observer that the tests' AF calls."""
        exchange = Exchange(
            method, urlsplit(url).path, status, answer.headers, answer.body, _sent(options)
        )
        if route := our_openapi.find(method, exchange.path):
            self.statuses.add((route.operation_id, str(status)))
            self._note(
                route.operation_id,
                our_openapi.faults(
                    route, status, answer.headers, exchange.media_type, exchange.body
                ),
            )
        if operation := _standard(exchange):
            if "default" in operation.responses and str(status) not in operation.responses:
                self.statuses.add((operation.id, "default"))
            self._note(operation.id, breaches(operation, exchange))

    def _note(self, operation_id: str, faults: Iterable[str]) -> None:
        self.breaches += [f"{operation_id}: {fault}" for fault in faults]

    def missing(self, shown: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of `shown` that did not happen."""
        return sorted(set(shown) - self.statuses)


def breaches(operation: three_gpp.Operation, exchange: Exchange) -> list[str]:
    """What a request that succeeded, and any answer, break of the document."""
    found = _answer_breaches(operation, exchange)
    if exchange.status < 300 and exchange.sent:
        found += _request_breaches(operation, *exchange.sent)
    return found


def _request_breaches(operation: three_gpp.Operation, media_type: str, body: bytes) -> list[str]:
    documented = _documented(operation.request_body, media_type)
    if documented is None:
        return [f"{media_type} is accepted"] if operation.request_body else []
    if not media_type.endswith("json") or media_type == "application/json-patch+json":
        return []  # 3GPP gives a JSON Patch the schema of the resource
    key = documented.replace("/", "~1")
    reference = f"{operation.pointer}/requestBody/content/{key}/schema"
    if three_gpp.resolved(reference).get("type") == "string":
        return []  # the bytes as they are
    sent, partial = json.loads(body), media_type == MERGE_PATCH
    if partial:  # null removes a member (RFC 7396)
        sent = {name: value for name, value in sent.items() if value is not None}
    return three_gpp.faults(sent, reference, request=True, partial=partial)


def _answer_breaches(operation: three_gpp.Operation, exchange: Exchange) -> list[str]:
    found = operation.response(exchange.status)
    if found is None:
        return _undocumented(exchange)
    reference, described = found
    missing = [
        f"{name} is missing"
        for name, about in described.get("headers", {}).items()
        if about.get("required") and name not in exchange.headers
    ]
    return missing + _body_breaches(reference, described.get("content", {}), exchange)


def _undocumented(exchange: Exchange) -> list[str]:
    """The general rules of TS 29.500: refusals and 304 may be anywhere."""
    if exchange.status == 304:
        return []
    if exchange.status < 400:
        return ["is not documented"]
    return _problem_breaches(exchange)


def _problem_breaches(exchange: Exchange) -> list[str]:
    if exchange.media_type != "application/problem+json":
        return [f"{exchange.media_type or 'nothing'} in place of a problem"]
    return three_gpp.faults(json.loads(exchange.body), PROBLEM)


def _body_breaches(reference: str, content: Mapping[str, Any], exchange: Exchange) -> list[str]:
    if exchange.status >= 400:
        return _problem_breaches(exchange)
    if exchange.status == 204 and exchange.body:
        return ["204 has a body"]
    if not content or not exchange.body:
        return []
    documented = _documented(content, exchange.media_type)
    if documented is None:
        return [f"{exchange.media_type} is none of {', '.join(content)}"]
    if exchange.media_type != "application/json" or documented == "*/*":
        return []
    key = documented.replace("/", "~1")
    return three_gpp.faults(json.loads(exchange.body), f"{reference}/content/{key}/schema")


def _documented(content: Mapping[str, Any], media_type: str) -> str | None:
    """The key of `content` that covers a media type."""
    family = media_type.partition("/")[0]
    return next((key for key in (media_type, f"{family}/*", "*/*") if key in content), None)


def _standard(exchange: Exchange) -> three_gpp.Operation | None:
    return three_gpp.find(exchange.method, exchange.path) if three_gpp.available() else None


def _sent(options: Mapping[str, Any]) -> tuple[str, bytes] | None:
    data = options.get("data")
    headers = options.get("headers") or {}
    media_type = str(headers.get("Content-Type", "")).partition(";")[0].strip()
    return (media_type, data) if isinstance(data, bytes) and media_type else None
