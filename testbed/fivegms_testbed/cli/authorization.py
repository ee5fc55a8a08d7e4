"""What `publish`, `run` and `get` share: what to show an AF that asks for access tokens.

Other users of the machine see a command line, so each option can come from the environment.
"""

from typing import Annotated

import typer

from fivegms_client.authorization import Authorization, BearerToken, ClientCredentials

TOKEN_PATH = "/oauth2/token"  # noqa: S105

TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token", envvar="FIVEGMS_TOKEN", show_envvar=True, help="An access token for the AF."
    ),
]
ClientIdOption = Annotated[
    str | None,
    typer.Option(
        "--client-id",
        envvar="FIVEGMS_CLIENT_ID",
        show_envvar=True,
        help="Get access tokens as this client.",
    ),
]
ClientSecretOption = Annotated[
    str | None,
    typer.Option(
        "--client-secret",
        envvar="FIVEGMS_CLIENT_SECRET",
        show_envvar=True,
        help="The client's secret; better from the environment.",
    ),
]
TokenUrlOption = Annotated[
    str | None,
    typer.Option(
        "--token-url",
        envvar="FIVEGMS_TOKEN_URL",
        show_envvar=True,
        metavar="URL",
        help="Where to get access tokens; publish asks the AF's M1 by default.",
    ),
]


def authorization(
    token: str | None,
    client_id: str | None,
    client_secret: str | None,
    token_url: str | None,
) -> Authorization | None:
    """What the options mean together. Raises typer.BadParameter where they do not."""
    if token is not None:
        if client_id is not None:
            raise typer.BadParameter("give --token or --client-id, not both")
        return BearerToken(token)
    if client_id is None:
        return None
    if client_secret is None:
        raise typer.BadParameter("--client-id needs --client-secret, or FIVEGMS_CLIENT_SECRET")
    if token_url is None:
        raise typer.BadParameter("--client-id needs --token-url")
    return ClientCredentials(token_url, client_id, client_secret)
