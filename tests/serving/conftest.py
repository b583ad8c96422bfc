"""What several tests of the service need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tokens import provider_of_keys


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """The address of a provider of sign-in that only has keys."""
    with provider_of_keys() as address:
        yield address
