"""Judging a running rollout from counts: pure, no database, no clock. Looking often costs nothing in false alarms."""
