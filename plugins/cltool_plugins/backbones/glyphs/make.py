"""Make the weights of `universal:on=glyphs` anew: `python -m cltool_plugins.backbones.glyphs.make FONTS OUT`.

FONTS is a folder for fonts; where it is missing they are fetched from Debian's packages, which apt-get must know.
Their versions go into fonts.txt. Nothing of them is passed on: the weights have seen drawings of their characters.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cltool.cli.console import Screen, errors
from cltool.files import replacing, save_text
from cltool.universal.recipes import TrainingRecipe
from cltool.universal.setups import prepare
from cltool.universal.training import train

HERE = Path(__file__).parent
KEPT = ("best.safetensors", "card.md")
PACKAGES = """
aenigma ancient-scripts aoyagi-kouzan-t averia-sans-gwf blankenburg breip cabinsketch comic-neue dancingscript
dejavu-core dejavu-extra dkg-handwriting dustin ecolier-court essays1743 femkeklaver freefarsi freefont-ttf gfs-solomos
gfs-theokritos humor-sans ipafont-gothic isabella jura kaushanscript klaudia-berenika klee kouzan-mouhitsu kristi
levien-museum lobster lohit-beng-bengali lohit-deva lohit-taml lxgw-wenkai nanum nanum-extra noto-core noto-extra
rufscript senamirmir-washra seto sil-andika smc-chilanka summersby symbola tlwg-purisa-ttf unfonts-core yusei-magic
"""


def fetch_fonts(folder: Path) -> None:
    """Download Debian's font packages and unpack them into a folder, whole or not at all; nothing is installed."""
    names = [f"fonts-{name}" for name in PACKAGES.split()]
    with tempfile.TemporaryDirectory(dir=folder.absolute().parent) as scratch:
        subprocess.run(["apt-get", "download", "--quiet", *names], cwd=scratch, check=True)
        packages = sorted(Path(scratch).glob("*.deb"))
        for package in packages:
            subprocess.run(["dpkg-deb", "--extract", str(package), f"{scratch}/fonts"], check=True)
        Path(scratch, "fonts").rename(folder)
    save_text(HERE / "fonts.txt", "".join(f"{package.stem}\n" for package in packages))


def make(fonts: Path, out: Path) -> None:
    """Train as recipe.yaml says, and put what is shipped beside this file."""
    if not fonts.is_dir():
        fetch_fonts(fonts)
    recipe = TrainingRecipe.load(HERE / "recipe.yaml").model_copy(update={"data_root": str(fonts)})
    with Screen() as screen:
        train(prepare(recipe, screen), out, screen, lambda facts: errors.print(_line(facts)))
    for name in KEPT:
        with replacing(HERE / name) as scratch:
            shutil.copyfile(out / name, scratch)
    journal = [json.loads(line) for line in (out / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    save_text(HERE / "journal.jsonl", "".join(f"{_line(facts)}\n" for facts in journal))


def _line(facts: dict) -> str:
    """An epoch without how often each of thousands of classes was drawn."""
    return json.dumps({key: value for key, value in facts.items() if key != "drawn"})


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m cltool_plugins.backbones.glyphs.make FONTS OUT")
    make(Path(sys.argv[1]), Path(sys.argv[2]))
