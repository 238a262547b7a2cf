"""Telling others what happened: events, their signatures, and their delivery."""
