"""The machines as a document: a diagram and a table each."""

from portal.lifecycle.machine import Machine

HEAD = """# State tables

Written by `manage.py state_diagrams` from the machines in the code; do not edit by hand.
"""


def diagram(machine: Machine) -> str:
    """One machine as a Mermaid state diagram with the table of its arrows."""
    lines = [f"## {machine.name[0].upper()}{machine.name[1:]}", "", "```mermaid", "stateDiagram-v2"]
    lines.append(f"    [*] --> {machine.initial}")
    lines += [f"    {source} --> {event.target}: {event.name}" for event in machine.events for source in event.sources]
    lines += [f"    {name} --> [*]" for name in machine.names if name in machine.terminal]
    lines += ["```", "", "| Event | From | To | Recorded as |", "|---|---|---|---|"]
    lines += [
        f"| {event.name} | {', '.join(event.sources)} | {event.target} | `{event.verb}` |" for event in machine.events
    ]
    lines += ["", "| State | Shown as |", "|---|---|"]
    lines += [f"| {state.name} | {state.words} |" for state in machine.states]
    return "\n".join(lines) + "\n"


def document(machines: list[Machine]) -> str:
    return HEAD + "\n" + "\n".join(diagram(machine) for machine in sorted(machines, key=lambda m: m.name))
