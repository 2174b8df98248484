"""Eulerian video magnification (Wu et al. 2012): changes of colour and motions too small to see, made large.

`Magnifier` takes a film's pictures one at a time and gives them back magnified; `magnify` does so for any stream of
pictures, `magnify_film` for a film file. `COLOUR` and `MOTION` are the thesis' settings.
"""

from __future__ import annotations

from cltool.video.magnification.eulerian import Magnifier, magnify
from cltool.video.magnification.films import Done, magnify_film
from cltool.video.magnification.settings import COLOUR, DEFAULTS, MOTION, Settings

__all__ = ["COLOUR", "DEFAULTS", "MOTION", "Done", "Magnifier", "Settings", "magnify", "magnify_film"]
