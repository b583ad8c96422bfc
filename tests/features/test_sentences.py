"""What is said of a risk group names it."""

from __future__ import annotations

import pytest

from features.contracts.codes import COMMUNITY_GROUPS, GROUP_WORDS, RISK_GROUPS
from features.frame import evidence
from features.indicators import CATALOGUE
from tests.factories import CRN, assessment, known_histories, row


@pytest.mark.parametrize(("target", "group"), [("child", "children"), ("public", "public")])
def test_a_sentence_names_the_group_that_it_is_about(target: str, group: str) -> None:
    incidents = [
        row("incidents", f"2026-06-0{n}", kind="threat", target=target, severity=4)
        for n in (3, 5, 7)
    ]
    histories = known_histories({"incidents": incidents, "assessments": [assessment("2026-01-05")]})
    findings = evidence.collect_findings(histories, CATALOGUE.values())
    sentences = [
        finding.sentence
        for of_one in findings.values()
        for (crn, of_group), finding in of_one.items()
        if (crn, of_group) == (CRN, group)
    ]
    assert any(GROUP_WORDS[group] in sentence for sentence in sentences)
    assert not [sentence for sentence in sentences if "this group" in sentence]


def test_every_group_has_words() -> None:
    assert set(GROUP_WORDS) == set(RISK_GROUPS) >= set(COMMUNITY_GROUPS)
