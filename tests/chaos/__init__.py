"""Faults in sequences, against scans of every kind: ``make chaos``.

``scans`` and ``faults`` say what there is to draw, ``sequence`` draws it from a seed,
``worker`` is the session in a process of its own, ``bench`` starts and breaks it,
``truth`` reads what the simulator wrote down, ``stored`` what the session has stored,
``invariants`` compares the two, ``run`` does it all and ``summary`` counts.
"""
