"""Names of members of archives: what climbs out, hides, or stands twice."""

import stat

from registry.scanning.parts import Look, Part

LONGEST = 1_000
DEEPEST = 40


class Names:
    """The members of one archive by name; each is checked once."""

    def __init__(self, look: Look, part: Part) -> None:
        self.look, self.part = look, part
        self.seen: set[str] = set()

    def check(self, name: str) -> None:
        """Note a name that leads elsewhere than to one plain file below the archive."""
        parts = name.rstrip("/").split("/")
        if name.startswith("/") or "\\" in name or ":" in name or ".." in parts or not name.isprintable():
            self.look.note(self.part, "archive.path", f"The member {name!r} would be written elsewhere.")
        elif len(name) > LONGEST or len(parts) > DEEPEST or any(p.rstrip(". ") != p or not p for p in parts[1:]):
            self.look.note(self.part, "archive.path", f"The member {name[:100]!r} has a name that is no plain path.")
        alike = name.rstrip("/").casefold()
        if alike in self.seen:
            self.look.note(self.part, "archive.twice", f"The member {name!r} stands in it twice, or reads alike.")
        self.seen.add(alike)

    def kind(self, name: str, mode: int) -> None:
        """Note a member that is neither a file nor a folder."""
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            self.look.note(self.part, "archive.link", f"The member {name!r} is a link or a device.")
