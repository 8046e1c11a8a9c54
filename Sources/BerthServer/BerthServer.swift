// BerthServer: see docs/architecture.md.
