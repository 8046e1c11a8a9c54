// BerthImages: see docs/architecture.md.
