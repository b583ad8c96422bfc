"""Makes a made-up caseload in the same tables as a real one; it proves plumbing, never accuracy.

Proves plumbing, never accuracy.
"""

from features.synthetic.caseload import CaseloadSummary, Parameters, synthesise_extract
from features.synthetic.page import describe_caseload
from features.synthetic.scenarios import SCENARIOS

__all__ = ["SCENARIOS", "CaseloadSummary", "Parameters", "describe_caseload", "synthesise_extract"]
