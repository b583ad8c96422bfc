"""Reads assessments from OASys and assess-risks-and-needs responses into rows of our tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

Body = dict[str, Any]
Row = tuple[str, dict[str, Any]]

_GROUPS = {
    "children": "children",
    "public": "public",
    "knownadult": "known_adult",
    "staff": "staff",
    "prisoners": "prisoners",
    "prisoner": "prisoners",
}


def parse_time(value: Any) -> datetime | None:
    """An ISO time, with or without an offset or zone name, as UTC without a time zone."""
    if not value:
        return None
    text = re.sub(r"\[.*\]$", "", str(value))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def parse_day(value: Any) -> date | None:
    """The calendar date of an ISO date or time, as it was written, without conversion."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def parse_group(name: str) -> str | None:
    """Our name of a risk group from any spelling in use, or None."""
    return _GROUPS.get(re.sub(r"[^a-z]", "", name.lower().removeprefix("riskto")))


def parse_level(value: Any) -> str | None:
    """Our name of a level: VERY_HIGH from "Very High"; an unknown one is kept as it came."""
    return str(value).strip().upper().replace(" ", "_") if value else None


def base_columns(record_id: str, crn: str | None, on: Any, recorded: Any = None) -> dict[str, Any]:
    """The columns that every row has: record, case, day, time recorded."""
    at = parse_time(recorded) or parse_time(on)
    return {"record_id": record_id, "crn": crn, "occurred_on": parse_day(on), "recorded_at": at}


def _arns_levels(body: Body) -> dict[str, Any]:
    """Levels from {LEVEL: [groups]}, {group: LEVEL} or {riskToGroup: LEVEL}.

    Prisoners have a level in custody alone: what a supplier says of them in the community counts
    only where it says nothing of them in custody.
    """
    levels: dict[str, Any] = {}
    for key, place in (("riskInCustody", "custody"), ("riskInCommunity", "community")):
        for left, right in (body.get(key) or {}).items():
            pairs = [(g, left) for g in right] if isinstance(right, list) else [(left, right)]
            for name, value in pairs:
                ours = parse_group(name)
                if ours is not None:
                    where = "custody" if ours == "prisoners" else place
                    levels.setdefault(f"{ours}_{where}", parse_level(value))
    return levels


def read_arns(body: Body, crn: str | None) -> Iterator[Row]:
    """Levels from the summary and widget responses of assess-risks-and-needs."""
    on = body.get("assessedOn")
    row = base_columns(f"arns-{crn}-{parse_day(on)}", crn, on)
    yield (
        "assessments",
        {
            **row,
            "status": "COMPLETE",
            "completed_on": parse_day(on),
            "source_system": "oasys",
            **_arns_levels(body),
        },
    )


def recall_rosh(body: Body, crn: str | None) -> Iterator[Row]:
    """Levels from the recall service, where they are wrapped in `riskOfSeriousHarm`."""
    inner = {**body["riskOfSeriousHarm"]}
    inner.setdefault("assessedOn", body.get("assessedOn") or inner.get("lastUpdated"))
    yield from read_arns(inner, crn)


def read_ords(body: Body, crn: str | None) -> Iterator[Row]:
    """Levels, predictors and dates from OASys ORDS, keyed by the assessment's number."""
    crn = body.get("crn") or body.get("probNumber") or crn
    for item in [*(body.get("timeline") or []), *(body.get("assessments") or [])]:
        completed_on = item.get("dateCompleted") or item.get("completedDate")
        started = item.get("initiationDate") or completed_on
        number = item.get("assessmentPk") or item["assessmentId"]
        # Some say that they were completed before they were started: known from the later day.
        row = base_columns(f"oasys-set-{number}", crn, started)
        row["recorded_at"] = max(
            filter(None, (parse_time(started), parse_time(completed_on))), default=None
        )
        bands = _ords_bands(item)
        yield (
            "assessments",
            {
                **row,
                "status": _status_of(item),
                "completed_on": parse_day(completed_on),
                "signed_at": parse_time(item.get("assessorSignedDate")),
                "source_system": "oasys",
                **_ords_levels(item),
                **bands,
            },
        )


def _status_of(item: Body) -> str | None:
    """The status; one without levels by its type (a screening) is of predictors alone."""
    status = item.get("assessmentStatus") or item.get("status")
    kind = str(item.get("assessmentType") or "LAYER3").replace("_", "")
    return "PREDICTORS_ONLY" if status == "COMPLETE" and not kind.startswith("LAYER") else status


def _ords_levels(item: Body) -> dict[str, Any]:
    levels = {}
    for key, value in item.items():
        match = re.fullmatch(
            r"risk(Children|Public|KnownAdult|Staff|Prisoners)(Community|Custody)", key
        )
        if match:
            levels[f"{parse_group(match[1])}_{match[2].lower()}"] = parse_level(value)
    return levels


def _ords_bands(item: Body) -> dict[str, Any]:
    if not any(key in item for key in ("OGRS", "OVP", "RSR")):
        return {}
    return {
        "predictor_version": "1",
        "serious_band": parse_level(
            (item.get("RSR") or {}).get("scoreLevel")
            or (item.get("RSR") or {}).get("rsrScoreLevel")
        ),
        "violence_band": parse_level((item.get("OVP") or {}).get("ovpRisk")),
        "reoffending_band": parse_level((item.get("OGRS") or {}).get("ogrs3RiskRecon")),
    }


# The place of each band: (part, key) in output version 1, then in version 2.
_BANDS = {
    "serious_band": (
        ("riskOfSeriousRecidivismScore", "scoreLevel"),
        ("combinedSeriousReoffendingPredictor", "band"),
    ),
    "violence_band": (
        ("violencePredictorScore", "ovpRisk"),
        ("violentReoffendingPredictor", "band"),
    ),
    "reoffending_band": (
        ("groupReconvictionScore", "scoreLevel"),
        ("allReoffendingPredictor", "band"),
    ),
}


def read_predictors(body: list[Body], crn: str | None) -> Iterator[Row]:
    """Predictor bands with their version: 1 (OGRS3) or 2 (OGRS4)."""
    for item in body:
        version = str(item.get("outputVersion") or "1")
        output = item.get("output") or item
        bands = {}
        for name, places in _BANDS.items():
            part, key = places[1 if version == "2" else 0]
            bands[name] = parse_level((output.get(part) or {}).get(key))
        on = item.get("completedDate")
        yield (
            "assessments",
            {
                **base_columns(f"predictors-{crn}-{on}-v{version}", crn, on),
                "status": "PREDICTORS_ONLY",
                "completed_on": parse_day(on),
                "source_system": "oasys",
                "predictor_version": version,
                **bands,
            },
        )
