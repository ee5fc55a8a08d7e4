"""`fivegms serve`, `af` and `as`: run servers until interrupted."""

import asyncio
import signal
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_data_path
from rich.table import Table

from fivegms_af.config import AfConfig, ApplicationServerAddress
from fivegms_af.security.config import CertificateFiles, OwnIssuer, SecurityConfig
from fivegms_af.server import ApplicationFunction
from fivegms_api.endpoint import Endpoint
from fivegms_as.server import ApplicationServer
from fivegms_testbed.cli.console import JsonOption, messages, print_json, reporting_errors, results
from fivegms_testbed.cli.logs import log_to_stderr
from fivegms_testbed.cli.server_settings import application_server
from fivegms_testbed.deployment import Deployment, DeploymentConfig

ROLES = {
    "m1": "provisioning, for AI providers",
    "m2": "ingest of models and evaluation sets",
    "m3": "AF to AS, keep it inside",
    "m4": "delivery to UEs",
    "m4tls": "delivery to UEs by TLS, of what has a certificate",
    "m5": "session handling, for UEs",
    "operator": "console, metrics and API, for operators",
}


def _endpoint(text: str) -> Endpoint:
    try:
        return Endpoint.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _application_server(text: str) -> ApplicationServerAddress:
    try:
        return ApplicationServerAddress.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _address_option(name: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        f"--{name}", parser=_endpoint, metavar="HOST:PORT", help=f"{name.upper()}: {ROLES[name]}."
    )
    return option


M1 = Annotated[Endpoint, _address_option("m1")]
M2 = Annotated[Endpoint, _address_option("m2")]
M3 = Annotated[Endpoint, _address_option("m3")]
M4 = Annotated[Endpoint, _address_option("m4")]
M4Tls = Annotated[
    Endpoint | None,
    typer.Option("--m4-tls", parser=_endpoint, metavar="HOST:PORT", help="M4 by TLS, if wanted."),
]
M5 = Annotated[Endpoint, _address_option("m5")]
Operator = Annotated[
    Endpoint,
    typer.Option(
        "--operator",
        parser=_endpoint,
        metavar="HOST:PORT",
        help="The AF's console, metrics and API.",
    ),
]
DataDir = Annotated[
    Path,
    typer.Option("--data", file_okay=False, help="Where provisioning state and content lie."),
]
DEFAULT_DATA = user_data_path("fivegms")


OauthClients = Annotated[
    Path | None,
    typer.Option(
        "--oauth-clients",
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help="Ask for access tokens on M1 and M5, and issue them to these clients.",
    ),
]
TlsCertificate = Annotated[
    Path | None,
    typer.Option(
        "--tls-certificate",
        exists=True,
        dir_okay=False,
        metavar="PEM",
        help="Speak TLS on M1 and M5 with this certificate.",
    ),
]
TlsKey = Annotated[
    Path | None,
    typer.Option("--tls-key", exists=True, dir_okay=False, metavar="PEM", help="Its private key."),
]


def _security(clients: Path | None, certificate: Path | None, key: Path | None) -> SecurityConfig:
    if (certificate is None) != (key is None):
        raise typer.BadParameter("--tls-certificate and --tls-key go together")
    return SecurityConfig(
        own_issuer=None if clients is None else OwnIssuer(clients),
        tls=None if certificate is None or key is None else CertificateFiles(certificate, key),
    )


def serve(
    context: typer.Context,
    m1: M1 = "127.0.0.1:7777",  # type: ignore[assignment]
    m5: M5 = "127.0.0.1:7778",  # type: ignore[assignment]
    operator: Operator = "127.0.0.1:7780",  # type: ignore[assignment]
    m3: M3 = "127.0.0.1:7779",  # type: ignore[assignment]
    m2: M2 = "127.0.0.1:8081",  # type: ignore[assignment]
    m4: M4 = "127.0.0.1:8080",  # type: ignore[assignment]
    m4_tls: M4Tls = None,
    data: DataDir = DEFAULT_DATA,
    oauth_clients: OauthClients = None,
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    as_json: JsonOption = False,
) -> None:
    """Run an Application Function and an Application Server until interrupted.

    Takes the settings of an Application Server, too: `python -m fivegms_as --help` lists them.
    """
    settings = application_server(context.args, m3=m3, m4=m4, data_dir=data)
    if settings.m3_tls is not None:
        raise typer.BadParameter("AF and AS are one process: mutual TLS on M3 is for `fivegms as`")
    config = DeploymentConfig(
        data,
        m1=m1,
        m5=m5,
        operator=operator,
        m3=m3,
        m2=m2,
        m4=m4,
        m4_tls=m4_tls,
        application_server=settings,
        security=_security(oauth_clients, tls_certificate, tls_key),
    )

    async def body() -> None:
        async with Deployment(config) as deployment:
            _reload_on_hangup(deployment.application_function)
            await _until_interrupted(deployment.addresses, data, as_json=as_json)

    log_to_stderr(as_json=as_json)
    with reporting_errors(as_json=as_json):
        asyncio.run(body())


def af(
    application_servers: Annotated[
        list[ApplicationServerAddress],
        typer.Option(
            "--as",
            parser=_application_server,
            metavar="m3=URL,m2=URL,m4=URL[,m4tls=URL]",
            help="An AS to drive; repeat for several.",
        ),
    ],
    m1: M1 = "127.0.0.1:7777",  # type: ignore[assignment]
    m5: M5 = "127.0.0.1:7778",  # type: ignore[assignment]
    operator: Operator = "127.0.0.1:7780",  # type: ignore[assignment]
    data: DataDir = DEFAULT_DATA,
    database: Annotated[
        str | None, typer.Option("--database", help="SQLAlchemy URL; default: SQLite in --data.")
    ] = None,
    oauth_clients: OauthClients = None,
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    as_json: JsonOption = False,
) -> None:
    """Run an Application Function alone."""
    function = ApplicationFunction(
        AfConfig(
            m1=m1,
            m5=m5,
            operator=operator,
            data_dir=data / "af",
            database_url=database,
            application_servers=tuple(application_servers),
            security=_security(oauth_clients, tls_certificate, tls_key),
        )
    )
    log_to_stderr(as_json=as_json)
    with reporting_errors(as_json=as_json):
        asyncio.run(_serve(function, ("m1", "m5", "operator"), data, as_json=as_json))


def as_(
    context: typer.Context,
    m3: M3 = "127.0.0.1:7779",  # type: ignore[assignment]
    m2: M2 = "127.0.0.1:8081",  # type: ignore[assignment]
    m4: M4 = "127.0.0.1:8080",  # type: ignore[assignment]
    m4_tls: M4Tls = None,
    data: DataDir = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Run an Application Server alone.

    Takes all of its settings: `python -m fivegms_as --help` lists them.
    """
    places = {"m3": m3, "m2": m2, "m4": m4, "m4_tls": m4_tls, "data_dir": data / "as"}
    server = ApplicationServer(application_server(context.args, **places))
    points = ("m2", "m3", "m4", *(("m4_tls",) if m4_tls else ()))
    log_to_stderr(as_json=as_json)
    with reporting_errors(as_json=as_json):
        asyncio.run(_serve(server, points, data, as_json=as_json))


async def _serve(
    server: AbstractAsyncContextManager[ApplicationFunction | ApplicationServer],
    points: tuple[str, ...],
    data: Path,
    *,
    as_json: bool,
) -> None:
    async with server as running:
        if isinstance(running, ApplicationFunction):
            _reload_on_hangup(running)
        urls = {point: str(getattr(running, f"{point}_url")) for point in points}
        addresses = {point.replace("_", ""): url for point, url in urls.items()}
        await _until_interrupted(addresses, data, as_json=as_json)


def _reload_on_hangup(function: ApplicationFunction) -> None:
    """SIGHUP makes the AF take its certificate anew."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, function.reload)


async def _until_interrupted(addresses: dict[str, str], data: Path, *, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, stop.set)
    if as_json:
        print_json(addresses)
    else:
        _print_addresses(addresses, data)
    await stop.wait()


def _print_addresses(addresses: dict[str, str], data: Path) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("point", "address", "for"):
        table.add_column(heading, style="bold" if heading == "point" else None)
    for point, url in addresses.items():
        table.add_row(point.upper(), url, ROLES[point])
    results.print(table)
    messages.print(f"State is in {data}. Ctrl-C ends.", soft_wrap=True)
