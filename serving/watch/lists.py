"""Watches the list: overlap with the night before, backlog, and follow-up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError
from sqlalchemy import Connection, func, select

from features import clock
from features.store import working_copy
from serving.db import working_days
from serving.db.tables import answers, conclusions, items, runs
from serving.db.unit_tables import cover
from serving.review.asked_store import ANSWER_WITHIN, REASSESS_WITHIN
from serving.watch.figures import (
    FEWEST,
    GREEN,
    Figure,
    Part,
    count_figure,
    not_known,
    share_of,
    state_of,
    too_few,
)
from serving.watch.readings import WITHIN

ANSWERS = {
    "reassessed": "done",
    "settled": "closed by the reader",
    "accepted": "accepted, not done yet",
    "declined": "declined",
}
"""The possible outcomes of a request, the most advanced first."""
OVER = {"reassessed", "settled", "declined"}
PACE = timedelta(weeks=4)
READ = ["crn", "group", "stratum", "scorable", "rank"]
"""The columns of another night's scores file needed to compare lists."""


def list_figures(
    connection: Connection,
    rows: pl.DataFrame,
    weekly_reviews: Mapping[str, int],
    scores: Path,
    as_of: date,
) -> list[Figure]:
    """The figures of a night's list: `rows` are outcomes; `weekly_reviews` is by level."""
    top = _top_rows(rows, weekly_reviews)
    earlier = _previous_list(connection, scores, as_of)
    cooling = int((top["what_happened"] == "cooling down").sum())
    return [
        not_known("overlap", "there was no night before, or its scores are gone.")
        if earlier is None
        else _overlap_figure(top, _top_rows(earlier, weekly_reviews)),
        share_of(
            "cooling",
            cooling,
            top.height,
            "Of the 100 weightiest, {n} are left alone because they were concluded lately.",
        ),
    ]


def of_the_queue(connection: Connection, today: date) -> list[Figure]:
    """The figures on waiting, late and blocked cases, from the database only."""
    return [
        *_followed_up(connection, today),
        _backlog_figure(connection, today),
        _past_their_day(connection, today),
        _closed_units(connection),
    ]


def _top_rows(rows: pl.DataFrame, weekly_reviews: Mapping[str, int]) -> pl.DataFrame:
    """The rows that one week's reviews would reach, by recorded level."""
    most = (
        pl.col("stratum")
        .str.to_lowercase()
        .replace_strict(dict(weekly_reviews), default=0, return_dtype=pl.Int64)
    )
    return rows.filter("scorable", pl.col("rank") <= most)


def _previous_list(connection: Connection, scores: Path, as_of: date) -> pl.DataFrame | None:
    # The night before, not the last one whenever it was: over a hole nothing is compared.
    last = select(runs.c.scores_file).where(runs.c.as_of == as_of - timedelta(days=1))
    name = connection.execute(last.order_by(runs.c.at.desc()).limit(1)).scalar()
    if name is None or not working_copy.fetch_file(scores / name).exists():
        return None
    try:
        return pl.read_parquet(scores / name, columns=READ)
    except (PolarsError, OSError):
        return None  # the figure is "not known"; another night's damaged file stops nothing


def _overlap_figure(now: pl.DataFrame, then: pl.DataFrame) -> Figure:
    key = ["crn", "group"]
    return share_of(
        "overlap",
        now.join(then, on=key, how="semi").height,
        now.height,
        "Of 100 rows at the top tonight, {n} were there the night before.",
    )


def _followed_up(connection: Connection, today: date) -> list[Figure]:
    """Of requested reassessments: how many are overdue, and how many were answered."""
    since = clock.start_of(today - WITHIN)
    requests = connection.execute(
        select(items.c.id, conclusions.c.at)
        .join(conclusions, conclusions.c.item_id == items.c.id)
        .where(conclusions.c.outcome == "ask_reassessment", conclusions.c.at >= since)
    ).all()
    reassessed: dict[int, tuple[set[str], date | None]] = {}
    for row in connection.execute(select(answers).order_by(answers.c.id)).mappings():
        earlier, day = reassessed.get(row["item_id"], (set(), None))
        reassessed[row["item_id"]] = (earlier | {row["kind"]}, row["planned_on"] or day)
    late = old = 0
    answer_counts: Counter[str] = Counter()
    for item, at in requests:
        kinds, day = reassessed.get(item, (set(), None))
        due = day or working_days.working_day_after(clock.day_of(at), REASSESS_WITHIN)
        late += not kinds & OVER and due < today
        if working_days.working_day_after(clock.day_of(at), ANSWER_WITHIN) < today:
            old += 1
            answer_counts[next((one for one in ANSWERS if one in kinds), "nothing yet")] += 1
    answered = sum(answer_counts[one] for one in ANSWERS)
    parts = [
        Part(words, answer_counts[one] / old, None, None, answer_counts[one], GREEN)
        for one, words in {**ANSWERS, "nothing yet": "not answered"}.items()
        if old >= FEWEST
    ]
    return [
        share_of(
            "answered",
            answered,
            old,
            "Of 100 reassessments asked for over a week ago, {n} were accepted, declined, "
            f"closed or done ({answer_counts['reassessed']} done, {answer_counts['accepted']} "
            f"accepted and not done, {answer_counts['declined']} declined).",
            parts,
        ),
        share_of(
            "overdue",
            late,
            len(requests),
            "Of 100 reassessments that were asked for, {n} are overdue.",
        ),
    ]


def _backlog_figure(connection: Connection, today: date) -> Figure:
    """The waiting cases, as weeks of reading at the pace of the last four weeks."""
    open_ = select(func.count()).where(items.c.state == "open", ~items.c.limited)
    waiting = int(connection.execute(open_).scalar_one())
    since = clock.start_of(today - PACE)
    lately = select(func.count()).where(conclusions.c.at >= since)
    concluded_count = int(connection.execute(lately).scalar_one())
    if concluded_count < FEWEST:
        return too_few("waiting", concluded_count)
    weeks = waiting / (concluded_count / (PACE.days / 7))
    sentence = (
        f"{waiting:,} cases wait to be read: {weeks:.1f} weeks of reading, as in the last four."
    )
    return Figure(
        name="waiting",
        value=weeks,
        low=None,
        high=None,
        count=waiting,
        state=state_of("waiting", weeks),
        sentence=sentence,
    )


def _past_their_day(connection: Connection, today: date) -> Figure:
    due = list(connection.execute(select(items.c.due_on).where(items.c.state == "open")).scalars())
    return share_of(
        "past_their_day",
        sum(day < today for day in due),
        len(due),
        "Of 100 cases that wait to be read, {n} are overdue.",
    )


def _closed_units(connection: Connection) -> Figure:
    """The units whose head has set that they take no flagged cases."""
    newest = select(func.max(cover.c.id)).group_by(cover.c.pdu_code)
    closed = list(
        connection.execute(select(cover.c.reviews_at_once).where(cover.c.id.in_(newest))).scalars()
    )
    return count_figure(
        "units_closed",
        sum(most == 0 for most in closed),
        len(closed),
        "{n} of {of} units with a limit of their own take no flagged case.",
    )
