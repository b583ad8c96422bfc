"""Every indicator does what its table says, in the engine and in the slow reference."""

from __future__ import annotations

import pytest

from features.frame import build
from features.indicators import CATALOGUE
from tests.factories import AS_OF, CRN, known_histories
from tests.properties.reference import REFERENCE, History
from tests.spec.reading import Example, examples

EXAMPLES = list(examples())


def test_every_indicator_has_examples() -> None:
    assert {example.indicator for example in EXAMPLES} == set(CATALOGUE)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_engine(example: Example) -> None:
    frame = build.build_frame(known_histories(example.rows), [example.indicator])
    value_by_group = dict(zip(frame["group"], frame[example.indicator], strict=True))
    assert value_by_group == pytest.approx(example.expected)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_reference(example: Example) -> None:
    history = History(example.rows, CRN, AS_OF)
    for group, expected in example.expected.items():
        if history.due_for(group, CATALOGUE[example.indicator].groups):
            value = REFERENCE[example.indicator](history, group)
            assert value == pytest.approx(expected)
        else:
            assert expected is None
