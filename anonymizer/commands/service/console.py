"""`anonymizer console`: the web console."""

from __future__ import annotations

import logging
import os
import secrets
from typing import TYPE_CHECKING, Annotated

import structlog
import typer
from rich.table import Table

from anonymizer import terminal
from anonymizer.arguments import AsJson, Processes, ShareArgument, check_root
from services.errors import SettingsWrong
from services.runtime import logs
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from console.auth.users import User
    from console.share_view import Desk
    from services.runtime.settings import Address

log = structlog.get_logger()

NewUser = Annotated[
    str | None,
    typer.Option("--add-user", help="Ask for a password and add this user to the file ANONYMIZER_CONSOLE_USERS."),
]
GoneUser = Annotated[
    str | None, typer.Option("--remove-user", help="Remove this user from that file and end their sessions.")
]
AllowedUser = Annotated[
    str | None,
    typer.Option("--allow-user", help="Set the roles of this user, authenticated by password or proxy."),
]
Roles = Annotated[
    list[str] | None,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="With --add-user or --allow-user, repeated or separated by commas: look, start (start, release and all "
        "other changes), tracking (read the tracking file).",
    ),
]
ListUsers = Annotated[bool, typer.Option("--list-users", help="List the users and their roles.")]


def console(
    ctx: typer.Context,
    share: ShareArgument = None,
    workers: Processes = None,
    add_user: NewUser = None,
    remove_user: GoneUser = None,
    allow_user: AllowedUser = None,
    role: Roles = None,
    list_users: ListUsers = False,
    as_json: AsJson = False,
) -> None:
    """Serve a web page on which collections are created, checked and anonymized.

    With ANONYMIZER_REDIS_URL it is the console of that running service. Otherwise it starts its own service, which
    processes no set until "Anonymize" is pressed.
    """
    settings = Settings.of_process()
    if list_users or any(name is not None for name in (add_user, remove_user, allow_user)):
        _see_to_users(settings, add=add_user, remove=remove_user, allow=allow_user, allowed=role, as_json=as_json)
        return
    if role:
        raise SettingsWrong("--role needs a user: name one with --add-user or --allow-user.")
    place = share or settings.share
    if place is None:
        raise SettingsWrong("Which folder? Name it: anonymizer console ROOT, or set ANONYMIZER_SHARE.")
    check_root(place)
    serve_console(place.absolute(), settings, processes=workers or os.cpu_count() or 1, debug=bool(ctx.obj))


def serve_console(share: Path, settings: Settings, *, processes: int, debug: bool, alone: bool = False) -> None:
    """Serve the console for the collections under a folder, with a service of its own if there is none.

    Parameters
    ----------
    alone
        Whether to start its own service even if there is another Redis.
    """
    from anonymizer.embedded.console_service import embedded_service  # noqa: PLC0415 - no other command needs a web server
    from console.auth.users import Users, read  # noqa: PLC0415
    from console.serve import HERE, serve  # noqa: PLC0415
    from console.share_view import Desk  # noqa: PLC0415

    address = settings.console or HERE
    users = Users(settings.console_users) if settings.console_users else None
    logs.configure(settings.log_format, settings.log_level)
    if settings.console_users and not read(settings.console_users) and not settings.console_proxy:
        log.warning("console.waits", waits="nobody may log in yet: anonymizer console --add-user NAME")
    if settings.redis_url and not alone:
        if users is None and settings.console_proxy is None:
            raise SettingsWrong(
                "Who may log in? Set ANONYMIZER_CONSOLE_USERS to a file and put somebody in it: anonymizer console "
                "--add-user NAME. Or name the proxy that knows them: ANONYMIZER_CONSOLE_PROXY."
            )
        serve(Desk(share, settings, users=users), lambda: log.info("console.began", port=address.port))
        return
    key = None
    if users is None and settings.console_proxy is None:
        if address.host not in {"127.0.0.1", "::1", "localhost"}:
            raise SettingsWrong("Without users the console is for this machine only: set ANONYMIZER_CONSOLE_USERS.")
        key = secrets.token_urlsafe(24)
    if not debug:  # at a terminal, log what was done, not each request
        logging.getLogger().setLevel(logging.WARNING)
        logging.getLogger("console.pages").setLevel(logging.INFO)
    with embedded_service(share, settings, processes=processes, debug=debug) as its_settings:
        desk: Desk = Desk(share, its_settings, by_hand=True, users=users, key=key)
        serve(desk, lambda: _print_address(address, key))


def _print_address(address: Address, key: str | None) -> None:
    host = f"[{address.host}]" if ":" in address.host else address.host
    link = f"http://{host}:{address.port}/" + (f"enter?key={key}" if key else "")
    terminal.console().print(f"Console: {link}\nCtrl-C stops it after finishing the sets in work.", soft_wrap=True)


def _see_to_users(
    settings: Settings,
    *,
    add: str | None,
    remove: str | None,
    allow: str | None,
    allowed: list[str] | None,
    as_json: bool,
) -> None:
    """Add, change, remove or list users."""
    from console.auth import roles, users  # noqa: PLC0415 - see above

    path, say = settings.console_users, terminal.console().print
    if path is None:
        raise SettingsWrong("ANONYMIZER_CONSOLE_USERS, the file of users, is not set.")
    if allowed:
        roles.of_words(allowed)  # before asking for a password
    if add is not None:
        users.add(path, add, typer.prompt("Password", hide_input=True, confirmation_prompt=True), allowed)
        say(f"{add} may log in now.")
    if allow is not None:
        users.allow(path, allow, allowed or [roles.LOOK])
        say(f"{allow} may now: {roles.as_words(users.read(path)[allow].roles)}.")
    if remove is not None:
        users.remove(path, remove)
        say(f"{remove} can no longer log in; their sessions have ended.")
    if add is None and allow is None and remove is None:
        _list(users.read(path), as_json=as_json)


def _list(known: Mapping[str, User], *, as_json: bool) -> None:
    from console.auth import roles, users  # noqa: PLC0415 - see above

    if as_json:
        listed = [
            {"user": name, "roles": roles.as_words(user.roles).split(","), "password": user.kept != users.NO_PASSWORD}
            for name, user in known.items()
        ]
        terminal.print_json(listed)
        return
    table = Table("User", "May", "Authenticated by")
    for name, user in known.items():
        table.add_row(
            name, roles.as_words(user.roles), "the proxy" if user.kept == users.NO_PASSWORD else "their password"
        )
    terminal.console().print(table if known else "Nobody may log in yet: anonymizer console --add-user NAME")
