"""The compose project from `docker compose up -d` on: the story of one stack, in the order of the tests.

Runs with `make compose-test` (about four minutes), never with `make test`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import time
import zipfile
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pypdf import PdfReader

from phantom.sets import build_set, write_demo, write_set
from tests import openid_provider
from tests.certificates import certificates
from tests.deploy.stack import Batch, docker, identifiers_in, installed, run, wait_until
from tests.judge import judge
from tests.secure_visitor import SecureVisitor
from tests.visitor import PASSWORD, USER, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from phantom.sets import SyntheticSet
    from tests.deploy.stack import Said, Stack

pytestmark = pytest.mark.timeout(600)
FLOWER = "http://127.0.0.1:5555"
METRICS = "http://127.0.0.1:9464/metrics"
CONSOLE = 8765
DICOM = 11112
SIGN_ON = 8443
PORTS = (5555, CONSOLE, 9464, DICOM, SIGN_ON)
SERVICES = ("redis", "watcher", "worker", "sheets", "flower", "console", "receiver", "sort")
FORM = {
    "--patient-id": "zzz_Prostate",
    "--family-name": "Prostate",
    "--first-name": "P",
    "--hospital": "St. Anna",
    "--initial-index": "6",
    "--machine": "VicRapidPlan",
}


def is_taken(port: int) -> bool:
    """Return whether a port of this host is in use."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, artefacts: Path) -> Iterator[Stack]:
    """Install the service and start it; leave its logs behind."""
    taken = [port for port in PORTS if is_taken(port)]
    if taken:
        pytest.skip(f"SKIPPED: other programs on this machine listen on what the stack publishes: {taken}")
    folder, share = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("share")
    for above in (share, *share.parents[:2]):
        above.chmod(0o755)
    share.chmod(0o777)
    senders = "ECLIPSE=PROSTATE, MONACO=PROSTATE"
    stack = installed(folder, share, COMPOSE_PROFILES="receiver", ANONYMIZER_SENDERS=senders)
    try:
        stack.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "120")
        yield stack
    finally:
        (artefacts / "compose.log").write_text(stack.compose("logs", "--no-color", check=False))
        stack.compose("--profile", "*", "down", "--volumes", "--timeout", "20", check=False)


@pytest.fixture(scope="module")
def batch(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Drop the profile `demo`'s three synthetic sets; their planted texts are known by building them again."""
    stack.compose("--profile", "demo", "run", "--rm", "demo")
    return Batch(stack.share / "DEMO", write_demo(tmp_path_factory.mktemp("same") / "DEMO"))


def digest(batch: Batch) -> str:
    """Digest every original, byte for byte, with its name."""
    total = hashlib.sha256()
    for made in batch.sets:
        for path in sorted((batch.root / made.folder).rglob("*")):
            total.update(f"{path.name}\0".encode() + path.read_bytes())
    return total.hexdigest()


def everything_done(batch: Batch, last: int) -> bool:
    """Return whether all sets up to an index are published and have their lines."""
    return batch.indices() == list(range(6, last + 1)) == [int(line.split(", ")[1][-3:]) for line in batch.lines()]


def sheets_missing(batch: Batch) -> set[str]:
    """Return the names of the sheets that published sets lack."""
    wanted = {f"ANON_{index:03d}.{kind}" for index in batch.indices() for kind in ("html", "pdf")}
    return wanted - {path.name for path in (batch.root / "sheets").glob("ANON_*")}


def memory(stack: Stack, service: str) -> tuple[int, int, int]:
    """Return a container's memory limit and peak, in bytes, and its number of processes killed for lack of memory."""
    old, new = "/sys/fs/cgroup/memory/memory.", "/sys/fs/cgroup/memory."
    places = [
        (f"{old}limit_in_bytes", f"{new}max"),
        (f"{old}max_usage_in_bytes", f"{new}peak"),
        (f"{old}oom_control", f"{new}events"),
    ]
    told = [stack.compose("exec", "-T", service, "sh", "-c", f"cat {a} 2>/dev/null || cat {b}") for a, b in places]
    limit, used, events = told
    (killed,) = re.findall(r"^oom_kill (\d+)$", events, re.MULTILINE)
    return int(limit), int(used), int(killed)


def test_every_container_is_healthy_and_closed(stack: Stack) -> None:
    """No root, read-only except volumes, no capabilities or ways to gain them, limits, and Redis unpublished."""
    assert stack.all_healthy()
    for service in SERVICES:
        (container,) = stack.containers(service)
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["PidsLimit"] == 256
        assert host["Memory"] > 0
        assert container["Config"]["User"].split(":")[0] in {"10001", "999"}
        published = [binding for ports in host["PortBindings"].values() for binding in ports]
        assert all(binding["HostIp"] == "127.0.0.1" for binding in published)
        assert service in {"watcher", "flower", "console", "receiver"} or not published
        assert "secrets" not in json.dumps(container["Config"]["Env"]).replace("/run/secrets/", "")
        assert stack.secret("redis_password") not in json.dumps(container)
    assert "Read-only file system" in stack.compose("exec", "worker", "touch", "/opt/anonymizer/x", check=False)


def test_the_demo_is_published(stack: Stack, batch: Batch) -> None:
    """Three sets become three folders and three lines, as judged by independent code."""
    wait_until(lambda: everything_done(batch, 8), 120, "the demo's three sets are published")
    for made in batch.sets:
        judge(batch.root / made.folder, batch.anon_of(made), made.manifest)
    wait_until(lambda: "\nanonymizer_backlog 0.0\n" in stack.fetch(METRICS)[1], 30, "nothing waits or is in work")


def test_every_published_set_gets_its_sheet(stack: Stack, batch: Batch, artefacts: Path) -> None:
    """Drawn in the background on a read-only root, within the memory limit, readable by everybody."""
    wait_until(lambda: not sheets_missing(batch), 120, "each of the demo's three sets has its sheet")
    for index, made in zip(batch.indices(), batch.sets, strict=True):
        html, pdf = (batch.root / "sheets" / f"ANON_{index:03d}.{kind}" for kind in ("html", "pdf"))
        assert pdf.stat().st_uid == html.stat().st_uid == 10001
        text = html.read_text("utf-8")
        pages = PdfReader(pdf).pages
        written = "".join(page.extract_text() for page in pages)
        assert "data:image/" in text
        assert any(page.images for page in pages)
        for told in (text, written):
            assert f"zzz_AnusGE{index:03d}" in told
            assert not identifiers_in(told, [made])
    (container,) = stack.containers("sheets")
    assert container["State"]["Health"]["Status"] == "healthy"
    assert container["RestartCount"] == 0
    wait_until(lambda: stack.compose("logs", "--no-color", "sheets").count("sheet.made") == 3, 60, "each is in the log")
    assert "PermissionError" not in stack.compose("logs", "--no-color", "sheets")
    assert "Read-only file system" in stack.compose("exec", "sheets", "touch", "/opt/anonymizer/x", check=False)
    assert stack.compose("exec", "sheets", "id", "-u").strip() == "10001"
    limit, used, killed = memory(stack, "sheets")
    (artefacts / "sheets-memory.txt").write_text(f"limit {limit}, most used {used}\n")
    assert limit == 1024**3
    assert 0 < used <= limit
    assert killed == 0


def can_send() -> None:
    """Skip if no program can act as planning system; in CI this is a failure."""
    if shutil.which("storescu"):
        return
    assert os.environ.get("CI") != "true", "no storescu here: CI installs dcmtk"
    pytest.skip("SKIPPED: no storescu (dcmtk) here to play the planning system")


def sent() -> SyntheticSet:
    """Make the set to be sent through the receiver."""
    return build_set(seed="sent by storescu", ct=20, rois=8)


def push(sender: str, *files: Path) -> Said:
    """Send files to the receiver in one association, as a planning system does."""
    return run("storescu", "-aet", sender, "-aec", "RTANON", "127.0.0.1", str(DICOM), *files)


def physicist(stack: Stack) -> Visitor:
    """Make a user of the console, as its page says, and log them in."""
    answers = f"{PASSWORD}\n{PASSWORD}\n"
    stack.compose("exec", "-T", "console", "anonymizer", "console", "--add-user", USER, told=answers)
    visitor = Visitor(CONSOLE)
    assert visitor.log_in().status == 303
    return visitor


def delivered(visitor: Visitor, page: str) -> str:
    """Make a delivery of all that may be delivered; return where to fetch it, nothing if none was made."""
    assert visitor.post(page).status == 303

    def banner() -> str:
        said = re.search(r'<div id="making">(.*?)</p>', visitor.get(page).text, re.DOTALL)
        return said[1] if said else ""

    wait_until(lambda: "banner" in banner() and "is being made" not in banner(), 60, "the delivery is made, or is not")
    link = re.search(r'href="([^"]+/file)"', banner())
    return link[1] if link else ""


def test_a_patient_sent_by_storescu_becomes_a_released_delivery(stack: Stack, tmp_path: Path) -> None:
    """Three associations make one set; it is delivered only once a person has reviewed and released it."""
    can_send()
    root = stack.share / "PROSTATE"
    root.mkdir()
    root.chmod(0o777)
    stack.compose("run", "--rm", "worker", "new", "/share/PROSTATE", *chain.from_iterable(FORM.items()))
    form = root / "collection.toml"
    form.write_text(form.read_text("utf-8").replace('release = "not asked"', 'release = "before export"'), "utf-8")
    made = sent()
    write_set(made, there := tmp_path / "planning system")
    images, rest = [sorted(there.glob(name)) for name in ("CT.*", "R*")]
    assert "Calling AE Title Not Recognized" in push("STRANGER", images[0]).text
    for association in (images[:12], images[12:], rest):
        assert push("ECLIPSE", *association).code == 0
    collected = Batch(root, [made])
    wait_until(lambda: everything_done(collected, 6), 120, "the patient that was sent is published")
    judge(there, root / "ANON_006", made.manifest)

    visitor = physicist(stack)
    link = re.search(r'href="(/c/[^"]+)">PROSTATE<', visitor.get("/").text)
    assert link
    deliveries, its_page = f"{link[1]}/deliveries", f"{link[1]}/published/ANON_006"
    visitor.get(deliveries)
    assert delivered(visitor, deliveries) == ""
    assert "not released" in visitor.get(deliveries).text
    assert visitor.post(f"{its_page}/release", {"role": "physicist"}).status == 303
    file = tmp_path / "delivery.zip"
    file.write_bytes(visitor.download(delivered(visitor, deliveries)))
    with zipfile.ZipFile(file) as packed:
        packed.extractall(tmp_path / "delivery")
    ((anon,),) = [list((tmp_path / "delivery").rglob("ANON_006"))]
    judge(there, anon, made.manifest)
    texts = [path for kind in ("html", "json", "csv") for path in (tmp_path / "delivery").rglob(f"*.{kind}")]
    assert not identifiers_in("".join(path.read_text("utf-8") for path in texts), [made])
    days = sorted((root / ".anonymizer/audit").iterdir())
    acts = [json.loads(line)["act"] for day in days for line in day.read_text().splitlines()]
    assert acts == [
        *("collection made", "logged in", "delivery begun", "released"),
        *("delivery begun", "delivered", "delivery downloaded"),
    ]


def test_a_killed_worker_and_a_redis_that_goes_away_lose_nothing(stack: Stack, batch: Batch) -> None:
    """Three workers, one killed with -9 while working, and a restarted Redis: every set is published once."""
    stack.compose("up", "--detach", "--no-build", "--no-recreate", "--wait", "--scale", "worker=3")
    assert len(stack.containers("worker")) == 3
    victim = stack.containers("worker")[1]["State"]["Pid"]
    batch.drop([f"storm/{number}" for number in range(12)], ct=60)
    originals = digest(batch)
    wait_until(lambda: len(batch.indices()) > 3, 90, "the first of twelve sets is published")
    os.kill(victim, signal.SIGKILL)
    stack.compose("stop", "redis")
    time.sleep(8)
    assert len(batch.indices()) < 15, "Redis went too late to disturb anything: drop more sets"
    stack.compose("start", "redis")
    wait_until(lambda: everything_done(batch, 20), 240, "all twelve sets are published")
    wait_until(stack.all_healthy, 180, "every container is healthy again")
    assert digest(batch) == originals
    assert sorted(batch.anon_of(made).name for made in batch.sets) == [f"ANON_{n:03d}" for n in range(6, 21)]
    for made in batch.sets[-3:]:
        judge(batch.root / made.folder, batch.anon_of(made), made.manifest)


def test_work_continues_after_down_and_up(stack: Stack, batch: Batch) -> None:
    """Sets dropped meanwhile are processed with the next index; nothing is repeated."""
    before = {path: path.stat().st_mtime_ns for path in batch.root.glob("ANON_*")}
    stack.compose("down", "--timeout", "60")
    batch.drop(["while down"], ct=10)
    stack.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "120")
    wait_until(lambda: everything_done(batch, 21), 120, "the set that was dropped meanwhile is published")
    wait_until(lambda: "ANON_021.pdf" not in sheets_missing(batch), 120, "it has its sheet")
    # One that was being drawn when Redis went away is asked for again within a quarter of an hour.
    assert len(sheets_missing(batch)) <= 2
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_redis_lets_its_user_do_no_more_than_is_needed(stack: Stack) -> None:
    """Anyone may ping it; the service's password gives no access to server commands."""
    ask = ("exec", "--no-TTY", "redis", "redis-cli", "--no-auth-warning")
    health = ("--user", "health", "--pass", "any")
    login = ("--user", "anonymizer", "--pass", stack.secret("redis_password"))
    assert "NOAUTH" in stack.compose(*ask, "ping", check=False)
    assert "PONG" in stack.compose(*ask, *health, "ping")
    for command in ("config get *", "flushall", "keys *", "set other 1", "shutdown", "acl list"):
        assert "NOPERM" in stack.compose(*ask, *health, *command.split(), check=False)
        assert "NOPERM" in stack.compose(*ask, *login, *command.split(), check=False)
    assert stack.compose(*ask, *login, "llen", "anonymizer:anonymizer").strip() == "0"
    said = stack.compose("logs", "--no-color").splitlines()
    denied = [line for line in said if "NOPERM" in line or "Redis rejects" in line or "Redis denies" in line]
    assert not denied, "the service, or Redis at its start, needs more than it may do"


@pytest.mark.parametrize("service", ["watcher", "worker"])
def test_a_wrong_password_is_reported_in_words(stack: Stack, service: str) -> None:
    """Services wait instead of crashing; the health check reports the same."""
    name = f"wrong-{service}"
    wrong = ("ANONYMIZER_REDIS_URL=redis://anonymizer:wrong@redis:6379/0", "ANONYMIZER_REDIS_PASSWORD_FILE=")
    options = [option for value in wrong for option in ("--env", value)]
    stack.compose("run", "--detach", "--name", name, *options, service)
    try:
        said = "Redis rejects our name or password"
        wait_until(lambda: said in run("docker", "logs", name).text, 60, "the log says what is wrong")
        time.sleep(5)
        state = json.loads(docker("inspect", name))[0]
        assert (state["State"]["Running"], state["RestartCount"]) == (True, 0)
        if service == "worker":
            asked = run("docker", "exec", name, "anonymizer", "health")
            assert asked.code != 0
            assert said in asked.text
    finally:
        docker("rm", "--force", name)


def _says(log: Callable[[], Said], text: str) -> bool:
    return text in log().text


def test_an_outside_redis_over_tls(stack: Stack, tmp_path: Path) -> None:
    """With the right CA certificate a worker takes sets; with another one it reports the problem, and waits."""
    if not shutil.which("openssl"):
        pytest.skip("SKIPPED: no openssl here to make certificates with")
    certificates(tmp_path / "theirs", "redis-outside")
    certificates(tmp_path / "others", "redis-outside")
    tls = "--port 0 --tls-port 6380 --tls-auth-clients no --aclfile /users --protected-mode no"
    files = "--tls-cert-file /tls/server.pem --tls-key-file /tls/server.key --tls-ca-cert-file /tls/ca.pem"
    mounts = [f"--volume={tmp_path / 'theirs'}:/tls:ro", f"--volume={stack.folder / 'secrets/redis_users'}:/users:ro"]
    network = "--network=anonymizer_outside"
    name = "redis-outside"
    files_of_compose = ("--file", "docker-compose.yml", "--file", "deploy/outside-redis.yml")
    docker("run", "--detach", "--name", name, network, *mounts, "redis:7", "redis-server", *tls.split(), *files.split())
    try:
        for whose, said in (("theirs", "… ready."), ("others", "the TLS certificate of Redis is not accepted")):
            settings = {
                "ANONYMIZER_REDIS_URL": f"rediss://anonymizer@{name}:6380/0?ssl_ca_certs=/run/redis-ca.pem",
                "REDIS_CA": str(tmp_path / whose / "ca.pem"),
            }
            worker = f"worker-{whose}"
            stack.compose(*files_of_compose, "run", "--detach", "--name", worker, "worker", **settings)
            try:
                log = partial(run, "docker", "logs", worker)
                wait_until(partial(_says, log, said), 60, f"the log says {said}")
            finally:
                docker("rm", "--force", worker)
    finally:
        docker("rm", "--force", name)


ASK_CONSOLE = """
import http.client
asking = http.client.HTTPConnection("console", 8765, timeout=20)
asking.request("GET", "/", headers={"X-Remote-User": "anna"})
answer = asking.getresponse()
print(answer.status, answer.headers["Location"])
"""
OUR_IMAGE = "rt-set-anonymizer:0.1.0"


def test_people_come_in_by_single_sign_on(stack: Stack, tmp_path: Path) -> None:
    """Through the profile `sign-on` and a provider; names from anywhere else are not believed."""
    if not shutil.which("openssl"):
        pytest.skip("SKIPPED: no openssl here to make certificates with")
    made = tmp_path / "made"
    certificates(made, "provider", "localhost")
    secrets = {
        "sign_on_certificate": (made / "server.pem").read_text(),
        "sign_on_key": (made / "server.key").read_text(),
    }
    for name, text in {**secrets, "sign_on_secret": openid_provider.SECRET}.items():
        (stack.folder / "secrets" / name).write_text(text)
        (stack.folder / "secrets" / name).chmod(0o444)
    settings = {
        "SIGN_ON_ADDRESS": f"https://localhost:{SIGN_ON}",
        "SIGN_ON_PROVIDER": "https://provider:9443/.well-known/openid-configuration",
        "SIGN_ON_CLIENT": openid_provider.CLIENT,
        "SIGN_ON_CA": str(made / "ca.pem"),
        "ANONYMIZER_CONSOLE_PROXY": "X-Remote-User@198.18.255.254/32",
    }
    program = Path(openid_provider.__file__)
    mounts = [f"--volume={made}:/made:ro", f"--volume={program}:/provider.py:ro"]
    run_it = ("--entrypoint", "python", OUR_IMAGE)
    serve = ("--detach", "--name", "provider", "--network", "anonymizer_outside", *mounts, *run_it)
    docker("run", *serve, "/provider.py", "/made", "provider", "9443")
    profile = ("--profile", "sign-on")
    try:
        stack.compose(*profile, "up", "--detach", "--no-build", "--wait", "console", "sign-on", **settings)
        (its,) = json.loads(docker("inspect", "provider"))
        hosts = {"provider": its["NetworkSettings"]["Networks"]["anonymizer_outside"]["IPAddress"]}
        anna = SecureVisitor(settings["SIGN_ON_ADDRESS"], made / "ca.pem", hosts)
        page = anna.get("/")
        assert (page.status, "DEMO" in page.text, ">anna<" in page.text) == (200, True, True)
        past = Visitor(CONSOLE).get("/", X_Remote_User="anna")
        assert (past.status, past.location) == (303, "/login")
        for network in ("anonymizer_outside", "anonymizer_inside", "anonymizer_signing"):
            asked = docker("run", "--rm", "--network", network, *run_it, "-c", ASK_CONSOLE)
            assert asked.split() == ["303", "/login"]
    finally:
        docker("rm", "--force", "provider")
        stack.compose(*profile, "rm", "--stop", "--force", "sign-on", check=False)
        stack.compose("up", "--detach", "--no-build", "--wait")


def test_a_missing_share_is_reported_in_words(stack: Stack, tmp_path: Path) -> None:
    """A missing folder is refused before anything starts; an empty mount point is reported in the log."""
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o755)
    name = "unmounted"
    stack.compose("run", "--detach", "--name", name, "--volume", f"{empty}:/share", "watcher")
    try:
        said = "there is no collection; is the share mounted?"
        wait_until(lambda: said in run("docker", "logs", name).text, 60, "the log says what is wrong")
    finally:
        docker("rm", "--force", name)
    refused = stack.compose("run", "--no-deps", "watcher", check=False, SHARE_DIR=str(tmp_path / "nowhere"))
    assert "does not exist" in refused


def test_flower_shows_every_task_to_whoever_has_its_password(stack: Stack, batch: Batch, artefacts: Path) -> None:
    """401 without it, the page with it, and no way to change anything."""
    login = stack.secret("flower_login")
    assert stack.fetch(f"{FLOWER}/tasks")[0] == 401
    assert stack.fetch(f"{FLOWER}/api/tasks", "monitor:wrong")[0] == 401
    assert stack.fetch(f"{FLOWER}/tasks", login)[0] == 200
    tasks = json.loads(stack.fetch(f"{FLOWER}/api/tasks?limit=1000", login)[1])
    assert {task["name"] for task in tasks.values()} == {"anonymize_set", "make_sheet"}
    sets = [task for task in tasks.values() if task["name"] == "anonymize_set"]
    cut_off = [task for task in sets if not task["result"]]
    assert len(cut_off) <= 3, (
        "of more than what each worker did when it was killed, or Redis went, the end is not known"
    )
    published = [task["result"] for task in sets].count("'published'")
    assert published + len(cut_off) >= len(batch.sets), "the tasks from before `down` are kept"
    for place in ("worker/shutdown/x", "task/send-task/x", "task/revoke/x"):
        assert "Read only mode" in stack.fetch(f"{FLOWER}/api/{place}", login, send="{}")[1]
    picture = run("deploy/ci/flower-picture.sh", login, artefacts)
    assert picture.code == 0, picture.text


def test_nothing_that_is_shown_or_kept_identifies_anyone(stack: Stack, batch: Batch, artefacts: Path) -> None:
    """Flower's API, Redis' contents, logs and metrics contain no name, number, UID or folder."""
    login = stack.secret("flower_login")
    tasks = stack.fetch(f"{FLOWER}/api/tasks?limit=1000", login)[1]
    each = "".join(stack.fetch(f"{FLOWER}/api/task/info/{task}", login)[1] for task in json.loads(tasks))
    shown = {
        "flower": tasks + each + stack.fetch(f"{FLOWER}/api/workers?refresh=1", login)[1],
        "redis": stack.compose("exec", "--no-TTY", "redis", "sh", "-c", "cat /data/appendonlydir/*"),
        "logs": stack.compose("logs", "--no-color"),
        "numbers": stack.fetch(METRICS)[1] + stack.fetch(f"{FLOWER}/metrics", login)[1],
    }
    for place, text in shown.items():
        (artefacts / f"{place}.txt").write_text(text)
        assert len(text) > 1000, f"{place} says nothing: is this looked for in the right place?"
        assert not identifiers_in(text, [*batch.sets, sent()]), place
        assert stack.secret("redis_password") not in text
        assert login.partition(":")[2] not in text
    assert identifiers_in(f"x{batch.sets[0].folder}y", batch.sets), "this test could find something"


def test_the_numbers_are_true(stack: Stack, batch: Batch) -> None:
    """As fetched by Prometheus."""
    numbers = dict(line.rsplit(" ", 1) for line in stack.fetch(METRICS)[1].splitlines() if not line.startswith("#"))
    sets = {name: float(value) for name, value in numbers.items() if name.startswith("anonymizer_sets{")}
    by_the_receiver = [len(list(stack.share.glob("PROSTATE/ANON_*")))] if shutil.which("storescu") else []
    assert sorted(sets.values()) == sorted([len(batch.sets), *by_the_receiver])
    assert all('state="published"' in name for name in sets)
    assert float(numbers["anonymizer_share_up"]) == float(numbers["anonymizer_redis_up"]) == 1
    ask = ("exec", "--no-TTY", "redis", "redis-cli", "--no-auth-warning", "--user", "anonymizer")
    taken = stack.compose(*ask, "--pass", stack.secret("redis_password"), "hgetall", "anonymizer:unacked")
    # A killed worker's message counts until it comes back by itself, ten minutes after; sheets never do.
    left = len(re.findall(r', "anonymizer"\]$', taken, re.MULTILINE))
    assert float(numbers["anonymizer_backlog"]) == left <= 2
