"""`bureau verify` is tested with damage done by hand: each kind is found and named, a live service is left in peace."""
