"""NDelius, declared: which of its tables and columns become which records.

Source: the table descriptions of NDelius in public HMPPS repositories (community-api, MIT).
"""

from features.sources.mapping import Mapping
from features.sources.ndelius import (
    circumstances,
    conditions,
    contacts,
    decisions,
    enquiries,
    offences,
    people,
    predictors,
    supervisions,
)

SYSTEM = "ndelius"
MAPPINGS: tuple[Mapping, ...] = (
    *people.MAPPINGS,
    *contacts.MAPPINGS,
    *supervisions.MAPPINGS,
    *conditions.MAPPINGS,
    *decisions.MAPPINGS,
    *offences.MAPPINGS,
    *predictors.MAPPINGS,
    *circumstances.MAPPINGS,
    *enquiries.MAPPINGS,
)
"""Every mapping of NDelius, limits first."""
