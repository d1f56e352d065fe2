"""Unpacks wheels and lays them out as they lie in an environment; used by restores and by image builds."""
