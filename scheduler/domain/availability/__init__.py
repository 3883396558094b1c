"""When people can meet: attendees, their open time, and what odd hours cost them."""
