"""How the set in a folder stands: one word for each state, and what follows from it."""

from __future__ import annotations

from enum import StrEnum

from services.language import gettext, gettext_noop


class SetState(StrEnum):
    """The state of a set. What is written to the share as an outcome is one of the concluded ones, or `WAITING`."""

    NEW = "new"
    """Seen, and not yet queued."""
    NOT_STARTED = "not started"
    """Waits until a person starts it: `[service] start = "by hand"`."""
    SETTLING = "settling"
    """Its files still change."""
    QUEUED = "queued"
    IN_WORK = "in work"
    WAITING = "waiting"
    """Something is missing that may still come: files of the set, the disk, Redis."""
    PUBLISHED = "published"
    SAME_SET = "same-set"
    """Another folder holds the same set, which is published."""
    CHANGED = "changed"
    """It was published, and its files are others now: a person decides."""
    REFUSED = "refused"
    """The person who exported it must repair it."""
    PARKED = "parked"
    """The program failed on it, and would again: an operator must look."""
    UNREAD_WORDS = "unread-words"
    """Waits until a person has read words of its texts: `[privacy] unread_words = "wait"`."""
    NO_SET = "no-set"
    """The folder holds no DICOM."""
    NOT_READABLE = "not readable"
    """It, or something in it, may not be read: its rights (owner, group, ACL) have to be changed."""
    WITHDRAWN = "withdrawn"
    """It was published, and a person took it back."""
    GONE = "gone"
    """The folder is not there any more."""

    @property
    def is_concluded(self) -> bool:
        """Whether nothing is to be done until somebody changes the folder, the form, or asks for another look."""
        return self in _CONCLUDED

    @property
    def is_published(self) -> bool:
        """Return whether an ANON folder holds the set."""
        return self in _PUBLISHED

    @property
    def is_finished(self) -> bool:
        """Return whether the set went all its way; a later change is noticed by the times of its folders alone."""
        return self in _FINISHED

    @property
    def is_reopened_by_form(self) -> bool:
        """Return whether a changed form may lead to another verdict."""
        return self is SetState.REFUSED

    @property
    def may_retry(self) -> bool:
        """Return whether a person may ask for another try."""
        return self in _RETRIED

    @property
    def is_looked_at_again(self) -> bool:
        """Whether the service tries again by itself, every now and then, though nothing has changed in the folder."""
        return self in _LOOKED_AT_AGAIN

    @property
    def in_words(self) -> str:
        """The state of an outcome as a person reads it, in the language that is spoken."""
        return gettext(_IN_WORDS[self])

    @property
    def is_busy(self) -> bool:
        """Return whether the service goes on with it by itself."""
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
"""The states of outcomes; a folder with several sets has the first of theirs."""
