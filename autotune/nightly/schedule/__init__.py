"""When nights begin: systemd user timers, cron, launchd."""
