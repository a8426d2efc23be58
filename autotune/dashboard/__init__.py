"""Studies in optuna-dashboard: shown live, on loopback, and never changed."""
