"""What the log says about ground truth."""

from portal.audit.verbs import Verb, register

register(Verb("ground_truth.reported", "{actor} reported ground truth of {subject}", required=("accepted", "digest")))
