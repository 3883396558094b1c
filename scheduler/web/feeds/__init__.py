"""The ICS feeds, from address to answer."""
