"""Answers to slot searches as SVG pictures of weeks, without scripts, styles or references to other files."""

from scheduler.pictures.page import week_svg

__all__ = ["week_svg"]
