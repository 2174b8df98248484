"""The weights of `universal:on=glyphs`, and how they were made: recipe.yaml, journal.jsonl, card.md, make.py."""
