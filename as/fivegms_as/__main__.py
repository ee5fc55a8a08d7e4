"""`python -m fivegms_as`: one Application Server, until SIGINT or SIGTERM."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from fivegms_api.command_line import positive, positive_seconds, saying_why
from fivegms_api.endpoint import Endpoint
from fivegms_as.config import AsConfig
from fivegms_as.errors import ApplicationServerError
from fivegms_as.server import ApplicationServer


def parse_arguments(arguments: Sequence[str]) -> AsConfig:
    """The configuration that a command line means; exits with usage where it means none."""
    defaults = AsConfig(Endpoint("127.0.0.1", 7779), Endpoint("127.0.0.1", 7780), Path())
    parser = argparse.ArgumentParser(
        prog="python -m fivegms_as",
        description="A 5GMS Application Server: ingest (M2), preparation, delivery (M4).",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--m3",
        type=saying_why(Endpoint.parse),
        default=defaults.m3.authority,
        help="HOST:PORT for the AF",
    )
    add(
        "--m4",
        type=saying_why(Endpoint.parse),
        default=defaults.m4.authority,
        help="HOST:PORT for M2 and M4",
    )
    add("--data-dir", type=Path, required=True, help="folder for all that is kept")
    add(
        "--max-upload-bytes",
        type=saying_why(positive),
        default=defaults.max_upload_bytes,
        help="largest single upload",
    )
    add(
        "--memory-cache-bytes",
        type=saying_why(positive),
        default=defaults.memory_cache_bytes,
        help="memory for small objects",
    )
    add(
        "--preparation-jobs",
        type=saying_why(positive),
        default=defaults.preparation_jobs,
        help="models prepared at once",
    )
    add(
        "--preparation-timeout-s",
        type=saying_why(positive_seconds),
        default=defaults.preparation_timeout_s,
        help="longest preparation of one model in seconds",
    )
    add(
        "--preparation-memory-bytes",
        type=saying_why(positive),
        help="memory of one preparation; by default a job's share of 3/4 of the machine",
    )
    return AsConfig(**vars(parser.parse_args(arguments)))


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
        print(f"M3 {server.m3_url}  M4 {server.m4_url}", flush=True)
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
