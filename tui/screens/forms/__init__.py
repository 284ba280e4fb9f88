"""Screens for making and changing resources."""
