"""The worker's process, and the queue of requests to it."""
