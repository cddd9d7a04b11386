"""Allocation of indices. Redis proposes quickly; the share decides.

A script assigns a set the smallest index not taken, the same one on every call. Redis holds a copy of the share's
claims. If the share disagrees (Redis was emptied, or restored to an earlier state), the copy is withdrawn and rebuilt
from the share before anyone gets another answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

import redis

from services.errors import SettingsWrong
from services.forms.identity import LAST_INDEX
from services.language import gettext
from services.publication import claims, high_water, persons, publish
from services.store import records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.publication.claims import Claim
    from services.publication.persons import Person
    from services.store.collection import Collection

ROUNDS: Final = 50
"""In each round in which the share disagrees, another process got an index; more rounds have never been needed."""

# One hash per collection, so that it exists completely or not at all: `generation` identifies this copy of the share;
# `i:<index>` holds its set (empty: taken otherwise); `s:<set id>` holds the index of an unpublished set; between
# `initial` and `free` no index is free.
CLAIM: Final = """
local ledger, set, initial = KEYS[1], 's:' .. ARGV[1], tonumber(ARGV[2])
local generation = redis.call('HGET', ledger, 'generation')
if not generation then return false end
local index = tonumber(redis.call('HGET', ledger, set))
if not index then
  local known = redis.call('HMGET', ledger, 'initial', 'free')
  index = tonumber(known[1]) == initial and tonumber(known[2]) or initial
  while redis.call('HEXISTS', ledger, 'i:' .. index) == 1 do index = index + 1 end
  redis.call('HSET', ledger, 'i:' .. index, ARGV[1], set, index, 'initial', initial, 'free', index + 1)
end
return {index, generation}
"""

FORGET: Final = """
local ledger, set, index = KEYS[1], 's:' .. ARGV[1], tonumber(ARGV[2])
if tonumber(redis.call('HGET', ledger, set)) == index then redis.call('HDEL', ledger, set) end
if redis.call('HGET', ledger, 'i:' .. index) == ARGV[1] then
  redis.call('HDEL', ledger, 'i:' .. index)
  local known = redis.call('HMGET', ledger, 'initial', 'free')
  if known[1] and index >= tonumber(known[1]) and index < tonumber(known[2]) then
    redis.call('HSET', ledger, 'free', index)
  end
end
"""

WITHDRAW: Final = """
if redis.call('HGET', KEYS[1], 'generation') == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class LedgerUnsettled(OSError):
    """Redis and the share do not converge. It is retried; `anonymizer doctor` shows the cause."""


class NumberHeld(OSError):
    """The number that a list reserves for a set is held by another unpublished set. It is retried."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Result of comparing Redis with the share."""

    withdrawn: bool
    """Redis' copy was wrong and is rebuilt at the next claim."""

    finished: int
    """Number of indices freed from interrupted releases, or left behind by a set that holds another one."""

    unreadable: tuple[int, ...]
    """Indices blocked by unreadable claims."""


class Ledger:
    """The indices of one collection."""

    def __init__(self, collection: Collection, client: redis.Redis) -> None:
        self._collection = collection
        self._redis = client
        self._key = f"anonymizer:ledger:{collection.id}"
        self._claim = client.register_script(CLAIM)
        self._forget = client.register_script(FORGET)
        self._withdraw = client.register_script(WITHDRAW)
        self._doubted: tuple[object, set[int]] = (None, set())

    def claim(self, set_id: str, locator: str) -> int:
        """Allocate a set's index: the one it holds, else the smallest free one from the initial index on.

        Raises
        ------
        redis.RedisError, OSError
            Temporary. The next call resumes what was begun.
        """
        for _ in range(ROUNDS):
            held = claims.held(self._collection, set_id)
            if held is not None:
                return held.index
            index, generation = self._next(set_id)
            taken = claims.take(self._collection, index, set_id, locator)
            if taken is not None:
                return taken.index
            self._clear_the_way(set_id, index)
            self._withdraw(keys=[self._key], args=[generation])
        raise LedgerUnsettled

    def claim_listed(self, set_id: str, locator: str, index: int) -> int:
        """Allocate the index reserved for a set's patient, or the one that the set already holds.

        Raises
        ------
        NumberHeld
            Another set holds it.
        OSError
            Temporary.
        """
        for _ in range(ROUNDS):
            held = claims.held(self._collection, set_id)
            if held is not None:
                return held.index
            taken = claims.take(self._collection, index, set_id, locator, listed=True)
            if taken is not None:
                return taken.index
            self._clear_the_way(set_id, index)
            if (holder := claims.at(self._collection, index)) is not None and holder.set_id != set_id:
                raise NumberHeld
        raise LedgerUnsettled

    def reserve(self, named: Callable[[int], Person], listed: int | None = None) -> Person:
        """Reserve a number for a person whose sets are linked, permanently.

        Return the person as noted, by whichever process.

        Parameters
        ----------
        named
            Returns the entry of the person for a number.
        listed
            The number reserved by the list of identities; None to take the next one.

        Raises
        ------
        redis.RedisError, OSError
            Temporary. The next call resumes what was begun.
        """
        name = named(0).hash
        for _ in range(ROUNDS):
            known = persons.read(self._collection, name)
            if known is not None:
                return known
            index, generation = listed, b""
            if index is None:
                index, generation = self._next(persons.key_of(name))
            reserved = persons.reserve(self._collection, named(index), listed=listed is not None)
            if reserved is not None:
                return reserved
            if listed is None:
                self._withdraw(keys=[self._key], args=[generation])
            listed = None
        raise LedgerUnsettled

    def claim_linked(self, set_id: str, locator: str, person: Person, *, listed: bool = False) -> int:
        """Allocate a linked person's set its number: the person's own if no set has it, else the next one."""
        for _ in range(2):
            held = claims.held(self._collection, set_id)
            if held is not None:
                return held.index
            own = claims.person_at(self._collection, person.index)
            if own != person.hash:
                break
            taken = claims.take(self._collection, person.index, set_id, locator, listed=listed, person=own)
            if taken is not None:
                return taken.index
            self._clear_the_way(set_id, person.index)
        return self.claim(set_id, locator)

    def release(self, set_id: str) -> bool:
        """Release a set's index; return False if the set turns out to be published, which is permanent."""
        return release(self._collection, set_id, self._give_back)

    def rebuild(self) -> None:
        """Rebuild Redis' copy from the share."""
        self._redis.delete(self._key)
        self._build()

    def audit(self) -> Audit:
        """Compare Redis with the share and repair what killed processes left; to be called every minute.

        An index taken in Redis but not on the share belongs to a claim between its two steps, or to one killed there;
        if it persists for two calls, it is the latter. The share is read first: later claims are then already known to
        Redis. Indices released meanwhile are gone at the second look.
        """
        finished = sum(map(self._finish_release, claims.half_released(self._collection)))
        finished += persons.let_go(self._collection)
        for claim in list(claims.left_behind(self._collection)):
            claims.let_go(self._collection, claim)
            self._forget(keys=[self._key], args=[claim.set_id, claim.index])
            finished += 1
        taken = claims.taken(self._collection)
        generation, known = self._known()
        if generation is None:
            return Audit(withdrawn=False, finished=finished, unreadable=tuple(claims.unreadable(self._collection)))
        doubted, self._doubted = self._doubted, (generation, known - taken)
        unknown = taken - known and (taken - known) & claims.taken(self._collection)
        wrong = unknown or (generation == doubted[0] and (known - taken) & doubted[1])
        if wrong:
            self._withdraw(keys=[self._key], args=[generation])
        return Audit(bool(wrong), finished, tuple(claims.unreadable(self._collection)))

    def _next(self, name: str) -> tuple[int, bytes]:
        """Return the number proposed for a set or person, and the generation of the copy that proposed it."""
        high_water.check_highest(self._redis, self._collection)
        index, generation = self._ask(name)
        high_water.check_free(self._redis, self._collection, index)
        return index, generation

    def _ask(self, set_id: str) -> tuple[int, bytes]:
        initial = self._collection.identity.initial_index
        for _ in range(ROUNDS):
            answer = self._claim(keys=[self._key], args=[set_id, initial])
            if answer:
                index, generation = cast("tuple[int, bytes]", answer)
                if index > LAST_INDEX:
                    raise SettingsWrong(
                        gettext("No number up to {last} is free: choose a lower initial_index.", last=LAST_INDEX)
                    )
                return index, generation
            self._build()
        raise LedgerUnsettled

    def _build(self) -> None:
        """Copy the share into Redis, unless another process just did."""
        with self._redis.pipeline() as step:
            step.watch(self._key)  # type: ignore[no-untyped-call]  # redis-py has no type for it
            if step.exists(self._key):
                return
            fields: dict[Any, Any] = {"generation": uuid4().hex} | {
                f"i:{index}": "" for index in claims.taken(self._collection)
            }
            for claim in claims.unpublished(self._collection):
                fields |= {f"i:{claim.index}": claim.set_id, f"s:{claim.set_id}": str(claim.index)}
            step.multi()
            step.hset(self._key, mapping=fields)
            try:
                step.execute()
            except redis.WatchError:
                return

    def _known(self) -> tuple[bytes | None, set[int]]:
        stored = cast("dict[bytes, bytes]", self._redis.hgetall(self._key))
        generation = stored.get(b"generation")
        return generation, {int(name[2:]) for name in stored if name.startswith(b"i:")}

    def _clear_the_way(self, set_id: str, index: int) -> None:
        """Remove remains of the set's earlier claims: half released, or with half of it lost."""
        for claim in (claims.at(self._collection, index), claims.of(self._collection, set_id)):
            if claim and claim.set_id == set_id and claims.held(self._collection, set_id) is None:
                self._give_back(claim)

    def _finish_release(self, half: tuple[Claim | None, Path]) -> bool:
        claim, end = half
        if claim is not None:
            return self._give_back(claim)
        end.unlink(missing_ok=True)
        return False

    def _give_back(self, claim: Claim) -> bool:
        """Release an index on the share, then in Redis."""
        if not give_back(self._collection, claim):
            return False
        self._forget(keys=[self._key], args=[claim.set_id, claim.index])
        return True


def release(collection: Collection, set_id: str, give: Callable[[Claim], bool]) -> bool:
    """Release a set's index by `give`; return False if the set turns out to be published, which is permanent."""
    if publish.find(collection, set_id) is not None:
        return False
    of_set = [claim for claim in claims.unpublished(collection) if claim.set_id == set_id]
    return False not in list(map(give, of_set))


def give_back(collection: Collection, claim: Claim) -> bool:
    """Release an index: end the claim, move attempts away from their workers, then remove it."""
    claims.end(collection, claim)
    found = records.read(collection, claim.index)
    published = found is not None and found.set_id in {claim.set_id, None}
    if published or not publish.give_way(collection, claim.set_id):
        claims.resume(collection, claim)
        return False
    claims.remove(collection, claim)
    return True
