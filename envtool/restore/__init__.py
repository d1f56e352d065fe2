"""Findings → RestorePlan → Report: puts the pinned vendor wheels back, as one transaction."""
