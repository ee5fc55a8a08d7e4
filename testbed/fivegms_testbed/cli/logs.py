"""Where the servers' logs go when a command runs them: standard error, one line an event."""

import logging
import sys

import structlog

from fivegms_af.request_id import add_request_id


def log_to_stderr(level: int = logging.INFO, *, as_json: bool = False) -> None:
    """Show events of at least `level`: JSON lines for programs, aligned words for people."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            add_request_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
