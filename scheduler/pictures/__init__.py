"""Answers as pictures: SVG, made of nothing but what the domain decided. No scripts, styles or outside references."""

from scheduler.pictures.page import week_svg

__all__ = ["week_svg"]
