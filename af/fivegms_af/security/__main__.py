"""`python -m fivegms_af.security hash`: the hash of a client's secret, for the file of clients.

Reads the secret from standard input's first line; with `--generate` it makes one and says it on
standard error, where it is not piped into the file by mistake.
"""

import argparse
import sys
from collections.abc import Sequence

from fivegms_af.security.client_secret import MAX_SECRET_CHARACTERS, SecretHash, generate_secret

MIN_SECRET_CHARACTERS = 16


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 where the secret is none."""
    parser = argparse.ArgumentParser(prog="python -m fivegms_af.security", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("hash", help="print the hash of a secret")
    command.add_argument("--generate", action="store_true", help="make the secret")
    generate: bool = parser.parse_args(arguments).generate
    secret = generate_secret() if generate else sys.stdin.readline().rstrip("\r\n")
    if not MIN_SECRET_CHARACTERS <= len(secret) <= MAX_SECRET_CHARACTERS:
        limits = f"{MIN_SECRET_CHARACTERS} to {MAX_SECRET_CHARACTERS}"
        print(f"a secret has {limits} characters", file=sys.stderr)
        return 1
    if generate:
        print(f"secret: {secret}", file=sys.stderr)
    print(SecretHash.of(secret))
    return 0


if __name__ == "__main__":
    sys.exit(main())
