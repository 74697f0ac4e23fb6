"""The engine of a session, what it stores, who drives, and how it all ends."""
