"""What `import mfact` gives: functions that take options by name, and speak of arguments."""
