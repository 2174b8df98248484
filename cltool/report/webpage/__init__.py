"""report.html: finished runs as one page that needs no network."""
