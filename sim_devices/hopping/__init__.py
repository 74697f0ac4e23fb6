"""Lines of hops that the instrument makes by itself."""
