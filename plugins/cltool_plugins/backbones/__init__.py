"""Backbones: frozen networks, pictures → features."""
