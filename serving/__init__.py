"""The data plane: router, zygote, agent and one sandboxed process per revision. Knows no Django."""
