"""The whole trip on real dates: two people, a mentorship, a cadence, a booking, a CalDAV server and a feed."""
