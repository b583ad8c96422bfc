"""A test client that checks the house rules of every page it loads."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from fastapi.testclient import TestClient
from httpx2 import Response

from features.contracts.codes import COMMUNITY_GROUPS


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.forms: list[dict[str, str | None]] = []
        self.tokens = 0
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "form":
            self.forms.append(values)
        if tag == "input" and values.get("name") == "csrf":
            self.tokens += 1
        for name in ("for", "aria-describedby", "aria-labelledby"):
            self.targets += (values.get(name) or "").split()
        assert "style" not in values, f"<{tag}> has a style of its own, which the CSP forbids"
        assert not any(name.startswith("on") for name in values), f"<{tag}> has a handler"


def check_page(response: Response) -> None:
    """The house rules: one h1, headings in order, whole references, tokens, the demo's label."""
    text = response.text
    page = _Page(text)
    assert '<html lang="en"' in text
    assert re.search(r"<title>\s*[^<]+ - Risk level triage - made-up people</title>", text), text[
        :300
    ]
    assert page.headings.count(1) == 1
    if "There is a problem" in text:
        page.headings.pop(0)  # the error summary stands above the page's own heading
    assert page.headings[0] == 1
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps), page.headings
    assert len(page.ids) == len(set(page.ids)), "an id stands twice"
    assert set(page.targets) <= set(page.ids), set(page.targets) - set(page.ids)
    posts = [form for form in page.forms if form.get("method") == "post"]
    assert page.tokens == len(posts), "a form without a token"
    assert text.count("Made-up people") >= 2
    assert "It changes no level, tier, contact or recall" in text
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"


class Browser:
    """Loads pages as one person, checking each."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.token = ""

    def get(self, path: str, status: int = 200) -> str:
        """Load a page and check it."""
        response = self.client.get(path)
        assert response.status_code == status, (path, response.status_code, response.text[:400])
        check_page(response)
        self._keep_token(response)
        return response.text

    def post(self, path: str, status: int = 200, **form: str) -> str:
        """Send a form as the page would, follow where it leads, check the page."""
        response = self.client.post(path, data={"csrf": self.token, **form})
        assert response.status_code == status, (path, response.status_code, response.text[:400])
        check_page(response)
        self._keep_token(response)
        return response.text

    def sign_in(self, username: str) -> Browser:
        """Sign in as a made-up user."""
        self.get("/sign-in")
        self.post("/sign-in", username=username)
        return self

    def record_view(self, item: int, status: int = 200, **answers: str) -> str:
        """Say that nothing can be told but the answers given, with reasons in words."""
        self.get(f"/cases/{item}")
        form = {f"verdict-{g}": "cannot_tell" for g in COMMUNITY_GROUPS}
        reasons = "Three entries since May point the same way."
        return self.post(f"/cases/{item}/view", status, **{"reasons": reasons, **form, **answers})

    def conclude(
        self,
        item: int,
        outcome: str = "keep_level",
        status: int = 200,
        reasons: str = "The entries are one event told three times.",
    ) -> str:
        """Conclude, with reasons; a reassessment is asked of the group of the public."""
        form = {"ask-public": "too_low"} if outcome == "ask_reassessment" else {}
        return self.post(
            f"/cases/{item}/conclusion", status, outcome=outcome, reasons=reasons, **form
        )

    def _keep_token(self, response: Response) -> None:
        match = re.search(r'name="csrf" value="([^"]+)"', response.text)
        if match:
            self.token = match[1]
