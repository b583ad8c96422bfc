"""Reads, writes and removes objects in S3, each with its SHA-256 beside it.

How S3 is reached is read from the environment as every client of AWS reads it: a role of the
machine or AWS_ACCESS_KEY_ID, AWS_DEFAULT_REGION, and AWS_ENDPOINT_URL for a server of another kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

from features.errors import MissingInput, SetupProblem, UnreadableInput, UserError
from features.store.digests import digest_of

Result = TypeVar("Result")
Key = TypeVar("Key")
S3 = "s3://"
DIGEST = "sha256"
"""The name in an object's metadata under which its SHA-256 stands."""
AT_ONCE = 8
"""How many objects are sent or fetched at the same time."""
REMOVED_AT_ONCE = 1_000
"""The most objects that one request to S3 may remove (its API, DeleteObjects)."""
CHUNK = 1 << 20
ABSENT = ("404", "NoSuchKey")
CHANGED = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")


def parse_place(text: str) -> str | Path:
    """A folder as it was named: a path, or the address of a prefix in S3 (`s3://bucket/prefix`)."""
    return text.rstrip("/") if text.startswith(S3) else Path(text)


@dataclass(frozen=True)
class ObjectFolder:
    """The objects of a bucket whose names begin with a prefix, as files of a folder."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, address: str) -> ObjectFolder:
        """The folder at an address `s3://bucket/prefix`; raises MissingInput for another text."""
        bucket, _, prefix = address.removeprefix(S3).rstrip("/").partition("/")
        if not address.startswith(S3) or not bucket:
            raise MissingInput(f"{address!r} is no address in S3, such as s3://bucket/prefix.")
        return cls(bucket, prefix)

    @property
    def address(self) -> str:
        """The address of the folder, as a person writes it."""
        return f"{S3}{self.bucket}/{self.prefix}".rstrip("/")

    def below(self, name: str) -> ObjectFolder:
        """The folder of that name in this one."""
        return ObjectFolder(self.bucket, self._key(name))

    def list_names(self) -> list[str]:
        """The name of every object, from the prefix on, in order.

        Raises UnreadableInput for a name that would lead out of a folder.
        """
        return sorted(self.list_objects())

    def list_objects(self) -> dict[str, datetime]:
        """When each object was last written, by its name from the prefix on."""
        beginning = self._key("")

        def list_contents() -> list[Mapping[str, Any]]:
            answers = (
                _client()
                .get_paginator("list_objects_v2")
                .paginate(Bucket=self.bucket, Prefix=beginning)
            )
            return [one for page in answers for one in page.get("Contents", [])]

        contents = self._ask("listed", list_contents) or []
        # An object whose name ends with a slash stands for a folder in S3's own console.
        names = {
            str(one["Key"]).removeprefix(beginning): one["LastModified"]
            for one in contents
            if not str(one["Key"]).endswith("/")
        }
        for name in names:
            if any(part in ("", ".", "..") for part in name.split("/")):
                raise UnreadableInput(
                    f"{self.address} has an object whose name would lead out of a folder. Nothing "
                    "was read from it. Remove that object."
                )
        return names

    def list_some_names(self) -> list[str]:
        """The name of every object; raises MissingInput where there is none."""
        names = self.list_names()
        if not names:
            raise MissingInput(f"There is nothing at {self.address}. Check the name.")
        return names

    def digest_of(self, name: str) -> str | None:
        """The SHA-256 that was written with an object; None where there is no such object.

        Raises SetupProblem where the bucket is missing, or may not be listed.
        """

        def describe() -> str:
            answer = _client().head_object(Bucket=self.bucket, Key=self._key(name))
            return str(answer["Metadata"].get(DIGEST, ""))

        digest = self._ask("read", describe, ABSENT)
        if digest is None:
            _ = self.below(name).list_names()
        return digest

    def read(self, name: str) -> tuple[bytes, str] | None:
        """The content of an object and its version (ETag); None where there is none."""

        def read_object() -> tuple[bytes, str]:
            answer = _client().get_object(Bucket=self.bucket, Key=self._key(name))
            return answer["Body"].read(), str(answer["ETag"])

        return self._ask("read", read_object, ABSENT)

    def write(self, name: str, content: bytes, replacing: str | None) -> None:
        """Write an object that has the version `replacing`, or none yet.

        Raises ChangedMeanwhile where it has another version by now, and other content.
        """
        condition = {"IfNoneMatch": "*"} if replacing is None else {"IfMatch": replacing}
        metadata = {DIGEST: sha256(content).hexdigest()}

        def write_object() -> bool:
            key = self._key(name)
            _client().put_object(
                Bucket=self.bucket, Key=key, Body=content, Metadata=metadata, **condition
            )
            return True

        if self._ask("written to", write_object, CHANGED):
            return
        # The answer to a first attempt may have been lost, and its repetition was refused.
        present = self.read(name)
        if present is None or present[0] != content:
            raise ChangedMeanwhile(
                f"{self.address} was changed by another command meanwhile. Nothing was changed "
                "there by this one. Start it again."
            )

    def send(self, files: Mapping[str, tuple[Path, str]]) -> None:
        """Send files as objects: by name, the path and its SHA-256."""

        def send_one(name: str) -> None:
            path, digest = files[name]
            more = {"Metadata": {DIGEST: digest}}
            _client().upload_file(str(path), self.bucket, self._key(name), ExtraArgs=more)

        self._ask("written to", lambda: run_at_once(send_one, files))

    def fetch(self, files: Mapping[Path, tuple[str, str]], scratch: Path) -> None:
        """Fetch objects into files: by path, the name and the SHA-256 that it must have.

        Where that is "", it is the one that was written with the object. A file is whole before it
        appears under its path: until then it is in `scratch`, on the same disk. Raises MissingInput
        where an object is absent, UnreadableInput where it is not the one that was written.
        """
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)

        def fetch_one(path: Path) -> None:
            self._fetch(path, *files[path], scratch)

        if self._ask("read", lambda: run_at_once(fetch_one, files), ABSENT) is None:
            raise MissingInput(
                f"An object of {self.address} is missing. Nothing was read from it. Start again "
                "where another command was changing it; else restore it from a backup."
            )

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; one that is absent already is passed over.

        Raises SetupProblem where any of them could not be removed.
        """
        keys = [{"Key": self._key(name)} for name in names]

        def remove_some(start: int) -> None:
            some = {"Objects": keys[start : start + REMOVED_AT_ONCE], "Quiet": True}
            answer = _client().delete_objects(Bucket=self.bucket, Delete=some)
            # S3 answers 200 where it refused to remove single ones.
            for refusal in answer.get("Errors", []):
                raise SetupProblem(self._remedy("written to", str(refusal.get("Code"))))

        starts = range(0, len(keys), REMOVED_AT_ONCE)
        self._ask("written to", lambda: run_at_once(remove_some, starts))

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def _fetch(self, path: Path, name: str, digest: str, scratch: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = _client().get_object(Bucket=self.bucket, Key=self._key(name))
        expected = digest or answer["Metadata"].get(DIGEST, "")
        with NamedTemporaryFile(dir=scratch, delete=False) as file:
            try:
                for chunk in answer["Body"].iter_chunks(CHUNK):
                    file.write(chunk)
                file.close()
                if expected and digest_of(Path(file.name)) != expected:
                    raise UnreadableInput(
                        f"{name} of {self.address} is not the object that was written. Nothing "
                        "was read from it. Restore it from a backup."
                    )
                # The newest of several is the one that was written last, and not fetched last.
                written_at = answer["LastModified"].timestamp()
                os.utime(file.name, (written_at, written_at))
                Path(file.name).replace(path)
            finally:
                Path(file.name).unlink(missing_ok=True)

    def _ask(
        self, what: str, call: Callable[[], Result], expected: tuple[str, ...] = ()
    ) -> Result | None:
        """What a call of S3 returns; None where S3 refuses it for a reason that is expected.

        Raises SetupProblem where it refuses for another, or cannot be reached.
        """
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "refused"))
            if code in expected:
                return None
            raise SetupProblem(self._remedy(what, code)) from error
        except (BotoCoreError, Boto3Error) as error:
            raise SetupProblem(self._remedy(what, type(error).__name__)) from error

    def _remedy(self, what: str, why: str) -> str:
        return (
            f"{self.address} cannot be {what}: {why}. Check the name, that this machine may do so "
            "(the AWS settings of its environment), and that S3 can be reached; then start again."
        )


class ChangedMeanwhile(UserError):
    """An object was replaced by somebody else since it was read."""


def run_at_once(work: Callable[[Key], object], keys: Iterable[Key]) -> bool:
    """Run the same work on each key, some at a time; raises what the first that fails raises."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for _ in threads.map(work, keys):
            pass
    return True


@cache
def _client() -> Any:
    """One client for the process: it may be used from several threads."""
    import boto3  # Loaded for S3 alone: it takes half a second.
    from botocore.config import Config

    # A pod is given AWS_REGION, which boto3 does not read.
    region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION")
    retries = Config(retries={"mode": "standard", "max_attempts": 3})
    return boto3.client("s3", region_name=region, config=retries)
