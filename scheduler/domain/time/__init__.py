"""Time: zones, periods, clocks, recurrence rules and series."""
