"""Every command in a document exists, with its options."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import typer

from anonymizer.command_line import application
from anonymizer.quick import COMMANDS

HERE = Path(__file__).parents[2]
DOCUMENTS = sorted({HERE / "README.md", HERE / "SECURITY.md", HERE / "CONTRIBUTING.md", *(HERE / "docs").glob("*.md")})
TARGETS = set(re.findall(r"^([a-z][\w-]*):", (HERE / "Makefile").read_text("utf-8"), re.MULTILINE))


@cache
def options_of(command: str) -> frozenset[str]:
    """Return the options of one command."""
    parsed = typer.main.get_command(application(command))
    commands = getattr(parsed, "commands", {command: parsed})
    return frozenset(name for option in commands[command].params for name in (*option.opts, *option.secondary_opts))


def told(text: str) -> list[str]:
    """Return code in documents: blocks by line, and spans in prose."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^    (\S[^\n]*)$", text, re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    inline = [re.sub(r"\s+", " ", code) for code in re.findall(r"`([^`]+)`", prose)]
    return [line for block in blocks for line in block.splitlines()] + indented + inline


def calls(code: str, program: str) -> list[list[str]]:
    """Return the arguments of each call of a program in a line of code; `-n anonymizer` is Kubernetes' namespace."""
    found = re.findall(rf"(?:^|[\s/])(?<!-n ){program} ([^|;&#…]*)", code)
    return [shlex.split(re.sub(r"[\[\]]", " ", arguments), posix=False) for arguments in found if arguments.strip()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_options_are_there(document: Path) -> None:
    """As typed by a reader."""
    for code in told(document.read_text("utf-8")):
        for command, *arguments in calls(code, "anonymizer"):
            if re.fullmatch(r"[a-z]+", command):
                assert command in COMMANDS, code
                for option in filter(re.compile("--[a-z-]+").match, arguments):
                    assert option.partition("=")[0].rstrip(",.)") in options_of(command) | {"--debug"}, code


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_targets_of_make_are_there(document: Path) -> None:
    """`make test`, `make run ROOT=…`."""
    for code in told(document.read_text("utf-8")):
        for target, *_ in calls(code, "make"):
            if re.fullmatch(r"[a-z][\w-]*", target) and re.match(r"(?:\S*/)?make ", code):
                assert target in TARGETS, code


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """To files of the project; external addresses are not tried."""
    for link in re.findall(r"\]\(([^)#\s]+)", document.read_text("utf-8")):
        if not re.match(r"[a-z]+:", link):
            assert (document.parent / link).exists(), link


RUN_BY = {
    "make ": ("Makefile", "setup:"),  # its targets are what CI calls
    "cp .env.example .env": ("tests/deploy/stack.py", ".env.example"),
    "deploy/new-secrets.sh": ("tests/deploy/stack.py", "new-secrets.sh"),
    "deploy/change-redis-password.sh": ("tests/unit/test_installation_files.py", "change-redis-password"),
    "docker compose build": ("deploy/ci/with-docker.sh", "build"),
    "docker compose up": ("tests/deploy/test_compose.py", '"up", "--detach"'),
    "docker compose --profile demo run --rm demo": ("tests/deploy/test_compose.py", '"demo", "run", "--rm", "demo"'),
    "docker compose --profile '*' down --volumes": ("tests/deploy/test_compose.py", '"*", "down", "--volumes"'),
    "docker compose run --rm worker": ("tests/deploy/test_compose.py", '"run", "--detach"'),
    "kubectl -n anonymizer create secret": ("deploy/ci/secrets-for-kubernetes.sh", "create secret generic anonymizer"),
    "kubectl -n anonymizer rollout restart": ("deploy/ci/k8s-test.sh", "rollout restart statefulset,deployment"),
    "useradd --system": ("deploy/ci/systemd-test.sh", "useradd --system"),
    "python3 -m venv /opt/rt-set-anonymizer": ("deploy/ci/systemd-test.sh", "$install"),
    "/opt/rt-set-anonymizer/bin/pip install": ("deploy/ci/systemd-test.sh", "$install"),
    "/opt/anonymizer/bin/pip install": ("tests/deploy/test_bundle.py", '"pip install" in line'),
    "python3 -m venv /opt/anonymizer": ("tests/deploy/test_bundle.py", 'page()["Without containers"]'),
    "install -": ("deploy/ci/systemd-test.sh", "$install"),
    "systemctl daemon-reload": ("deploy/ci/systemd-test.sh", "$begin"),
    "systemctl enable": ("deploy/ci/systemd-test.sh", "$begin"),
    "systemctl disable": ("deploy/ci/systemd-test.sh", "$uninstall"),
    "cp anonymizer.example.org.": ("tests/deploy/test_compose.py", "sign_on_certificate"),
    "sha256sum --check": ("tests/deploy/test_bundle.py", 'page()[""]'),
    "openssl pkeyutl": ("tests/integration/test_deliveries.py", "pkeyutl"),
}
"""Commands of other programs in the documents: the test that runs each, and the text that shows it."""
SHELL = re.compile(
    r"(?:\S*/)?(?:docker|kubectl|systemctl|install|useradd|git|sed|ln|cd|cp|make|pip|python3?|openssl|mount|"
    r"sha256sum|pip-audit|new-secrets\.sh|change-redis-password\.sh) "
)


def not_run() -> list[str]:
    """Return the prefixes of commands marked in the documents as run by no test."""
    page = (HERE / "docs/operations.md").read_text("utf-8")
    marked = page[page.index("**no test runs**") :].partition("\n\nDurations of test runs")[0]
    commands = [re.sub(r"\s+", " ", code) for code in re.findall(r"`([^`]+)`", marked)]
    return [code for code in commands if not code.startswith("tests/")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_command_of_another_program_is_run_by_a_test_or_marked(document: Path) -> None:
    """In code blocks, by line."""
    text = document.read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"^    (\S[^\n]*)$", text, re.MULTILINE)
    known = (*RUN_BY, *not_run())
    called = [one.strip() for line in lines for one in re.split(r" && |; ", line.partition("  #")[0])]
    assert [one for one in called if SHELL.match(one) and not one.startswith(known)] == []


@pytest.mark.parametrize(("command", "where"), RUN_BY.items(), ids=RUN_BY)
def test_what_runs_a_command_of_the_documents_is_there(command: str, where: tuple[str, str]) -> None:
    """Otherwise the documents would contain untried commands."""
    path, text = where
    assert text in (HERE / path).read_text("utf-8"), command


def test_a_command_that_is_not_there_is_found() -> None:
    """Calls are found in blocks, indented lines and prose, with their options."""
    text = "`anonymizer fly ROOT --high`\n\n    anonymizer check ROOT\n\n```sh\nanonymizer run ROOT --workers 3\n```\n"
    found = [call for code in told(text) for call in calls(code, "anonymizer")]
    assert sorted(found) == [["check", "ROOT"], ["fly", "ROOT", "--high"], ["run", "ROOT", "--workers", "3"]]
    assert "--workers" in options_of("run")
    assert "--high" not in options_of("run")
