"""Serving paths: the same turns through engines that are launched and endpoints that are there."""
