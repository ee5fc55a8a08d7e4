"""What the servers' command lines take: converters for argparse, pure."""

import argparse
import math
from collections.abc import Callable
from typing import TypeVar

from fivegms_api.common_data import URI_CHARACTERS

Value = TypeVar("Value")


def saying_why(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """`parse` as an argparse type, with the message of its ValueError as the usage error.

    argparse itself would name the Python function instead.
    """

    def convert(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


def positive(text: str) -> int:
    """A whole number from 1, in decimal digits. Raises ValueError.

    >>> positive("20")
    20
    """
    if not (text.isascii() and text.isdigit()) or not text.strip("0"):
        raise ValueError(f"{text!r} is not a positive number")
    return int(text)


def positive_seconds(text: str) -> float:
    """A finite time above zero, in seconds. Raises ValueError.

    >>> positive_seconds("0.5")
    0.5
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"{text!r} is not a positive number of seconds")
    return seconds


def root_url(text: str) -> str:
    """An http or https URL that paths are appended to, without its final slash. Raises ValueError.

    >>> root_url("https://af.example/")
    'https://af.example'
    """
    scheme, separator, rest = text.partition("://")
    is_root = scheme in ("http", "https") and separator and rest.strip("/")
    if not is_root or set("?# ").intersection(text) or not URI_CHARACTERS.issuperset(text):
        raise ValueError(f"{text!r} is no http or https URL that paths can be appended to")
    return text.rstrip("/")
