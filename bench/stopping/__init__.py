"""How often the ready-made canary plan stops a rollout, simulated: good ones by mistake, bad ones rightly.

    python -m bench.stopping                    10,000 rollouts a case, some minutes on two cores
    python -m bench.stopping --rollouts 500
    python -m bench.stopping --part callers     only callers that are not alike, 500 rollouts a case

Writes docs/img/stopping.svg and the tables between the marks of docs/rollout-judgement.md.
"""
