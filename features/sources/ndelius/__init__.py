"""NDelius, declared: which of its tables and columns become which records.

Source: the table descriptions of NDelius in public HMPPS repositories (community-api, MIT).
"""

from features.sources.mapping import Mapping
from features.sources.ndelius import (
    circumstances,
    conditions,
    contact_events,
    contact_links,
    contacts,
    decisions,
    drug_tests,
    enquiries,
    links,
    offences,
    people,
    predictors,
    remands,
    stays,
    supervisions,
)

SYSTEM = "ndelius"
MAPPINGS: tuple[Mapping, ...] = (
    *people.MAPPINGS,
    *contacts.MAPPINGS,
    *supervisions.MAPPINGS,
    *remands.MAPPINGS,
    *stays.MAPPINGS,
    *conditions.MAPPINGS,
    *decisions.MAPPINGS,
    *offences.MAPPINGS,
    *predictors.MAPPINGS,
    *circumstances.MAPPINGS,
    *enquiries.MAPPINGS,
    *contact_events.MAPPINGS,
    *drug_tests.MAPPINGS,
    *links.MAPPINGS,
    *contact_links.MAPPINGS,
)
"""Every mapping of NDelius, limits first."""
