"""The write path's promise: gapless shards, exactly one receipt, and nothing half done, whatever happens."""
