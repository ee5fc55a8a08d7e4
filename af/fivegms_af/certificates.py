"""The rules of Server Certificates (TS 26.512 7.3): made, or reserved and then uploaded.

A certificate is for TLS at M4d. One that the AF made speaks for the AS's own names; one that is
reserved gets a signing request for those and the provider's domain name aliases, and is complete
when the provider has uploaded what a CA made of it. A certificate never changes after that. Pure,
but for the randomness in a signature; the private key is in no answer and no message.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from fivegms_af.bodies import Json
from fivegms_af.certificate_authority import (
    CertificateAuthority,
    alternative_names,
    issue,
    subject_of,
)
from fivegms_af.certificate_chain import accept_chain, certified_names
from fivegms_af.conditional import Representation
from fivegms_af.domain_names import covers, host_name_fault
from fivegms_af.errors import (
    CertificateAlreadyThere,
    CertificateInUse,
    CertificateUnknown,
    MembersRefused,
)
from fivegms_af.provisioned import Certificate, Session
from fivegms_api.m3 import CERTIFICATE_MEDIA_TYPE
from fivegms_api.problem_details import InvalidParam, json_pointer

MAX_ALIASES = 64


def read_aliases(document: Json) -> tuple[str, ...]:
    """The domain name aliases that a JSON array names, in lower case.

    Raises MembersRefused naming what is no host name, and what occurs twice.
    """
    if not isinstance(document, list):
        raise MembersRefused(_fault("must be an array of domain names"))
    if len(document) > MAX_ALIASES:
        raise MembersRefused(_fault(f"must have {MAX_ALIASES} names at most"))
    faults = [
        _fault(reason, place)
        for place, name in enumerate(document)
        if (reason := _alias_fault(name, document[:place]))
    ]
    if faults:
        raise MembersRefused(*faults)
    return tuple(name.lower() for name in document)


def made(
    certificate_id: str,
    canonical_name: str,
    key: ec.EllipticCurvePrivateKey,
    authority: CertificateAuthority | None,
    now: datetime,
) -> Certificate:
    """A certificate for the AS's own name. Raises CertificateAuthorityExpired."""
    chain = issue([canonical_name], key, authority, now)
    return Certificate(certificate_id, (canonical_name,), chain, _pem(key), None, now)


def reserved(
    certificate_id: str,
    canonical_name: str,
    aliases: Sequence[str],
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> Certificate:
    """A certificate that awaits its upload: a key, and a signing request (PKCS #10).

    The request has the AS's own name and the aliases; what is uploaded must speak for the aliases,
    or for the AS's name where there are none.
    """
    names = list(dict.fromkeys((canonical_name, *aliases)))
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject_of(names))
        .add_extension(alternative_names(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    awaited = tuple(aliases) or (canonical_name,)
    signing_request = request.public_bytes(Encoding.PEM)
    return Certificate(certificate_id, awaited, None, _pem(key), signing_request, now)


def uploaded(certificate: Certificate, pem: bytes, now: datetime) -> Certificate:
    """`certificate` with the chain that a provider uploaded: the server's first, each next one's
    issuer after it.

    Raises CertificateAlreadyThere for one that awaits nothing; CertificateMalformed,
    CertificateKeyForeign, CertificateNotInForce, CertificateNameMissing, CertificateChainBroken
    and CertificateUnsuitable for a chain that could not be served.
    """
    if certificate.chain is not None:
        raise CertificateAlreadyThere(certificate.id)
    key = _key(certificate).public_key()
    chain = accept_chain(pem, certificate.domain_names, key, now)
    return replace(certificate, chain=chain, modified=now)


def find_certificate(session: Session, certificate_id: str) -> Certificate:
    """The session's certificate of that identifier; raises CertificateUnknown."""
    for certificate in session.certificates:
        if certificate.id == certificate_id:
            return certificate
    raise CertificateUnknown(certificate_id)


def check_removal(session: Session, certificate_id: str) -> None:
    """Raises CertificateInUse while a distribution refers to the certificate."""
    if session.hosting is None:
        return
    distributions = session.hosting.configuration.distribution_configurations
    if any(one.certificate_id == certificate_id for one in distributions):
        raise CertificateInUse(certificate_id)


def speaks_for(certificate: Certificate, name: str) -> bool:
    """Whether a complete certificate is good for `name`."""
    if certificate.chain is None:
        return False
    return covers(certified_names(certificate.chain), name)


def representation(certificate: Certificate, chain: bytes) -> Representation:
    """The resource as M1 shows it: the chain, never the key."""
    return Representation(chain, CERTIFICATE_MEDIA_TYPE, certificate.modified)


def m3_body(certificate: Certificate) -> bytes | None:
    """What the AS is sent: the chain and the key; None while the upload is awaited."""
    return None if certificate.chain is None else certificate.chain + certificate.private_key


def _alias_fault(name: Json, before: Iterable[Json]) -> str | None:
    if not isinstance(name, str):
        return "must be a text"
    if name in before:
        return "is given twice"
    return host_name_fault(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _key(certificate: Certificate) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(certificate.private_key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the store holds a key that the 5GMS AF never made")
    return key


def _fault(reason: str, *member: str | int) -> InvalidParam:
    return InvalidParam(param=json_pointer(*member), reason=reason)
