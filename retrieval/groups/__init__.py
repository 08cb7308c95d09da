"""Groups of users who buy alike."""
