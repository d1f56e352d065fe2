"""Findings → RestorePlan → Outcome: puts the pinned vendor wheels back, as one transaction."""
