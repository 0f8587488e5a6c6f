"""Which files are data, known without the libraries that read them: those take longer to import than all of Django."""

S3_ADDRESS = r"^s3://[a-z0-9][a-z0-9.-]{1,62}(/[^\x00]*)?$"
SUFFIXES = {".csv": "csv", ".parquet": "parquet"}


class BadData(Exception):
    """The files cannot be read as one table; the message says what and where."""
