"""Programs around the snippets, which call an API as long as they run."""
