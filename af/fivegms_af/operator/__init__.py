"""The operator's listener: what runs, how it is, and everything of every provider."""
