"""The five kinds of columns a profile knows."""

NUMBER, TEXT, BOOLEAN, TIME, OTHER = "number", "text", "boolean", "time", "other"
