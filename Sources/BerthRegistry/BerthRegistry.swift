// BerthRegistry: see docs/architecture.md.
