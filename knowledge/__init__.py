"""What is known: documents become passages, passages an index, and a question an answer that cites them."""

from knowledge.errors import KnowledgeError

__all__ = ["KnowledgeError"]
