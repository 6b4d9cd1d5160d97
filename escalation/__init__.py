"""Who must step in: cues, strain, the policy, the people on the ladder, and an escalation's life.

This package knows neither `knowledge` nor `bot`.
"""

from __future__ import annotations

__all__ = ["EscalationError"]


class EscalationError(Exception):
    """Something about bringing a person in could not be done; the message says what, where and what to do."""
