"""Time to first inference over a rate-limited link: our client against curl and onnxruntime.

    .venv/bin/python benchmarks/time_to_first_inference.py [--runs 5] [--rates 50 200]

Publishes a ResNet-50 shaped model (102 MB fp32) on an embedded deployment, then, pair by pair,
starts two fresh processes behind the same emulated link: one that fetches the fp32 file with curl
and runs it with onnxruntime, and one that runs the published model with `fivegms_client`. Both are
timed as whole processes, imports included. Prints a Markdown table of medians and ratios.
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

import onnx
import onnxruntime
from aiohttp import web

from fivegms_api.model_preparation import ModelDescription, ModelPreparation
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.link import EmulatedLink, LinkProfile
from fivegms_testbed.provider import Provider
from fivegms_testbed.resnet50 import build_resnet50

PEER = """
import sys, numpy as np, onnxruntime as ort
session = ort.InferenceSession(sys.argv[1])
session.run(None, {"images": np.zeros((1, 3, 224, 224), np.float32)})
"""
OURS = """
import sys, numpy as np
from fivegms_client import AccessOptions, Preferences, load
options = AccessOptions(preferences=Preferences(variant=sys.argv[2]))
with load(sys.argv[1], options=options) as model:
    model.infer({"images": np.zeros((1, 3, 224, 224), np.float32)})
"""


@dataclass(frozen=True)
class Row:
    """What one contender took at one rate: whole-process seconds per run, and bytes fetched."""

    name: str
    seconds: list[float]
    size_bytes: int


async def timed(*command: str) -> float:
    """Whole-process wall time in seconds. Raises RuntimeError when the command fails."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return time.perf_counter() - started


async def curl_and_onnxruntime(url: str, folder: Path) -> float:
    """The peer: download the file, load it, run it once."""
    target = folder / "peer.onnx"
    fetched = await timed("curl", "--silent", "--fail", "--output", str(target), url)
    return fetched + await timed(sys.executable, "-c", PEER, str(target))


async def serve_file(file: Path) -> tuple[web.AppRunner, int]:
    """The fp32 file on a plain static server."""
    app = web.Application()
    app.router.add_static("/", file.parent)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, runner.addresses[0][1]


async def compare(rate_mbps: int, runs: int, model: Path, locator: str, folder: Path) -> list[Row]:
    """Alternate the peer and each of our variants `runs` times behind links of one rate."""
    profile = LinkProfile(downlink_bps=rate_mbps * 1e6, uplink_bps=rate_mbps * 1e6)
    runner, file_port = await serve_file(model)
    as_host, _, rest = locator.removeprefix("http://").partition("/")
    host, _, port = as_host.partition(":")
    contenders: dict[str, list[float]] = {"curl + onnxruntime": [], "fp32": [], "int8": []}
    async with (
        EmulatedLink("127.0.0.1", file_port, profile) as file_link,
        EmulatedLink(host, int(port), profile) as as_link,
    ):
        for _ in range(runs):
            peer_url = f"{file_link.url}/{model.name}"
            contenders["curl + onnxruntime"].append(await curl_and_onnxruntime(peer_url, folder))
            for precision in ("fp32", "int8"):
                mpd = f"{as_link.url}/{rest}"
                seconds = await timed(sys.executable, "-c", OURS, mpd, precision)
                contenders[precision].append(seconds)
    await runner.cleanup()
    return [Row(name, seconds, 0) for name, seconds in contenders.items()]


async def measure(runs: int, rates: list[int]) -> dict[str, object]:
    """Publish the model once and compare at every rate."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "resnet50.onnx"
        onnx.save(build_resnet50(), source)
        template = ModelPreparation(
            model=ModelDescription(name="resnet50", task="image-classification"),
            source=source.name,
        )
        async with (
            Deployment(DeploymentConfig.on_free_ports(folder / "data")) as deployment,
            Provider(deployment.addresses["m1"]) as provider,
        ):
            published = await provider.publish(source, template)
            assert published.model.locator is not None
            sizes = {v.precision: v.size_bytes for v in published.model.variants}
            sizes["curl + onnxruntime"] = source.stat().st_size
            results = {
                rate: await compare(rate, runs, source, published.model.locator, folder)
                for rate in rates
            }
        return {
            "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,
            "runs": runs,
            "rows": [
                {
                    "rate_mbps": rate,
                    "what": row.name,
                    "bytes": sizes[row.name],
                    "median_s": statistics.median(row.seconds),
                    "min_s": min(row.seconds),
                    "max_s": max(row.seconds),
                    "ratio": _ratio(rows[0].seconds, row.seconds),
                }
                for rate, rows in results.items()
                for row in rows
            ],
        }


def _ratio(peer: list[float], ours: list[float]) -> float:
    """The median of the ratios pair by pair: robust against a machine that changes speed."""
    return statistics.median(mine / theirs for mine, theirs in zip(ours, peer, strict=True))


def print_markdown(report: dict[str, object]) -> None:
    """The table that docs/benchmarks.md shows."""
    rows = report["rows"]
    assert isinstance(rows, list)
    print("| link | what | bytes | median s | min - max s | ratio to curl |")
    print("|---|---|---:|---:|---:|---:|")
    for row in rows:
        print(
            f"| {row['rate_mbps']} Mbit/s | {row['what']} | {row['bytes']:,} "
            f"| {row['median_s']:.2f} | {row['min_s']:.2f} - {row['max_s']:.2f} "
            f"| {row['ratio']:.2f} |"
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
