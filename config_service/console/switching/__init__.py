"""Switches in the admin: all at a glance, each with its toggle; one with its history. They work without a leader."""
