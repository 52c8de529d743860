"""What all verbs stand on: options, files, jobs, progress, metrics, what a result was measured on."""
