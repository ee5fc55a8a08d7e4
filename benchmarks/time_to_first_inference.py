"""Time to first inference over a rate-limited link: our client against curl and onnxruntime.

    .venv/bin/python benchmarks/time_to_first_inference.py [--runs 5] [--rates 50 200]

Publishes a ResNet-50 shaped model (102 MB fp32) on an embedded deployment, then, pair by pair,
starts two fresh processes behind the same emulated link: one that fetches the fp32 file with curl
and runs it with onnxruntime, and one that runs the published model with `fivegms_client`. TTFI
counts from the first request to the first result, in a process that has its imports behind it; the
whole process is timed as well. Prints a Markdown table of medians and of ratios pair by pair.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime
from aiohttp import web
from yarl import URL

from fivegms_api.model_preparation import ModelDescription, ModelPreparation
from fivegms_testbed import catalogue
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.link import EmulatedLink, LinkProfile
from fivegms_testbed.provider import Provider

PEER = """
import subprocess, sys, time, numpy as np, onnxruntime
started = time.perf_counter()
url, target = sys.argv[1:]
subprocess.run(["curl", "--silent", "--fail", "--output", target, url], check=True)
session = onnxruntime.InferenceSession(target)
session.run(None, {"images": np.zeros((1, 3, 224, 224), np.float32)})
print(time.perf_counter() - started)
"""
OURS = """
import sys, time, numpy as np
from fivegms_client import AccessOptions, Preferences, load
started = time.perf_counter()
options = AccessOptions(preferences=Preferences(variant=sys.argv[2]))
with load(sys.argv[1], options=options) as model:
    model.infer({"images": np.zeros((1, 3, 224, 224), np.float32)})
print(time.perf_counter() - started)
"""
CURL = "curl + onnxruntime"


@dataclass(frozen=True)
class Sample:
    """One run in seconds: from the first request to the first result, and the whole process."""

    ttfi_s: float
    process_s: float


async def timed(script: str, *arguments: str) -> Sample:
    """Run a contender in a fresh process. Raises RuntimeError when it fails."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"a contender ended with {process.returncode}")
    return Sample(float(output), time.perf_counter() - started)


async def serve_file(file: Path) -> tuple[web.AppRunner, int]:
    """The fp32 file on a plain static server."""
    app = web.Application()
    app.router.add_static("/", file.parent)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, runner.addresses[0][1]


async def compare(rate_mbps: int, runs: int, model: Path, locator: str) -> dict[str, list[Sample]]:
    """Alternate the peer and our fp32 and int8 variants `runs` times behind links of one rate."""
    profile = LinkProfile(downlink_bps=rate_mbps * 1e6, uplink_bps=rate_mbps * 1e6)
    runner, file_port = await serve_file(model)
    origin = URL(locator)
    assert origin.host is not None
    assert origin.port is not None
    samples: dict[str, list[Sample]] = {CURL: [], "fp32": [], "int8": []}
    async with (
        EmulatedLink("127.0.0.1", file_port, profile) as file_link,
        EmulatedLink(origin.host, origin.port, profile) as as_link,
    ):
        mpd = as_link.url + origin.raw_path
        target = str(model.with_name("fetched.onnx"))
        for _ in range(runs):
            samples[CURL].append(await timed(PEER, f"{file_link.url}/{model.name}", target))
            for precision in ("fp32", "int8"):
                samples[precision].append(await timed(OURS, mpd, precision))
    await runner.cleanup()
    return samples


async def measure(runs: int, rates: list[int]) -> dict[str, Any]:
    """Publish the model once and compare at every rate."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "resnet50.onnx"
        catalogue.write(catalogue.CATALOGUE["resnet50"].network(), source)
        template = ModelPreparation(
            model=ModelDescription(name="resnet50", task="image-classification"),
            source=source.name,
        )
        async with (
            Deployment(DeploymentConfig.on_free_ports(Path(name) / "data")) as deployment,
            Provider(deployment.addresses["m1"]) as provider,
        ):
            published = await provider.publish(source, template)
            assert published.model.locator is not None
            sizes = {v.precision: v.size_bytes for v in published.model.variants}
            sizes[CURL] = source.stat().st_size
            rows = [
                row(rate, what, sizes[what], samples, compared[CURL])
                for rate in rates
                for compared in [await compare(rate, runs, source, published.model.locator)]
                for what, samples in compared.items()
            ]
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "runs": runs,
        "rows": rows,
    }


def row(
    rate_mbps: int, what: str, size_bytes: int, samples: list[Sample], peer: list[Sample]
) -> dict[str, Any]:
    """Medians, and medians of ratios pair by pair, which stand a machine whose speed drifts."""
    ttfi = [sample.ttfi_s for sample in samples]
    pairs = list(zip(samples, peer, strict=True))
    return {
        "rate_mbps": rate_mbps,
        "what": what,
        "bytes": size_bytes,
        "ttfi_s": statistics.median(ttfi),
        "ttfi_min_s": min(ttfi),
        "ttfi_max_s": max(ttfi),
        "ttfi_ratio": statistics.median(a.ttfi_s / b.ttfi_s for a, b in pairs),
        "process_s": statistics.median(sample.process_s for sample in samples),
        "process_ratio": statistics.median(a.process_s / b.process_s for a, b in pairs),
    }


def print_markdown(report: dict[str, Any]) -> None:
    """The table that docs/benchmarks.md shows."""
    print(
        f"{report['machine']}, Python {report['python']}, onnxruntime {report['onnxruntime']}, "
        f"{report['runs']} runs of each, alternating\n"
    )
    print("| link | what | bytes | TTFI s | min - max | ratio | whole process s | ratio |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for entry in report["rows"]:
        print(
            f"| {entry['rate_mbps']} Mbit/s | {entry['what']} | {entry['bytes']:,} "
            f"| {entry['ttfi_s']:.2f} | {entry['ttfi_min_s']:.2f} - {entry['ttfi_max_s']:.2f} "
            f"| {entry['ttfi_ratio']:.2f} | {entry['process_s']:.2f} "
            f"| {entry['process_ratio']:.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rates", type=int, nargs="+", default=[50, 200], metavar="MBIT_S")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if shutil.which("curl") is None:
        sys.exit("curl is needed: apt-get install curl")
    report = asyncio.run(measure(arguments.runs, arguments.rates))
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        print_markdown(report)


if __name__ == "__main__":
    main()
