"""How often the ready-made canary plan stops a rollout, simulated: good ones by mistake, bad ones rightly.

    python -m bench.stopping                    10,000 rollouts a case, some minutes on two cores
    python -m bench.stopping --rollouts 500

Writes docs/img/stopping.svg and the tables between the marks of docs/rollout-judgement.md.
"""
