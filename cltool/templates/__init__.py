"""What `cltool plugins new` copies: for each kind a plugin called `mine`, and in tests/ what is tested of it.

They are ordinary modules, so that they are linted, typed and tried like all others; scaffold.py copies their text.
"""
