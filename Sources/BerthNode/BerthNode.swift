// BerthNode: see docs/architecture.md.
