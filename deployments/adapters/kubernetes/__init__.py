"""Serving on a Kubernetes cluster: one workload per revision, and a route with weights in front of an endpoint's two.

What is to be written is made by pure functions (`pods`, `manifests`, `inference`), what was read is judged by pure
functions (`reading`, `drift`); `client` alone speaks to the cluster, and `cluster` and `serverless` put them together.
"""

from deployments.adapters.kubernetes.client import Client
from deployments.adapters.kubernetes.cluster import Cluster
from deployments.adapters.kubernetes.serverless import Serverless
from deployments.targets import Target


def connect(target: Target, store: str) -> Cluster | Serverless:
    """The runtime of an environment on a cluster; `store` is where the artifacts lie. Nothing is asked of it yet."""
    client = Client(target)
    return Serverless(client, target, store) if target.serverless else Cluster(client, target, store)
