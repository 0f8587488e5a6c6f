"""Django's PostgreSQL with connections that wait for the next request instead of being made anew for each."""
