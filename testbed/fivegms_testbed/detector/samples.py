"""Training samples: scenes rendered once, as a camera and a codec would give them, and kept.

Sample `i` of a seed depends on nothing but (seed, split, place, i), so rendering may be spread over
processes and still gives the same set. This module owns that and the fixed-size arrays that hold
annotations of differing number; it knows nothing of networks.
"""

import io
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fivegms_testbed.detector.digits import Glyph, Split, load_glyphs
from fivegms_testbed.detector.places import Place, backgrounds
from fivegms_testbed.detector.scenes import HEIGHT, WIDTH, SceneObject, compose_still

MOST_OBJECTS = 14
NO_OBJECT = -1


@dataclass(frozen=True, slots=True)
class SampleSet:
    """`images` [S, 3, 192, 320] uint8 RGB, `labels` [S, 14] int64 and `boxes` [S, 14, 4] float32.

    A label of -1 means that there is no such object.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    boxes: NDArray[np.float32]


def render_samples(
    split: Split, count: int, seed: int, place: Place = Place.PHOTOGRAPHS
) -> SampleSet:
    """Render `count` scenes of a split with as many processes as there are cores."""
    images = np.empty((count, 3, HEIGHT, WIDTH), np.uint8)
    labels = np.full((count, MOST_OBJECTS), NO_OBJECT, np.int64)
    boxes = np.zeros((count, MOST_OBJECTS, 4), np.float32)
    jobs = [(split, place, seed, index) for index in range(count)]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        for index, (pixels, objects) in enumerate(pool.map(render_sample, jobs, chunksize=50)):
            images[index] = pixels.transpose(2, 0, 1)
            for number, item in enumerate(objects):
                labels[index, number], boxes[index, number] = item.label, item.box
    return SampleSet(images, labels, boxes)


def render_sample(
    job: tuple[Split, Place, int, int],
) -> tuple[NDArray[np.uint8], tuple[SceneObject, ...]]:
    """Sample `index` of a split and a seed: its picture [192, 320, 3] uint8 RGB and its objects.

    `job` is (split, place, seed, index).
    """
    split, place, seed, index = job
    generator = np.random.default_rng([seed, list(Split).index(split), index])
    scene = compose_still(generator, *_material(split, place), most=MOST_OBJECTS)
    pixels, objects = scene.render(0)
    return _degrade(generator, pixels), objects


@cache
def _material(
    split: Split, place: Place
) -> tuple[tuple[Glyph, ...], tuple[NDArray[np.uint8], ...]]:
    return load_glyphs(split), backgrounds(place, split)


def _degrade(generator: np.random.Generator, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half of all pictures go through a lossy codec, as every frame of a video has."""
    if generator.uniform() < 0.5:
        return pixels
    coded = io.BytesIO()
    Image.fromarray(pixels).save(coded, "JPEG", quality=int(generator.integers(50, 95)))
    return np.asarray(Image.open(coded).convert("RGB"))
