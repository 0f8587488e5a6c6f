"""One process per revision: reads, checks against the signature, predicts, answers, and notes it in the spool."""
