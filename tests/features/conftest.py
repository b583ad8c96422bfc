"""A server of S3 for the tests of stores that stand there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.object_server import empty_bucket, forget_clients, object_server


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """A server of S3."""
    with object_server():
        yield


@pytest.fixture
def bucket(server: None) -> None:
    """An empty bucket for each test."""
    forget_clients()
    empty_bucket()
