"""What is really in a media file: the reference that a detector's results are measured against.

One JSON document per media file, written by whoever composed or labelled the media and read by the
evaluation of object detection. This module owns the document: its values, its reader, its writer
and the bounds it is read under. It knows nothing of detectors, scores or drawing.

    {"media": "clip.mp4", "labels": ["0", ...], "width": 320, "height": 192, "frameRate": [25, 1],
     "line": [x0, y0, x1, y1],
     "frames": [{"index": 0, "objects": [{"track": 3, "label": "7", "box": [x0, y0, x1, y1]}]}],
     "counters": {"entered": 1, "left": 2, "crossed": 3}}

`line` and `counters` are optional. A box is in pixels of the media, its origin the upper left
corner, the lower right corner exclusive, and lies inside the frame.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from fivegms_engine.errors import EngineError

type Box = tuple[float, float, float, float]
