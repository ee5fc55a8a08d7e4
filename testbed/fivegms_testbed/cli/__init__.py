"""The `fivegms` command (docs/commands.md)."""

from fivegms_testbed.cli.app import main

__all__ = ["main"]
