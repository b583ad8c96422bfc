"""A model card is shown with the pictures that were signed with it, and with no others."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from models.card import PICTURES
from serving.board.card import render_card
from tests.service import Service

CONTENT = b"\x89PNG made up"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
CARD = f'# Card\n\n![What moves the score](beeswarm.png "sha256:{DIGEST}")\n'


def test_a_picture_with_the_signed_digest_is_shown_with_its_words(tmp_path: Path) -> None:
    (tmp_path / "beeswarm.png").write_bytes(CONTENT)
    page = render_card(CARD, tmp_path)
    assert base64.b64encode(CONTENT).decode() in page
    assert 'alt="What moves the score"' in page


@pytest.mark.parametrize("content", [None, b"another picture"])
def test_a_picture_that_is_missing_or_another_one_is_not_shown(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "beeswarm.png").write_bytes(content)
    page = render_card(CARD, tmp_path)
    assert "<img" not in page
    assert "beeswarm.png is missing or is not the one that was signed" in page


@pytest.mark.parametrize(
    "line",
    [
        f'![x](../secret.png "sha256:{DIGEST}")',
        f'![x](https://example.org/x.png "sha256:{DIGEST}")',
        f'<img src="beeswarm.png" onerror="alert(1)" title="sha256:{DIGEST}" />',
    ],
)
def test_nothing_but_a_picture_beside_the_card_is_embedded(tmp_path: Path, line: str) -> None:
    (tmp_path / "secret.png").write_bytes(CONTENT)
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "beeswarm.png").write_bytes(CONTENT)
    page = render_card(line, folder)
    assert "base64" not in page
    assert "onerror" not in page.replace("&quot;", "").split("&lt;")[0]


def test_the_card_of_a_trained_model_shows_its_pictures(service: Service) -> None:
    text = (service.bundle_folder / "card.md").read_text(encoding="utf-8")
    page = render_card(text, service.bundle_folder)
    assert page.count("data:image/png;base64,") == len(PICTURES)
    assert "is missing" not in page
