"""Numbers that both the database's rules and the Python code use, each defined here only.

`serving.db.install_rules` writes them into the SQL of `serving/db/rules`.
"""

from __future__ import annotations

LEAST_REASONS = 20
"""Characters of reasons, with anything that decides or answers."""
LEAST_DONE = 10
"""Characters of what was done about an acute entry."""
APPROVAL_DAYS = 90
"""After so many days an approval ends, if it was not withdrawn before."""
OWN_REVIEW_DAYS = 90
"""So long a reader who recorded a view may look at the case, whoever holds it now."""
DEPUTY_AFTER_WORKING_DAYS = 2
"""A deputy may read what nobody of the unit began within so many working days."""
SESSION_HOURS = 8
"""So long a session lasts."""
COOKIE_HOURS = 24
"""The cookie outlives the session, so that what was typed when it ran out finds its writer."""
SECOND_READ_OF_RANDOM = 0.2
"""The share of randomly drawn cases that is read again, where the first view was not "too low"."""
SECOND_READ_OF_FLAGGED = 0.05
"""The share of flagged cases that is read again, whatever was concluded."""
SECOND_READ_DUE_DAYS = 14
"""A second reading is due after so many days."""
SECOND_READ_DAYS = 28
"""So long a second reader may read the case; until then the first conclusion is hidden."""
