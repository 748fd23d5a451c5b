"""What people look at: pages, plots, sheets, pictures."""
