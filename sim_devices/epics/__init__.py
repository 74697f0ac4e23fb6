"""Channel Access: server, PVs with limits, numbered commands, instrument time."""
