"""Says, kind by kind, how right the reading of notes is, and whether the board may let it count.

Two measures are shown and added up: labelled notes of writers that the reader did not learn from,
and what readers answered about entries of real cases. A kind may count only where the lower end of
its precision is LEAST_PRECISION or more, so wrong answers switch it off by themselves; one member
of the board switches it off at once, and two switch it on again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from sqlalchemy import Connection, RowMapping, insert, select, text
from sqlalchemy.exc import DBAPIError

from features.contracts import note_columns
from features.errors import UserError, did_you_mean
from features.intervals import share_interval
from features.notes.kind_measures import KindMeasure, read_kind_measures
from models.bundle import Bundle
from serving.db.session import AuditEvent, Transaction
from serving.db.tables import users
from serving.db.unit_tables import note_switches

LEAST_PRECISION = 0.9
TO_SWITCH_ON = 2
"""How many members of the board must agree before a kind that one switched off counts again."""
_ANSWERS = text("SELECT kind, says_so, answered FROM triage.answers_by_kind()")


@dataclass(frozen=True)
class SwitchedOff:
    """A kind that the board switched off: who did, why, and who has agreed to switch it on."""

    by: str
    reasons: str
    agreed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class KindState:
    """A kind of entry: its measure on labelled notes, and what readers answered about it."""

    kind: str
    words: str
    labelled: KindMeasure
    says_so: int
    answered: int
    switched_off: SwitchedOff | None = None

    @property
    def entries(self) -> int:
        """How many entries were judged, on labelled notes and by readers."""
        return self.labelled.entries + self.answered

    @property
    def right(self) -> int:
        """How many of these were right."""
        return self.labelled.right + self.says_so

    @property
    def precision(self) -> float:
        """The share of judged entries that were right; nought without any."""
        return self.right / self.entries if self.entries else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the precision; all of it is open without any entry."""
        return share_interval(self.right, self.entries)

    @property
    def is_right_enough(self) -> bool:
        """Whether the lower end of the precision is high enough for the kind to count."""
        return self.interval[0] >= LEAST_PRECISION

    @property
    def may_count(self) -> bool:
        """Whether it is right often enough and no member of the board has switched it off."""
        return self.is_right_enough and self.switched_off is None


def kind_states(connection: Connection) -> list[KindState]:
    """The state of every kind, in the order of the contract."""
    rows = connection.execute(_ANSWERS)
    answers = {row.kind: (row.says_so, row.answered) for row in rows}
    return states_of(read_kind_measures(), answers, _switched_off(list_switches(connection)))


def states_of(
    measures: Mapping[str, KindMeasure],
    answers: Mapping[str, tuple[int, int]],
    off: Mapping[str, SwitchedOff] = MappingProxyType({}),
) -> list[KindState]:
    """The state of every kind: its measure, the counts of readers' answers, the board's switch."""
    nothing = KindMeasure(0, 0, 0, 0)
    return [
        KindState(
            kind, words, measures.get(kind, nothing), *answers.get(kind, (0, 0)), off.get(kind)
        )
        for kind, words in note_columns.KINDS.items()
    ]


def countable_kinds(connection: Connection) -> frozenset[str]:
    """The kinds that may count today."""
    return frozenset(state.kind for state in kind_states(connection) if state.may_count)


def kinds_in_effect(connection: Connection, model: Bundle) -> frozenset[str]:
    """The kinds that count in a model's scores today: those it was trained with that still may."""
    return model.note_kinds & countable_kinds(connection) if model.note_kinds else frozenset()


def check_note_kinds(connection: Connection, model: Bundle) -> None:
    """Raises UserError where a model was trained with a kind that may not count today."""
    for state in kind_states(connection):
        if state.kind not in model.note_kinds or state.may_count:
            continue
        why = (
            f"a member of the board switched it off: {state.switched_off.reasons}"
            if state.switched_off
            else f"the lower end of its precision is {state.interval[0]:.2f}, and "
            f"{LEAST_PRECISION:.2f} is needed"
        )
        raise UserError(
            f"This model counts entries of notes of the kind {state.kind!r}, which may not count: "
            f"{why}. Train one without it: [notes] kinds in the training configuration."
        )


def list_switches(connection: Connection) -> list[RowMapping]:
    """Every switching of a kind, with who and why, oldest first."""
    rows = select(note_switches, users.c.name).join(
        users, users.c.username == note_switches.c.username
    )
    return list(connection.execute(rows.order_by(note_switches.c.id)).mappings())


def _switched_off(switches: Sequence[RowMapping]) -> dict[str, SwitchedOff]:
    """The kinds that are switched off, from every switching in order."""
    off: dict[str, SwitchedOff] = {}
    for row in switches:
        before = off.get(row["kind"])
        if not row["counts"]:
            # Switched off a second time, earlier agreements to switch it on are void.
            first = before or SwitchedOff(row["name"], row["reasons"])
            off[row["kind"]] = replace(first, agreed_by=())
        elif before is not None:
            names = tuple(dict.fromkeys((*before.agreed_by, row["name"])))
            off[row["kind"]] = replace(before, agreed_by=names)
            if len(names) >= TO_SWITCH_ON:
                del off[row["kind"]]
    return off


def switch_kind(opened: Transaction, kind: str, reasons: str, *, counts: bool) -> None:
    """Switch a kind off from the next night on, or agree that it is switched on again.

    Raises UserError for a kind that does not exist, one that is to be switched on and is not off,
    and anybody who is no member of the board.
    """
    if kind not in note_columns.KINDS:
        raise UserError(f"There is no kind {kind!r}.{did_you_mean(kind, note_columns.KINDS)}")
    if counts and kind not in _switched_off(list_switches(opened.connection)):
        raise UserError("This kind is not switched off.")
    values = {
        "kind": kind,
        "counts": counts,
        "username": opened.username,
        "reasons": reasons.strip(),
    }
    try:
        opened.connection.execute(insert(note_switches).values(**values))
    except DBAPIError as error:
        raise UserError(
            "It was not recorded: only a member of the board switches a kind, with at least 20 "
            "characters of reasons."
        ) from error
    what = "SWITCHED_NOTE_KIND_ON" if counts else "SWITCHED_NOTE_KIND_OFF"
    opened.audit(AuditEvent(what, "NOT_APPLICABLE", "-", {"kind": kind}))
