"""AF, AS and UEs in one process, link emulation, and the `fivegms` command."""
