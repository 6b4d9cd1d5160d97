"""Slack as a channel: how posts look there (`blocks`), how they get there (`sending`), and what is heard there."""
