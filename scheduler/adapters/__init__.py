"""The world outside: calendar servers and guarded HTTP."""
