"""`python -m bot.desk.preview OUT_FOLDER`: writes the page, and each scene alone for taking its picture.

Pictures are made by a browser, for example `chromium --headless --no-sandbox --screenshot=card.png
--window-size=800,1000 OUT_FOLDER/card-slack.html`.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from bot.desk.preview.looks import page
from bot.desk.preview.scenes import scenes
from bot.pack import load_pack
from escalation.cues import shipped_reader

PACK = Path("examples/meridian")


def main(arguments: list[str]) -> int:
    """Writes everything into the folder that is named; 2 where none is."""
    if len(arguments) != 1:
        sys.stderr.write("Say where to: python -m bot.desk.preview OUT_FOLDER\n")
        return 2
    out = Path(arguments[0])
    out.mkdir(parents=True, exist_ok=True)
    pack = load_pack(PACK, today=date(2027, 3, 1))
    names = {identity.user: one.name for one in pack.stewards.values() for identity in one.identities}
    shown = scenes(pack, shipped_reader())
    (out / "index.html").write_text(page(shown, names), encoding="utf-8")
    for scene in shown:
        (out / f"{scene.name}.html").write_text(page([scene], names, titled=False), encoding="utf-8")
    sys.stdout.write(f"{out / 'index.html'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
