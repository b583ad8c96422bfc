"""The suite on other days than today: none of its tests may know the date by itself."""
