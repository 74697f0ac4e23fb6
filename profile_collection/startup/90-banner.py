"""Say what there is and what to type."""

print(session.banner())  # noqa: F821  bound by 00-session.py
