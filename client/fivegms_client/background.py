"""Keeps a model current beside the app: the layers that follow, then newer versions.

A thread that ends with the model's use, and that does not keep a forgotten model alive. What goes
wrong is the model's `upkeep_error` until a step succeeds; what runs goes on.
"""

from collections.abc import Callable
from threading import Event, Thread
from traceback import clear_frames
from weakref import ReferenceType, ref

from fivegms_client.errors import ClientError, ModelClosed
from fivegms_client.loaded import Step
from fivegms_client.options import AccessOptions
from fivegms_client.refinement import Refine
from fivegms_client.runnable import RunnableModel


def keep_current(model: RunnableModel, options: AccessOptions) -> None:
    """Do what `options` ask for, if anything."""
    refine = options.refine is Refine.BACKGROUND
    if refine or options.update_every_s is not None:
        _Background(model, options.update_every_s, refine=refine).start()


class _Background:
    def __init__(self, model: RunnableModel, every_s: float | None, *, refine: bool) -> None:
        self._model: ReferenceType[RunnableModel] = ref(model)
        self._every_s = every_s
        self._refine = refine
        self._ended = Event()
        model.at_end(self._ended.set)

    def start(self) -> None:
        Thread(target=self._run, name="fivegms-upkeep", daemon=True).start()

    def _run(self) -> None:
        self._refine_to_the_end()
        while self._every_s is not None and not self._ended.wait(self._every_s):
            self._step(RunnableModel.update)
            self._refine_to_the_end()

    def _refine_to_the_end(self) -> None:
        while self._refine and self._step(RunnableModel.refine) is not None:
            pass

    def _step(self, take: Callable[[RunnableModel], Step | None]) -> Step | None:
        model = self._model()
        if model is None or self._ended.is_set():
            return None
        try:
            step = take(model)
        except ModelClosed:
            return None
        except ClientError as error:
            _forget_what_it_held(error)
            model.upkeep_error = error
            return None
        model.upkeep_error = None
        return step


def _forget_what_it_held(error: ClientError) -> None:
    """An error that is kept must not keep the tensors of the step that failed, or of the model."""
    cause: BaseException | None = error
    while cause is not None:
        clear_frames(cause.__traceback__)
        cause = cause.__cause__ or cause.__context__
