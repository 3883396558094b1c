"""JSON types of single fields."""
