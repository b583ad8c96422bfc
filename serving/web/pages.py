"""Renders pages from the GOV.UK templates and ours."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, Undefined

from features.contracts import codes
from features.frame.timeline import THEMES
from serving.db.waiting_entries import LONG_WAIT_DAYS
from serving.review.states import NOTE_ANSWERS, OUTCOMES
from serving.settings import Settings
from serving.watch.figures import THRESHOLDS
from serving.web import account, entries_behind, formatters, note_words, queue_view, reason_sizes
from serving.web.notices import NOTICE


class Loud(Undefined):
    """A mistyped variable fails when it is written; GOV.UK's macros may still ask whether it is."""

    def __str__(self) -> str:
        self._fail_with_undefined_error()


def template_environment(settings: Settings) -> Environment:
    """The template environment: GOV.UK's macros under their prefix, our pages beside them."""
    govuk = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    env = Environment(
        loader=ChoiceLoader([PackageLoader("serving.web"), govuk]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=Loud,
    )
    env.filters.update(formatters.FILTERS)
    env.filters.update(note_words.FILTERS)
    env.filters.update(reason_sizes.FILTERS)
    env.filters["order_behind"] = entries_behind.order_behind
    env.globals.update(
        long_wait_days=LONG_WAIT_DAYS,
        feed_words=formatters.feed_sentence,
        demo=settings.demo,
        record_links=settings.record_links,
        feedback_link=settings.feedback_link,
        notice_words=NOTICE["en"],
        navigation=account.NAVIGATION,
        progress_words=formatters.PROGRESS,
        asked_words=formatters.REQUEST_STATES,
        themes=THEMES,
        note_answer_words=NOTE_ANSWERS,
        how_right=note_words.how_right(),
        outcomes=OUTCOMES,
        queue_stages=queue_view.STAGES,
        queue_levels=queue_view.LEVELS,
        queue_sorts=queue_view.SORTS,
        groups=codes.COMMUNITY_GROUPS,
        levels=codes.LEVELS,
        titles={name: line.title for name, line in THRESHOLDS.items()},
    )
    return env


def render_page(request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A rendered page, with the signed-in user and the form token."""
    template = request.app.state.templates.get_template(f"pages/{name}")
    text = template.render(
        user=account.signed_in(request),
        csrf=account.form_token(request),
        cspNonce=request.state.nonce,
        path=request.url.path,
        **values,
    )
    return HTMLResponse(text, status_code=status)
