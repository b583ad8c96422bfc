"""A server of S3 on this machine, and the settings by which every client of it is reached."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from features.store import objects
from features.store.digests import digest_of

BUCKET = "probation"


@contextmanager
def object_server() -> Iterator[ThreadedMotoServer]:
    """A server with one empty bucket, for the block; the environment leads every client to it."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "anybody",
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS_DEFAULT_REGION": "eu-west-2",
            "AWS_REGION": "eu-west-2",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            environment.setenv(name, value)
        forget_clients()
        empty_bucket()
        yield server
    server.stop()
    forget_clients()


def empty_bucket() -> None:
    """Leave one empty bucket on the server."""
    requests.post(f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset", timeout=10).raise_for_status()
    place = {"LocationConstraint": "eu-west-2"}
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)


def forget_clients() -> None:
    """Let go of the client of the process, which was made for another server."""
    objects._client.cache_clear()


def contents(prefix: str = "") -> dict[str, bytes]:
    """Every object of the bucket below a prefix, by its whole name."""
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def send_folder(folder: Path, address: str) -> None:
    """Put every file of a folder at an address."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    own = {name: (path, digest_of(path)) for name, path in files.items() if path.is_file()}
    objects.ObjectFolder.parse(address).send(own)
