"""cltool's own plugins, registered by entry points exactly as anybody else's."""
