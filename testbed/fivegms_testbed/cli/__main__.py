"""`python -m fivegms_testbed.cli` is the `fivegms` command."""

from fivegms_testbed.cli.app import main

main()
