"""Where the log goes."""

import logging
import sys

import structlog


def log_to_stderr(*, quiet: bool) -> None:
    """As key=value lines; `quiet`: only what ends the program."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.CRITICAL if quiet else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
