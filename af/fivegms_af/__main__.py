"""`python -m fivegms_af`: an Application Function on its own.

Prints one JSON line with the bound URLs on standard output once it serves, and logs JSON lines on
standard error. Ends on SIGINT or SIGTERM; SIGHUP makes it take its certificate anew.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from fivegms_af.certificate_authority import CertificateAuthority
from fivegms_af.config import AfConfig, ApplicationServerAddress
from fivegms_af.errors import ApplicationFunctionError
from fivegms_af.policy.limits import PolicyLimits
from fivegms_af.request_id import add_request_id
from fivegms_af.security.options import add_security_options, security_config
from fivegms_af.server import ApplicationFunction
from fivegms_api.command_line import positive, positive_seconds, root_url, saying_why
from fivegms_api.endpoint import Endpoint


def parser() -> argparse.ArgumentParser:
    """The options, each of which docs/interfaces.md explains."""
    options = argparse.ArgumentParser(prog="python -m fivegms_af", description=__doc__)
    options.add_argument(
        "--m1",
        type=saying_why(Endpoint.parse),
        default=Endpoint("127.0.0.1", 7777),
        metavar="HOST:PORT",
        help="where providers provision (default 127.0.0.1:7777)",
    )
    options.add_argument(
        "--m5",
        type=saying_why(Endpoint.parse),
        default=Endpoint("127.0.0.1", 7778),
        metavar="HOST:PORT",
        help="where UEs ask (default 127.0.0.1:7778)",
    )
    options.add_argument(
        "--operator",
        type=saying_why(Endpoint.parse),
        default=Endpoint("127.0.0.1", 7780),
        metavar="HOST:PORT",
        help="where operators watch and act (default 127.0.0.1:7780)",
    )
    options.add_argument(
        "--data-dir",
        type=Path,
        default=Path("af-data"),
        metavar="DIR",
        help="where the state lies (default af-data)",
    )
    options.add_argument(
        "--database-url",
        metavar="URL",
        help="another database than SQLite in the data folder: sqlite:///FILE or postgresql://...",
    )
    options.add_argument(
        "--application-server",
        type=saying_why(ApplicationServerAddress.parse),
        action="append",
        default=[],
        metavar="m3=URL,m2=URL,m4=URL[,m4tls=URL]",
        dest="application_servers",
        help="an AS to drive; the first one's M2 and M4 URLs are given out",
    )
    options.add_argument(
        "--m3-refresh-s",
        type=saying_why(positive_seconds),
        default=60.0,
        metavar="SECONDS",
        help="after how long each AS is asked what it holds (default 60)",
    )
    options.add_argument(
        "--certificate-authority",
        type=Path,
        metavar="FILE",
        help="the CA that issues server certificates, PEM (default: signed by themselves)",
    )
    options.add_argument(
        "--certificate-authority-key",
        type=Path,
        metavar="FILE",
        help="the CA's private key, PEM, unencrypted",
    )
    options.add_argument(
        "--m5-server-address",
        type=saying_why(root_url),
        action="append",
        default=[],
        metavar="URL",
        dest="m5_server_addresses",
        help="the root of the M5 URLs that UEs are told (default: what each UE asked)",
    )
    options.add_argument(
        "--sai-max-age",
        type=saying_why(positive),
        default=60,
        metavar="SECONDS",
        help="for how long UEs may keep Service Access Information (default 60)",
    )
    options.add_argument(
        "--report-retention",
        type=saying_why(positive),
        default=30,
        metavar="DAYS",
        help="for how long reports of UEs are kept (default 30)",
    )
    _add_policy_options(options)
    options.add_argument(
        "--max-body-bytes",
        type=saying_why(positive),
        default=2**20,
        metavar="N",
        help="the longest request body (default 1 MiB)",
    )
    options.add_argument("--debug", action="store_true", help="log every request")
    add_security_options(options)
    return options


def _add_policy_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--policy-control",
        type=saying_why(root_url),
        metavar="URL",
        help="the API root of the PCF that enforces policies (default: none does)",
    )
    options.add_argument(
        "--policy-limits",
        type=Path,
        metavar="FILE",
        help="what any policy may ask for, a JSON object (default: no limits)",
    )
    options.add_argument(
        "--policy-notifications",
        type=saying_why(Endpoint.parse),
        default=Endpoint("127.0.0.1", 7781),
        metavar="HOST:PORT",
        help="where the PCF notifies (default 127.0.0.1:7781)",
    )
    options.add_argument(
        "--policy-notification-url",
        type=saying_why(root_url),
        metavar="URL",
        help="the root of the URLs that the PCF is told (default: what was bound)",
    )


def main(arguments: Sequence[str] | None = None, *, for_good: bool = False) -> int:
    """Serve until a signal; the exit status is 1 where the AF could not start.

    `for_good` says that the process ends with the AF: its loggers are then made once, which spares
    each request some microseconds. Elsewhere they must follow whoever sets up logging next.
    """
    known = parser()
    options = known.parse_args(arguments)
    try:
        config = _config(options)
    except ValueError as error:
        known.error(str(error))
    _log_to_stderr(logging.DEBUG if options.debug else logging.INFO, for_good=for_good)
    try:
        asyncio.run(_serve(config))
    except (ApplicationFunctionError, OSError) as error:
        print(f"fivegms_af: {error}", file=sys.stderr)
        return 1
    return 0


def _config(options: argparse.Namespace) -> AfConfig:
    """What the options mean. Raises ValueError that names those that do not go together."""
    limits = PolicyLimits()
    if options.policy_limits:
        limits = PolicyLimits.load(options.policy_limits)
    return AfConfig(
        m1=options.m1,
        m5=options.m5,
        operator=options.operator,
        data_dir=options.data_dir,
        database_url=options.database_url,
        application_servers=tuple(options.application_servers),
        m5_server_addresses=tuple(options.m5_server_addresses),
        sai_max_age_s=options.sai_max_age,
        m3_refresh_s=options.m3_refresh_s,
        certificate_authority=_authority(
            options.certificate_authority, options.certificate_authority_key
        ),
        report_retention_days=options.report_retention,
        policy_control_url=options.policy_control,
        policy_limits=limits,
        policy_notifications=options.policy_notifications,
        policy_notification_url=options.policy_notification_url,
        max_body_bytes=options.max_body_bytes,
        security=security_config(options),
    )


def _authority(certificate: Path | None, key: Path | None) -> CertificateAuthority | None:
    """The operator's CA, if there is one. Raises ValueError."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ValueError("--certificate-authority and --certificate-authority-key come together")
    return CertificateAuthority.load(certificate, key)


async def _serve(config: AfConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with ApplicationFunction(config) as af:
        loop.add_signal_handler(signal.SIGHUP, af.reload)
        print(
            json.dumps({"m1": af.m1_url, "m5": af.m5_url, "operator": af.operator_url}), flush=True
        )
        await stop.wait()


def _log_to_stderr(level: int, *, for_good: bool) -> None:
    structlog.configure(
        processors=[
            add_request_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=for_good,
    )


if __name__ == "__main__":
    sys.exit(main(for_good=True))
