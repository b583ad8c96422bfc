"""OASys, declared: its sets, sections, questions and answers, and whom it marks as limited.

Source: the tables and the question bank of OASys in public HMPPS repositories
(offender-assessments-api, MIT).
"""

from features.sources.mapping import Mapping
from features.sources.oasys import assessments, limits, plans

SYSTEM = "oasys"
MAPPINGS: tuple[Mapping, ...] = (*limits.MAPPINGS, *assessments.MAPPINGS, *plans.MAPPINGS)
"""Every mapping of OASys."""
