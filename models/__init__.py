"""What we know (canonical records, statuses) and how we keep it (tables, repositories)."""
