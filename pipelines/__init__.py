"""Evaluations, from the request to the report; retraining and triggers stand here once they exist."""
