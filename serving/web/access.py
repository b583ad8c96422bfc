"""Lists which roles may use which route, read from the routes, for a page and the tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from serving.web import account
from serving.web.account import HOMES, Allowed

ROLES = tuple(HOMES)


@dataclass(frozen=True)
class Door:
    """A route: its method, path and permitted roles; None where anyone may use it."""

    method: str
    path: str
    roles: frozenset[str] | None


def list_doors(routers: Iterable[APIRouter], under: str = "") -> list[Door]:
    """Every route with its permitted roles; `under` is put before each path."""
    doors = []
    for route in (route for router in routers for route in router.routes):
        if isinstance(route, APIRoute):
            roles = _required_roles(route.dependant)
            doors += [
                Door(method, under + route.path, roles) for method in sorted(route.methods or ())
            ]
    return sorted(doors, key=lambda door: (door.path, door.method))


def _required_roles(dependant: Dependant) -> frozenset[str] | None:
    """The roles that pass every check of a route's dependencies."""
    allowed: frozenset[str] | None = None
    for one in _all_dependants(dependant):
        if isinstance(one.call, Allowed):
            allowed = one.call.roles if allowed is None else allowed & one.call.roles
        elif one.call is account.require_user and allowed is None:
            allowed = frozenset(ROLES)
    return allowed


def _all_dependants(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from _all_dependants(one)


def as_markdown() -> str:
    """The table of access as Markdown (docs/access.md)."""
    from serving.web import api_routes
    from serving.web.app import ROUTERS

    lines = [
        "# Who may do what",
        "",
        "Generated from the routes by `python -m serving docs`; do not edit. A difference from",
        "what stands here fails `make check`, and every line is tried in every role by",
        "`tests/serving/web/test_access.py` and `test_api.py`. Under it stand the policies of the",
        "database, which show a reader the own unit alone, whatever a route forgets",
        "(docs/decisions/0004).",
        "",
        f"| | | {' | '.join(ROLES)} |",
        f"|---|---|{'---|' * len(ROLES)}",
    ]
    for door in [*list_doors(ROUTERS), *list_doors([api_routes.router], "/v1")]:
        marks = ["yes" if door.roles is None or role in door.roles else "" for role in ROLES]
        anyone = " (anyone)" if door.roles is None else ""
        lines.append(f"| {door.method} | `{door.path}`{anyone} | {' | '.join(marks)} |")
    return "\n".join([*lines, ""])
