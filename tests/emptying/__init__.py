"""The portal's PostgreSQL backend for tests that commit: their tables are emptied fast."""
