"""`python -m fivegms_as`: one Application Server, until SIGINT or SIGTERM."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import structlog

from fivegms_api.command_line import positive, positive_seconds, saying_why
from fivegms_api.endpoint import Endpoint
from fivegms_as.config import AsConfig, MutualTls
from fivegms_as.errors import ApplicationServerError
from fivegms_as.server import ApplicationServer


def parse_arguments(arguments: Sequence[str]) -> AsConfig:
    """The configuration that a command line means; exits with usage where it means none."""
    parser = argparse.ArgumentParser(
        prog="python -m fivegms_as",
        description="A 5GMS Application Server: ingest (M2), preparation, delivery (M4).",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    defaults = AsConfig(Endpoint("127.0.0.1", 7779), Endpoint("127.0.0.1", 8080), Path())
    for add in (_add_listeners, _add_limits, _add_preparation, _add_clients, _add_pull):
        add(parser, defaults)
    options = vars(parser.parse_args(arguments))
    files = [options.pop(name) for name in ("m3_certificate", "m3_key", "m3_client_ca")]
    if any(files) and not all(files):
        parser.error("--m3-certificate, --m3-key and --m3-client-ca go together")
    m3_tls = MutualTls(*files) if all(files) else None
    proxies = tuple(options.pop("trusted_proxy"))
    return AsConfig(**options, m3_tls=m3_tls, trusted_proxies=proxies)


def _add_listeners(parser: argparse.ArgumentParser, defaults: AsConfig) -> None:
    add = parser.add_argument
    endpoint = saying_why(Endpoint.parse)
    add("--m3", type=endpoint, default=defaults.m3.authority, help="HOST:PORT for the AF")
    add("--m3-certificate", type=Path, help="PEM file: serve M3 by mutual TLS with this chain")
    add("--m3-key", type=Path, help="PEM file with the key of --m3-certificate")
    add("--m3-client-ca", type=Path, help="PEM file: who signs the AF's client certificate")
    add("--m4", type=endpoint, default=defaults.m4.authority, help="HOST:PORT for UEs")
    add("--m4-tls", type=endpoint, help="HOST:PORT for UEs by TLS")
    add("--m2", type=endpoint, help="HOST:PORT for providers; without, where UEs are served")
    add("--data-dir", type=Path, required=True, help="folder for all that is kept")


def _add_limits(parser: argparse.ArgumentParser, defaults: AsConfig) -> None:
    add = parser.add_argument
    number, seconds = saying_why(positive), saying_why(positive_seconds)
    add(
        "--max-upload-bytes",
        type=number,
        default=defaults.max_upload_bytes,
        help="largest single upload or pulled object",
    )
    add(
        "--partial-upload-ttl-s",
        type=seconds,
        default=defaults.partial_upload_ttl_s,
        help="how long an upload that broke can be continued, in seconds",
    )
    add(
        "--memory-cache-bytes",
        type=number,
        default=defaults.memory_cache_bytes,
        help="memory for small objects",
    )
    add(
        "--keepalive-timeout-s",
        type=seconds,
        default=defaults.keepalive_timeout_s,
        help="how long a connection may wait for its next request, in seconds",
    )
    add(
        "--inference-slots",
        type=number,
        default=defaults.inference_slots,
        help="network inference instances that this machine can run at once",
    )


def _add_preparation(parser: argparse.ArgumentParser, defaults: AsConfig) -> None:
    add = parser.add_argument
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


def _add_clients(parser: argparse.ArgumentParser, defaults: AsConfig) -> None:
    add = parser.add_argument
    add(
        "--locations",
        type=Path,
        help="CSV file `network,code` that says where clients are, for geo-fencing",
    )
    add(
        "--trusted-proxy",
        type=saying_why(ip_network),
        action="append",
        default=list(defaults.trusted_proxies),
        help="network of proxies whose X-Forwarded-For counts; may be repeated",
    )


def _add_pull(parser: argparse.ArgumentParser, defaults: AsConfig) -> None:
    add = parser.add_argument
    add(
        "--pull-ingest",
        action=argparse.BooleanOptionalAction,
        default=defaults.pull_ingest,
        help="take configurations whose content is pulled from an origin",
    )
    add(
        "--pull-cache-bytes",
        type=saying_why(positive),
        default=defaults.pull_cache_bytes,
        help="room for pulled objects; the least recently used goes first",
    )
    add(
        "--pull-timeout-s",
        type=saying_why(positive_seconds),
        default=defaults.pull_timeout_s,
        help="longest fetch of one object from an origin in seconds",
    )
    add(
        "--pull-retry-s",
        type=saying_why(positive_seconds),
        default=defaults.pull_retry_s,
        help="first pause before a model's source is pulled again, in seconds; it doubles",
    )
    add(
        "--allow-private-origins",
        action="store_true",
        help="pull from loopback, private and link-local addresses, too: for labs",
    )


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
