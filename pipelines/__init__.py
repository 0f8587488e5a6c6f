"""Evaluation now; retraining, triggers and batch prediction stand here once they exist."""
