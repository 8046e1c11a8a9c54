// BerthRuntime: see docs/architecture.md.
