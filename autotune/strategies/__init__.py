"""Search strategies side by side on measurements that need no engine: recorded and simulated."""
