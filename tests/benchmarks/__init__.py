"""The measurements: each still runs, and its floor sends what the product sends."""
