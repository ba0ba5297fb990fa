"""The sections of the page, one file a subject. Each function returns a section, or None without numbers for one."""
