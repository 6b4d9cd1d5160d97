"""Who speaks: channels, desks, the turn, the record, the command line."""
