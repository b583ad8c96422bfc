"""Prepares the served front-end files from node_modules, without the parts licensed to gov.uk.

GDS Transport and the crest are licensed for gov.uk alone: fonts are left out and the font's name is
taken out of the style sheets, so that pages are set in Arial.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from features.errors import MissingInput

STATIC = Path(__file__).with_name("static")
VENDOR = STATIC / "vendor"

_MOJ = "@ministryofjustice/frontend/moj"
_FILES = {
    "govuk-frontend/dist/govuk/govuk-frontend.min.css": "govuk-frontend.min.css",
    "govuk-frontend/dist/govuk/govuk-frontend.min.js": "govuk-frontend.min.js",
    f"{_MOJ}/components/date-picker/date-picker.bundle.mjs": "date-picker.js",
    f"{_MOJ}/moj-frontend.min.css": "moj-frontend.min.css",
}


def prepare_assets(modules: Path, out: Path = VENDOR) -> list[str]:
    """Copy the prebuilt style sheets and scripts from `node_modules`; returns the files made."""
    out.mkdir(parents=True, exist_ok=True)
    for source, name in _FILES.items():
        path = modules / source
        if not path.exists():
            raise MissingInput(
                f"{path} is missing. Run npm ci (or make), which brings the front-end files."
            )
        if name.endswith(".css"):
            text = without_licensed_parts(path.read_text(encoding="utf-8"))
            (out / name).write_text(text, encoding="utf-8")
        else:
            shutil.copyfile(path, out / name)
    images = modules / f"{_MOJ}/assets/images"
    shutil.copytree(images, out / "images", dirs_exist_ok=True, ignore=_only_icons)
    return sorted(_FILES.values())


def without_licensed_parts(css: str) -> str:
    """The style sheet without web fonts and crest, and with our addresses."""
    css = re.sub(r"@font-face\{[^}]*\}", "", css)
    css = re.sub(r"(\"GDS Transport\"|GDS Transport),\s*", "", css)
    css = re.sub(r"url\([^)]*govuk-crest\.svg\)", "none", css)
    css = css.replace("/assets/images/", "/static/vendor/images/")
    return re.sub(r"/\*# sourceMappingURL=[^*]*\*/", "", css)


def _only_icons(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.startswith("icon-")}
