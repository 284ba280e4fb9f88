"""What can go wrong, as a few exceptions: each carries a code and one sentence for the user.

The sentence says what to do; it may hold outside text and goes through ``display()`` before
it is shown. ``exit_code`` is the command line's answer (DESIGN §8).
"""

from __future__ import annotations

from typing import ClassVar


class LongshoreError(Exception):
    """Base of every error that Longshore raises on purpose.

    Args:
        sentence: one sentence for the user that says what to do.
        code: a stable name for scripts; by default the class's own.
    """

    code: str = "LongshoreError"
    exit_code: ClassVar[int] = 2

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if code is not None:
            self.code = code


class InvalidInput(LongshoreError):
    """A value that breaks a rule of its resource; nothing was changed."""

    code = "InvalidInput"


class NotFound(LongshoreError):
    """No resource of that name; the sentence names what there is."""

    code = "NotFound"


class Conflict(LongshoreError):
    """The request is well formed, but something that exists is in its way; the sentence names it."""

    code = "Conflict"


class TrustRefused(LongshoreError):
    """A token, credential or identity that the store does not accept."""

    code = "TrustRefused"


class AgentUnavailable(LongshoreError):
    """No agent was named, or the one that was named cannot take a run."""

    code = "AgentUnavailable"
    exit_code = 4


class LeaseLost(LongshoreError):
    """The fence that the agent holds is stale: the run is somebody else's now. Stop touching it."""

    code = "LeaseLost"
    exit_code = 4


class GrantEnded(LeaseLost):
    """The run is still this agent's, and it may not touch its endpoints any more. Stop, and end the run."""

    code = "GrantEnded"


class StoreUnavailable(LongshoreError):
    """The store cannot be used; ``code`` says why (``StoreTooNew``, ``StoreCorrupt``, …)."""

    code = "StoreUnavailable"
    exit_code = 5
