"""The one error that every error of this package is."""


class KnowledgeError(Exception):
    """Documents, their index or a shipped model cannot be used; the message says what, where, and what to do."""
