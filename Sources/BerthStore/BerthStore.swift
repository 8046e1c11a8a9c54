// BerthStore: see docs/architecture.md.
