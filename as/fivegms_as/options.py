"""The settings of an Application Server on a command line, for every command that starts one.

Where it listens and keeps its data is for the command to ask; everything else is here, once.
"""

import argparse
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from fivegms_api.command_line import positive, positive_seconds, saying_why
from fivegms_api.endpoint import Endpoint
from fivegms_as.config import AsConfig, MutualTls

DEFAULTS = AsConfig(Endpoint("127.0.0.1", 7779), Endpoint("127.0.0.1", 8080), Path())


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options of all settings but addresses and folders."""
    for add in (_add_m3_tls, _add_limits, _add_preparation, _add_clients, _add_pull):
        add(parser)


def read_config(
    parser: argparse.ArgumentParser, options: argparse.Namespace, **places: Any
) -> AsConfig:
    """The configuration that options mean, with the `places` that they do not name.

    What does not go together is an error of the parser.
    """
    values = {**vars(options), **places}
    files = [values.pop(name) for name in ("m3_certificate", "m3_key", "m3_client_ca")]
    if any(files) and not all(files):
        parser.error("--m3-certificate, --m3-key and --m3-client-ca go together")
    m3_tls = MutualTls(*files) if all(files) else None
    proxies = tuple(values.pop("trusted_proxy"))
    return AsConfig(**values, m3_tls=m3_tls, trusted_proxies=proxies)


def _add_m3_tls(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--m3-certificate", type=Path, help="PEM file: serve M3 by mutual TLS with this chain")
    add("--m3-key", type=Path, help="PEM file with the key of --m3-certificate")
    add("--m3-client-ca", type=Path, help="PEM file: who signs the AF's client certificate")


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    number, seconds = saying_why(positive), saying_why(positive_seconds)
    add(
        "--max-upload-bytes",
        type=number,
        default=DEFAULTS.max_upload_bytes,
        help="largest single upload or pulled object",
    )
    add(
        "--partial-upload-ttl-s",
        type=seconds,
        default=DEFAULTS.partial_upload_ttl_s,
        help="how long an upload that broke can be continued, in seconds",
    )
    add(
        "--memory-cache-bytes",
        type=number,
        default=DEFAULTS.memory_cache_bytes,
        help="memory for small objects",
    )
    add(
        "--keepalive-timeout-s",
        type=seconds,
        default=DEFAULTS.keepalive_timeout_s,
        help="how long a connection may wait for its next request, in seconds",
    )
    add(
        "--inference-slots",
        type=number,
        default=DEFAULTS.inference_slots,
        help="network inference instances that this machine can run at once",
    )


def _add_preparation(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--preparation-jobs",
        type=saying_why(positive),
        default=DEFAULTS.preparation_jobs,
        help="models prepared at once",
    )
    add(
        "--preparation-timeout-s",
        type=saying_why(positive_seconds),
        default=DEFAULTS.preparation_timeout_s,
        help="longest preparation of one model in seconds",
    )
    add(
        "--preparation-memory-bytes",
        type=saying_why(positive),
        help="memory of one preparation; by default a job's share of 3/4 of the machine",
    )


def _add_clients(parser: argparse.ArgumentParser) -> None:
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
        default=list(DEFAULTS.trusted_proxies),
        help="network of proxies whose X-Forwarded-For counts; may be repeated",
    )


def _add_pull(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--pull-ingest",
        action=argparse.BooleanOptionalAction,
        default=DEFAULTS.pull_ingest,
        help="take configurations whose content is pulled from an origin",
    )
    add(
        "--pull-cache-bytes",
        type=saying_why(positive),
        default=DEFAULTS.pull_cache_bytes,
        help="room for pulled objects; the least recently used goes first",
    )
    add(
        "--pull-timeout-s",
        type=saying_why(positive_seconds),
        default=DEFAULTS.pull_timeout_s,
        help="longest fetch of one object from an origin in seconds",
    )
    add(
        "--pull-retry-s",
        type=saying_why(positive_seconds),
        default=DEFAULTS.pull_retry_s,
        help="first pause before a model's source is pulled again, in seconds; it doubles",
    )
    add(
        "--allow-private-origins",
        action="store_true",
        help="pull from loopback, private and link-local addresses, too: for labs",
    )
