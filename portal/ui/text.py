"""Numbers, times and durations in the portal's words. Pure: the caller says what time it is."""

from datetime import UTC, datetime, timedelta

THIN = "\u202f"  # narrow no-break space
MINUS = "\u2212"
Number = int | float


def grouped(digits: str) -> str:
    """The integer part in groups of three: 1234567 becomes 1 234 567, and 3708 becomes 3 708."""
    head = len(digits) % 3
    parts = ([digits[:head]] if head else []) + [digits[i : i + 3] for i in range(head, len(digits), 3)]
    return THIN.join(parts)


def number(value: Number, digits: int = 0) -> str:
    """Fixed decimals, grouped, with a real minus sign."""
    text = f"{abs(value):.{digits}f}"
    whole, dot, rest = text.partition(".")
    zero = not text.strip("0.")
    return (MINUS if value < 0 and not zero else "") + grouped(whole) + dot + rest


def significant(value: Number, digits: int = 3) -> str:
    """As many decimals as are needed for so many significant figures; whole numbers stay whole."""
    if float(value).is_integer() and abs(value) < 1e15:
        return number(value)
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        before = len(f"{abs(value):.0f}") if abs(value) >= 1 else 0
        leading = 0
        scaled = abs(value)
        while 0 < scaled < 0.1:
            scaled, leading = scaled * 10, leading + 1
        return number(value, max(0, digits - before) if before else digits + leading)
    return f"{value:.{digits - 1}e}".replace("-", MINUS)


def shortest(value: Number) -> str:
    """No more decimals than it takes, six at most: 30, 0.5, 12 000."""
    digits = next((n for n in range(6) if abs(round(value, n) - value) <= abs(value) * 1e-9), 6)
    return number(value, digits)


def signed(value: Number, digits: int = 3) -> str:
    """A difference: the sign is always there, except on zero."""
    text = number(value, digits)
    return f"+{text}" if value > 0 and text.strip("0.") else text


def percent(share: Number, digits: int = 1) -> str:
    """A share between 0 and 1 as a percentage."""
    return f"{number(share * 100, digits)}{THIN}%"


def points(share: Number, digits: int = 1) -> str:
    """A difference of shares in percentage points."""
    return f"{signed(share * 100, digits)}{THIN}pp"


def size(octets: Number) -> str:
    """Bytes in decimal units."""
    value = float(octets)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            digits = 0 if unit == "bytes" or value >= 100 else 1
            return f"{number(value, digits)}{THIN}{unit}"
        value /= 1000
    raise AssertionError("unreachable")


def rough(value: Number) -> float:
    """With two figures, as what is only about right is known."""
    return float(f"{value:.1e}")


UNITS = ((86400, "day", "days"), (3600, "hour", "hours"), (60, "minute", "minutes"))


def duration(seconds: Number) -> str:
    """Two units at most: 2 days 21 h, 3 h 41 min, 14 s, 180 ms."""
    if abs(seconds) < 1:
        return f"{number(seconds * 1000)} ms"
    if abs(seconds) < 10 and seconds != int(seconds):
        return f"{number(seconds, 1)} s"
    whole = round(abs(seconds))
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    if days:
        return f"{days} {'day' if days == 1 else 'days'}" + (f" {hours} h" if hours and days < 10 else "")
    if hours:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    if minutes:
        return f"{minutes} min" + (f" {left} s" if left and minutes < 10 else "")
    return f"{left} s"


def distance(delta: timedelta) -> str:
    """How far away, in one unit: 42 minutes, 3 hours, 2 days."""
    seconds = abs(delta.total_seconds())
    for length, one, many in UNITS:
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {one if count == 1 else many}"
    return f"{int(seconds)} s" if seconds >= 10 else "a moment"


def ago(moment: datetime, now: datetime) -> str:
    """The past and the near future relative to now; older than about a month by its date."""
    delta = now - moment
    if delta >= timedelta(days=30):
        return date(moment)
    if delta >= timedelta(0):
        return "just now" if delta < timedelta(seconds=10) else f"{distance(delta)} ago"
    return f"in {distance(delta)}"


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def date(moment: datetime) -> str:
    return f"{utc(moment):%d %b %Y}".lstrip("0")


def stamp(moment: datetime, precision: str = "minutes") -> str:
    """The absolute time: `minutes`, `seconds`, `ms`, `date`, `time` (clock time alone), `clock` (without "UTC")."""
    at = utc(moment)
    if precision == "clock":
        return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    if precision == "date":
        return date(at)
    clock = {"minutes": f"{at:%H:%M}", "time": f"{at:%H:%M}", "seconds": f"{at:%H:%M:%S}"}.get(
        precision, f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    )
    return f"{clock} UTC" if precision == "time" else f"{date(at)}, {clock} UTC"


def iso(moment: datetime) -> str:
    return utc(moment).isoformat().replace("+00:00", "Z")


def short_digest(digest: str) -> str:
    """`sha256:7c1e09…4d2b`; short texts stay whole."""
    algorithm, colon, value = digest.rpartition(":")
    if len(value) <= 16:
        return digest
    return f"{algorithm}{colon}{value[:6]}…{value[-4:]}"


def initials(label: str) -> str:
    """At most two letters for an avatar."""
    words = [word for word in label.replace("@", " ").split() if word[:1].isalnum()]
    chosen = words[:1] + words[-1:] if len(words) > 1 else words
    return "".join(word[0] for word in chosen).upper() or "?"
