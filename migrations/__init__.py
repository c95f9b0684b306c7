"""Database migrations: one revision per change, each with a downgrade."""
