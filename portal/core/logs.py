"""Log lines with the request id, and nothing that could hold a secret."""

import logging
from contextvars import ContextVar
from datetime import UTC, datetime

request_id_var: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id_var.get()
        return True


class LineFormatter(logging.Formatter):
    """One line per record: UTC time, level, logger, request id, message with control characters escaped."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        text = record.getMessage().replace("\r", "\\r").replace("\n", "\\n").replace("\x1b", "\\x1b")
        line = f"{at} {record.levelname:<7} {record.name} [{getattr(record, 'request_id', '-')}] {text}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line
