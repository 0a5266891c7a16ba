"""Logs: one JSON line an event, on standard error, with codes and file names and never an account or a person's name."""

import logging
import sys
from typing import Final

import structlog

_NOISY: Final = ("aiokafka", "faust", "mode", "paramiko", "kafka")


def to_standard_error(level: int) -> None:
    """Sets up this process's logs. Commands keep to warnings, since their standard output is the answer."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Standard error as it is when a line is written: a program that embeds a command may have closed what it was.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
