"""The chaos run: thousands of documents, everything dies in between, and each is there once."""
