"""`python -m fivegms_as`: one Application Server, until SIGINT or SIGTERM."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from fivegms_api.command_line import saying_why
from fivegms_api.endpoint import Endpoint
from fivegms_as.config import AsConfig
from fivegms_as.errors import ApplicationServerError
from fivegms_as.options import DEFAULTS, add_settings, read_config
from fivegms_as.server import ApplicationServer


def parse_arguments(arguments: Sequence[str]) -> AsConfig:
    """The configuration that a command line means; exits with usage where it means none."""
    parser = argparse.ArgumentParser(
        prog="python -m fivegms_as",
        description="A 5GMS Application Server: ingest (M2), preparation, delivery (M4).",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_places(parser)
    add_settings(parser)
    return read_config(parser, parser.parse_args(arguments))


def _add_places(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    endpoint = saying_why(Endpoint.parse)
    add("--m3", type=endpoint, default=DEFAULTS.m3.authority, help="HOST:PORT for the AF")
    add("--m4", type=endpoint, default=DEFAULTS.m4.authority, help="HOST:PORT for UEs")
    add("--m4-tls", type=endpoint, help="HOST:PORT for UEs by TLS")
    add("--m2", type=endpoint, help="HOST:PORT for providers; without, where UEs are served")
    add("--data-dir", type=Path, required=True, help="folder for all that is kept")


def configure_log() -> None:
    """One JSON object a line on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def serve(config: AsConfig) -> None:
    """Run a server until a signal; writes one line with its URLs to standard output."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with ApplicationServer(config) as server:
        tls = f"  M4-TLS {server.m4_tls_url}" if server.m4_tls_url else ""
        m2 = f"  M2 {server.m2_url}" if config.m2 else ""
        print(f"M3 {server.m3_url}  M4 {server.m4_url}{tls}{m2}", flush=True)
        await stop.wait()


def main() -> int:
    """The command; 1 when the server cannot start."""
    configure_log()
    try:
        asyncio.run(serve(parse_arguments(sys.argv[1:])))
    except (ApplicationServerError, OSError) as error:
        print(f"fivegms_as: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
