"""NOMIS, declared: what happened in prison, from the moment it was shared with probation.

It was shared when a report of the prison was completed on or after that day, or a case note of the
same days was linked to an NDelius contact. Until then a row is counted and becomes no record.

Source: the tables of NOMIS in public HMPPS repositories (prison-api, MIT).
"""

from features.sources.nomis.incidents import MAPPINGS

SYSTEM = "nomis"

__all__ = ["MAPPINGS", "SYSTEM"]
