"""Words in coded strings that are no terms: a person is to look at them, as at those of texts.

A scanner or a planning system has written most of them by itself, so that nothing goes because nobody knows it. What a
person had removed goes, and what weak evidence takes from a text; but where dose or import depend on a value it stays,
and with it the word stays on the list.
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
"""The kind of text that such values are."""
FIXED: Final = "coded_fixed"
"""The like of one that cannot go."""


class CodedWords:
    """What becomes of the coded strings of one set.

    Parameters
    ----------
    coded
        Those that are no terms.
    rule
        Which words go though they are no identifiers.
    """

    def __init__(self, coded: Iterable[Coded] = (), rule: Rule | None = None) -> None:
        self.mends: dict[int, dict[bytes, Mend]] = {}
        """What takes the place of values, by tag and value."""
        self.taken: set[str] = set()
        """Words that go, folded."""
        self.staying: set[str] = set()
        """Values that are no terms and stay."""
        self._texts: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._spelled: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        if rule is not None:
            for one in coded:
                self._judge(one, rule)

    def _judge(self, one: Coded, rule: Rule) -> None:
        going = []
        for part in filter(None, one.parts):
            words = [part[start:end] for start, end in words_of(part, rule.weak)]
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
        """The words that a person is to look at."""
        return [
            UnreadWord(
                self._spelled[folded],
                {kind: tuple(sorted(some)) for kind, some in texts.items()},
                self._reasons[folded],
            )
            for folded, texts in sorted(self._texts.items())
        ]

    def added_to(self, words: Sequence[UnreadWord]) -> tuple[UnreadWord, ...]:
        """Return the words of a set's texts and those of its coded strings, each word once."""
        known = {fold(word.word): word for word in words}
        for word in self.unread:
            before = known.get(fold(word.word))
            known[fold(word.word)] = before._replace(texts={**before.texts, **word.texts}) if before else word
        return tuple(known[folded] for folded in sorted(known))


def joined(
    first: Mapping[int, Mapping[bytes, Mend]], second: Mapping[int, Mapping[bytes, Mend]]
) -> Mapping[int, Mapping[bytes, Mend]]:
    """Return what becomes of kept values by two judgements; the second one knows what the first one leaves."""
    return {tag: {**first.get(tag, {}), **second.get(tag, {})} for tag in {*first, *second}}
