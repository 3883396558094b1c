"""The parts of compose.yaml as processes on loopback: PostgreSQL, Valkey, web processes, workers, a proxy, CalDAV."""
