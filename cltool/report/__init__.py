"""Results to look at: tables, pictures and pages."""
