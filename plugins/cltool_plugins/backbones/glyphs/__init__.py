"""The weights of `universal:on=glyphs`, and how they were made: recipe, fonts, journal, card, and make.py."""
