"""One set in one process, by step and in total, as multiples of `cp -r` of the same set in the same round."""

from __future__ import annotations

import gc
import shutil
import time
from typing import TYPE_CHECKING

from benchmarks import sets
from benchmarks.measure import Stopwatch, baselines, cleared, copied, file_system, into_cache, synced
from benchmarks.tables import Bar, Report, table
from services.deidentify import writer
from services.deidentify.replacements import choose_replacements
from services.dicom import dates
from services.machines import descriptor
from services.pipeline import folder_run
from services.policy.table import policy_for
from services.proof import prove
from services.proof.prove import Expected
from services.publication.index_ledger import Ledger
from services.rtset import folder_listing
from services.runtime import durable_files
from services.runtime.progress import Progress
from services.runtime.settings import Settings
from services.store import records, registry
from services.verdict import check

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from services.store.collection import Collection

ROUNDS = 15
WHOLE_ROUNDS = 5
SETS = 6
STEPS = ("check", "anonymize", "prove", "fsync")


def steps(place: Path, store: Path) -> Report:
    """Time check, anonymization, proof and fsync of the head-and-neck set separately."""
    source = cleared(place / "source")
    shutil.copytree(sets.made(sets.HEAD_AND_NECK, "1", store), source)
    into_cache(source)
    synced(place)
    watch = Stopwatch()
    for _ in range(ROUNDS):
        baselines(source, place / "copy", watch)
        one_round(source, cleared(place / "ANON_006"), watch)
    cleared(place / "ANON_006")
    cleared(source)
    files, size = sets.size_of(sets.made(sets.HEAD_AND_NECK, "1", store))
    where = file_system(place)
    return Report(
        f"One set of {files} files, {size / 1e6:.0f} MB, step by step ({where})",
        [
            Bar.below(f"anonymizing alone / `cp -r` ({where})", 3, watch.ratio("anonymize", "cp")),
            Bar.below(f"check / `cp -r` ({where})", 1.5, watch.ratio("check", "cp")),
            Bar.below(f"proof, including output hashes / `cp -r` ({where})", 5, watch.ratio("prove", "cp")),
        ],
        [_rows(watch, ("cp", "cp + sync", *STEPS))],
    )


def one_round(source: Path, output: Path, watch: Stopwatch) -> None:
    """Run the steps as in `services.pipeline`, and prove the output."""
    options, identity, key = sets.OPTIONS, sets.IDENTITY.numbered(6), bytes(range(32))
    machines = descriptor.named(options.machine, descriptor.folders())
    output.mkdir()
    gc.collect()
    gc.disable()  # as the pipeline does
    with watch("check"):
        verdict = check.judge(source, options, machines, policy_for(options), folder_listing.take(source))
        rtset = verdict.good_set()
    assert verdict.machine is not None
    with watch("anonymize"):
        shift = dates.choose_shift(key, rtset.dates)
        replacements = choose_replacements(rtset, verdict.machine.machine, options, key, shift, identity)
        written = list(writer.write(rtset, replacements, output))
    with watch("prove"):
        proof = prove.prove(
            [(file.kind, source / file.path) for file in rtset.set_files],
            output,
            Expected(identity, replacements.policy, verdict.machine.machine),
        )
    with watch("fsync"):
        for one in written:
            durable_files.fsync_file(output / one.name)
        durable_files.fsync_folder(output)
    gc.enable()
    assert proof.checks["files"] == len(written)


def whole(place: Path, store: Path, client: redis.Redis) -> Report:
    """Time the whole pipeline: the cost of one more set in a sequence of several."""
    root = cleared(place / "BATCH")
    for number in range(1, SETS + 1):
        shutil.copytree(sets.made(sets.HEAD_AND_NECK, str(number), store), root / f"patient {number}")
    into_cache(root)
    folders = sorted(path.name for path in root.iterdir())
    watch = Stopwatch()
    for _ in range(WHOLE_ROUNDS):
        _copies(folders, root, place / "copy", watch)
        client.flushall()
        collection = sets.collection(root)
        synced(place)
        process(collection, folders[0], client)
        with watch("pipeline", of=SETS - 1):
            for folder in folders[1:]:
                process(collection, folder, client)
    proofs = [
        found.content["proof"]["checks"] for number in range(SETS) if (found := records.read(collection, 6 + number))
    ]
    assert len(proofs) == SETS
    proven = ", ".join(f"{count:,} {name}" for name, count in proofs[0].items())
    cleared(root)
    where = file_system(place)
    return Report(
        f"The whole pipeline, one more set ({where})",
        [Bar.below("whole pipeline / `cp -r` (tmpfs); stretch 5", 6, watch.ratio("pipeline", "cp + sync"))]
        if where == "tmpfs"  # where a sync is free
        else [
            Bar.below(
                f"whole pipeline / (`cp -r` + `sync -f`) ({where}); stretch 2.5",
                3,
                watch.ratio("pipeline", "cp + sync"),
            )
        ],
        [
            table(
                ["one more set", "median ms", "minimum ms", "x (`cp -r` + `sync -f`)"],
                [
                    [
                        name,
                        f"{watch[name] * 1e3:.0f}",
                        f"{min(watch.wall[name]) * 1e3:.0f}",
                        f"{watch.ratio(name, 'cp + sync'):.2f}",
                    ]
                    for name in ("cp + sync", "pipeline")
                ],
            )
        ],
        [f"Each of the {SETS * WHOLE_ROUNDS} outputs was proven before it was published; the proof of one: {proven}."],
    )


def _copies(folders: list[str], root: Path, target: Path, watch: Stopwatch) -> None:
    """Time the baseline in the same way: six sets and a sync, minus one set and a sync."""
    seconds = []
    for some in (folders[:1], folders):
        cleared(target).mkdir()
        start = time.perf_counter()
        for folder in some:
            copied(root / folder, target / folder)
        synced(target)
        seconds.append(time.perf_counter() - start)
    cleared(target)
    watch.wall["cp + sync"].append((seconds[1] - seconds[0]) / (SETS - 1))


def process(collection: Collection, folder: str, client: redis.Redis) -> None:
    """Process one set completely, like a worker."""
    locator = registry.register(collection, folder)
    outcome = folder_run.process(
        collection,
        locator,
        Ledger(collection, client),
        Progress(client, collection.id, locator),
        Settings(),
        patience_over=True,
    )
    assert outcome is not None
    assert outcome.state == "published", outcome


def _rows(watch: Stopwatch, names: tuple[str, ...]) -> str:
    rows = [
        [name, f"{watch[name] * 1e3:.0f}", f"{min(watch.wall[name]) * 1e3:.0f}", f"{watch.ratio(name, 'cp'):.2f}"]
        for name in names
    ]
    return table(["step", "median ms", "minimum ms", "x `cp -r`"], rows)
