"""Writes the notes of made-up contacts: routine, what happened in the person's life, and traps.

Every officer writes in one writer's manner. What happens stands in the next contact, there and
nowhere else, or in no note; traps say that something is denied, feared, planned for, long ago or
of somebody else.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import polars as pl

from features.contracts.contact_codes import CONTACT_GROUPS
from features.synthetic import figures, hands
from features.synthetic.draw import Desk
from features.synthetic.lives import Lives

WITHIN_DAYS = 21
"""A happening stands in the first contact of the person within so many days."""
ROUTINE = {"ATTC": "attended", "UAAB": "absent", "AAME": "excused", "AAEM": "excused"}
"""The outcomes of which officers write in their own words, and what they then write."""
STOCK = {
    "AFTC": "Attended but would not take part in the session.",
    "ATSH": "Arrived under the influence and was asked to leave.",
    "RSSR": "Moved by us: staff absence.",
}
"""The notes that are the same whoever writes them, by outcome."""
INCIDENTS, CIRCUMSTANCES = "incidents", "circumstances"
LINE_OF_STATE = {
    ("relationship", "new"): "relationship_new",
    ("relationship", "ended"): "relationship_ended",
    ("relationship_conflict", "current"): "relationship_conflict",
    ("child_contact", "current"): "child_contact",
    ("pregnancy", "new"): "pregnancy",
    ("address", "temporary"): "address_changed",
    ("address", "settled"): "address_changed",
    ("address", "at_risk"): "address_lost_or_at_risk",
    ("address", "no_fixed_abode"): "address_lost_or_at_risk",
}
"""Circumstances that a note tells: their kind and state on record, and the kind of the line."""
VARIANTS = 8
"""How often a line is written out in a bucket; its notes are drawn from these."""
_LINE = ["part", "hand", "kind", "manner", "target", "woman"]
_ROUTINE = ["part", "hand", "outcome", "woman"]


@dataclass(frozen=True)
class NotedBucket:
    """The tables of a bucket with notes, and what these say: the hidden truth of notes."""

    tables: dict[str, pl.DataFrame]
    in_notes: pl.DataFrame


def write_notes(
    desk: Desk, lives: Lives, tables: dict[str, pl.DataFrame], only_in_notes: float
) -> NotedBucket:
    """Write the notes of a bucket's contacts; a share of what happens then stands in them alone.

    That share of all incidents and circumstances is no longer coded, of those that a contact
    follows within WITHIN_DAYS; where too few are followed, all of these.
    """
    rng = desk.draw.stream("notes")
    contacts = tables["contacts"].with_row_index("place")
    happenings = _happenings(tables)
    followed = _with_contact(happenings, contacts)
    drawn = pl.Series(rng.permutation(followed.height))
    uncoded_count = round(only_in_notes * happenings.height)
    also_noted = pl.Series(rng.random(followed.height) < figures.ALSO_NOTED.value)
    in_notes = followed.with_columns(only_in_notes=drawn < uncoded_count).filter(
        also_noted | pl.col("only_in_notes")
    )
    complaints = _complaints(contacts).select(in_notes.columns)
    texts = _Texts(rng, desk, lives)
    routine = texts.write_routine(contacts)
    traps = _draw_traps(rng, contacts, routine)
    lines = texts.write_lines(pl.concat([in_notes, complaints, traps.select(in_notes.columns)]))
    notes = _join_texts(routine, lines)
    uncoded = in_notes.filter("only_in_notes")
    coded = {name: _without(tables[name], uncoded, name) for name in (INCIDENTS, CIRCUMSTANCES)}
    noted_contacts = contacts.update(notes.select("place", "note"), on="place").drop("place")
    return NotedBucket(
        {**tables, **coded, "contacts": noted_contacts},
        lines.drop("place", "text").sort("crn", "noted_on", "kind", "manner"),
    )


def _happenings(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """What happens in the lives of a bucket, as first recorded and once each, as facts."""
    first = pl.col("version") == 1
    incidents = tables[INCIDENTS].filter(
        first, ~pl.col("record_id").str.starts_with("D"), pl.col("kind") != "custody_intelligence"
    )
    states = pl.DataFrame(
        [(*state, kind) for state, kind in LINE_OF_STATE.items()],
        schema=["kind", "state", "line_kind"],
        orient="row",
    )
    circumstances = tables[CIRCUMSTANCES].filter(first).join(states, on=["kind", "state"])
    own = [
        incidents.with_columns(table=pl.lit(INCIDENTS)),
        circumstances.with_columns(
            table=pl.lit(CIRCUMSTANCES), kind="line_kind", target=pl.lit("none")
        ),
    ]
    columns = ["crn", "table", "record_id", "occurred_on", "kind", "target"]
    happenings = pl.concat(one.select(columns) for one in own)
    return happenings.with_columns(manner=pl.lit("fact")).sort("crn", "occurred_on", "record_id")


def _written_up(contacts: pl.DataFrame) -> pl.DataFrame:
    """The contacts that an officer wrote up, with an outcome, in their last version."""
    newest = pl.col("version") == pl.col("version").max().over("record_id")
    return contacts.filter(
        ~pl.col("system_generated"), pl.col("outcome_code").is_not_null(), newest
    )


def _with_contact(happenings: pl.DataFrame, contacts: pl.DataFrame) -> pl.DataFrame:
    """The happenings with the contact that tells each; without those that no contact follows."""
    written_up = _written_up(contacts).select(
        "crn", "place", "staff_code", noted_on=pl.col("occurred_on")
    )
    return (
        happenings.sort("occurred_on")
        .join_asof(
            written_up.sort("noted_on", "place"),
            left_on="occurred_on",
            right_on="noted_on",
            by="crn",
            strategy="forward",
            tolerance=f"{WITHIN_DAYS}d",
            check_sortedness=False,
        )
        .filter(pl.col("place").is_not_null())
    )


def _complaints(contacts: pl.DataFrame) -> pl.DataFrame:
    """The contacts in which somebody else complained: their own notes say so."""
    own = contacts.filter(pl.col("type_code").is_in(list(CONTACT_GROUPS["third_party"])))
    return own.select(
        *("place", "crn", "staff_code", "occurred_on"),
        noted_on="occurred_on",
        table=pl.lit("contacts"),
        record_id="record_id",
        only_in_notes=pl.lit(value=False),
        kind=pl.lit("third_party_complaint"),
        target=pl.lit("none"),
        manner=pl.lit("fact"),
    )


def _draw_traps(
    rng: np.random.Generator, contacts: pl.DataFrame, routine: pl.DataFrame
) -> pl.DataFrame:
    """Contacts whose note says something in another manner than as a fact, and of which kind."""
    others = [line for line in hands.grammar_lines() if line.manner != "fact"]
    chosen = routine.filter(
        pl.Series(rng.random(routine.height) < figures.NOTE_TRAPS.value)
    ).select("place")
    drawn = [others[at] for at in rng.integers(len(others), size=chosen.height)]
    of_lines = {
        name: pl.Series([getattr(line, name) for line in drawn], dtype=pl.String())
        for name in ("kind", "target", "manner")
    }
    return chosen.join(contacts, on="place", maintain_order="left").select(
        *("place", "crn", "staff_code", "occurred_on"),
        noted_on="occurred_on",
        table=pl.lit(None, pl.String()),
        record_id=pl.lit(None, pl.String()),
        only_in_notes=pl.lit(value=False),
        **of_lines,
    )


class _Texts:
    """Writes lines out in the manner of each officer, for a man or a woman."""

    def __init__(self, rng: np.random.Generator, desk: Desk, lives: Lives) -> None:
        self._rng = rng
        self._people = pl.DataFrame({"crn": desk.crns, "woman": lives.people.woman})

    def write_lines(self, happenings: pl.DataFrame) -> pl.DataFrame:
        """The rows of happenings or traps, each with its `text`."""
        rows = self._with_keys(happenings.with_columns(part=pl.lit("line")))
        return rows.with_columns(text=self._draw_texts(rows.select(_LINE))).select(
            *("place", "crn", "occurred_on", "noted_on", "kind", "target", "manner"),
            *("only_in_notes", "text"),
        )

    def write_routine(self, contacts: pl.DataFrame) -> pl.DataFrame:
        """The contacts of which something is written whatever happens: `place` and `note`."""
        rows = _written_up(contacts).filter(pl.col("outcome_code").is_in([*ROUTINE, *STOCK]))
        outcome = pl.col("outcome_code").replace_strict(ROUTINE, default=None)
        keyed = self._with_keys(rows.with_columns(part=pl.lit("routine"), outcome=outcome))
        stock = pl.col("outcome_code").replace_strict(STOCK, default=None)
        return keyed.with_columns(own=self._draw_texts(keyed.select(_ROUTINE))).select(
            "place", note=pl.coalesce(stock, "own")
        )

    def _with_keys(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the sex of the person and the writer in whose manner the officer writes."""
        names = hands.hand_names()
        officers = rows["staff_code"].unique().sort()
        manners = [names[zlib.crc32((code or "").encode()) % len(names)] for code in officers]
        of_officers = pl.DataFrame({"staff_code": officers, "hand": manners})
        return rows.join(
            of_officers, on="staff_code", how="left", nulls_equal=True, maintain_order="left"
        ).join(self._people, on="crn", how="left", maintain_order="left")

    def _draw_texts(self, keys: pl.DataFrame) -> pl.Series:
        """A text for each row, drawn from those of its key; null where there is none."""
        parts = [
            part.select("at").with_columns(text=self._draw_pool(values, part.height))
            for values, part in keys.with_row_index("at")
            .partition_by(keys.columns, as_dict=True, maintain_order=True)
            .items()
        ]
        empty = pl.DataFrame(schema={"at": pl.UInt32(), "text": pl.String()})
        return pl.concat([empty, *parts]).sort("at")["text"]

    def _draw_pool(self, key: tuple[object, ...], count: int) -> pl.Series:
        """So many texts of a key: each of its lines is written out VARIANTS times at most."""
        part, *about, woman = key
        lines = _line_texts(*about) if part == "line" else _routine_texts(*about)
        if not lines:
            return pl.Series([None] * count, dtype=pl.String())
        written = min(count, VARIANTS * len(lines))
        chosen = [lines[at] for at in self._rng.integers(len(lines), size=written)]
        pool = [hands.write_line(self._rng, text, woman=bool(woman)) for text in chosen]
        return pl.Series(pool).gather(self._rng.integers(written, size=count))


def _routine_texts(hand: object, outcome: object) -> list[str]:
    return [one.text for one in hands.routine_lines() if (one.hand, one.outcome) == (hand, outcome)]


def _line_texts(hand: object, kind: object, manner: object, target: object) -> list[str]:
    """The texts of a writer for a kind, manner and target.

    A writer without a line for the target writes one for any; without any, another writer's.
    """
    lines = [one for one in hands.grammar_lines() if (one.kind, one.manner) == (kind, manner)]
    own = [one for one in lines if one.hand == hand] or lines
    exact = [one for one in own if one.target == target] or own
    return [one.text for one in exact]


def _join_texts(routine: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """The whole note of each contact: what is routine, then what the person's life adds."""
    added = lines.group_by("place", maintain_order=True).agg(pl.col("text").str.join(" "))
    return routine.join(added, on="place", how="full", coalesce=True).with_columns(
        note=pl.concat_str("note", "text", separator=" ", ignore_nulls=True)
    )


def _without(rows: pl.DataFrame, uncoded: pl.DataFrame, table: str) -> pl.DataFrame:
    """The rows of a table without records that stand only in notes, whatever their version."""
    record_ids = uncoded.filter(pl.col("table") == table)["record_id"]
    return rows.filter(~pl.col("record_id").str.strip_prefix("D").is_in(record_ids.implode()))
