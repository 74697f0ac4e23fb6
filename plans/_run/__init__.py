"""What the plans are made of: checks, the run, its hops. Users need none of it."""
