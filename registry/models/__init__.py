"""Our own rows about what MLflow holds, and about data. Pages read these, never MLflow over the network."""

from registry.models.batch_predictions import BatchPrediction
from registry.models.cards import CardText
from registry.models.datasets import DataCheckRun, DataSet, DataSetChecks, DataSetVersion, DataUse
from registry.models.evaluations import Evaluation
from registry.models.gate import AccessLogEntry, GateIntent, HookDelivery, MirrorPass
from registry.models.runs import Experiment, LoggedModel, Run
from registry.models.scans import ArtifactScan, ArtifactStatement
from registry.models.versions import (
    AliasAssignment,
    AliasState,
    ModelVersion,
    RegisteredModel,
    RiskTier,
    VersionHold,
)

__all__ = [
    "AccessLogEntry",
    "AliasAssignment",
    "AliasState",
    "ArtifactScan",
    "ArtifactStatement",
    "BatchPrediction",
    "CardText",
    "DataCheckRun",
    "DataSet",
    "DataSetChecks",
    "DataSetVersion",
    "DataUse",
    "Evaluation",
    "Experiment",
    "GateIntent",
    "HookDelivery",
    "LoggedModel",
    "MirrorPass",
    "ModelVersion",
    "RegisteredModel",
    "RiskTier",
    "Run",
    "VersionHold",
]
