"""The stewards' side: desks show an escalation and hear acknowledge, reply, hand over, resolve."""
