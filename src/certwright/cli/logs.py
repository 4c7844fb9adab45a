"""How a process logs: one line per event to stderr, for people on a terminal, JSON elsewhere."""

import logging
import sys
from typing import Any

import structlog

from certwright.base.secret import scrub


def set_up_logging(form: str, level: str) -> None:
    """Choose the form (`text`, `json`, `auto`) and the least level that is told."""
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if as_text
        else structlog.processors.JSONRenderer(sort_keys=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_keys,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _without_keys(_logger: Any, _method: str, words: Any) -> Any:
    """Take private keys out, wherever a library's text may have brought one in."""
    return {name: scrub(text) if isinstance(text, str) else text for name, text in words.items()}
