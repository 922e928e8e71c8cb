"""What people read: values of the other rooms laid out as tables and bars. Nothing is computed here."""
