"""The made-up caseload, in the same contracts as the real one. Proves plumbing, never accuracy."""

from features.synthetic.caseload import CaseloadSummary, Parameters, synthesise
from features.synthetic.page import describe
from features.synthetic.scenarios import SCENARIOS

__all__ = ["SCENARIOS", "CaseloadSummary", "Parameters", "describe", "synthesise"]
