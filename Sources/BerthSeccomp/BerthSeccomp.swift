// BerthSeccomp: see docs/architecture.md.
