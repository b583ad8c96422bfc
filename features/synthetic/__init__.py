"""The made-up caseload, in the same contracts as the real one. Proves plumbing, never accuracy."""

from features.synthetic.caseload import CaseloadSummary, Parameters, synthesise_extract
from features.synthetic.page import describe_caseload
from features.synthetic.scenarios import SCENARIOS

__all__ = ["SCENARIOS", "CaseloadSummary", "Parameters", "describe_caseload", "synthesise_extract"]
