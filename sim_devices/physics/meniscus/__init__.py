"""A landed meniscus: what it wets, what flows, how far it creeps."""
