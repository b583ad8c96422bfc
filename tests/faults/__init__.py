"""What attackers and accidents do to the files and the database, and what happens then."""
