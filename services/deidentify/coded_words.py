"""Words in coded strings that are not defined terms, and in names of equipment, for a person to review.

Most were written by scanners and planning systems, so nothing is removed just because it is unknown. Words are removed
by a person's decision, or on weak evidence as in texts; but if dose or import depend on the value it is kept, and the
word stays on the list.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from services.deidentify.unread_words import UnreadWord, words_of
from services.vocabulary import defined_terms
from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from services.deidentify.unread_words import Rule
    from services.rtset.kept_values import Coded, Mend

CODED: Final = "coded"
"""Kind of text of such values."""
FIXED: Final = "coded_fixed"
"""The same for values that cannot be removed."""


class CodedWords:
    """Treatment of the coded strings of one set.

    Parameters
    ----------
    coded
        Those that are not defined terms.
    rule
        Which words are removed although they are not identifiers.
    """

    def __init__(self, coded: Iterable[Coded] = (), rule: Rule | None = None) -> None:
        self.mends: dict[int, dict[bytes, Mend]] = {}
        """Replacements of values, by tag and value."""
        self.taken: set[str] = set()
        """Removed words, folded."""
        self.staying: set[str] = set()
        """Kept values that are not defined terms."""
        self._texts: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._spelled: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        if rule is not None:
            for one in coded:
                self._judge(one, rule)

    def _judge(self, one: Coded, rule: Rule) -> None:
        going = []
        for part in filter(None, one.parts):
            words = [part[start:end] for start, end in words_of(part, rule.weak, technical=one.is_typed)]
            words = [word for word in words if not defined_terms.is_word(word)]
            gone = [word for word in words if rule.takes_from_codes(word)]
            if gone and not one.is_fixed:
                going.append(part)
                self.taken.update(map(fold, gone))
                continue
            if not defined_terms.is_term(part):
                self.staying.add(part)
            for word in words:
                self._texts[fold(word)][FIXED if one.is_fixed else CODED].add(part)
                self._spelled.setdefault(fold(word), word)
                self._reasons[fold(word)] = ", ".join(sorted(rule.weak.reasons(word)))
        if going:
            self.mends.setdefault(one.tag, {})[one.value] = one.without(going)

    @property
    def unread(self) -> list[UnreadWord]:
        """The words for a person to review."""
        return [
            UnreadWord(
                self._spelled[folded],
                {kind: tuple(sorted(some)) for kind, some in texts.items()},
                self._reasons[folded],
            )
            for folded, texts in sorted(self._texts.items())
        ]

    def added_to(self, words: Sequence[UnreadWord]) -> tuple[UnreadWord, ...]:
        """Return the words of a set's texts and coded strings, without duplicates."""
        known = {fold(word.word): word for word in words}
        for word in self.unread:
            before = known.get(fold(word.word))
            known[fold(word.word)] = before._replace(texts={**before.texts, **word.texts}) if before else word
        return tuple(known[folded] for folded in sorted(known))


def joined(
    first: Mapping[int, Mapping[bytes, Mend]], second: Mapping[int, Mapping[bytes, Mend]]
) -> Mapping[int, Mapping[bytes, Mend]]:
    """Combine two treatments of kept values; the second applies to the results of the first."""
    return {tag: {**first.get(tag, {}), **second.get(tag, {})} for tag in {*first, *second}}
