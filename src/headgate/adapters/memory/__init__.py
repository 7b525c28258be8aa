"""Stores of this process alone: as real as the others, and gone with it."""
