"""What verifiers and prime-rl import for the id `negotiation-verifiers`; installed beside `negotiation_env`."""

from negotiation_env.interop.verifiers import NegotiationHarness, NegotiationTaskset, NegotiationVerifiersEnv

__all__ = ["NegotiationHarness", "NegotiationTaskset", "NegotiationVerifiersEnv"]
