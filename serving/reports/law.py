"""Lists the promises with their tests, and how each legal duty is met, for the public record."""

from __future__ import annotations

from features.store.protected_characteristics import CHARACTERISTICS

PERSON, CHECK = "**[a person adds]**", "**[check]**"
PROMISES: tuple[tuple[str, str], ...] = (
    ("Never a decision", "test_01_never_a_decision.py"),
    ("Nothing from the future", "test_02_nothing_from_the_future.py"),
    ("Every reason leads to its entries", "test_03_every_reason_leads_to_its_entries.py"),
    ("The SPO's view comes first", "test_04_the_spos_view_comes_first.py"),
    ("Unknown is not low", "test_05_unknown_is_not_low.py"),
    ("Who someone is never enters the model", "test_06_who_someone_is.py"),
    ("Closed doors stay closed", "test_07_closed_doors.py"),
    ("Only what was approved may score", "test_08_only_what_was_approved.py"),
    ("Misses are measured", "test_09_misses_are_measured.py"),
    ("Nothing is lost", "test_10_nothing_is_lost.py"),
    ("When things get worse, the score does not fall", "test_11_when_things_get_worse.py"),
    ("Whatever fired is said", "test_12_whatever_fired_is_said.py"),
    ("What a note says leads to its words", "test_13_what_a_note_says.py"),
    ("What cannot be told is never green", "test_14_what_cannot_be_told.py"),
)
LAW: tuple[tuple[str, str, str], ...] = (
    (
        "DPA 2018 s.50A (decisions based solely on automated processing; in force 5 February 2026)",
        "No outcome without a named person, an own view before the findings, own reasons; nothing "
        "in the database changes a level. Whether involvement is meaningful is watched each night.",
        "tests 01, 04; `serving/watch/readers.py`",
    ),
    (
        "DPA 2018 s.50B (sensitive processing in such decisions)",
        "No such decision is taken. Health, religion, ethnicity, sex and age are no inputs; mental "
        "health is scored only by a signed decision of the board.",
        "test 06; decision 0012",
    ),
    (
        "DPA 2018 s.50C (safeguards: information, representations, intervention, contest)",
        "A plain notice; the practitioner answers, declines or asks for a second look; a dispute is "
        "marked on the page; a person decides in any case.",
        "`/notice`, `/asked`; `serving/web/notices.py`",
    ),
    (
        "DPA 2018 s.50D (regulations on what involvement is meaningful)",
        "None had been read when this was written. " + CHECK,
        PERSON,
    ),
    (
        "UK GDPR art. 22A to 22D (the same for processing outside Part 3, such as of staff)",
        "No figure about a reader by name: units, never people; nothing is decided about staff.",
        "`serving/watch/readers.py`; test_pack, test_watch",
    ),
    (
        "DPA 2018 Part 3: s.35, s.42 (lawful, sensitive processing, policy document) " + CHECK,
        "The tables used are listed here, their columns in `docs/records.md`; the controller argues "
        "strict necessity.",
        PERSON,
    ),
    (
        "DPA 2018 s.38 (facts apart from opinions; categories of people) " + CHECK,
        "Each entry says whether it is fact, allegation, intelligence or opinion, and shows it.",
        "`features/contracts/records.py`",
    ),
    (
        "DPA 2018 s.45(4) (rights restricted) " + CHECK,
        "Non-disclosable entries are marked and never leave by the disclosable print or file.",
        "`serving/web/exports.py`",
    ),
    (
        "DPA 2018 s.57, s.64 (data protection by design, impact assessment) " + CHECK,
        "This fact sheet, the promises and their tests.",
        PERSON,
    ),
    (
        "DPA 2018 s.62 (logs of consultation and disclosure) " + CHECK,
        "Every page, export and step leaves a row in a hash-chained audit, exported as HMPPS events.",
        "`serving/db/audit_chain.py`; tests/serving/db/test_audit_chain.py",
    ),
    (
        "Equality Act 2010 s.149 (the public sector equality duty) " + CHECK,
        "Who is flagged, rightly flagged and missed, by " + ", ".join(CHARACTERISTICS) + ", after "
        "each night and before signing.",
        "`serving/watch/equality.py`; `training/fairness.py`",
    ),
)
