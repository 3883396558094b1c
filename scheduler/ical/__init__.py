"""iCalendar text to domain values and back; the only importer of icalendar."""
