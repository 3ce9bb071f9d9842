"""What dilated layers do to the codec."""
