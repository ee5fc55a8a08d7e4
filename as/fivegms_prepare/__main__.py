"""`python -m fivegms_prepare`: one preparation as a process of its own.

A model comes from outside and native code reads it; whatever happens to this process, the
Application Server that started it goes on. It speaks in lines of JSON on standard output:

    {"progress": {"stage": "encoding int8", "fraction": 0.45}}      any number of times
    {"result": {"manifest": "model.mpd", "files": [...], "variants": [...], "withheld": [...]}}
                                                                    then exit code 0
    {"refused": {"type": "not-onnx", "detail": "..."}}              or exit code 1

`files` are paths below `--out`, the manifest last; `variants` and `withheld` are M3's. Anything
else, and any other exit code, is a crash. With `--journal`, what was finished before a crash is
found there by the next process of the same `--binding`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fivegms_api.ai_models import PreparationProgress
from fivegms_api.model_preparation import ModelPreparation
from fivegms_prepare.allocation import return_freed_memory
from fivegms_prepare.errors import ModelRefused, OutOfMemory, TemplateInvalid
from fivegms_prepare.machine import describe_software
from fivegms_prepare.orphans import end_with_input
from fivegms_prepare.preparation import Journaling, PreparationResult, prepare


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare as the arguments say; the exit code."""
    options = _parser().parse_args(arguments)
    return_freed_memory()
    if options.end_with_input:
        end_with_input()
    try:
        result = _prepare(options)
    except ModelRefused as refusal:
        _say(refused={"type": refusal.type, "detail": refusal.detail})
        return 1
    _say(result=_result(result))
    return 0


def _prepare(options: argparse.Namespace) -> PreparationResult:
    try:
        return prepare(
            options.source,
            _template(options.template),
            options.out,
            evaluation_dir=options.evaluation_dir,
            progress=_report,
            now=datetime.now(UTC),
            journaling=_journaling(options),
        )
    except MemoryError:
        pass  # what was taken is given back before the next line takes any
    raise OutOfMemory(
        "the model needs more memory than a preparation has here: split its largest tensors, or "
        "ask the operator for more (preparation_memory_bytes)"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fivegms_prepare",
        description="Prepare an ONNX model for delivery: variants, segments and a manifest.",
    )
    parser.add_argument("--source", type=Path, required=True, help="the ONNX file")
    parser.add_argument(
        "--template", type=Path, required=True, help="the Content Preparation Template (JSON)"
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder to fill")
    parser.add_argument(
        "--evaluation-dir", type=Path, help="the folder that all else that it names is below"
    )
    parser.add_argument("--journal", type=Path, help="the folder to keep finished work in")
    parser.add_argument("--binding", default="", help="what the inputs and the template are")
    parser.add_argument(
        "--end-with-input", action="store_true", help="end at once when standard input ends"
    )
    return parser


def _journaling(options: argparse.Namespace) -> Journaling | None:
    if options.journal is None:
        return None
    return Journaling(options.journal, "; ".join((options.binding, *describe_software())))


def _template(path: Path) -> ModelPreparation:
    try:
        return ModelPreparation.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TemplateInvalid(f"the template cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TemplateInvalid(f"the template's {where or 'document'}: {first['msg']}") from error


def _result(result: PreparationResult) -> dict[str, Any]:
    return {
        "manifest": result.files[-1],
        "files": result.files,
        "variants": [
            variant.model_dump(mode="json", by_alias=True, exclude_none=True)
            for variant in result.variants
        ],
        "withheld": [
            variant.model_dump(mode="json", by_alias=True, exclude_none=True)
            for variant in result.withheld
        ],
    }


def _report(progress: PreparationProgress) -> None:
    _say(progress=progress.model_dump(mode="json", by_alias=True))


def _say(**message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
