"""One file per engine behind the `Launcher` protocol; installed as ``autotune.launchers``."""
