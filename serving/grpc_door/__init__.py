"""Speaks the Open Inference Protocol over gRPC and passes each call on to the gateway as HTTP."""
