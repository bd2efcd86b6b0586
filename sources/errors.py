"""What can go wrong with a source as a whole; what is wrong with one file is a `Problem` instead.

SourceError
"""


class SourceError(Exception):
    """The source cannot be read at all: its message says why and what to do."""
