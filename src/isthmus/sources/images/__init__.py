"""Image files and folders of them, in and out."""
