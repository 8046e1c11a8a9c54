// BerthClient: see docs/architecture.md.
