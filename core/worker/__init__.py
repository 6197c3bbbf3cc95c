"""The process that trains for the explorer: requests in, snapshots out."""
