"""Every golden vector of a unit, damaged and forged; `benchmarks/mutations.py` does many more."""

from pathlib import Path
from random import Random

import pytest

from fivegms_codecs import errors
from support.mutations import LIMITS, OTHER, SAME, Subject, damaged, forged, subjects, tally

SUBJECTS = subjects(Path(__file__).parents[2] / "vectors")
COUNT = 40
PEAK_BYTES = 8 * LIMITS.max_tensor_bytes

all_subjects = pytest.mark.parametrize("subject", SUBJECTS, ids=[s.title for s in SUBJECTS])


@all_subjects
def test_a_unit_that_is_whole_is_read(subject: Subject) -> None:
    assert subject.outcome(subject.units) == SAME


@all_subjects
def test_damage_is_refused_or_changes_nothing(subject: Subject) -> None:
    result = tally(subject, damaged, COUNT, Random(subject.title))
    assert OTHER not in result.outcomes
    assert result.outcomes.total() == COUNT
    assert result.peak_bytes < PEAK_BYTES


@all_subjects
def test_a_forger_gets_other_numbers_at_most(subject: Subject) -> None:
    result = tally(subject, forged, COUNT, Random(subject.title))
    assert all(name in (SAME, OTHER) or hasattr(errors, name) for name in result.outcomes)
    assert result.peak_bytes < PEAK_BYTES
