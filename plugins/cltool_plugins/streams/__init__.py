"""Streams: data sets as their owners ship them."""
