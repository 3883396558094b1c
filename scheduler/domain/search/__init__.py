"""The search: slots, cadences and sequences, their scores, and why there are none."""
