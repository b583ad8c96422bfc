"""Renders a model card as HTML, with the pictures that it names where they are the signed ones."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from features.store import digests

PICTURE = re.compile(
    r'<img src="(?P<name>[a-z-]+\.png)" alt="(?P<alt>[^"]*)" '
    r'title="sha256:(?P<digest>[0-9a-f]{64})" />'
)


def render_card(text: str, folder: Path) -> Markup:
    """The Markdown of a card as HTML; HTML in it is not let through.

    The card is signed by its digest and names its pictures with theirs: a picture that is missing
    or is another one is replaced by a sentence.
    """
    rendered = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return Markup(PICTURE.sub(lambda match: _embed_picture(match, folder), rendered))  # noqa: S704


def _embed_picture(match: re.Match[str], folder: Path) -> str:
    path = folder / match["name"]
    if not path.exists() or digests.digest_of(path) != match["digest"]:
        return f"<em>The picture {match['name']} is missing or is not the one that was signed.</em>"
    content = base64.b64encode(path.read_bytes()).decode()
    source = f"data:image/png;base64,{content}"
    return f'<img class="rosh-card__picture" src="{source}" alt="{match["alt"]}">'
