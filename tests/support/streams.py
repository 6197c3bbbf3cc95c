"""A stream of random integers, taken as a plain loop takes them."""


def take(stream, n):
    """The next n integers of a `RandomStream`, which are then taken."""
    integers = stream.peek(n)
    stream.skip(n)
    return integers
