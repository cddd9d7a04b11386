"""A bad day: sets are dropped, renamed, removed and dropped again while processes are killed and paused.

    make soak                      ten minutes
    make soak MINUTES=60 SEED=7    an hour, of the same choices as another time with this seed

What is done follows from the seed; what comes of it, from the machine, too. At the end everything is left in peace, and
the invariants are held.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import redis
from celery import Celery
from kombu.exceptions import OperationalError

from services.runtime.settings import Settings
from tests.exports import first
from tests.faults.service import Service
from tests.invariants import remember
from tests.malformed_messages import malformed, well_formed
from tests.sets import make_collection, make_set, second, without
from tests.waiting import wait_until
from worker.connection import QUEUE, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exports import Export

MOST_UNDONE = 12
MOST_WORKERS = 8
MOST_HALF = 3
BLOCK_BYTES = 4096
EXPORTS = 60
MORE = '[check]\nplans = "each"\n\n[people]\nsame_patient = "tell"\n'


class Soak:
    """One bad day."""

    def __init__(self, service: Service, seed: int) -> None:
        self.service = service
        self.chance = random.Random(seed)
        self.did: Counter[str] = Counter()
        self.number = 0
        self.faulty: set[str] = set()
        self.frozen: list[int] = []
        self.half: dict[str, tuple[Path, bytes]] = {}
        """Sets with an incomplete file of full size: the file, and its missing bytes."""
        self.copied: set[str] = set()
        """Sets that exist more than once, and may count as each other."""
        self.overwritten: set[str] = set()
        self.other = Celery("other", broker=service.redis.url, set_as_current=False)
        self.other.conf.broker_transport_options = {"socket_timeout": 1, "socket_connect_timeout": 1}
        self.malformed = list(malformed(well_formed(Settings(redis_url=service.redis.url), "soak")).values())

    def name(self) -> str:
        """Return the next set's name."""
        self.number += 1
        return f"Mustermann Erika {self.number}"

    def undone(self) -> list[str]:
        """Return the names of the sets without an outcome."""
        states = self.service.states()
        return [name for name in self.service.dropped if states.get(name) in {None, "waiting"}]

    def drop(self) -> None:
        """Drop a set."""
        if len(self.undone()) < MOST_UNDONE:
            self.service.drop(self.name(), ct=self.chance.choice([2, 2, 3, 12]))

    def drop_faulty(self) -> None:
        """Drop a set that must be refused."""
        name = self.name()
        self.faulty.add(name)
        self.service.drop(name, self.chance.choice([without("RTPLAN"), second("RTDOSE")]))

    def drop_slowly(self) -> None:
        """Copy a set file by file, with pauses, from outside the share."""
        made = make_set(self.service.place / "elsewhere", name=self.name(), seed=self.number, ct=2, size=16)
        place = self.service.root / made.folder.name
        place.mkdir()
        for path in sorted(made.folder.iterdir()):
            shutil.copy2(path, place)
            time.sleep(self.chance.random() * 0.6)
        self.service.dropped |= remember(place)

    def drop_again(self) -> None:
        """Drop a set again under another name."""
        whole = sorted(self.service.dropped.keys() - self.overwritten)
        if whole and len(self.undone()) < MOST_UNDONE:
            name, again = self.chance.choice(whole), self.name()
            self.copied |= {name, again}
            shutil.copytree(self.service.root / name, self.service.root / again)
            self.service.dropped |= remember(self.service.root / again)
            if name in self.faulty:
                self.faulty.add(again)

    def drop_several(self) -> None:
        """Drop a patient's folder with several plans, each with a complete set, sometimes the same one."""
        if len(self.undone()) < MOST_UNDONE:
            name = self.name()
            export = first(self.service.root, _is_of_whole_sets, name, since=self.chance.randrange(EXPORTS))
            self.copied.add(name)
            self.service.dropped |= remember(export.folder)

    def rename(self) -> None:
        """Rename a set, possibly in work."""
        if whole := sorted(self.service.dropped.keys() - self.overwritten):
            name, other = self.chance.choice(whole), self.name()
            (self.service.root / name).rename(self.service.root / other)
            self.service.dropped[other] = self.service.dropped.pop(name)
            if name in self.faulty:
                self.faulty.add(other)
            if name in self.copied:
                self.copied.add(other)

    def drop_half(self) -> None:
        """Drop a set lacking the end of a slice, which `arrive` adds."""
        if len(self.half) < MOST_HALF:
            name = self.name()
            made = make_set(self.service.place / "elsewhere", name=name, seed=name, ct=5, size=256)
            path = made.path(made.ct[2])
            whole = path.read_bytes()
            begin = len(whole) // 2 // BLOCK_BYTES * BLOCK_BYTES
            path.write_bytes(whole[:begin] + bytes(len(whole) - begin))
            shutil.copytree(made.folder, self.service.root / name)
            self.half[name] = (self.service.root / name / path.name, whole)

    def arrive(self) -> None:
        """Complete a set, of which nothing may have been published before."""
        if self.half:
            name = self.chance.choice(sorted(self.half))
            path, whole = self.half.pop(name)
            assert self.service.state_of(name) in {None, "waiting", "refused"}, name
            with path.open("r+b") as file:
                file.write(whole)
            self.service.dropped |= remember(path.parent)

    def overwrite(self) -> None:
        """Overwrite the last byte of a published set's file: the set then counts as changed."""
        states = self.service.states()
        published = {name for name, state in states.items() if state == "published"}
        if names := sorted(published - self.copied - self.overwritten):
            name = self.chance.choice(names)
            path = self.chance.choice(sorted((self.service.root / name).glob("CT*")))
            with path.open("r+b") as file:
                file.seek(-1, os.SEEK_END)
                last = file.read()
                file.seek(-1, os.SEEK_END)
                file.write(bytes([last[0] ^ 1]))
            self.overwritten.add(name)
            self.service.dropped |= remember(path.parent)

    def foreign_traffic(self) -> None:
        """Let another Celery application use the same database, with a queue of the same name."""
        with suppress(OperationalError):
            self.other.send_task("other.work", args=[self.number], queue=QUEUE, retry=False)

    def malformed_message(self) -> None:
        """Add a foreign message to our queue."""
        with suppress(redis.RedisError):
            client = self.service.redis.client()
            client.lpush(key_of(QUEUE), self.chance.choice(self.malformed))

    def take_away(self) -> None:
        """Remove a set without an outcome."""
        if undone := self.undone():
            name = self.chance.choice(undone)
            (self.service.root / name).rename(self.service.place / f"away {name}")
            del self.service.dropped[name]

    def kill_child(self) -> None:
        """Kill one process of a worker."""
        self._signal_child(signal.SIGKILL)

    def freeze_child(self) -> None:
        """Freeze one process of a worker for a while."""
        pid = self._signal_child(signal.SIGSTOP)
        if pid:
            self.frozen.append(pid)

    def wake(self) -> None:
        """Wake frozen processes."""
        while self.frozen:
            with suppress(ProcessLookupError):
                os.kill(self.frozen.pop(), signal.SIGCONT)

    def kill_worker(self) -> None:
        """Kill a complete worker, or only its main process."""
        kept = self.chance.choice(self.service.kept)
        if self.chance.random() < 0.5:
            kept.kill()
        else:
            kept.process.kill()

    def restart_worker(self) -> None:
        """Ask a worker or the watcher to stop; it is restarted."""
        self.chance.choice(self.service.kept).process.terminate()

    def more_or_fewer_workers(self) -> None:
        """Change the number of workers."""
        workers = self.service.kept[2:]
        if len(workers) >= MOST_WORKERS or (len(workers) > 1 and self.chance.random() < 0.5):
            gone = self.chance.choice(workers)
            self.service.kept.remove(gone)
            gone.end()
        else:
            self.service.start_worker(processes=1)

    def empty_redis(self) -> None:
        """Empty Redis."""
        with suppress(redis.RedisError):
            self.service.redis.client().flushall()

    def restart_redis(self) -> None:
        """Kill Redis, and restart it with or without its data."""
        self.service.redis.signal(signal.SIGKILL)
        time.sleep(self.chance.random() * 2)
        self.service.redis.keeps = self.chance.random() < 0.5
        self.service.redis.start()

    def pause_redis(self) -> None:
        """Make Redis hang."""
        self.service.redis.signal(signal.SIGSTOP)
        time.sleep(self.chance.random() * 4)
        self.service.redis.signal(signal.SIGCONT)

    def cut_connections(self) -> None:
        """Cut all connections."""
        with suppress(redis.RedisError):
            self.service.redis.client().execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def hide_share(self) -> None:
        """Replace the share by an empty folder for a while."""
        away = self.service.place / "hidden"
        self.service.share.rename(away)
        self.service.share.mkdir()
        time.sleep(self.chance.random() * 3)
        shutil.rmtree(self.service.share)
        away.rename(self.service.share)

    def _signal_child(self, number: int) -> int | None:
        children = [pid for kept in self.service.kept[2:] for pid in kept.children()]
        if not children:
            return None
        pid = self.chance.choice(children)
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        return pid

    def deeds(self) -> dict[Callable[[], None], int]:
        """Return the possible actions, with their weights."""
        return {
            self.drop: 60,
            self.drop_slowly: 4,
            self.drop_faulty: 4,
            self.drop_again: 4,
            self.drop_half: 4,
            self.drop_several: 4,
            self.arrive: 6,
            self.overwrite: 4,
            self.foreign_traffic: 4,
            self.malformed_message: 4,
            self.rename: 4,
            self.take_away: 4,
            self.kill_child: 8,
            self.freeze_child: 4,
            self.wake: 6,
            self.kill_worker: 5,
            self.restart_worker: 3,
            self.more_or_fewer_workers: 3,
            self.empty_redis: 3,
            self.restart_redis: 2,
            self.pause_redis: 2,
            self.cut_connections: 3,
            self.hide_share: 2,
        }

    def run(self, seconds: float) -> None:
        """Perform the actions."""
        deeds = self.deeds()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            (deed,) = self.chance.choices(list(deeds), list(deeds.values()))
            deed()
            self.did[deed.__name__] += 1
            time.sleep(self.chance.random() * 0.6)

    def rest(self) -> dict[str, str]:
        """Let everything settle, retry parked sets, and check the invariants."""
        self.wake()
        while self.half:
            self.arrive()
        wait_until(self.service.concluded, self.undone, within_s=600)
        for name, state in self.service.states().items():
            if state == "parked":
                self.did["parked"] += 1
                self.service.command("retry", self.service.root, name)
        wait_until(self.service.at_rest, lambda: (self.undone(), self.service.left()), within_s=600)
        wait_until(lambda: self.overwritten <= self._changed(), lambda: self.overwritten - self._changed())
        states = self.service.hold()
        wrong = {name: state for name, state in states.items() if state not in self._right(name)}
        assert not wrong, wrong
        return states

    def _changed(self) -> set[str]:
        return {name for name, state in self.service.states().items() if state == "changed"}

    def _right(self, name: str) -> set[str]:
        """Return the valid final states of a set."""
        if name in self.overwritten:
            return {"changed"}
        return {"refused"} if name in self.faulty else {"published", "same-set"}


def _is_of_whole_sets(export: Export) -> bool:
    return not export.two_patients and len(export.sets) == len(export.plans) > 1


def soak(seconds: float, seed: int) -> None:
    """Run the soak test, and print the result."""
    with tempfile.TemporaryDirectory(prefix="soak-") as place, Service(Path(place), keeps=True) as service:
        make_collection(service.root, more=MORE)
        service.inner |= {"visibility_s": 20, "stands_still_s": 10.0}
        (Path(place) / "elsewhere").mkdir()
        service.start(workers=2)
        service.kept.insert(1, service.start_watcher())
        service.kept.pop()
        going = Soak(service, seed)
        try:
            going.run(seconds)
            states = going.rest()
        except BaseException:
            kept = Path(tempfile.mkdtemp(prefix="soak-kept-"))
            shutil.copytree(service.place, kept, dirs_exist_ok=True, symlinks=True, ignore_dangling_symlinks=True)
            say(f"seed {seed}; what was left is in {kept}; done until then: {dict(going.did)}")
            raise
        starts = sum(kept.starts for kept in service.kept)
        say(f"seed {seed}, {seconds:.0f} s: {dict(Counter(states.values()))} of {going.number} dropped")
        say(f"done: {dict(going.did)}; {starts} starts of processes; all promises hold")


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the command line."""
    said = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    said.add_argument("--minutes", type=float, default=10)
    said.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    given = said.parse_args()
    soak(given.minutes * 60, given.seed)


if __name__ == "__main__":
    main()
