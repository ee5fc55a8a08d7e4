"""What `prepare` takes to encrypt a model: the key's file, and where authorised UEs get it."""

from pathlib import Path
from typing import Annotated

import typer

from fivegms_api.model_preparation import KeyReference, ModelPreparation
from fivegms_manifests.encryption import key_id
from fivegms_prepare.encryption import read_key

EncryptKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--encrypt-key", exists=True, dir_okay=False, help="Encrypt with this key: 32 bytes."
    ),
]
KeyUrlOption = Annotated[
    str | None,
    typer.Option("--key-url", metavar="URL", help="Where authorised devices get the key."),
]
KeyIdOption = Annotated[
    str | None,
    typer.Option("--key-id", help="What the key is called there; default: a digest of it."),
]


def encryption(
    template: ModelPreparation, file: Path | None, url: str | None, name: str | None
) -> tuple[ModelPreparation, bytes | None]:
    """The template with the options laid over it, and the key.

    Raises KeyMissing, typer.BadParameter.
    """
    if file is None:
        if url is not None or name is not None:
            raise typer.BadParameter("--key-url and --key-id go with --encrypt-key")
        return template, None
    key = read_key(file)
    if url is None and template.encryption is None:
        raise typer.BadParameter("--encrypt-key needs --key-url: devices get the key there")
    given = template.encryption
    reference = KeyReference(
        key_id=name or (given.key_id if given else key_id(key)),
        key_url=url or (given.key_url if given else ""),
    )
    return template.model_copy(update={"encryption": reference}), key
