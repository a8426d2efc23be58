"""One candidate measured, from launch to stop."""
