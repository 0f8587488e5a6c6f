"""The sections of a model card as data, after Mitchell et al. (2019) and Annex IV of the EU's AI Act."""

from dataclasses import dataclass
from typing import Literal

TIERS = ("low", "medium", "high")
Source = Literal["record", "person", "either"]


@dataclass(frozen=True, slots=True)
class Section:
    """One question. From `tier` on it has to be answered: by a record, by a person, or by either.

    What a person wrote `per_version` is shown for later versions too, but counts only once it was confirmed for them.
    """

    key: str
    title: str
    question: str
    tier: str
    source: Source
    per_version: bool = False

    @property
    def written(self) -> bool:
        return self.source != "record"

    def required(self, tier: str) -> bool:
        return TIERS.index(tier) >= TIERS.index(self.tier)


SECTIONS = (
    Section("owner", "Owner and contact", "Who answers for the model?", "low", "record"),
    Section("intended_use", "Intended use", "What is it for, and who uses its answers?", "low", "person"),
    Section("out_of_scope", "Out of scope", "What must it not be used for?", "medium", "person"),
    Section("affected", "Who is affected", "Whose life or work do its answers change?", "high", "person"),
    Section("artifact", "Artifact", "Which bytes are it, and what was found in them?", "low", "record"),
    Section("signature", "Inputs and outputs", "What does it take, and what does it answer?", "low", "record"),
    Section("origin", "Origin", "Which run made it?", "medium", "record"),
    Section("code", "Code", "Which commit trained it?", "high", "record"),
    Section("training_data", "Training data", "What was it trained on?", "medium", "either"),
    Section("evaluation_data", "Evaluation data", "What was it measured on?", "medium", "record"),
    Section("metrics", "Metrics", "How good is it, and how sure is that?", "medium", "record"),
    Section("slices", "Slices and fairness", "For whom does it work less well?", "high", "record"),
    Section("licence", "Licence", "On which terms may the model and its data be used?", "high", "either"),
    Section("assumptions", "Assumptions", "What has to hold for its answers to be right?", "high", "person"),
    Section("limitations", "Limitations", "Where does it fail?", "medium", "person", per_version=True),
    Section("risks", "Risks", "What can go wrong, and what is done against it?", "high", "person", per_version=True),
    Section("oversight", "Human oversight", "Who can question or overrule an answer, and how?", "high", "person"),
    Section("monitoring", "Monitoring", "What is watched while it serves, and who is told?", "high", "person"),
    Section("rollback", "Way back", "When is it taken out, and what serves then?", "high", "person"),
)
BY_KEY = {section.key: section for section in SECTIONS}
