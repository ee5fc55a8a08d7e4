"""Server Certificates of a session, for TLS at M4d (TS 26.512 7.3). Private keys never leave here
but to the AS.
"""

import asyncio
from http import HTTPStatus

from aiohttp import hdrs, web

from fivegms_af.bodies import parse_json
from fivegms_af.certificate_authority import new_key
from fivegms_af.certificates import (
    check_removal,
    find_certificate,
    made,
    read_aliases,
    representation,
    reserved,
    uploaded,
)
from fivegms_af.context import CONTEXT, Context
from fivegms_af.errors import (
    CertificateUnknown,
    MediaTypeUnsupported,
    MembersRefused,
    SubResourceLimit,
)
from fivegms_af.exchange import (
    check_preconditions,
    located,
    no_content,
    path_variable,
    query,
    read_body,
    show,
)
from fivegms_af.hosting import canonical_domain_name
from fivegms_af.m1.documents import MAX_OF_A_KIND
from fivegms_af.m1.provisioning_sessions import find_session, session_path
from fivegms_af.provisioned import JSON_MEDIA_TYPE, Certificate, Session
from fivegms_api.m3 import CERTIFICATE_MEDIA_TYPE
from fivegms_api.media_type import essence
from fivegms_api.problem_details import InvalidParam

MAX_AGE_S = 60


async def create_certificate(request: web.Request) -> web.Response:
    """POST: 200 with a certificate for the AS's own name; with `?csr`, with a signing request."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    if len(session.certificates) >= MAX_OF_A_KIND:
        raise SubResourceLimit("Server Certificate", MAX_OF_A_KIND)
    reserves = "csr" in query(request, "csr")
    aliases = await _aliases(request)
    if aliases and not reserves:
        reason = "aliases are certified by the provider's CA: ask for a signing request with ?csr"
        raise MembersRefused(InvalidParam(param="", reason=reason))
    if reserves:
        certificate = await asyncio.to_thread(_reserved, context, aliases)
    else:
        certificate = await asyncio.to_thread(_made, context)
    await _keep(context, session, certificate)
    answer = _request_for(certificate) if reserves else _shown(request, certificate)
    return located(request, f"{session_path(session)}/certificates/{certificate.id}", answer)


async def retrieve_certificate(request: web.Request) -> web.Response:
    """GET: 200 with the certificate and its chain; 204 while its upload is awaited."""
    _, certificate = await _find(request)
    return _shown(request, certificate)


async def upload_certificate(request: web.Request) -> web.Response:
    """PUT: 204; 409 for a certificate that awaits no upload."""
    context = request.app[CONTEXT]
    session, current = await _find(request)
    _check_preconditions(request, current)
    content_type = request.headers.get(hdrs.CONTENT_TYPE)
    if essence(content_type) != CERTIFICATE_MEDIA_TYPE:
        raise MediaTypeUnsupported(content_type, CERTIFICATE_MEDIA_TYPE)
    certificate = uploaded(current, await read_body(request), context.now())
    await _keep(context, session, certificate)
    return no_content(representation(certificate, certificate.chain or b""))


async def destroy_certificate(request: web.Request) -> web.Response:
    """DELETE: 204; 409 while the Content Hosting Configuration refers to it."""
    context = request.app[CONTEXT]
    session, current = await _find(request)
    _check_preconditions(request, current)
    check_removal(session, current.id)
    await context.store.delete_certificate(session, current.id, context.now())
    await context.changed(session.id)
    return no_content()


def _made(context: Context) -> Certificate:
    name = canonical_domain_name(context.address)
    authority = context.config.certificate_authority
    return made(context.new_id(), name, new_key(), authority, context.now())


def _reserved(context: Context, aliases: tuple[str, ...]) -> Certificate:
    name = canonical_domain_name(context.address)
    return reserved(context.new_id(), name, aliases, new_key(), context.now())


async def _aliases(request: web.Request) -> tuple[str, ...]:
    """The domain name aliases of an optional body."""
    body = await read_body(request)
    if not body:
        return ()
    content_type = request.headers.get(hdrs.CONTENT_TYPE)
    if essence(content_type) != JSON_MEDIA_TYPE:
        raise MediaTypeUnsupported(content_type, JSON_MEDIA_TYPE)
    return read_aliases(parse_json(body))


async def _find(request: web.Request) -> tuple[Session, Certificate]:
    session = await find_session(request)
    certificate_id = path_variable(request, "certificateId")
    if certificate_id is None:
        raise CertificateUnknown(request.match_info["certificateId"])
    return session, find_certificate(session, certificate_id)


async def _keep(context: Context, session: Session, certificate: Certificate) -> None:
    """Store, and let the AS follow where there is something to serve."""
    await context.store.put_certificate(session, certificate)
    if certificate.chain is not None:
        await context.changed(session.id)


def _check_preconditions(request: web.Request, certificate: Certificate) -> None:
    """What awaits its upload has no representation; its state is its precondition."""
    if certificate.chain is not None:
        check_preconditions(request, representation(certificate, certificate.chain))


def _shown(request: web.Request, certificate: Certificate) -> web.Response:
    if certificate.chain is None:
        return no_content()
    return show(request, representation(certificate, certificate.chain), MAX_AGE_S)


def _request_for(certificate: Certificate) -> web.Response:
    return web.Response(
        body=certificate.signing_request,
        status=HTTPStatus.OK,
        headers={hdrs.CONTENT_TYPE: CERTIFICATE_MEDIA_TYPE},
    )
