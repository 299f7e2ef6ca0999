"""What everything else leans on: memory, threads, files, plain words."""
