"""Manifests, dashboard and scripts of an installation are consistent, and work as documented."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_the_operator_s_rules_and_dashboard_are_those_of_prometheus_and_grafana() -> None:
    """Kustomize accepts no files outside its folder."""
    own = (PROJECT / "deploy/prometheus/alerts.yml").read_text("utf-8").partition("groups:")[2]
    operator = (PROJECT / "k8s/components/prometheus/rules.yaml").read_text("utf-8").partition("groups:")[2]
    assert re.sub(r"^  ", "", operator, flags=re.MULTILINE) == own
    dashboards = [PROJECT / place / "dashboard.json" for place in ("deploy/grafana", "k8s/components/prometheus")]
    assert dashboards[0].read_bytes() == dashboards[1].read_bytes()


def test_the_image_is_built_of_every_package() -> None:
    """Packages not named in `.dockerignore` are missing in the builder."""
    built = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = {line[1:] for line in (PROJECT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert copied >= {*built["packages"], *built["force-include"]}


def test_every_alert_is_tried_and_told_of() -> None:
    """With its meaning and remedy in its own row."""
    alerts = re.findall(r"alert: (\w+)", (PROJECT / "deploy/prometheus/alerts.yml").read_text("utf-8"))
    tried = re.findall(r"alertname: (\w+)\n +eval_time: \S+\n +exp_alerts", _read("deploy/prometheus/alerts_test.yml"))
    told = re.findall(r"^\| (Anonymizer\w+) \|(?:[^|\n]+\|){2}$", _read("docs/operations.md"), re.MULTILINE)
    assert sorted(set(tried)) == sorted(told) == sorted(alerts)


def test_an_alert_finds_somebody_to_tell() -> None:
    """Prometheus' configuration names an Alertmanager, whose configuration names an existing receiver."""
    assert re.search(r"^alerting:\n +alertmanagers:", _read("deploy/prometheus/prometheus.yml"), re.MULTILINE)
    ours = _read("deploy/prometheus/alertmanager.yml")
    assert re.findall(r"^ +receiver: (\w+)", ours, re.MULTILINE) == re.findall(r"^ +- name: (\w+)", ours, re.MULTILINE)


def _read(path: str) -> str:
    return (PROJECT / path).read_text("utf-8")


def test_bars_are_drawn_of_an_instant_table() -> None:
    """A time series has no bars by code."""
    panels = json.loads((PROJECT / "deploy/grafana/dashboard.json").read_text("utf-8"))["panels"]
    bars = [target for panel in panels if panel["type"] == "barchart" for target in panel["targets"]]
    assert [(one["instant"], one["range"], one["format"]) for one in bars] == [(True, False, "table")]


def changed(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script that changes passwords."""
    command = ["sh", str(place / "deploy/change-redis-password.sh"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def hashes(place: Path) -> list[str]:
    """Return the hashes of the passwords accepted for the service's user."""
    (line,) = re.findall(r"^user anonymizer .*", (place / "secrets/redis_users").read_text(), re.MULTILINE)
    return re.findall(r"#([0-9a-f]{64})", line)


def test_both_passwords_of_redis_hold_while_one_is_changed(tmp_path: Path) -> None:
    """Passwords are not printed; files keep inode and mode, as mounted into containers."""
    shutil.copytree(PROJECT / "deploy", tmp_path / "deploy")
    subprocess.run(["sh", tmp_path / "deploy/new-secrets.sh"], check=True, capture_output=True)
    password, login = tmp_path / "secrets/redis_password", tmp_path / "secrets/flower_login"
    old, flower, inode = password.read_text(), login.read_text(), password.stat().st_ino

    begun = changed(tmp_path, "begin")
    new = password.read_text()
    assert begun.returncode == 0
    assert new != old
    assert hashes(tmp_path) == [hashlib.sha256(one.encode()).hexdigest() for one in (new, old)]
    assert changed(tmp_path, "begin").returncode == 1

    ended = changed(tmp_path, "end")
    assert hashes(tmp_path) == [hashlib.sha256(new.encode()).hexdigest()]
    assert not any(secret in said.stdout + said.stderr for said in (begun, ended) for secret in (old, new))
    assert (login.read_text(), password.stat().st_ino, password.stat().st_mode & 0o777) == (flower, inode, 0o444)
    assert changed(tmp_path).returncode == 2
