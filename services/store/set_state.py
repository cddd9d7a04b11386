"""The states of a set, and what follows from each."""

from __future__ import annotations

from enum import StrEnum

from services.language import gettext, gettext_noop


class SetState(StrEnum):
    """State of a set. Outcomes stored on the share have a concluded state or `WAITING`."""

    NEW = "new"
    """Seen, but not queued yet."""
    NOT_STARTED = "not started"
    """Waits for a person to start it: `[service] start = "by hand"`."""
    SETTLING = "settling"
    """Its files are still changing."""
    QUEUED = "queued"
    IN_WORK = "in work"
    WAITING = "waiting"
    """Something is missing that may still arrive: files of the set, the disk, Redis."""
    PUBLISHED = "published"
    SAME_SET = "same-set"
    """Another folder holds the same set, which is published."""
    CHANGED = "changed"
    """It was published, but its files have changed since; a person decides."""
    REFUSED = "refused"
    """The person who exported it must repair it."""
    PARKED = "parked"
    """The program failed on it, and would again; an operator must look."""
    UNREAD_WORDS = "unread-words"
    """Waits for a person to review words in its texts: `[privacy] unread_words = "wait"`."""
    NO_SET = "no-set"
    """The folder holds no DICOM."""
    NOT_READABLE = "not readable"
    """It, or something in it, cannot be read: its permissions (owner, group, ACL) must be changed."""
    WITHDRAWN = "withdrawn"
    """It was published, and a person withdrew it."""
    GONE = "gone"
    """The folder no longer exists."""

    @property
    def is_concluded(self) -> bool:
        """Whether nothing remains to be done until the folder or form changes or someone requests another check."""
        return self in _CONCLUDED

    @property
    def is_published(self) -> bool:
        """Return whether an ANON folder holds the set."""
        return self in _PUBLISHED

    @property
    def is_finished(self) -> bool:
        """Return whether processing is complete; later changes are detected by folder times alone."""
        return self in _FINISHED

    @property
    def is_reopened_by_form(self) -> bool:
        """Return whether a changed form may change the verdict."""
        return self is SetState.REFUSED

    @property
    def may_retry(self) -> bool:
        """Return whether a person may request a retry."""
        return self in _RETRIED

    @property
    def is_rechecked(self) -> bool:
        """Whether the service retries periodically although nothing in the folder changed."""
        return self in _LOOKED_AT_AGAIN

    @property
    def in_words(self) -> str:
        """Name of an outcome's state for people, in the current language."""
        return gettext(_IN_WORDS[self])

    @property
    def spelled(self) -> str:
        """Return the state as commands spell it, in English: `no set`."""
        return self.replace("-", " ")

    @property
    def is_busy(self) -> bool:
        """Return whether the service is still working on it."""
        return self in _BUSY


_IN_WORDS = {
    SetState.WAITING: gettext_noop("waiting"),
    SetState.NOT_READABLE: gettext_noop("not readable"),
    SetState.REFUSED: gettext_noop("refused"),
    SetState.PARKED: gettext_noop("parked"),
    SetState.CHANGED: gettext_noop("changed"),
    SetState.UNREAD_WORDS: gettext_noop("unread words"),
    SetState.NO_SET: gettext_noop("no set"),
    SetState.WITHDRAWN: gettext_noop("withdrawn"),
    SetState.SAME_SET: gettext_noop("same set"),
    SetState.PUBLISHED: gettext_noop("published"),
}

_PUBLISHED = frozenset({SetState.PUBLISHED, SetState.SAME_SET})
_FINISHED = _PUBLISHED | {SetState.WITHDRAWN}
_RETRIED = frozenset({SetState.REFUSED, SetState.PARKED})
_CONCLUDED = _FINISHED | _RETRIED | {SetState.CHANGED, SetState.UNREAD_WORDS, SetState.NO_SET, SetState.NOT_READABLE}
_LOOKED_AT_AGAIN = frozenset({SetState.WAITING, SetState.NOT_READABLE})
_BUSY = frozenset({SetState.NEW, SetState.QUEUED, SetState.IN_WORK})

FROM_LEAST_FINISHED = (
    SetState.WAITING,
    SetState.NOT_READABLE,
    SetState.REFUSED,
    SetState.PARKED,
    SetState.CHANGED,
    SetState.UNREAD_WORDS,
    SetState.NO_SET,
    SetState.WITHDRAWN,
    SetState.SAME_SET,
    SetState.PUBLISHED,
)
"""States of outcomes, least finished first; a multi-set folder has the first of its sets' states."""
