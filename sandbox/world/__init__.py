"""What the sandbox remembers: objects, notes about them, its clock, and what happens when."""
