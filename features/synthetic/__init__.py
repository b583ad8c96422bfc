"""The made-up caseload, in the same contracts as the real one. Proves plumbing, never accuracy."""

from features.synthetic.caseload import Parameters, synthesise

__all__ = ["Parameters", "synthesise"]
