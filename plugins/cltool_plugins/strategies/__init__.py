"""Strategies: ways to learn a whole stream that are no merge of linear heads."""
