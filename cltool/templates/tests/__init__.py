"""What is tested of the plugins beside this folder; pytest collects it where it has been copied to, not here."""
