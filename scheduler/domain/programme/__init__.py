"""What a mentorship programme stores: people, mentorships, meetings, keys, and the outbox."""
