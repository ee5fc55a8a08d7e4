"""The command-line options of security, and the settings that they mean."""

import argparse
from pathlib import Path

from fivegms_af.security.config import (
    DEFAULT_AUDIENCE,
    DEFAULT_ISSUER,
    DEFAULT_TOKEN_LIFETIME_S,
    CertificateFiles,
    OwnIssuer,
    SecurityConfig,
    TrustedIssuer,
)
from fivegms_api.command_line import positive, saying_why


def add_security_options(parser: argparse.ArgumentParser) -> None:
    """Options in a group of their own; `security_config` reads them."""
    add = parser.add_argument_group("security (docs/security.md)").add_argument
    add(
        "--oauth-jwks",
        metavar="FILE|URL",
        help="ask for tokens, signed by one of these keys of an authorisation server",
    )
    add(
        "--oauth-issuer",
        metavar="NAME",
        help=f"the tokens' iss; {DEFAULT_ISSUER} for tokens of our own",
    )
    add(
        "--oauth-audience",
        metavar="NAME",
        help=f"what the tokens' aud must have (default {DEFAULT_AUDIENCE})",
    )
    add(
        "--oauth-clients",
        type=Path,
        metavar="FILE",
        help="ask for tokens, and issue them to these clients at /oauth2/token",
    )
    add(
        "--oauth-signing-key",
        type=Path,
        metavar="PEM",
        help="what signs tokens of our own (default: a key made in the data folder)",
    )
    add(
        "--oauth-token-lifetime-s",
        type=saying_why(positive),
        metavar="N",
        help=f"how long tokens of our own hold (default {DEFAULT_TOKEN_LIFETIME_S})",
    )
    add("--tls-certificate", type=Path, metavar="PEM", help="speak TLS on every listener")
    add("--tls-key", type=Path, metavar="PEM", help="the certificate's private key")
    add("--m3-ca", type=Path, metavar="PEM", help="whom an AS's certificate has to be from")
    add("--m3-certificate", type=Path, metavar="PEM", help="what the AF shows an AS")
    add("--m3-key", type=Path, metavar="PEM", help="the certificate's private key")
    add(
        "--m5-allow-origin",
        type=saying_why(web_origin),
        action="append",
        default=[],
        metavar="ORIGIN|*",
        dest="m5_allow_origins",
        help="let web pages of this origin use M5; may be repeated",
    )


def security_config(options: argparse.Namespace) -> SecurityConfig:
    """What the parsed options mean. Raises ValueError that names those that do not go together."""
    _check_used(options)
    audience = options.oauth_audience or DEFAULT_AUDIENCE
    trusted = own = None
    if options.oauth_jwks is not None:
        if options.oauth_issuer is None:
            raise ValueError("--oauth-jwks needs --oauth-issuer")
        trusted = TrustedIssuer(options.oauth_issuer, audience, options.oauth_jwks)
    if options.oauth_clients is not None:
        # Beside an authorisation server of others, ours keeps its own name.
        name = options.oauth_issuer if trusted is None else None
        own = OwnIssuer(
            options.oauth_clients,
            options.oauth_signing_key,
            name or DEFAULT_ISSUER,
            audience,
            options.oauth_token_lifetime_s or DEFAULT_TOKEN_LIFETIME_S,
        )
    return SecurityConfig(
        trusted_issuer=trusted,
        own_issuer=own,
        tls=_files(options.tls_certificate, options.tls_key, "--tls-certificate", "--tls-key"),
        m3_ca=options.m3_ca,
        m3_certificate=_files(
            options.m3_certificate, options.m3_key, "--m3-certificate", "--m3-key"
        ),
        m5_allow_origins=tuple(options.m5_allow_origins),
    )


def _check_used(options: argparse.Namespace) -> None:
    """Raises ValueError for an option that nothing would come of."""
    if options.oauth_clients is not None:
        return
    for name, value in (
        ("--oauth-signing-key", options.oauth_signing_key),
        ("--oauth-token-lifetime-s", options.oauth_token_lifetime_s),
    ):
        if value is not None:
            raise ValueError(f"{name} needs --oauth-clients")
    for name, value in (
        ("--oauth-issuer", options.oauth_issuer),
        ("--oauth-audience", options.oauth_audience),
    ):
        if value is not None and options.oauth_jwks is None:
            raise ValueError(f"{name} needs --oauth-jwks or --oauth-clients")


def web_origin(text: str) -> str:
    """An origin as browsers send it (RFC 6454 6.2), or `*`. Raises ValueError.

    >>> web_origin("https://player.example")
    'https://player.example'
    """
    scheme, separator, authority = text.partition("://")
    plain = bool(separator and authority) and not set(authority) & set("/?#@ ")
    if text != "*" and not (scheme in ("http", "https") and plain and text == text.lower()):
        raise ValueError(f"{text!r} is no origin, such as https://player.example, and not *")
    return text


def _files(certificate: Path | None, key: Path | None, *names: str) -> CertificateFiles | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ValueError(f"{' and '.join(names)} go together")
    return CertificateFiles(certificate, key)
