"""Where the program begins: Ctrl-C ends it quietly, also in the second in which modules load."""

import signal


def main() -> None:
    """Runs the command line.

    Until it is imported, SIGINT does what it does to any program: Python's own answer would be a
    traceback from wherever an import was. One that is ignored stays so. While a command is
    imported Typer takes care, as of all that it calls.
    """
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from heddle.cli.uncollected import uncollected

    with uncollected():
        from heddle.main import app

    signal.signal(signal.SIGINT, handler)
    app()
