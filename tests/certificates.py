"""Certificates of an authority of the tests' own, made by openssl."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def certificates(folder: Path, *names: str) -> None:
    """Make an authority (`ca.pem`), and its certificate for a server of these names (`server.pem`, `server.key`).

    They state what RFC 5280 requires, since Python 3.13 verifies it.
    """
    folder.mkdir()
    folder.chmod(0o755)
    new = ("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    sign = ("openssl", "x509", "-req", "-CAcreateserial", "-days", "2", "-extfile", folder / "names")
    ca, key, wish = folder / "ca.pem", folder / "server.key", folder / "server.csr"
    its_names = ",".join(f"DNS:{name}" for name in names)
    (folder / "names").write_text(f"subjectAltName={its_names}\nauthorityKeyIdentifier=keyid\n")
    authority = ("-subj", "/CN=test", "-addext", "keyUsage=critical,keyCertSign")
    for command in (
        (*new, "-x509", *authority, "-days", "2", "-keyout", folder / "ca.key", "-out", ca),
        (*new, "-subj", f"/CN={names[0]}", "-keyout", key, "-out", wish),
        (*sign, "-in", wish, "-CA", ca, "-CAkey", folder / "ca.key", "-out", folder / "server.pem"),
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    for path in folder.iterdir():
        path.chmod(0o644)
