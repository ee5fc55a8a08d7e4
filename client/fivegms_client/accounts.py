"""What a step of a model took, for the app and for reports."""

from collections.abc import Sequence

from fivegms_client.arrival import Arrived
from fivegms_client.decoding import SubsetAssembly
from fivegms_client.layers import parts_of
from fivegms_client.loaded import Running, Step, Way
from fivegms_client.progress import ProgressMeter
from fivegms_client.reporting import Delivery, Subject
from fivegms_client.selection import in_use
from fivegms_client.start import Start
from fivegms_client.timings import Timings


def running_of(
    start: Start,
    arrived: Arrived,
    way: Way,
    client_id: str,
    *,
    before: Sequence[Step] = (),
    note: str | None = None,
) -> Running:
    """What runs from now on, with its own step after those `before`."""
    timings = start.watch.timings()
    meter, manifest = arrived.meter, start.accessed.manifest
    step = Step(
        way,
        manifest.model.version,
        tuple(subset.variant for subset in arrived.subsets),
        meter.network_bytes,
        meter.cache_bytes,
        timings,
        note,
    )
    return Running(
        manifest,
        start.selections,
        start.trust,
        arrived.subsets,
        (*before, step),
        arrived.subsets[0].model.inputs,
        arrived.subsets[-1].model.outputs,
        _subject(start, arrived, timings, client_id),
    )


def _subject(start: Start, arrived: Arrived, timings: Timings, client_id: str) -> Subject | None:
    """What is reported of it; nothing is, of a model from a folder."""
    accessed = start.accessed
    if accessed.url is None:
        return None
    pairs = zip(start.selections, arrived.subsets, strict=True)
    return Subject(
        entry_url=accessed.url,
        model=accessed.manifest.model,
        selections=tuple(in_use(selection, subset.variant) for selection, subset in pairs),
        delivery=delivery_of(
            len(accessed.document), arrived.assemblies, arrived.meter, timings.fetch_ms
        ),
        client_id=client_id,
    )


def delivery_of(
    manifest_bytes: int,
    assemblies: Sequence[SubsetAssembly],
    meter: ProgressMeter,
    fetch_ms: float | None,
) -> Delivery:
    """What the network brought, and how. A part of two variants counts for the first."""
    counted = set(meter.cached)
    weights_bytes: dict[str, int] = {}
    topology_bytes = 0
    for assembly in assemblies:
        for number, layer in enumerate(assembly.layers):
            fetched = [part for part in parts_of([layer.variant]) if part.sha256 not in counted]
            counted |= {part.sha256 for part in fetched}
            topology = assembly.topology_bytes if fetched and number == 0 else 0
            topology_bytes += topology
            size_bytes = sum(part.size_bytes for part in fetched)
            weights_bytes[layer.variant.id] = max(0, size_bytes - topology)
    fetch_s = (fetch_ms or 0.0) / 1000
    return Delivery(
        manifest_bytes=manifest_bytes,
        topology_bytes=topology_bytes,
        weights_bytes=weights_bytes,
        retransmitted_bytes=meter.retransmitted_bytes,
        stalls=meter.stalls,
        stalled_s=meter.stalled_s,
        throughput_bps=8 * meter.network_bytes / fetch_s
        if meter.network_bytes and fetch_s > 0
        else None,
    )
