"""The one place that holds the version; the footer, the API document and the audit export read it."""

VERSION = "0.1.0"
