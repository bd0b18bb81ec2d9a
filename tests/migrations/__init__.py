"""The schema: migrated from nothing, back to nothing, twice, by several at once, always equal to the tables."""
