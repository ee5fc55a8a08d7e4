"""The 5GMS Application Function: provisioning over M1, service access over M5, the AS over M3."""
