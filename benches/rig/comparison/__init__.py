"""Reelgate and its peers on one machine: measures, judges by the targets, draws."""
