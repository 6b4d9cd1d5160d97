"""Measures the plain words of `escalation.plain` on the domain's messages: how often each is right.

    python -m training.plain

Prints, a pattern a line, how many messages it is right and wrong about by their labels, and below it what it was wrong
about; then how many labelled messages lose words to what is denied, over or idiom.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from escalation import plain

MESSAGES = Path(__file__).parent / "messages"


def main() -> None:
    """Prints the figures."""
    rows: list[dict[str, Any]] = [
        json.loads(line) for file in sorted(MESSAGES.glob("*.jsonl")) for line in file.open(encoding="utf-8")
    ]
    for cue, intensity, alone, patterns in plain._SAID_COMPILED:
        for pattern in patterns:
            hits = [row for row in rows if pattern.search(plain.heard(row["text"]))]
            wrong = [row["text"] for row in hits if cue not in row["cues"]]
            kind = "by itself" if alone else "raises"
            figures = f"right {len(hits) - len(wrong):3} wrong {len(wrong):3}"
            print(f"{cue:16}{intensity:.2f} {kind:10} {figures}  {pattern.pattern[:70]}")
            for text in wrong:
                print(f"      {text[:120]}")
    blanked = [row for row in rows if plain.heard(row["text"]) != row["text"]]
    carrying = sum(bool(row["cues"]) for row in blanked)
    print(f"{len(blanked)} of {len(rows)} messages hold what is denied, over or idiom; {carrying} of them carry a cue")
    crises = [row["text"] for row in rows if "crisis" in row["cues"]]
    print(f"{sum(map(plain.of_danger, crises))} of {len(crises)} crises hold a word of danger")


if __name__ == "__main__":
    main()
