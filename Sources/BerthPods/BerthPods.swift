// BerthPods: see docs/architecture.md.
