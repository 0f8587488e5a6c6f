"""Whether a message that says it comes from MLflow does: signed over id, time and bytes, fresh, and with our secret.

The scheme is that of Standard Webhooks as MLflow sends it: base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

import base64
import binascii
import hashlib
import hmac
import re
from datetime import datetime, timedelta

TOLERANCE = timedelta(minutes=5)
_ID = re.compile(r"[\w.-]{1,80}")


def signature(secret: str, delivery: str, timestamp: str, body: bytes) -> str:
    """What the header must say."""
    signed = f"{delivery}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def refusal(secret: str, delivery: str, timestamp: str, given: str, body: bytes, now: datetime) -> str:
    """Why the message is not believed; "" when it is. Several signatures may stand beside each other."""
    if not secret:
        return "no secret is set here"
    if not _ID.fullmatch(delivery) or not re.fullmatch(r"\d{1,12}", timestamp):
        return "the id or the time is missing"
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        return "it is too old, or a clock is wrong"
    wanted = signature(secret, delivery, timestamp, body)
    if not any(hmac.compare_digest(wanted.encode(), one.encode()) for one in given.split(" ")):
        return "the signature does not fit"
    return ""


def mark(secret: str) -> str:
    """Tells one secret from another without giving any of it away; kept beside the webhook in MLflow."""
    return binascii.hexlify(hashlib.sha256(b"signalbox-webhook:" + secret.encode()).digest()[:6]).decode()
