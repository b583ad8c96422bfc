"""Generates the public record (docs/public-record.md) from the system's own facts.

A draft for people to finish: what only a person can say is marked [a person adds]. Law is named
where it was read; what has not been checked against its text is marked [check].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from features.contracts import records
from features.indicators import CATALOGUE
from features.store.protected_characteristics import CHARACTERISTICS
from models.strata import STRATA
from serving.board import approvals
from serving.board.impact import MINUTES
from serving.cases import acute_list
from serving.night import purge, retention
from serving.reports.law import CHECK, LAW, PERSON, PROMISES
from serving.review import states
from serving.rule_numbers import APPROVAL_DAYS, LEAST_REASONS
from serving.watch.figures import THRESHOLDS, TOPICS, Line


def as_markdown() -> str:
    """The public record of this system (transparency standard, legal duties) as Markdown."""
    return "\n".join(
        [
            *_head_lines(),
            *_tier_1(),
            *_tier_2(),
            *_dpia_lines(),
            *_promise_lines(),
            *_law_lines(),
            "",
        ]
    )


def _head_lines() -> list[str]:
    return [
        "# Records for the public side",
        "",
        "Generated from the system's own facts by `python -m serving docs`; do not edit. A draft: "
        f"what only a person can say is marked {PERSON}, and what has not been checked against the "
        f"text of the law {CHECK}.",
        "",
    ]


def _tier_1() -> list[str]:
    return [
        "## Algorithmic Transparency Recording Standard, tier 1",
        "",
        *_field_lines(
            ("Name", "rosh-triage"),
            (
                "Description",
                "Reads whole probation case histories every night and puts cases whose "
                "recorded level of risk of serious harm looks too low in front of a senior probation "
                "officer, with the dated entries behind each reason. It never decides.",
            ),
            (
                "How it is used",
                "The officer reads the case and records an own view first. Only "
                "then are the findings shown. The officer may ask a practitioner to reassess, keep "
                "the level, or ask for information. A share of cases is drawn at random, unmarked.",
            ),
            (
                "Why it is used",
                "Reviews of the worst cases found that facts pointing higher were "
                "on record, each dealt with alone.",
            ),
            ("Contact", PERSON),
        ),
    ]


def _tier_2() -> list[str]:
    uses = Counter(item.use for item in CATALOGUE.values())
    page_only = sum(bool(item.page_only_because) for item in CATALOGUE.values())
    return [
        "## Tier 2",
        "",
        *_field_lines(
            ("2.1 Owner: organisation, team, senior responsible owner", PERSON),
            ("2.1 Supplier, companies number, procurement, terms of access to data", PERSON),
            ("2.2 Detail", "See docs/ of the code: the way of the data, decisions, indicators."),
            (
                "2.2 Scope",
                "Adults under probation supervision in England and Wales. Cases of "
                "limited access are never scored.",
            ),
            (
                "2.2 Benefit",
                "A second reading of cases whose record points higher, and a count of "
                "what is missed. How large it is on real cases is not known. " + PERSON,
            ),
            (
                "2.2 Previous process",
                "Countersigning, management oversight and audits by sample; "
                "nobody read whole histories each night. " + PERSON,
            ),
            (
                "2.2 Alternatives considered",
                "Counting fired indicators; rules; a linear model: "
                "each is measured beside the model on every model card.",
            ),
            (
                "2.3 Integration",
                "A queue and pages of its own, by HMPPS sign-in; a conclusion is "
                "an event for whoever writes to NDelius; nothing is written to NDelius or OASys.",
            ),
            (
                "2.3 Information given",
                "Before the own view the record alone. After it: sentences "
                "by indicator with their dated entries, what lowered the score, how sure, what was "
                "not known. The person is told by a plain notice (`/notice`).",
            ),
            (
                "2.3 Frequency and scale",
                "Each night; a fixed number of reviews a week for each "
                f"recorded level, signed by two members of the board; about {MINUTES} minutes each.",
            ),
            ("2.3 What the officer may conclude", "; ".join(states.OUTCOMES.values())),
            (
                "2.3 Human review",
                f"Own reasons of at least {LEAST_REASONS} characters; "
                "a second reader, blind to the first, for a share; whoever had a hand in the case "
                "does not read it.",
            ),
            ("2.3 Appeal", "A dispute is put on record and shown beside the entry. " + PERSON),
            ("2.3 Training of readers", PERSON),
            (
                "2.4 Architecture",
                "A nightly batch on one machine, a web service and PostgreSQL "
                "with row-level security; the model is text files. README, docs/running.md.",
            ),
            ("2.4 Phase", "Not in use: built and tried on made-up people. " + PERSON),
            (
                "2.4 Maintenance",
                f"An approval ends after {APPROVAL_DAYS} days; figures "
                "are watched each night. Who keeps it: " + PERSON,
            ),
            (
                "2.4 Model",
                "A gradient-boosted model of behaviour that does not see the recorded "
                "level, then a calibration for each recorded level with process indicators.",
            ),
            (
                "2.4 Indicators",
                f"{len(CATALOGUE)}: {uses['stage_1']} of behaviour, "
                f"{uses['stage_2']} of process, {uses['page_only']} shown and not scored (of these "
                f"{page_only} held back for a stated reason). Each with its rule and source: "
                "docs/indicators/",
            ),
            (
                "2.4 Approval",
                f"{approvals.SIGNATURES} members of the board, for "
                f"{APPROVAL_DAYS} days; one can stop it at once, two must let it go on.",
            ),
            ("2.4 Acute entries, which need no model", "; ".join(acute_list.LISTED)),
            (
                "2.4 Metrics",
                "On each model card, with intervals. Results on made-up people are no "
                "evidence of accuracy.",
            ),
            ("2.4 Data in operation", ", ".join(sorted(records.TABLES))),
            (
                "2.4 Data in development",
                "Made-up people; the NIJ Recidivism Forecasting Challenge "
                "for the learner alone (docs/benchmark.md). Labels are readers' own views, recorded "
                "before the findings, and random audits.",
            ),
            (
                "2.4 Collection",
                "From NDelius, OASys and the services beside them, as extracts or "
                "as HMPPS API responses; nothing is collected from the person.",
            ),
            (
                "2.4 Sharing",
                "Conclusions with whoever writes to NDelius; audit events with HMPPS "
                "audit. Nothing else leaves. " + PERSON,
            ),
            (
                "2.4 Storage and access",
                "Histories in an append-only store, the queue in "
                "PostgreSQL; kept for as long as the controller says. " + PERSON,
            ),
            ("2.4 Who can see what", "docs/access.md"),
            (
                "2.5 Risks and mitigations",
                "Missing somebody: measured by the random share. Crying "
                "wolf: precision, watched. Following the model: own view first, watched by unit. "
                "Bias: " + ", ".join(CHARACTERISTICS) + ", watched. Leaks: row-level security, "
                "sealed findings, audit.",
            ),
            ("2.5 Impact assessments", PERSON),
        ),
    ]


def _dpia_lines() -> list[str]:
    return [
        "## Fact sheet for the data protection impact assessment",
        "",
        *_field_lines(
            (
                "Whose data",
                "People under supervision; people who might be harmed, as a kind of "
                "relationship and no more; staff as a code.",
            ),
            ("Never an input of the model", ", ".join(CHARACTERISTICS)),
            (
                "Kept",
                f"What was typed when a session ran out: {retention.DRAFTS_FOR.days} day. "
                f"Sessions: {retention.SESSIONS_FOR.days} days after they end. Scores and "
                f"reviews: {purge.MONTHS} months after they ended. Histories and audit: " + PERSON,
            ),
            (
                "Deleted on request",
                "`python -m serving forget`, unless the case is held for an "
                "inspection, an inquest or a review.",
            ),
            (
                "Random draws",
                "Keyed by a secret and the run; probabilities are kept, so that "
                "misses can be estimated without bias.",
            ),
            ("Recorded levels reviewed", ", ".join(STRATA).lower()),
            ("Lawful basis, necessity, consultation, residual risk", PERSON),
        ),
        "### What the board watches, and from where it acts",
        "",
        "| question | figure | look | act |",
        "|---|---|---|---|",
        *[
            f"| {TOPICS[one.topic]} | {one.title} ({one.unit}) | {_threshold(one, 'look')} | "
            f"{_threshold(one, 'act')} |"
            for one in THRESHOLDS.values()
        ],
        "",
    ]


def _promise_lines() -> list[str]:
    return [
        "## The promises, and the test that guards each",
        "",
        "| | promise | test |",
        "|---|---|---|",
        *[
            f"| {n} | {promise} | `tests/promises/{test}` |"
            for n, (promise, test) in enumerate(PROMISES, 1)
        ],
        "",
    ]


def _law_lines() -> list[str]:
    return [
        "## Where the law is met",
        "",
        "| provision | what is done | where |",
        "|---|---|---|",
        *[f"| {' | '.join(row)} |" for row in LAW],
        "",
        "The regulator's guidance on automated decisions was a draft when this was written "
        f"(consultation to 29 May 2026); the final text is to be read. {CHECK}",
    ]


def _threshold(line: Line, word: str) -> str:
    """Where to look, or to act, or what else judges the figure."""
    if line.judged_by:
        return f"as “{THRESHOLDS[line.judged_by].title}”"
    if line.by_interval:
        return "its interval lies below nought" if word == "look" else "never by itself"
    return f"{line.way} {line.thresholds[word]}"


def _field_lines(*fields: tuple[str, str]) -> Iterable[str]:
    yield from ("| field | |", "|---|---|")
    yield from (f"| {name} | {meaning} |" for name, meaning in fields)
    yield ""
