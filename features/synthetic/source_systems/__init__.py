"""Writes a made-up caseload as the tables of NDelius, OASys and NOMIS, as each system has them.

What no table of a system can hold is left out; it shares no rule or words with the import.
"""

from features.synthetic.source_systems.writer import write_source_systems

__all__ = ["write_source_systems"]
