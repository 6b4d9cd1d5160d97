"""The durable record: conversations, inbox, outbox, transcript, answers.

Every function is handed the connection, so that a turn is one transaction.
"""
