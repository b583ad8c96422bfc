"""Numbers that both the database's rules and the Python code use, each defined here only.

`serving.db.install_rules` writes them into the SQL of `serving/db/rules`.
"""

from __future__ import annotations

LEAST_REASONS = 20
"""The least characters of reasons for every decision and answer."""
LEAST_DONE = 10
"""The least characters of the action taken on an acute entry."""
APPROVAL_DAYS = 90
"""The number of days after which an approval expires."""
OWN_REVIEW_DAYS = 90
"""For how many days a reader who recorded a view may open the case, even if another has it now."""
DEPUTY_AFTER_WORKING_DAYS = 2
"""The number of working days after which an unread case is open to the deputy too."""
SESSION_HOURS = 8
"""The hours after which a session expires."""
COOKIE_HOURS = 24
"""The hours a cookie is valid, longer than a session, so that a draft finds its writer."""
SECOND_READ_OF_RANDOM = 0.2
"""The share of randomly drawn cases that is read again, where the first view was not "too low"."""
SECOND_READ_OF_FLAGGED = 0.05
"""The share of flagged cases that a second reader reads, for any conclusion."""
SECOND_READ_DUE_DAYS = 14
"""The number of days in which a second reading is due."""
REPEAT_READ_AFTER_DAYS = 182
"""The days after which a reader can be asked to read a concluded case once more: half a year."""
REPEAT_READ_UNTIL_DAYS = 365
"""The days after which a concluded case is too old to be read once more."""
REPEAT_READ_EVERY_DAYS = 91
"""The least number of days between two repeat readings of one reader: one a quarter."""
REPEAT_READ_DUE_DAYS = 14
"""The number of days in which a repeat reading is due."""
REPEAT_READ_DAYS = 28
"""The days in which a case can be read again; until then its first review is closed."""
SECOND_READ_DAYS = 28
"""The days in which a second reader can read the case; until then the conclusion is hidden."""
