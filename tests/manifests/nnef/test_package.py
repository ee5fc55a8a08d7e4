"""Packages and archives: variables by label and representation, and nothing outside."""

import io
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fivegms_codecs.nnef import (
    NnefLimits,
    Package,
    errors,
    package_files,
    read_archive,
    run,
    write_archive,
)
from fivegms_codecs.nnef.package import INT8
from fivegms_codecs.nnef.paths import check_path, tensor_path
from fivegms_codecs.nnef.tensor_file import write_tensor
from support.nnef_graphs import graph_of, sample

BODY = (
    "k = variable<scalar>(shape = [5, 4, 3, 3], label = 'conv1/filter'); "
    "b = variable<scalar>(shape = [1, 5], label = 'conv1/bias'); "
    "m = variable<logical>(shape = [5], label = 'mask.v2'); "
    "i = variable<integer>(shape = [1, 5, 1, 1], label = 'index'); "
    "c = conv(x, k, b); f = cast<scalar>(i); y = add(c, f);"
)
GRAPH = graph_of(BODY)
VARIABLES: dict[str, NDArray[np.generic]] = {
    "conv1/filter": sample((5, 4, 3, 3), seed=1),
    "conv1/bias": sample((1, 5), seed=2),
    "mask.v2": np.array([True, False, True, True, False]),
    "index": np.arange(5).reshape(1, 5, 1, 1),
}
FILES = {path: b"".join(parts) for path, parts in package_files(GRAPH, VARIABLES, int8=True)}


def packed(files: dict[str, bytes], *, compressed: bool = True) -> bytes:
    out = io.BytesIO()
    parts = ((path, (data,)) for path, data in files.items())
    write_archive(parts, out, compressed=compressed)
    return out.getvalue()


@pytest.mark.requirement("R154")
@pytest.mark.requirement("R154b")
def test_a_package_is_a_structure_and_a_file_for_each_variable_in_the_folder_of_its_operation() -> (
    None
):
    assert list(FILES) == [
        "graph.nnef",
        "conv1/bias.dat",
        "conv1/bias.int8.dat",
        "conv1/filter.dat",
        "conv1/filter.int8.dat",
        "index.dat",
        "mask.v2.dat",
        "graph.int8.quant",
    ]
    package = Package(FILES)
    assert package.graph == GRAPH
    for label, array in package.variables().items():
        np.testing.assert_array_equal(array, VARIABLES[label])
        assert array.dtype == VARIABLES[label].dtype


@pytest.mark.requirement("R155")
def test_a_tensor_has_several_representations_and_the_reader_picks_one() -> None:
    package = Package(FILES)
    assert package.representations("conv1/filter") == ("", INT8)
    assert package.representations("mask.v2") == ("",)
    assert package.representations("nonesuch") == ()
    exact = package.load("conv1/filter")
    small = package.load("conv1/filter", INT8)
    assert small.dtype == np.float32
    error = np.abs(np.asarray(small, np.float32) - np.asarray(exact, np.float32)).max()
    assert 0 < error <= 0.501 * np.abs(np.asarray(exact, np.float32)).max() / 127
    assert len(FILES["conv1/filter.int8.dat"]) - 128 == exact.size


@pytest.mark.requirement("R155")
def test_a_network_runs_in_either_representation() -> None:
    package = Package(FILES)
    exact = run(package.graph, package.variables(), {"x": sample()})["y"]
    small = run(package.graph, package.variables((INT8, "")), {"x": sample()})["y"]
    np.testing.assert_allclose(small, exact, atol=0.2)
    assert not np.array_equal(small, exact)
    with pytest.raises(errors.VariableMissing):
        package.variables((INT8,))


@pytest.mark.requirement("R154")
@pytest.mark.parametrize("compressed", [True, False])
def test_an_archive_is_read_as_it_was_written(compressed: bool) -> None:
    data = packed(FILES, compressed=compressed)
    assert packed(FILES, compressed=compressed) == data
    files = read_archive(data)
    assert {path: bytes(content) for path, content in files.items()} == FILES
    assert Package(files).variables().keys() == VARIABLES.keys()


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"graph.nnef": None}, errors.PackageInvalid),
        ({"conv1/filter.dat": None}, errors.VariableMissing),
        ({"conv1/filter.dat": FILES["conv1/bias.dat"]}, errors.VariableMismatch),
        ({"index.dat": write_tensor(np.ones((1, 5, 1, 1), np.float32))}, errors.VariableMismatch),
        ({"conv1/filter.dat": FILES["conv1/filter.int8.dat"]}, errors.QuantisationInvalid),
        (
            {"conv1/filter.dat": FILES["conv1/filter.int8.dat"], "graph.quant": b""},
            errors.QuantisationInvalid,
        ),
        ({"conv1/filter.dat": b"N"}, errors.TensorFileInvalid),
    ],
)
def test_a_package_that_lacks_or_contradicts_is_refused(
    change: dict[str, bytes | None], refusal: type[errors.NnefError]
) -> None:
    files = {path: data for path, data in (FILES | change).items() if data is not None}
    with pytest.raises(refusal):
        Package(files).variables()


def test_a_package_has_no_more_files_than_allowed() -> None:
    with pytest.raises(errors.TooLarge):
        Package(FILES, NnefLimits(max_files=7))
    with pytest.raises(errors.TooLarge):
        read_archive(packed(FILES), NnefLimits(max_files=7))


@pytest.mark.parametrize("compressed", [True, False])
def test_an_archive_is_no_larger_than_allowed(compressed: bool) -> None:
    bomb = packed({"graph.nnef": bytes(10**7)}, compressed=compressed)
    with pytest.raises(errors.TooLarge):
        read_archive(bomb, NnefLimits(max_package_bytes=10**6))


def test_variables_must_be_there_and_fit_to_be_written() -> None:
    with pytest.raises(errors.VariableMissing):
        list(package_files(GRAPH, {}))
    with pytest.raises(errors.VariableMismatch):
        list(package_files(GRAPH, VARIABLES | {"index": np.arange(5)}))
    outside = graph_of("y = variable<scalar>(shape = [1], label = '../y');")
    with pytest.raises(errors.PathUnsafe):
        list(package_files(outside, {"../y": np.ones(1, np.float32)}))


@pytest.mark.parametrize(
    "path",
    ["", "/a", "a//b", "a/../b", "./a", "a\\b", "c:a", "a\0b", "a/", "a" * 300, "a/" * 600 + "b"],
)
def test_paths_stay_inside(path: str) -> None:
    with pytest.raises(errors.PathUnsafe):
        check_path(path)


def test_a_representation_has_a_plain_name() -> None:
    with pytest.raises(errors.PathUnsafe):
        tensor_path("a", "../b")


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        archive.addfile(info)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", errors.PackageInvalid),
        (b"not a tar file" * 100, errors.PackageInvalid),
        (b"\x1f\x8b" + bytes(20), errors.PackageInvalid),
        (packed(FILES)[:-20], errors.PackageInvalid),
        (packed(FILES, compressed=False)[:1000], errors.PackageInvalid),
        (member("/etc/passwd"), errors.PathUnsafe),
        (member("../outside"), errors.PathUnsafe),
        (member("link", tarfile.SYMTYPE, "/etc/passwd"), errors.PathUnsafe),
        (member("link", tarfile.LNKTYPE, "graph.nnef"), errors.PathUnsafe),
        (member("device", tarfile.CHRTYPE), errors.PathUnsafe),
        (member("a")[:512] + member("a"), errors.PackageInvalid),
    ],
)
def test_an_archive_that_is_none_or_leads_outside_is_refused(
    data: bytes, refusal: type[errors.NnefError]
) -> None:
    with pytest.raises(refusal):
        read_archive(data)


@given(st.integers(0, 9000), st.binary(min_size=1, max_size=40), st.booleans())
def test_a_damaged_archive_is_refused_or_read(at: int, patch: bytes, compressed: bool) -> None:
    data = bytearray(packed(FILES, compressed=compressed))
    data[at : at + len(patch)] = patch
    try:
        Package(read_archive(bytes(data))).variables((INT8, ""))
    except errors.NnefError:
        return


def test_a_header_that_declares_more_than_there_is_allocates_nothing() -> None:
    header = tarfile.TarInfo("long")
    header.type, header.size = tarfile.XHDTYPE, 2**62
    with pytest.raises(errors.PackageInvalid):
        read_archive(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))


def test_a_quantisation_file_is_read_once_for_all_its_tensors() -> None:
    read: list[str] = []

    class Files(dict[str, bytes]):
        def __getitem__(self, path: str) -> bytes:
            read.append(path)
            return super().__getitem__(path)

    bodies = (f"v{i} = variable<scalar>(shape = [4, 4], label = 'v{i}');" for i in range(3))
    graph = graph_of(" ".join(bodies) + " y = relu(x);")
    files = package_files(graph, {f"v{i}": sample((4, 4), i) for i in range(3)}, int8=True)
    package = Package(Files((path, b"".join(parts)) for path, parts in files))
    assert len(package.variables((INT8,))) == 3
    assert read.count("graph.int8.quant") == 1
