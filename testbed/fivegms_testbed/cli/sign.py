"""`fivegms keygen` and `fivegms sign`: a provider's key, and its signature over a model."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from fivegms_client.authorization import Authorization
from fivegms_client.entry import ManifestFile, ManifestUrl, parse_entry
from fivegms_client.http_fetcher import HttpFetcher
from fivegms_client.progress import FetchProgress
from fivegms_testbed.cli.authorization import (
    TOKEN_PATH,
    ClientIdOption,
    ClientSecretOption,
    TokenOption,
    TokenUrlOption,
    authorization,
)
from fivegms_testbed.cli.console import (
    JsonOption,
    counted,
    headed,
    megabytes,
    messages,
    print_json,
    reporting_errors,
    results,
    transfer_progress,
)
from fivegms_testbed.m1_connection import M1Connection
from fivegms_testbed.signing.examination import Examination, examine
from fivegms_testbed.signing.keys import SigningKey, make_key_pair, public_file, read_signing_key
from fivegms_testbed.signing.publication import (
    manifest_name,
    present_release,
    upload_beside,
    write_beside,
)
from fivegms_testbed.signing.release import DEFAULT_LIFETIME, SignedRelease, Terms, sign_manifest

PasswordOption = Annotated[
    str | None,
    typer.Option(
        "--key-password",
        envvar="FIVEGMS_KEY_PASSWORD",
        show_envvar=True,
        help="What opens the private key; better from the environment.",
    ),
]


def keygen(
    out: Annotated[
        Path, typer.Argument(metavar="KEY.pem", dir_okay=False, help="The private key to write.")
    ],
    key_password: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key pair to sign models with: KEY.pem to keep, KEY.pub.pem to hand out."""
    with reporting_errors(as_json=as_json):
        key = make_key_pair(out, key_password)
        public = public_file(out)
        if as_json:
            print_json({"private": out, "public": public, "fingerprint": key.fingerprint})
            return
        results.print(f"private key {out}, for you alone", soft_wrap=True)
        results.print(f"public key  {public}", soft_wrap=True)
        results.print(f"fingerprint sha256:{key.fingerprint}", soft_wrap=True)
        messages.print("Devices need the public key or the fingerprint: run --trust-key")


def sign(
    manifest: Annotated[
        str, typer.Argument(metavar="MANIFEST", help="Model MPD, prepared: URL at M4, or path.")
    ],
    key: Annotated[
        Path, typer.Option("--key", exists=True, dir_okay=False, help="The private key (PEM).")
    ],
    key_password: PasswordOption = None,
    expires_days: Annotated[
        float,
        typer.Option(
            "--expires-days", min=0, max=36_500, help="Devices refuse the release after so long."
        ),
    ] = DEFAULT_LIFETIME / timedelta(days=1),
    counter: Annotated[
        int | None,
        typer.Option(
            "--counter", min=0, help="Devices refuse a lower one later; default: the Unix time."
        ),
    ] = None,
    trust_digests: Annotated[
        bool,
        typer.Option("--trust-digests", help="Sign the manifest without looking at its segments."),
    ] = False,
    session: Annotated[
        str | None,
        typer.Option("--session", help="The provisioning session to upload to, for a URL."),
    ] = None,
    m1: Annotated[
        str, typer.Option("--m1", metavar="URL", help="M1 of the AF.")
    ] = "http://127.0.0.1:7777",
    token: TokenOption = None,
    client_id: ClientIdOption = None,
    client_secret: ClientSecretOption = None,
    token_url: TokenUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a prepared model, so that devices can tell it from anybody else's."""
    with reporting_errors(as_json=as_json):
        where = parse_entry(manifest)
        if not isinstance(where, ManifestFile | ManifestUrl):
            raise typer.BadParameter("name the model MPD itself")
        if isinstance(where, ManifestUrl) and session is None:
            raise typer.BadParameter("a model at an AS needs --session, to upload its signature")
        signing_key = read_signing_key(key, key_password)
        terms = Terms(datetime.now(UTC), timedelta(days=expires_days), counter)
        shown = authorization(
            token, client_id, client_secret, token_url or m1.rstrip("/") + TOKEN_PATH
        )
        with transfer_progress(as_json=as_json) as bars:
            examined, signed = asyncio.run(
                _sign(where, signing_key, terms, bars, segments=not trust_digests)
            )
        files = asyncio.run(_publish(examined, signed, m1, session, shown))
        if as_json:
            print_json(_summary(examined, signed, files))
        else:
            _show(examined, signed, files)


async def _sign(
    where: ManifestFile | ManifestUrl,
    key: SigningKey,
    terms: Terms,
    bars: Progress,
    *,
    segments: bool,
) -> tuple[Examination, SignedRelease]:
    bar = bars.add_task("looking at segments", total=None)

    def report(progress: FetchProgress) -> None:
        bars.update(bar, completed=progress.done_bytes, total=progress.total_bytes or None)

    async with HttpFetcher() as fetcher:
        examined = await examine(where, fetcher, segments=segments, on_progress=report)
        accessed = examined.accessed
        replaced = await present_release(accessed, fetcher)
        name = manifest_name(accessed)
        return examined, sign_manifest(accessed, name, key, terms, replaced)


async def _publish(
    examined: Examination,
    signed: SignedRelease,
    m1_url: str,
    session: str | None,
    shown: Authorization | None,
) -> tuple[str, ...]:
    accessed = examined.accessed
    if accessed.path is not None:
        return write_beside(accessed.path, signed.files)
    async with M1Connection(m1_url, authorization=shown) as m1:
        return await upload_beside(m1, session or "", accessed.url or "", signed.files)


def _summary(
    examined: Examination, signed: SignedRelease, files: tuple[str, ...]
) -> dict[str, object]:
    release = signed.release
    return {
        "model": release.model,
        "version": release.version,
        "counter": release.counter,
        "expires": release.expires,
        "signer": signed.signer,
        "segments_verified": examined.segments,
        "files": files,
    }


def _show(examined: Examination, signed: SignedRelease, files: tuple[str, ...]) -> None:
    release = signed.release
    results.print(headed(release.model, f" version {release.version}, counter {release.counter}"))
    results.print(f"signed by sha256:{signed.signer}, until {release.expires:%Y-%m-%d %H:%M} UTC")
    looked_at = counted(examined.segments, "segment")
    results.print(f"{looked_at} verified ({megabytes(examined.size_bytes)})")
    for file in files:
        results.print(file, soft_wrap=True)
