"""The policy for reading: every row with what becomes of it, as data, as a page, and as the README's summary.

Made from the same table and by the same function as the decisions themselves: no page can say other than what is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.policy.table import EDITION, POLICY_EDITION, Action, Policy, Row, effective, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable

# The headings of Table E.1-1.
_OPTION_NAMES: Final = {
    "retain_safe_private": "Rtn. Safe Priv.",
    "retain_uids": "Rtn. UIDs",
    "retain_device_identity": "Rtn. Dev. Id.",
    "retain_institution_identity": "Rtn. Inst. Id.",
    "retain_patient_characteristics": "Rtn. Pat. Chars.",
    "retain_long_full_dates": "Rtn. Long. Full Dates",
    "retain_long_modified_dates": "Rtn. Long. Modif. Dates",
    "clean_descriptors": "Clean Desc.",
    "clean_structured_content": "Clean Struct. Cont.",
    "clean_graphics": "Clean Graph.",
}

_SENTENCES: Final = {
    Action.IDENTITY: "the set's new identity, its age and its sex take its place",
    Action.UID: "a new UID, the same for the same old one everywhere in the set",
    Action.DATE: "moved back by whole weeks, all dates of the set alike",
    Action.MACHINE: "the machine of the collection takes its place",
    Action.SCANNER: "the collection's name for the CT scanner takes its place, or it is removed",
    Action.CLEAN: "kept, after the set's own identifiers were taken out",
    Action.DUMMY: "a constant takes its place",
    Action.EMPTY: "kept without a value",
    Action.APPROVAL: "becomes UNAPPROVED",
    Action.METHOD: "written new: says what was done",
    Action.DROP: "removed",
    Action.KEEP: "kept",
}
_READ: Final = """\
## How the standard is read

*Retain Patient Characteristics* (113108) keeps what is needed to analyse the data. A dose model needs age, sex,
size and weight. Ethnic group, smoking, pregnancy and the like are of no use to it and of a special category: with
`patient_characteristics = "dose_model"` they go. 113108 is claimed all the same, beside the Basic Profile (113100),
and *De-identification Method* names each row on which more was removed than 113108 keeps. `retain` keeps them all;
`age_sex` keeps less than either profile says, so that neither is claimed.

*Clean Descriptors* (113105) is claimed by sets in whose kept texts no word is left that nobody knows and no person
has read. It covers what people type, what a clinic has configured, and what makers and authors of code tables
wrote, meanings of public schemes too. What chooses hardware (applicator, wedge, range shifter, snout, source) or
says how numbers are meant is never cleaned: a set in which that says who the patient is, is refused with the
attribute's path.

*Times of day* stay with moved dates: they name no day. `times = "remove"` takes them, and date-times with them;
what followed what on one day, contrast and scan for instance, is then lost, and full dates (113106) are not
claimed.
""".splitlines()
# Few enough to be named one by one in a summary.
_NAMED: Final = (Action.IDENTITY, Action.MACHINE, Action.SCANNER, Action.CLEAN, Action.APPROVAL, Action.METHOD)


def as_rows(policy: Policy) -> list[dict[str, str]]:
    """List every row of the table, in its order, with what becomes of it under the options of `policy`."""
    return [_as_row(row, *effective(row, policy.options)) for row in read_table()]


def as_markdown(policy: Policy) -> str:
    """Write the whole table as a page that can be held beside the standard's."""
    options = policy.options
    rows = as_rows(policy)
    return "\n".join(
        [
            "# What becomes of each attribute",
            "",
            f"{EDITION} Table E.1-1, row by row, with policy {POLICY_EDITION}, under these options:",
            "",
            f'* `dates = "{options.dates}"`',
            f'* `patient_characteristics = "{options.patient_characteristics}"`',
            f'* `birth_date = "{options.birth_date}"`, `times = "{options.times}"`',
            f"* treatment machine and scanner {'kept' if options.keep_machine else 'replaced'}",
            "",
            "Rows without a code of the standard are ours. Type is the strictest that CT Image, RT Structure Set, RT",
            "Plan, RT Ion Plan or RT Dose demands anywhere. Written by `anonymizer policy --markdown`.",
            "",
            *_READ,
            "",
            *_table(
                ("Tag", "Attribute", "Below", "Basic", "Options", "Type", "Here", "Why"),
                (
                    (
                        row["tag"],
                        row["keyword"] or row["vr"],
                        *(row[column] for column in ("within", "basic", "options", "type")),
                        f"{row['action']} `{row['argument']}`" if row["argument"] else row["action"],
                        row["reason"],
                    )
                    for row in rows
                ),
            ),
            "",
        ]
    )


def as_summary(policy: Policy) -> str:
    """Write what becomes of the attributes of the five kinds of object as a short table, an action a line."""
    rows = [(effective(row, policy.options)[0], row) for row in read_table() if row.type]
    return "\n".join(
        _table(
            ("What becomes of it", "Attributes of CT, RT Structure Set, RT Plan, RT Ion Plan and RT Dose"),
            (
                (sentence, ", ".join(map(_place, found)) if action in _NAMED else f"{len(found)} attributes")
                for action, sentence in _SENTENCES.items()
                if (found := [row for decided, row in rows if decided is action])
            ),
        )
    )


def _place(row: Row) -> str:
    return f"{row.keyword} below {row.within}" if row.within else row.keyword


def _as_row(row: Row, action: Action, argument: str) -> dict[str, str]:
    return {
        "tag": row.tag,
        "keyword": row.keyword,
        "vr": row.vr,
        "within": row.within,
        "basic": row.basic,
        "options": ", ".join(
            f"{name} {getattr(row, field)}" for field, name in _OPTION_NAMES.items() if getattr(row, field)
        ),
        "type": row.type,
        "action": action.value,
        "argument": argument,
        "identifies": row.identifies,
        "reason": row.reason,
    }


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [_line(header), _line(("---",) * len(header)), *map(_line, rows)]


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
