"""What an evaluation found as rows and figures, for every page that shows it: report, request, comparison. Pure."""
