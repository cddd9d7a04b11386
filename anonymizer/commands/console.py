"""`anonymizer console`: the page for people without a terminal."""

from __future__ import annotations

import logging
import os
import secrets
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from anonymizer import terminal
from anonymizer.arguments import Processes, ShareArgument, check_root
from services.errors import SettingsWrong
from services.runtime import logs
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from console.share_view import Desk
    from services.runtime.settings import Address

log = structlog.get_logger()

NewUser = Annotated[
    str | None,
    typer.Option("--add-user", help="Ask for a password and put this user into the file ANONYMIZER_CONSOLE_USERS."),
]


def console(
    ctx: typer.Context, share: ShareArgument = None, workers: Processes = None, add_user: NewUser = None
) -> None:
    """Open a page in which collections are made, checked and anonymized.

    Where ANONYMIZER_REDIS_URL names the Redis of a running service, it is a page of that service. Elsewhere it brings
    everything with it, and begins no set before somebody presses "Anonymize".
    """
    settings = Settings.of_process()
    if add_user is not None:
        _add_user(settings, add_user)
        return
    place = share or settings.share
    if place is None:
        raise SettingsWrong("Which folder? Name it: anonymizer console ROOT, or set ANONYMIZER_SHARE.")
    check_root(place)
    serve_console(place.absolute(), settings, processes=workers or os.cpu_count() or 1, debug=bool(ctx.obj))


def serve_console(share: Path, settings: Settings, *, processes: int, debug: bool, alone: bool = False) -> None:
    """Serve the console for what lies under a folder, with a service of its own where there is none.

    Parameters
    ----------
    alone
        Whether it brings its own service even if there is another Redis.
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
    if not debug:  # at a terminal one reads what was done, not each page that was asked for
        logging.getLogger().setLevel(logging.WARNING)
        logging.getLogger("console.pages").setLevel(logging.INFO)
    with embedded_service(share, settings, processes=processes, debug=debug) as its_settings:
        desk: Desk = Desk(share, its_settings, by_hand=True, users=users, key=key)
        serve(desk, lambda: _say_where(address, key))


def _say_where(address: Address, key: str | None) -> None:
    host = f"[{address.host}]" if ":" in address.host else address.host
    link = f"http://{host}:{address.port}/" + (f"enter?key={key}" if key else "")
    terminal.console().print(
        f"The console is here: {link}\nCtrl-C stops it. What is in work is finished first.", soft_wrap=True
    )


def _add_user(settings: Settings, name: str) -> None:
    from console.auth.users import add  # noqa: PLC0415 - see above

    if settings.console_users is None:
        raise SettingsWrong("ANONYMIZER_CONSOLE_USERS is not set. It names the file of those who may log in.")
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    add(settings.console_users, name, password)
    terminal.console().print(f"{name} may log in now.")
