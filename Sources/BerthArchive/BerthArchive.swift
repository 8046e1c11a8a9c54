// BerthArchive: see docs/architecture.md.
