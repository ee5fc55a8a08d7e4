"""NNEF 1.0, the neural network exchange format of Khronos (TR 26.927 6.5.6, docs/nnef.md).

    errors, limits     every refusal, and the bounds of a reader
    syntax             what is written: documents, fragments, expressions
    lexer, token_stream, expressions, parser
                       text -> syntax
    standard.nnef, operations
                       the standard's operations, declared in NNEF itself
    binding, scope, evaluation, elaboration
                       syntax -> graph, and compound operations -> primitive ones
    graph              what is meant: data nodes and operation nodes
    arguments, windows, window_shapes, layout_shapes, shapes
                       shape propagation
    writer             graph -> the one text of it
    tensor_file, quantisation
                       a variable's numbers, and what their levels stand for
    paths, package, archive
                       a package as a whole
    sliding, primitives, interpreter
                       a network computed with numpy

Wire package: bytes and arrays in, values out, and back. It knows no ONNX and no file system.
"""

from fivegms_codecs.nnef.archive import read_archive, write_archive
from fivegms_codecs.nnef.elaboration import elaborate, lower, read_graph
from fivegms_codecs.nnef.errors import NnefError
from fivegms_codecs.nnef.graph import DataKind, Graph, Operation, Tensor, TensorRef, Value
from fivegms_codecs.nnef.interpreter import run
from fivegms_codecs.nnef.limits import NnefLimits
from fivegms_codecs.nnef.operations import is_compound, standard
from fivegms_codecs.nnef.package import Package, package_files
from fivegms_codecs.nnef.parser import parse_document
from fivegms_codecs.nnef.writer import write_graph

__all__ = [
    "DataKind",
    "Graph",
    "NnefError",
    "NnefLimits",
    "Operation",
    "Package",
    "Tensor",
    "TensorRef",
    "Value",
    "elaborate",
    "is_compound",
    "lower",
    "package_files",
    "parse_document",
    "read_archive",
    "read_graph",
    "run",
    "standard",
    "write_archive",
    "write_graph",
]
