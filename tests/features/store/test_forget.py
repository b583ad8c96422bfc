"""Deletion on request takes a person out of every load, and a killed one is finished again."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from features import __main__ as features_main
from features.errors import UserError
from features.frame import build
from features.history import asof
from features.intake.load import load_extract
from features.store import forget, staging, verification
from features.store.store import Store
from tests import factories
from tests.factories import AS_OF, row

GONE, STAYS = "A000001", "A000009"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of two loads in which two cases share a bucket, with a refused row of one."""
    rows = {
        "incidents": [row("incidents", "2026-06-01", crn=crn) for crn in (GONE, STAYS) * 60],
        "contacts": [row("contacts", "2026-06-01", crn=crn) for crn in (GONE, STAYS) * 60],
    }
    rows["contacts"].append(row("contacts", "2026-06-01", crn=GONE.lower()))
    load_extract(factories.extract(tmp_path / "one", rows), tmp_path / "store", max_refused=0.05)
    later = {"incidents": [row("incidents", "2026-07-01", crn=crn) for crn in (GONE, STAYS)]}
    second = factories.extract(tmp_path / "two", later, "2026-07-09T02:00:00")
    load_extract(second, tmp_path / "store")
    return tmp_path / "store"


def traces(path: Path) -> list[str]:
    """Every file of the store that still says anything of the person."""
    files = [file for file in path.rglob("*") if file.is_file()]
    hits = []
    for file in files:
        text = pl.read_parquet(file).write_json() if file.suffix == ".parquet" else file.read_text()
        if GONE.lower() in text.lower():
            hits.append(file.relative_to(path).as_posix())
    return hits


def frames(path: Path, crn: str) -> list[pl.DataFrame]:
    """The frame of a case as each load left it."""
    on = asof.make_spine([crn], AS_OF)
    return [build.build_frame(asof.read_histories(Store.open(path, up_to=n), on)) for n in (1, 2)]


def test_no_trace_is_left_and_nobody_else_changes(path: Path) -> None:
    before = frames(path, STAYS)
    digest = Store.open(path).fingerprint
    assert len(traces(path)) == 4
    counts = forget.forget_case(path, GONE)
    assert counts == {"incidents": 61, "contacts": 60, "refused": 1}
    assert traces(path) == []
    for one, two in zip(frames(path, STAYS), before, strict=True):
        assert one.equals(two)
    opened = Store.open(path)
    assert opened.fingerprint != digest, "another history: a bundle names the one it learned from"
    assert [item["rows"] for item in opened.forgotten] == [counts]
    assert staging.sweep_orphans(path) == []


def test_a_second_person_of_the_same_bucket(path: Path) -> None:
    forget.forget_case(path, GONE)
    forget.forget_case(path, STAYS)
    assert Store.open(path).read_versions("incidents").is_empty()
    assert len(Store.open(path).forgotten) == 2
    later = {"incidents": [row("incidents", "2026-07-08")]}
    extract = factories.extract(path.parent / "three", later, "2026-07-19T02:00:00")
    load_extract(extract, path)
    assert len(Store.open(path).forgotten) == 2, "a load keeps what was said of deletions"


@pytest.mark.parametrize("step", ["replace_manifest", "sweep_orphans"])
def test_killed_half_way_the_store_is_whole_and_doing_it_again_ends_it(
    path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frames(path, STAYS)
    calls = {"n": 0}
    honest = getattr(staging, step)

    def killed(*arguments: object) -> object:
        calls["n"] += 1
        if step == "replace_manifest" or calls["n"] == 2:
            raise KeyboardInterrupt
        return honest(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(staging, step, killed)
        with pytest.raises(KeyboardInterrupt):
            forget.forget_case(path, GONE)
    for one, two in zip(frames(path, STAYS), before, strict=True):
        assert one.equals(two)
    if step == "replace_manifest":
        forget.forget_case(path, GONE)
    else:
        staging.sweep_orphans(path)
    assert traces(path) == []


def test_killed_before_the_refused_rows_were_rewritten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = forget._rewrite_file

    def killed(old: Path, new: Path, without: pl.Expr) -> str:
        if "refused" in old.parts:
            raise KeyboardInterrupt
        return honest(old, new, without)

    with monkeypatch.context() as patch:
        patch.setattr(forget, "_rewrite_file", killed)
        with pytest.raises(KeyboardInterrupt):
            forget.forget_case(path, GONE)
    assert forget.forget_case(path, GONE)["refused"] == 1, (
        "nothing was forgotten: it is begun again"
    )
    assert traces(path) == []
    assert verification.verify_store(Store.open(path)).is_sound


def test_refused_rows_from_before_their_digests_were_kept_are_forgotten_too(path: Path) -> None:
    manifest = path / "manifest.json"
    content = json.loads(manifest.read_text())
    for load in content["loads"]:
        del load["refused"]
    manifest.write_text(json.dumps(content))
    assert forget.forget_case(path, GONE)["refused"] == 1
    assert traces(path) == []


def test_links_of_other_cases_to_the_person_go_too(tmp_path: Path) -> None:
    others = ("A000002", STAYS)
    links = [row("links", "2026-06-01", crn=crn, linked_crn=GONE) for crn in others]
    links.append(row("links", "2026-06-01", crn=STAYS, linked_crn=others[0]))
    load_extract(factories.extract(tmp_path / "one", {"links": links}), tmp_path / "store")
    assert forget.forget_case(tmp_path / "store", GONE) == {"links": 2}
    assert traces(tmp_path / "store") == []
    linked = Store.open(tmp_path / "store").read_versions("links")
    assert linked.select("crn", "linked_crn").rows() == [(STAYS, others[0])]


def test_what_cannot_be_forgotten_is_said(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="is no CRN"):
        forget.forget_case(path, "a1")
    with pytest.raises(UserError, match="holds nothing of that case"):
        forget.forget_case(path, "B000001")
    assert features_main.main(["forget", GONE, "--store", str(path)]) == 0
    output = capsys.readouterr().out
    assert "contacts: 60 rows removed" in output
    assert "docs/running.md" in output
