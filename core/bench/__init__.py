"""What the engine's speed is measured with: the lecture's plain way of each job, and pairs timed in
turn."""
