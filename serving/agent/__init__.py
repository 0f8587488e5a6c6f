"""Carries out the desired table: copies, checks, has revisions started, and sets the router's map."""
