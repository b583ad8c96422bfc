"""Tables may lie in S3: a server of the same kind on this machine stands for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import polars as pl
import pytest

from features import __main__ as features_main
from features.errors import MissingInput, SetupProblem, UserError
from features.sources.import_systems import import_systems
from features.sources.places import list_files
from features.store.objects import ObjectFolder, parse_place
from tests.features.sources.systems import AT, ndelius_tables, rows_of, write_tables
from tests.object_server import BUCKET, object_server

CONTACTS = [
    {"CONTACT_ID": str(number), "CONTACT_DATE": "2026-03-02", "CONTACT_TYPE_ID": "1"}
    for number in (1, 2, 3)
]
LISTS = {"R_CONTACT_TYPE": [{"CONTACT_TYPE_ID": "1", "CODE": "COAP", "DESCRIPTION": "x"}]}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tables of NDelius, each as a Parquet file."""
    folder = tmp_path_factory.mktemp("tables")
    written = write_tables(folder / "csv", ndelius_tables(CONTACT=CONTACTS) | LISTS)
    for path in written.glob("*.csv"):
        target = folder / "ndelius" / path.stem / "part-0.parquet"
        target.parent.mkdir(parents=True)
        pl.read_csv(path, infer_schema=False).write_parquet(target)
    return folder / "ndelius"


@pytest.fixture(scope="module")
def bucket(tables: Path) -> Iterator[str]:
    """The address of the same tables in S3, with the settings to read it in the environment."""
    with object_server():
        files = [path for path in tables.rglob("*") if path.is_file()]
        names = {path.relative_to(tables).as_posix(): (path, "") for path in files}
        ObjectFolder.parse(f"s3://{BUCKET}/night/ndelius").send(names)
        yield f"s3://{BUCKET}/night/ndelius"


def test_tables_in_s3_become_the_same_extract(bucket: str, tables: Path, tmp_path: Path) -> None:
    local = import_systems({"ndelius": tables}, tmp_path / "local", AT)
    remote = import_systems({"ndelius": bucket}, tmp_path / "remote", AT)
    assert remote == local
    for record in ("people", "contacts", "limits"):
        assert rows_of(tmp_path / "remote", record) == rows_of(tmp_path / "local", record)
    assert len(rows_of(tmp_path / "remote", "contacts")) == 3


def test_the_command_takes_an_address(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "extract")
    command = ["import", "--ndelius", f"{bucket}/", "--out", out, "--extracted-at", AT.isoformat()]
    assert features_main.main(command) == 0
    assert "1 people, 0 of them limited" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "kind", "sentence"),
    [
        ("s3://no-such-bucket/x", SetupProblem, r"cannot be listed: NoSuchBucket\. Check the name"),
        (
            f"s3://{BUCKET}/no-such-night",
            MissingInput,
            r"There is nothing at s3://.*Check the name",
        ),
    ],
)
def test_an_address_that_cannot_be_listed_is_a_sentence(
    bucket: str, address: str, kind: type[UserError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        list_files(address)


def test_files_by_their_path_from_the_folder(bucket: str, tables: Path) -> None:
    assert list(list_files(bucket)) == list(list_files(tables))
    contact = PurePosixPath("CONTACT/part-0.parquet")
    assert list_files(bucket)[contact] == f"{bucket}/CONTACT/part-0.parquet"


@pytest.mark.parametrize(
    ("text", "place"),
    [("s3://bucket/x/", "s3://bucket/x"), ("var/tables/", Path("var/tables"))],
)
def test_a_place(text: str, place: str | Path) -> None:
    assert parse_place(text) == place
